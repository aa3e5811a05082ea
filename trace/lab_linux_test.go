package trace

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/netdiag/netdiag/internal/lab"
	"github.com/netdiag/netdiag/internal/netsim"
	"github.com/netdiag/netdiag/internal/packet"
	"github.com/vishvananda/netlink"
)

func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }

// kernels is a path of real kernels, with an equal-cost route at r1 (by ports, where a packet has any):
//
//	vantage - r1 - m1, m2, m3 - r2 - dst
type kernels struct {
	vantage, r1, r2, dst *lab.Namespace
	middle               []*lab.Namespace
}

// The columns of links, which are part of their addresses.
const (
	toR1 = iota
	toMiddle
	toR2
	toDst
)

// end is the address of the near (1) or far (2) end of link i of a column.
func end(f packet.Family, column, i, side int) netip.Addr {
	if f == packet.IPv6 {
		return netip.MustParseAddr(fmt.Sprintf("fd%02x:%d::%d", column, i, side))
	}
	return netip.AddrFrom4([4]byte{10, byte(column), byte(i), byte(side)})
}

// both returns an end's addresses with their subnets.
func both(column, i, side int) []netip.Prefix {
	return []netip.Prefix{
		netip.PrefixFrom(end(packet.IPv4, column, i, side), 24), netip.PrefixFrom(end(packet.IPv6, column, i, side), 64),
	}
}

// through returns routes to prefixes, one of each family, through an end.
func through(prefixes []netip.Prefix, column, i, side int) (routes []lab.Route) {
	for _, p := range prefixes {
		routes = append(routes, lab.Route{Dst: p, Via: end(packet.FamilyOf(p.Addr()), column, i, side)})
	}
	return routes
}

// everything are the default routes, home the network of the vantage.
func everything() []netip.Prefix { return netsim.Prefixes("0.0.0.0/0", "::/0") }
func home() []netip.Prefix       { return both(toR1, 0, 0) }

// kernelsConfig says what openKernels opens.
type kernelsConfig struct {
	hash   hash // of r1's equal-cost route
	freely bool // the destination does not limit its ICMP errors; routers never do
	mtu    int  // of the last link; 0: 1500
}

// hash is a fib_multipath_hash_policy.
type hash string

const (
	byPorts  hash = "1" // addresses, protocol and ports
	byFields hash = "3" // these, and the IPv6 flow label
)

// hashes returns those that hold for probes by cfg, the one that is more usual first. Between namespaces the hash
// travels that a kernel draws for a connected socket, and byPorts takes that instead of its own: no wire carries it.
func hashes(cfg Config) []hash {
	if cfg.Method == TCP && cfg.Mode == Unprivileged {
		return []hash{byFields}
	}
	return []hash{byPorts, byFields}
}

// sysctls are those of r1.
func (h hash) sysctls() map[string]string {
	const ports, label = "55", "63" // sums of FIB_MULTIPATH_HASH_FIELD_*
	return map[string]string{
		"net.ipv4.fib_multipath_hash_fields": ports, "net.ipv6.fib_multipath_hash_fields": label,
		"net.ipv4.fib_multipath_hash_policy": string(h), "net.ipv6.fib_multipath_hash_policy": string(h),
	}
}

// openKernels opens them in a lab.
func openKernels(t *testing.T, c kernelsConfig) *kernels {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	// A kernel limits what it tells one host, and beside that what it tells all: neither holds for types that are
	// not in the mask.
	free := map[string]string{
		"net.ipv4.icmp_ratemask": "0", "net.ipv6.icmp.ratemask": "200",
		"net.ipv4.icmp_errors_use_inbound_ifaddr": "1", // as kernels do by themselves with IPv6, but for older ones
	}
	router := lab.PeerConfig{Forward: true, Sysctls: free}
	k := &kernels{vantage: lab.Test(t, nil).Namespace}
	hang := func(on *lab.Namespace, name string, cfg lab.PeerConfig) *lab.Namespace {
		t.Helper()
		ns, err := on.Peer(name, cfg)
		must(err)
		return ns
	}
	ends := func(column, i int) (near, far lab.End) {
		return lab.End{Addrs: both(column, i, 1)}, lab.End{Addrs: both(column, i, 2)}
	}
	cfg := router
	cfg.Near, cfg.Far = ends(toR1, 0)
	cfg.Near.Routes = through(everything(), toR1, 0, 2)
	cfg.Sysctls = c.hash.sysctls()
	maps.Copy(cfg.Sysctls, free)
	k.r1 = hang(k.vantage, "r1", cfg)
	for i := range 3 {
		cfg := router
		cfg.Near, cfg.Far = ends(toMiddle, i)
		cfg.Far.Routes = through(home(), toMiddle, i, 1)
		k.middle = append(k.middle, hang(k.r1, "m"+strconv.Itoa(i+1), cfg))
		near, far := ends(toR2, i)
		near.Routes = through(everything(), toR2, i, 2)
		if i > 0 {
			near.Name, far.Name = "r2", "m"+strconv.Itoa(i+1)
			must(lab.Connect(k.middle[i], k.r2, lab.Link{A: near, B: far}))
			continue
		}
		cfg = router
		cfg.Near, cfg.Far = near, far
		cfg.Far.Routes = through(home(), toR2, i, 1)
		k.r2 = hang(k.middle[0], "r2", cfg)
	}
	must(k.spread())
	cfg = lab.PeerConfig{MTU: c.mtu}
	if c.freely {
		cfg.Sysctls = free
	}
	cfg.Near, cfg.Far = ends(toDst, 0)
	cfg.Far.Routes = through(everything(), toDst, 0, 1)
	k.dst = hang(k.r2, "dst", cfg)
	return k
}

// spread gives r1 its routes of equal cost.
func (k *kernels) spread() error {
	return k.r1.Do(func() error {
		for _, p := range everything() {
			var hops []*netlink.NexthopInfo
			for i := range k.middle {
				link, err := netlink.LinkByName("m" + strconv.Itoa(i+1))
				if err != nil {
					return err
				}
				via := end(packet.FamilyOf(p.Addr()), toMiddle, i, 2)
				hops = append(hops, &netlink.NexthopInfo{LinkIndex: link.Attrs().Index, Gw: via.AsSlice()})
			}
			if err := netlink.RouteAdd(&netlink.Route{Dst: network(p), MultiPath: hops}); err != nil {
				return err
			}
		}
		return nil
	})
}

// network is p as netlink has it.
func network(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// farEnds are the addresses of the far ends of a column.
func (k *kernels) farEnds(f packet.Family, column int) (addrs []netip.Addr) {
	for i := range k.middle {
		addrs = append(addrs, end(f, column, i, 2))
	}
	return addrs
}

// target is the destination's address.
func (k *kernels) target(f packet.Family) netip.Addr { return end(f, toDst, 0, 2) }

// listen has the destination take connections at a port.
func (k *kernels) listen(t *testing.T, port int) {
	t.Helper()
	err := k.dst.Do(func() error {
		l, err := net.Listen("tcp", ":"+strconv.Itoa(port))
		if err == nil {
			t.Cleanup(func() { l.Close() })
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// traceIn runs cfg over real sockets in a namespace, to its end.
func traceIn(t *testing.T, ns *lab.Namespace, cfg Config) *traced {
	t.Helper()
	r := &traced{t: t}
	err := ns.Do(func() error {
		for e, err := range Run(t.Context(), cfg) {
			if err != nil {
				return err
			}
			r.events = append(r.events, e)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// eachWay runs a test for each family and method, with raw sockets and with those of an ordinary user.
func eachWay(t *testing.T, f func(t *testing.T, family packet.Family, cfg Config)) {
	t.Helper()
	for _, family := range []packet.Family{packet.IPv4, packet.IPv6} {
		for m := range Method(len(methods)) {
			for _, mode := range []Mode{Privileged, Unprivileged} {
				name := map[Mode]string{Privileged: "raw", Unprivileged: "ordinary"}[mode]
				t.Run(fmt.Sprintf("IPv%d/%v/%s", family, m, name), func(t *testing.T) { f(t, family, Config{Method: m, Mode: mode}) })
			}
		}
	}
}

// wantOver checks a trace over all of the kernels: each flow was answered by every hop, and by that interface of r2 to
// which the one that it passes before leads.
func (k *kernels) wantOver(r *traced, f packet.Family) {
	r.t.Helper()
	hops := r.of(HopDone)
	if len(hops) != 4 {
		r.t.Fatalf("%d hops:\n%s", len(hops), r.hops())
	}
	middle, r2 := k.farEnds(f, toMiddle), k.farEnds(f, toR2)
	for flow, second := range hops[1].Hop.Probes {
		want := []netip.Addr{end(f, toR1, 0, 2), second.From, {}, k.target(f)}
		if i := slices.Index(middle, second.From); i >= 0 {
			want[2] = r2[i]
		}
		for i, a := range want {
			p := hops[i].Hop.Probes[flow]
			if old := f == packet.IPv6 && i == 2 && p.From == r2[0]; p.From != a && !old || p.Reached != (i == 3) || p.RTT <= 0 || p.Stopped {
				r.t.Errorf("hop %d, flow %d: %+v, want %v", i+1, flow, p, a)
			}
		}
	}
	if res := r.result(); !res.Reached || res.Stop != StopDestination || res.Hops != 4 || res.Foreign+res.SendErrors > 0 || len(res.Limited) > 0 {
		r.t.Errorf("%+v", res)
	}
}

// TestKernels traces twice, one right behind the other: a host that limits its errors answers the second, too.
func TestKernels(t *testing.T) {
	eachWay(t, func(t *testing.T, f packet.Family, cfg Config) {
		t.Parallel()
		k := openKernels(t, kernelsConfig{hash: hashes(cfg)[0]})
		cfg.Targets = Addrs(k.target(f))
		for range 2 {
			r := traceIn(t, k.vantage, cfg)
			k.wantOver(r, f)
			if res := r.result(); res.Raw != (cfg.Mode == Privileged) || res.Source != end(f, toR1, 0, 1) {
				t.Errorf("%+v", res)
			}
		}
	})
}

// TestFlowsOverKernels has so many flows that the second hop shows all its addresses, and holds each flow to one of
// them over several rounds.
func TestFlowsOverKernels(t *testing.T) {
	eachWay(t, func(t *testing.T, f packet.Family, cfg Config) {
		t.Parallel()
		for _, h := range hashes(cfg) {
			k := openKernels(t, kernelsConfig{hash: h, freely: true})
			cfg.Targets, cfg.Rounds, cfg.Interval, cfg.Flows, cfg.Rate = Addrs(k.target(f)), 3, 1, 48, -1
			r := traceIn(t, k.vantage, cfg)
			k.wantOver(r, f)
			by := make(map[int]netip.Addr)
			seen := make(map[netip.Addr]bool)
			for _, e := range r.of(Answer) {
				if e.TTL != 2 {
					continue
				}
				if was, again := by[e.Flow]; again && was != e.From {
					t.Errorf("flow %d passes %v, then %v", e.Flow, was, e.From)
				}
				by[e.Flow], seen[e.From] = e.From, true
			}
			// A kernel hashes nothing of an echo but its addresses, and the flow label.
			if cfg.Method != ICMP && len(seen) != len(k.middle) {
				t.Errorf("%d addresses of %d at hop 2", len(seen), len(k.middle))
			}
		}
	})
}

// TestNoWay has no route at all.
func TestNoWay(t *testing.T) {
	l := lab.Test(t, nil)
	for _, f := range []packet.Family{packet.IPv4, packet.IPv6} {
		r := traceIn(t, l.Namespace, Config{Targets: Addrs(end(f, toDst, 0, 2))})
		if res := r.result(); res.Reached || res.Stop != StopError || res.Probes != 0 || res.Err == nil {
			t.Errorf("IPv%d: %+v", f, res)
		}
	}
}

// TestPermission names what is missing where no socket may be opened.
func TestPermission(t *testing.T) {
	l := lab.TestConfig(t, lab.Config{NoPingSockets: true})
	err := l.Do(func() error {
		for _, err := range Run(t.Context(), Config{Targets: Addrs(end(packet.IPv4, toDst, 0, 2)), Method: ICMP, Mode: Unprivileged}) {
			return err
		}
		return nil
	})
	if !errors.Is(err, os.ErrPermission) {
		t.Errorf("%v", err)
	}
}

// inLab opens a lab in front of a simulated network.
func inLab(t *testing.T, s *sim) *lab.Namespace {
	t.Helper()
	return lab.Test(t, s.n).Namespace
}
