package trace

import (
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// tellHop tells that all is known of a TTL.
func (c *classic) tellHop(ttl int, now time.Time) {
	c.told = ttl
	h := c.log[ttl].hop(ttl)
	for flow, x := range c.cells[ttl] {
		if x.over && ttl <= c.flowLimit(flow) {
			h.Probes = append(h.Probes, x.probe)
		}
	}
	h.Sent, h.Lost = c.t.hops[ttl].sent, c.t.hops[ttl].lost
	h.RateLimited = c.t.hops[ttl].pattern.limited()
	h.Changes = c.newChanges(ttl)
	e := c.t.event(HopDone, nil, now)
	e.Hop = h
	c.t.tell(e)
}

// newChanges returns what the quoted packets of a hop show and those of no nearer hop of the same flow.
func (c *classic) newChanges(ttl int) (list []Change) {
	for flow, x := range c.cells[ttl] {
		for _, change := range x.probe.Changes {
			if !slices.Contains(list, change) && !c.changedBefore(ttl, flow, change) {
				list = append(list, change)
			}
		}
	}
	return list
}

// changedBefore reports whether a nearer hop quoted the same. Checksums and identifications are each probe's own, so
// there any change is the same.
func (c *classic) changedBefore(ttl, flow int, change Change) bool {
	if change.Field == FieldTTL {
		return false
	}
	for before := range ttl {
		for _, b := range c.cells[before][flow].probe.Changes {
			own := change.Field == FieldChecksum || change.Field == FieldID
			if b == change || own && b.Field == change.Field {
				return true
			}
		}
	}
	return false
}

func (c *classic) finish(now time.Time) {
	r := &c.t.res
	end := min(c.shown(), c.last())
	if !c.over { // cut short: what is known
		end = min(end, max(c.t.farthest, c.nearestEnd()))
	}
	for c.told < end {
		c.tellHop(c.told+1, now)
	}
	r.Hops = c.t.farthest
	for flow, e := range c.ends {
		r.Reached = r.Reached || e.reached
		if e.ttl > 0 && (e.reached || !r.Reached) {
			r.Hops = max(r.Hops, c.flowLimit(flow))
		}
	}
	if c.check != nil && !r.Reached {
		r.Alive, r.AliveBy = c.check.alive, c.check.by
	}
	if c.mtu != nil {
		r.PathMTU = c.mtu.result()
	}
	r.Caveats = append(r.Caveats, c.loops()...)
	for ttl := range c.t.hops {
		if c.t.hops[ttl].pattern.limited() {
			r.Limited = append(r.Limited, ttl)
		}
	}
}

// loops tells of addresses that one flow met at several TTLs with others between them.
func (c *classic) loops() (list []string) {
	told := make(map[netip.Addr]bool)
	for flow := range c.ends {
		seen := make(map[netip.Addr]int)
		for ttl := range c.cells {
			p := c.cells[ttl][flow].probe
			if !p.From.IsValid() || p.Reached || p.Stopped || slices.ContainsFunc(p.Changes, zeroTTL) {
				continue
			}
			if before := seen[p.From]; before > 0 && before < ttl-1 && !told[p.From] {
				told[p.From] = true
				list = append(list, fmt.Sprintf("loop: %v is met at hops %d and %d", p.From, before, ttl))
			}
			seen[p.From] = ttl
		}
	}
	return list
}

// zeroTTL reports whether a change is that of a router that forwards packets whose TTL has ended.
func zeroTTL(c Change) bool { return c.Field == FieldTTL && c.Quoted == "0" }
