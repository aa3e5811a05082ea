// Package netsim is a routed network in memory: any IP packet in, the IP packets that
// come back out, each with the moment it arrives.
//
// A [Topology] says what the network is: routers, hosts, the links between them and all
// that is wrong with them. [New] makes a [Network] of it, and [Network.Send] hands it a
// packet that the vantage point sent. A [Conn] is a socket at the vantage point, as
// package rawsock has them, for tests in a testing/synctest bubble; behind a TUN device
// the same Network answers real sockets.
//
// # Time and chance
//
// The network reads no clock. Send computes at once all that a packet leads to, and so
// packets do not queue behind each other: a link is a delay, not a bandwidth. State that
// packets share (token buckets, address translation, counters of faults) sees them in the
// order of the Send calls, and a bucket that is asked about an earlier moment than before
// treats it as the present.
//
// All chance comes from the topology's seed: every node and every direction of a link has
// a PCG of its own (math/rand/v2), seeded with that and its name, so that changing one
// part of a network does not change the fate of packets in another. The same seed and the
// same sequence of calls give the same result.
//
// # Paths
//
// A packet follows the routes that its nodes were given ([Route], longest prefix first),
// and where a node has none for it, the paths with the fewest hops; where several are
// equal, the node's [Balance] decides. What answers it retraces the path, each link with
// its own properties for that direction, unless a node on the way has a route for packets
// going back ([Route.Back]). Loops on the way out are left out on the way back. Answers
// come to the vantage whatever source address its packet had.
//
// Packets larger than a link's MTU that may be fragmented pass as if they had been
// fragmented and put together at the end; fragments that the vantage sends are put
// together by the host they are for. MTUs bind on the way out only.
//
// Several hosts may have the same address ([Host.Anycast]); packets go to the nearest, or
// where routes lead them.
//
// Nodes do not send ICMP errors about ICMP errors, about fragments but the first, or
// about packets to multicast addresses (RFC 1122 section 3.2.2, RFC 4443 section 2.4).
//
// # Faults
//
// A [Fault] is something wrong with an answer: of a host or a router to packets for its own
// addresses, or of a router in its errors about others (Router.ErrorFaults), as a probe's TTL
// ends there. [When] says which are hit, a [Misquote] what is wrong with the packet that an error
// quotes. A destination behind a router that translates its address needs no translation
// here: errors of routers behind that come from the destination's address
// (Router.ErrorFrom), and Router.SetTTL is what a proxy does to the TTL.
//
// # TCP
//
// A host remembers that a SYN has opened a connection, until a reset, its end, or for 63
// seconds, and answers a further SYN from the same port as Linux does: with an acknowledgement
// of the first, two a second at most, or a reset where its sequence number lies in the window. A
// Conn of many flows (ConnConfig.Flows) has the vantage's kernel reset what hosts take for a
// connection, at the moment when their answer arrives.
//
// # Many runs
//
// [Network.Reseed] begins anew with another seed at about a hundredth of the cost of New, for
// claims that take thousands of runs.
package netsim
