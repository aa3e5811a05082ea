package resolve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

// TestKeptConnection asks twice over one connection, and over another when the server closed it.
func TestKeptConnection(t *testing.T) {
	t.Parallel()
	once := func(n int, conn net.Conn) {
		for i := range 2 {
			q := readQuery(conn)
			if q == nil || n == 0 && i == 1 {
				return // with a query that came in time to be lost
			}
			conn.Write(frame(reply(q)))
		}
	}
	h := newHostile(t, nil, once)
	c := testClient(t)
	for i, want := range []struct{ tries, conns int }{{1, 1}, {2, 2}, {1, 2}} {
		x, err := c.Exchange(t.Context(), h.server(TCP), question)
		if err != nil || x.Status != Answered || x.Via != TCP {
			t.Fatal(x, err)
		}
		if x.Tries != want.tries || int(h.conns.Load()) != want.conns {
			t.Errorf("exchange %d: %d tries, %d connections, want %+v", i, x.Tries, h.conns.Load(), want)
		}
	}
}

// TestOutOfOrder has many questions answered over one connection, the last first.
func TestOutOfOrder(t *testing.T) {
	t.Parallel()
	const n = 50
	h := newHostile(t, nil, func(_ int, conn net.Conn) {
		var all []*dns.Msg
		for range n {
			all = append(all, readQuery(conn))
		}
		for _, q := range slices.Backward(all) {
			conn.Write(frame(reply(q)))
		}
		readQuery(conn)
	})
	var questions []Question
	for i := range n {
		questions = append(questions, Question{Name: fmt.Sprintf("n%d.test.", i), Type: TypeA, Class: ClassIN})
	}
	c := testClient(t)
	seen := map[string]bool{}
	for x, err := range c.Ask(t.Context(), []Server{h.server(TCP)}, questions) {
		if err != nil || x.Status != Answered || x.Ignored.Total() > 0 {
			t.Fatal(x, err)
		}
		if x.Message.Answer[0].Name != x.Question.Name {
			t.Errorf("%s for %s", x.Message.Answer[0].Name, x.Question.Name)
		}
		seen[x.Question.Name] = true
	}
	if len(seen) != n || h.conns.Load() != 1 {
		t.Errorf("%d answers over %d connections", len(seen), h.conns.Load())
	}
}

// TestTCP talks to servers that break the rules of the transport.
func TestTCP(t *testing.T) {
	send := func(what ...func(q *dns.Msg) []byte) tcpScript {
		return func(_ int, conn net.Conn) {
			q := readQuery(conn)
			if q == nil {
				return
			}
			for _, f := range what {
				conn.Write(f(q))
			}
		}
	}
	good := func(q *dns.Msg) []byte { return frame(reply(q)) }
	for _, c := range []struct {
		name    string
		tcp     tcpScript
		status  Status
		ignored Ignored
	}{
		{"good", send(good), Answered, Ignored{}},
		{"another identifier", send(func(q *dns.Msg) []byte { return frame(reply(q, func(m *dns.Msg) { m.Id++ })) }, good),
			Answered, Ignored{ID: 1}},
		{"another question", send(func(q *dns.Msg) []byte {
			return frame(reply(q, func(m *dns.Msg) { m.Question[0].Name = "evil.example." }))
		}, good), Answered, Ignored{Question: 1}},
		{"length 0", send(func(*dns.Msg) []byte { return []byte{0, 0} }, good), Answered, Ignored{Garbage: 1}},
		{"short", send(func(*dns.Msg) []byte { return []byte{0, 3, 1, 2, 3} }, good), Answered, Ignored{Garbage: 1}},
		{"garbage", send(func(*dns.Msg) []byte { return frame([]byte("garbage that is long enough\xff\xff\xff")) }, good), Answered, Ignored{Garbage: 1}},
		{"all of 65,535 bytes", send(func(q *dns.Msg) []byte {
			b := reply(q, large(50000))
			return frame(append(b, make([]byte, maxMessage-len(b))...))
		}), Answered, Ignored{}},
		{"another cookie", send(func(q *dns.Msg) []byte { return frame(reply(q, withCookie("ffffffffffffffff"))) }), Malformed, Ignored{Cookie: 1}},
		{"closed", send(), Unreachable, Ignored{}},
		{"closed in the length", send(func(*dns.Msg) []byte { return []byte{0} }), Malformed, Ignored{}},
		{"closed behind the length", send(func(*dns.Msg) []byte { return []byte{0, 50} }), Malformed, Ignored{}},
		{"closed in the message", send(func(q *dns.Msg) []byte { return good(q)[:30] }), Malformed, Ignored{}},
		{"a broken record", send(func(q *dns.Msg) []byte { b := reply(q); return frame(b[:len(b)-13]) }), Malformed, Ignored{}},
		{"reset", func(_ int, conn net.Conn) {
			readQuery(conn)
			conn.(*net.TCPConn).SetLinger(0)
		}, Unreachable, Ignored{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHostile(t, nil, c.tcp)
			x, err := testClient(t).Exchange(t.Context(), h.server(TCP), question)
			if err != nil {
				t.Fatal(err)
			}
			if x.Status != c.status || x.Ignored != c.ignored || (x.Err == nil) != (c.status == Answered) {
				t.Errorf("status %v, error %v, ignored %+v", x.Status, x.Err, x.Ignored)
			}
		})
	}
}

// overPipe runs f with a stream over a pipe, with a virtual clock.
func overPipe(t *testing.T, server tcpScript, f func(t *testing.T, s *stream)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		var wg sync.WaitGroup
		wg.Go(func() { defer theirs.Close(); server(0, theirs) })
		s := newStream(ours).(*stream)
		f(t, s)
		s.close()
		wg.Wait()
	})
}

// packedWith returns a query with an identifier.
func packedWith(t *testing.T, id uint16) []byte {
	t.Helper()
	q, err := pack(question.normal(), form{})
	if err != nil {
		t.Fatal(err)
	}
	q.bytes[0], q.bytes[1] = byte(id>>8), byte(id)
	return q.bytes
}

// TestSlowDrip has a server send a byte each second: the time for the whole is what counts.
func TestSlowDrip(t *testing.T) {
	overPipe(t, func(_ int, conn net.Conn) {
		for _, c := range frame(reply(readQuery(conn))) {
			time.Sleep(time.Second)
			if _, err := conn.Write([]byte{c}); err != nil {
				return
			}
		}
	}, func(t *testing.T, s *stream) {
		ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second)
		defer cancel()
		start := time.Now()
		if _, err := s.ask(ctx, packedWith(t, 7)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		if took := time.Since(start); took != 6*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// TestNobodyReads has a server that never reads, so that a query cannot be written.
func TestNobodyReads(t *testing.T) {
	overPipe(t, func(_ int, conn net.Conn) { time.Sleep(time.Minute) }, func(t *testing.T, s *stream) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		var wg sync.WaitGroup
		for range 3 { // one writes, two wait for their turn
			wg.Go(func() {
				if _, err := s.ask(ctx, packedWith(t, 7)); err == nil {
					t.Error("no error")
				}
			})
		}
		wg.Wait()
		if took := time.Since(start); took != time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// TestIdentifiers asks with the same identifier many times over: on the wire each is another, also than that
// of a query which was given up, whose late answer is nobody's.
func TestIdentifiers(t *testing.T) {
	overPipe(t, func(_ int, conn net.Conn) {
		first := readQuery(conn)
		second := readQuery(conn)
		if first.Id == second.Id {
			t.Error("one identifier for two queries")
		}
		conn.Write(frame(reply(first)))
		conn.Write(frame(reply(second)))
		third := readQuery(conn)
		if third.Id != 7 {
			t.Error("an identifier was not given back")
		}
		conn.Write(frame(reply(third)))
	}, func(t *testing.T, s *stream) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.ask(ctx, packedWith(t, 7)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		for range 2 {
			var ignored Ignored
			b, err := s.askCounting(t.Context(), packedWith(t, 7), &ignored)
			if err != nil || b[0] != 0 || b[1] != 7 || ignored.Total() != 0 {
				t.Errorf("answer %x, error %v, ignored %+v", b, err, ignored)
			}
		}
		if len(s.waiting) != 0 {
			t.Errorf("%d queries still wait", len(s.waiting))
		}
	})
}

// FuzzStream has a server send any bytes after a query.
func FuzzStream(f *testing.F) {
	f.Add([]byte{0, 0})
	f.Add([]byte{0, 3, 1, 2, 3})
	q, err := pack(question.normal(), form{zeroID: true})
	if err != nil {
		f.Fatal(err)
	}
	m := new(dns.Msg)
	if err := m.Unpack(q.bytes); err != nil {
		f.Fatal(err)
	}
	f.Add(frame(reply(m)))
	f.Add(append(frame(reply(m))[:20], frame(reply(m))...))
	f.Fuzz(func(t *testing.T, b []byte) {
		ours, theirs := net.Pipe()
		s := newStream(ours).(*stream)
		var wg sync.WaitGroup
		wg.Go(func() { readQuery(theirs); theirs.Write(b); theirs.Close() })
		answer, err := s.ask(t.Context(), q.bytes)
		s.close()
		wg.Wait()
		if (err == nil) != (answer != nil) || err == nil && q.judge(answer) != accepted {
			t.Errorf("answer %x, error %v", answer, err)
		}
	})
}
