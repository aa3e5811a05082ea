package netsim

import "net/netip"

// Rule is a rule of a firewall. It matches the packets for which all that is set holds.
type Rule struct {
	Proto Proto          `json:"proto"`
	From  []netip.Prefix `json:"from"`
	To    []netip.Prefix `json:"to"`
	Ports []Ports        `json:"ports"` // destination ports of UDP and TCP
	// Probability, 0 to 1, that it matches what it could; 0: always.
	Probability float64 `json:"probability"`
	// Back makes it a rule for packets on their way back to the vantage, and for no
	// others; it can only Accept and Drop.
	Back   bool   `json:"back"`
	Action Action `json:"action"` // Accept, Drop, Reject or Reset
	Error  Kind   `json:"error"`  // of Reject; empty: Prohibited
	// Type and Code replace those that Error stands for, in whatever family the packet
	// has.
	Type *uint8 `json:"type"`
	Code *uint8 `json:"code"`
}

func (r *Rule) matches(nd *node, f *flight) bool {
	switch {
	case !r.Proto.matches(f.h.Proto),
		len(r.From) > 0 && !containsAddr(r.From, f.h.Src),
		len(r.To) > 0 && !containsAddr(r.To, f.h.Dst),
		len(r.Ports) > 0 && !containsPort(r.Ports, &f.h, f.h.Payload(f.pkt)),
		r.Probability > 0 && nd.rng.Float64() >= r.Probability:
		return false
	}
	return true
}

// decide returns the first rule that matches f, nil for none.
func (r *router) decide(nd *node, f *flight, back bool) *Rule {
	for i := range r.Firewall {
		if rule := &r.Firewall[i]; rule.Back == back && rule.matches(nd, f) {
			return rule
		}
	}
	return nil
}

// admit reports whether the firewall of nd lets f out, and answers if it is to.
func (n *Network) admit(nd *node, f *flight) bool {
	rule := nd.router.decide(nd, f, false)
	if rule == nil {
		return true
	}
	switch rule.Action {
	case Accept:
		return true
	case Reset:
		if segment, ok := resetFor(f); ok {
			n.upper = append(n.upper[:0], segment...)
			n.emit(nd, f, outgoing{src: f.h.Dst, proto: f.h.Proto, ttl: nd.ttl}, n.upper)
			return false
		}
		n.reject(nd, f, rule)
	case Reject:
		n.reject(nd, f, rule)
	}
	return false
}

func (n *Network) reject(nd *node, f *flight, rule *Rule) {
	kind := rule.Error
	if kind == "" {
		kind = Prohibited
	}
	n.routerError(nd, f, &errorReport{kind: kind, typ: rule.Type, code: rule.Code})
}
