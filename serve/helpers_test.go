package serve

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// duplex is one end of a connection in memory that can be closed in one direction, and, as it has no buffer,
// takes only what the other end reads.
type duplex struct {
	in, out net.Conn
	remote  net.Addr
	closed  atomic.Bool
}

// connection returns both ends of a connection; client is the address of the one that the server does not have.
func connection(client netip.AddrPort) (here, there *duplex) {
	toServer, fromClient := net.Pipe()
	toClient, fromServer := net.Pipe()
	here = &duplex{in: toServer, out: fromServer, remote: net.TCPAddrFromAddrPort(client)}
	there = &duplex{in: toClient, out: fromClient}
	return here, there
}

func (d *duplex) Read(p []byte) (int, error) { return d.in.Read(p) }

func (d *duplex) Write(p []byte) (int, error) {
	n, err := d.out.Write(p)
	if errors.Is(err, io.ErrClosedPipe) && !d.closed.Load() {
		err = syscall.EPIPE
	}
	return n, err
}

func (d *duplex) CloseWrite() error { return d.out.Close() }

func (d *duplex) Close() error {
	d.closed.Store(true)
	return errors.Join(d.in.Close(), d.out.Close())
}

func (d *duplex) LocalAddr() net.Addr  { return nil }
func (d *duplex) RemoteAddr() net.Addr { return d.remote }

// The errors of setting deadlines are dropped: a pipe has one when the other end is closed, and a connection has not.

func (d *duplex) SetReadDeadline(t time.Time) error {
	_ = d.in.SetReadDeadline(t)
	return nil
}

func (d *duplex) SetWriteDeadline(t time.Time) error {
	_ = d.out.SetWriteDeadline(t)
	return nil
}

func (d *duplex) SetDeadline(t time.Time) error {
	return errors.Join(d.SetReadDeadline(t), d.SetWriteDeadline(t))
}

// door is a listener in memory.
type door struct {
	arrivals chan arrival
	closed   chan struct{}
	closing  sync.Once
}

func newDoor() *door { return &door{arrivals: make(chan arrival), closed: make(chan struct{})} }

func (d *door) Accept() (net.Conn, error) {
	select {
	case a := <-d.arrivals:
		return a.conn, a.err
	case <-d.closed:
		return nil, net.ErrClosed
	}
}

func (d *door) Close() error {
	err := net.ErrClosed
	d.closing.Do(func() {
		close(d.closed)
		err = nil
	})
	return err
}

func (d *door) Addr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort("192.0.2.1:7777"))
}

// stage is a server in memory while it runs, in a bubble of synctest.
type stage struct {
	t      *testing.T
	door   *door
	server *Server
	begun  time.Time
	events []Event
	err    error
	stop   context.CancelFunc
	came   uint16 // clients that came
	over   bool
}

// play runs a server in a bubble, and has act do what clients do.
func play(t *testing.T, cfg Config, act func(s *stage)) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		s := &stage{t: t, door: newDoor(), begun: time.Now(), stop: cancel}
		s.server = newServer(cfg.filled(), s.door)
		go func() {
			for e, err := range s.server.Run(ctx) {
				if err != nil {
					s.err = err
					break
				}
				s.events = append(s.events, e)
			}
			s.over = true
		}()
		act(s)
		cancel()
		synctest.Wait() // a goroutine that is left fails the test
		if !s.over {
			t.Error("the server does not end")
		}
	})
}

// connect returns the end of a new client.
func (s *stage) connect() *duplex {
	s.came++
	here, there := connection(netip.AddrPortFrom(netip.MustParseAddr("192.0.2.9"), 50000+s.came))
	s.door.arrivals <- arrival{conn: here}
	return there
}

// last returns the newest event when all is quiet.
func (s *stage) last() Event {
	synctest.Wait()
	return s.events[len(s.events)-1]
}

// ends fails the test unless the newest event is an end of that kind, that long after the beginning.
func (s *stage) ends(want End, after time.Duration) Event {
	s.t.Helper()
	e := s.last()
	if e.Kind != Ended || e.End != want || e.At.Sub(s.begun) != after {
		s.t.Errorf("%v %v (%v) after %v, want %v after %v", e.Kind, e.End, e.Err, e.At.Sub(s.begun), want, after)
	}
	return e
}

// hears reads from the server up to its end, and fails the test unless that is text.
func hears(t *testing.T, conn io.Reader, text string) {
	t.Helper()
	if got, err := io.ReadAll(conn); string(got) != text || err != nil {
		t.Errorf("the client got %q, %v, want %q", got, err, text)
	}
}
