package resolve

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// zoneRecords reads records of a zone, each a line; "soa N" is short for its SOA with serial N.
func zoneRecords(t *testing.T, lines ...string) []dns.RR {
	t.Helper()
	var all []dns.RR
	for _, line := range lines {
		if serial, ok := strings.CutPrefix(line, "soa "); ok {
			line = "example.test. 60 IN SOA ns.example.test. host.example.test. " + serial + " 1 2 3 4"
		}
		rr, err := dns.NewRR(line)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rr)
	}
	return all
}

// TestTransferEnd finds where zone transfers end, whole ones and changes.
func TestTransferEnd(t *testing.T) {
	const a, b = "a.example.test. A 192.0.2.1", "b.example.test. A 192.0.2.2"
	for _, c := range []struct {
		name        string
		incremental bool
		messages    [][]string
		want        int // records; -1: it does not end
	}{
		{"one message", false, [][]string{{"soa 5", a, b, "soa 5"}}, 4},
		{"a record a message", false, [][]string{{"soa 5"}, {a}, {b}, {"soa 5"}}, 4},
		{"without an end", false, [][]string{{"soa 5", a}, {b}}, -1},
		{"nothing but the SOA", false, [][]string{{"soa 5"}}, -1},
		{"empty zone", false, [][]string{{"soa 5", "soa 5"}}, 2},
		{"another serial in the end", false, [][]string{{"soa 5", a, "soa 6"}}, 3},
		{"records behind the end", false, [][]string{{"soa 5", a, "soa 5", b}}, 3},
		{"no SOA", false, [][]string{{a, b}}, 2},
		{"no record", false, [][]string{{}}, 0},
		{"nothing new", true, [][]string{{"soa 5"}}, 1},
		{"whole instead of changes", true, [][]string{{"soa 5", a}, {b, "soa 5"}}, 4},
		{"one change", true, [][]string{{"soa 5", "soa 4", a, "soa 5", b, "soa 5"}}, 6},
		{"two changes in pieces", true, [][]string{{"soa 5", "soa 3", a}, {"soa 4", b, "soa 4"}, {b, "soa 5"}, {a, "soa 5", a}}, 10},
		{"changes without an end", true, [][]string{{"soa 5", "soa 4", a, "soa 5", b}}, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr := transferring{incremental: c.incremental}
			for i, lines := range c.messages {
				m := new(dns.Msg)
				m.Response = true
				m.Answer = zoneRecords(t, lines...)
				packed, err := m.Pack()
				if err != nil {
					t.Fatal(err)
				}
				ours, _, err := unpack(packed)
				if err != nil {
					t.Fatal(err)
				}
				last, err := tr.add(ours)
				if err != nil {
					t.Fatal(err)
				}
				if want := c.want >= 0 && i == len(c.messages)-1; last != want {
					t.Fatalf("message %d: last %v", i, last)
				}
			}
			if got := len(tr.whole.Answer); c.want >= 0 && got != c.want {
				t.Errorf("%d records, want %d", got, c.want)
			}
		})
	}
}

// TestTransferLimits adds messages until there are too many.
func TestTransferLimits(t *testing.T) {
	soa := Record{Type: TypeSOA, Value: "a. b. 1 2 3 4 5"}
	for name, m := range map[string]*Message{
		"records": {Answer: make([]Record, 10000)},
		"bytes":   {Size: maxMessage, Answer: make([]Record, 1)},
		"text":    {Answer: []Record{{Value: strings.Repeat("x", maxText)}}},
	} {
		var tr transferring
		if _, err := tr.add(&Message{Answer: []Record{soa}}); err != nil {
			t.Fatal(err)
		}
		n := 0
		for ; n < 10000; n++ {
			if _, err := tr.add(m); err != nil {
				break
			}
		}
		if n == 10000 || len(tr.whole.Answer) > maxTransferRecords {
			t.Errorf("%s: no end", name)
		}
	}
}

// TestTransfer asks for a zone, of which the messages have no question but the first.
func TestTransfer(t *testing.T) {
	const n = 2000
	zone := func(to int, rcode int) tcpScript {
		return func(_ int, conn net.Conn) {
			q := readQuery(conn)
			if q == nil {
				return
			}
			soa := zoneRecords(t, "soa 7")
			conn.Write(frame(reply(q, func(m *dns.Msg) { m.Answer = soa })))
			for i := range to {
				conn.Write(frame(reply(q, func(m *dns.Msg) {
					m.Question, m.Extra = nil, nil
					m.Answer = zoneRecords(t, fmt.Sprintf("n%d.example.test. A 192.0.2.1", i))
				})))
			}
			if to == n {
				conn.Write(frame(reply(q, func(m *dns.Msg) { m.Id++ })))
				conn.Write(frame(reply(q, func(m *dns.Msg) { m.Answer = soa })))
			} else if rcode != 0 {
				conn.Write(frame(reply(q, func(m *dns.Msg) { m.Answer, m.Rcode = nil, rcode })))
			}
		}
	}
	refuse := func(q *dns.Msg) []byte {
		return reply(q, func(m *dns.Msg) { m.Answer, m.Rcode = nil, dns.RcodeRefused })
	}
	for _, c := range []struct {
		name    string
		tcp     tcpScript
		status  Status
		rcode   Rcode
		records int
		ignored int
		err     string
	}{
		{"whole", zone(n, 0), Answered, NoError, n + 2, 1, ""},
		{"refused", eachQuery(refuse), Answered, Refused, 0, 0, ""},
		{"ended early", zone(10, 0), Malformed, NoError, 0, 0, "the transfer ended after 11 records, before it was complete: the connection was closed before an answer"},
		{"ended by a code", zone(10, dns.RcodeServerFailure), Malformed, NoError, 0, 0, "the transfer was ended by SERVFAIL after 11 records"},
		{"closed", func(_ int, conn net.Conn) { readQuery(conn) }, Unreachable, NoError, 0, 0, "the connection was closed before an answer"},
		{"another cookie", eachQuery(func(q *dns.Msg) []byte {
			return reply(q, withCookie("ffffffffffffffff"), func(m *dns.Msg) { m.Answer = zoneRecords(t, "soa 7", "soa 7") })
		}), Malformed, NoError, 0, 1, errForeign.Error()},
		{"no EDNS", eachQuery(func(q *dns.Msg) []byte {
			if q.IsEdns0() == nil {
				return refuse(q)
			}
			return reply(q, func(m *dns.Msg) { m.Answer, m.Extra, m.Rcode = nil, nil, dns.RcodeFormatError })
		}), Answered, Refused, 0, 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHostile(t, nil, c.tcp)
			x, err := testClient(t).Exchange(t.Context(), h.server(UDP), Question{Name: "example.test", Type: TypeAXFR})
			if err != nil {
				t.Fatal(err)
			}
			if x.Status != c.status || x.Via != TCP || x.Ignored.Total() != c.ignored || x.Err != nil && x.Err.Error() != c.err || x.Err == nil && c.err != "" {
				t.Errorf("status %v, error %v, ignored %+v", x.Status, x.Err, x.Ignored)
			}
			if m := x.Message; m != nil && (m.Rcode != c.rcode || len(m.Answer) != c.records) {
				t.Errorf("%v, %d records", m.Rcode, len(m.Answer))
			}
		})
	}
}

// TestSilentTransfer asks a server that never answers, and one that stops in the middle.
func TestSilentTransfer(t *testing.T) {
	t.Parallel()
	for _, answers := range []int{0, 1} {
		h := newHostile(t, nil, func(_ int, conn net.Conn) {
			q := readQuery(conn)
			if answers > 0 {
				conn.Write(frame(reply(q, func(m *dns.Msg) { m.Answer = zoneRecords(t, "soa 7") })))
			}
			readQuery(conn)
		})
		x, err := hasty(t, 2).Exchange(t.Context(), h.server(TCP), Question{Name: "example.test", Type: TypeAXFR})
		if err != nil || x.Status != TimedOut {
			t.Error(x, err)
		}
	}
}
