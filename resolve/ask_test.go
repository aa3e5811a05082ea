package resolve

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"
)

// TestAsk asks several servers several questions. One that is dead and one that has no address hide no answer.
func TestAsk(t *testing.T) {
	t.Parallel()
	good := func(_ int, q *dns.Msg, send func([]byte)) { send(reply(q)) }
	servers := []Server{
		newHostile(t, nil, nil).server(UDP),
		newHostile(t, good, nil).server(UDP),
		{Host: "ns.test"},
		newHostileAt(t, "::1", good, nil).server(UDP),
	}
	var questions []Question
	for i := range 40 {
		questions = append(questions, Question{Name: fmt.Sprintf("n%d.test.", i), Type: TypeA, Class: ClassIN})
	}
	seen := map[Server]map[Question]Status{}
	for x, err := range testClient(t).Ask(t.Context(), servers, questions) {
		if err != nil {
			t.Fatal(err)
		}
		if seen[x.Server] == nil {
			seen[x.Server] = map[Question]Status{}
		}
		if _, again := seen[x.Server][x.Question]; again {
			t.Errorf("%v, %v: once more", x.Server, x.Question)
		}
		seen[x.Server][x.Question] = x.Status
	}
	for i, want := range []Status{Unreachable, Answered, LocalError, Answered} {
		for _, q := range questions {
			if got, ok := seen[servers[i]][q]; !ok || got != want {
				t.Errorf("%v, %v: status %v, %v", servers[i], q, got, ok)
			}
		}
	}
}

// TestAskBreak leaves the loop, and ends the context in it.
func TestAskBreak(t *testing.T) {
	t.Parallel()
	var inFlight atomic.Int32
	h := newHostile(t, func(n int, q *dns.Msg, send func([]byte)) {
		if n == 0 {
			send(reply(q))
			return
		}
		inFlight.Add(1)
	}, nil)
	questions := make([]Question, 200)
	for i := range questions {
		questions[i].Name = fmt.Sprintf("n%d.test", i)
	}
	c := testClient(t)
	for range c.Ask(t.Context(), []Server{h.server(UDP)}, questions) {
		break
	}
	if n := inFlight.Load(); n > maxParallel {
		t.Errorf("%d queries at the same time", n)
	}
	h = newHostile(t, func(n int, q *dns.Msg, send func([]byte)) {
		if n == 0 {
			send(reply(q))
		}
	}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	n := 0
	for x, err := range c.Ask(ctx, []Server{h.server(UDP)}, questions) {
		cancel()
		if last != nil || (x == nil) != (err != nil) {
			t.Errorf("%v, error %v", x, err)
		}
		last = err
		n++
	}
	if !errors.Is(last, context.Canceled) || n != 2 {
		t.Errorf("%d pairs, the last with error %v", n, last)
	}
}

// TestAskNothing has no server, or no question.
func TestAskNothing(t *testing.T) {
	for x, err := range testClient(t).Ask(t.Context(), nil, []Question{question}) {
		t.Error(x, err)
	}
	for x, err := range testClient(t).Ask(t.Context(), []Server{{}}, nil) {
		t.Error(x, err)
	}
}

// BenchmarkExchange asks a server on the loopback, which takes a part of the time and allocates nothing.
func BenchmarkExchange(b *testing.B) {
	for _, t := range []Transport{UDP, TCP} {
		b.Run(t.String(), func(b *testing.B) {
			h := newEcho(b)
			c := testClient(b)
			b.ReportAllocs()
			for b.Loop() {
				x, err := c.Exchange(b.Context(), h.server(t), question)
				if err != nil || x.Status != Answered {
					b.Fatal(x, err)
				}
			}
		})
	}
}
