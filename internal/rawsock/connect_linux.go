package rawsock

import (
	"errors"
	"math"
	"net"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/netdiag/netdiag/internal/packet"
	"golang.org/x/sys/unix"
)

// connector is a Connector over sockets of its own, which an epoll instance watches.
//
// A TCP socket whose attempt came to nothing serves the next attempt: to open, set up, watch and close one each
// time would take more than twice the time of all else. It stays watched, by edges, as those of one attempt
// do not outlast it: what an event says is only that it is worth a look (see look).
type connector struct {
	waiter
	config ConnectConfig
	sides  [2]side // by index of the family
	epoll  int
	events [Batch]unix.EpollEvent
	slots  []*slot // by the number that their events bear
	vacant []int32 // numbers of those without a socket
	byID   map[int64]*slot
	ended  []Outcome // of attempts that ended at once, not told yet
	memory connectMemory
	own    ownAddrs
}

// side is what the attempts of one family have in common.
type side struct {
	*socket // has no descriptor: it knows how addresses of the family are written
	options []option
	refused error   // why there are no attempts; nil: there may be
	idle    []*slot // for the next attempts
}

// mostIdle is how many sockets of a family wait for the next attempt: about what one Wait frees and the calls of Start
// behind it take again.
const mostIdle = 256

func connect(cfg ConnectConfig) (Connector, error) {
	c := &connector{config: cfg, epoll: -1, byID: make(map[int64]*slot)}
	c.memory.allocate(cfg.UDP)
	if err := c.openWake(); err != nil {
		return nil, err
	}
	var err error
	if c.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		c.Close()
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	common := Config{Interface: cfg.Interface, Source: cfg.Source, TTL: cfg.TTL, TOS: cfg.TOS, Mark: cfg.Mark}
	var failed error
	for i, f := range families {
		c.sides[i] = newSide(common, f)
		if c.sides[i].refused != nil {
			continue
		}
		// Opens one now, so that what the configuration lacks is told here and not by each attempt.
		s, err := c.acquire(&c.sides[i])
		if err != nil {
			c.sides[i].refused = err
			failed = errors.Join(failed, err)
			continue
		}
		c.rest(s, true)
	}
	if c.sides[0].refused != nil && c.sides[1].refused != nil {
		c.Close()
		return nil, failed
	}
	if cfg.Logger != nil {
		cfg.Logger.Debug("ready to connect", "udp", cfg.UDP, "limit", c.Limit(),
			"ipv4", c.sides[0].refused == nil, "ipv6", c.sides[1].refused == nil)
	}
	return c, nil
}

func newSide(cfg Config, f packet.Family) side {
	s := side{socket: newSocket(-1, f, false, 0, lanes{})}
	if !wanted(cfg, f) {
		s.refused = unix.EAFNOSUPPORT // as of a source of the other family
		return s
	}
	s.options = slices.Concat(wayOptions(cfg), errorOptions(f), sendOptions(f, cfg))
	if cfg.Source.IsValid() {
		// The port is chosen on connecting: then it has to be free only towards the one destination.
		s.options = append(s.options, option{unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1, true, ""})
	}
	return s
}

func (c *connector) Start(id int64, to netip.AddrPort, payload []byte) {
	c.open.RLock()
	defer c.open.RUnlock()
	if c.closed.Load() {
		return
	}
	begun := time.Now()
	if err := c.begin(id, to, payload, begun); err != nil {
		now := time.Now()
		c.ended = append(c.ended, Outcome{ID: id, Err: err, Local: true, At: now, Took: now.Sub(begun)})
	}
}

func (c *connector) Send(id int64, payload []byte) {
	c.open.RLock()
	defer c.open.RUnlock()
	s := c.byID[id]
	if s == nil || !c.config.UDP || c.closed.Load() {
		return
	}
	err := s.send(payload)
	for range maxTold {
		if !earlier(err) {
			break
		}
		if o, ok := c.look(s, time.Now()); ok {
			c.ended = append(c.ended, o)
			return
		}
		err = s.send(payload)
	}
	if err == nil || s.phase != connecting { // who has answered has been reached
		return
	}
	o := c.outcome(s, time.Now())
	o.Err, o.Local = err, true
	c.end(s)
	c.ended = append(c.ended, o)
}

func (c *connector) Wait(out []Outcome, until time.Time) (int, error) {
	c.open.RLock()
	defer c.open.RUnlock()
	limit := int64(never)
	if !until.IsZero() {
		limit = int64(until.Sub(c.base))
	}
	fds := [2]unix.PollFd{{}, {Fd: int32(c.epoll), Events: unix.POLLIN}}
	for len(out) > 0 {
		if c.closed.Load() {
			return 0, net.ErrClosed
		}
		if n, err := c.drain(out); n > 0 || err != nil {
			c.woken.Store(false)
			return n, err
		}
		if c.woken.Swap(false) || limit != never && c.now() >= limit {
			break
		}
		if err := c.poll(fds[:], limit); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

// drain fills out with what is known.
func (c *connector) drain(out []Outcome) (n int, err error) {
	n = copy(out, c.ended)
	c.ended = c.ended[n:]
	for n < len(out) {
		// No more than there is room for: an edge comes once.
		events := c.events[:min(len(c.events), len(out)-n)]
		ready, err := unix.EpollWait(c.epoll, events, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return n, os.NewSyscallError("epoll_wait", err)
		}
		now := time.Now()
		for _, e := range events[:ready] {
			if o, ok := c.look(c.slots[e.Fd], now); ok {
				out[n] = o
				n++
			}
		}
		if ready < len(events) {
			break
		}
	}
	return n, nil
}

func (c *connector) Drop(id int64) Outcome {
	c.open.RLock()
	defer c.open.RUnlock()
	now := time.Now()
	s := c.byID[id]
	if s == nil {
		if i := slices.IndexFunc(c.ended, func(o Outcome) bool { return o.ID == id }); i >= 0 {
			o := c.ended[i]
			c.ended = slices.Delete(c.ended, i, i+1)
			return o
		}
		return Outcome{ID: id, At: now}
	}
	if s.phase == connecting {
		o, known := c.look(s, now)
		if c.byID[id] == nil { // it has just failed
			return o
		}
		if !known {
			o = c.outcome(s, now)
		}
		c.end(s)
		return o
	}
	o := c.outcome(s, now)
	// After the peer has closed in order, a reset is none of the connection.
	if errno := s.pendingError(); errno != 0 && errno != unix.EPIPE && !c.config.UDP {
		o.Err = errno
	}
	c.end(s)
	return o
}

func (c *connector) Take(id int64) (net.Conn, error) {
	c.open.RLock()
	defer c.open.RUnlock()
	s := c.byID[id]
	switch {
	case c.closed.Load():
		return nil, net.ErrClosed
	case s == nil || s.phase != established:
		return nil, os.NewSyscallError("take", unix.ENOTCONN)
	}
	// The connection lives on in a duplicate, so that closing the descriptor does not end this.
	_ = unix.EpollCtl(c.epoll, unix.EPOLL_CTL_DEL, s.fd, nil)
	file := os.NewFile(uintptr(s.fd), "")
	defer file.Close()
	delete(c.byID, id)
	c.vacate(s)
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, err
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetNoDelay(true) // as every other connection of this language has it
		if c.config.Reset {
			_ = tcp.SetLinger(0)
		}
	}
	return conn, nil
}

func (c *connector) SetReset(reset bool) {
	c.open.RLock() // against Close, which reads it
	defer c.open.RUnlock()
	c.config.Reset = reset
}

// Limit leaves a reserve for what else the program may open.
func (c *connector) Limit() int {
	const reserve, most = 64, 1 << 20
	c.open.RLock()
	defer c.open.RUnlock()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return reserve
	}
	free := int(min(limit.Cur, math.MaxInt32)) - reserve
	if open, err := os.ReadDir("/proc/self/fd"); err == nil {
		free -= len(open) - (len(c.slots) - len(c.vacant))
	}
	return min(max(1, free), most)
}

func (c *connector) Close() error {
	return c.close(func() (err error) {
		for _, s := range c.slots {
			if s.fd < 0 {
				continue
			}
			if s.phase == established && c.config.Reset && !c.config.UDP {
				s.disconnect()
			}
			err = errors.Join(err, os.NewSyscallError("close", unix.Close(s.fd)))
			s.fd = -1
		}
		if c.epoll >= 0 {
			err = errors.Join(err, os.NewSyscallError("close", unix.Close(c.epoll)))
		}
		clear(c.byID)
		return err
	})
}
