package hosts

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var families = [...]Family{Any, IPv4, IPv6}

// questions returns the arguments that ask for each name in every family, and for the names of addresses.
func questions(names, addrs []string, forward [len(families)]string, reverse string) []string {
	var args []string
	for _, n := range names {
		for _, prefix := range forward {
			args = append(args, prefix+n)
		}
	}
	for _, a := range addrs {
		args = append(args, reverse+a)
	}
	return args
}

// lines asks for what a program prints about its arguments, a line each.
func (o *oracle) lines(j job, program string, args []string) []string {
	o.t.Helper()
	out := o.ask(j, append([]string{program}, args...)...)
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if len(lines) != len(args) {
		o.t.Fatalf("%d lines for %q: %q", len(lines), args, out)
	}
	return lines
}

// plain returns addresses in order, without zones, which others write differently.
func plain(addrs []netip.Addr) []string {
	var s []string
	for _, a := range addrs {
		s = append(s, a.WithZone("").String())
	}
	slices.Sort(s)
	return s
}

// eachTrap calls f with all traps, and then with random files.
func eachTrap(t *testing.T, random int, f func(hosts []byte, names []string)) {
	for name, trap := range traps {
		// An interface that a zone names must exist.
		f([]byte(strings.ReplaceAll(trap.hosts, "eth0", "lo")), strings.Fields(trap.names))
		if t.Failed() {
			t.Fatal(name)
		}
	}
	r := rand.New(rand.NewPCG(5, 3))
	for range random {
		f(randomHosts(r), pick(r, randomNames, 6))
		if t.Failed() {
			return
		}
	}
}

// TestMusl compares the dialect of musl with a program that is linked with it.
func TestMusl(t *testing.T) {
	program := filepath.Join(t.TempDir(), "lookup")
	if _, err := exec.LookPath("musl-gcc"); err != nil {
		t.Skip("there is no musl-gcc: install musl-tools to compare with musl")
	}
	if out, err := exec.CommandContext(t.Context(), "musl-gcc", "-static", "-o", program, "testdata/lookup.c").CombinedOutput(); err != nil {
		t.Fatalf("musl-gcc: %v\n%s", err, out)
	}
	o := newOracle(t)
	eachTrap(t, 50, func(hosts []byte, names []string) {
		names = slices.DeleteFunc(names, func(n string) bool { _, addr := numeric(n); return addr })
		o.compareMusl(t, program, hosts, names, nil)
		// Reverse lookups read what is behind a NUL byte, and what was in the buffer before.
		hosts = append(bytes.ReplaceAll(hosts, []byte{0}, nil), '\n')
		o.compareMusl(t, program, hosts, names, trapAddrs)
	})
}

func (o *oracle) compareMusl(t *testing.T, program string, hosts []byte, names, addrs []string) {
	t.Helper()
	d := Musl()
	f := Parse(hosts)
	lines := o.lines(job{Hosts: hosts}, program, questions(names, addrs, [...]string{"0:", "4:", "6:"}, "r:"))
	lines = compareNames(t, d, hosts, names, lines, func(_ string, got, want []string) bool { return slices.Equal(got, want) })
	for i, a := range addrs {
		want := ""
		for _, m := range f.Reverse(d, netip.MustParseAddr(a)) {
			want = m.Canonical
		}
		if lines[i] != want {
			t.Errorf("reverse %s in\n%q\nmusl %q, ours %q", a, hosts, lines[i], want)
		}
	}
}

// compareNames compares lines of addresses, one for each name and family, with what the file has, and
// returns the lines behind these. Same gets a name, and what both have for it, each in order.
func compareNames(t *testing.T, d Dialect, hosts []byte, names, lines []string, same func(name string, got, want []string) bool) []string {
	t.Helper()
	f := Parse(hosts)
	for _, n := range names {
		for _, family := range families {
			matches := f.Lookup(d, n, family)
			got := plain(parseList(lines[0]))
			lines = lines[1:]
			if !same(n, got, plain(addrsOf(matches))) {
				t.Errorf("%s: %q, %d, in\n%q\n%q, ours %v", d.Name, n, family, hosts, got, matches)
			}
		}
	}
	return lines
}

// TestGo compares the dialect of Go with its own resolver.
func TestGo(t *testing.T) {
	o := newOracle(t)
	eachTrap(t, 50, func(hosts []byte, names []string) {
		o.compareGo(t, hosts, slices.DeleteFunc(names, func(n string) bool { return !valid(n) }))
	})
}

func (o *oracle) compareGo(t *testing.T, hosts []byte, names []string) {
	t.Helper()
	d := Go()
	f := Parse(hosts)
	lines := o.lines(job{Hosts: hosts, Mode: "go"}, "/proc/self/exe", questions(names, trapAddrs, [...]string{"ip:", "ip4:", "ip6:"}, "ptr:"))
	lines = compareNames(t, d, hosts, names, lines, func(name string, got, want []string) bool {
		// To connect to :: alone Go adds 0.0.0.0, which is not in the file.
		all := plain(addrsOf(f.Lookup(d, name, Any)))
		// And it returns an address once more for every time that the name is in its line.
		return slices.Equal(all, []string{"::"}) || slices.Equal(slices.Compact(got), slices.Compact(want))
	})
	for i, a := range trapAddrs {
		var want []string
		for _, m := range f.Reverse(d, netip.MustParseAddr(a)) {
			for _, n := range m.Names {
				if strings.Contains(n, ".") && !strings.HasSuffix(n, ".") {
					n += "."
				}
				want = append(want, n)
			}
		}
		invalid := func(n string) bool { return !valid(n) }
		want = slices.DeleteFunc(want, invalid)
		if got := slices.DeleteFunc(strings.Fields(lines[i]), invalid); !slices.Equal(got, want) {
			t.Errorf("reverse %s in\n%q\nGo %q, ours %q", a, hosts, got, want)
		}
	}
}

// valid reports whether Go looks a name up in the file.
func valid(name string) bool { return nameProblem(strings.TrimSuffix(name, ".")) == nil }
