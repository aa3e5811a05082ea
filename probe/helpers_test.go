package probe

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netdiag/netdiag/internal/rawsock"
)

const ms = time.Millisecond

// reply is what becomes of an attempt in a world; the zero value is silence.
type reply struct {
	after   time.Duration // that it comes
	connect bool
	err     error // at once where local
	local   bool
	icmp    *rawsock.ICMPError
	rtt     time.Duration
	syns    int           // 0: 1
	self    bool          // the own end is the asked one
	reset   time.Duration // that a reset comes after the connection; 0: none
	answer  []byte
}

// Some replies.
var (
	opens  = reply{after: ms, connect: true, rtt: ms}
	closes = reply{after: ms, err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	silent = reply{}
)

// local is a refusal of this machine.
func local(n syscall.Errno) reply { return reply{err: os.NewSyscallError("connect", n), local: true} }

// began is the start of an attempt.
type began struct {
	at time.Duration // since the run began
	to netip.AddrPort
}

// world is what a run is in: a fake of this machine and its network.
type world struct {
	// answer says what becomes of the n-th attempt (from 0) at an address, of those under way with it.
	answer func(to netip.AddrPort, n, underWay int) reply
	limit  int // of the connector; 0: 1,000
	talk   talker
	seed   uint64
	// noRoute is why there is no route, or no source address for it; nil: there are.
	noRoute error

	begun    time.Time
	starts   []began
	sends    []time.Duration // datagrams after the first
	tries    map[netip.AddrPort]int
	most     int // attempts under way at a time
	connect  rawsock.ConnectConfig
	resets   []bool // how each connection ended
	released bool
	conn     *connector
}

// always is a world in which every attempt has the same end.
func always(r reply) *world {
	return &world{answer: func(netip.AddrPort, int, int) reply { return r }}
}

// system is what a run takes for this machine.
func (w *world) system() system {
	return system{
		connect: func(cfg rawsock.ConnectConfig) (rawsock.Connector, error) {
			w.connect, w.begun, w.tries = cfg, time.Now(), map[netip.AddrPort]int{}
			w.conn = &connector{world: w, reset: cfg.Reset, attempts: map[int64]*flight{}, woken: make(chan struct{}, 1)}
			return w.conn, nil
		},
		route: func(rawsock.Config, netip.Addr) (netip.Addr, int, error) { return netip.Addr{}, 0, w.noRoute },
		talk:  w.talk,
		random: func() uint64 {
			w.seed++
			return w.seed * 7919
		},
	}
}

// connector is a rawsock.Connector into a world. It keeps to its contract: one goroutine, but for Wake.
type connector struct {
	*world
	reset    bool
	attempts map[int64]*flight
	taken    int
	woken    chan struct{}
	mu       sync.Mutex // of closing
}

// flight is an attempt.
type flight struct {
	id    int64
	to    netip.AddrPort
	since time.Time
	reply
	told bool // the reply was
	sent int
}

func (c *connector) Start(id int64, to netip.AddrPort, _ []byte) {
	if c.attempts[id] != nil {
		panic(fmt.Sprintf("id %d is in use", id))
	}
	f := &flight{id: id, to: to, since: time.Now(), sent: 1}
	f.reply = c.answer(to, c.tries[to], len(c.attempts)+c.taken)
	c.tries[to]++
	c.starts = append(c.starts, began{time.Since(c.begun), to})
	c.attempts[id] = f
	if !f.local {
		c.most = max(c.most, len(c.attempts)+c.taken)
	}
}

func (c *connector) Send(id int64, _ []byte) {
	c.attempts[id].sent++
	c.sends = append(c.sends, time.Since(c.begun))
}

// next returns when there is something to tell of f; the zero Time: never. That a connection was reset Drop tells.
func (f *flight) next() time.Time {
	if !f.told && (f.connect || f.err != nil) {
		return f.since.Add(f.after)
	}
	return time.Time{}
}

// outcome returns what is known of f.
func (f *flight) outcome(now time.Time) rawsock.Outcome {
	o := rawsock.Outcome{ID: f.id, At: now, Took: now.Sub(f.since), SYNs: max(f.syns, 1+int(now.Sub(f.since)/time.Second))}
	switch at := f.next(); {
	case f.told && f.reset > 0 && !f.since.Add(f.after+f.reset).After(now):
		o.Connected, o.Err = true, syscall.ECONNRESET
	case f.told, !at.IsZero() && !at.After(now):
		o.Connected, o.Err, o.Local, o.ICMP, o.RTT, o.Answer = f.connect, f.err, f.local, f.icmp, f.rtt, f.answer
		o.Own = netip.AddrPortFrom(netip.MustParseAddr("192.0.2.99"), 40000)
		if f.self {
			o.Own = f.to
		}
	}
	return o
}

func (c *connector) Wait(out []rawsock.Outcome, until time.Time) (int, error) {
	for {
		now := time.Now()
		var ready []*flight
		var first time.Time
		for _, f := range c.attempts {
			switch at := f.next(); {
			case at.IsZero():
			case !at.After(now):
				ready = append(ready, f)
			case first.IsZero() || at.Before(first):
				first = at
			}
		}
		slices.SortFunc(ready, func(a, b *flight) int { return int(a.id - b.id) })
		for i, f := range ready[:min(len(ready), len(out))] {
			out[i] = f.outcome(now)
			f.told = true
			if out[i].Err != nil {
				delete(c.attempts, f.id)
			}
		}
		if len(ready) > 0 {
			return min(len(ready), len(out)), nil
		}
		if !until.IsZero() && !until.After(now) {
			return 0, nil
		}
		if !until.IsZero() && (first.IsZero() || until.Before(first)) {
			first = until
		}
		var alarm <-chan time.Time
		if !first.IsZero() {
			alarm = time.After(time.Until(first))
		}
		select {
		case <-alarm:
		case <-c.woken:
			return 0, nil
		}
	}
}

func (c *connector) Drop(id int64) rawsock.Outcome {
	f := c.attempts[id]
	if f == nil {
		return rawsock.Outcome{ID: id, At: time.Now()}
	}
	delete(c.attempts, id)
	o := f.outcome(time.Now())
	if f.told {
		c.resets = append(c.resets, c.reset || o.Err != nil)
	}
	return o
}

func (c *connector) Take(id int64) (net.Conn, error) {
	delete(c.attempts, id)
	ours, theirs := net.Pipe()
	c.taken++
	c.most = max(c.most, len(c.attempts)+c.taken)
	return &taken{Conn: ours, c: c, theirs: theirs}, nil
}

// taken is a connection that was handed over.
type taken struct {
	net.Conn
	c      *connector
	theirs net.Conn
}

func (t *taken) Close() error {
	_ = t.theirs.Close()
	return t.Conn.Close()
}

func (c *connector) SetReset(reset bool) { c.reset = reset }

func (c *connector) Limit() int {
	if c.limit == 0 {
		return 1000
	}
	return c.limit
}

func (c *connector) Wake() {
	select {
	case c.woken <- struct{}{}:
	default:
	}
}

func (c *connector) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.released = true
	return nil
}

// happened is what a run in a world came to.
type happened struct {
	events []Event
	err    error
	took   time.Duration
}

// run runs cfg in w, which must be in a bubble.
func (w *world) run(ctx context.Context, cfg Config) (h happened) {
	begun := time.Now()
	for e, err := range run(ctx, cfg, w.system()) {
		if err != nil {
			h.err = err
			continue
		}
		h.events = append(h.events, e)
	}
	h.took = time.Since(begun)
	return h
}

// in runs cfg in w in a bubble of its own and checks what holds for every run that can be.
func (w *world) in(t *testing.T, cfg Config) happened {
	t.Helper()
	h := w.bubble(t, cfg)
	if h.err != nil {
		t.Fatal(h.err)
	}
	return h
}

// bubble runs cfg in w in a bubble of its own and checks what holds for every run.
func (w *world) bubble(t *testing.T, cfg Config) (h happened) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		t.Helper()
		h = w.run(t.Context(), cfg)
		if !w.released || len(w.conn.attempts) > 0 {
			t.Errorf("released %t, %d attempts left", w.released, len(w.conn.attempts))
		}
	})
	return h
}

// only returns the events of a kind.
func (h *happened) only(k Kind) (events []Event) {
	for _, e := range h.events {
		if e.Kind == k {
			events = append(events, e)
		}
	}
	return events
}

// states returns the states of the results, in the order told.
func (h *happened) states() (states []State) {
	for _, e := range h.only(Result) {
		states = append(states, e.State)
	}
	return states
}

// ports returns targets at one address.
func ports(addr string, ports ...uint16) (targets []*Target) {
	for _, p := range ports {
		targets = append(targets, &Target{Addrs: []netip.Addr{netip.MustParseAddr(addr)}, Port: p})
	}
	return targets
}

// upTo returns the numbers from 1 to n.
func upTo(n int) (numbers []uint16) {
	for i := range n {
		numbers = append(numbers, uint16(i+1))
	}
	return numbers
}

// times returns when attempts were started.
func (w *world) times() (at []time.Duration) {
	for _, s := range w.starts {
		at = append(at, s.at)
	}
	return at
}
