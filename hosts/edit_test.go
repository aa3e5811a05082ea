package hosts

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
)

var additions = map[string]struct {
	before, addr, names, after string // after "" is no change
}{
	"empty file":       {"", "192.0.2.1", "a b", "192.0.2.1\ta b\n"},
	"end of file":      {"127.0.0.1 localhost\n", "192.0.2.1", "a", "127.0.0.1 localhost\n192.0.2.1\ta\n"},
	"no final newline": {"127.0.0.1 localhost", "2001:db8::1", "a", "127.0.0.1 localhost\n2001:db8::1\ta\n"},
	"CRLF":             {"127.0.0.1 localhost\r\n", "192.0.2.1", "a", "127.0.0.1 localhost\r\n192.0.2.1\ta\r\n"},
	"CRLF, unended":    {"# x\r\n127.0.0.1 localhost", "192.0.2.1", "a", "# x\r\n127.0.0.1 localhost\r\n192.0.2.1\ta\r\n"},
	"known":            {"192.0.2.1 x A # b\n", "192.0.2.1", "a X", ""},
	"partly known":     {"192.0.2.1 x\n192.0.2.1 a\n", "192.0.2.1", "a b x", "192.0.2.1 x\n192.0.2.1 a\n192.0.2.1\tb\n"},
	"other address":    {"192.0.2.2 a\n", "192.0.2.1", "a", "192.0.2.2 a\n192.0.2.1\ta\n"},
	"only musl":        {"192.0.513 a\n", "192.0.2.1", "a", "192.0.513 a\n192.0.2.1\ta\n"},
	"commented":        {"#192.0.2.1 a\n192.0.2.1 #a\n", "192.0.2.1", "a", "#192.0.2.1 a\n192.0.2.1 #a\n192.0.2.1\ta\n"},
	"twice":            {"", "192.0.2.1", "a b A a", "192.0.2.1\ta b\n"},
	"spelling":         {"", "192.0.2.1", "Web_1.Example x--y 1a", "192.0.2.1\tWeb_1.Example x--y 1a\n"},
	"mapped":           {"192.0.2.1 a\n", "::ffff:192.0.2.1", "a", "192.0.2.1 a\n::ffff:192.0.2.1\ta\n"},
}

func TestAdd(t *testing.T) {
	for name, c := range additions {
		f := Parse([]byte(c.before))
		changed, err := f.Add(netip.MustParseAddr(c.addr), strings.Fields(c.names)...)
		want := c.after
		if want == "" {
			want = c.before
		}
		if err != nil || changed != (c.after != "") || string(f.Bytes()) != want {
			t.Errorf("%s: %t, %v, %q", name, changed, err, f.Bytes())
		}
	}
}

// TestAddMany adds more names than musl reads in a line.
func TestAddMany(t *testing.T) {
	f := Parse(nil)
	var names []string
	for i := range 30 {
		names = append(names, strings.Repeat("a", 60)+"."+strings.Repeat("b", i+1)+".example")
	}
	if _, err := f.Add(netip.MustParseAddr("2001:db8:1111:2222:3333:4444:5555:6666"), names...); err != nil {
		t.Fatal(err)
	}
	for _, d := range Dialects() {
		for _, n := range names {
			if len(f.Lookup(d, n, Any)) != 1 {
				t.Errorf("%s does not find %s", d.Name, n)
			}
		}
	}
	if findings := f.Lint(LintConfig{Sources: []string{"files", "myhostname"}}); len(findings) != 1 || findings[0].Kind != KindReverse {
		t.Errorf("%+v", findings)
	}
}

func TestAddRefuses(t *testing.T) {
	addr := netip.MustParseAddr("192.0.2.1")
	for _, c := range []struct {
		addr netip.Addr
		name string
		want error
	}{
		{addr, "", ErrEmptyName},
		{addr, ".", ErrEmptyName},
		{addr, "a..b", ErrEmptyName},
		{addr, ".a", ErrEmptyName},
		{addr, "a.", ErrTrailingDot},
		{addr, "*.example", ErrWildcard},
		{addr, "münchen.example", ErrNotASCII},
		{addr, "\xff", ErrNotASCII},
		{addr, "a b", ErrBadCharacter},
		{addr, "a\n192.0.2.2", ErrBadCharacter},
		{addr, "a#b", ErrBadCharacter},
		{addr, "a\x00", ErrBadCharacter},
		{addr, "a:80", ErrBadCharacter},
		{addr, "-a", ErrBadCharacter},
		{addr, "a-.b", ErrBadCharacter},
		{addr, "192.0.2.2", ErrAddrAsName},
		{addr, "::1", ErrAddrAsName},
		{addr, "127.1", ErrAddrAsName},
		{addr, "0x7f.1", ErrAddrAsName},
		{addr, "123", ErrAddrAsName},
		{addr, "300.1.2.3", ErrNumbers},
		{addr, strings.Repeat("a", 64), ErrLongName},
		{addr, strings.Repeat("a.", 127) + "a", ErrLongName},
		{netip.Addr{}, "a", ErrNoAddr},
		{netip.MustParseAddr("fe80::1%eth0"), "a", ErrZone},
	} {
		f := Parse([]byte("x"))
		changed, err := f.Add(c.addr, "good", c.name)
		if !errors.Is(err, c.want) || changed || string(f.Bytes()) != "x" {
			t.Errorf("%s %q: %v, want %v; %q", c.addr, c.name, err, c.want, f.Bytes())
		}
		if _, ok := errors.AsType[*NameError](err); ok == (c.want == ErrNoAddr || c.want == ErrZone) {
			t.Errorf("%s %q: type %T", c.addr, c.name, err)
		}
	}
	if _, err := Parse(nil).Add(addr); !errors.Is(err, ErrNoNames) {
		t.Errorf("no names: %v", err)
	}
}

var removals = map[string]struct{ before, name, after string }{
	"whole line":       {"192.0.2.1 a\n192.0.2.2 b\n", "a", "192.0.2.2 b\n"},
	"with comment":     {"# 1\n192.0.2.1 a # mine\n# 2\n", "a", "# 1\n# 2\n"},
	"first name":       {"192.0.2.1\ta  b   c # a\n", "a", "192.0.2.1\tb   c # a\n"},
	"first two":        {"192.0.2.1\ta  a   c\n", "a", "192.0.2.1\tc\n"},
	"middle":           {"192.0.2.1 a\tb  c\n", "b", "192.0.2.1 a  c\n"},
	"last name":        {"192.0.2.1 a  b  # c\n", "b", "192.0.2.1 a  # c\n"},
	"CRLF":             {"192.0.2.1 a b\r\n192.0.2.2 b\r\n", "b", "192.0.2.1 a\r\n"},
	"no final newline": {"192.0.2.1 a b", "b", "192.0.2.1 a"},
	"last line":        {"192.0.2.1 a\n192.0.2.2 b", "b", "192.0.2.1 a\n"},
	"spelling":         {"192.0.2.1 Web.Example\n192.0.2.1 web.example. WEB.EXAMPLE x\n", "wEb.example", "192.0.2.1 x\n"},
	"one dot":          {"192.0.2.1 a. a\n", "a", "192.0.2.1 a.\n"},
	"for others":       {"127.1 a\nfe80::1%lo0 a\n 192.0.2.1 a b\n::1 c\x00 a\n", "a", " 192.0.2.1 b\n::1 c\x00\n"},
	"not an entry":     {"junk a\n192.0.2.256 a\n#192.0.2.1 a\n192.0.2.1 #a\n", "a", ""},
	"part of a name":   {"192.0.2.1 aa a.b\n", "a", ""},
	"odd name":         {"192.0.2.1 *.x m\xfc b\n", "m\xfc", "192.0.2.1 *.x b\n"},
	"no name":          {"192.0.2.1 \n192.0.2.1 a\n", "", ""},
	"blank":            {"192.0.2.1 a\n", " ", ""},
	"everything":       {"192.0.2.1 a", "a", "-"},
}

func TestRemove(t *testing.T) {
	for name, c := range removals {
		f := Parse([]byte(c.before))
		changed := f.Remove(c.name)
		want := strings.TrimPrefix(c.after, "-")
		if c.after == "" {
			want = c.before
		}
		if changed != (c.after != "") || string(f.Bytes()) != want {
			t.Errorf("%s: %t, %q, want %q", name, changed, f.Bytes(), want)
		}
	}
}

func TestRemoveAddr(t *testing.T) {
	const before = "192.0.2.1 a # 1\n192.0.2.2 b\n ::ffff:192.0.2.1 c\n192.0.513 d\n192.0.2.1\n::1 192.0.2.1\n"
	for addr, want := range map[string]string{
		"192.0.2.1":        "192.0.2.2 b\n192.0.2.1\n::1 192.0.2.1\n",
		"::ffff:192.0.2.1": "192.0.2.2 b\n192.0.2.1\n::1 192.0.2.1\n",
		"192.0.2.3":        before,
		"127.0.0.1":        before,
	} {
		f := Parse([]byte(before))
		if changed := f.RemoveAddr(netip.MustParseAddr(addr)); changed != (want != before) || string(f.Bytes()) != want {
			t.Errorf("%s: %t, %q", addr, changed, f.Bytes())
		}
	}
	f := Parse([]byte("fe80::1%a x\nfe80::1%b x\n"))
	if f.RemoveAddr(netip.MustParseAddr("fe80::1%a")); string(f.Bytes()) != "fe80::1%b x\n" {
		t.Errorf("zone: %q", f.Bytes())
	}
	if f.RemoveAddr(netip.Addr{}) {
		t.Error("no address: changed")
	}
}

func TestDiff(t *testing.T) {
	const want = `--- /etc/hosts
+++ /etc/hosts
@@ -1,1 +1,2 @@
 127.0.0.1 localhost
+192.0.2.1	a
`
	f := Parse([]byte("127.0.0.1 localhost\n"))
	old := f.Bytes()
	if _, err := f.Add(netip.MustParseAddr("192.0.2.1"), "a"); err != nil {
		t.Fatal(err)
	}
	if got := Diff(old, f.Bytes(), "/etc/hosts"); got != want {
		t.Errorf("%s", got)
	}
	if got := Diff(old, old, "/etc/hosts"); got != "" {
		t.Errorf("no change: %q", got)
	}
}

// TestRemoveBehindNUL has a name that some resolvers find behind a NUL byte, where others read no further.
func TestRemoveBehindNUL(t *testing.T) {
	f := Parse([]byte("192.0.2.1 a\x00 b c\n192.0.2.2 d\n"))
	if !f.Remove("b") {
		t.Error("not removed")
	}
	for _, d := range Dialects() {
		if found := f.Lookup(d, "b", Any); len(found) > 0 {
			t.Errorf("%s still finds %v", d.Name, found)
		}
	}
	if got := string(f.Bytes()); got != "192.0.2.1 a\x00 c\n192.0.2.2 d\n" {
		t.Errorf("%q", got)
	}
}
