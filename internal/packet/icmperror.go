package packet

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
)

// Class says what an ICMP error means, the same for both families.
type Class uint8

// The classes of ICMP errors. An Error of none of them has Class 0.
const (
	Unreachable  Class = iota + 1 // destination unreachable
	TimeExceeded                  // TTL ended on the way, or reassembly timed out
	TooBig                        // fragmentation needed, packet too big
	Parameter                     // parameter problem
	Redirect
	SourceQuench
)

// Error is an ICMP message about a packet that was sent before.
type Error struct {
	Family     Family
	Type, Code uint8
	Class      Class
	MTU        int        // of the next hop in bytes, with TooBig; 0: not given (RFC 1191)
	Gateway    netip.Addr // with Redirect; zero: not known
	Pointer    int        // with Parameter: byte offset of the problem
	Quote      Quote
	Extensions Extensions
}

// Quote is the packet that an ICMP error quotes, as far as it does.
type Quote struct {
	// Header is the quoted IP header; its Options alias what was parsed. From an
	// unprivileged socket's error queue only Family, Dst and Proto are known, and
	// HeaderLen is 0. So it is with an IPv6 redirect that quotes nothing; Proto is 0 then.
	Header Header
	// Payload is of the upper layer; at least its first 8 bytes, as a rule. It is empty
	// where the quote ended before the upper layer.
	Payload []byte
}

// icmpErrorHeaderLen is the length of an ICMP error before its quote.
const icmpErrorHeaderLen = 8

var (
	errICMPShort  = fmt.Errorf("packet: ICMP error: %w", ErrShort)
	errICMPType   = fmt.Errorf("packet: ICMP error: %w: another ICMP type", ErrInvalid)
	errICMPFamily = fmt.Errorf("packet: ICMP error: %w: quotes the other family", ErrInvalid)
)

// ParseError parses the ICMP error b of family f, with its quoted packet (whose
// options and extension headers are walked by length) and its extensions. A message
// that is no error, and one that ends before it says whose packet it quotes, give an
// error, which wraps ErrInvalid or ErrShort. Quote aliases b. The checksum is not
// looked at.
//
// Redirects of IPv6 are those of neighbour discovery (RFC 4861 section 4.5), which
// hold the quoted packet in an option.
func ParseError(f Family, b []byte) (*Error, error) {
	if len(b) < icmpErrorHeaderLen {
		return nil, errICMPShort
	}
	k, ok := kindOf(f, b[0])
	if !ok {
		return nil, errICMPType
	}
	e := &Error{Family: f, Type: b[0], Code: b[1], Class: k.classOf(b[1])}
	if k.typ == ndRedirect {
		if err := e.parseNDRedirect(b); err != nil {
			return nil, err
		}
		return e, nil
	}
	info := binary.BigEndian.Uint32(b[4:])
	if f == IPv4 && e.Class == TooBig {
		info &= 0xffff // the length attribute stands before it
	}
	if f == IPv4 && e.Class == Parameter {
		info >>= 24
	}
	e.setInfo(info)
	quoted := b[icmpErrorHeaderLen:]
	if k.multipart {
		quoted, e.Extensions = splitExtensions(quoted, lengthAttribute(f, b))
	}
	if err := e.setQuote(quoted); err != nil {
		return nil, err
	}
	return e, nil
}

// setInfo sets the field that the class of e gives to the second word of a message.
func (e *Error) setInfo(info uint32) {
	switch e.Class {
	case TooBig:
		e.MTU = int(min(info, math.MaxInt32))
	case Parameter:
		e.Pointer = int(min(info, math.MaxInt32))
	case Redirect:
		if e.Family == IPv4 && info != 0 {
			e.Gateway = netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, info)))
		}
	}
}

// setQuote sets e.Quote from the bytes of the quoted packet.
func (e *Error) setQuote(quoted []byte) error {
	h, err := ParseIP(quoted)
	if !h.Dst.IsValid() {
		return fmt.Errorf("packet: ICMP error: quoted %w", err)
	}
	if h.Family != e.Family {
		return errICMPFamily
	}
	e.Quote.Header = h
	if err == nil {
		e.Quote.Payload = h.Payload(quoted)
	}
	return nil
}

// QueuedError makes an Error of what Linux keeps in a socket's error queue
// (IP_RECVERR): type and code of the message, info (ee_info: MTU, pointer or gateway),
// the destination and protocol of the quoted packet, its upper layer with what
// followed, and where in that the extension structure begins (the low 16 bits of
// ee_data with IP_RECVERR_RFC4884; 0 or less: unknown).
//
// The payload of a ping socket or raw socket begins with the upper layer's header,
// that of a UDP socket behind it. Where the place of the extensions is not known, or
// holds none, they are looked for behind 128 bytes of quote, where routers put them
// before RFC 4884, with the IP header taken to be the shortest; what stands there must
// prove itself with a checksum. Padding before extensions cannot be told from data
// here and stays in Quote.Payload. Types that are no error give Class 0.
// Quote.Payload aliases payload.
func QueuedError(
	f Family, typ, code uint8, info uint32, dst netip.Addr, proto uint8, payload []byte, extension int,
) *Error {
	e := &Error{Family: f, Type: typ, Code: code}
	e.Quote = Quote{Header: Header{Family: f, Dst: dst, Proto: proto}, Payload: payload}
	k, ok := kindOf(f, typ)
	if !ok {
		return e
	}
	e.Class = k.classOf(code)
	e.setInfo(info)
	if k.multipart {
		legacy := legacyQuoteLen - ipv4HeaderLen
		if f == IPv6 {
			legacy = legacyQuoteLen - ipv6HeaderLen
		}
		if proto == ProtoUDP {
			legacy -= udpHeaderLen
		}
		e.Quote.Payload, e.Extensions = splitExtensionsAt(payload, extension, legacy)
	}
	return e
}
