//go:build !linux

package rawsock

import (
	"bytes"
	"cmp"
	"context"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/netdiag/netdiag/internal/packet"
)

// connector is a Connector over net.Dialer, with a goroutine for each attempt. It does not know of ICMP errors: what
// the system makes of one stands in Err alone, ECONNREFUSED for a prohibition on the BSDs, and nothing
// for most others there, which look like silence. It does not know how many SYNs were sent, nor, but on
// macOS, the round trip. A reset after the connection was established Drop does not tell.
type connector struct {
	config ConnectConfig
	news   chan struct{} // has one element when there is reason for Wait to look
	runs   sync.WaitGroup
	ctx    context.Context
	cancel context.CancelFunc
	// buffers are those that datagrams are received in, *[1 << 16]byte each.
	buffers sync.Pool

	mu       sync.Mutex // held by whoever uses what follows
	attempts map[int64]*attempt
	ended    []Outcome
	woken    bool
}

// attempt is one of a connector.
type attempt struct {
	cancel context.CancelFunc
	begun  time.Time
	conn   net.Conn // nil: not yet; of UDP from the start
	told   Outcome  // the last that is known
}

func connect(cfg ConnectConfig) (Connector, error) {
	if err := supported(Config{Interface: cfg.Interface, Mark: cfg.Mark}); err != nil {
		return nil, err
	}
	c := &connector{config: cfg, news: make(chan struct{}, 1), attempts: make(map[int64]*attempt)}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c, nil
}

func (c *connector) Start(id int64, to netip.AddrPort, payload []byte) {
	ctx, cancel := context.WithCancel(c.ctx)
	a := &attempt{cancel: cancel, begun: time.Now(), told: Outcome{ID: id}}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx.Err() != nil {
		cancel()
		return
	}
	c.attempts[id] = a
	payload = bytes.Clone(payload)
	c.runs.Go(func() { c.run(ctx, a, to, payload) })
}

// run makes an attempt.
func (c *connector) run(ctx context.Context, a *attempt, to netip.AddrPort, payload []byte) {
	dialer := net.Dialer{Control: c.config.control, FallbackDelay: -1}
	network := "tcp"
	if c.config.UDP {
		network = "udp"
	}
	if c.config.Source.IsValid() {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(c.config.Source, 0))
		if c.config.UDP {
			dialer.LocalAddr = net.UDPAddrFromAddrPort(netip.AddrPortFrom(c.config.Source, 0))
		}
	}
	conn, err := dialer.DialContext(ctx, network, to.String())
	if err != nil {
		c.tell(a, Outcome{Err: err, Local: isLocal(err)})
		return
	}
	o := Outcome{Connected: true}
	if own, err := netip.ParseAddrPort(conn.LocalAddr().String()); err == nil {
		o.Own = own
	}
	c.mu.Lock()
	if a.conn = conn; ctx.Err() != nil { // dropped meanwhile
		a.close(c.config.Reset)
	}
	if c.config.UDP {
		err = a.send(payload)
	}
	c.mu.Unlock()
	switch {
	case err != nil:
		c.tell(a, Outcome{Err: err, Local: isLocal(err)})
		return
	case !c.config.UDP:
		o.RTT, o.SYNs = handshake(conn)
		c.tell(a, o)
		return
	}
	if o.Answer, err = c.read(conn); err != nil {
		o = Outcome{Err: err}
	}
	c.tell(a, o)
}

// read returns the first datagram that conn receives.
func (c *connector) read(conn net.Conn) ([]byte, error) {
	buf, ok := c.buffers.Get().(*[1 << 16]byte)
	if !ok {
		buf = new([1 << 16]byte)
	}
	defer c.buffers.Put(buf)
	n, err := conn.Read(buf[:])
	return bytes.Clone(buf[:n]), err
}

// tell has Wait tell what became of an attempt, unless that was dropped.
func (c *connector) tell(a *attempt, o Outcome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.attempts[a.told.ID] != a {
		a.close(c.config.Reset)
		return
	}
	o.ID, o.At = a.told.ID, time.Now()
	o.Took = o.At.Sub(a.begun)
	o.SYNs = cmp.Or(o.SYNs, a.told.SYNs)
	if a.told = o; o.Err != nil {
		a.close(c.config.Reset)
		delete(c.attempts, o.ID)
	}
	c.ended = append(c.ended, o)
	c.signal()
}

// close ends an attempt.
func (a *attempt) close(reset bool) {
	a.cancel()
	if a.conn == nil {
		return
	}
	if tcp, ok := a.conn.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0)
	}
	a.conn.Close()
}

// signal has Wait look.
func (c *connector) signal() {
	select {
	case c.news <- struct{}{}:
	default:
	}
}

func (c *connector) Send(id int64, payload []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.attempts[id]
	if a == nil || a.conn == nil || !c.config.UDP {
		return
	}
	_ = a.send(payload) // an error is also what the reader of the answer gets
}

// send sends a datagram.
func (a *attempt) send(payload []byte) error {
	if _, err := a.conn.Write(payload); err != nil {
		return err
	}
	a.told.SYNs++
	return nil
}

func (c *connector) Wait(out []Outcome, until time.Time) (int, error) {
	var due <-chan time.Time
	if !until.IsZero() {
		timer := time.NewTimer(time.Until(until))
		defer timer.Stop()
		due = timer.C
	}
	for len(out) > 0 {
		c.mu.Lock()
		n := copy(out, c.ended)
		c.ended = c.ended[n:]
		woken := c.woken
		c.woken = false
		c.mu.Unlock()
		switch {
		case c.ctx.Err() != nil:
			return 0, net.ErrClosed
		case n > 0 || woken:
			return n, nil
		}
		select {
		case <-c.news:
		case <-c.ctx.Done():
		case <-due:
			return 0, nil
		}
	}
	return 0, nil
}

func (c *connector) Drop(id int64) Outcome {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.ended, func(o Outcome) bool { return o.ID == id })
	last := Outcome{ID: id, At: time.Now()}
	if i >= 0 {
		last = c.ended[i]
		c.ended = slices.Delete(c.ended, i, i+1)
	}
	if a := c.attempts[id]; a != nil {
		last = a.told
		last.At = time.Now()
		last.Took = last.At.Sub(a.begun)
		delete(c.attempts, id)
		a.close(c.config.Reset)
	}
	return last
}

func (c *connector) Take(id int64) (net.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.attempts[id]
	if a == nil || !a.told.Connected {
		return nil, os.ErrInvalid
	}
	delete(c.attempts, id)
	a.cancel() // of connecting alone
	if tcp, ok := a.conn.(*net.TCPConn); ok && c.config.Reset {
		_ = tcp.SetLinger(0)
	}
	return a.conn, nil
}

func (c *connector) SetReset(reset bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.config.Reset = reset
}

func (c *connector) Limit() int { return min(max(1, descriptorLimit()), 1<<16) }

func (c *connector) Wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.woken = true
	c.signal()
}

func (c *connector) Close() error {
	c.mu.Lock()
	if c.ctx.Err() != nil {
		c.mu.Unlock()
		return net.ErrClosed
	}
	c.cancel()
	for id, a := range c.attempts {
		a.close(c.config.Reset)
		delete(c.attempts, id)
	}
	c.mu.Unlock()
	c.runs.Wait()
	return nil
}

// familyOf is the family of the network that a Dialer's Control is told.
func familyOf(network string) packet.Family {
	if network[len(network)-1] == '6' {
		return packet.IPv6
	}
	return packet.IPv4
}
