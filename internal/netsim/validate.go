package netsim

import (
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// checker gathers the first thing that is wrong.
type checker struct {
	where string // the node or link
	err   error
}

func (c *checker) fail(field, format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("%s: %s: %s", c.where, field, fmt.Sprintf(format, args...))
	}
}

func (c *checker) probability(field string, p float64) {
	if !(p >= 0 && p <= 1) {
		c.fail(field, "%v is not between 0 and 1", p)
	}
}

func (c *checker) between(field string, v, low, high int) {
	if v < low || v > high {
		c.fail(field, "%d is not between %d and %d", v, low, high)
	}
}

// maxSpan bounds every duration, so that sums of them cannot overflow.
const maxSpan = 1000 * time.Hour

func (c *checker) span(field string, ds ...time.Duration) {
	for _, d := range ds {
		if d < 0 || d > maxSpan {
			c.fail(field, "%v is not between 0 and %v", d, maxSpan)
		}
	}
}

func (c *checker) windows(field string, ws []Window) {
	for _, w := range ws {
		if w.To != 0 && w.To <= w.From {
			c.fail(field, "the window ends at %v, not after its begin at %v", w.To, w.From)
		}
	}
}

func oneOf[T ~string](c *checker, field string, v T, allowed ...T) {
	if !slices.Contains(allowed, v) {
		c.fail(field, "%q is not one of %q", v, allowed)
	}
}

func (c *checker) balance(field string, b Balance) {
	oneOf(c, field, b, "", PerFlow, PerPacket, PerDestination)
}

func (c *checker) kind(field string, k Kind, mayBeEmpty bool) {
	if !k.known() && (k != "" || !mayBeEmpty) {
		c.fail(field, "%q is no kind of ICMP error", k)
	}
}

func (c *checker) tos(field string, v *int) {
	if v != nil {
		c.between(field, *v, 0, 255)
	}
}

func (c *checker) prefixes(field string, ps ...netip.Prefix) {
	for _, p := range ps {
		if !p.IsValid() {
			c.fail(field, "not a valid prefix")
		}
	}
}

func (c *checker) proto(field string, p Proto) {
	if p.number() == -2 {
		c.fail(field, "%q is no protocol: icmp, udp, tcp or a number", p)
	}
}

// validate checks all that can be seen without knowing how nodes hang together.
func (t *Topology) validate() error {
	c := &checker{where: cmpName(t.Vantage.Name, defaultVantage)}
	c.balance("balance", t.Vantage.Balance)
	c.routes(t.Vantage.Routes)
	for i := range t.Routers {
		c.where = cmpName(t.Routers[i].Name, fmt.Sprintf("routers[%d]", i))
		c.router(&t.Routers[i])
	}
	for i := range t.Hosts {
		c.where = cmpName(t.Hosts[i].Name, fmt.Sprintf("hosts[%d]", i))
		c.host(&t.Hosts[i])
	}
	for i := range t.Links {
		l := &t.Links[i]
		c.where = fmt.Sprintf("link %d (%s to %s)", i, l.From, l.To)
		c.line("", &l.Line)
		if l.Back != nil {
			c.line("back.", l.Back)
		}
	}
	c.where = "injections"
	for _, i := range t.Injections {
		c.span("at", i.At)
	}
	return c.err
}

func cmpName(name, otherwise string) string {
	if name == "" {
		return otherwise
	}
	return name
}

func (c *checker) line(prefix string, l *Line) {
	c.span(prefix+"delay", l.Delay)
	c.span(prefix+"jitter", l.Jitter)
	c.span(prefix+"reorder_by", l.ReorderBy)
	oneOf(c, prefix+"distribution", l.Distribution, "", Uniform, Normal)
	c.probability(prefix+"loss", l.Loss)
	c.probability(prefix+"reorder", l.Reorder)
	if l.MTU != 0 {
		c.between(prefix+"mtu", l.MTU, 68, 65535)
	}
	c.windows(prefix+"down", l.Down)
}

func (c *checker) routes(rs []Route) {
	for i, r := range rs {
		at := fmt.Sprintf("routes[%d].", i)
		c.prefixes(at+"to", r.To)
		c.balance(at+"balance", r.Balance)
		c.kind(at+"error", r.Error, true)
		if len(r.Via) > 0 {
			oneOf(c, at+"action", r.Action, "")
		} else {
			oneOf(c, at+"action", r.Action, Unreachable, Prohibit, Blackhole)
		}
		if r.Back && len(r.Via) == 0 {
			c.fail(at+"via", "a route back needs next hops")
		}
		for _, hop := range r.Via {
			c.between(at+"via.weight", hop.Weight, 0, 1<<20)
		}
	}
}

func (c *checker) router(r *Router) {
	c.routes(r.Routes)
	c.balance("balance", r.Balance)
	oneOf(c, "hash", r.Hash, "", HashAll, HashPorts, HashLabel, HashTOS)
	c.between("ttl", r.TTL, 0, 255)
	c.faults("faults", r.Faults)
	c.windows("down", r.Down)
	c.probability("error_loss", r.ErrorLoss)
	c.limit(r.ErrorLimit)
	c.span("error_delay", r.ErrorDelay)
	c.span("error_jitter", r.ErrorJitter)
	c.quote("quote", &r.Quote)
	c.faults("error_faults", r.ErrorFaults)
	for i := range r.ErrorFaults {
		if r.ErrorFaults[i].editsEcho() {
			c.fail(fmt.Sprintf("error_faults[%d]", i), "an error has no echo reply's data")
		}
	}
	c.between("set_ttl", r.SetTTL, 0, 255)
	c.between("raise_ttl", r.RaiseTTL, 0, 254)
	c.tos("tos", r.TOS)
	for i, rule := range r.Firewall {
		at := fmt.Sprintf("firewall[%d].", i)
		c.proto(at+"proto", rule.Proto)
		c.prefixes(at+"from", rule.From...)
		c.prefixes(at+"to", rule.To...)
		c.probability(at+"probability", rule.Probability)
		c.kind(at+"error", rule.Error, true)
		if rule.Back {
			oneOf(c, at+"action", rule.Action, Accept, Drop)
		} else {
			oneOf(c, at+"action", rule.Action, Accept, Drop, Reject, Reset)
		}
	}
	if r.NAT != nil {
		if len(r.NAT.Outside) == 0 {
			c.fail("nat.outside", "an address is needed")
		}
		c.prefixes("nat.inside", r.NAT.Inside...)
	}
	for _, redirect := range r.Redirects {
		c.prefixes("redirects.to", redirect.To)
		if !redirect.Gateway.IsValid() {
			c.fail("redirects.gateway", "an address is needed")
		}
	}
}

func (c *checker) host(h *Host) {
	c.routes(h.Routes)
	for i, r := range h.Routes {
		if !r.Back {
			c.fail(fmt.Sprintf("routes[%d].back", i), "a host has routes for the way back only")
		}
	}
	if len(h.Addrs) == 0 {
		c.fail("addrs", "a host needs an address")
	}
	c.between("ttl", h.TTL, 0, 255)
	c.tos("tos", h.TOS)
	c.windows("down", h.Down)
	c.limit(h.ErrorLimit)
	c.quote("quote", &h.Quote)
	c.faults("faults", h.Faults)
}

func (c *checker) limit(l *Limit) {
	if l == nil {
		return
	}
	if !(l.Rate >= 1e-3 && l.Rate <= 1e9) {
		c.fail("error_limit.rate", "%v is not between 0.001 and 1e9", l.Rate)
	}
	c.between("error_limit.burst", l.Burst, 1, 1<<20)
}

func (c *checker) quote(at string, q *Quote) {
	if len(q.Options) > 40 || len(q.Options)%4 != 0 {
		c.fail(at+".options", "%d bytes are not a multiple of 4 up to 40", len(q.Options))
	}
	if len(q.MPLS) > 16 {
		c.fail(at+".mpls", "%d labels are more than 16", len(q.MPLS))
	}
	for _, l := range q.MPLS {
		if l.Label >= 1<<20 || l.TC >= 1<<3 {
			c.fail(at+".mpls", "label %d with class %d does not fit 20 and 3 bits", l.Label, l.TC)
		}
	}
	if i := q.Interface; i != nil {
		c.between(at+".interface.role", int(i.Role), 0, 3)
		c.between(at+".interface.name", len(i.Name), 0, 63)
		c.between(at+".interface.mtu", i.MTU, 0, 1<<31-1)
	}
}

func (c *checker) faults(field string, fs []Fault) {
	for i := range fs {
		f := &fs[i]
		at := fmt.Sprintf("%s[%d].", field, i)
		c.when(at+"when.", &f.When)
		c.between(at+"copies", f.Copies, 0, 1000)
		c.span(at+"spacing", f.Spacing)
		c.span(at+"delay", f.Delay)
		c.span(at+"delays", f.Delays...)
		c.tos(at+"ttl", f.TTL)
		c.tos(at+"tos", f.TOS)
		if f.Truncate != nil {
			c.between(at+"truncate", *f.Truncate, 0, 65535)
		}
		if f.FlipBit != nil {
			c.between(at+"flip_bit", *f.FlipBit, 0, 8*65535)
		}
		c.misquote(at+"misquote.", f.Misquote)
		if f.Overwrite != nil {
			c.between(at+"overwrite.at", f.Overwrite.At, 0, 65535)
		}
		if e := f.Error; e != nil {
			c.kind(at+"error.kind", e.Kind, e.Type != nil)
			c.between(at+"error.mtu", e.MTU, 0, 65535)
			c.between(at+"error.pointer", e.Pointer, 0, 255)
			c.span(at+"error.after", e.After)
			c.quote(at+"error.quote", &e.Quote)
			c.misquote(at+"error.misquote.", e.Misquote)
		}
	}
}

func (c *checker) when(at string, w *When) {
	c.between(at+"first", w.First, 0, 1<<31-1)
	c.between(at+"last", w.Last, 0, 1<<31-1)
	c.between(at+"every", w.Every, 0, 1<<31-1)
	c.probability(at+"probability", w.Probability)
	c.probability(at+"share", w.Share)
	c.prefixes(at+"to", w.To...)
	c.proto(at+"proto", w.Proto)
	c.kind(at+"error", w.Error, true)
}

func (c *checker) misquote(at string, m *Misquote) {
	if m != nil {
		c.tos(at+"ttl", m.TTL)
		c.tos(at+"tos", m.TOS)
	}
}
