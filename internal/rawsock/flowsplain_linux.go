package rawsock

import (
	"encoding/binary"
	"errors"
	"slices"

	"github.com/netdiag/netdiag/internal/packet"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// plainHalf sends and receives without privilege.
type plainHalf struct {
	c       *flows
	family  packet.Family
	ping    *socket // nil: refused says why
	refused error
	udp     map[uint16]*socket // by source port
}

// openPlain opens what there may be for a family without privilege before it is known which packets are sent.
func (c *flows) openPlain(f packet.Family) (half, error) {
	h := &plainHalf{c: c, family: f, udp: make(map[uint16]*socket)}
	// A socket that shows that the configuration is possible, and that keeps the kernel stamping what it
	// receives: it begins to do so only some time after a socket first asks.
	if _, err := h.openUDP(0); err != nil {
		return nil, err
	}
	h.ping, h.refused = h.openPing()
	if h.refused != nil && (c.config.Proto == packet.ProtoICMP || c.config.Proto == packet.ProtoICMPv6) {
		return nil, h.refused
	}
	return h, nil
}

// openPing opens the ping socket.
func (h *plainHalf) openPing() (*socket, error) {
	config := h.c.config.Config
	config.Mode = Unprivileged
	s, err := openSocket(config, h.family, &h.c.lanes)
	if err != nil {
		return nil, err
	}
	if err := setOptions(s.fd, Config{}, labelOptions(h.family)); err != nil {
		unix.Close(s.fd)
		return nil, err
	}
	if _, err := h.c.watch(s, unix.EPOLLIN); err != nil {
		return nil, err
	}
	return s, nil
}

// openUDP opens the socket of a source port. With 0 it gets any port, and nothing by it.
func (h *plainHalf) openUDP(port uint16) (*socket, error) {
	config := h.c.config.Config
	fd, err := h.c.socket(h.family, unix.SOCK_DGRAM, 0)
	if err != nil {
		return nil, err
	}
	s := newSocket(fd, h.family, false, config.messageSize(), h.c.lanes)
	s.proto, s.port = packet.ProtoUDP, port
	if port == 0 {
		err = attach(fd, []bpf.Instruction{bpf.RetConstant{Val: rejected}})
	}
	if err == nil {
		err = s.configure(config, slices.Concat(s.options(config), ownOptions(h.family)))
	}
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	if _, err := h.c.watch(s, unix.EPOLLIN); err != nil {
		return nil, err
	}
	return s, nil
}

// ownOptions keep a port of IPv6 apart from that of IPv4, and flow labels as they are.
func ownOptions(f packet.Family) []option {
	if f == packet.IPv4 {
		return nil
	}
	return append(labelOptions(f), option{unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1, false, "the option for IPv6 only"})
}

// labelOptions keep the kernel from making flow labels up.
func labelOptions(f packet.Family) []option {
	if f == packet.IPv4 {
		return nil
	}
	return []option{{unix.IPPROTO_IPV6, unix.IPV6_AUTOFLOWLABEL, 0, false, "the option to leave flow labels alone"}}
}

func (h *plainHalf) socket() Socket {
	if h.ping == nil {
		return Socket{}
	}
	return Socket{ID: h.ping.id, ReceiveBuffer: h.ping.receiveBuffer}
}

func (h *plainHalf) write(one []Packet, proto uint8) error {
	err := h.send(one, proto)
	if label := one[0].Flow; h.family == packet.IPv6 && label != 0 && errors.Is(err, unix.EINVAL) {
		// Before Linux 5.3, and where a program has a label to itself, each has to be asked for first.
		one[0].Flow = 0
		err = h.send(one, proto)
		one[0].Flow = label
	}
	return err
}

// send is write, with a flow label that the kernel may refuse.
func (h *plainHalf) send(one []Packet, proto uint8) error {
	s, p := h.ping, &one[0]
	switch proto {
	case packet.ProtoTCP:
		return h.connect(p)
	case packet.ProtoUDP:
		port := binary.BigEndian.Uint16(p.Data)
		if s = h.udp[port]; s == nil {
			var err error
			if s, err = h.openUDP(port); err != nil {
				return err
			}
			h.udp[port] = s
		}
	default:
		if s == nil {
			return h.refused
		}
	}
	_, err := s.writeAfterErrors(one)
	return err
}
