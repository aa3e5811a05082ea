//go:build !linux && !windows

package rawsock

import (
	"cmp"
	"net"

	"github.com/netdiag/netdiag/internal/packet"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// openSender opens a raw socket that sends: on IPv4 whole packets, on IPv6 UDP, with a flow label of the system's.
func openSender(cfg Config, f packet.Family) (sender, error) {
	network, address := "ip4:255", "0.0.0.0"
	if f == packet.IPv6 {
		network, address = "ip6:17", "::"
	}
	if cfg.Source.IsValid() {
		address = cfg.Source.String()
	}
	pc, err := net.ListenPacket(network, address)
	if err != nil {
		return nil, err
	}
	if f == packet.IPv6 {
		return &sender6{cfg, ipv6.NewPacketConn(pc)}, nil
	}
	raw, err := ipv4.NewRawConn(pc)
	if err != nil {
		pc.Close()
		return nil, err
	}
	return &sender4{cfg, raw}, nil
}

// sender4 sends IPv4 packets.
type sender4 struct {
	config Config
	*ipv4.RawConn
}

func (s *sender4) write(p *Packet, proto uint8) error {
	source := p.Local
	if !source.IsValid() {
		source = s.config.Source
	}
	h := &ipv4.Header{
		Version: ipv4.Version, Len: ipv4.HeaderLen, TotalLen: ipv4.HeaderLen + len(p.Data),
		TOS: cmp.Or(p.TOS, s.config.TOS), ID: int(p.ID), Flags: ipv4.DontFragment,
		TTL: cmp.Or(p.TTL, s.config.TTL, 64), Protocol: int(proto),
		Src: source.Unmap().AsSlice(), Dst: p.Addr.Unmap().AsSlice(),
	}
	return s.WriteTo(h, p.Data, nil)
}

// sender6 sends UDP behind an IPv6 header that the system makes.
type sender6 struct {
	config Config
	*ipv6.PacketConn
}

func (s *sender6) write(p *Packet, _ uint8) error {
	source := p.Local
	if !source.IsValid() {
		source = s.config.Source
	}
	cm := &ipv6.ControlMessage{
		HopLimit: cmp.Or(p.TTL, s.config.TTL), TrafficClass: cmp.Or(p.TOS, s.config.TOS),
		IfIndex: p.Interface, Src: source.AsSlice(),
	}
	_, err := s.WriteTo(p.Data, cm, &net.IPAddr{IP: p.Addr.AsSlice(), Zone: p.Addr.Zone()})
	return err
}
