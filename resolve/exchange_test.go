package resolve

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

var question = Question{Name: "www.example.test", Type: TypeA}

// TestExchange asks servers that do what none should, and some that are right.
func TestExchange(t *testing.T) {
	good := func(_ int, q *dns.Msg, send func([]byte)) { send(reply(q)) }
	before := func(bad func(q *dns.Msg) []byte) udpScript {
		return func(_ int, q *dns.Msg, send func([]byte)) { send(bad(q)); send(reply(q)) }
	}
	for _, c := range []struct {
		name    string
		udp     udpScript
		ignored Ignored
		notes   []string
		tries   int
	}{
		{"good", good, Ignored{}, []string{}, 1},
		{"another identifier", before(func(q *dns.Msg) []byte { return reply(q, func(m *dns.Msg) { m.Id++ }) }),
			Ignored{ID: 1}, []string{NoteIgnored}, 1},
		{"garbage", before(func(q *dns.Msg) []byte { return []byte("\xff\xff\xff garbage and no message at all") }),
			Ignored{Garbage: 1}, []string{NoteIgnored}, 1},
		{"three bytes", before(func(q *dns.Msg) []byte { return []byte("abc") }),
			Ignored{Garbage: 1}, []string{NoteIgnored}, 1},
		{"empty", before(func(q *dns.Msg) []byte { return nil }),
			Ignored{Garbage: 1}, []string{NoteIgnored}, 1},
		{"another question", before(func(q *dns.Msg) []byte {
			return reply(q, func(m *dns.Msg) { m.Question[0].Name = "evil.example." })
		}), Ignored{Question: 1}, []string{NoteIgnored}, 1},
		{"another type", before(func(q *dns.Msg) []byte {
			return reply(q, func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeAAAA })
		}), Ignored{Question: 1}, []string{NoteIgnored}, 1},
		{"two questions", before(func(q *dns.Msg) []byte {
			return reply(q, func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) })
		}), Ignored{Question: 1}, []string{NoteIgnored}, 1},
		{"no question", before(func(q *dns.Msg) []byte {
			return reply(q, func(m *dns.Msg) { m.Question = nil })
		}), Ignored{Question: 1}, []string{NoteIgnored}, 1},
		{"the query itself", before(func(q *dns.Msg) []byte {
			return reply(q, func(m *dns.Msg) { m.Response = false })
		}), Ignored{Query: 1}, []string{NoteIgnored}, 1},
		{"another opcode", before(func(q *dns.Msg) []byte {
			return reply(q, func(m *dns.Msg) { m.Opcode = dns.OpcodeNotify })
		}), Ignored{Query: 1}, []string{NoteIgnored}, 1},
		{"another cookie", before(func(q *dns.Msg) []byte {
			return reply(q, withCookie("00112233445566778899aabbccddeeff"))
		}), Ignored{Cookie: 1}, []string{NoteIgnored}, 1},
		{"trailing bytes", func(_ int, q *dns.Msg, send func([]byte)) { send(append(reply(q), 1, 2, 3)) },
			Ignored{}, []string{NoteTrailing}, 1},
		{"the question in capitals", func(_ int, q *dns.Msg, send func([]byte)) {
			send(reply(q, func(m *dns.Msg) { m.Question[0].Name = "WWW.EXAMPLE.TEST." }))
		}, Ignored{}, []string{}, 1},
		{"larger than asked for", func(_ int, q *dns.Msg, send func([]byte)) { send(reply(q, large(2000))) },
			Ignored{}, []string{NoteOverLarge}, 1},
		{"no EDNS known", func(_ int, q *dns.Msg, send func([]byte)) {
			if q.IsEdns0() != nil {
				send(with(reply(q, func(m *dns.Msg) { m.Answer, m.Extra, m.Rcode = nil, nil, dns.RcodeFormatError }), func([]byte) {}))
				return
			}
			send(reply(q))
		}, Ignored{}, []string{NoteNoEDNS}, 2},
		{"no EDNS known, without question", func(_ int, q *dns.Msg, send func([]byte)) {
			if q.IsEdns0() != nil {
				send(reply(q, func(m *dns.Msg) { m.Answer, m.Extra, m.Question, m.Rcode = nil, nil, nil, dns.RcodeNotImplemented }))
				return
			}
			send(reply(q))
		}, Ignored{}, []string{NoteNoEDNS}, 2},
		{"version 0 not known", func(_ int, q *dns.Msg, send func([]byte)) {
			if q.IsEdns0() != nil {
				send(reply(q, func(m *dns.Msg) { m.Answer, m.Rcode = nil, dns.RcodeBadVers }))
				return
			}
			send(reply(q))
		}, Ignored{}, []string{NoteVersion}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, ip := range []string{"127.0.0.1", "::1"} {
				h := newHostileAt(t, ip, c.udp, nil)
				x, err := testClient(t).Exchange(t.Context(), h.server(UDP), question)
				if err != nil {
					t.Fatal(err)
				}
				if x.Status != Answered || x.Err != nil || x.Message == nil {
					t.Fatalf("status %v, error %v, message %v", x.Status, x.Err, x.Message)
				}
				if got := x.Message.Answer[0].Addr; got != netip.MustParseAddr("192.0.2.1") {
					t.Errorf("answer %v", got)
				}
				if x.Ignored != c.ignored || x.Tries != c.tries {
					t.Errorf("ignored %+v, want %+v; %d tries, want %d", x.Ignored, c.ignored, x.Tries, c.tries)
				}
				if d := cmp.Diff(c.notes, notes(x)); d != "" {
					t.Errorf("notes (-want +got):\n%s", d)
				}
				if x.RTT <= 0 || x.Elapsed < x.RTT || x.Via != UDP {
					t.Errorf("RTT %v, elapsed %v, via %v", x.RTT, x.Elapsed, x.Via)
				}
			}
		})
	}
}

// withCookie sets the cookie of an answer, in hexadecimal digits.
func withCookie(hex string) func(m *dns.Msg) {
	return func(m *dns.Msg) {
		opt := m.IsEdns0()
		opt.Option = append(opt.Option, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: hex})
	}
}

// large adds text of n bytes and somewhat more.
func large(n int) func(m *dns.Msg) {
	return func(m *dns.Msg) {
		text := make([]byte, 200)
		for i := range text {
			text[i] = 'x'
		}
		for range n / 200 {
			m.Answer = append(m.Answer, &dns.TXT{
				Hdr: dns.RR_Header{Name: m.Question[0].Name, Rrtype: dns.TypeTXT, Class: dns.ClassINET},
				Txt: []string{string(text)},
			})
		}
	}
}

// TestTruncated asks servers that send no more than a part by UDP.
func TestTruncated(t *testing.T) {
	cut := func(_ int, q *dns.Msg, send func([]byte)) {
		send(reply(q, func(m *dns.Msg) { m.Truncated = true }))
	}
	whole := eachQuery(func(q *dns.Msg) []byte { return reply(q, large(3000)) })
	for _, c := range []struct {
		name    string
		udp     udpScript
		tcp     tcpScript
		status  Status
		via     Transport
		answers int
		tries   int
		notes   []string
	}{
		{"by TCP", cut, whole, Answered, TCP, 16, 2, []string{NoteTruncated}},
		{"cut in the middle", func(_ int, q *dns.Msg, send func([]byte)) {
			b := reply(q, large(1000), func(m *dns.Msg) { m.Truncated = true })
			send(b[:len(b)-300])
		}, whole, Answered, TCP, 16, 2, []string{NoteTruncated}},
		{"cut in the middle without a word", func(_ int, q *dns.Msg, send func([]byte)) {
			b := reply(q, large(1000))
			send(b[:len(b)-300])
		}, whole, Answered, TCP, 16, 2, []string{NoteTruncated}},
		{"by TCP, too", cut, eachQuery(func(q *dns.Msg) []byte {
			return reply(q, func(m *dns.Msg) { m.Truncated = true })
		}), Answered, TCP, 1, 2, []string{NoteTruncated, NoteTruncatedTCP}},
		{"no TCP", cut, nil, Answered, UDP, 1, 1, []string{NoteTruncated, NoteTruncated}},
		{"no TCP and broken", func(_ int, q *dns.Msg, send func([]byte)) {
			b := reply(q)
			send(b[:len(b)-13])
		}, nil, Malformed, UDP, 0, 1, []string{NoteTruncated, NoteTruncated}},
		{"garbage behind the question", func(_ int, q *dns.Msg, send func([]byte)) {
			b := reply(q, func(m *dns.Msg) { m.Truncated = true })
			send(append(b[:12+22], "\xff\xff\xff\xff\xff\xff\xff\xff"...))
		}, whole, Answered, TCP, 16, 2, []string{NoteTruncated}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHostile(t, c.udp, c.tcp)
			x, err := testClient(t).Exchange(t.Context(), h.server(UDP), question)
			if err != nil {
				t.Fatal(err)
			}
			if x.Status != c.status || x.Via != c.via || x.Tries != c.tries {
				t.Errorf("status %v (%v), via %v, %d tries", x.Status, x.Err, x.Via, x.Tries)
			}
			if x.Message != nil && len(x.Message.Answer) != c.answers {
				t.Errorf("%d answers, want %d", len(x.Message.Answer), c.answers)
			}
			if d := cmp.Diff(c.notes, notes(x)); d != "" {
				t.Errorf("notes (-want +got):\n%s", d)
			}
		})
	}
}
