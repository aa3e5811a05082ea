package trace

import "net/netip"

// ask is a probe that a plan wants sent.
type ask struct {
	ttl, flow int
	other     int // 0: to the target; else to Config.Others[other-1]
	again     int // number of the repetition of a probe that was sent before (same ttl, flow, other), from 0
}

// sight is the outcome of an ask.
type sight struct {
	ask
	from    netip.Addr // who answered; zero: nobody, in the end: the session has tried again
	reached bool       // the probe got to its destination
	stopped bool       // it can get no further
}
