package netsim

import (
	"net/netip"
	"slices"
	"time"

	"github.com/netdiag/netdiag/internal/packet"
)

// Host is a node that answers. It does not forward.
type Host struct {
	Name string `json:"name"`
	// Addrs are its addresses. It answers for every address of a prefix, from that.
	Addrs  []netip.Prefix `json:"addrs"`
	Routes []Route        `json:"routes"` // Back ones only: the way its answers take
	TTL    int            `json:"ttl"`    // of its packets, 1 to 255; 0: 64
	// TOS is that of its packets, 0 to 255; nil: that of the packet answered, as with
	// routers.
	TOS  *int     `json:"tos"`
	Down []Window `json:"down"` // when it hears nothing
	// UDPEcho are UDP ports that send back what comes; UDPOpen take it in silence. Others
	// are reported as unreachable, unless UDPSilent is set.
	UDPEcho   []Ports `json:"udp_echo"`
	UDPOpen   []Ports `json:"udp_open"`
	UDPSilent bool    `json:"udp_silent"`
	// TCPOpen are TCP ports that take connections, and close them when the other side
	// does. Others answer with a reset.
	TCPOpen    []Ports `json:"tcp_open"`
	ErrorLimit *Limit  `json:"error_limit"` // of ICMP errors other than those of Faults; nil: none
	Quote      Quote   `json:"quote"`       // of these errors
	Faults     []Fault `json:"faults"`
	// Anycast allows other hosts that have it, too, to have the same addresses or prefixes.
	// Where no Route says otherwise, packets go to the nearest.
	Anycast bool `json:"anycast"`
}

// answer is what a node has to say to a packet: a message, or an error.
type answer struct {
	upper []byte
	echo  packet.Echo // what upper is made of, if isEcho
	err   Kind        // of an ICMP error instead
	// isEcho says that the answer is an echo reply, to be made of echo.
	isEcho    bool
	misquotes []*Misquote // of err
}

// outgoing is the IP side of a packet that a node sends, and when it does.
type outgoing struct {
	src            netip.Addr
	proto          uint8
	ttl, tos       uint8
	delay, spacing time.Duration
	copies         int // beside the first
	truncate       *int
	badChecksum    bool
}

// local hands f to the node nd, whose packet it is.
func (n *Network) local(nd *node, f *flight) {
	if !nd.reassemble(f) || nd.router != nil && nd.router.Silent {
		return
	}
	a, ok := n.answer(nd, f)
	if !ok {
		return
	}
	nd.probes++
	out := outgoing{src: f.h.Dst, proto: f.h.Proto, ttl: nd.ttl, tos: f.h.TOS}
	if nd.tos != nil {
		out.tos = uint8(*nd.tos)
	}
	if len(nd.faults) == 0 {
		n.say(nd, f, a, out)
		return
	}
	p := probe{number: nd.probes, h: &f.h, upper: f.h.Payload(f.pkt), seq: -1, err: a.err}
	if a.isEcho {
		p.seq = int(a.echo.Seq)
	}
	n.fault(nd, f, a, out, nd.effects(nd.faults, &p))
}

// fault says a as e has it.
func (n *Network) fault(nd *node, f *flight, a answer, out outgoing, e effect) {
	e.apply(&out)
	if a.isEcho {
		for _, foreign := range e.foreign {
			n.sayForeign(nd, f, a.echo, out, foreign)
		}
	}
	if e.silent || n.sayErrors(nd, f, out, e) {
		return
	}
	a.misquotes = e.misquotes
	if len(e.edits) > 0 && a.isEcho {
		a.echo.Data = slices.Clone(a.echo.Data)
		for _, edit := range e.edits {
			edit.edit(&a.echo)
		}
	}
	n.say(nd, f, a, out)
}

// sayErrors sends the errors that e has in place of the answer that out would be, or beside
// it, and reports whether there is one in its place.
func (n *Network) sayErrors(nd *node, f *flight, out outgoing, e effect) (replaced bool) {
	for _, wrong := range e.errors {
		replaced = replaced || !wrong.WithReply
		report := errorReport{
			kind: wrong.Kind, typ: wrong.Type, code: wrong.Code, mtu: wrong.MTU, gateway: wrong.Gateway,
			pointer: wrong.Pointer, quote: &wrong.Quote, misquotes: e.misquotes, out: out,
		}
		if wrong.Misquote != nil {
			report.misquotes = append(slices.Clone(e.misquotes), wrong.Misquote)
		}
		report.out.delay += wrong.After
		if packet.FamilyOf(wrong.From) == f.h.Family {
			report.out.src = wrong.From
		}
		n.report(nd, f, &report)
	}
	return replaced
}

// say sends the answer a.
func (n *Network) say(nd *node, f *flight, a answer, out outgoing) {
	switch {
	case a.err != "":
		if nd.limit.allow(f.at, f.h.Dst) {
			n.report(nd, f, &errorReport{kind: a.err, quote: nd.quote, misquotes: a.misquotes, out: out})
		}
	case a.isEcho:
		n.upper = packet.AppendEcho(n.upper[:0], f.h.Family, a.echo)
		if f.h.Family == packet.IPv6 {
			packet.SetChecksum(out.proto, out.src, f.h.Src, n.upper)
		}
		n.emit(nd, f, out, n.upper)
	default:
		packet.SetChecksum(out.proto, out.src, f.h.Src, a.upper)
		n.emit(nd, f, out, a.upper)
	}
}

// sayForeign sends another process's echo reply.
func (n *Network) sayForeign(nd *node, f *flight, e packet.Echo, out outgoing, foreign *Foreign) {
	if foreign.ID != nil {
		e.ID = *foreign.ID
	}
	e.Data = slices.Clone(e.Data)
	for i := range e.Data {
		e.Data[i] = uint8(nd.rng.Uint32())
	}
	n.say(nd, f, answer{isEcho: true, echo: e}, out)
}

// answer returns what nd answers to the packet f, which is for it and whole; ok is false
// where that is nothing. Packets with a wrong checksum are not heard.
func (n *Network) answer(nd *node, f *flight) (a answer, ok bool) {
	upper := f.h.Payload(f.pkt)
	switch f.h.Proto {
	case f.h.Family.ICMPProto():
		e, err := packet.ParseEcho(f.h.Family, upper)
		if err != nil || e.Reply || !intact(f, upper) {
			return a, false
		}
		e.Reply = true
		return answer{isEcho: true, echo: e}, true
	case packet.ProtoUDP:
		return nd.answerUDP(f, upper)
	case packet.ProtoTCP:
		a.upper, ok = nd.answerTCP(f, upper)
		return a, ok
	}
	return answer{err: ProtocolUnreachable}, true
}

func (nd *node) answerUDP(f *flight, upper []byte) (a answer, ok bool) {
	u, err := packet.ParseUDP(upper)
	if err != nil || int(u.Length) < 8 || int(u.Length) > len(upper) {
		return a, false
	}
	unsummed := u.Checksum == 0 && f.h.Family == packet.IPv4
	if !unsummed && !intact(f, upper) {
		return a, false
	}
	switch {
	case inPorts(nd.udpEcho, u.DstPort):
		back := packet.UDP{SrcPort: u.DstPort, DstPort: u.SrcPort}
		return answer{upper: back.Append(nil, upper[8:u.Length])}, true
	case inPorts(nd.udpOpen, u.DstPort), nd.udpSilent:
		return a, false
	}
	return answer{err: PortUnreachable}, true
}

// intact reports whether the checksum of f's upper layer is right.
func intact(f *flight, upper []byte) bool {
	return packet.TransportChecksum(f.h.Proto, f.h.Src, f.h.Dst, upper) == 0
}

// emit sends upper, whose checksum is set, from nd to the sender of f.
func (n *Network) emit(nd *node, f *flight, out outgoing, upper []byte) {
	if out.truncate != nil && *out.truncate < len(upper) {
		upper = upper[:*out.truncate]
		packet.SetChecksum(out.proto, out.src, f.h.Src, upper)
	}
	if out.badChecksum {
		spoilChecksum(out.proto, upper)
	}
	h := packet.Header{Family: f.h.Family, Src: out.src, Dst: f.h.Src, Proto: out.proto, TTL: out.ttl, TOS: out.tos}
	for i := range 1 + out.copies {
		nd.ipID++
		h.ID = nd.ipID
		pkt := h.Append(make([]byte, 0, 40+len(upper)), upper)
		n.back(nd, f.at+out.delay+time.Duration(i)*out.spacing, pkt)
	}
}

// spoilChecksum makes the checksum of upper wrong.
func spoilChecksum(proto uint8, upper []byte) {
	if at := checksumOffset(proto); at >= 0 && at < len(upper) {
		upper[at] ^= 0x55
	}
}

// checksumOffset returns where the checksum of protocol proto stands, or -1.
func checksumOffset(proto uint8) int {
	switch proto {
	case packet.ProtoICMP, packet.ProtoICMPv6:
		return 2
	case packet.ProtoUDP:
		return 6
	case packet.ProtoTCP:
		return 16
	}
	return -1
}
