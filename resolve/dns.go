package resolve

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// stub returns what asks the name servers for one call.
func (s *System) stub() *stub {
	st := &stub{ask: s.ask, client: s.Client, conf: s.Resolv, race: s.Race, turn: s.turn}
	if st.client == nil {
		st.client = &s.own
	}
	if st.ask == nil {
		st.ask = func(ctx context.Context, c *Client, s Server, q Question) (*Exchange, error) {
			return c.Exchange(ctx, s, q)
		}
	}
	switch o := s.Resolv.Options; {
	case o.reopen:
		st.mode = reopened
	case o.SingleRequest:
		st.mode = oneByOne
	}
	return st
}

// plainStub is stub for what the C library asks.
func (s *System) plainStub() *stub {
	st := s.stub()
	st.plain = !s.Resolv.Options.EDNS0
	return st
}

// Query asks the system's name servers, as the C library tries them; the name is taken as it is, without the
// search list, and as far as the server takes it with EDNS. The error is about the question, or ctx's.
func (s *System) Query(ctx context.Context, q Question) (*Lookup, error) {
	q = q.normal()
	if _, err := appendName(nil, q.Name); err != nil {
		return nil, fmt.Errorf("resolve: %w", err)
	}
	st := s.stub()
	st.lenient = true
	o, err := st.query(ctx, []Question{q})
	if err != nil {
		return nil, err
	}
	return &o.lookups[0], nil
}

// dnsAddrs asks the name servers for the addresses of a name, unless the name is one that they are not asked for.
func (s *System) dnsAddrs(ctx context.Context, name string, family Family) (result, error) {
	sp, isSpecial := specialName(name)
	if isSpecial && !sp.asked {
		return sp.answer(family), nil
	}
	r, err := s.askAddrs(ctx, name, family, s.Explain)
	if isSpecial && err == nil {
		r.step.Detail += "; " + sp.String()
	}
	return r, err
}

// askAddrs asks the name servers for the addresses of a name, and with explain for the reason of a failure.
func (s *System) askAddrs(ctx context.Context, name string, family Family, explain bool) (result, error) {
	r := result{step: Step{Source: "dns"}}
	ascii, err := ToASCII(name)
	if err != nil {
		r.step.Status, r.step.Detail = nssUnavail, err.Error()
		r.verdict, r.reason = VerdictError, err.Error()
		return r, nil
	}
	found, err := s.plainStub().search(ctx, ascii, addressTypes(family))
	if err != nil {
		return r, err
	}
	r.step.Lookups = found.lookups
	for _, l := range found.final.lookups {
		r.take(l)
	}
	if explain {
		s.explain(ctx, found.final.lookups)
	}
	r.conclude(found, family)
	return r, nil
}

// explainLimit is how long a server may take to say why it failed.
const explainLimit = time.Second

// explain asks the server of the first lookup that failed once more, with EDNS, for its reason (RFC 8914).
func (s *System) explain(ctx context.Context, lookups []Lookup) {
	st := s.plainStub()
	for i := range lookups {
		l := &lookups[i]
		if !st.plain || st.client.Options.NoEDNS || l.Final == nil || l.Final.Message == nil || l.Verdict != VerdictServFail && l.Verdict != VerdictRefused {
			continue
		}
		x, err := st.ask(ctx, st.client.derive(explainLimit, 1), l.Final.Server, l.Question)
		if err != nil || x.Message == nil || x.Message.EDNS == nil || x.Message.Rcode != l.Final.Message.Rcode {
			return
		}
		for _, e := range x.Message.EDNS.Errors {
			l.Reason += " (" + e.String() + ")"
		}
		return
	}
}

// addressTypes are the types of a family's addresses.
func addressTypes(family Family) []Type {
	switch family {
	case IPv4:
		return []Type{TypeA}
	case IPv6:
		return []Type{TypeAAAA}
	}
	return []Type{TypeA, TypeAAAA}
}

// take takes over the addresses that a lookup found. The canonical name is that at the end of the first chain.
func (r *result) take(l Lookup) {
	if l.Verdict != VerdictAnswer || l.Final == nil || l.Final.Message == nil {
		return
	}
	chain := l.Final.Message.Follow(l.Question)
	canonical := strings.TrimSuffix(chain.Name, ".")
	for _, record := range chain.Records {
		if !record.Addr.IsValid() {
			continue
		}
		if r.canonical == "" {
			r.canonical = canonical
		}
		r.addrs = append(r.addrs, Address{Addr: record.Addr, Canonical: canonical, Origin: Origin{Source: "dns",
			Server: l.Final.Server, TTL: record.TTL, RTT: l.Final.RTT}})
	}
}

// conclude says what the search came to.
func (r *result) conclude(found searched, family Family) {
	final := found.final
	var failed *Lookup // of several, the one that says more than that there is nothing
	for i := range final.lookups {
		l := &final.lookups[i]
		if l.Verdict != VerdictAnswer && (failed == nil || failed.Verdict == VerdictNoData && l.Verdict != VerdictNoData) {
			failed = l
		}
	}
	if failed != nil {
		r.step.Decided = failed.Final
	}
	if len(r.addrs) > 0 {
		at := slices.IndexFunc(final.lookups, func(l Lookup) bool { return l.Verdict == VerdictAnswer })
		r.step.Decided = final.lookups[at].Final
		r.step.Status, r.verdict = nssSuccess, VerdictAnswer
		r.step.Detail = fmt.Sprintf("%v: %s", r.addrs[0].Origin.Server, family.addresses(len(r.addrs)))
		if failed != nil && failed.Verdict > VerdictNXDomain {
			r.step.Detail += fmt.Sprintf("; the question for %v failed (%s), and the C library makes do without it",
				failed.Question.Type, failed.Reason)
		}
		r.reason = r.step.Detail
		return
	}
	r.step.Status = nssNotFound
	if found.last.code == codeTryAgain {
		r.step.Status = nssUnavail
	}
	if failed != nil {
		r.verdict, r.reason = failed.Verdict, failed.Reason
		if others := final.lookups[1:]; failed.Verdict == VerdictNoData && failed == &final.lookups[0] && len(others) > 0 {
			r.reason += ", and no " + others[0].Question.Type.String() + " record"
		}
	} else { // answers that lead to no address
		r.verdict, r.reason = VerdictNoData, "the answer has no address"
	}
	var tried []string
	for _, l := range found.lookups {
		if n := len(tried); n == 0 || tried[n-1] != l.Question.Name {
			tried = append(tried, l.Question.Name)
		}
	}
	if len(tried) > 1 {
		r.reason += "; tried " + strings.Join(tried, ", ")
	}
	r.step.Detail = r.reason
}

// dnsNames asks the name servers for the names of an address, unless it is one that they are not asked for.
func (s *System) dnsNames(ctx context.Context, addr netip.Addr) (result, error) {
	if r, ok := specialNames(addr); ok {
		return r, nil
	}
	o, err := s.plainStub().query(ctx, []Question{Question{Name: ReverseName(addr), Type: TypePTR}.normal()})
	if err != nil {
		return result{}, err
	}
	l := o.lookups[0]
	r := result{step: Step{Source: "dns", Status: nssNotFound, Lookups: o.lookups, Decided: l.Final}, verdict: l.Verdict, reason: l.Reason}
	if o.unreached {
		r.step.Status = nssUnavail
	}
	if l.Verdict == VerdictAnswer && l.Final != nil && l.Final.Message != nil {
		for _, record := range l.Final.Message.Follow(l.Question).Records {
			r.names = append(r.names, strings.TrimSuffix(record.Target, "."))
		}
	}
	if len(r.names) > 0 {
		r.origin = Origin{Server: l.Final.Server, RTT: l.Final.RTT, TTL: l.Final.Message.Follow(l.Question).Records[0].TTL}
		r.step.Status, r.canonical = nssSuccess, r.names[0]
		r.reason = fmt.Sprintf("%v says %s", l.Final.Server, l.Question.Name+" PTR")
	}
	r.step.Detail = r.reason
	return r, nil
}

// ReverseName returns the name under which DNS has the names of an address, absolute (RFC 1035 section 3.5, RFC 3596
// section 2.5). A zone is left out, and an IPv4-mapped IPv6 address counts as the IPv4 address.
func ReverseName(addr netip.Addr) string {
	addr = addr.Unmap()
	var b strings.Builder
	for _, octet := range slices.Backward(addr.AsSlice()) {
		if addr.Is4() {
			fmt.Fprintf(&b, "%d.", octet)
			continue
		}
		fmt.Fprintf(&b, "%x.%x.", octet&0xf, octet>>4)
	}
	if addr.Is4() {
		return b.String() + "in-addr.arpa."
	}
	return b.String() + "ip6.arpa."
}
