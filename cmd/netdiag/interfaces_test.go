package main

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/netdiag/netdiag/local"
)

// TestInterfacesText holds what is shown of every scene against a golden file, of some with -v, too.
func TestInterfacesText(t *testing.T) {
	t.Parallel()
	for name, scene := range ownScenes() {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, _ := scene.showInterfaces(t)
			checkGolden(t, "local/interfaces-"+name+".txt", stdout+stderr)
			if slices.Contains([]string{"laptop", "harm", "bare"}, name) {
				stdout, stderr, _ = scene.showInterfaces(t, "-v")
				checkGolden(t, "local/interfaces-"+name+"-verbose.txt", stdout+stderr)
			}
		})
	}
}

// TestInterfacesJSON does the same with JSON, and holds it against the contract.
func TestInterfacesJSON(t *testing.T) {
	t.Parallel()
	for name, scene := range ownScenes() {
		t.Run(name, func(t *testing.T) {
			_, _, want := scene.showInterfaces(t)
			stdout, _, st := scene.showInterfaces(t, "--json")
			checkGolden(t, "local/interfaces-"+name+".json", timeless(t, stdout))
			lines := jsonLines(t, stdout)
			first, last := lines[0], lines[len(lines)-1]
			if st != want || first["type"] != "start" || first["schema"] != "netdiag.interfaces/1" || last["type"] != "summary" {
				t.Errorf("status %d, want %d:\n%s", st, want, stdout)
			}
			holds(t, last, "private_addr", "default_interface", "time")
			for _, o := range lines[1 : len(lines)-1] {
				if o["type"] != "interface" {
					t.Errorf("type %v", o["type"])
				}
				holds(t, o, "name", "kind", "up", "carrier", "mac", "mtu", "default", "addrs", "rx_bytes", "tx_bytes", "rx_errors", "tx_errors")
				for _, a := range o["addrs"].([]any) {
					holds(t, a.(map[string]any), "addr", "prefix_len", "scope", "flags")
				}
			}
		})
	}
}

// holds fails for fields that a line does not have, and for any that has "" or a number 0 where there is no value.
func holds(t *testing.T, line map[string]any, fields ...string) {
	t.Helper()
	for _, f := range fields {
		if _, ok := line[f]; !ok {
			t.Errorf("%v has no %s", line, f)
		}
	}
	for _, f := range slices.Sorted(maps.Keys(line)) {
		if line[f] == "" || line[f] == 0.0 && (f == "mtu" || f == "table_id") {
			t.Errorf("%s is %v in %v", f, line[f], line)
		}
	}
}

// TestInterfacesHead has what the first lines say with a family alone.
func TestInterfacesHead(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ scene, family, want string }{
		{"laptop", "-4", "This machine's private address is 192.168.0.18 (wlan0), by which the world is reached.\nIts other private addresses are 10.8.0.2 (tun0), 172.17.0.1 (docker0, bridge).\n\n"},
		{"laptop", "-6", "This machine's IPv6 address is 2001:db8::18 (wlan0), by which the world is reached.\n\n"},
		{"container", "-6", "This machine has no IPv6 address but the loopback's, and there is no way out to the world over IPv6.\n\n"},
		{"ipv6-only", "-4", "This machine has no IPv4 address but the loopback's, and there is no way out to the world over IPv4.\n\n"},
		{"ipv6-and-no-dhcp", "-4", "No DHCP server answered: 169.254.7.8 (eth0) is an address that this machine gave itself, and there is no way out to the world over IPv4.\n\n"},
	} {
		stdout, _, st := ownScenes()[tt.scene].showInterfaces(t, tt.family)
		if !strings.HasPrefix(stdout, tt.want) || st != yes {
			t.Errorf("%s %s: status %d,\n%s", tt.scene, tt.family, st, stdout)
		}
		other := map[string]string{"-4": ipv6.String(), "-6": ipv4.String()}[tt.family]
		if strings.Contains(stdout, "  "+other) {
			t.Errorf("%s %s shows the other family:\n%s", tt.scene, tt.family, stdout)
		}
	}
}

func TestInterfacesByName(t *testing.T) {
	t.Parallel()
	stdout, stderr, st := laptop().showInterfaces(t, "tun0", "lo", "tun0")
	if !strings.HasPrefix(stdout, "tun0: tun, up\n") || strings.Count(stdout, "tun0: ") != 1 || !strings.Contains(stdout, "\n\nlo: loopback, up\n") || stderr != "" || st != yes {
		t.Errorf("status %d\n%s%s", st, stdout, stderr)
	}
	for _, name := range []string{"c1", "5", "to-a-container"} {
		stdout, stderr, st := laptop().showInterfaces(t, name, "veth1@x", "5")
		if !strings.HasPrefix(stdout, "veth1@x: veth, up\n") || strings.Count(stdout, "veth1@x: ") != 1 || stderr != "" || st != yes {
			t.Errorf("%s: status %d\n%s%s", name, st, stdout, stderr)
		}
	}
	for name, want := range map[string]string{
		"wlan1":     "netdiag: no interface wlan1, did you mean wlan0?\n",
		"nosuch":    "netdiag: no interface nosuch\nnetdiag: hint: there are lo, eth0, docker0, wlan0, veth1@x, tun0, wlan0.7\n",
		"wlan0.7:1": "netdiag: no interface wlan0.7:1: it is the label of an address of wlan0.7\nnetdiag: hint: netdiag interfaces wlan0.7\n",
		"192.0.2.1": "netdiag: no interface 192.0.2.1\nnetdiag: hint: for the way to an address: netdiag routes 192.0.2.1\n",
		"a\x1b[2Jb": "netdiag: no interface a\\x1b[2Jb\nnetdiag: hint: there are lo, eth0, docker0, wlan0, veth1@x, tun0, wlan0.7\n",
	} {
		stdout, stderr, st := laptop().showInterfaces(t, "lo", name)
		if !strings.HasPrefix(stdout, "lo: ") || stderr != want || st != unable {
			t.Errorf("%q: status %d\n%s%s", name, st, stdout, stderr)
		}
		stdout, _, st = laptop().showInterfaces(t, "--json", name)
		last := jsonLines(t, stdout)[1]
		if last["type"] != "summary" || last["error"] == nil || last["private_addr"] != "192.168.0.18" || st != unable {
			t.Errorf("%q: status %d\n%s", name, st, stdout)
		}
	}
	if stdout, stderr, st := laptop().showInterfaces(t, ""); st != unable || stdout != "" || !strings.Contains(stderr, "an empty name") {
		t.Errorf("an empty name: status %d\n%s%s", st, stdout, stderr)
	}
}

func TestInterfacesColor(t *testing.T) {
	t.Parallel()
	stdout, _, _ := laptop().showInterfaces(t, "--color=always", "eth0", "wlan0")
	checkGolden(t, "local/interfaces-color.txt", stdout)
}

// TestReason has why there is no way out to the world.
func TestReason(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ v4, v6, want string }{
		{"", "", "no route leads there"},
		{local.KindProhibit, local.KindProhibit, "a route or a policy rule prohibits it"},
		{local.KindBlackhole, local.KindNone, "over IPv4 what is sent there vanishes in a blackhole, over IPv6 no route leads there"},
		{local.KindUnicast, local.KindUnreachable, "over IPv4 a route leads there, but there is no address for it to send from, over IPv6 a route or a policy rule says that it is unreachable"},
	} {
		if got := newOwnSide(nil, local.Way{Kind: tt.v4}, local.Way{Kind: tt.v6}, anyFamily).reason(); got != tt.want {
			t.Errorf("%s, %s: %s", tt.v4, tt.v6, got)
		}
	}
	if got := newOwnSide(nil, local.Way{Kind: local.KindProhibit}, local.Way{}, ipv6).reason(); got != "no route leads there" {
		t.Errorf("over IPv6: %s", got)
	}
}

// TestPrivateAddr has the private address that is told to programs, which is not always the first.
func TestPrivateAddr(t *testing.T) {
	t.Parallel()
	scenes := ownScenes()
	for name, want := range map[string]string{
		"laptop": "192.168.0.18", "vpn": "10.8.0.2", "server": "10.0.0.7", "public-docker": "", "container": "172.17.0.5", "nothing": "",
		"no-dhcp": "", "isolated": "192.168.9.3", "unplugged": "192.168.9.3", "ipv6-only": "", "cgnat": "", "two-cables": "10.0.1.2", "many": "10.0.0.2",
		"clat": "", "address-on-loopback": "192.168.1.2", "numberless": "", "two-ways": "10.0.0.2",
	} {
		s := scenes[name]
		if got := addrText(newOwnSide(s.interfaces, s.v4, s.v6, anyFamily).privateAddr(ipv4)); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	s := scenes["ipv6-and-no-dhcp"]
	if got := newOwnSide(s.interfaces, s.v4, s.v6, anyFamily).privateAddr(ipv6); addrText(got) != "fd00::2" {
		t.Errorf("over IPv6: %v", got)
	}
}

func TestInBytes(t *testing.T) {
	t.Parallel()
	for n, want := range map[uint64]string{
		0: "0 B", 999: "999 B", 1000: "1.0 kB", 999949: "999.9 kB", 999950: "1.0 MB", 1234567890: "1.2 GB", 1<<64 - 1: "18.4 EB",
	} {
		if got := inBytes(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

// TestChosenKeepsTheList has a command that must not change what the kernel said.
func TestChosenKeepsTheList(t *testing.T) {
	t.Parallel()
	all := laptop().interfaces
	if _, err := chosen(all, []string{"wlan9"}); err == nil || !slices.EqualFunc(all, laptop().interfaces, func(a, b local.Interface) bool { return a.Name == b.Name }) {
		t.Errorf("%v, and the interfaces are in another order", err)
	}
}
