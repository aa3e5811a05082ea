package ping

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"testing"

	"github.com/netdiag/netdiag/internal/lab"
	"github.com/netdiag/netdiag/internal/netsim"
	"github.com/netdiag/netdiag/internal/packet"
	"github.com/netdiag/netdiag/internal/rawsock"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }

// labRTT is the round trip in labs: long enough for duplicates to come while they are listened for.
const labRTT = 100 * ms

// real is a run over real sockets, in the namespace of a lab.
type real struct {
	ns     *lab.Namespace
	events []Event
	err    error
	check  *checker
}

// open opens sockets in the namespace, whatever goroutine asks for them.
func (r *real) open(cfg rawsock.Config) (conn rawsock.Conn, err error) {
	err = r.ns.Do(func() (err error) {
		conn, err = rawsock.Open(cfg)
		return err
	})
	return conn, err
}

// run ranges over a run to its end; each, which may be nil, is called for each event.
func (r *real) run(tb testing.TB, cfg Config, each func(Event)) {
	tb.Helper()
	r.events, r.err, r.check = nil, nil, newChecker(tb, cfg)
	for e, err := range run(tb.Context(), cfg, r.open) {
		if r.err = err; err != nil {
			continue
		}
		r.events = append(r.events, e)
		r.check.add(e)
		if each != nil {
			each(e)
		}
	}
}

// modeOf returns the mode for a kind of socket.
func modeOf(raw bool) Mode {
	if raw {
		return Privileged
	}
	return Unprivileged
}

// TestFaultsOverKernel sends the fault matrix through real sockets, all hosts of it in one run.
func TestFaultsOverKernel(t *testing.T) {
	eachSocket(t, func(t *testing.T, f packet.Family, raw bool) {
		t.Parallel()
		rows := faultMatrix()
		topology := netsim.Star(len(rows), labRTT)
		for i, row := range rows {
			topology.Hosts[i].Faults = []netsim.Fault{row.fault}
		}
		network := newNetwork(t, topology)
		var targets []netip.Addr
		for _, h := range topology.Hosts {
			targets = append(targets, network.Addr(h.Name, f))
		}
		r := real{ns: lab.Test(t, network).Namespace}
		const count = 3
		r.run(t, Config{Targets: Addrs(targets...), Count: count, Interval: 100 * ms, Mode: modeOf(raw)}, nil)
		if r.err != nil {
			t.Fatal(r.err)
		}
		for i, row := range rows {
			if row.only != 0 && row.only != f || row.cfg.Timeout > sec {
				continue
			}
			want := row.seen(f, raw).want
			for _, n := range []*int64{
				&want.received, &want.late, &want.timeouts, &want.errors, &want.duplicates, &want.corrupt, &want.foreign, &want.redirects,
			} {
				*n *= count
			}
			got := sumsOf(&r.check.books[i].stats)
			if got != want {
				t.Errorf("%s: %+v, want %+v", row.name, got, want)
			}
		}
		for _, e := range r.events {
			if e.Kind == Reply && (e.RTT < labRTT || e.TTL != 63 || e.Size != 64) {
				t.Errorf("%+v", e)
			}
		}
	})
}

// TestLateOverKernel has a reply come after its timeout, while the next probe is awaited.
func TestLateOverKernel(t *testing.T) {
	eachSocket(t, func(t *testing.T, f packet.Family, raw bool) {
		t.Parallel()
		r := real{ns: lab.Test(t, newNetwork(t, netsim.Chain(300*ms))).Namespace}
		r.run(t, Config{Targets: Addrs(hostOf(f)), Count: 2, Timeout: 50 * ms, Mode: modeOf(raw)}, nil)
		if got, want := sumsOf(&r.check.all), (sums{late: 1, timeouts: 1}); r.err != nil || got != want {
			t.Errorf("%v, %+v; want %+v", r.err, got, want)
		}
	})
}

// TestTwoRuns has two runs at a time, one of them to a host that does not answer.
func TestTwoRuns(t *testing.T) {
	eachSocket(t, func(t *testing.T, f packet.Family, raw bool) {
		t.Parallel()
		topology := netsim.Direct(10*ms, netsim.Prefixes(host4.String(), other4.String(), host6.String(), other6.String())...)
		topology.Host("target").Faults = []netsim.Fault{{
			When: netsim.When{To: netsim.Prefixes(other4.String(), other6.String())}, Silent: true,
		}}
		l := lab.Test(t, newNetwork(t, topology))
		alive, silent := real{ns: l.Namespace}, real{ns: l.Namespace}
		cfg := Config{Count: 20, Interval: 10 * ms, Timeout: 500 * ms, Mode: modeOf(raw)}
		var both sync.WaitGroup
		dead := cfg
		dead.Targets = Addrs(otherOf(f))
		both.Go(func() { silent.run(t, dead, nil) })
		cfg.Targets = Addrs(hostOf(f))
		alive.run(t, cfg, nil)
		both.Wait()
		if got, want := sumsOf(&alive.check.all), (sums{received: 20}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		if got, want := sumsOf(&silent.check.all), (sums{timeouts: 20}); got != want {
			t.Errorf("the dead host: %+v, want %+v", got, want)
		}
	})
}

// TestOutageOverKernel sets the interface down during a run, and up again.
func TestOutageOverKernel(t *testing.T) {
	eachSocket(t, func(t *testing.T, f packet.Family, raw bool) {
		t.Parallel()
		l := lab.Test(t, newNetwork(t, netsim.Chain(ms)))
		r := real{ns: l.Namespace}
		refused, after := 0, 0
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		r.check = newChecker(t, Config{})
		for e, err := range run(ctx, Config{Targets: Addrs(hostOf(f)), Interval: 20 * ms, Mode: modeOf(raw)}, r.open) {
			if err != nil {
				r.err = err
				break
			}
			r.check.add(e)
			switch {
			case e.Kind == Reply && e.Seq == 2:
				if err := l.Down(); err != nil {
					t.Fatal(err)
				}
			case e.Kind == SendError:
				if !errors.Is(e.Err, syscall.ENETUNREACH) {
					t.Errorf("refused with %v", e.Err)
				}
				if refused++; refused == 3 {
					if err := l.Up(); err != nil {
						t.Fatal(err)
					}
				}
			case e.Kind == Reply && refused >= 3:
				if after++; after == 3 {
					cancel()
				}
			}
		}
		if !errors.Is(r.err, context.Canceled) || after != 3 || r.check.all.SendErrors != 3 {
			t.Errorf("%v, %d replies after the outage, %+v", r.err, after, r.check.all)
		}
	})
}

// TestUnreachableStart is an error, with its cause, for the only target.
func TestUnreachableStart(t *testing.T) {
	eachSocket(t, func(t *testing.T, f packet.Family, raw bool) {
		r := real{ns: lab.Test(t, nil).Namespace}
		r.run(t, Config{Targets: Addrs(hostOf(f)), Mode: modeOf(raw)}, nil)
		if !errors.Is(r.err, syscall.ENETUNREACH) || len(r.events) > 0 {
			t.Errorf("%v after %v", r.err, r.events)
		}
	})
}

// TestPermission names what is missing where no socket may be opened.
func TestPermission(t *testing.T) {
	r := real{ns: lab.TestConfig(t, lab.Config{NoPingSockets: true}).Namespace}
	r.run(t, Config{Targets: Addrs(host4), Mode: Unprivileged}, nil)
	if !errors.Is(r.err, os.ErrPermission) || len(r.events) > 0 {
		t.Errorf("%v after %v", r.err, r.events)
	}
}

// TestTooLarge has the kernel refuse what its interface does not carry whole.
func TestTooLarge(t *testing.T) {
	eachSocket(t, func(t *testing.T, f packet.Family, raw bool) {
		r := real{ns: lab.Test(t, newNetwork(t, netsim.Chain(ms))).Namespace}
		r.run(t, Config{Targets: Addrs(hostOf(f), hostOf(f)), Count: 1, Size: 3000, PMTU: PMTUDo, Mode: modeOf(raw)}, nil)
		if r.err != nil || r.check.all.SendErrors != 2 {
			t.Fatalf("%v, %+v", r.err, r.check.all)
		}
		for _, e := range r.events {
			if e.Kind == SendError && (!errors.Is(e.Err, syscall.EMSGSIZE) || e.MTU != 1500) {
				t.Errorf("%+v, want EMSGSIZE and an MTU of 1500", e)
			}
		}
	})
}

// routed opens a lab behind a real kernel that is a router: it answers all of 10.9.0.0/16 and fd99::/64, has no way to
// 10.8.0.0/16 and fd98::/64, prohibits 10.7.0.0/16 and fd97::/64, and routes 10.6.0.0/16 and fd96::/64.
func routed(t *testing.T) *lab.Lab {
	t.Helper()
	l := lab.Test(t, nil)
	prefixes := netsim.Prefixes
	via4, via6 := netip.MustParseAddr("10.77.0.2"), netip.MustParseAddr("fd77::2")
	peer, err := l.Peer("peer", lab.PeerConfig{
		Near: lab.End{
			Addrs: prefixes("10.77.0.1/24", "fd77::1/64"),
			Routes: []lab.Route{
				{Dst: netip.MustParsePrefix("0.0.0.0/0"), Via: via4}, {Dst: netip.MustParsePrefix("::/0"), Via: via6},
			},
		},
		Far: lab.End{
			Addrs: prefixes("10.77.0.2/24", "fd77::2/64"),
			Routes: []lab.Route{ // back here
				{Dst: netip.MustParsePrefix("10.6.0.0/16"), Via: netip.MustParseAddr("10.77.0.1")},
				{Dst: netip.MustParsePrefix("fd96::/64"), Via: netip.MustParseAddr("fd77::1")},
			},
		},
		Local:   prefixes("10.9.0.0/16", "fd99::/64"),
		Forward: true,
		Sysctls: map[string]string{"net.ipv4.icmp_ratelimit": "0", "net.ipv6.icmp.ratelimit": "0"},
	})
	if err != nil {
		t.Fatal(err)
	}
	err = peer.Do(func() error {
		for _, p := range []string{"10.7.0.0/16", "fd97::/64"} {
			dst, err := netlink.ParseIPNet(p)
			if err != nil {
				return err
			}
			if err := netlink.RouteAdd(&netlink.Route{Dst: dst, Type: unix.RTN_PROHIBIT}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestRealRouter hears what a real kernel says of probes.
func TestRealRouter(t *testing.T) {
	tests := []struct {
		name, four, six string
		ttl             int
		kind            Kind
		message         map[packet.Family]string
	}{
		{"answers", "10.9.1.2", "fd99::77", 0, Reply, nil},
		{"no way", "10.8.1.2", "fd98::1", 0, ICMPError, map[packet.Family]string{
			packet.IPv4: "Destination Net Unreachable", packet.IPv6: "Destination unreachable: No route"}},
		{"prohibited", "10.7.1.2", "fd97::1", 0, ICMPError, map[packet.Family]string{
			packet.IPv4: "Packet filtered", packet.IPv6: "Destination unreachable: Administratively prohibited"}},
		{"TTL exceeded", "10.6.1.2", "fd96::1", 1, ICMPError, map[packet.Family]string{
			packet.IPv4: "Time to live exceeded", packet.IPv6: "Time exceeded: Hop limit"}},
	}
	eachSocket(t, func(t *testing.T, f packet.Family, raw bool) {
		l := routed(t)
		for _, tt := range tests {
			to := netip.MustParseAddr(map[packet.Family]string{packet.IPv4: tt.four, packet.IPv6: tt.six}[f])
			r := real{ns: l.Namespace}
			r.run(t, Config{Targets: Addrs(to), Count: 1, TTL: tt.ttl, Mode: modeOf(raw)}, nil)
			if r.err != nil {
				t.Errorf("%s: %v", tt.name, r.err)
			}
			n := 0
			for _, e := range r.events {
				if e.Kind == tt.kind {
					n++
					if e.Message != tt.message[f] || !e.From.IsValid() {
						t.Errorf("%s: %+v", tt.name, e)
					}
				}
			}
			if n != 1 {
				t.Errorf("%s: %d events %v of %v", tt.name, n, tt.kind, r.events)
			}
		}
	})
}

// TestAllocationsOverKernel holds an echo through the kernel to no allocation.
func TestAllocationsOverKernel(t *testing.T) {
	eachSocket(t, func(t *testing.T, f packet.Family, raw bool) {
		r := real{ns: lab.Test(t, nil).Namespace}
		step, stop := untilReply(t, Config{Targets: Addrs(loopback(f)), Pace: Flood, Rate: -1, Mode: modeOf(raw)}, r.open)
		defer stop()
		step()
		if n := testing.AllocsPerRun(2000, step); n > 0 {
			t.Errorf("%v allocations an echo", n)
		}
	})
}

func loopback(f packet.Family) netip.Addr {
	if f == packet.IPv6 {
		return netip.IPv6Loopback()
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, 1})
}

// BenchmarkRunLoopback is an echo in the steady state, sent by the whole loop and answered by this kernel.
func BenchmarkRunLoopback(b *testing.B) {
	for _, f := range families {
		for name, cfg := range steady(loopback(f)) {
			b.Run(familyName(f)+"/"+name, func(b *testing.B) {
				r := real{ns: lab.Test(b, nil).Namespace}
				step, stop := untilReply(b, cfg, r.open)
				defer stop()
				step()
				b.ReportAllocs()
				for b.Loop() {
					step()
				}
			})
		}
	}
}
