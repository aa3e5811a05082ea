// Package trace finds the way that packets take to a destination: the routers on it, in order, by probes whose
// TTL ends on the way (traceroute); every path of several where load is balanced (the Multipath Detection
// Algorithm); the path MTU.
//
// Run is a stream of events, one for each probe's outcome, one for each hop of which all is known, and a last one
// for each target. It measures; names, counting and printing are the caller's.
//
// # Flows
//
// Load balancers keep the packets of a flow on one path. What they hash is constant here for all probes of a flow, whatever
// their TTL: addresses and protocol, ports, the first four bytes behind the IP header, and the
// IPv6 flow label. Probes of different flows differ in it. So two addresses at one hop are two paths, and
// what one flow passes is one path.
//
//	method  flow                     probe
//	UDP     source port              payload; identification (IPv4) or checksum (IPv6)
//	ICMP    checksum                 sequence number; a word of data holds the checksum
//	TCP     source port              sequence number
//
// # Whose answer it is
//
// Routers quote the packet that they report. An answer counts if what is quoted is a probe of this run: payloads and
// TCP sequence numbers have a code in them that follows from a random number; of a quote that ends before the payload
// (RFC 792 asks for 8 bytes only) identification, ports and checksum must fit. The rest is told as Foreign.
//
// A probe has reached its destination by the kind of the answer, per flow: port unreachable, a datagram, an echo
// reply, a SYN or RST. Who sent it does not matter: an answer of the destination may bear another address, and the
// destination's address may answer that a TTL has ended, as behind address translation.
//
// # Time
//
// All TTLs are asked at once within a window, so a trace takes about one round trip. How long a probe
// waits follows from what others took (see Config.Wait). A hop that answers some probes and not others is
// asked again, more slowly; if that explains the losses, it is said to limit its answers.
//
// # Privilege
//
// Raw sockets see whole quotes, and so what happened to a probe on the way (Probe.Changes). Without them, on Linux, the
// kernel tells of ICMP errors but not what they quote of the IP header. Where a router quotes 8 bytes only, the answer
// to a datagram does not say which probe of its flow it is about: then there is one at a time.
package trace
