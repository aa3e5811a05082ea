package resolve

import (
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// sentCookie returns the cookie of a query, in hexadecimal digits.
func sentCookie(q *dns.Msg) string {
	for _, o := range q.IsEdns0().Option {
		if c, ok := o.(*dns.EDNS0_COOKIE); ok {
			return c.Cookie
		}
	}
	return ""
}

const serverCookie = "0102030405060708"

// TestCookie asks a server that answers whoever knows its cookie.
func TestCookie(t *testing.T) {
	t.Parallel()
	var clients []string
	h := newHostile(t, func(_ int, q *dns.Msg, send func([]byte)) {
		sent := sentCookie(q)
		clients = append(clients, sent[:16])
		good := sent[16:] == serverCookie
		send(reply(q, withCookie(sent[:16]+serverCookie), func(m *dns.Msg) {
			if !good {
				m.Answer, m.Rcode = nil, dns.RcodeBadCookie
			}
		}))
	}, nil)
	c := testClient(t)
	for i, want := range [][]string{{NoteCookie}, {}} {
		x, err := c.Exchange(t.Context(), h.server(UDP), question)
		if err != nil || x.Status != Answered || x.Message.Rcode != NoError {
			t.Fatal(x, err)
		}
		if !slices.Equal(notes(x), want) || x.Tries != 2-i {
			t.Errorf("exchange %d: %d tries, notes %v", i, x.Tries, x.Notes)
		}
		h.script.Lock()
		if hex.EncodeToString(x.Message.EDNS.Client) != clients[0] || hex.EncodeToString(x.Message.EDNS.Server) != serverCookie {
			t.Errorf("exchange %d: cookies %x, %x", i, x.Message.EDNS.Client, x.Message.EDNS.Server)
		}
		h.script.Unlock()
	}
	if len(clients) != 3 || clients[0] != clients[1] || clients[0] != clients[2] {
		t.Errorf("client cookies %v", clients)
	}
}

// TestCookieNeverGood asks a server that takes no cookie by UDP, not even its own.
func TestCookieNeverGood(t *testing.T) {
	t.Parallel()
	bad := func(q *dns.Msg) []byte {
		return reply(q, withCookie(sentCookie(q)[:16]+serverCookie), func(m *dns.Msg) { m.Answer, m.Rcode = nil, dns.RcodeBadCookie })
	}
	udp := func(_ int, q *dns.Msg, send func([]byte)) { send(bad(q)) }
	for _, c := range []struct {
		tcp   tcpScript
		rcode Rcode
		tries int
	}{
		{eachQuery(func(q *dns.Msg) []byte { return reply(q) }), NoError, 3},
		{eachQuery(bad), BadCookie, 4},
	} {
		h := newHostile(t, udp, c.tcp)
		x, err := testClient(t).Exchange(t.Context(), h.server(UDP), question)
		if err != nil || x.Status != Answered || x.Message.Rcode != c.rcode || x.Via != TCP || x.Tries != c.tries {
			t.Errorf("%+v, %v", x, err)
		}
	}
}

// TestCookiesAreKept keeps no more cookies than it may, and none that is another's.
func TestCookiesAreKept(t *testing.T) {
	var all cookies
	a := netip.MustParseAddr("192.0.2.1")
	mine := all.find(a)
	all.learn(a, mine.client[:], []byte("somebody"))
	all.learn(a, []byte("somebody"), []byte("elses..."))
	if got := all.find(a); got.client != mine.client || string(got.server) != "somebody" {
		t.Errorf("cookie %+v", got)
	}
	for range 3 * maxCookies {
		a = a.Next()
		all.find(a)
	}
	if len(all.of) > maxCookies {
		t.Errorf("%d cookies", len(all.of))
	}
}

// TestMalformedCookie has cookies of every length unpacked.
func TestMalformedCookie(t *testing.T) {
	for n := range 50 {
		var e EDNS
		e.option(optCookie, []byte(strings.Repeat("c", n)))
		if len(e.Client) != min(n, 8) || e.Client == nil {
			t.Errorf("%d bytes: client's part %q", n, e.Client)
		}
		if want := n - 8; (n < 16 || n > 40) && e.Server != nil || n >= 16 && n <= 40 && len(e.Server) != want {
			t.Errorf("%d bytes: server's part %q", n, e.Server)
		}
	}
}
