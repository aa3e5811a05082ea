// Package probe connects to ports and says what really happened.
//
//	target := &probe.Target{Addrs: []netip.Addr{addr}, Port: 443}
//	for event, err := range probe.Run(ctx, probe.Config{Targets: probe.Targets(target)}) {
//		if err != nil {
//			return err
//		}
//		if event.Kind == probe.Result {
//			fmt.Println(event.Addr, event.State, event.RTT, event.Reason())
//		}
//	}
//
// # Evidence
//
// On Linux the kernel tells any user which ICMP error ended an attempt and who sent it, how many SYNs went
// out, and the round trip of the handshake. So a port is [Closed] only where a reset came, [Rejected] or [Unreachable] with
// the address that said so, and [Filtered] with the number of SYNs that had no answer. Other systems keep some of that
// to themselves; [Event.Reason] then says what is not known.
//
// What this machine lacks is no answer of the network: where it runs out of descriptors, ports or memory, fewer
// attempts are under way at a time ([Narrowed]), and those that it could not begin are begun again. An attempt that it
// refuses (no route, a firewall of its own) is [Failed].
//
// # Time
//
// [Event.RTT] is the kernel's measurement, which the load of this process does not lengthen; [Event.Took] is what the process
// saw. Where the first SYN was lost the kernel sends another a second later: that is a loss, not a long round trip, and
// RTT is 0.
//
// # Load
//
// Without [Config.Rate] up to [Config.Concurrency] attempts are under way at a time, as fast as they end. A
// connection that was accepted is watched for two round trips (3 to 250 ms), as it may be reset at once, while others go on.
package probe
