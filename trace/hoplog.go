package trace

import (
	"net/netip"
	"slices"
)

// hopLog folds the answers at one TTL.
type hopLog struct{ addrs []HopAddr }

// add takes in the outcome of p.
func (l *hopLog) add(p *probe) {
	from := p.found.From
	if !from.IsValid() {
		return
	}
	a := l.of(from)
	a.RTT.Add(p.found.RTT)
	if i, ok := slices.BinarySearch(a.Flows, p.flow); !ok {
		a.Flows = slices.Insert(a.Flows, i, p.flow)
	}
}

// of returns the entry of an address.
func (l *hopLog) of(from netip.Addr) *HopAddr {
	i := slices.IndexFunc(l.addrs, func(a HopAddr) bool { return a.Addr == from })
	if i < 0 {
		i = len(l.addrs)
		l.addrs = append(l.addrs, HopAddr{Addr: from})
	}
	return &l.addrs[i]
}

// hop returns what is known.
func (l *hopLog) hop(ttl int) *Hop { return &Hop{TTL: ttl, Addrs: slices.Clone(l.addrs)} }
