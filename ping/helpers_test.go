package ping

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/packet"
	"github.com/netdiag/netdiag/internal/rawsock"
)

const (
	ms     = time.Millisecond
	sec    = time.Second
	cookie = 0x0123456789abcdef
)

// t0 is when the tests of the session begin.
var t0 = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

// Addresses of targets, by family, and of somebody else.
var (
	host4, host6   = netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("2001:db8:ffff::1")
	other4, other6 = netip.MustParseAddr("198.51.100.99"), netip.MustParseAddr("2001:db8:ffff::99")
)

var families = []packet.Family{packet.IPv4, packet.IPv6}

// familyName returns the name of a subtest.
func familyName(f packet.Family) string { return fmt.Sprintf("IPv%d", f) }

// hostOf and otherOf return the address of a target, and of somebody else, of family f.
func hostOf(f packet.Family) netip.Addr {
	if f == packet.IPv6 {
		return host6
	}
	return host4
}

func otherOf(f packet.Family) netip.Addr {
	if f == packet.IPv6 {
		return other6
	}
	return other4
}

// describeEvent returns an event as text: "20ms reply 0/3 rtt=20ms", the time since start.
func describeEvent(e Event, start time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v %v", e.Time.Sub(start), e.Kind)
	switch {
	case e.Index >= 0 && (e.Seq != 0 || e.Kind != Done):
		fmt.Fprintf(&b, " %d/%d", e.Index, e.Seq)
	case e.Index >= 0:
		fmt.Fprintf(&b, " %d", e.Index)
	}
	switch e.Kind {
	case Reply, Late, Duplicate, Pause:
		fmt.Fprintf(&b, " rtt=%v", e.RTT)
	case ICMPError, Redirect:
		fmt.Fprintf(&b, " %q", e.Message)
	case SendError:
		fmt.Fprintf(&b, " %v", e.Err)
	case LocalDrops:
		fmt.Fprintf(&b, " %d", e.Drops)
	}
	return b.String()
}

// checker holds what is promised of events against each one that comes, by books of its own.
type checker struct {
	tb      testing.TB
	timeout time.Duration
	books   map[int]*book
	all     Stats
}

// book is what a checker knows of a target.
type book struct {
	stats   Stats
	sentAt  map[int64]time.Time
	outcome map[int64]Kind // 0: none yet
	open    int64          // sent, without an outcome
	refused map[int64]bool
	done    bool
}

func newChecker(tb testing.TB, cfg Config) *checker {
	filled := cfg.filled()
	return &checker{tb: tb, timeout: filled.Timeout, books: make(map[int]*book)}
}

// add checks e.
func (c *checker) add(e Event) {
	c.tb.Helper()
	c.all.Add(e)
	c.checkFields(e)
	if e.Index < 0 {
		if e.Kind != Pause && e.Kind != LocalDrops && (e.Kind != Foreign || e.Seq != -1) {
			c.tb.Errorf("an event of no target: %+v", e)
		}
		return
	}
	b := c.books[e.Index]
	if b == nil {
		b = &book{sentAt: make(map[int64]time.Time), outcome: make(map[int64]Kind), refused: make(map[int64]bool)}
		c.books[e.Index] = b
	}
	if b.done {
		c.tb.Errorf("after Done of target %d: %+v", e.Index, e)
	}
	b.stats.Add(e)
	if why := b.add(e, c.timeout); why != "" {
		c.tb.Errorf("%s: %+v", why, e)
	}
	s := &b.stats
	if s.Sent != s.Received+s.Late+s.Lost()+s.InFlight() || s.InFlight() != b.open || b.open < 0 || s.Sent != int64(len(b.sentAt)) {
		c.tb.Errorf("the sums do not hold after %+v: %+v, %d are open", e, s, b.open)
	}
}

// add enters e and returns what is wrong about it.
func (b *book) add(e Event, timeout time.Duration) string {
	sent, known := b.sentAt[e.Seq]
	had := b.outcome[e.Seq]
	settle := func() { b.outcome[e.Seq] = e.Kind; b.open-- }
	switch e.Kind {
	case Done:
		b.done = true
		return ""
	case Sent:
		b.sentAt[e.Seq] = e.Time
		b.open++
		if known || b.refused[e.Seq] {
			return "sent twice"
		}
		return ""
	case SendError:
		if known || b.refused[e.Seq] {
			return "refused although sent, or refused twice"
		}
		b.refused[e.Seq] = true
		return ""
	case Foreign:
		if e.Seq < 0 {
			return ""
		}
	}
	if !known {
		return "about a probe that was not sent"
	}
	switch e.Kind {
	case Reply:
		settle()
		if had != 0 || e.RTT > timeout || !e.Time.Equal(sent.Add(e.RTT)) {
			return fmt.Sprintf("a reply after outcome %d, or at the wrong time", had)
		}
	case ICMPError:
		settle()
		if had != 0 || e.Time.Sub(sent) > timeout {
			return fmt.Sprintf("an error after outcome %d, or too late", had)
		}
	case Timeout:
		settle()
		if had != 0 || !e.Time.Equal(sent.Add(timeout)) {
			return fmt.Sprintf("a timeout after outcome %d, or at the wrong time", had)
		}
	case Late:
		b.outcome[e.Seq] = Late
		if had != Timeout {
			return fmt.Sprintf("late after outcome %d", had)
		}
	case Duplicate:
		if had != Reply && had != Late && had != ICMPError {
			return fmt.Sprintf("a duplicate after outcome %d", had)
		}
	case Redirect:
		if had != 0 {
			return fmt.Sprintf("a redirect after outcome %d", had)
		}
	}
	return ""
}

// checkFields checks that e has the fields of its kind, and no others.
func (c *checker) checkFields(e Event) {
	c.tb.Helper()
	about := e.Kind == Reply || e.Kind == Late || e.Kind == Duplicate
	answer := about || e.Kind == Corrupt || e.Kind == Foreign
	icmp := e.Kind == ICMPError || e.Kind == Redirect
	for _, f := range []struct {
		name     string
		is, mayB bool
	}{
		{"RTT", e.RTT != 0, about || e.Kind == Pause},
		{"Kernel", e.Kernel, about},
		{"From", e.From.IsValid(), answer || icmp},
		{"Size", e.Size != 0, answer || icmp},
		{"TTL", e.TTL != 0, answer || icmp},
		{"ICMPType", e.ICMPType != 0 || e.ICMPCode != 0 || e.Message != "" || e.Gateway.IsValid(), icmp},
		{"MTU", e.MTU != 0, icmp || e.Kind == SendError},
		{"Err", e.Err != nil, e.Kind == SendError},
		{"Drops", e.Drops != 0, e.Kind == LocalDrops},
	} {
		if f.is && !f.mayB {
			c.tb.Errorf("%v has a field %s: %+v", e.Kind, f.name, e)
		}
	}
	if e.Time.IsZero() || e.RTT < 0 || (answer || icmp) && (!e.From.IsValid() || e.Size == 0) {
		c.tb.Errorf("fields are missing: %+v", e)
	}
}

// driver runs a session without a connection, moment by moment.
type driver struct {
	tb       testing.TB
	s        *session
	check    *checker
	now      time.Time
	refuse   func(n int64) error // asked about each probe to be sent; nil: all are sent
	numbers  [batch]int64
	sent     int
	late     bool // see overslept
	keepText bool
	text     []string // of the events since the last step
}

// list returns the function that a session reads targets from.
func list(addrs ...netip.Addr) func() (netip.Addr, bool) {
	return func() (netip.Addr, bool) {
		if len(addrs) == 0 {
			return netip.Addr{}, false
		}
		a := addrs[0]
		addrs = addrs[1:]
		return a, true
	}
}

func newDriver(tb testing.TB, cfg Config, targets func() (netip.Addr, bool)) *driver {
	return &driver{
		tb: tb, s: newSession(cfg.filled(), cookie, targets), check: newChecker(tb, cfg), now: t0, keepText: true,
	}
}

// step is a turn of the loop at a moment: do, then expire, then send all that is due.
func (d *driver) step(at time.Duration, do ...func(*driver)) {
	d.tb.Helper()
	d.now = t0.Add(at)
	for _, f := range do {
		f(d)
		d.collect()
	}
	d.s.expire(d.now)
	d.collect()
	for {
		numbers := d.s.due(d.now, d.numbers[:0])
		for i, n := range numbers {
			if !d.send(n, numbers[i:]) {
				break
			}
		}
		d.collect()
		if len(numbers) == 0 {
			return
		}
	}
}

// errPostpone as an answer of driver.refuse has the probe postponed by 5 ms.
var errPostpone = fmt.Errorf("postpone")

// send sends probe n; false: all the rest was postponed.
func (d *driver) send(n int64, rest []int64) bool {
	var err error
	if d.refuse != nil {
		err = d.refuse(n)
	}
	switch err {
	case nil:
		d.s.sent(n, rawsock.Stamp{Time: d.now})
		d.sent++
	case errPostpone:
		for i := len(rest) - 1; i >= 0; i-- {
			d.s.postpone(rest[i], d.now.Add(5*ms))
		}
		return false
	default:
		d.s.refused(n, err, 0, d.now)
	}
	return true
}

// collect takes the events that the session has and checks them.
func (d *driver) collect() {
	d.tb.Helper()
	for _, e := range d.s.events {
		d.check.add(e)
		if d.keepText {
			d.text = append(d.text, describeEvent(e, t0))
		}
	}
	d.s.events = d.s.events[:0]
}

// run turns until the given moment, whenever the session wants to; answer, if set, is called before each turn.
func (d *driver) run(until time.Duration, answer func(*driver)) {
	d.tb.Helper()
	for turns := 0; !d.s.finished(); turns++ {
		wake := d.s.wake(d.now)
		if turns > 1_000_000 {
			d.tb.Fatalf("no end in sight: wants to run at %v", wake.Sub(t0))
		}
		if wake.IsZero() {
			d.tb.Fatal("unfinished, and nothing is due")
		}
		if wake.After(t0.Add(until)) {
			return
		}
		d.now = later(d.now, wake)
		if answer == nil {
			d.step(d.now.Sub(t0))
		} else {
			d.step(d.now.Sub(t0), answer)
		}
	}
}

// echo returns the packet that answers probe n, received now.
func (d *driver) echo(n int64) *rawsock.Packet {
	t := d.s.window.at(n).t.addr
	return d.packet(t, packet.Echo{Reply: true, Seq: uint16(n), Data: d.s.match.fill(n)})
}

// packet returns an echo message from an address, received now.
func (d *driver) packet(from netip.Addr, e packet.Echo) *rawsock.Packet {
	return &rawsock.Packet{
		Addr: from, TTL: 64, Stamp: rawsock.Stamp{Time: d.now},
		Data: packet.AppendEcho(nil, packet.FamilyOf(from), e),
	}
}

// reply has the answer to probe n arrive.
func reply(n int64) func(*driver) {
	return func(d *driver) { d.s.receive(d.echo(n)) }
}

// icmp returns the ICMP error of a class about probe n, received now; quoted bounds the bytes of its data that it quotes.
func (d *driver) icmp(class packet.Class, n int64, quoted int) *rawsock.Packet {
	t := d.s.window.at(n).t.addr
	f := packet.FamilyOf(t)
	data := d.s.match.fill(n)
	payload := packet.AppendEcho(nil, f, packet.Echo{Seq: uint16(n), Data: data})
	typ := map[packet.Class][2]uint8{packet.Unreachable: {3, 1}, packet.Redirect: {5, 137}, packet.SourceQuench: {4, 4}}[class]
	e := &packet.Error{Family: f, Class: class, Type: typ[f/6], Code: 1}
	e.Quote = packet.Quote{
		Header:  packet.Header{Family: f, Dst: t.WithZone(""), Proto: f.ICMPProto(), HeaderLen: 20},
		Payload: payload[:min(len(payload), 8+quoted)],
	}
	return &rawsock.Packet{
		Kind: rawsock.Error, Addr: otherOf(f), TTL: 60, ICMP: e, Data: e.Quote.Payload, Stamp: rawsock.Stamp{Time: d.now},
	}
}

// unreachable has an ICMP error about probe n arrive.
func unreachable(n int64) func(*driver) {
	return func(d *driver) { d.s.receive(d.icmp(packet.Unreachable, n, 1000)) }
}
