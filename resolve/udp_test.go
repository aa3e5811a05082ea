package resolve

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/miekg/dns"
)

// TestRetransmission has a server answer no query but a later one.
func TestRetransmission(t *testing.T) {
	t.Parallel()
	h := newHostile(t, func(n int, q *dns.Msg, send func([]byte)) {
		if n > 0 {
			send(reply(q))
		}
	}, nil)
	x, err := hasty(t, 50).Exchange(t.Context(), h.server(UDP), question)
	if err != nil || x.Status != Answered {
		t.Fatal(x, err)
	}
	if x.Tries < 2 || !slices.Contains(notes(x), NoteRetried) {
		t.Errorf("%d tries, notes %v", x.Tries, x.Notes)
	}
}

// TestLateAnswer has a server answer the first query when the second comes.
func TestLateAnswer(t *testing.T) {
	t.Parallel()
	var first *dns.Msg
	var answer func([]byte)
	ids, cookies := map[uint16]bool{}, map[string]bool{}
	h := newHostile(t, func(n int, q *dns.Msg, send func([]byte)) {
		ids[q.Id] = true
		cookies[fmt.Sprint(q.IsEdns0().Option)] = true
		if n == 0 {
			first, answer = q, send
			return
		}
		if n == 1 {
			answer(reply(first, func(m *dns.Msg) { m.Id++ }))
			answer(reply(first))
			if len(ids) != 2 || len(cookies) != 1 {
				t.Errorf("identifiers %v, cookies %v", ids, cookies)
			}
		}
	}, nil)
	x, err := hasty(t, 50).Exchange(t.Context(), h.server(UDP), question)
	if err != nil || x.Status != Answered {
		t.Fatal(x, err)
	}
	h.script.Lock()
	defer h.script.Unlock()
	if x.Tries < 2 || x.Message.ID != first.Id || x.Ignored != (Ignored{ID: 1}) {
		t.Errorf("%d tries, identifier %d, want %d, ignored %+v", x.Tries, x.Message.ID, first.Id, x.Ignored)
	}
}

// TestFormerrAfterSilence has a query refused that was sent beside one that is still waited for.
func TestFormerrAfterSilence(t *testing.T) {
	t.Parallel()
	h := newHostile(t, func(n int, q *dns.Msg, send func([]byte)) {
		switch {
		case n == 0:
		case q.IsEdns0() != nil:
			send(reply(q, func(m *dns.Msg) { m.Answer, m.Extra, m.Rcode = nil, nil, dns.RcodeFormatError }))
		default:
			send(reply(q))
		}
	}, nil)
	x, err := hasty(t, 50).Exchange(t.Context(), h.server(UDP), question)
	if err != nil || x.Status != Answered || len(x.Message.Answer) != 1 || !slices.Contains(notes(x), NoteNoEDNS) {
		t.Fatal(x, err)
	}
}

// TestSilence asks a server that never answers, and one that answers nothing with EDNS.
func TestSilence(t *testing.T) {
	t.Parallel()
	h := newHostile(t, func(int, *dns.Msg, func([]byte)) {}, nil)
	x, err := hasty(t, 3).Exchange(t.Context(), h.server(UDP), question)
	if err != nil {
		t.Fatal(err)
	}
	if x.Status != TimedOut || x.Tries != 3 || x.Message != nil || x.Err.Error() != "no answer to 3 queries in 60ms" {
		t.Errorf("status %v, %d tries, error %v", x.Status, x.Tries, x.Err)
	}
}

// TestDroppedEDNS asks a server behind something that drops queries with EDNS.
func TestDroppedEDNS(t *testing.T) {
	t.Parallel()
	with := make(chan bool, 3)
	h := newHostile(t, func(_ int, q *dns.Msg, send func([]byte)) {
		if q.IsEdns0() == nil {
			send(reply(q))
		}
		with <- q.IsEdns0() != nil
	}, nil)
	x, err := hasty(t, 3).Exchange(t.Context(), h.server(UDP), question)
	if err != nil || x.Tries != 3 {
		t.Fatal(x, err)
	}
	for i, want := range []bool{true, true, false} {
		if got := <-with; got != want {
			t.Errorf("query %d: EDNS %t, want %t", i, got, want)
		}
	}
	// On a machine that is busy even the last may be answered too late.
	if x.Status == Answered && (!slices.Equal(notes(x), []string{NoteEDNSDropped, NoteRetried}) || x.Message.EDNS != nil) {
		t.Errorf("notes %v", x.Notes)
	}
}

// TestNobodyListens asks where nobody listens: the answer of the machine there is waited for no longer than it takes.
func TestNobodyListens(t *testing.T) {
	t.Parallel()
	for _, ip := range []string{"127.0.0.1", "::1"} {
		for _, tr := range []Transport{UDP, TCP} {
			h := newHostileAt(t, ip, nil, nil)
			x, err := testClient(t).Exchange(t.Context(), h.server(tr), question)
			if err != nil {
				t.Fatal(err)
			}
			if x.Status != Unreachable || x.Err == nil || x.Via != tr || x.Tries > 1 {
				t.Errorf("%v: status %v, error %v, %d tries", tr, x.Status, x.Err, x.Tries)
			}
		}
	}
}

// TestCanceled ends the context when the query was seen, the first or one that was sent beside it.
func TestCanceled(t *testing.T) {
	for n := range 2 {
		for _, tr := range []Transport{UDP, TCP} {
			t.Run(fmt.Sprint(tr, n), func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithCancel(t.Context())
				h := newHostile(t, func(i int, q *dns.Msg, _ func([]byte)) {
					if i == n {
						cancel()
					}
				}, eachQuery(func(q *dns.Msg) []byte { cancel(); return nil }))
				c := testClient(t)
				if n > 0 {
					c = hasty(t, 50)
				}
				x, err := c.Exchange(ctx, h.server(tr), question)
				if x != nil || !errors.Is(err, context.Canceled) {
					t.Errorf("exchange %v, error %v", x, err)
				}
				if _, err := c.Exchange(ctx, h.server(tr), question); !errors.Is(err, context.Canceled) {
					t.Errorf("again: error %v", err)
				}
			})
		}
	}
}

// TestArguments has what cannot be asked refused.
func TestArguments(t *testing.T) {
	server := Server{Addr: netip.MustParseAddrPort("127.0.0.1:53")}
	for _, c := range []struct {
		client *Client
		server Server
		q      Question
		want   string
	}{
		{&Client{}, Server{}, question, "resolve: server : its address is not known"},
		{&Client{}, Server{Host: "ns.test"}, question, "resolve: server ns.test: its address is not known"},
		{&Client{}, Server{Transport: 9, Addr: server.Addr}, question, "resolve: server transport 9://127.0.0.1:53: no such transport"},
		{&Client{}, server, Question{Name: "a..b"}, `resolve: "a..b." is not a domain name`},
		{&Client{}, server, Question{Name: "."}, "context canceled"},
		{&Client{Tries: 101}, server, question, "resolve: 101 tries are not from 1 to 100"},
		{&Client{Timeout: -1}, server, question, "resolve: timeout -1ns is not from 0 to 1h0m0s"},
		{&Client{Source: netip.MustParseAddr("::1")}, server, question, "resolve: server 127.0.0.1 cannot be asked from ::1"},
		{&Client{}, Server{Transport: QUIC, Addr: server.Addr}, Question{Name: "test", Type: TypeAXFR}, "resolve: zone transfers go by tcp and tls, not by quic"},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if x, err := c.client.Exchange(ctx, c.server, c.q); x != nil || err == nil || err.Error() != c.want {
			t.Errorf("%v, %v: exchange %v, error %v, want %s", c.server, c.q, x, err, c.want)
		}
	}
}

// TestFromSource asks from an address of the caller's choice.
func TestFromSource(t *testing.T) {
	t.Parallel()
	c := testClient(t)
	h := newHostile(t, func(_ int, q *dns.Msg, send func([]byte)) { send(reply(q)) }, eachQuery(func(q *dns.Msg) []byte { return reply(q) }))
	for _, tr := range []Transport{UDP, TCP} {
		c.Source = netip.MustParseAddr("127.0.0.1")
		if x, err := c.Exchange(t.Context(), h.server(tr), question); err != nil || x.Status != Answered {
			t.Error(x, err)
		}
	}
	c.Source = netip.MustParseAddr("192.0.2.200") // of documentation; nobody has it
	x, err := c.Exchange(t.Context(), h.server(UDP), question)
	if err != nil || x.Status != LocalError {
		t.Error(x, err)
	}
}
