package hosts

import (
	"iter"
	"net/netip"
)

// Lookup returns what the file has for a name, in the order of its lines, as d reads it. For
// Glibc this is the set of addresses that "getent ahosts" prints for Any, "ahostsv4" for IPv4 and
// "ahostsv6" for IPv6, but that getent asks for IPv4-mapped addresses: it prints IPv4 addresses as such where
// there are no others, and leaves the file's own out where there are. An address that two lines give is there twice.
//
// The name is compared with those of the file as it is. Resolvers do not look for names that
// are addresses, such as 192.0.2.1 or 127.1, in the file at all: that is for the caller to see.
//
// It reads the file once. For many names, see Index.
func (f *File) Lookup(d Dialect, name string, family Family) []Match {
	if name == "" {
		return nil
	}
	key := d.key(name)
	return d.collect(family, func(yield func(Entry) bool) {
		for l := range f.candidates(&d, key) {
			r := d.read(l)
			if r.skip != skipNot || !r.has(key) {
				continue
			}
			if e, ok := r.entry(); ok && !yield(e) {
				return
			}
		}
	})
}

// collect makes matches of the entries that have a name.
func (d *Dialect) collect(family Family, entries iter.Seq[Entry]) []Match {
	var matches []Match
	canonical := ""
	for e := range entries {
		addr, ok := d.counts(e.Addr, family)
		if canonical == "" && (ok || d.CanonicalAny) {
			canonical = e.Names[0]
		}
		if !ok {
			continue
		}
		matches = append(matches, Match{Line: e.Line, Addr: addr, Canonical: canonical, Names: e.Names})
		if !d.Multi || len(matches) == d.MaxAddrs {
			break
		}
	}
	return matches
}

// counts returns the address that a is for a question about family, and whether it is one.
func (d *Dialect) counts(a netip.Addr, family Family) (netip.Addr, bool) {
	if d.Mapped == MappedIPv4 || d.Mapped == MappedAsked && family == IPv4 {
		a = a.Unmap()
	}
	if d.LoopbackIPv4 && family == IPv4 && a == netip.IPv6Loopback() {
		a = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return a, family == Any || a.Is4() == (family == IPv4)
}

// Reverse returns the lines that the file has for an address, as d reads it: one at most, unless
// d.ReverseAll. The matches have the address that was asked for.
//
// To glibc and musl the first line with the address is all there is, even if it has no name; then there
// is no match.
func (f *File) Reverse(d Dialect, addr netip.Addr) []Match {
	if !d.reversible(addr) {
		return nil
	}
	want := d.reverseKey(addr)
	var matches []Match
	for l := range f.lines(&d) {
		r := d.read(l)
		if r.skip != skipNot && r.skip != skipNoNames {
			continue
		}
		a, ok := d.parseAddr(string(r.addr))
		if !ok || d.reverseAddr(a, addr) != want {
			continue
		}
		if r.skip == skipNot {
			matches = appendReverse(matches, Entry{Line: r.number, Addr: a, Names: r.list()}, addr)
		}
		if !d.ReverseAll {
			break
		}
	}
	return matches
}

// reversible reports whether d looks for the names of addr at all.
func (d *Dialect) reversible(addr netip.Addr) bool {
	return addr.IsValid() && (d.ReverseUnspecified || addr != netip.IPv6Unspecified())
}

// reverseKey returns the form of an address in which a reverse lookup compares it.
func (d *Dialect) reverseKey(addr netip.Addr) netip.Addr {
	if d.Reverse == ReverseMapped {
		return addr.Unmap()
	}
	return addr
}

// reverseAddr returns what the address a of a line is when asked is looked for.
func (d *Dialect) reverseAddr(a, asked netip.Addr) netip.Addr {
	if d.Reverse == ReverseAsked && asked.Is4() {
		a, _ = d.counts(a, IPv4)
		return a
	}
	return d.reverseKey(a)
}

func appendReverse(matches []Match, e Entry, asked netip.Addr) []Match {
	canonical := e.Names[0]
	if len(matches) > 0 {
		canonical = matches[0].Canonical
	}
	return append(matches, Match{Line: e.Line, Addr: asked, Canonical: canonical, Names: e.Names})
}
