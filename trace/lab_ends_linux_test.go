package trace

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/netdiag/netdiag/internal/netsim"
	"github.com/netdiag/netdiag/internal/packet"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// TestEndsOverKernels traces to where r2 has no way, each for a reason of its own.
func TestEndsOverKernels(t *testing.T) {
	type icmp struct{ kind, code uint8 }
	tests := []struct {
		name      string
		four, six string
		route     int // its type; 0: there is none
		want      map[packet.Family]icmp
	}{
		{"prohibited", "10.40.0.0/24", "fd40::/64", unix.RTN_PROHIBIT, map[packet.Family]icmp{packet.IPv4: {3, 13}, packet.IPv6: {1, 1}}},
		{"unreachable", "10.41.0.0/24", "fd41::/64", unix.RTN_UNREACHABLE, map[packet.Family]icmp{packet.IPv4: {3, 1}, packet.IPv6: {1, 0}}},
		{"no route", "10.42.0.0/24", "fd42::/64", 0, map[packet.Family]icmp{packet.IPv4: {3, 0}, packet.IPv6: {1, 0}}},
		{"blackhole", "10.43.0.0/24", "fd43::/64", unix.RTN_BLACKHOLE, nil},
	}
	eachWay(t, func(t *testing.T, f packet.Family, cfg Config) {
		t.Parallel()
		for _, tt := range tests {
			if tt.want == nil && cfg.Method == TCP && cfg.Mode == Unprivileged {
				continue // by one SYN of a flow at a time each silent hop takes its second
			}
			k := openKernels(t, kernelsConfig{hash: hashes(cfg)[0]}) // new ones: they limit these errors whatever they are told
			p := netip.MustParsePrefix(map[packet.Family]string{packet.IPv4: tt.four, packet.IPv6: tt.six}[f])
			if tt.route != 0 {
				if err := k.r2.Do(func() error { return netlink.RouteAdd(&netlink.Route{Dst: network(p), Type: tt.route}) }); err != nil {
					t.Fatal(err)
				}
			}
			cfg.Targets, cfg.Gap = Addrs(p.Addr().Next()), 2
			r := traceIn(t, k.vantage, cfg)
			why, hops := StopUnreachable, 3
			if tt.want == nil {
				why, hops = StopGap, 2
			}
			if res := r.result(); res.Reached || res.Alive || res.Stop != why || res.Hops != hops {
				t.Errorf("%s: %+v\n%s", tt.name, res, r.hops())
			}
			for _, e := range r.of(HopDone) {
				for _, p := range e.Hop.Probes {
					ended := e.Hop.TTL == 3 && tt.want != nil
					if got := (icmp{p.ICMPType, p.ICMPCode}); p.From.IsValid() != (e.Hop.TTL <= hops) || p.Stopped != ended || p.Reached || ended && got != tt.want[f] {
						t.Errorf("%s, hop %d: %+v", tt.name, e.Hop.TTL, p)
					}
				}
			}
		}
	})
}

// TestPortsOverKernels probes a port that takes connections and one that does not.
func TestPortsOverKernels(t *testing.T) {
	for _, f := range []packet.Family{packet.IPv4, packet.IPv6} {
		for _, mode := range []Mode{Privileged, Unprivileged} {
			k := openKernels(t, kernelsConfig{hash: byFields})
			k.listen(t, 443)
			for port, flags := range map[int]packet.TCPFlags{443: packet.SYN | packet.ACK, 444: packet.RST | packet.ACK} {
				r := traceIn(t, k.vantage, Config{Targets: Addrs(k.target(f)), Method: TCP, Port: port, Mode: mode, Rounds: 3, Interval: 1})
				k.wantOver(r, f)
				for _, e := range r.of(HopDone) {
					if e.Hop.Lost > 0 {
						t.Errorf("port %d, hop %d: %d lost", port, e.Hop.TTL, e.Hop.Lost)
					}
				}
				for _, e := range r.of(Answer) {
					if e.TTL >= 4 && (packet.TCPFlags(e.TCPFlags) != flags || e.ICMP || e.From != k.target(f)) {
						t.Errorf("port %d: %+v", port, e.Probe)
					}
				}
			}
		}
	}
}

// TestMTUOverKernels finds a link that is smaller than the others.
func TestMTUOverKernels(t *testing.T) {
	const mtu = 1380
	eachWay(t, func(t *testing.T, f packet.Family, cfg Config) {
		t.Parallel()
		k := openKernels(t, kernelsConfig{hash: hashes(cfg)[0], mtu: mtu})
		cfg.Targets, cfg.MTU = Addrs(k.target(f)), true
		for range 2 { // what the kernel remembers of the path is not asked
			r := traceIn(t, k.vantage, cfg)
			k.wantOver(r, f)
			m := r.result().PathMTU
			if m == nil || m.MTU != mtu || m.BlackHole != 0 || len(m.Steps) != 1 || m.Steps[0].MTU != mtu {
				t.Fatalf("%+v", m)
			}
			// What does not show the quote's TTL knows the hop by an address only that the trace has met.
			step := m.Steps[0]
			met := cfg.Mode == Privileged || slices.ContainsFunc(r.of(Answer), func(e Event) bool { return e.From == step.From })
			if want := map[bool]int{true: 3, false: 0}[met]; step.TTL != want || !slices.Contains(k.farEnds(f, toR2), step.From) {
				t.Errorf("%+v, want hop %d", step, want)
			}
		}
	})
}

// TestBlackHoleOverKernel tells a link that swallows large packets from one that is only small.
func TestBlackHoleOverKernel(t *testing.T) {
	const mtu = 1400
	for f, mode := range map[packet.Family]Mode{packet.IPv4: Privileged, packet.IPv6: Unprivileged} {
		t.Run(fmt.Sprintf("IPv%d", f), func(t *testing.T) {
			t.Parallel()
			topology := netsim.Chain(ms(1), ms(2), ms(3), ms(4))
			topology.Links[2].MTU, topology.Links[2].BlackHole = mtu, true
			s := simulate(t, topology, true)
			r := traceIn(t, inLab(t, s), Config{Targets: Addrs(s.target(f)), Mode: mode, MTU: true})
			if m := r.result().PathMTU; m == nil || m.MTU != mtu || m.BlackHole != 3 || len(m.Steps) != 0 {
				t.Errorf("%+v", m)
			}
		})
	}
}

// TestExhaustedOverKernel traces several times in a row to a host with the limit that its kernel sets: six answers, then
// one a second. That it answers nobody for a while puts it at no other hop.
func TestExhaustedOverKernel(t *testing.T) {
	for _, mode := range []Mode{Privileged, Unprivileged} {
		t.Run(fmt.Sprint(mode), func(t *testing.T) {
			t.Parallel()
			k := openKernels(t, kernelsConfig{hash: byPorts})
			for range 3 {
				r := traceIn(t, k.vantage, Config{Targets: Addrs(k.target(packet.IPv4)), Mode: mode})
				res := r.result()
				if mode == Privileged || res.Reached {
					k.wantOver(r, packet.IPv4)
				} else if res.Hops != 3 || !res.Alive { // the kernel does not tell what is left of a TTL
					t.Errorf("%+v\n%s", res, r.hops())
				}
			}
		})
	}
}
