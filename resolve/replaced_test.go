package resolve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

// TestOneAnswerEach asks a server, many times at once, that closes each connection after one answer.
func TestOneAnswerEach(t *testing.T) {
	t.Parallel()
	const n = 64
	h := newHostile(t, nil, func(_ int, conn net.Conn) {
		if q := readQuery(conn); q != nil {
			conn.Write(frame(reply(q)))
			// What comes behind it is read, lest the system take the answer back.
			conn.(*net.TCPConn).CloseWrite()
			for readQuery(conn) != nil {
			}
		}
	})
	c := testClient(t)
	var asking sync.WaitGroup
	for i := range n {
		asking.Go(func() {
			q := Question{Name: fmt.Sprintf("n%d.test.", i), Type: TypeA}
			x, err := c.Exchange(t.Context(), h.server(TCP), q)
			if err != nil || x.Status != Answered || x.Message.Answer[0].Name != q.Name {
				t.Errorf("%+v, %v", x, err)
			}
		})
	}
	asking.Wait()
	if conns := h.conns.Load(); conns > n {
		t.Errorf("%d connections for %d answers", conns, n)
	}
}

// TestNoAnswerEver asks a server that closes each connection without a word, and one that stops to answer.
func TestNoAnswerEver(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		answered int // connections with an answer, which is the only one
		conns    int
	}{{"never", 0, 1}, {"once", 1, 2}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHostile(t, nil, func(n int, conn net.Conn) {
				q := readQuery(conn)
				if n < tt.answered {
					conn.Write(frame(reply(q)))
					readQuery(conn)
				}
			})
			c := testClient(t)
			for range tt.answered {
				if x, err := c.Exchange(t.Context(), h.server(TCP), question); err != nil || x.Status != Answered {
					t.Fatal(x, err)
				}
			}
			x, err := c.Exchange(t.Context(), h.server(TCP), question)
			if err != nil || x.Status != Unreachable {
				t.Errorf("%+v, %v", x, err)
			}
			if n := int(h.conns.Load()); n != tt.conns || x.Tries > tt.conns {
				t.Errorf("%d tries, %d connections, want %d", x.Tries, n, tt.conns)
			}
		})
	}
}

// TestMuteConnection does not ask again over a connection that had no answer in time.
func TestMuteConnection(t *testing.T) {
	t.Parallel()
	h := newHostile(t, nil, func(n int, conn net.Conn) {
		for i := 0; ; i++ {
			q := readQuery(conn)
			if q == nil {
				return
			}
			if n > 0 || i == 0 {
				conn.Write(frame(reply(q)))
			}
		}
	})
	c := testClient(t)
	for i, tt := range []struct {
		client *Client
		status Status
		conns  int32
	}{{c, Answered, 1}, {c.derive(time.Millisecond, 1), TimedOut, 1}, {c.derive(c.Timeout, 1), Answered, 2}} {
		x, err := tt.client.Exchange(t.Context(), h.server(TCP), question)
		if err != nil || x.Status != tt.status || h.conns.Load() != tt.conns {
			t.Fatalf("exchange %d: %+v, %v, %d connections", i, x, err, h.conns.Load())
		}
	}
}

// TestUnasked has something come over a connection where nobody waits for anything. Only what answers a query that
// was given up is no reason to end it.
func TestUnasked(t *testing.T) {
	for name, tt := range map[string]struct {
		send func(late *dns.Msg) []byte
		over bool
	}{
		"a late answer":      {func(late *dns.Msg) []byte { return reply(late) }, false},
		"another identifier": {func(late *dns.Msg) []byte { return reply(late, func(m *dns.Msg) { m.Id++ }) }, true},
		"nothing":            {func(*dns.Msg) []byte { return nil }, true},
		"garbage":            {func(*dns.Msg) []byte { return []byte("garbage that is long enough\xff\xff\xff") }, true},
	} {
		t.Run(name, func(t *testing.T) {
			overPipe(t, func(_ int, conn net.Conn) {
				late := readQuery(conn)
				<-time.After(2 * time.Second)
				conn.Write(frame(tt.send(late)))
				eachQuery(func(q *dns.Msg) []byte { return reply(q) })(0, conn)
			}, func(t *testing.T, s *stream) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if _, err := s.ask(ctx, packedWith(t, 7)); !errors.Is(err, context.DeadlineExceeded) {
					t.Fatal(err)
				}
				<-time.After(2 * time.Second)
				synctest.Wait()
				if s.over() != tt.over {
					t.Errorf("over: %t, want %t", s.over(), tt.over)
				}
				if _, err := s.ask(t.Context(), packedWith(t, 8)); (err != nil) != tt.over {
					t.Errorf("the next query: %v", err)
				}
			})
		})
	}
}

// TestUnaskedReplaced asks over another connection after something came that nobody asked for, which is no try.
func TestUnaskedReplaced(t *testing.T) {
	t.Parallel()
	now := make(chan struct{})
	h := newHostile(t, nil, func(n int, conn net.Conn) {
		q := readQuery(conn)
		conn.Write(frame(reply(q)))
		if n == 0 {
			<-now
			conn.Write(frame(reply(q)))
		}
		eachQuery(func(q *dns.Msg) []byte { return reply(q) })(0, conn)
	})
	c := testClient(t)
	for i := range 2 {
		x, err := c.Exchange(t.Context(), h.server(TCP), question)
		if err != nil || x.Status != Answered || x.Tries != 1 || int(h.conns.Load()) != i+1 {
			t.Fatalf("%+v, %v, %d connections", x, err, h.conns.Load())
		}
		if i == 0 {
			e, _ := c.own.connections.enter(x.Server)
			close(now)
			<-e.carrier.(*stream).ended
			e.release()
		}
	}
}
