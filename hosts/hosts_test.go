package hosts

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// TestDialects looks for "a.b" in lines that not everybody reads alike.
func TestDialects(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"192.0.2.1 x a.b", "glibc glibc with multi off Go Windows"}, // musl needs an end
		{"192.0.2.1 x a.b\n", "glibc glibc with multi off musl Go Windows"},
		{"192.0.2.1 a.b#c", "glibc glibc with multi off musl Go Windows"},
		{"192.0.2.1 A.B\r\n", "glibc glibc with multi off Go Windows"},
		{"192.0.2.1 a.b.\n", "Go"},
		{" 192.0.2.1 a.b\n", "glibc glibc with multi off Go Windows"},
		{" 192.0.2.1 a.b", "Go Windows"},
		{"192.0.2.1\va.b\n", "glibc glibc with multi off musl"},
		{"192.0.2.1 a.b\x00\n", "glibc glibc with multi off"},
		{"127.1 a.b\n", "musl"},
		{"0x7f.0.0.0x1 a.b\n", "musl"},
		{"09.0.0.1 a.b\n", ""},
		{"fe80::1%1 a.b\n", "musl Go Windows"},
		{"2001:db8::1%eth0 a.b\n", "Go Windows"},
		{"\ufeff192.0.2.1 a.b\n", ""},
		{"192.0.2.1 1 2 3 4 5 6 7 8 9 a.b\n", "glibc glibc with multi off musl Go"},
		{"192.0.2.1" + strings.Repeat(" ", 600) + "a.b\n", "glibc glibc with multi off Go Windows"},
		{"#" + strings.Repeat(" ", 510) + "192.0.2.1 a.b\n", "musl"},
		{"#" + strings.Repeat(" ", 64<<10) + "\n192.0.2.1 a.b\n", "glibc glibc with multi off musl Windows"},
	} {
		var got []string
		for _, d := range Dialects() {
			if len(Parse([]byte(c.line)).Lookup(d, "a.b", Any)) > 0 {
				got = append(got, d.Name)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%.60q: %q, want %s", c.line, got, c.want)
		}
	}
}

// TestFamilies asks for addresses that are not the same to all.
func TestFamilies(t *testing.T) {
	f := Parse([]byte("::1 a\n::ffff:192.0.2.1 a b\n192.0.2.2 a\n"))
	for _, c := range []struct {
		d      Dialect
		family Family
		want   string
	}{
		{Glibc(true), Any, "::1 ::ffff:192.0.2.1 192.0.2.2"},
		{Glibc(true), IPv4, "127.0.0.1 192.0.2.1 192.0.2.2"},
		{Glibc(true), IPv6, "::1 ::ffff:192.0.2.1"},
		{Glibc(false), Any, "::1"},
		{Glibc(false), IPv4, "127.0.0.1"},
		{Musl(), IPv4, "192.0.2.2"},
		{Musl(), IPv6, "::1 ::ffff:192.0.2.1"},
		{Go(), Any, "::1 192.0.2.1 192.0.2.2"},
		{Go(), IPv4, "192.0.2.1 192.0.2.2"},
		{Go(), IPv6, "::1"},
	} {
		var got []string
		for _, m := range f.Lookup(c.d, "a", c.family) {
			got = append(got, m.Addr.String())
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s, %d: %q, want %s", c.d.Name, c.family, got, c.want)
		}
	}
}

// TestReverse asks for names of addresses.
func TestReverse(t *testing.T) {
	f := Parse([]byte("::1 six\n192.0.2.1 a b\n192.0.2.1 c\n::ffff:192.0.2.2 d\n192.0.2.3\n192.0.2.3 e\n:: f\n"))
	for _, c := range []struct {
		d          Dialect
		addr, want string
	}{
		{Glibc(true), "192.0.2.1", "2[a b]"},
		{Glibc(true), "127.0.0.1", "1[six]"},
		{Glibc(true), "192.0.2.2", "4[d]"},
		{Glibc(true), "::ffff:192.0.2.1", ""},
		{Glibc(true), "192.0.2.3", ""},
		{Glibc(true), "::", ""},
		{Musl(), "192.0.2.2", "4[d]"},
		{Musl(), "::ffff:192.0.2.1", "2[a b]"},
		{Musl(), "127.0.0.1", ""},
		{Musl(), "::", "7[f]"},
		{Go(), "192.0.2.1", "2[a b]3[c]"},
		{Go(), "192.0.2.2", ""},
		{Go(), "192.0.2.3", "6[e]"},
	} {
		var got strings.Builder
		for _, m := range f.Reverse(c.d, netip.MustParseAddr(c.addr)) {
			got.WriteString(fmt.Sprintf("%d%v", m.Line, m.Names))
			if m.Canonical != "a" && m.Canonical != m.Names[0] || m.Addr.String() != c.addr {
				t.Errorf("%s, %s: %+v", c.d.Name, c.addr, m)
			}
		}
		if got.String() != c.want {
			t.Errorf("%s, %s: %q, want %q", c.d.Name, c.addr, got.String(), c.want)
		}
	}
	if m := f.Reverse(Go(), netip.Addr{}); m != nil {
		t.Errorf("no address: %+v", m)
	}
}

func TestEntries(t *testing.T) {
	f := Parse([]byte("# x\n192.0.2.1 a b # c\n\njunk d\n::1\tE"))
	want := []Entry{
		{2, netip.MustParseAddr("192.0.2.1"), []string{"a", "b"}},
		{5, netip.MustParseAddr("::1"), []string{"E"}},
	}
	got := slices.Collect(f.Entries(Glibc(true)))
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%+v", got)
	}
	for range f.Entries(Go()) {
		break // which must not yield any more
	}
}

// TestShort reads IPv4 addresses as inet_aton does.
func TestShort(t *testing.T) {
	for text, want := range map[string]string{
		"127.1": "127.0.0.1", "1.2.3": "1.2.0.3", "1.2.65535": "1.2.255.255", "16909060": "1.2.3.4", "4294967295": "255.255.255.255",
		"0x7f.0.0.01": "127.0.0.1", "0377.0X10.0.0": "255.16.0.0", "0": "0.0.0.0",
		"1.2.65536": "", "256.1": "", "4294967296": "", "1.2.3.4.5": "", "": "", "1.": "", ".1": "", "1..2": "", "08": "", "0x": "", "-1": "", "+1": "",
		"1_0": "", "0x_1": "", "a": "", "1.2.3.256": "", "99999999999999999999": "",
	} {
		a, ok := ParseShort(text)
		if ok != (want != "") || ok && a.String() != want {
			t.Errorf("%q: %s, %t; want %q", text, a, ok, want)
		}
	}
}

// large is a file of blocked names, as there are lists of.
func large() *File {
	var b strings.Builder
	for i := range 200_000 {
		fmt.Fprintf(&b, "0.0.0.0 ads%d.example.com www.ads%d.example.com\n", i, i)
	}
	return Parse([]byte(b.String()))
}

func BenchmarkLookup(b *testing.B) {
	f, d := large(), Glibc(true)
	for b.Loop() {
		if len(f.Lookup(d, "ads199999.example.com", Any)) != 1 {
			b.Fatal("not found")
		}
	}
}

func BenchmarkReverse(b *testing.B) {
	f, d, addr := large(), Glibc(true), netip.MustParseAddr("192.0.2.1")
	for b.Loop() {
		f.Reverse(d, addr)
	}
}

func BenchmarkIndex(b *testing.B) {
	f := large()
	for b.Loop() {
		f.Index(Glibc(true))
	}
}

func BenchmarkIndexLookup(b *testing.B) {
	x := large().Index(Glibc(true))
	for b.Loop() {
		x.Lookup("ads199999.example.com", Any)
	}
}

func BenchmarkLint(b *testing.B) {
	f := large()
	for b.Loop() {
		f.Lint(LintConfig{})
	}
}
