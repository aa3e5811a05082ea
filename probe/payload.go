package probe

// Payload returns what a UDP probe of a port carries: where a small request is known that a server there answers and that changes
// nothing, that request; otherwise nothing, as an empty datagram.
//
//   - 53: DNS, the name servers of the root (RFC 1035 section 4.1)
//   - 123: NTP, a client's request (RFC 5905 section 7.3)
//   - 3478: STUN, a binding request (RFC 8489 section 5)
//   - 5353: DNS-SD, the services of the link, to be answered by unicast (RFC 6763 section 9, RFC 6762 section 5.4)
func Payload(port uint16) []byte {
	switch port {
	case 53:
		const query = "nd\x01\x00" + oneQuestion +
			"\x00" + "\x00\x02\x00\x01" // ".", NS, IN
		return []byte(query)
	case 123:
		request := make([]byte, 48)
		request[0] = 4<<3 | 3 // version 4, client
		return request
	case 3478:
		const request = "\x00\x01\x00\x00" + "\x21\x12\xa4\x42" + "netdiagprobe" // binding, no attributes; magic cookie; transaction
		return []byte(request)
	case 5353:
		const query = "nd\x00\x00" + oneQuestion +
			"\x09_services\x07_dns-sd\x04_udp\x05local\x00" + "\x00\x0c\x80\x01" // PTR, IN with the unicast bit
		return []byte(query)
	}
	return nil
}

// oneQuestion are the counts in the header of a DNS query.
const oneQuestion = "\x00\x01\x00\x00\x00\x00\x00\x00"
