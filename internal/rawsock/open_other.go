//go:build !linux

package rawsock

import (
	"errors"

	"github.com/netdiag/netdiag/internal/packet"
	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// Open opens a Conn over golang.org/x/net/icmp: one packet a system call, this process's
// time stamps, ICMP errors on raw sockets only. What the system cannot do for cfg is an error that
// wraps errors.ErrUnsupported.
func Open(cfg Config) (Conn, error) {
	if err := supported(cfg); err != nil {
		return nil, err
	}
	c := newConn()
	if err := c.open(cfg); err != nil {
		return nil, err
	}
	logSockets(cfg.Logger, c)
	return c, nil
}

// open opens the sockets of cfg, for families that are not refused already, and begins to read from them. It is an
// error only when there is none.
func (c *conn) open(cfg Config) error {
	var failed error
	for i, f := range families {
		if !wanted(cfg, f) {
			c.refused[i] = errors.New("address family not asked for")
			continue
		}
		if c.refused[i] == nil {
			c.sockets[i], c.refused[i] = openSocket(cfg, f)
		}
		failed = errors.Join(failed, c.refused[i])
	}
	if c.sockets[0] == nil && c.sockets[1] == nil {
		return failed
	}
	for _, s := range c.sockets {
		if s != nil {
			c.readers.Go(func() { c.receive(s, cfg.messageSize()) })
		}
	}
	return nil
}

// supported returns an error for what no socket here can be told.
func supported(cfg Config) error {
	switch {
	case cfg.Interface != "":
		return unsupported("binding to an interface")
	case cfg.Mark != 0:
		return unsupported("a mark")
	case cfg.PMTU != PMTUDefault:
		return unsupported("path MTU discovery by choice")
	}
	return nil
}

func unsupported(what string) error {
	return &unsupportedError{what}
}

type unsupportedError struct{ what string }

func (e *unsupportedError) Error() string { return e.what + " is not supported on this system" }
func (e *unsupportedError) Unwrap() error { return errors.ErrUnsupported }

// socket is an x/net connection of one family, raw or not.
type socket struct {
	family packet.Family
	raw    bool
	pc     *icmp.PacketConn
}

// networks names the kinds of sockets to x/net, and the address to listen on.
var networks = map[packet.Family]struct{ ping, raw, any string }{
	packet.IPv4: {"udp4", "ip4:icmp", "0.0.0.0"},
	packet.IPv6: {"udp6", "ip6:ipv6-icmp", "::"},
}

func openSocket(cfg Config, f packet.Family) (*socket, error) {
	n, failed := networks[f], &OpenError{}
	address := n.any
	if cfg.Source.IsValid() {
		address = cfg.Source.String()
	}
	if cfg.Mode != Privileged {
		pc, err := icmp.ListenPacket(n.ping, address)
		if err == nil {
			return configured(&socket{f, false, pc}, cfg)
		}
		failed.Ping = err
	}
	if cfg.Mode != Unprivileged {
		pc, err := icmp.ListenPacket(n.raw, address)
		if err == nil {
			return configured(&socket{f, true, pc}, cfg)
		}
		failed.Raw = err
	}
	return nil, failed
}

func configured(s *socket, cfg Config) (*socket, error) {
	var err error
	if p := s.pc.IPv4PacketConn(); s.family == packet.IPv4 && p != nil {
		_ = p.SetControlMessage(ipv4.FlagTTL|ipv4.FlagDst|ipv4.FlagInterface, true) // where there is such a thing
		if cfg.TTL != 0 {
			err = p.SetTTL(cfg.TTL)
		}
		if cfg.TOS != 0 {
			err = errors.Join(err, p.SetTOS(cfg.TOS))
		}
	}
	if p := s.pc.IPv6PacketConn(); s.family == packet.IPv6 && p != nil {
		_ = p.SetControlMessage(ipv6.FlagHopLimit|ipv6.FlagTrafficClass|ipv6.FlagDst|ipv6.FlagInterface, true)
		if cfg.TTL != 0 {
			err = p.SetHopLimit(cfg.TTL)
		}
		if cfg.TOS != 0 {
			err = errors.Join(err, p.SetTrafficClass(cfg.TOS))
		}
	}
	if err != nil {
		s.pc.Close()
		return nil, err
	}
	return s, nil
}
