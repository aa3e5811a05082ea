package rawsock

import "net/netip"

// FlowsConfig says how to open a Conn for many flows.
type FlowsConfig struct {
	// Config holds for its sockets. Of Mode, Auto means raw sockets, which see more, and else those
	// without privilege. PMTU is not looked at: packets are sent with DF (IPv4), never fragmented here,
	// and whatever path MTU is remembered: up to the MTU of the first link, beyond which WriteBatch says EMSGSIZE.
	Config
	// Proto is the protocol that must be possible to send: packet.ProtoUDP (0), packet.ProtoTCP, or
	// packet.ProtoICMP for both families. The others are there if they can be had.
	Proto uint8
	// FirstPort and LastPort are the source ports that may be used, both included: UDP and TCP to others are not
	// received, and ICMP errors only about packets from them, or to where a packet was sent.
	FirstPort, LastPort uint16
}

// OpenFlows opens a Conn that sends packets of many flows. Packet.Proto says what each
// is: Data is a UDP datagram, a TCP segment or an ICMP echo request, with its header. The error is an *OpenError where a
// privilege is missing.
//
// On raw sockets (Socket(f).Raw) Data is sent as it stands, its ports and checksums too, behind an IP header that has
// what the Packet says and, on IPv6, the source address that Route gives where there is none. What comes is
// everything: ICMP errors with the whole quote, TCP segments and UDP datagrams to the source ports
// (Kind Message), echo replies for Socket(f).ID. The system, which knows nothing of this, resets connections and refuses
// datagrams that come.
//
// Without privilege (Linux only) there is a UDP socket a source port, a TCP socket
// a segment, and a ping socket if there may be one (else Socket(f).ID is 0 and WriteBatch refuses ICMP with EACCES).
// WriteBatch opens them as they are needed, so that its errors may also be those of opening one: EMFILE, EADDRINUSE where
// another program has the port. The kernel makes headers and checksums, which come out as given where Data is right.
// It keeps the quoted IP header to itself: of Quote.Header only Family, Dst and Proto are known; Quote.Payload begins with
// the header of the upper layer, in which Length and Checksum of UDP are 0.
//
// Of a TCP segment only a SYN can be sent there (else EINVAL), without data and with ECN off, and one at a time for a 4-tuple:
// a further one takes the place of the one before. The kernel numbers SYNs itself; what is received speaks of the number
// that was given all the same, and an answer by TCP is rebuilt from what connect says: SYN and ACK, or RST and ACK, of which
// only the former has a kernel stamp (as the kernel's own round trip tells it) and neither a TTL. There are no
// send stamps. An answer is awaited for 0.95 s, since after 1 s the kernel would send the SYN again.
//
// Other systems have raw sockets only, which receive ICMP: no TCP, no answers by UDP, on IPv6 a flow label of the
// system's, and on Windows no UDP at all. What cannot be had wraps errors.ErrUnsupported.
func OpenFlows(cfg FlowsConfig) (Conn, error) { return openFlows(cfg) }

// Route returns the source address that packets to dst have, with the MTU of the first link (0: not known), as
// cfg's Source, Interface and Mark lead them. What routes or ICMP errors say of the MTU does not count, as packets of
// OpenFlows do not heed it. The error unwraps to the system's where there is no way: ENETUNREACH, EHOSTUNREACH, EACCES
// (prohibited), EINVAL (a black hole) and others.
func Route(cfg Config, dst netip.Addr) (source netip.Addr, mtu int, err error) {
	return route(cfg, dst)
}
