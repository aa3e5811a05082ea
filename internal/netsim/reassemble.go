package netsim

import (
	"cmp"
	"encoding/binary"
	"net/netip"
	"slices"

	"github.com/netdiag/netdiag/internal/packet"
)

// maxPartial is how many incomplete packets a host keeps; when there are more, it forgets
// them all.
const maxPartial = 64

// maxPieces is how many fragments of one packet a host keeps: those of 64 KiB at the
// smallest MTU.
const maxPieces = 2048

// fragmentKey names the packet that a fragment is of (RFC 791, RFC 8200 section 4.5).
type fragmentKey struct {
	src, dst netip.Addr
	proto    uint8
	id       uint32
}

// piece is a fragment's part of the upper layer.
type piece struct {
	at   int
	last bool
	data []byte
}

// reassemble makes f the whole packet when it is the fragment that was missing from one,
// and reports whether f is whole.
func (nd *node) reassemble(f *flight) bool {
	if !f.h.MoreFragments && f.h.FragOffset == 0 {
		return true
	}
	key := fragmentKey{f.h.Src, f.h.Dst, f.h.Proto, uint32(f.h.ID)}
	if f.h.Family == packet.IPv6 && f.h.HeaderLen >= 48 {
		key.id = binary.BigEndian.Uint32(f.pkt[f.h.HeaderLen-4:])
	}
	if nd.partial == nil || len(nd.partial) >= maxPartial {
		nd.partial = map[fragmentKey][]piece{}
	}
	p := piece{f.h.FragOffset, !f.h.MoreFragments, slices.Clone(f.h.Payload(f.pkt))}
	pieces := append(nd.partial[key], p)
	upper, whole := join(pieces)
	if !whole && len(pieces) < maxPieces {
		nd.partial[key] = pieces
		return false
	}
	delete(nd.partial, key)
	if !whole {
		return false
	}
	h := f.h
	h.MoreFragments, h.FragOffset, h.Options = false, 0, nil
	f.pkt = h.Append(nil, upper)
	var err error
	f.h, err = packet.ParseIP(f.pkt)
	return err == nil && f.h.Length == len(f.pkt)
}

// join puts pieces together; whole is false where one is missing, or they overlap (which
// RFC 5722 forbids).
func join(pieces []piece) (upper []byte, whole bool) {
	slices.SortStableFunc(pieces, func(a, b piece) int { return cmp.Compare(a.at, b.at) })
	if !pieces[len(pieces)-1].last {
		return nil, false
	}
	for _, p := range pieces {
		if p.at != len(upper) {
			return nil, false
		}
		upper = append(upper, p.data...)
	}
	return upper, true
}
