package netsim

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/netdiag/netdiag/internal/packet"
)

// Hex is bytes that JSON has as a string of hexadecimal digits.
type Hex []byte

// UnmarshalText implements encoding.TextUnmarshaler.
func (h *Hex) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	if err != nil {
		return err
	}
	*h = b
	return nil
}

// Proto names a protocol above IP: "icmp" (of either family), "udp", "tcp" or a number
// from 0 to 255. Empty: any.
type Proto string

// number returns the protocol's number, -1 for any and -2 for one that is not known.
func (p Proto) number() int {
	switch p {
	case "":
		return -1
	case "icmp":
		return packet.ProtoICMP
	case "udp":
		return packet.ProtoUDP
	case "tcp":
		return packet.ProtoTCP
	}
	if v, err := strconv.ParseUint(string(p), 10, 8); err == nil {
		return int(v)
	}
	return -2
}

func (p Proto) matches(proto uint8) bool {
	if p == "" {
		return true
	}
	want := p.number()
	return want == int(proto) || p == "icmp" && proto == packet.ProtoICMPv6
}

// Ports is a range of ports, both ends included. In JSON it is 80, "80" or "8000-8100".
type Ports struct{ First, Last uint16 }

// Port returns the range of one port.
func Port(p uint16) Ports { return Ports{p, p} }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *Ports) UnmarshalText(text []byte) error {
	first, last, isRange := strings.Cut(string(text), "-")
	if !isRange {
		last = first
	}
	a, errA := strconv.ParseUint(first, 10, 16)
	b, errB := strconv.ParseUint(last, 10, 16)
	if errA != nil || errB != nil || a > b {
		return fmt.Errorf("invalid ports %q", text)
	}
	*p = Ports{uint16(a), uint16(b)}
	return nil
}

func (p Ports) contains(port uint16) bool { return p.First <= port && port <= p.Last }

func inPorts(ps []Ports, port uint16) bool {
	for _, p := range ps {
		if p.contains(port) {
			return true
		}
	}
	return false
}

// containsPort reports whether the packet of h, whose upper layer begins with b, goes to
// one of the ports.
func containsPort(ps []Ports, h *packet.Header, b []byte) bool {
	_, dst, ok := portsOf(h, b)
	return ok && inPorts(ps, dst)
}

// portsOf returns the ports of a UDP or TCP packet.
func portsOf(h *packet.Header, b []byte) (src, dst uint16, ok bool) {
	if h.Proto != packet.ProtoUDP && h.Proto != packet.ProtoTCP || h.FragOffset > 0 || len(b) < 4 {
		return 0, 0, false
	}
	return uint16(b[0])<<8 | uint16(b[1]), uint16(b[2])<<8 | uint16(b[3]), true
}

func containsAddr(ps []netip.Prefix, a netip.Addr) bool {
	for _, p := range ps {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// Addrs parses addresses for a literal Topology. It panics where one is not valid.
func Addrs(s ...string) []netip.Addr {
	as := make([]netip.Addr, len(s))
	for i := range s {
		as[i] = netip.MustParseAddr(s[i])
	}
	return as
}

// Prefixes parses prefixes for a literal Topology; an address is a prefix of its own. It
// panics where one is not valid.
func Prefixes(s ...string) []netip.Prefix {
	ps := make([]netip.Prefix, len(s))
	for i := range s {
		p, err := parsePrefix(s[i])
		if err != nil {
			panic(err)
		}
		ps[i] = p
	}
	return ps
}

func parsePrefix(s string) (netip.Prefix, error) {
	if strings.Contains(s, "/") {
		return netip.ParsePrefix(s)
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	if a.Zone() != "" {
		return netip.Prefix{}, fmt.Errorf("%v: an address has no zone here", a)
	}
	return netip.PrefixFrom(a, a.BitLen()), nil
}
