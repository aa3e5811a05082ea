package ping

import (
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/netsim"
	"github.com/netdiag/netdiag/internal/packet"
)

// faultRTT is the round trip to the host of the fault matrix.
const faultRTT = 10 * ms

// sums are what the probes of a run came to.
type sums struct{ received, late, timeouts, errors, duplicates, corrupt, foreign, redirects int64 }

func sumsOf(s *Stats) sums {
	return sums{s.Received, s.Late, s.Timeouts, s.ICMPErrors, s.Duplicates, s.Corrupt, s.Foreign, s.Redirects}
}

// faultRow is a fault of the host that is pinged, and what is to be said of one probe to it.
type faultRow struct {
	name  string
	fault netsim.Fault
	cfg   Config
	want  sums
	// events are those of the probe, exactly: of a probe sent at 0s over the simulated network.
	events string
	// unseen, if set, is what is left where the kernel drops the packet that the row is about: before a
	// ping socket and, on IPv6, before a raw one.
	unseen *faultRow
	only   packet.Family // 0: both
}

// dead is what is left of a probe that nobody answers.
var dead = &faultRow{want: sums{timeouts: 1}, events: "0s sent 0/0; 1s timeout 0/0; 1s done 0"}

// faultMatrix is what goes wrong on networks, and what tools have made of it.
func faultMatrix() []faultRow {
	return []faultRow{
		{
			name: "nothing wrong", want: sums{received: 1},
			events: "0s sent 0/0; 10ms reply 0/0 rtt=10ms; 20ms done 0",
		},
		{
			name: "three copies", fault: netsim.Fault{Copies: 2, Spacing: ms}, want: sums{received: 1, duplicates: 2},
			events: "0s sent 0/0; 10ms reply 0/0 rtt=10ms; 11ms duplicate 0/0 rtt=11ms; 12ms duplicate 0/0 rtt=12ms; 20ms done 0",
		},
		{
			name: "from another source", fault: netsim.Fault{From: host4.Next()}, want: sums{timeouts: 1, foreign: 1},
			events: "0s sent 0/0; 10ms foreign 0/0; 1s timeout 0/0; 1s done 0", only: packet.IPv4,
		},
		{
			name: "from another source", fault: netsim.Fault{From: host6.Next()}, want: sums{timeouts: 1, foreign: 1},
			events: "0s sent 0/0; 10ms foreign 0/0; 1s timeout 0/0; 1s done 0", only: packet.IPv6,
		},
		{
			name: "a bit flipped, the checksum mended", fault: netsim.Fault{FlipBit: new(300)}, want: sums{timeouts: 1, corrupt: 1},
			events: "0s sent 0/0; 10ms corrupt 0/0; 1s timeout 0/0; 1s done 0",
		},
		{
			name: "bad checksum", fault: netsim.Fault{BadChecksum: true}, want: sums{timeouts: 1, corrupt: 1},
			events: "0s sent 0/0; 10ms corrupt 0/0; 1s timeout 0/0; 1s done 0", unseen: dead,
		},
		{
			name: "cut to half", fault: netsim.Fault{Truncate: new(32)}, want: sums{timeouts: 1, corrupt: 1},
			events: "0s sent 0/0; 10ms corrupt 0/0; 1s timeout 0/0; 1s done 0",
		},
		{
			name: "cut to its header", fault: netsim.Fault{Truncate: new(8)}, want: sums{timeouts: 1, corrupt: 1},
			events: "0s sent 0/0; 10ms corrupt 0/0; 1s timeout 0/0; 1s done 0",
		},
		{
			name: "slow, and there is time", fault: netsim.Fault{Delay: 3*sec - faultRTT}, cfg: Config{Timeout: 5 * sec},
			want: sums{received: 1}, events: "0s sent 0/0; 3s reply 0/0 rtt=3s; 3.1s done 0",
		},
		{
			name: "forged time stamp", fault: netsim.Fault{ForgeStamp: true}, want: sums{timeouts: 1, foreign: 1},
			events: "0s sent 0/0; 10ms foreign 0/0; 1s timeout 0/0; 1s done 0",
		},
		{
			name: "sequence number never sent", fault: netsim.Fault{Seq: 1000}, want: sums{timeouts: 1, corrupt: 1},
			events: "0s sent 0/0; 10ms corrupt 0/0; 1s timeout 0/0; 1s done 0",
		},
		{
			name: "TTL exceeded, with options in the quote", fault: errorFault(netsim.ErrorAnswer{
				Kind: netsim.TTLExceeded, Quote: netsim.Quote{Options: make([]byte, 40)},
			}), want: sums{errors: 1},
			events: `0s sent 0/0; 10ms icmp_error 0/0 "Time to live exceeded"; 10ms done 0`, only: packet.IPv4,
		},
		{
			name: "TTL exceeded, with labels behind a short quote", fault: errorFault(netsim.ErrorAnswer{
				Kind: netsim.TTLExceeded, Quote: netsim.Quote{Short: true, MPLS: []netsim.Label{{Label: 16001, TTL: 1}}},
			}), want: sums{errors: 1},
			events: `0s sent 0/0; 10ms icmp_error 0/0 "Time to live exceeded"; 10ms done 0`, only: packet.IPv4,
		},
		{
			name: "TTL exceeded, with labels behind a short quote", fault: errorFault(netsim.ErrorAnswer{
				Kind: netsim.TTLExceeded, Quote: netsim.Quote{Short: true, MPLS: []netsim.Label{{Label: 16001, TTL: 1}}},
			}), want: sums{errors: 1},
			events: `0s sent 0/0; 10ms icmp_error 0/0 "Time exceeded: Hop limit"; 10ms done 0`, only: packet.IPv6,
		},
		{
			name: "fragmentation needed", fault: errorFault(netsim.ErrorAnswer{Kind: netsim.TooBig, MTU: 1400}), want: sums{errors: 1},
			events: `0s sent 0/0; 10ms icmp_error 0/0 "Frag needed and DF set (mtu = 1400)"; 10ms done 0`, only: packet.IPv4,
		},
		{
			name: "packet too big", fault: errorFault(netsim.ErrorAnswer{Kind: netsim.TooBig, MTU: 1400}), want: sums{errors: 1},
			events: `0s sent 0/0; 10ms icmp_error 0/0 "Packet too big (mtu = 1400)"; 10ms done 0`, only: packet.IPv6,
		},
		{
			name:  "a reply, then unreachable",
			fault: errorFault(netsim.ErrorAnswer{Kind: netsim.HostUnreachable, WithReply: true, After: 5 * ms}), want: sums{received: 1},
			events: "0s sent 0/0; 10ms reply 0/0 rtt=10ms; 20ms done 0",
		},
		{
			name: "prohibited", fault: errorFault(netsim.ErrorAnswer{Kind: netsim.Prohibited}), want: sums{errors: 1},
			events: `0s sent 0/0; 10ms icmp_error 0/0 "Packet filtered"; 10ms done 0`, only: packet.IPv4,
		},
		{
			name: "prohibited", fault: errorFault(netsim.ErrorAnswer{Kind: netsim.Prohibited}), want: sums{errors: 1},
			events: `0s sent 0/0; 10ms icmp_error 0/0 "Destination unreachable: Administratively prohibited"; 10ms done 0`, only: packet.IPv6,
		},
		{
			name:  "redirect, then a reply",
			fault: errorFault(netsim.ErrorAnswer{Kind: netsim.RedirectHost, Gateway: other4, WithReply: true}), want: sums{received: 1, redirects: 1},
			events: `0s sent 0/0; 10ms redirect 0/0 "Redirect Host (new nexthop: 198.51.100.99)"; 10ms reply 0/0 rtt=10ms; 20ms done 0`,
			only:   packet.IPv4,
		},
		{
			name: "source quench", fault: errorFault(netsim.ErrorAnswer{Kind: netsim.SourceQuench, WithReply: true}),
			want:   sums{received: 1, redirects: 1},
			events: `0s sent 0/0; 10ms redirect 0/0 "Source Quench"; 10ms reply 0/0 rtt=10ms; 20ms done 0`, only: packet.IPv4,
		},
		{
			name: "dead, and another process of the same identifier", fault: netsim.Fault{Silent: true, Foreign: &netsim.Foreign{}},
			want: sums{timeouts: 1, foreign: 1}, events: "0s sent 0/0; 10ms foreign 0/0; 1s timeout 0/0; 1s done 0",
		},
		{
			name: "dead, and another process", fault: netsim.Fault{Silent: true, Foreign: &netsim.Foreign{ID: new(uint16(9))}},
			want: dead.want, events: dead.events,
		},
	}
}

func errorFault(e netsim.ErrorAnswer) netsim.Fault { return netsim.Fault{Error: &e} }

// seen returns the row to be expected of a kind of socket.
func (r faultRow) seen(f packet.Family, raw bool) faultRow {
	if r.unseen != nil && (f == packet.IPv6 || !raw) {
		r.want, r.events = r.unseen.want, r.unseen.events
	}
	return r
}

// network returns a network with the host of the row, at the end of a path of the given round trip.
func (r faultRow) network(tb testing.TB, rtt time.Duration) *netsim.Network {
	tb.Helper()
	t := netsim.Chain(rtt)
	t.Host("target").Faults = []netsim.Fault{r.fault}
	return newNetwork(tb, t)
}

func newNetwork(tb testing.TB, t netsim.Topology) *netsim.Network {
	tb.Helper()
	n, err := netsim.New(t)
	if err != nil {
		tb.Fatal(err)
	}
	return n
}
