package ping

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"net/netip"

	"github.com/netdiag/netdiag/internal/packet"
	"github.com/netdiag/netdiag/internal/rawsock"
)

// verdict is what a reply's contents say of it.
type verdict uint8

const (
	foreign verdict = iota
	corrupt
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

// fill puts the data of probe n into the scratch that it returns.
func (m *matcher) fill(n int64) []byte {
	if len(m.data) >= numberedSize {
		binary.BigEndian.PutUint64(m.data[cookieSize:], uint64(n))
	}
	return m.data
}

// number returns the probe's number in data that holds one, if it is of this run.
func (m *matcher) number(data []byte) (int64, bool) {
	if len(m.data) < numberedSize || len(data) < numberedSize || binary.BigEndian.Uint64(data) != m.cookie {
		return 0, false
	}
	return int64(binary.BigEndian.Uint64(data[cookieSize:])), true
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

// reply finds the probe that an echo reply answers, by its sequence number, its source
// and, where there is room for it, its data. ok is false when no probe fits at all.
func (m *matcher) reply(w *window, e packet.Echo, p *rawsock.Packet) (n int64, v verdict, ok bool) {
	if n, numbered := m.number(e.Data); numbered && w.holds(n) && uint16(n) == e.Seq {
		if !m.from(w.at(n).t, p.Addr) {
			return n, foreign, true
		}
		return n, m.judge(n, p, e.Data), true
	}
	// The data tells of no probe: small, damaged or somebody else's. Then the newest probe with
	// this sequence number to this source is meant, or else any with this number.
	n, ok = w.bySequence(e.Seq, func(_ int64, pr *probe) bool { return m.from(pr.t, p.Addr) })
	if !ok {
		n, ok = w.bySequence(e.Seq, func(int64, *probe) bool { return true })
		return n, foreign, ok
	}
	return n, m.judge(n, p, e.Data), true
}

// from reports whether a reply from a is from whom t was sent to.
func (m *matcher) from(t *target, a netip.Addr) bool {
	if t == nil {
		return false
	}
	to := t.addr
	return to == a || m.anyFrom || to.IsMulticast() || to.IsUnspecified() ||
		to == netip.AddrFrom4([4]byte{255, 255, 255, 255}) ||
		to.Zone() != a.Zone() && to.WithZone("") == a.WithZone("")
}

// request finds the probe that is quoted by an ICMP error or looped back by the
// kernel: dst is where it went, data what there is of its echo data.
func (m *matcher) request(w *window, dst netip.Addr, e packet.Echo) (int64, bool) {
	if len(m.data) >= numberedSize && len(e.Data) >= numberedSize {
		n, ok := m.number(e.Data) // if that is not there, it is another process's probe
		return n, ok && w.holds(n) && uint16(n) == e.Seq
	}
	if len(m.data) >= cookieSize && len(e.Data) >= cookieSize && binary.BigEndian.Uint64(e.Data) != m.cookie {
		return 0, false
	}
	return w.bySequence(e.Seq, func(_ int64, p *probe) bool {
		return p.t != nil && p.t.addr.WithZone("") == dst.WithZone("")
	})
}
