package resolve

import (
	"context"
	"errors"
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"
)

// TestSharedConnection opens one connection for many who want it at the same time.
func TestSharedConnection(t *testing.T) {
	t.Parallel()
	h := newHostile(t, nil, eachQuery(func(q *dns.Msg) []byte { return reply(q) }))
	c := testClient(t)
	var wg sync.WaitGroup
	var made atomic.Int32
	all := make([]*connection, 20)
	for i := range all {
		wg.Go(func() {
			e, mine, err := c.acquire(t.Context(), h.server(TCP))
			if err != nil {
				t.Error(err)
				return
			}
			if all[i] = e; mine {
				made.Add(1)
			}
		})
	}
	wg.Wait()
	if n := len(slices.Compact(slices.Clone(all))); n != 1 || made.Load() != 1 {
		t.Fatalf("%d connections, made %d times", n, made.Load())
	}
	all[0].drop()
	for i, e := range all {
		if over(e.carrier) {
			t.Fatalf("closed while %d use it", len(all)-i)
		}
		e.release()
	}
	if !over(all[0].carrier) {
		t.Error("nobody closed the connection")
	}
	if again, mine, err := c.acquire(t.Context(), h.server(TCP)); err != nil || !mine || again == all[0] {
		t.Error("what was dropped is used again", err)
	}
}

// TestClosedConnection does not ask over a connection that its server closed, which is no try.
func TestClosedConnection(t *testing.T) {
	t.Parallel()
	h := newHostile(t, nil, func(_ int, conn net.Conn) {
		conn.Write(frame(reply(readQuery(conn))))
	})
	c := testClient(t)
	for i := range 3 {
		x, err := c.Exchange(t.Context(), h.server(TCP), question)
		if err != nil || x.Status != Answered || x.Tries != 1 || int(h.conns.Load()) != i+1 {
			t.Fatal(x, err)
		}
		e, _ := c.own.connections.enter(x.Server)
		<-e.carrier.(*stream).ended
		e.release()
	}
}

// TestClose ends what is under way; the client may be used again.
func TestClose(t *testing.T) {
	t.Parallel()
	c := testClient(t)
	h := newHostile(t, nil, func(n int, conn net.Conn) {
		q := readQuery(conn)
		if n == 0 {
			c.Close()
			readQuery(conn)
			return
		}
		conn.Write(frame(reply(q)))
	})
	for _, want := range []Status{Unreachable, Answered} {
		x, err := c.Exchange(t.Context(), h.server(TCP), question)
		if err != nil || x.Status != want {
			t.Errorf("%+v, error %v, want status %d", x, err, want)
		}
	}
}

// TestGivenUp has who opens a connection give up; another who waits for it opens it then.
func TestGivenUp(t *testing.T) {
	t.Parallel()
	h := newHostile(t, nil, eachQuery(func(q *dns.Msg) []byte { return reply(q) }))
	c := testClient(t)
	first, mine := c.own.connections.enter(h.server(TCP))
	if !mine {
		t.Fatal("a connection before the first")
	}
	done := make(chan error)
	go func() {
		e, mine, err := c.acquire(t.Context(), h.server(TCP))
		if err == nil && (!mine || e == first) {
			err = errors.New("the connection of somebody who gave up")
		}
		done <- err
	}()
	for waiting := false; !waiting; runtime.Gosched() {
		c.own.connections.mu.Lock()
		waiting = first.users == 2
		c.own.connections.mu.Unlock()
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	first.open(ctx, c)
	if first.release(); first.err == nil {
		t.Error("opened without time")
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestDerive shares connections between clients with limits of their own.
func TestDerive(t *testing.T) {
	t.Parallel()
	h := newHostile(t, nil, eachQuery(func(q *dns.Msg) []byte { return reply(q) }))
	c := testClient(t)
	for _, client := range []*Client{c, c.derive(c.Timeout/2, 1), c.derive(c.Timeout, 2).derive(c.Timeout, 1)} {
		if x, err := client.Exchange(t.Context(), h.server(TCP), question); err != nil || x.Status != Answered {
			t.Fatal(x, err)
		}
	}
	if n := h.conns.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}
