package rawsock

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"

	"github.com/netdiag/netdiag/internal/packet"
	"golang.org/x/sys/unix"
)

// flows is a Conn of many flows, over any number of sockets, which an epoll instance watches.
type flows struct {
	waiter
	config  FlowsConfig
	halves  [2]half // by index of the family; nil: refused says why
	refused [2]error
	lanes   lanes  // of all sockets
	network uint64 // namespace in which sockets may be opened; 0: not known
	epoll   int
	events  [Batch]unix.EpollEvent

	// busy is held by whoever uses what follows. Nobody waits meanwhile.
	busy     sync.Mutex
	watched  map[uint64]watched // by the number that its events bear
	number   uint64             // of the last one
	byTuple  map[tuple]*attempt // those that wait
	attempts []*attempt         // in the order in which their time is over, with those that wait no more
}

// half is what a Conn of many flows sends with in one family. It is used with busy held.
type half interface {
	// write sends a packet, the upper layer of which is of the given protocol and not shorter than its header.
	write(one []Packet, proto uint8) error
	// socket tells about the half, but for Err.
	socket() Socket
}

// watched is a descriptor that is open and waited for.
type watched interface {
	descriptor() int
	// take fills ps from its n-th on, with what is there, and returns how full it is.
	take(ps []Packet, n int, events uint32) (int, error)
	// drops returns how many packets for it the system dropped.
	drops() uint64
}

// openFlows tries raw sockets first, which see more.
func openFlows(cfg FlowsConfig) (Conn, error) {
	switch cfg.Proto {
	case 0, packet.ProtoUDP, packet.ProtoTCP, packet.ProtoICMP, packet.ProtoICMPv6:
	default:
		return nil, fmt.Errorf("protocol %d: %w", cfg.Proto, errors.ErrUnsupported)
	}
	cfg.PMTU = pmtuProbe
	failed := &OpenError{}
	if cfg.Mode != Unprivileged {
		c, err := openHalves(cfg, (*flows).openRaw)
		if err == nil {
			return c, nil
		}
		refusal, ok := errors.AsType[*OpenError](err)
		if !ok || cfg.Mode == Privileged {
			return nil, err
		}
		failed.Raw = refusal.Raw
	}
	c, err := openHalves(cfg, (*flows).openPlain)
	if err == nil {
		return c, nil
	}
	if refusal, ok := errors.AsType[*OpenError](err); ok {
		failed.Ping = refusal.Ping
		return nil, failed
	}
	return nil, err
}

// openHalves opens a Conn whose halves the given function opens. As with Open it is an error only when there is
// neither.
func openHalves(cfg FlowsConfig, open func(*flows, packet.Family) (half, error)) (*flows, error) {
	place := newLane(Batch, controlSize, cfg.messageSize()+envelope)
	c := &flows{
		config: cfg,
		// A packet received has its place in the lane by its place in the batch, whichever socket it is from.
		lanes:   lanes{send: newLane(1, sendControlSize, 0), receive: place, errors: place},
		epoll:   -1,
		watched: make(map[uint64]watched),
		byTuple: make(map[tuple]*attempt),
	}
	if err := c.openWake(); err != nil {
		return nil, err
	}
	var err error
	if c.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		c.Close()
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	var failed error
	for i, f := range families {
		if !wanted(cfg.Config, f) {
			c.refused[i] = errors.New("address family not asked for")
			continue
		}
		before := c.number
		h, err := open(c, f)
		if err != nil {
			for n := before + 1; n <= c.number; n++ {
				c.drop(n)
			}
			c.refused[i] = err
			if failed == nil {
				failed = err
			}
			continue
		}
		c.halves[i] = h
	}
	if c.halves[0] == nil && c.halves[1] == nil {
		c.Close()
		return nil, failed
	}
	awaitStamps()
	logSockets(cfg.Logger, c)
	return c, nil
}

// watch waits for events of w from now on, and closes its descriptor with the Conn, or now if that fails.
func (c *flows) watch(w watched, events uint32) (number uint64, err error) {
	number = c.number + 1
	e := unix.EpollEvent{Events: events, Fd: int32(number), Pad: int32(number >> 32)}
	if err := unix.EpollCtl(c.epoll, unix.EPOLL_CTL_ADD, w.descriptor(), &e); err != nil {
		unix.Close(w.descriptor())
		return 0, os.NewSyscallError("epoll_ctl", err)
	}
	c.number = number
	c.watched[number] = w
	return number, nil
}

// socket opens a socket, in the network namespace of the Conn's others. A namespace is the thread's: WriteBatch, which
// opens sockets, might be called in another than OpenFlows was, and packets would go somewhere else.
func (c *flows) socket(f packet.Family, kind, proto int) (fd int, err error) {
	fd, err = unix.Socket(domain(f), kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, proto)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	network, err := unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
	if err != nil { // before Linux 5.14
		return fd, nil
	}
	if c.network == 0 {
		c.network = network
	}
	if network != c.network {
		unix.Close(fd)
		return -1, errors.New("the Conn was opened in another network namespace")
	}
	return fd, nil
}

// drop closes what is watched under a number.
func (c *flows) drop(number uint64) {
	if w, ok := c.watched[number]; ok {
		unix.Close(w.descriptor()) // which takes it off the epoll instance, too
		delete(c.watched, number)
	}
}

func (c *flows) WriteBatch(ps []Packet) (int, error) {
	c.open.RLock()
	defer c.open.RUnlock()
	for i := range ps {
		if c.closed.Load() {
			return i, net.ErrClosed
		}
		if err := c.write(ps[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(ps), nil
}

// write sends one packet.
func (c *flows) write(one []Packet) error {
	c.busy.Lock()
	defer c.busy.Unlock()
	p := &one[0]
	f := packet.FamilyOf(p.Addr)
	h := c.halves[index(f)]
	proto := p.protocol(f)
	switch {
	case f == 0 || len(p.Data) < smallest(proto):
		return &SendError{Err: unix.EINVAL}
	case proto == 0:
		return &SendError{Err: unix.EPROTONOSUPPORT}
	case h == nil:
		return &SendError{Err: c.refused[index(f)]}
	}
	err := h.write(one, proto)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EMSGSIZE):
		_, mtu, _ := route(c.config.Config, p.Addr) // 0 where it is not known
		return &SendError{Err: err, MTU: mtu}
	}
	return &SendError{Err: err}
}

func (c *flows) ReadBatch(ps []Packet) (int, error) { return c.read(c, ps) }

func (c *flows) wait() (ready bool, err error) {
	fds := [2]unix.PollFd{{}, {Fd: int32(c.epoll), Events: unix.POLLIN}}
	if err := c.poll(fds[:], c.nextLapse()); err != nil {
		return false, err
	}
	if fds[1].Revents != 0 {
		return true, nil
	}
	c.busy.Lock()
	defer c.busy.Unlock()
	c.lapse()
	return false, nil
}

// drain reads what is here, socket by socket, and puts it into the order in which it came.
func (c *flows) drain(ps []Packet) (n int, err error) {
	c.busy.Lock()
	defer c.busy.Unlock()
	for n < len(ps) {
		ready, err := unix.EpollWait(c.epoll, c.events[:], 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return n, os.NewSyscallError("epoll_wait", err)
		}
		for _, e := range c.events[:ready] {
			w := c.watched[uint64(uint32(e.Fd))|uint64(uint32(e.Pad))<<32]
			if w == nil || n == len(ps) {
				continue
			}
			if n, err = w.take(ps, n, e.Events); err != nil {
				return n, err
			}
		}
		if ready < len(c.events) {
			break
		}
	}
	if n < len(ps) { // who has had an answer has been heard
		c.lapse()
	}
	slices.SortStableFunc(ps[:n], compareArrival)
	return n, nil
}

func (c *flows) Socket(f packet.Family) Socket {
	h := c.halves[index(f)]
	if h == nil {
		return Socket{Err: c.refused[index(f)]}
	}
	return h.socket()
}

func (c *flows) Drops() (n uint64) {
	c.open.RLock()
	defer c.open.RUnlock()
	c.busy.Lock()
	defer c.busy.Unlock()
	for _, w := range c.watched {
		n += w.drops()
	}
	return n
}

func (c *flows) Close() error {
	return c.close(func() error {
		for number := range c.watched {
			c.drop(number)
		}
		if c.epoll < 0 {
			return nil
		}
		return os.NewSyscallError("close", unix.Close(c.epoll))
	})
}

func (s *socket) descriptor() int { return s.fd }

// take reads the error queue first, as a send stamp should be known before the reply is looked at.
func (s *socket) take(ps []Packet, n int, events uint32) (int, error) {
	if events&unix.EPOLLERR != 0 {
		n, _ = s.read(ps, n, unix.MSG_ERRQUEUE) // empty by now, at worst
	}
	return s.read(ps, n, 0)
}
