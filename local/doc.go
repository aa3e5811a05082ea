// Package local tells what this machine's own side of the network looks like, as its kernel has it: interfaces, routes,
// policy rules, neighbours, listening sockets, and the kernel's own decision about a packet. Nothing is executed, no packet
// is sent, and no text is read where the kernel offers data. On Linux all of it works without privilege, but for the
// processes of other users' sockets.
//
// All of it is of the network namespace that the calling thread is in.
//
//	way, _, err := local.World()                                         // how the world is reached over IPv4
//	d, err := local.Decide(netip.MustParseAddr("192.168.0.18"), local.Ask{}) // what becomes of a packet to there
//
// Linux is asked by rtnetlink, sock_diag and nl80211 (rtnetlink(7), sock_diag(7)), macOS and the BSDs by routing
// sockets and their sysctl (route(4)), Windows by the IP Helper API. What a system does not tell is left zero; what it
// does not offer at all is an error that wraps errors.ErrUnsupported. The addresses have no IPv6 zone, but for those of
// sockets: the interface stands beside them.
package local
