package trace

import (
	"errors"
	"net/netip"
	"time"

	"github.com/netdiag/netdiag/internal/rawsock"
)

// mtuSearch looks for the path MTU: it sends packets that may not be fragmented, first as large as the first link allows, then as
// large as routers say (RFC 1191, RFC 8201). Where large packets vanish without a word it halves the range between the
// largest that arrived and the smallest that did not (RFC 4821), and then looks for the hop behind which they vanish.
type mtuSearch struct {
	c        *classic
	method   Method
	arrived  int // size in bytes of the largest packet known to arrive
	vanished int // of the smallest that does not; 0: none did
	hole     bool
	size     int // of the probe in flight
	tries    int
	after    time.Time // when the next probe is due; zero: at once
	pending  int
	reach    int // farthest TTL that answered to a packet too large for the path
	state    mtuState
	found    PathMTU
}

type mtuState uint8

const (
	mtuBegin  mtuState = iota // does the destination answer echo requests?
	mtuSizes                  // sizes
	mtuLocate                 // at which hop do larger ones vanish?
	mtuOver
)

const (
	defaultLinkMTU = 1500
	mtuTries       = 3 // of a size, before its packets are held to vanish
	// A host limits ICMP errors to one a second, so the answer to a datagram may need that pace.
	mtuPace = slowest
)

// plateaus are common MTUs, for routers that do not name theirs (RFC 1191 section 7).
var plateaus = [...]int{32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68}

// searchMTU goes on with the search, and reports whether it is over.
func (c *classic) searchMTU() bool {
	if c.mtu == nil {
		c.mtu = &mtuSearch{c: c, method: ICMP}
		c.mtu.ask(0)
	}
	return c.mtu.state == mtuOver
}

// ask sends a probe of so many bytes to the destination.
func (m *mtuSearch) ask(size int) {
	m.size = size
	m.pending++
	p := m.c.t.checkProbe(m.method, size)
	if m.after.IsZero() {
		m.c.t.checks = append(m.c.t.checks, p)
		return
	}
	m.c.t.retries = append(m.c.t.retries, retry{p, m.after})
	m.after = time.Time{}
}

// see is told the outcome of a probe.
func (m *mtuSearch) see(p *probe, now time.Time) {
	m.pending--
	switch m.state {
	case mtuBegin:
		if !p.found.Reached && m.method != m.c.t.s.cfg.Method {
			m.method = m.c.t.s.cfg.Method
		} else if !p.found.Reached && m.tries < mtuTries {
			m.tries++
			m.after = now.Add(mtuPace)
			m.ask(0)
			return
		}
		m.state, m.tries = mtuSizes, 0
		m.arrived = p.length()
		m.ask(orDefault(m.c.t.linkMTU, defaultLinkMTU))
	case mtuSizes:
		m.sized(p, now)
	case mtuLocate:
		if p.found.From.IsValid() {
			m.reach = max(m.reach, p.sendTTL)
		}
		if m.pending == 0 {
			m.found.BlackHole = m.behind(m.reach)
			m.state = mtuOver
		}
	}
}

// sized takes in the outcome of a probe of m.size bytes.
func (m *mtuSearch) sized(p *probe, now time.Time) {
	f := p.found
	local, refused := errors.AsType[*rawsock.SendError](p.err)
	switch {
	case f.Reached:
		m.arrived, m.found.MTU = p.length(), p.length()
	case refused:
		m.tooBig(netip.Addr{}, 0, local.MTU)
	case p.err != nil:
		m.state = mtuOver
		return
	case p.tooBig:
		m.tooBig(f.From, m.ttlOf(p), f.MTU)
	default:
		if m.tries++; m.tries < mtuTries {
			if m.method != ICMP {
				m.after = now.Add(mtuPace)
			}
			m.ask(m.size)
			return
		}
		m.vanished, m.hole = m.size, true
	}
	m.tries = 0
	m.step()
}

// tooBig takes in that packets of m.size bytes are too big, for whoever says so and names an MTU.
func (m *mtuSearch) tooBig(from netip.Addr, ttl, mtu int) {
	if mtu <= 0 || mtu >= m.size {
		mtu = m.arrived
		for _, plateau := range plateaus {
			if plateau < m.size {
				mtu = max(mtu, plateau)
				break
			}
		}
	}
	m.vanished = m.size
	m.hole = false
	m.found.Steps = append(m.found.Steps, MTUStep{TTL: ttl, From: from, MTU: mtu})
}

// step chooses the next size.
func (m *mtuSearch) step() {
	last := len(m.found.Steps) - 1
	switch {
	case m.vanished == 0 || m.arrived >= m.vanished-1:
		m.conclude()
	case !m.hole && last >= 0 && m.found.Steps[last].MTU > m.arrived:
		m.ask(m.found.Steps[last].MTU)
	case !m.hole:
		m.conclude()
	default:
		m.ask((m.arrived + m.vanished) / 2)
	}
}

// conclude ends the search for sizes, and goes on to where larger packets vanish, if they do so without a word.
func (m *mtuSearch) conclude() {
	if !m.hole {
		m.state = mtuOver
		return
	}
	m.state = mtuLocate
	m.found.MTU = m.arrived
	for ttl := 1; ttl <= m.c.last(); ttl++ {
		p := m.c.t.checkProbe(m.method, m.vanished)
		p.sendTTL = ttl
		m.pending++
		m.c.t.checks = append(m.c.t.checks, p)
	}
}

// behind is the first TTL behind the given one that answered small packets: what answers none is no evidence.
func (m *mtuSearch) behind(ttl int) int {
	for ttl++; ttl < m.c.last() && m.c.t.hops[ttl].answered == 0; ttl++ {
	}
	return ttl
}

// ttlOf is the TTL of the hop that answered p: by what is left of p's TTL in the quote, or else by its address.
func (m *mtuSearch) ttlOf(p *probe) int {
	if p.quotedTTL > 0 {
		return checkTTL - p.quotedTTL + 1
	}
	for ttl := range m.c.log {
		for _, a := range m.c.log[ttl].addrs {
			if a.Addr == p.found.From {
				return ttl
			}
		}
	}
	return 0
}

func (m *mtuSearch) result() *PathMTU { return &m.found }
