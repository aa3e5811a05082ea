package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func TestParseHost(t *testing.T) {
	long := strings.Repeat("a", 63)
	tests := []struct {
		in   string
		addr string // "" is a name
		host string
	}{
		{"192.0.2.1", "192.0.2.1", ""}, {"0.0.0.0", "0.0.0.0", ""}, {"::1", "::1", ""}, {"[::1]", "::1", ""},
		{"fe80::1%eth0", "fe80::1%eth0", ""}, {"[fe80::1%br-lan]", "fe80::1%br-lan", ""}, {"::ffff:192.0.2.1", "192.0.2.1", ""},
		{"127.1", "127.0.0.1", ""}, {"127.0.1", "127.0.0.1", ""}, {"10.1.65535", "10.1.255.255", ""}, {"1.16777215", "1.255.255.255", ""},
		{"2130706433", "127.0.0.1", ""}, {"0x7f000001", "127.0.0.1", ""}, {"0x7f.1", "127.0.0.1", ""}, {"0", "0.0.0.0", ""},
		{"192.0.2.0xff", "192.0.2.255", ""}, {"１２７.１", "127.0.0.1", ""},
		{"example.com", "", "example.com"}, {"example.com.", "", "example.com."}, {"localhost", "", "localhost"},
		{"my_host", "", "my_host"}, {"a-1.b2", "", "a-1.b2"}, {"1e100.net", "", "1e100.net"}, {"0xyz", "", "0xyz"},
		{"bücher.example", "", "xn--bcher-kva.example"}, {"BÜCHER.example", "", "xn--bcher-kva.example"}, {"例え.テスト", "", "xn--r8jz45g.xn--zckzah"},
		{long + "." + long + "." + long + "." + long[:61], "", long + "." + long + "." + long + "." + long[:61]},
	}
	for _, tt := range tests {
		got, err := parseHost(tt.in)
		want := Target{Text: tt.in, Name: tt.addr == "", Host: tt.host}
		if tt.addr != "" {
			want.Addr = netip.MustParseAddr(tt.addr)
		}
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", tt.in, got, err, want)
		}
	}
}

func TestParseHostErrors(t *testing.T) {
	long := strings.Repeat("a", 64)
	tests := []struct{ in, want, hint string }{
		{"300.1.2.3", "not an IPv4 address: 300 is above 255", ""},
		{"1.2.3.256", "not an IPv4 address: 256 is above 255", ""},
		{"1.2.65536", "not an IPv4 address: 65536 is above 65535", ""},
		{"4294967296", "not an IPv4 address: 4294967296 is above 4294967295", ""},
		{"1.2.3.4.5", "four numbers", ""}, {"1..2", "neither", ""}, {"foo.123", "does not end in a number", ""}, {"192.0.2.1.", "no dot at its end", ""},
		{"010.1.1.1", "octal", "write 10 or 8"}, {"1.2.3.08", "octal", "write 8"}, {"1.2.3.00", "octal", "write 0"},
		{"3", "not a host", "if you mean the address: 0.0.0.3"},
		{"[192.0.2.1]", "brackets", ""}, {"[example.com]", "brackets", ""}, {"[::1", "neither", ""}, {"::1::", "neither", ""},
		{"https://example.com/x", "a URL", "give the host alone: example.com"}, {"example.com:80", "without a port", "give the host alone: example.com"},
		{"", "not a host", ""}, {".", "not a host", ""}, {"a..b", "between two of its dots", ""}, {".a", "between two", ""},
		{"-a.b", "hyphen", ""}, {"a-.b", "hyphen", ""}, {long, "longer than 63", ""}, {strings.Repeat("a.", 128), "longer than 253", ""},
		{"a b", "character ' '", ""}, {"a\x1b", `character '\x1b'`, ""}, {"a\xff", "characters", ""}, {"user@host", "character '@'", ""}, {"*", "character '*'", ""},
		{"a\u200bb.example", "", ""}, {"fe80::1%", "neither", ""},
	}
	for _, tt := range tests {
		got, err := parseHost(tt.in)
		if tt.in == "a\u200bb.example" { // IDNA drops what cannot be seen
			if err == nil && got.Host != "ab.example" {
				t.Errorf("%q: host %q", tt.in, got.Host)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: error %v, want one with %q", tt.in, err, tt.want)
		} else if hints := strings.Join(hintsOf(err), "\n"); hints != tt.hint {
			t.Errorf("%q: hint %q, want %q", tt.in, hints, tt.hint)
		}
	}
}

func TestExpressions(t *testing.T) {
	tests := []struct {
		in          string
		first, last string
		count       uint64
	}{
		{"192.0.2.0/24", "192.0.2.1", "192.0.2.254", 254},
		{"192.0.2.77/24", "192.0.2.1", "192.0.2.254", 254}, // host bits do not matter
		{"192.0.2.0/30", "192.0.2.1", "192.0.2.2", 2},
		{"192.0.2.0/31", "192.0.2.0", "192.0.2.1", 2},
		{"192.0.2.9/32", "192.0.2.9", "192.0.2.9", 1},
		{"10.0.0.0/12", "10.0.0.1", "10.15.255.254", 1<<20 - 2},
		{"0.0.0.0/0", "0.0.0.1", "255.255.255.254", 1<<32 - 2},
		{"2001:db8::/126", "2001:db8::", "2001:db8::3", 4},
		{"2001:db8::5/64", "2001:db8::", "2001:db8::ffff:ffff:ffff:ffff", math.MaxUint64},
		{"::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", math.MaxUint64},
		{"fe80::1%eth0/127", "fe80::%eth0", "fe80::1%eth0", 2},
		{"192.0.2.1-192.0.2.40", "192.0.2.1", "192.0.2.40", 40},
		{"192.0.2.1-40", "192.0.2.1", "192.0.2.40", 40},
		{"192.0.2.0-255", "192.0.2.0", "192.0.2.255", 256},
		{"192.0.1.255-192.0.2.0", "192.0.1.255", "192.0.2.0", 2},
		{"255.255.255.254-255.255.255.255", "255.255.255.254", "255.255.255.255", 2},
		{"2001:db8::ffff-2001:db8::1:1", "2001:db8::ffff", "2001:db8::1:1", 3},
		{"[2001:db8::1]-[2001:db8::2]", "2001:db8::1", "2001:db8::2", 2},
		{"fe80::1%eth0-fe80::3", "fe80::1%eth0", "fe80::3%eth0", 3},
		{"fe80::1%br-lan-fe80::3%br-lan", "fe80::1%br-lan", "fe80::3%br-lan", 3},
		{"192.0.2.1-192.0.2.1", "192.0.2.1", "192.0.2.1", 1},
	}
	for _, tt := range tests {
		e, err := parseExpression(tt.in)
		if err != nil || e.first.String() != tt.first || e.last.String() != tt.last || e.count() != tt.count {
			t.Errorf("%s: %v to %v, %d (%v); want %s to %s, %d", tt.in, e.first, e.last, e.count(), err, tt.first, tt.last, tt.count)
		}
	}
	for _, name := range []string{"my-host.example.com", "10.0.0.1-static.example.net", "example.com", "fe80::1%br-lan", "fe80::1%eth-5"} {
		e, err := parseExpression(name)
		if err != nil || e.host.Text != name || e.count() != 1 {
			t.Errorf("%s: %+v, %v; want one host", name, e, err)
		}
	}
}

func TestExpressionErrors(t *testing.T) {
	tests := []struct{ in, want string }{
		{"192.0.2.0/33", "the length of its prefix is 0 to 32"}, {"2001:db8::/129", "0 to 128"}, {"192.0.2.0/", "0 to 32"},
		{"192.0.2.0/-1", "0 to 32"}, {"192.0.2.0/024", "0 to 32"}, {"192.0.2.0/255.255.255.0", "0 to 32"},
		{"example.com/24", "example.com is not an address"}, {"10/8", "10 is not an address"}, {"/24", "is not an address"},
		{"192.0.2.40-192.0.2.1", "backwards"}, {"192.0.2.40-1", "backwards"}, {"2001:db8::2-2001:db8::1", "backwards"},
		{"192.0.2.1-2001:db8::1", "one end is IPv4"}, {"::1-127.0.0.1", "one end is IPv4"},
		{"192.0.2.1-256", "cannot end at"}, {"192.0.2.1-", "cannot end at"}, {"192.0.2.1-040", "cannot end at"}, {"::1-5", "cannot end at"},
		{"192.0.2.1-192.0.2.300", "cannot end at"}, {"fe80::1%eth0-fe80::2%eth1", "different zones"},
		{"http://192.0.2.1/", "a URL"},
	}
	for _, tt := range tests {
		if e, err := parseExpression(tt.in); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %+v, error %v, want one with %q", tt.in, e, err, tt.want)
		}
	}
}

// collected returns the texts of all targets, and of errors with a "!" before them.
func collected(l *targetList) []string {
	var got []string
	for target, err := range l.all() {
		if err != nil {
			got = append(got, fmt.Sprintf("!%s: %v", target.Text, err))
			continue
		}
		got = append(got, target.Text)
	}
	return got
}

func TestTargetsOfAFile(t *testing.T) {
	tests := []struct {
		name, in string
		want     []string
	}{
		{"empty", "", nil},
		{"lines", "a\nb\n", []string{"a", "b"}},
		{"no newline at the end", "a\nb", []string{"a", "b"}},
		{"CRLF and tabs", "a\tb \r\nc\r\n", []string{"a", "b", "c"}},
		{"byte order mark", "\ufeffa\n", []string{"a"}},
		{"comments", "# all\na # b\n  #\nc#d\n", []string{"a", "c"}},
		{"ranges", "192.0.2.0/30 192.0.2.9-10\n", []string{"192.0.2.1", "192.0.2.2", "192.0.2.9", "192.0.2.10"}},
		{"errors do not end it", "a..b\nc 1.2.3.4.5 d", []string{"!a..b: standard input:1: a..b: not a name: there is nothing between two of its dots",
			"c", "!1.2.3.4.5: standard input:2: 1.2.3.4.5: not an IPv4 address, which has four numbers at most", "d"}},
		{"a line too long", "a\n" + strings.Repeat("x", 3*longestLine) + "\nb\n", []string{"a",
			"!standard input:2: standard input:2: the line is longer than 65536 bytes", "b"}},
		{"the last line too long", strings.Repeat("x ", longestLine), []string{"!standard input:1: standard input:1: the line is longer than 65536 bytes"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, err := newTargetList(nil, "-", strings.NewReader(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, collected(l)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestFileThatBreaks(t *testing.T) {
	broken := errors.New("the disk is gone")
	l, err := newTargetList([]string{"x"}, "-", io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(broken)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"x", "a", "!standard input: standard input: the disk is gone"}, collected(l)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestOneTarget(t *testing.T) {
	tests := []struct {
		args string
		file string
		want bool
	}{
		{"a", "", true}, {"192.0.2.1/32", "", true}, {"192.0.2.1-1", "", true}, {"a b", "", false}, {"192.0.2.0/31", "", false},
		{"a", "-", false}, {"", "-", false},
	}
	for _, tt := range tests {
		l, err := newTargetList(strings.Fields(tt.args), tt.file, strings.NewReader(""))
		if err != nil || l.one() != tt.want {
			t.Errorf("%s with file %q: %v, want %t", tt.args, tt.file, err, tt.want)
		}
	}
}

// TestTargetsStream walks a million addresses, and the beginning of an IPv6 /64, and asks
// for as little memory for many as for few.
func TestTargetsStream(t *testing.T) {
	walk := func(limit int) (bytes uint64) {
		l, err := newTargetList([]string{"10.0.0.0/12", "2001:db8::/64"}, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		n := 0
		for target, err := range l.all() {
			if err != nil || !target.Addr.IsValid() {
				t.Fatal(target, err)
			}
			if n++; n == limit {
				break
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		if n != limit {
			t.Errorf("%d targets, want %d", n, limit)
		}
		return max(after.HeapAlloc, before.HeapAlloc) - before.HeapAlloc
	}
	walk(1)
	if grown := walk(1<<20 + 1000); grown > 64<<10 {
		t.Errorf("after a million targets %d bytes more are held", grown)
	}
}

// TestBreakEndsEverything leaves the loop at each place where it can be.
func TestBreakEndsEverything(t *testing.T) {
	in := "a..b c 192.0.2.0/29\n" + strings.Repeat("x", 2*longestLine) + "\nd\n"
	for stop := range 12 {
		l, err := newTargetList([]string{"192.0.2.1", "e"}, "-", strings.NewReader(in))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for range l.all() {
			if n == stop {
				break
			}
			n++
		}
		if n != stop {
			t.Errorf("there were %d targets, want to leave at %d", n, stop)
		}
	}
}

func FuzzTargets(f *testing.F) {
	for _, s := range []string{"192.0.2.0/24", "192.0.2.1-40", "fe80::1%eth0", "[::1]", "127.1", "010.1.1.1", "bücher.example", "a-b", "::/0", "1.2.3.4-::1", "0x", "%", "-", "/", "1-2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e, err := parseExpression(s)
		if err != nil {
			if err.Error() == "" {
				t.Fatalf("%q: an error without words", s)
			}
			return
		}
		if e.count() == 0 {
			t.Fatalf("%q has no target", s)
		}
		if e.first.IsValid() && (e.last.Less(e.first) || e.first.Is4() != e.last.Is4() || e.first.Zone() != e.last.Zone()) {
			t.Fatalf("%q runs from %v to %v", s, e.first, e.last)
		}
		n := uint64(0)
		for target := range e.all() {
			if target.Name == target.Addr.IsValid() || target.Addr.Is4In6() || target.Name != (target.Host != "") {
				t.Fatalf("%q has the target %+v", s, target)
			}
			if strings.IndexFunc(target.Host, func(r rune) bool { return r <= ' ' || r >= 0x7f }) >= 0 {
				t.Fatalf("%q is looked up as %q", s, target.Host)
			}
			if again, err := parseHost(target.Text); err != nil || again.Addr != target.Addr {
				t.Fatalf("%q has the target %q, which reads as %+v, %v", s, target.Text, again, err)
			}
			if n++; n == 1000 {
				break
			}
		}
		if n != min(1000, e.count()) {
			t.Fatalf("%q counts %d and has %d", s, e.count(), n)
		}
	})
}

func FuzzTargetFile(f *testing.F) {
	f.Add("a b\n# c\r\n192.0.2.0/30")
	f.Add("\ufeff\x00\n\n")
	f.Fuzz(func(t *testing.T, s string) {
		l := &targetList{file: "-", in: strings.NewReader(s)}
		n := 0
		for target, err := range l.all() {
			if target.Text == "" {
				t.Fatalf("a target without text: %v", err)
			}
			if n++; n == 1000 {
				break
			}
		}
	})
}
