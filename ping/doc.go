// Package ping sends ICMP echo requests and says of every one what became of it.
//
//	for event, err := range ping.Run(ctx, ping.Config{Targets: ping.Addrs(addr), Count: 3}) {
//		if err != nil {
//			return err
//		}
//		if event.Kind == ping.Reply {
//			fmt.Println(event.From, event.RTT)
//		}
//	}
//
// # Outcomes
//
// Each probe that was sent ends in exactly one of four ways: a [Reply] in time, a [Timeout], an
// [ICMPError] about it, or a [Late] reply, which takes its timeout back. Probes that have none when the
// run ends are in flight, not lost. What else arrives is told beside it: [Duplicate], [Corrupt] and [Foreign]
// replies, a [Redirect]. [Stats] adds it all up.
//
// # Matching
//
// An answer belongs to a probe when identifier, sequence number and source are right and the data
// holds the 64-bit cookie of this run and the number of the probe. The time of sending is kept
// here and never read back from a packet. Data of fewer than 16 bytes has no room for the number, of fewer than 8
// none for the cookie: matching then rests on what is left, see [Config.Size].
//
// # Privilege
//
// On Linux, unprivileged ping sockets are tried first (the group must be in the range of the sysctl
// net.ipv4.ping_group_range), then raw sockets (CAP_NET_RAW), with the same evidence from both, but that the kernel
// keeps replies with a wrong checksum from anything but an IPv4 raw socket. When neither can be opened, the error
// satisfies errors.Is(err, os.ErrPermission), and errors.As finds an interface{ Hints() []string } in it that
// names the commands that would help.
//
// It implements the echo of RFC 792 and RFC 4443 section 4.
package ping
