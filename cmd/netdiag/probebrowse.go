package main

import (
	"net/netip"
	"slices"
	"time"

	"github.com/netdiag/netdiag/probe"
)

// browsed is how a program that tries a name's addresses by RFC 8305 fares.
type browsed struct {
	ok     bool // it is connected
	addr   netip.Addr
	after  time.Duration
	cost   time.Duration // of after, lost on addresses before
	lostOn []string      // the addresses that do not open, each with its state
}

// browse returns how a browser fares with the addresses of a set.
func browse(s *probeSet) (b browsed) {
	results := slices.DeleteFunc(slices.Clone(s.first), func(e probe.Event) bool { return !e.Addr.IsValid() }) // not probed
	if b.addr, b.after, b.ok = probe.Browser(results); !b.ok {
		return b
	}
	i := slices.IndexFunc(results, func(e probe.Event) bool { return e.Addr.Addr() == b.addr })
	if i < 0 {
		return b
	}
	took := results[i].Took
	if results[i].RTT > 0 {
		took = results[i].RTT
	}
	b.cost = max(0, b.after-took)
	for _, e := range results {
		if e.State != probe.Open {
			b.lostOn = append(b.lostOn, e.Addr.Addr().String()+" ("+e.State.String()+")")
		}
	}
	return b
}
