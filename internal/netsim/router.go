package netsim

import (
	"net/netip"
	"time"

	"github.com/netdiag/netdiag/internal/packet"
)

// Router is a node that forwards packets, and answers those for its own addresses as a
// host without open ports does.
type Router struct {
	Name string `json:"name"`
	// Addrs are its addresses, beside those of its links' interfaces.
	Addrs  []netip.Addr `json:"addrs"`
	Routes []Route      `json:"routes"`
	// Balance chooses between equal paths; empty: PerFlow. Hash is what a flow is to it;
	// empty: HashAll. Salt makes the hashes of routers differ: empty: the name. Routers
	// of the same Salt choose alike.
	Balance Balance `json:"balance"`
	Hash    Hash    `json:"hash"`
	Salt    string  `json:"salt"`

	TTL    int      `json:"ttl"`    // of packets of its own, 1 to 255; 0: 255
	Faults []Fault  `json:"faults"` // in answers to packets for its own addresses
	Down   []Window `json:"down"`   // when it drops everything

	// Silent sends nothing of its own, no error and no answer; SilentExpired sends no
	// time exceeded.
	Silent        bool `json:"silent"`
	SilentExpired bool `json:"silent_expired"`
	// ErrorLoss is the probability, 0 to 1, that it does not report what it could.
	ErrorLoss  float64 `json:"error_loss"`
	ErrorLimit *Limit  `json:"error_limit"` // nil: none
	// ErrorDelay is how long it takes to report, plus up to ErrorJitter, uniformly.
	ErrorDelay  time.Duration `json:"error_delay"`
	ErrorJitter time.Duration `json:"error_jitter"`
	// ErrorFrom are the addresses, one a family, that its errors come from. Where there
	// is none: that of the interface where the packet arrived, or else the first of
	// Addrs.
	ErrorFrom []netip.Addr `json:"error_from"`
	Quote     Quote        `json:"quote"`
	// ErrorFaults are what is wrong with the errors that it sends about packets on their way
	// through it. An error that is lost, or over the limit, does not count.
	ErrorFaults []Fault `json:"error_faults"`

	// Hidden forwards without counting down the TTL, so that it is no hop.
	Hidden bool `json:"hidden"`
	// ForwardZeroTTL forwards a packet whose TTL has ended with TTL 0, instead of
	// reporting it, so that the next router reports it and quotes that TTL.
	ForwardZeroTTL bool `json:"forward_zero_ttl"`
	// SetTTL is the TTL that every packet forwarded out gets, 1 to 255, as from a proxy; 0: what
	// counting down leaves. RaiseTTL, 0 to 254, is added to that, up to 255.
	SetTTL   int `json:"set_ttl"`
	RaiseTTL int `json:"raise_ttl"`
	// TOS is given to every packet forwarded out, 0 to 255; nil: left as it is. BleachECN
	// clears the two ECN bits.
	TOS       *int `json:"tos"`
	BleachECN bool `json:"bleach_ecn"`

	Firewall  []Rule         `json:"firewall"` // the first that matches decides; none: Accept
	NAT       *NAT           `json:"nat"`
	Redirects []RedirectRule `json:"redirects"`
}

// RedirectRule makes a router tell the sender of a better first hop (IPv4), and forward
// the packet all the same.
type RedirectRule struct {
	To      netip.Prefix `json:"to"`
	Gateway netip.Addr   `json:"gateway"`
}

// router is the state of a Router.
type router struct {
	*Router
	nat      *nat
	faults   []fault      // ErrorFaults
	reported map[Kind]int // errors so far, if there are ErrorFaults
}

// transit takes the packet f through the router nd, whose state it changes as a router
// does, and returns the line it leaves by; nil: it ends here. The order of steps is
// Linux's: route, TTL, MTU, firewall, and source address translation last, so that what
// this router quotes is untranslated.
func (n *Network) transit(nd *node, f *flight) *edge {
	r := nd.router
	e, refusal := n.route(nd, f)
	if e == nil {
		if refusal != "" {
			n.routerError(nd, f, &errorReport{kind: refusal})
		}
		return nil
	}
	expired := !r.Hidden && f.h.TTL <= 1
	if expired && (f.h.TTL == 0 || !r.ForwardZeroTTL) {
		if !r.SilentExpired {
			n.routerError(nd, f, &errorReport{kind: TTLExceeded})
		}
		return nil
	}
	if e.tooBig(f) {
		if !e.BlackHole {
			n.routerError(nd, f, &errorReport{kind: TooBig, mtu: e.MTU})
		}
		return nil
	}
	if !n.admit(nd, f) {
		return nil
	}
	for _, redirect := range r.Redirects {
		if redirect.To.Contains(f.h.Dst) && packet.FamilyOf(redirect.Gateway) == f.h.Family {
			n.routerError(nd, f, &errorReport{kind: RedirectHost, gateway: redirect.Gateway})
			break
		}
	}
	r.countDown(f)
	r.mark(f)
	if r.nat != nil && !r.nat.outbound(f) {
		return nil
	}
	return e
}

// countDown gives f the TTL that it leaves with.
func (r *router) countDown(f *flight) {
	ttl := int(f.h.TTL)
	if !r.Hidden {
		ttl--
	}
	if r.SetTTL > 0 {
		ttl = r.SetTTL
	}
	ttl = min(ttl+r.RaiseTTL, 255)
	if ttl != int(f.h.TTL) {
		f.h.TTL = uint8(ttl)
		setTTL(f.pkt, f.h.TTL)
	}
}

// mark rewrites TOS and ECN.
func (r *router) mark(f *flight) {
	tos := f.h.TOS
	if r.TOS != nil {
		tos = uint8(*r.TOS)
	}
	if r.BleachECN {
		tos &^= 3
	}
	if tos != f.h.TOS {
		f.h.TOS = tos
		setTOS(f.pkt, tos)
	}
}

// routerError sends an error about f, if the router nd does that just now.
func (n *Network) routerError(nd *node, f *flight, e *errorReport) {
	r := nd.router
	if r.Silent || !reportable(f) {
		return
	}
	if r.ErrorLoss > 0 && nd.rng.Float64() < r.ErrorLoss {
		return
	}
	if !nd.limit.allow(f.at, f.h.Dst) {
		return
	}
	e.out = outgoing{src: n.errorSource(nd, f.h.Family), ttl: nd.ttl, tos: f.h.TOS, delay: r.ErrorDelay}
	if r.ErrorJitter > 0 {
		e.out.delay += time.Duration(nd.rng.Int64N(int64(r.ErrorJitter)))
	}
	e.quote = &r.Quote
	if len(r.faults) == 0 {
		n.report(nd, f, e)
		return
	}
	if r.reported == nil {
		r.reported = make(map[Kind]int)
	}
	r.reported[e.kind]++
	p := probe{number: r.reported[e.kind], h: &f.h, upper: f.h.Payload(f.pkt), seq: -1, err: e.kind}
	if echo, err := packet.ParseEcho(f.h.Family, p.upper); err == nil && f.h.Proto == f.h.Family.ICMPProto() && !echo.Reply {
		p.seq = int(echo.Seq)
	}
	n.faultError(nd, f, e, nd.effects(r.faults, &p))
}

// faultError sends e as the faults have it.
func (n *Network) faultError(nd *node, f *flight, e *errorReport, wrong effect) {
	wrong.apply(&e.out)
	e.misquotes = wrong.misquotes
	for _, foreign := range wrong.foreign {
		other := *e
		other.foreign = foreign
		n.report(nd, f, &other)
	}
	if !wrong.silent && !n.sayErrors(nd, f, e.out, wrong) {
		n.report(nd, f, e)
	}
}

// errorSource returns the address that errors about a packet that has just arrived at nd
// come from.
func (n *Network) errorSource(nd *node, family packet.Family) netip.Addr {
	if a := firstOf(nd.router.ErrorFrom, family); a.IsValid() {
		return a
	}
	if len(n.trail) > 0 {
		if a := firstOf(n.trail[len(n.trail)-1].toAddrs, family); a.IsValid() {
			return a
		}
	}
	return firstOf(nd.addrs, family)
}

// firstOf returns the first address of a family, or the zero Addr.
func firstOf(as []netip.Addr, family packet.Family) netip.Addr {
	for _, a := range as {
		if packet.FamilyOf(a) == family {
			return a
		}
	}
	return netip.Addr{}
}
