package netsim

import (
	"net/netip"
	"slices"
	"time"

	"github.com/netdiag/netdiag/internal/packet"
)

// Fault is something wrong with how a node answers packets for one of its own addresses, or
// with a router's errors about others (Router.ErrorFaults). A node may have many; all whose
// When matches a probe act on the answer to it together, in order.
type Fault struct {
	When When `json:"when"` // zero: always

	Silent bool `json:"silent"` // no answer
	// Copies is how many more copies of the answer follow, each Spacing after the one
	// before.
	Copies  int           `json:"copies"`
	Spacing time.Duration `json:"spacing"`
	// Delay holds the answer back. Delays does with a different time for each probe that
	// matches, and begins again at its end. One probe held back longer than the time
	// between probes is a reordering.
	Delay  time.Duration   `json:"delay"`
	Delays []time.Duration `json:"delays"`
	// TTL and TOS are those of the answer, 0 to 255; nil: the node's.
	TTL *int `json:"ttl"`
	TOS *int `json:"tos"`
	// From is the source address of the answer, if it is of its family.
	From netip.Addr `json:"from"`
	// Truncate cuts the answer behind the IP header to so many bytes (IP length and
	// checksum are right for what is left); nil: not.
	Truncate *int `json:"truncate"`
	// BadChecksum makes the checksum behind the IP header wrong.
	BadChecksum bool `json:"bad_checksum"`

	// Misquote changes the packet that an ICMP error quotes.
	Misquote *Misquote `json:"misquote"`

	// These act on echo replies, whose checksum is right afterwards. ErrorFaults do not have
	// them.

	Seq        int        `json:"seq"`         // is added to the sequence number
	ID         int        `json:"id"`          // is added to the identifier
	FlipBit    *int       `json:"flip_bit"`    // inverts this bit of the data, modulo its length
	ForgeStamp bool       `json:"forge_stamp"` // zeroes the first 16 bytes of data, where tools keep their send time
	Overwrite  *Overwrite `json:"overwrite"`   // writes into the data

	// Foreign sends a reply to another process's echo request beside the answer, or of
	// ErrorFaults an error about another process's packet; it comes also where the answer
	// does not.
	Foreign *Foreign `json:"foreign"`

	// Error is sent instead of the answer, or with it.
	Error *ErrorAnswer `json:"error"`
}

// Overwrite replaces bytes of an echo reply's data, as far as it has them.
type Overwrite struct {
	At    int `json:"at"` // offset in the data, in bytes
	Bytes Hex `json:"bytes"`
}

// Foreign is an echo reply that answers nobody here: as the answer would be, but with
// other data throughout. Of ErrorFaults it is an error about such a packet: to the same
// destination and port, and with its other fields and data at random.
type Foreign struct {
	// ID is the identifier, or the source port; nil: the probe's, as two processes may have
	// the same.
	ID *uint16 `json:"id"`
}

// ErrorAnswer is an ICMP error that a node answers with.
type ErrorAnswer struct {
	Kind Kind `json:"kind"`
	// Type and Code replace those that Kind stands for, in whatever family the probe has.
	Type    *uint8     `json:"type"`
	Code    *uint8     `json:"code"`
	MTU     int        `json:"mtu"`     // with TooBig, 0 to 65535
	Gateway netip.Addr `json:"gateway"` // with RedirectHost
	Pointer int        `json:"pointer"` // with ParameterProblem, 0 to 255
	// From is the sender, if it is of the probe's family; else that of the answer it comes
	// with or instead of.
	From     netip.Addr `json:"from"`
	Quote    Quote      `json:"quote"`
	Misquote *Misquote  `json:"misquote"` // besides that of the Fault; nil: none
	// WithReply sends the reply too; After is how much later than it would be sent, or
	// is, the error leaves.
	WithReply bool          `json:"with_reply"`
	After     time.Duration `json:"after"`
}

// When selects probes: those for which all that is set holds. Probes are the packets for
// one of the node's addresses that it would answer, counted from 1, or those about which a router
// sends an error, each kind of error counted for itself.
type When struct {
	First int `json:"first"` // from the probe of this number on
	Last  int `json:"last"`  // to this one, included; 0: no end
	Every int `json:"every"` // those whose number is a multiple of it
	// Probability, 0 to 1, draws for every probe; Share for every address, so that this
	// share of a prefix's addresses is hit, always the same ones. 0: not drawn.
	Probability float64        `json:"probability"`
	Share       float64        `json:"share"`
	To          []netip.Prefix `json:"to"`    // probes to these addresses
	Seqs        []uint16       `json:"seqs"`  // echo requests with these sequence numbers
	Proto       Proto          `json:"proto"` // probes of this protocol
	Ports       []Ports        `json:"ports"` // UDP and TCP to these ports
	Error       Kind           `json:"error"` // probes answered by an error of this kind; empty: by anything
}

// probe is what a When looks at.
type probe struct {
	number int
	h      *packet.Header
	upper  []byte
	seq    int  // of an echo request; -1: it is none
	err    Kind // that answers it; empty: something else does
}

// matches reports whether the pattern holds for p, drawing from the node's chance.
func (w *When) matches(nd *node, p *probe) bool {
	switch {
	case p.number < w.First,
		w.Last > 0 && p.number > w.Last,
		w.Every > 0 && p.number%w.Every != 0,
		!w.Proto.matches(p.h.Proto),
		len(w.To) > 0 && !containsAddr(w.To, p.h.Dst),
		len(w.Seqs) > 0 && (p.seq < 0 || !slices.Contains(w.Seqs, uint16(p.seq))),
		len(w.Ports) > 0 && !containsPort(w.Ports, p.h, p.upper),
		w.Error != "" && w.Error != p.err,
		w.Share > 0 && nd.share(p.h.Dst) >= w.Share,
		w.Probability > 0 && nd.rng.Float64() >= w.Probability:
		return false
	}
	return true
}

// effect is what all faults that match a probe do to its answer.
type effect struct {
	silent, badChecksum bool
	copies              int
	spacing, delay      time.Duration
	ttl, tos            *int
	from                netip.Addr
	truncate            *int
	edits               []*Fault // those that edit the data
	misquotes           []*Misquote
	foreign             []*Foreign
	errors              []*ErrorAnswer
}

// apply gives out what e says of it.
func (e *effect) apply(out *outgoing) {
	out.delay += e.delay
	out.spacing, out.copies, out.truncate, out.badChecksum = e.spacing, e.copies, e.truncate, e.badChecksum
	if e.ttl != nil {
		out.ttl = uint8(*e.ttl)
	}
	if e.tos != nil {
		out.tos = uint8(*e.tos)
	}
	if e.from.IsValid() {
		out.src = e.from
	}
}

// fault is a Fault and how often it has matched.
type fault struct {
	*Fault
	hits int
}

// effects gathers those of nd's faults that match p.
func (nd *node) effects(faults []fault, p *probe) effect {
	var e effect
	for i := range faults {
		f := &faults[i]
		if !f.When.matches(nd, p) {
			continue
		}
		e.silent = e.silent || f.Silent
		e.badChecksum = e.badChecksum || f.BadChecksum
		e.copies += f.Copies
		e.spacing = max(e.spacing, f.Spacing)
		e.delay += f.Delay
		if len(f.Delays) > 0 {
			e.delay += f.Delays[f.hits%len(f.Delays)]
		}
		f.hits++
		if f.TTL != nil {
			e.ttl = f.TTL
		}
		if f.TOS != nil {
			e.tos = f.TOS
		}
		if f.From.IsValid() && packet.FamilyOf(f.From) == p.h.Family {
			e.from = f.From
		}
		if f.Truncate != nil {
			e.truncate = f.Truncate
		}
		if f.editsEcho() {
			e.edits = append(e.edits, f.Fault)
		}
		if f.Misquote != nil {
			e.misquotes = append(e.misquotes, f.Misquote)
		}
		if f.Foreign != nil {
			e.foreign = append(e.foreign, f.Foreign)
		}
		if f.Error != nil {
			e.errors = append(e.errors, f.Error)
		}
	}
	return e
}

// editsEcho reports whether f changes echo replies.
func (f *Fault) editsEcho() bool {
	return f.Seq != 0 || f.ID != 0 || f.FlipBit != nil || f.ForgeStamp || f.Overwrite != nil
}

// edit changes an echo reply as f says.
func (f *Fault) edit(r *packet.Echo) {
	r.Seq += uint16(f.Seq)
	r.ID += uint16(f.ID)
	if f.FlipBit != nil && len(r.Data) > 0 {
		bit := *f.FlipBit % (8 * len(r.Data))
		r.Data[bit/8] ^= 1 << (bit % 8)
	}
	if f.ForgeStamp {
		clear(r.Data[:min(16, len(r.Data))])
	}
	if o := f.Overwrite; o != nil && o.At < len(r.Data) {
		copy(r.Data[o.At:], o.Bytes)
	}
}
