package netsim

import (
	"net/netip"

	"github.com/netdiag/netdiag/internal/packet"
)

// Quote says what an ICMP error carries of the packet it is about, and beside it.
type Quote struct {
	// Short quotes the IP header and 8 bytes (RFC 792). Else as much as fits into 576
	// bytes on IPv4 (RFC 1812 section 4.3.2.3) and 1280 on IPv6 (RFC 4443 section 2.4),
	// or with extensions into the 128 bytes before them (RFC 4884).
	Short bool `json:"short"`
	// Options are IPv4 options that the quoted header has got on the way: a multiple of 4
	// bytes, at most 40.
	Options Hex `json:"options"`
	// MPLS is the label stack that the packet had (RFC 4950), from the top.
	MPLS []Label `json:"mpls"`
	// Interface is that of the router, of RFC 5837.
	Interface *Interface `json:"interface"`
}

// Label is an entry of a label stack.
type Label struct {
	Label uint32 `json:"label"` // 20 bits
	TC    uint8  `json:"tc"`    // 3 bits
	TTL   uint8  `json:"ttl"`
}

// Interface is what a router tells of one of its interfaces.
type Interface struct {
	Role  uint8      `json:"role"` // 0 incoming, 1 its sub-IP component, 2 outgoing, 3 next hop
	Index uint32     `json:"index"`
	Addr  netip.Addr `json:"addr"`
	Name  string     `json:"name"` // at most 63 bytes
	MTU   int        `json:"mtu"`
}

func (q *Quote) extensions() packet.Extensions {
	var e packet.Extensions
	for i, l := range q.MPLS {
		e.MPLS = append(e.MPLS, packet.Label{Label: l.Label, TC: l.TC, TTL: l.TTL, Bottom: i == len(q.MPLS)-1})
	}
	if i := q.Interface; i != nil {
		e.Interfaces = []packet.Interface{{Role: i.Role, Index: i.Index, Addr: i.Addr, Name: i.Name, MTU: i.MTU}}
	}
	return e
}

// cut returns what is quoted of f.
func (q *Quote) cut(f *flight) []byte {
	quoted, headerLen := f.pkt, f.h.HeaderLen
	if len(q.Options) > 0 && f.h.Family == packet.IPv4 {
		h := f.h
		h.Options = q.Options
		quoted = h.Append(nil, f.h.Payload(f.pkt))
		headerLen = 20 + len(q.Options)
	}
	limit := 576 - 20 - packet.EchoHeaderLen
	if f.h.Family == packet.IPv6 {
		limit = 1280 - 40 - packet.EchoHeaderLen
	}
	if q.Short {
		limit = headerLen + 8
	}
	if len(q.MPLS) > 0 || q.Interface != nil {
		limit = min(limit, 128)
	}
	return quoted[:min(limit, len(quoted))]
}

// errorReport is an ICMP error to send.
type errorReport struct {
	kind    Kind
	typ     *uint8 // instead of the kind's
	code    *uint8
	mtu     int
	gateway netip.Addr
	pointer int
	quote   *Quote
	// misquotes change the quote, and foreign makes it that of another process's packet.
	misquotes []*Misquote
	foreign   *Foreign
	out       outgoing // proto aside
}

// reportable reports whether an ICMP error may be sent about f at all.
func reportable(f *flight) bool {
	if f.h.FragOffset > 0 || f.h.Dst.IsMulticast() || f.h.Src.IsMulticast() || f.h.Src.IsUnspecified() {
		return false
	}
	upper := f.h.Payload(f.pkt)
	return f.h.Proto != f.h.Family.ICMPProto() || len(upper) > 0 && !packet.IsError(f.h.Family, upper[0])
}

// report sends the ICMP error e about f from nd. Where the family has no such error, or
// nd no address to send it from, there is none.
func (n *Network) report(nd *node, f *flight, e *errorReport) {
	tc, ok := e.kind.wire(f.h.Family)
	if e.typ != nil {
		tc.typ, ok = *e.typ, true
	}
	if e.code != nil {
		tc.code = *e.code
	}
	if !ok || !e.out.src.IsValid() || !reportable(f) {
		return
	}
	m := packet.Error{
		Family: f.h.Family, Type: tc.typ, Code: tc.code,
		MTU: e.mtu, Gateway: e.gateway, Pointer: e.pointer, Extensions: e.quote.extensions(),
	}
	quoted := e.quote.cut(f)
	if e.foreign != nil || len(e.misquotes) > 0 {
		quoted = nd.misquote(quoted, e.foreign, e.misquotes)
	}
	n.upper = packet.AppendError(n.upper[:0], &m, quoted)
	e.out.proto = f.h.Family.ICMPProto()
	packet.SetChecksum(e.out.proto, e.out.src, f.h.Src, n.upper)
	n.emit(nd, f, e.out, n.upper)
}
