package packet

import (
	"encoding/binary"
	"net/netip"
)

// Layout of a redirect of IPv6 neighbour discovery (RFC 4861 sections 4.5 and 4.6.3).
const (
	ndTarget       = 8
	ndDestination  = 24
	ndOptions      = 40
	ndRedirected   = 4 // type of the option with the packet
	ndOptionHeader = 8 // of that option
)

// parseNDRedirect sets the gateway and the quote of e from the redirect b. The
// message names the destination, so that it stands without a quote that can be read.
func (e *Error) parseNDRedirect(b []byte) error {
	if len(b) < ndOptions {
		return errICMPShort
	}
	e.Gateway = netip.AddrFrom16([16]byte(b[ndTarget:]))
	e.Quote.Header = Header{Family: IPv6, Dst: netip.AddrFrom16([16]byte(b[ndDestination:]))}
	for options := b[ndOptions:]; len(options) >= 8; {
		length := 8 * int(options[1])
		if length == 0 {
			break // RFC 4861 section 4.6: not valid, and it would never end
		}
		length = min(length, len(options))
		if options[0] == ndRedirected {
			_ = e.setQuote(options[ndOptionHeader:length])
			break
		}
		options = options[length:]
	}
	return nil
}

// appendNDRedirect appends what follows the first four bytes of the redirect e.
func appendNDRedirect(b []byte, e *Error, quoted []byte) []byte {
	quoted = quoted[:min(len(quoted), 255*8-ndOptionHeader)]
	dst := e.Quote.Header.Dst
	if h, _ := ParseIP(quoted); h.Dst.IsValid() {
		dst = h.Dst
	}
	target, destination := e.Gateway.As16(), dst.As16()
	b = append(b, 0, 0, 0, 0)
	b = append(b, target[:]...)
	b = append(b, destination[:]...)
	units := (ndOptionHeader + len(quoted) + 7) / 8
	end := len(b) + 8*units
	b = append(b, ndRedirected, uint8(units), 0, 0)
	b = binary.BigEndian.AppendUint32(b, 0)
	return appendPadded(b, quoted, end)
}
