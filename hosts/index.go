package hosts

import (
	"net/netip"
)

// Index answers many lookups of a file quickly. It stays as the file was when it was made, and
// may be used by several goroutines at once.
type Index struct {
	d     Dialect
	names map[string][]*Entry
	addrs map[netip.Addr][]*Entry // with those that have no names
}

// Index reads the file once, as d does, for many lookups.
func (f *File) Index(d Dialect) *Index {
	x := &Index{d: d, names: make(map[string][]*Entry), addrs: make(map[netip.Addr][]*Entry)}
	for l := range f.lines(&d) {
		r := d.read(l)
		if r.skip != skipNot && r.skip != skipNoNames {
			continue
		}
		if addr, ok := d.parseAddr(string(r.addr)); ok {
			x.add(&r, &Entry{Line: r.number, Addr: addr, Names: r.list()})
		}
	}
	return x
}

// add enters a line, which is e.
func (x *Index) add(r *reading, e *Entry) {
	for name := range x.d.fields(r.found) {
		key := x.d.key(string(name))
		// A name may be twice in a line.
		if known := x.names[key]; len(known) == 0 || known[len(known)-1] != e {
			x.names[key] = append(known, e)
		}
	}
	// An address can be what is asked for in either family: ::1 is 127.0.0.1 as well.
	as4 := x.d.reverseAddr(e.Addr, netip.IPv4Unspecified())
	as6 := x.d.reverseAddr(e.Addr, netip.IPv6Unspecified())
	x.addrs[as6] = append(x.addrs[as6], e)
	if as4 != as6 {
		x.addrs[as4] = append(x.addrs[as4], e)
	}
}

// Lookup is File.Lookup.
func (x *Index) Lookup(name string, family Family) []Match {
	if name == "" {
		return nil
	}
	return x.d.collect(family, func(yield func(Entry) bool) {
		for _, e := range x.names[x.d.key(name)] {
			if !yield(*e) {
				return
			}
		}
	})
}

// Reverse is File.Reverse.
func (x *Index) Reverse(addr netip.Addr) []Match {
	if !x.d.reversible(addr) {
		return nil
	}
	entries := x.addrs[x.d.reverseKey(addr)]
	if !x.d.ReverseAll {
		entries = entries[:min(1, len(entries))]
	}
	var matches []Match
	for _, e := range entries {
		if len(e.Names) > 0 {
			matches = appendReverse(matches, *e, addr)
		}
	}
	return matches
}
