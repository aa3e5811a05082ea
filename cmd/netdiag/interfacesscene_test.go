package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/netdiag/netdiag/local"
)

// ownScene is a machine as its kernel would tell of it.
type ownScene struct {
	interfaces []local.Interface
	v4, v6     local.Way
	table      []local.Route
	rules      []local.Rule
	decisions  map[string]local.Decision // by address; of others there is no route
	names      map[string][]string       // addresses

	badInterfaces, badWorld, badRoutes, badRules, badDecision error
	asked                                                     local.Ask // the last
}

// kernel returns the machine's kernel.
func (s *ownScene) kernel() *ownKernel {
	return &ownKernel{
		interfaces: func() ([]local.Interface, error) { return s.interfaces, s.badInterfaces },
		world:      func() (v4, v6 local.Way, err error) { return s.v4, s.v6, s.badWorld },
		routing: routing{
			routes: func(all bool) ([]local.Route, error) {
				main := slices.DeleteFunc(slices.Clone(s.table), func(r local.Route) bool { return !all && r.Table != 254 && r.Table != 0 })
				return main, s.badRoutes
			},
			rules: func() ([]local.Rule, error) { return slices.Clone(s.rules), s.badRules },
			decide: func(dst netip.Addr, ask local.Ask) (local.Decision, error) {
				s.asked = ask
				d, ok := s.decisions[dst.String()]
				if !ok {
					d = local.Decision{Kind: "none"}
				}
				d.Dst = dst
				return d, s.badDecision
			},
		},
	}
}

// Addrs makes the scene a lookup.
func (s *ownScene) Addrs(ctx context.Context, name string, f family) (addrs []netip.Addr, err error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	for _, a := range s.names[name] {
		if addr := netip.MustParseAddr(a); f.has(addr) {
			addrs = append(addrs, addr)
		}
	}
	if len(addrs) == 0 {
		return nil, &lookupError{name: name, reason: "name not known"}
	}
	return addrs, nil
}

// showInterfaces has netdiag interfaces show the scene.
func (s *ownScene) showInterfaces(t *testing.T, args ...string) (stdout, stderr string, st status) {
	t.Helper()
	return s.show(t.Context(), t, command{name: "interfaces", run: func(_ context.Context, c *call) (status, error) {
		return showInterfaces(c, s.kernel())
	}}, args)
}

// showRoutes has netdiag routes show the scene.
func (s *ownScene) showRoutes(t *testing.T, args ...string) (stdout, stderr string, st status) {
	t.Helper()
	return s.show(t.Context(), t, s.routes(), args)
}

// routes is netdiag routes on the scene.
func (s *ownScene) routes() command {
	f := &routesFlags{}
	return command{name: "routes", flags: f.flags(), run: func(ctx context.Context, c *call) (status, error) {
		return f.run(ctx, c, s.kernel(), s)
	}}
}

func (s *ownScene) show(ctx context.Context, t *testing.T, cmd command, args []string) (stdout, stderr string, st status) {
	t.Helper()
	var out, errs bytes.Buffer
	a := app{commands: []command{cmd}, in: strings.NewReader(""), out: &out, errs: &errs}
	st = a.run(ctx, append([]string{cmd.name}, args...))
	for line := range strings.Lines(errs.String()) {
		if !strings.HasPrefix(line, "netdiag: ") {
			t.Errorf("on standard error: %q", line)
		}
	}
	if text := out.String() + errs.String(); strings.ContainsAny(strings.ReplaceAll(text, "\x1b[", ""), "\x1b\u202e") || strings.Contains(text, "\x1b[2J") {
		t.Errorf("not harmless: %q", text)
	}
	return out.String(), errs.String(), st
}

// timeless returns JSON lines without what differs each time.
func timeless(t *testing.T, stdout string) string {
	t.Helper()
	var b strings.Builder
	for line := range strings.Lines(stdout) {
		var o struct {
			Time string `json:"time"`
		}
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if o.Time != "" {
			line = strings.Replace(line, `"time":"`+o.Time+`"`, `"time":"TIME"`, 1)
		}
		b.WriteString(line)
	}
	return b.String()
}

// nic makes an interface that is up and has a signal, with addresses: "192.0.2.1/24 FLAG..." each.
func nic(index int, name, kind string, addrs ...string) local.Interface {
	i := local.Interface{
		Index: index, Name: name, Kind: kind, Up: true, State: "up", Signal: local.CarrierYes, MTU: 1500,
		MAC: net.HardwareAddr{2, 0, 0, 0, 0, byte(index)}, Flags: []string{"BROADCAST", "MULTICAST", "UP"},
	}
	for _, text := range addrs {
		words := strings.Fields(text)
		a := local.Addr{Prefix: netip.MustParsePrefix(words[0]), Scope: "global", Flags: words[1:]}
		switch {
		case a.Prefix.Addr().IsLinkLocalUnicast():
			a.Scope = "link"
		case a.Prefix.Addr().IsLoopback():
			a.Scope = "host"
		}
		i.Addrs = append(i.Addrs, a)
	}
	return i
}

// loopback makes the interface that every machine has.
func loopback() local.Interface {
	i := nic(1, "lo", "loopback", "127.0.0.1/8 permanent", "::1/128 permanent")
	i.State, i.MTU, i.MAC, i.Flags = "unknown", 65536, nil, []string{"LOOPBACK", "UP"}
	i.Counters = &local.Counters{RxBytes: 999, TxBytes: 999, RxPackets: 9, TxPackets: 9}
	return i
}

// changed returns an interface after a change.
func changed(i local.Interface, change func(*local.Interface)) local.Interface {
	change(&i)
	return i
}

// wayBy makes a way out to the world.
func wayBy(dev, source, gateway string) local.Way {
	w := local.Way{Interface: dev, Source: netip.MustParseAddr(source)}
	if gateway != "" {
		w.Gateway = netip.MustParseAddr(gateway)
	}
	return w
}

// severalWays makes a way one of two of the same weight, the other by eth1 and with flags.
func severalWays(w local.Way, flags ...string) local.Way {
	flags = slices.DeleteFunc(flags, func(f string) bool { return f == "" })
	w.Hops = []local.Hop{{Gateway: w.Gateway, Interface: w.Interface, Weight: 1}, {Interface: "eth1", Weight: 1, Flags: flags}}
	return w
}

// laptop has Wi-Fi, a bridge for containers before it, and a VPN.
func laptop() *ownScene {
	noCarrier := func(i *local.Interface) { i.Signal, i.State = local.CarrierNo, "down" }
	return &ownScene{
		interfaces: []local.Interface{
			loopback(),
			changed(nic(2, "eth0", "ethernet"), noCarrier),
			nic(3, "docker0", "bridge", "172.17.0.1/16 permanent", "fe80::42:1ff:fe00:1/64 permanent"),
			changed(nic(4, "wlan0", "wifi", "192.168.0.18/24", "2001:db8::18/64 temporary", "2001:db8::1234/64 mngtmpaddr", "2001:db8::5/64 temporary deprecated", "fe80::18/64 permanent"),
				func(i *local.Interface) {
					i.Counters = &local.Counters{RxBytes: 1234567890, TxBytes: 999949, RxPackets: 1000000, TxPackets: 7000, RxErrors: 2, TxDropped: 3}
				}),
			changed(nic(5, "veth1@x", "veth", "fe80::5/64 permanent"), func(i *local.Interface) {
				i.Master, i.Parent, i.AltNames = "docker0", "veth2", []string{"to-a-container", "c1"}
			}),
			changed(nic(6, "tun0", "tun", "10.8.0.2/32"), func(i *local.Interface) {
				i.MAC, i.State, i.MTU = nil, "unknown", 1400
				i.Addrs[0].Peer = netip.MustParseAddr("10.8.0.1")
			}),
			changed(nic(7, "wlan0.7", "vlan", "192.168.7.18/24"), func(i *local.Interface) {
				i.Up, i.State, i.Parent, i.Signal, i.Flags = false, "down", "wlan0", local.CarrierUnknown, nil
				i.Addrs[0].Label = "wlan0.7:1"
			}),
		},
		v4: wayBy("wlan0", "192.168.0.18", "192.168.0.1"), v6: wayBy("wlan0", "2001:db8::18", "fe80::1"),
	}
}

// ownScenes are machines by the name of the golden files of netdiag interfaces.
func ownScenes() map[string]*ownScene {
	all := cutOffScenes()
	maps.Copy(all, oddScenes())
	maps.Copy(all, map[string]*ownScene{
		"laptop": laptop(),
		"vpn": func() *ownScene {
			s := laptop()
			s.v4, s.v6 = wayBy("tun0", "10.8.0.2", ""), local.Way{}
			return s
		}(),
		"server": {
			interfaces: []local.Interface{loopback(), nic(2, "eth0", "ethernet", "203.0.113.7/24 permanent", "2001:db8:7::7/64 permanent", "fe80::7/64"),
				nic(3, "eth1", "ethernet", "10.0.0.7/8 permanent"), nic(4, "docker0", "bridge", "172.17.0.1/16")},
			v4: wayBy("eth0", "203.0.113.7", "203.0.113.1"), v6: wayBy("eth0", "2001:db8:7::7", "fe80::1"),
		},
		"public-docker": {
			interfaces: []local.Interface{loopback(), nic(2, "eth0", "ethernet", "203.0.113.7/24"), nic(4, "docker0", "bridge", "172.17.0.1/16")},
			v4:         wayBy("eth0", "203.0.113.7", "203.0.113.1"),
		},
		"container": {
			interfaces: []local.Interface{loopback(), nic(9, "eth0", "veth", "172.17.0.5/16 permanent")},
			v4:         wayBy("eth0", "172.17.0.5", "172.17.0.1"),
		},
		"unplugged-default": {
			interfaces: []local.Interface{loopback(), changed(nic(3, "eth0", "ethernet", "192.168.9.3/24"), func(i *local.Interface) { i.Signal = local.CarrierNo })},
			v4:         wayBy("eth0", "192.168.9.3", "192.168.9.1"),
		},
		"ipv6-only": {
			interfaces: []local.Interface{loopback(), nic(2, "eth0", "ethernet", "2001:db8::2/64 tentative", "2001:db8::3/64 tentative dadfailed", "fe80::2/64")},
			v6:         wayBy("eth0", "2001:db8::2", "fe80::1"),
		},
		"ipv6-and-no-dhcp": {
			interfaces: []local.Interface{loopback(), nic(2, "eth0", "ethernet", "169.254.7.8/16", "fd00::2/64")},
			v6:         wayBy("eth0", "fd00::2", "fe80::1"),
		},
		"unnumbered": {
			interfaces: []local.Interface{loopback(), nic(2, "eth0", "ethernet", "192.168.0.18/24"), nic(3, "ppp0", "ppp")},
			v4:         wayBy("ppp0", "192.168.0.18", ""),
		},
		"cgnat": {
			interfaces: []local.Interface{loopback(), changed(nic(2, "wwan0", "ppp", "100.72.3.4/30"), func(i *local.Interface) { i.MAC, i.State = nil, "dormant" })},
			v4:         wayBy("wwan0", "100.72.3.4", ""),
		},
		"many": {
			interfaces: []local.Interface{loopback(), nic(2, "eth0", "ethernet", "10.0.0.2/24", "10.0.0.3/24 secondary", "10.0.1.2/24"),
				nic(3, "eth1", "ethernet", "10.1.0.2/24"), nic(4, "br1", "bridge", "10.2.0.1/24"), nic(5, "br2", "bridge", "10.3.0.1/24")},
			v4: wayBy("eth0", "10.0.0.2", "10.0.0.1"),
		},
		"harm": {
			interfaces: []local.Interface{changed(nic(2, "e\x1b[2Jth", "k\x1bind", "10.0.0.2/24 fl\u202eag"), func(i *local.Interface) {
				i.State, i.Master, i.Parent, i.Flags, i.Addrs[0].Label, i.Addrs[0].Scope = "st\x1b", "m\x1b", "p\x1b", []string{"f\x1b"}, "l\x1b", "s\x1b"
			})},
			v4: wayBy("e\x1b[2Jth", "10.0.0.2", ""),
		},
		"bare":        {interfaces: []local.Interface{{Index: 3, Name: "en0", Up: true}}},
		"no-world":    {interfaces: laptop().interfaces[:4], badWorld: errors.New("local: the kernel does not say")},
		"no-listings": {badInterfaces: errors.New("local: listing interfaces: not permitted")},
	})
	return all
}

// cutOffScenes are machines without a way out to the world.
func cutOffScenes() map[string]*ownScene {
	return map[string]*ownScene{
		"nothing": {interfaces: []local.Interface{loopback()}},
		"loopback-source": { // which IPv6 chooses for want of another
			interfaces: []local.Interface{loopback(), nic(2, "a0", "ethernet")},
			v6:         wayBy("a0", "::1", ""),
		},
		"numberless": {
			interfaces: []local.Interface{loopback(), nic(2, "a0", "ethernet")},
			v4:         local.Way{Interface: "a0", Kind: local.KindUnicast},
		},
		"prohibited": {
			interfaces: []local.Interface{loopback(), nic(2, "eth0", "ethernet", "10.0.0.2/24")},
			v4:         local.Way{Kind: local.KindProhibit}, v6: local.Way{Kind: local.KindNone},
		},
		"all-down": {interfaces: []local.Interface{loopback(), changed(nic(2, "eth0", "ethernet"), func(i *local.Interface) {
			i.Up, i.State, i.Signal = false, "down", local.CarrierUnknown
		})}},
		"no-address": {interfaces: []local.Interface{loopback(), nic(2, "eth0", "ethernet")}},
		"no-dhcp": {
			interfaces: []local.Interface{loopback(), nic(2, "eth0", "ethernet", "169.254.7.8/16", "fe80::2/64")},
			v4:         wayBy("eth0", "169.254.7.8", ""), // by a default route for such addresses
		},
		"no-prefix": { // from a router that sends itself as one, and no prefix to number from
			interfaces: []local.Interface{loopback(), nic(2, "eth0", "ethernet", "fe80::2/64", "2001:db8::3/64 dadfailed")},
			v6:         wayBy("eth0", "fe80::2", "fe80::1"),
		},
		"two-cables": {interfaces: []local.Interface{loopback(),
			changed(nic(2, "eth0", "ethernet", "10.0.0.2/24"), func(i *local.Interface) { i.Signal = local.CarrierNo }), nic(3, "eth1", "ethernet", "10.0.1.2/24")}},
		"link-local": {interfaces: []local.Interface{loopback(), nic(2, "eth0", "ethernet", "fe80::2/64")}},
		"isolated":   {interfaces: []local.Interface{loopback(), nic(2, "docker0", "bridge", "172.17.0.1/16"), nic(3, "eth0", "ethernet", "192.168.9.3/24")}},
		"unplugged": {interfaces: []local.Interface{loopback(), changed(nic(3, "eth0", "ethernet", "192.168.9.3/24"), func(i *local.Interface) {
			i.Signal, i.State = local.CarrierNo, "lower-layer-down"
		})}},
	}
}

// oddScenes are machines with uncommon ways out to the world.
func oddScenes() map[string]*ownScene {
	return map[string]*ownScene{
		"clat": {
			interfaces: []local.Interface{loopback(), nic(2, "clat4", "tun", "192.0.0.4/32"), nic(3, "wwan0", "ppp", "2001:db8::2/64")},
			v4:         wayBy("clat4", "192.0.0.4", ""), v6: wayBy("wwan0", "2001:db8::2", "fe80::1"),
		},
		"address-on-loopback": {
			interfaces: []local.Interface{changed(loopback(), func(i *local.Interface) {
				i.Addrs = append(i.Addrs, local.Addr{Prefix: netip.MustParsePrefix("192.168.1.2/32"), Scope: "global"})
			}), nic(2, "a0", "ethernet")},
			v4: wayBy("a0", "192.168.1.2", ""),
		},
		"two-ways": {
			interfaces: []local.Interface{loopback(), nic(2, "eth0", "ethernet", "10.0.0.2/24"), nic(3, "eth1", "ethernet", "10.1.0.2/24"), nic(4, "eth2", "ethernet")},
			v4:         severalWays(wayBy("eth0", "10.0.0.2", "10.0.0.1"), "", ""), v6: severalWays(wayBy("eth0", "2001:db8::2", "fe80::1"), "dead", "linkdown"),
		},
	}
}
