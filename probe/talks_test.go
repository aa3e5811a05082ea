package probe

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// takes is a conversation that takes so long, or until it is told to end.
func takes(d time.Duration, said *Said) talker {
	return func(ctx context.Context, conn net.Conn, _ *Talk, _ *Target, _ netip.AddrPort) *Said {
		defer conn.Close()
		select {
		case <-time.After(d):
			return said
		case <-ctx.Done():
			return &Said{Err: ctx.Err()}
		}
	}
}

// TestTalk has what was said with the result, and no more conversations at a time than there may be attempts.
func TestTalk(t *testing.T) {
	w := always(opens)
	said := &Said{Heard: []byte("hello")}
	w.talk = takes(time.Second, said)
	h := w.in(t, Config{Targets: slices.Values(ports("192.0.2.1", upTo(6)...)), Concurrency: 2, Talk: &Talk{Banner: true}})
	want := []time.Duration{0, 0, 1001 * ms, 1001 * ms, 2002 * ms, 2002 * ms}
	if got := w.times(); !slices.Equal(got, want) {
		t.Errorf("started at %v, want %v", got, want)
	}
	results := h.only(Result)
	for _, e := range results {
		if e.State != Open || e.Said != said || e.Took != ms || e.Reset {
			t.Errorf("%+v", e)
		}
	}
	if len(results) != 6 {
		t.Errorf("%d results", len(results))
	}
}

// TestTalkReset has a server that resets the connection before it says anything, and one that does so afterwards.
func TestTalkReset(t *testing.T) {
	reset := &net.OpError{Op: "read", Err: syscall.ECONNRESET}
	for _, c := range []struct {
		said  *Said
		reset bool
	}{
		{&Said{Err: reset}, true},
		{&Said{Err: reset, Heard: []byte("220 ")}, false},
		{&Said{Err: reset, Plain: []byte("220 ")}, false},
		{&Said{Err: reset, TLS: &Session{}}, false},
		{&Said{Err: io.ErrUnexpectedEOF}, false},
		{&Said{}, false},
	} {
		w := always(opens)
		w.talk = takes(ms, c.said)
		h := w.in(t, Config{Targets: slices.Values(ports("192.0.2.1", 80)), Talk: &Talk{Banner: true}})
		if e := h.events[0]; e.State != Open || e.Reset != c.reset || e.Said != c.said {
			t.Errorf("%+v: %+v", c.said, e)
		}
	}
}

// TestTalkCancelled tells what is known when the context ends a conversation.
func TestTalkCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*ms)
		defer cancel()
		w := always(opens)
		w.talk = takes(time.Hour, nil)
		h := w.run(ctx, Config{Targets: slices.Values(ports("192.0.2.1", 80, 81)), Talk: &Talk{Banner: true}})
		if !errors.Is(h.err, context.DeadlineExceeded) || h.took != 50*ms {
			t.Errorf("%v after %v", h.err, h.took)
		}
		if got := h.states(); !slices.Equal(got, []State{Open, Open}) || len(h.only(Done)) != 2 {
			t.Fatalf("%+v", h.events)
		}
		// Whether the context or the run ends it first is open.
		if e := h.events[0]; e.Said == nil || !errors.Is(e.Said.Err, context.DeadlineExceeded) && !errors.Is(e.Said.Err, context.Canceled) {
			t.Errorf("%+v", e.Said)
		}
	})
}

// TestTalkBroken ends conversations when the consumer does.
func TestTalkBroken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{answer: func(to netip.AddrPort, _, _ int) reply {
			if to.Port() == 80 {
				return opens
			}
			return reply{after: 9 * ms, err: syscall.ECONNREFUSED}
		}}
		ended := false
		w.talk = func(ctx context.Context, conn net.Conn, _ *Talk, _ *Target, _ netip.AddrPort) *Said {
			defer conn.Close()
			<-ctx.Done()
			ended = true
			return &Said{Err: ctx.Err()}
		}
		cfg := Config{Targets: slices.Values(ports("192.0.2.1", 80, 81)), Talk: &Talk{Banner: true}}
		for e := range run(t.Context(), cfg, w.system()) {
			if e.Addr.Port() == 81 {
				break
			}
		}
		if !ended || !w.released {
			t.Errorf("ended %t, released %t", ended, w.released)
		}
	})
}

// TestTalkUntil hangs up on the conversations of other probes once one has brought what was waited for.
func TestTalkUntil(t *testing.T) {
	w := always(opens)
	w.talk = takes(2500*ms, &Said{})
	h := w.in(t, Config{Targets: slices.Values(ports("192.0.2.1", 80)), Talk: &Talk{Banner: true}, Until: UntilOpen})
	if got := h.states(); !slices.Equal(got, []State{Open}) || h.took != 2501*ms {
		t.Errorf("%v after %v", got, h.took)
	}
}
