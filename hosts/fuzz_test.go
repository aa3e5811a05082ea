package hosts

import (
	"bytes"
	"cmp"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// seed gives a fuzz test what is hard to read.
func seed(add func([]byte)) {
	for _, c := range findings {
		add([]byte(c.hosts))
	}
	for _, s := range stock {
		add([]byte(s.hosts))
	}
}

// FuzzRead reads any bytes in every dialect: they stay as they are, and a lookup is the same by an Index.
func FuzzRead(f *testing.F) {
	seed(func(b []byte) { f.Add(b) })
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 4<<10 {
			return // every entry is looked for
		}
		file := Parse(b)
		for _, d := range Dialects() {
			x := file.Index(d)
			last := 0
			for e := range file.Entries(d) {
				if e.Line < last || len(e.Names) == 0 || !e.Addr.IsValid() {
					t.Fatalf("%s: %+v after line %d", d.Name, e, last)
				}
				last = e.Line
				if slices.Contains(e.Names, "") || d.MaxNames > 0 && len(e.Names) > d.MaxNames {
					t.Fatalf("%s: %+v", d.Name, e)
				}
				name := e.Names[len(e.Names)-1]
				for i, n := range []string{e.Names[0], name, strings.ToUpper(name)} {
					family := []Family{Any, IPv4, IPv6}[(e.Line+i)%3]
					if got, want := x.Lookup(n, family), file.Lookup(d, n, family); !reflect.DeepEqual(got, want) {
						t.Fatalf("%s: %q, %d: %+v, by Index %+v", d.Name, n, family, want, got)
					}
				}
				if got, want := x.Reverse(e.Addr), file.Reverse(d, e.Addr); !reflect.DeepEqual(got, want) {
					t.Fatalf("%s: %s: %+v, by Index %+v", d.Name, e.Addr, want, got)
				}
			}
		}
		lines := 1 + bytes.Count(b, []byte("\n"))
		lint := file.Lint(LintConfig{Readers: Dialects(), Hostname: "a", Sources: []string{"dns"}, Addrs: parseList("::1")})
		for _, l := range lint {
			if l.Line < 0 || l.Line > lines || l.Kind == "" || l.Message == "" {
				t.Fatalf("%+v of %d lines", l, lines)
			}
		}
		if !slices.IsSortedFunc(lint, func(a, b Finding) int { return cmp.Compare(a.Line, b.Line) }) {
			t.Fatalf("%+v", lint)
		}
		if !bytes.Equal(file.Bytes(), b) {
			t.Fatalf("%q", file.Bytes())
		}
	})
}

// FuzzEdit adds and removes: only the lines change that must, and lookups see it.
func FuzzEdit(f *testing.F) {
	seed(func(b []byte) { f.Add(b, "a", "192.0.2.1") })
	f.Add([]byte("192.0.2.1 a a b"), "A", "::1")
	f.Fuzz(func(t *testing.T, b []byte, name, text string) {
		addr, _ := netip.ParseAddr(text)
		file := Parse(b)
		changed, err := file.Add(addr, name)
		after := file.Bytes()
		switch {
		case err != nil || !changed:
			if changed || !bytes.Equal(after, b) {
				t.Fatalf("%t, %v: %q", changed, err, after)
			}
		case !bytes.HasPrefix(after, b):
			t.Fatalf("%q", after)
		}
		if err == nil && !slices.ContainsFunc(file.Lookup(Glibc(true), name, Any), func(m Match) bool { return m.Addr == addr }) {
			t.Fatalf("%s is not at %s in %q", name, addr, after)
		}
		untouched(t, after, func(f *File) bool { return f.Remove(name) }, func(r *reading) []string {
			key := r.d.key(name)
			return slices.DeleteFunc(r.list(), func(n string) bool { return r.d.key(n) == key })
		})
		untouched(t, after, func(f *File) bool { return f.RemoveAddr(addr) }, func(r *reading) []string {
			if e, _ := r.entry(); e.Addr.Unmap() == addr.Unmap() {
				return nil
			}
			return r.list()
		})

		file.Remove(name)
		without := Parse(after)
		without.RemoveAddr(addr)
		for _, d := range Dialects() {
			// What glibc makes of an indented line without an end, and others of a long line that they cut, is not in
			// the file.
			d.IndentRepeats, d.MaxLine = false, 0
			if m := file.Lookup(d, name, Any); len(m) > 0 {
				t.Fatalf("%s: %q is still there: %+v", d.Name, name, m)
			}
			for _, m := range without.Reverse(d, addr) {
				if addr != netip.MustParseAddr("127.0.0.1") { // which ::1 is as well
					t.Fatalf("%s: %s is still there: %+v", d.Name, addr, m)
				}
			}
		}
	})
}

// untouched checks that remove leaves these names of each entry, and every byte of all lines that keep
// their names. What stands behind a NUL byte is there for some resolvers only, and not looked at here.
func untouched(t *testing.T, before []byte, remove func(*File) bool, names func(*reading) []string) {
	t.Helper()
	file := Parse(before)
	if changed := remove(file); changed == bytes.Equal(file.data, before) {
		t.Fatalf("changed %t: %q, %q", changed, before, file.data)
	}
	if bytes.IndexByte(before, 0) >= 0 {
		return
	}
	after := file.data
	d := everything()
	for l := range Parse(before).lines(&d) {
		whole := before[l.from:min(len(before), l.from+len(l.text)+1)]
		r := d.read(l)
		_, entry := r.entry()
		left := names(&r)
		if entry && len(left) == 0 {
			continue // the line is gone
		}
		end := min(len(after), bytes.IndexByte(after, '\n')+1)
		if end == 0 {
			end = len(after)
		}
		got := after[:end]
		after = after[end:]
		if !entry || len(left) == len(r.list()) {
			if !bytes.Equal(got, whole) {
				t.Fatalf("line %q became %q", whole, got)
			}
			continue
		}
		at := bytes.Index(r.text, r.addr) + len(r.addr)
		behind := whole[at+len(r.names):]
		again := d.read(line{text: bytes.TrimSuffix(got, []byte("\n"))})
		if !slices.Equal(again.list(), left) || !bytes.HasPrefix(got, whole[:at]) || !bytes.HasSuffix(got, behind) {
			t.Fatalf("line %q became %q, want %q", whole, got, left)
		}
	}
	if len(after) > 0 {
		t.Fatalf("%q is new", after)
	}
}
