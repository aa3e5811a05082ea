package resolve

import (
	"encoding/binary"
	"net/netip"
	"strings"
)

// Options of EDNS that this package knows (the IANA registry "DNS EDNS0 Option Codes").
const (
	optNSID    = 3
	optSubnet  = 8
	optCookie  = 10
	optPadding = 12
	optError   = 15
)

const bitDO = 0x80 // in the third byte of the TTL (RFC 3225 section 3)

// udpSize returns how large an answer by UDP may be.
func (o *Options) udpSize() uint16 {
	if o.UDPSize == 0 {
		return defaultUDPSize
	}
	return max(o.UDPSize, plainUDPSize) // less means 512 (RFC 6891 section 6.2.3)
}

// appendOPT appends the record of EDNS (RFC 6891 section 6.1.2) to a packed message, as its last.
func appendOPT(b []byte, f form) []byte {
	b = append(b, 0, 0, byte(TypeOPT))
	b = binary.BigEndian.AppendUint16(b, f.udpSize())
	b = append(b, 0, f.version, 0, 0)
	if f.DNSSEC {
		b[len(b)-2] |= bitDO
	}
	b = append(b, 0, 0)
	start := len(b)
	if f.NSID {
		b = appendOption(b, optNSID, nil)
	}
	if !f.NoCookie {
		b = appendOption(b, optCookie, append(f.cookie.client[:], f.cookie.server...))
	}
	if f.Subnet.IsValid() {
		b = appendOption(b, optSubnet, packSubnet(f.Subnet))
	}
	if f.pad {
		const head = 4
		b = appendOption(b, optPadding, make([]byte, (padBlock-(len(b)+head)%padBlock)%padBlock))
	}
	binary.BigEndian.PutUint16(b[start-2:], uint16(len(b)-start))
	return b
}

func appendOption(b []byte, code uint16, data []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, code)
	b = binary.BigEndian.AppendUint16(b, uint16(len(data)))
	return append(b, data...)
}

// packSubnet returns the data of the option of RFC 7871 section 6: no more of the address than the prefix
// has, with the bits behind it clear.
func packSubnet(p netip.Prefix) []byte {
	p = p.Masked()
	family := byte(1)
	if p.Addr().Is6() {
		family = 2
	}
	b := []byte{0, family, byte(p.Bits()), 0}
	return append(b, p.Addr().AsSlice()[:(p.Bits()+7)/8]...)
}

// unpackOPT reads the record of EDNS. Options that break their own rules are left in Other.
func unpackOPT(size uint16, ttl uint32, data []byte) *EDNS {
	e := &EDNS{
		Version: uint8(ttl >> 16),
		DO:      ttl&(bitDO<<8) != 0,
		UDPSize: size,
	}
	for len(data) >= 4 {
		code, n := binary.BigEndian.Uint16(data), int(binary.BigEndian.Uint16(data[2:]))
		if data = data[4:]; n > len(data) {
			break
		}
		e.option(code, data[:n])
		data = data[n:]
	}
	return e
}

// option takes one option.
func (e *EDNS) option(code uint16, data []byte) {
	switch code {
	case optNSID:
		e.NSID = copied(data)
		return
	case optCookie:
		// A client's part that is too short is kept, as it cannot be ours.
		e.Client = copied(data[:min(len(data), clientCookie)])
		if len(data) >= clientCookie+minServerCookie && len(data) <= clientCookie+maxServerCookie {
			e.Server = copied(data[clientCookie:])
		}
		return
	case optPadding:
		e.Padding += len(data)
		return
	case optError:
		if len(data) >= 2 {
			text := strings.TrimSuffix(string(data[2:]), "\x00") // RFC 8914 section 2 lets it end so
			e.Errors = append(e.Errors, ExtendedError{binary.BigEndian.Uint16(data), text})
			return
		}
	case optSubnet:
		if p, ok := unpackSubnet(data); ok {
			e.Subnet = p
			return
		}
	}
	e.Other = append(e.Other, Option{code, copied(data)})
}

// unpackSubnet reads the option of RFC 7871 section 6 and returns the prefix for which an answer is valid.
func unpackSubnet(data []byte) (netip.Prefix, bool) {
	if len(data) < 4 || len(data) > 4+16 || data[0] != 0 {
		return netip.Prefix{}, false
	}
	var whole [16]byte
	copy(whole[:], data[4:])
	addr := netip.AddrFrom16(whole)
	switch data[1] {
	case 1:
		addr = netip.AddrFrom4([4]byte(whole[:4]))
	case 2:
	default:
		return netip.Prefix{}, false
	}
	p, err := addr.Prefix(int(data[3]))
	return p, err == nil
}

// copied returns a copy that is not nil.
func copied(b []byte) []byte { return append([]byte{}, b...) }
