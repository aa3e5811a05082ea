package ping

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"net/netip"

	"github.com/netdiag/netdiag/internal/packet"
	"github.com/netdiag/netdiag/internal/rawsock"
)

// verdict is what a reply says of itself.
type verdict uint8

const (
	unknown   verdict = iota // no probe is known that it could be about
	forgotten                // it is about one that is not remembered any more
	foreign                  // it looks like an answer to a probe, and is another's or from elsewhere
	corrupt                  // an answer, but damaged
	genuine
)

// matcher builds probes and recognises what answers them.
type matcher struct {
	cookie  uint64 // random, of this run
	data    []byte // of a probe, but for its number
	anyFrom bool   // broadcast: answers may come from any source
}

func newMatcher(cfg *Config, cookie uint64) *matcher {
	m := &matcher{cookie: cookie, data: make([]byte, cfg.Size), anyFrom: cfg.Broadcast}
	for i := range m.data {
		m.data[i] = byte(i)
		if len(cfg.Pattern) > 0 && i >= numberedSize {
			m.data[i] = cfg.Pattern[(i-numberedSize)%len(cfg.Pattern)]
		}
	}
	if len(m.data) >= cookieSize {
		binary.BigEndian.PutUint64(m.data, cookie)
	} else if len(cfg.Pattern) > 0 {
		for i := range m.data {
			m.data[i] = cfg.Pattern[i%len(cfg.Pattern)]
		}
	}
	return m
}

// sealed is the number of a probe as it stands in its data: 48 bits, behind 16 that follow from them,
// so that a damaged number is not another's.
func sealed(n int64) uint64 {
	const low = 1<<48 - 1
	number := uint64(n) & low
	return number | number*0x9e3779b97f4a7c15&^low
}

// fill puts the data of probe n into the scratch that it returns.
func (m *matcher) fill(n int64) []byte {
	if len(m.data) >= numberedSize {
		binary.BigEndian.PutUint64(m.data[cookieSize:], sealed(n))
	}
	return m.data
}

// number returns the probe's number in data that holds one, if it is of this run.
func (m *matcher) number(data []byte) (int64, bool) {
	if len(m.data) < numberedSize || len(data) < numberedSize || binary.BigEndian.Uint64(data) != m.cookie {
		return 0, false
	}
	field := binary.BigEndian.Uint64(data[cookieSize:])
	n := int64(field << 16 >> 16)
	return n, field == sealed(n)
}

// judge compares the data of a reply with that of probe n. A flipped bit or a missing
// end makes it corrupt, another cookie foreign: of two random cookies half the bits differ.
func (m *matcher) judge(n int64, reply *rawsock.Packet, data []byte) verdict {
	want := m.fill(n)
	if bytes.Equal(data, want) && !reply.Truncated {
		if reply.BadChecksum {
			return corrupt
		}
		return genuine
	}
	if len(want) >= cookieSize && len(data) >= cookieSize {
		const tolerated = 12 // of 64 bits; two random cookies are as near in 1 of 4 million cases
		if bits.OnesCount64(binary.BigEndian.Uint64(data)^m.cookie) > tolerated {
			return foreign
		}
	}
	return corrupt
}

// reply finds the probe that an echo reply is about, by its sequence number, its source
// and, where there is room for it, its data. Only of unknown and forgotten ones there is none.
func (m *matcher) reply(w *window, e packet.Echo, p *rawsock.Packet) (int64, verdict) {
	numbered, ours := m.number(e.Data)
	if ours && uint16(numbered) == e.Seq {
		switch {
		case numbered >= 0 && numbered < w.tail:
			return 0, forgotten
		case w.holds(numbered) && m.from(w.at(numbered).t, p.Addr):
			return numbered, m.judge(numbered, p, e.Data)
		case w.holds(numbered):
			return numbered, foreign
		}
	}
	// The data tells of no such probe: small, damaged or somebody else's. Then the newest probe with
	// this sequence number to this source is meant, or else the one that the data names, or any with this number.
	if n, ok := w.bySequence(e.Seq, func(pr *probe) bool { return m.from(pr.t, p.Addr) }); ok {
		return n, m.judge(n, p, e.Data)
	}
	if ours && w.holds(numbered) && m.from(w.at(numbered).t, p.Addr) {
		return numbered, corrupt
	}
	if n, ok := w.bySequence(e.Seq, func(*probe) bool { return true }); ok {
		return n, foreign
	}
	return 0, unknown
}

// from reports whether a reply from a is from whom t was sent to.
func (m *matcher) from(t *target, a netip.Addr) bool {
	to := t.addr
	return to == a || m.anyFrom || to.IsMulticast() || to.IsUnspecified() ||
		to == netip.AddrFrom4([4]byte{255, 255, 255, 255}) ||
		to.WithZone("") == a.WithZone("") // a zone may be a name or a number
}

// request finds the probe that is quoted by an ICMP error or looped back by the
// kernel: dst is where it went, e what there is of it.
func (m *matcher) request(w *window, dst netip.Addr, e packet.Echo) (int64, bool) {
	if n, ours := m.number(e.Data); ours && uint16(n) == e.Seq {
		return n, w.holds(n)
	}
	if len(m.data) >= cookieSize && len(e.Data) >= cookieSize {
		// What is not our cookie makes it another process's probe. Zeros may be the padding
		// behind a short quote (RFC 4884 section 5), which says nothing.
		if c := binary.BigEndian.Uint64(e.Data); c != m.cookie && c != 0 {
			return 0, false
		}
	}
	return w.bySequence(e.Seq, func(p *probe) bool {
		return p.t.addr.WithZone("") == dst.WithZone("")
	})
}
