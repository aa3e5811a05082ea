package hosts

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// expected is what getent should print for a name.
func expected(f *File, d Dialect, database, name string) found {
	var matches []Match
	switch database {
	case "ahosts":
		matches = f.Lookup(d, name, Any)
	case "ahostsv4":
		matches = f.Lookup(d, name, IPv4)
	case "ahostsv6":
		if matches = f.Lookup(d, name, IPv6); len(matches) == 0 {
			// getent asks for IPv4-mapped addresses where there is no other ...
			matches = f.Lookup(d, name, IPv4)
			for i, m := range matches {
				matches[i].Addr = netip.AddrFrom16(m.Addr.As16())
			}
			break
		}
		// ... and getaddrinfo then leaves them away where there is one.
		matches = slices.DeleteFunc(matches, func(m Match) bool { return m.Addr.Is4In6() })
	}
	if len(matches) == 0 {
		return found{}
	}
	return found{addrsOf(matches), matches[0].Canonical}
}

// compare looks names up in a file by getent, and by us: all at once, and the first one by "getent hosts" as well.
func (o *oracle) compare(t *testing.T, hosts []byte, names []string, addrs []netip.Addr) {
	t.Helper()
	f := Parse(hosts)
	names = slices.DeleteFunc(slices.Clone(names), func(n string) bool {
		_, addr := numeric(n) // which getaddrinfo does not look up
		return addr || n == ""
	})
	for _, multi := range []bool{true, false} {
		d := Glibc(multi)
		x := f.Index(d)
		for database := range marks {
			for i, got := range o.ahosts(hosts, multi, database, names) {
				want := expected(f, d, database, names[i])
				// getaddrinfo sorts them (RFC 6724).
				if !slices.Equal(plain(got.addrs), plain(want.addrs)) || got.canonical != want.canonical {
					t.Errorf("%s %q, multi %t, in\n%q\ngetent %v\nours   %v", database, names[i], multi, hosts, got, want)
				}
			}
		}
		for _, n := range names {
			for _, family := range []Family{Any, IPv4, IPv6} {
				if got := x.Lookup(n, family); !reflect.DeepEqual(got, f.Lookup(d, n, family)) {
					t.Errorf("Index.Lookup(%q, %d) in\n%q\n%v", n, family, hosts, got)
				}
			}
		}
		for _, n := range names[:min(1, len(names))] {
			o.compareHosts(t, hosts, d, n)
		}
		o.compareReverse(t, hosts, d, addrs)
	}
}

// compareHosts compares "getent hosts" for a name, which prefers IPv6 and has all names.
func (o *oracle) compareHosts(t *testing.T, hosts []byte, d Dialect, name string) {
	t.Helper()
	f := Parse(hosts)
	matches := f.Lookup(d, name, IPv6)
	if len(matches) == 0 {
		matches = f.Lookup(d, name, IPv4)
	}
	var aliases []string // of all lines; a canonical name of a later line is an alias
	for i, m := range matches {
		aliases = append(aliases, m.Names[1:]...)
		if i > 0 && m.Names[0] != m.Canonical {
			aliases = append(aliases, m.Names[0])
		}
	}
	got := o.hosts(hosts, d.Multi, name)
	var addrs, want []netip.Addr
	for _, l := range got {
		addrs = append(addrs, netip.MustParseAddr(l[0]))
	}
	for _, m := range matches {
		want = append(want, m.Addr)
	}
	if !slices.Equal(addrs, want) {
		t.Errorf("getent hosts %q in\n%q\n%v, ours %v", name, hosts, addrs, want)
		return
	}
	for _, l := range got {
		if l[1] != matches[0].Canonical || !slices.Equal(l[2:], aliases) {
			t.Errorf("getent hosts %q in\n%q\n%q, ours %q %q", name, hosts, l, matches[0].Canonical, aliases)
		}
	}
}

// compareReverse compares "getent hosts" for addresses.
func (o *oracle) compareReverse(t *testing.T, hosts []byte, d Dialect, addrs []netip.Addr) {
	t.Helper()
	f := Parse(hosts)
	x := f.Index(d)
	var keys []string
	for _, a := range addrs {
		keys = append(keys, a.String())
	}
	names := make(map[string][]string)
	for _, l := range o.hosts(hosts, d.Multi, keys...) {
		names[l[0]] = l[1:]
	}
	for _, a := range addrs {
		var want []string
		for _, m := range f.Reverse(d, a) {
			want = append(want, m.Names...)
		}
		if got := names[a.String()]; !slices.Equal(got, want) {
			t.Errorf("getent hosts %s in\n%q\n%q, ours %q", a, hosts, got, want)
		}
		if got := x.Reverse(a); !reflect.DeepEqual(got, f.Reverse(d, a)) {
			t.Errorf("Index.Reverse(%s) in\n%q\n%v", a, hosts, got)
		}
	}
}

// traps are hosts files that resolvers do not read alike, with names to look for.
var traps = map[string]struct{ hosts, names string }{
	"comments":           {"10.0.0.1 a # b\n10.0.0.2 hash#tag.example\n#10.0.0.3 c\n10.0.0.4#d\n", "a b hash hash#tag.example c d #tag.example"},
	"blanks":             {" 10.0.0.1 a\n\t10.0.0.2\tb\n10.0.0.3  \t c\t\n10.0.0.4 d\x0bd1\x0cd2\rd3\n", "a b c d d1 d2 d3"},
	"CRLF":               {"10.0.0.1 a\r\n10.0.0.2 b b2\r\n\r\n10.0.0.3 c", "a b b2 c"},
	"no final newline":   {"10.0.0.1 a\n10.0.0.2 b", "a b"},
	"indented last line": {"10.0.0.1 a\n   10.0.0.2 b bb", "a b bb bbbb bbbbb"},
	"indented NUL":       {"\t10.0.0.1 a\x00 b\n          ::2 c\x00\n   10.0.0.2#\x00\n  #\x00 10.0.0.2 d\n", "a aa b c"},
	"BOM":                {"\ufeff10.0.0.1 a\n10.0.0.2 b\n", "a b"},
	"NUL":                {"10.0.0.1 a\x00b c\n\x0010.0.0.2 d\n10.0.0.3\x00 e\n10.0.0.4 f\x00#g\n10.0.0.5 h\n", "a b c d e f g h"},
	"long line": {"10.0.0.1 first" + strings.Repeat(" name-with-some-length", 1500) + " last\n10.0.0.2 b\n",
		"first name-with-some-length last b"},
	"very long line":     {"10.0.0.1 a\n10.0.0.2" + strings.Repeat(" name", 14000) + " z\n10.0.0.3 c\n", "a z c"},
	"cut lines":          {strings.Repeat("#", 511) + "10.0.0.1 a\n10.0.0.2" + strings.Repeat(" name", 100) + " 10.0.0.3 b\n" + strings.Repeat(" ", 511) + "10.0.0.4 c\n", "a b c"},
	"sixty addresses":    {strings.Repeat("10.0.0.1 a\n::2 a\n", 30), "a"},
	"thousands of names": {thousand("10.0.0.1 ", " "), "n0 n1 n999 n1999 n2000"},
	"thousands of lines": {thousand("", "\n10.0.0.2 "), "n1 n999 n1999 n2000"},
	"short addresses": {"127.1 a\n010.0.0.1 b\n0x7f000001 c\n2130706433 d\n10.0.0 e\n10.0.0.256 f\n10.0.0.1. g\n10.0.0.01 h\n00.0.0.0 i\n",
		"a b c d e f g h i"},
	"no addresses": {"10.0.0.1,10.0.0.2 a\n10.0.0.1/8 b\n[::1] c\nlocalhost d\n:::1 e\n1::2::3 f\n1:2:3:4:5:6:7 g\n12345:: h\n1:2:3:4:5:6:7:8:9 i\n::10.0.0.256 j\n1:2:3:4:5:6:7:: k\n::1.2.3.4 l\n",
		"a b c d e f g h i j k l"},
	"zones":          {"fe80::1%eth0 a\nfe80::1%1 b\nfe80::1% c\n::1%lo d\nfe80::2 e\n", "a b c d e"},
	"mapped":         {"::ffff:10.0.0.9 a\n10.0.0.9 a b\n::ffff:a00:8 b\n::10.0.0.7 c\n", "a b c"},
	"localhost":      {"127.0.0.1 localhost\n::1 localhost ip6-localhost\n::1 six\n", "localhost ip6-localhost LOCALHOST localhost. six foo.localhost"},
	"case":           {"10.0.0.1 Mixed.Example UPPER\n10.0.0.2 mixed.example\n", "mixed.example MIXED.EXAMPLE upper Upper"},
	"dots":           {"10.0.0.1 dotted.example. plain.example one\n", "dotted.example dotted.example. plain.example plain.example. one one."},
	"wildcards, IDN": {"10.0.0.1 *.wild.example münchen.example m\xfcnchen.example\n", "*.wild.example x.wild.example münchen.example MÜNCHEN.example m\xfcnchen.example xn--mnchen-3ya.example"},
	"several lines":  {"10.0.0.1 a\n10.0.0.2 a\n::2 a\n10.0.0.1 a\n::3 a b\n10.0.0.3 b\n", "a b"},
	"canonical":      {"::2 six canon6 a\n10.0.0.12 canon.example a a2\n10.0.0.13 other a2 a\n", "a a2 canon6 other"},
	"twice":          {"10.0.0.1 a a A b a\n", "a b"},
	"no names":       {"10.0.0.1\n10.0.0.1 a\n10.0.0.2 \n10.0.0.2 b\n", "a b"},
	"unspecified":    {":: a\n0.0.0.0 b 0.0.0.0\n", "a b"},
	"nothing":        {"", "a localhost"},
}

// thousand returns n0 to n2000.
func thousand(before, between string) string {
	var s strings.Builder
	s.WriteString(before + "n0")
	for i := range 2000 {
		s.WriteString(fmt.Sprint(between, "n", i+1))
	}
	return s.String() + "\n"
}

var trapAddrs = []string{
	"10.0.0.1", "10.0.0.2", "10.0.0.9", "10.0.0.12", "127.0.0.1", "8.0.0.1", "0.0.0.0", "::", "::1", "::2", "::ffff:10.0.0.9", "::ffff:10.0.0.1", "fe80::1", "fe80::2",
}

// TestGetentTraps compares every trap with the GNU C library.
func TestGetentTraps(t *testing.T) {
	o := newOracle(t)
	for name, trap := range traps {
		t.Run(name, func(t *testing.T) {
			names := strings.Fields(trap.names)
			o.compare(t, []byte(trap.hosts), names, parseAddrs(trapAddrs))
			for _, n := range names {
				o.compareHosts(t, []byte(trap.hosts), Glibc(true), n)
			}
		})
	}
}

// TestGetentRandom compares files made of everything that is hard to read.
func TestGetentRandom(t *testing.T) {
	o := newOracle(t)
	r := rand.New(rand.NewPCG(2, 28))
	hits := 0
	for range 100 {
		hosts := randomHosts(r)
		names := pick(r, randomNames, 6)
		addrs := parseAddrs(pick(r, trapAddrs, 3))
		o.compare(t, hosts, names, addrs)
		for _, n := range names {
			hits += len(Parse(hosts).Lookup(Glibc(true), n, Any))
		}
		if t.Failed() {
			return
		}
	}
	if hits < 400 {
		t.Errorf("only %d addresses found: the files do not test much", hits)
	}
}

// What random files are made of.
var (
	randomFields = append([]string{
		"127.1", "010.0.0.1", "10.0.0.256", "fe80::1%lo", "fe80::1%1", "10.0.0.1/8", "1:2:3:4:5:6:7:8", "::10.0.0.9", "x",
	}, trapAddrs...)
	randomNames  = []string{"a", "A", "b", "bB", "c.example", "C.Example", "c.example.", "a.", "ü", "*.c.example", "a\x80", "d-_e"}
	randomBlanks = []string{" ", " ", " ", "\t", "  ", "\t \t", "\r", "\x0b", "\x0c"}
	randomEnds   = []string{"\n", "\n", "\n", "\n", "\r\n", " \n", "# b\n", " # a b\n", "\x00 c.example\n", "\n\n", " #\x00 a\n", "#" + strings.Repeat("x", 600) + "\n"}
	randomStarts = []string{"", "", "", "", "", "", " ", "\t", "#", "\x00", "\ufeff", "\r"}
)

func pick(r *rand.Rand, from []string, n int) []string {
	var picked []string
	for _, i := range r.Perm(len(from))[:n] {
		picked = append(picked, from[i])
	}
	return picked
}

func one(r *rand.Rand, from []string) string { return from[r.IntN(len(from))] }

func randomHosts(r *rand.Rand) []byte {
	var b strings.Builder
	for range 1 + r.IntN(20) {
		b.WriteString(one(r, randomStarts) + one(r, randomFields))
		for range r.IntN(5) {
			b.WriteString(one(r, randomBlanks) + one(r, randomNames))
		}
		b.WriteString(one(r, randomEnds))
	}
	s := b.String()
	if r.IntN(4) == 0 {
		s = strings.TrimRight(s, "\n")
	}
	return []byte(s)
}
