package packet

import "encoding/binary"

// FindIP returns the IP packet within frame, which may begin with a link-layer
// header of unknown length (as the frames that Linux loops back with a transmit
// time stamp do), or nil. It believes a header only whose length is exactly that of
// the rest, and on IPv4 whose checksum holds. Of several it takes the first with its
// EtherType in front, else the first: link-layer addresses can look like the start
// of an IPv6 header.
func FindIP(frame []byte) []byte {
	for off := 2; off < len(frame); off++ {
		if hasEtherType(frame[off-2:]) && isWhole(frame[off:]) {
			return frame[off:]
		}
	}
	for off := range frame {
		if isWhole(frame[off:]) {
			return frame[off:]
		}
	}
	return nil
}

// hasEtherType reports whether b starts with an EtherType and an IP version that
// belong together.
func hasEtherType(b []byte) bool {
	switch binary.BigEndian.Uint16(b) {
	case 0x0800:
		return b[2]>>4 == 4
	case 0x86dd:
		return b[2]>>4 == 6
	}
	return false
}

// isWhole reports whether b is, by what its header says, exactly one IP packet.
func isWhole(b []byte) bool {
	switch b[0] >> 4 {
	case 4:
		headerLen := int(b[0]&0x0f) * 4
		return headerLen >= ipv4HeaderLen && len(b) >= headerLen &&
			int(binary.BigEndian.Uint16(b[2:])) == len(b) && Checksum(b[:headerLen]) == 0
	case 6:
		return len(b) >= ipv6HeaderLen &&
			ipv6HeaderLen+int(binary.BigEndian.Uint16(b[4:])) == len(b)
	}
	return false
}
