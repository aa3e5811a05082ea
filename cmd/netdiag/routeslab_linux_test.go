package main

import (
	"encoding/json"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netdiag/netdiag/internal/lab"
)

// furnished gives the test a namespace with two peers, "near" behind eth0 and "far" behind eth1, a bridge before both,
// and routes and rules of every sort, set by ip(8).
func furnished(t *testing.T) *lab.Lab {
	t.Helper()
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip(err)
	}
	l := lab.Test(t, nil)
	ip(t, l, "link add docker0 type bridge", "addr add 172.17.0.1/16 dev docker0", "link set docker0 up")
	for name, end := range map[string]lab.End{
		"eth0": {Addrs: []netip.Prefix{netip.MustParsePrefix("10.0.0.5/24"), netip.MustParsePrefix("2001:db8:5::5/64")}},
		"eth1": {Addrs: []netip.Prefix{netip.MustParsePrefix("10.1.0.5/24")}},
	} {
		end.Name = name
		if _, err := l.Peer("peer-"+name, lab.PeerConfig{Near: end, Far: lab.End{Name: "up"}, MTU: 1400}); err != nil {
			t.Fatal(err)
		}
	}
	ip(t, l,
		"route add default via 10.0.0.1 proto dhcp metric 100", "-6 route add default via 2001:db8:5::1 dev eth0",
		"route add 10.9.0.0/16 nexthop via 10.0.0.1 weight 1 nexthop via 10.1.0.1 weight 5",
		"route add prohibit 192.0.2.0/24", "route add blackhole 198.51.100.0/24", "route add unreachable 203.0.113.9",
		"-6 route add prohibit 2001:db8:6::/48", "-6 route add blackhole 2001:db8:7::/48", "-6 route add unreachable 2001:db8:8::/48",
		"route add 10.3.0.0/16 via 10.1.0.1 src 10.1.0.5 mtu 1300 proto static", "route add default dev eth1 table 100", "route add throw 10.4.0.0/16 table 100",
		"rule add from 10.0.0.5 fwmark 7 lookup 100 pref 100", "rule add uidrange 1000-1001 prohibit pref 50", "-6 rule add fwmark 9 unreachable pref 60",
		"link property add dev eth0 altname to-the-gate", "neigh add 10.0.0.1 lladdr 02:00:00:00:00:01 dev eth0 nud permanent", "-6 neigh add 2001:db8:5::1 lladdr 02:00:00:00:00:02 dev eth0 nud permanent",
	)
	return l
}

// ip runs ip(8) in the namespace for each of the lines.
func ip(t *testing.T, l *lab.Lab, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if out, err := l.Command(t.Context(), "ip", strings.Fields(line)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v\n%s", line, err, out)
		}
	}
}

// ipObjects returns what ip(8) prints as JSON.
func ipObjects(t *testing.T, l *lab.Lab, line string) (all []map[string]any) {
	t.Helper()
	out, err := l.Command(t.Context(), "ip", strings.Fields("-j "+line)...).Output()
	if err != nil {
		t.Fatalf("ip %s: %v", line, err)
	}
	if err := json.Unmarshal(out, &all); err != nil {
		t.Fatalf("ip %s: %v in %s", line, err, out)
	}
	return all
}

// eachUser runs the program as root and as an ordinary user.
func eachUser(t *testing.T, l *lab.Lab, args string, check func(t *testing.T, e ended)) {
	t.Helper()
	for name, user := range map[string]uint32{"root": 0, "nobody": nobody} {
		t.Run(strings.TrimSpace(name+" "+args), func(t *testing.T) {
			t.Helper()
			check(t, netdiag(t, l.Namespace, user, strings.Fields(args)...))
		})
	}
}

// TestRoutesOfALab holds decisions against what ip(8) is told by the same kernel, and those that are errors there.
func TestRoutesOfALab(t *testing.T) {
	t.Parallel()
	l := furnished(t)
	for _, tt := range []struct{ flags, get, dest string }{
		{dest: "9.9.9.9"}, {dest: "10.0.0.9"}, {dest: "10.0.0.5"}, {dest: "10.0.0.255"}, {dest: "10.3.1.1"}, {dest: "172.17.0.9"}, {dest: "127.0.0.1"},
		{dest: "224.0.0.251"}, {dest: "2001:db8:5::9"}, {dest: "2001:db8:9::9"}, {dest: "::1"}, {dest: "10.1.0.9", flags: "-I eth1", get: "oif eth1"},
		{dest: "9.9.9.9", flags: "--from 10.0.0.5 --mark 7", get: "from 10.0.0.5 mark 7"}, {dest: "10.4.1.1", flags: "--from 10.0.0.5 --mark 7", get: "from 10.0.0.5 mark 7"},
		{dest: "9.9.9.9", flags: "--uid 1002", get: "uid 1002"},
	} {
		want := ipObjects(t, l, "route get "+tt.dest+" "+tt.get)[0]
		matched := ipObjects(t, l, "route get fibmatch "+tt.dest+" "+tt.get)[0]
		eachUser(t, l, "routes --json "+tt.flags+" "+tt.dest, func(t *testing.T, e ended) {
			e.exits(t, yes)
			got := jsonLines(t, e.stdout)[1]
			for theirs, ours := range map[string]string{"dev": "interface", "gateway": "gateway", "prefsrc": "source"} {
				if tt.get != "" && theirs == "prefsrc" && want[theirs] == nil {
					continue // a source that was given is not repeated
				}
				if got[ours] != want[theirs] {
					t.Errorf("%s is %v, but ip has %v", ours, got[ours], want[theirs])
				}
			}
			if got["matched"] != wholePrefix(matched["dst"], tt.dest) {
				t.Errorf("matched %v, but ip has %v", got["matched"], matched["dst"])
			}
			if kind, ok := want["type"]; ok && kind != got["kind"] || !ok && got["kind"] != "unicast" {
				t.Errorf("%v, but ip has %v", got["kind"], kind)
			}
		})
	}
	for _, tt := range []struct{ args, kind string }{
		{"192.0.2.7", "prohibit"}, {"198.51.100.1", "blackhole"}, {"203.0.113.9", "unreachable"}, {"--uid 1000 9.9.9.9", "prohibit"},
		{"2001:db8:6::1", "prohibit"}, {"2001:db8:7::1", "blackhole"}, {"2001:db8:8::1", "unreachable"}, {"--mark 9 2001:db8:9::9", "unreachable"},
	} {
		eachUser(t, l, "routes --json "+tt.args, func(t *testing.T, e ended) {
			e.exits(t, no)
			if d := jsonLines(t, e.stdout)[1]; d["kind"] != tt.kind || d["interface"] != nil || d["mtu"] != nil {
				t.Errorf("%v, want %s", d, tt.kind)
			}
		})
	}
}

// TestRouteSentencesOfALab has decisions as people read them, and questions that are refused.
func TestRouteSentencesOfALab(t *testing.T) {
	t.Parallel()
	l := furnished(t)
	eachUser(t, l, "routes --json 10.9.1.1", func(t *testing.T, e ended) {
		e.exits(t, yes)
		if d := jsonLines(t, e.stdout)[1]; len(d["hops"].([]any)) != 2 || d["gateway"] == nil {
			t.Errorf("%v, want two ways", d)
		}
	})
	for args, want := range map[string]string{
		"routes 9.9.9.9": "9.9.9.9 goes by eth0 through the gateway 10.0.0.1, from 10.0.0.5\n    matched    0.0.0.0/0 (default), table main, by rule 32766\n" +
			"    interface  veth, up\n    MTU        1400\n    neighbour  10.0.0.1 is 02:00:00:00:00:01, permanent\n",
		"routes 10.3.1.1":                 "10.3.1.1 goes by eth1 through the gateway 10.1.0.1, from 10.1.0.5\n",
		"routes --from 10.0.0.5 ::1":      "",
		"routes --from 127.0.0.1 9.9.9.9": "",
		"routes --from ::1 2001:db8:9::9": "",
		"routes --from 0.0.0.0 9.9.9.9":   "",
		"routes -I docker0 9.9.9.9":       "9.9.9.9 goes by docker0, on the link, from 172.17.0.1\n    matched    no route: the kernel takes it to be on the link of docker0\n",
		"routes -I to-the-gate 9.9.9.9":   "9.9.9.9 goes by eth0 through the gateway 10.0.0.1, from 10.0.0.5\n",
		"interfaces to-the-gate":          "eth0: veth, up, default\n",
		"routes --from 10.0.0.6 9.9.9.9":  "",
	} {
		eachUser(t, l, args, func(t *testing.T, e ended) {
			if !strings.HasPrefix(e.stdout, want) || strings.Contains(e.stderr, "local: ") || want == "" && (e.stdout != "" || e.stderr == "") {
				t.Errorf("%s%s\nwant %s", e.stdout, e.stderr, want)
			}
		})
	}
}

// wholePrefix returns a destination of ip(8)'s with the length of its prefix.
func wholePrefix(dst any, of string) any {
	text, ok := dst.(string)
	addr := netip.MustParseAddr(of)
	switch {
	case !ok:
		return nil
	case text == "default":
		return netip.PrefixFrom(addr, 0).Masked().String()
	case !strings.Contains(text, "/"):
		return netip.PrefixFrom(netip.MustParseAddr(text), addr.BitLen()).String()
	}
	return text
}

// TestRouteTablesOfALab holds the tables against what ip(8) lists.
func TestRouteTablesOfALab(t *testing.T) {
	t.Parallel()
	l := furnished(t)
	lineOf := func(family string, o map[string]any) string {
		return strings.Join([]string{family, textOf(o["dst"]), textOf(o["gateway"]), textOf(o["dev"]), textOf(o["prefsrc"]), textOf(o["type"]), textOf(o["protocol"])}, " ")
	}
	for _, list := range []struct{ args, show string }{{"", ""}, {"-v ", " show table all"}} {
		var want []string
		for family, anything := range map[string]string{"-4": "0.0.0.0", "-6": "::"} {
			for _, o := range ipObjects(t, l, family+" route"+list.show) {
				o["dst"] = wholePrefix(o["dst"], anything)
				if o["type"] == nil {
					o["type"] = "unicast"
				}
				if o["protocol"] == nil {
					o["protocol"] = "boot"
				}
				switch o["type"] {
				case "prohibit", "blackhole", "unreachable", "throw":
					delete(o, "dev") // IPv6 has them on the loopback
				}
				want = append(want, lineOf(family, o))
			}
		}
		slices.Sort(want)
		eachUser(t, l, "routes --json "+list.args, func(t *testing.T, e ended) {
			e.exits(t, yes)
			var got []string
			for _, o := range jsonLines(t, e.stdout) {
				if o["type"] == "route" {
					switch o["kind"] {
					case "prohibit", "blackhole", "unreachable", "throw":
						delete(o, "interface")
					}
					family := map[any]string{4.0: "-4", 6.0: "-6"}[o["family"]]
					got = append(got, lineOf(family, map[string]any{
						"dst": o["dst"], "gateway": o["gateway"], "dev": o["interface"], "prefsrc": o["source"], "type": o["kind"], "protocol": o["protocol"]}))
				}
			}
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-ip +netdiag:\n%s", diff)
			}
		})
	}
}

// TestRouteTextOfALab has the tables as people read them.
func TestRouteTextOfALab(t *testing.T) {
	t.Parallel()
	l := furnished(t)
	eachUser(t, l, "routes -4", func(t *testing.T, e ended) {
		e.exits(t, yes)
		for _, want := range []string{
			"\ndefault 10.0.0.1 UGS eth0 100\n", "\n10.9.0.0/16 10.0.0.1 UGPS eth0 0\n10.9.0.0/16 10.1.0.1 UGPS eth1 0\n", "\n192.0.2.0/24 prohibit US! - 0\n",
		} {
			if !strings.Contains(squeezed(e.stdout), want) {
				t.Errorf("%s\nwant %q in it", e.stdout, want)
			}
		}
	})
	eachUser(t, l, "routes -v", func(t *testing.T, e ended) {
		for _, want := range []string{
			"\n50 from all uidrange 1000-1001 prohibit\n", "\n100 from 10.0.0.5 fwmark 0x7 lookup 100\n", "\nInternet, table 100:\n", "\nInternet6, table main (254):\n",
			"\n10.3.0.0/16 10.1.0.1 UGS eth1 0 static global 10.1.0.5 1300 -\n",
		} {
			if !strings.Contains(squeezed(e.stdout), want) {
				t.Errorf("%s\nwant %q in it", e.stdout, want)
			}
		}
	})
}

// textOf returns a value of JSON in text, nothing for null.
func textOf(v any) string {
	s, _ := v.(string)
	return s
}

// squeezed returns lines with one space for several.
func squeezed(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.Join(strings.Fields(line), " ") + "\n")
	}
	return b.String()
}

// TestInterfacesOfALab holds the interfaces against what ip(8) lists.
func TestInterfacesOfALab(t *testing.T) {
	t.Parallel()
	l := furnished(t)
	links := ipObjects(t, l, "addr")
	eachUser(t, l, "interfaces --json", func(t *testing.T, e ended) {
		e.exits(t, yes)
		lines := jsonLines(t, e.stdout)
		last := lines[len(lines)-1]
		if last["private_addr"] != "10.0.0.5" || last["default_interface"] != "eth0" || last["gateway"] != "10.0.0.1" || last["world_addr6"] != "2001:db8:5::5" {
			t.Errorf("%v", last)
		}
		own := lines[1 : len(lines)-1]
		if len(own) != len(links) {
			t.Fatalf("%d interfaces, but ip has %d", len(own), len(links))
		}
		for i, theirs := range links {
			ours := own[i]
			if ours["name"] != theirs["ifname"] || ours["mtu"] != theirs["mtu"] || ours["index"] != theirs["ifindex"] || ours["default"] != (ours["name"] == "eth0") {
				t.Errorf("%v, but ip has %v", ours, theirs)
			}
			if mac := textOf(theirs["address"]); theirs["link_type"] == "ether" && ours["mac"] != mac {
				t.Errorf("%v, but ip has %s", ours, mac)
			}
			var want, got []string
			for _, a := range theirs["addr_info"].([]any) {
				a := a.(map[string]any)
				want = append(want, textOf(a["local"])+" "+textOf(a["scope"]))
			}
			for _, a := range ours["addrs"].([]any) {
				a := a.(map[string]any)
				got = append(got, textOf(a["addr"])+" "+textOf(a["scope"]))
			}
			slices.Sort(want)
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%v: -ip +netdiag:\n%s", ours["name"], diff)
			}
		}
	})
	eachUser(t, l, "interfaces", func(t *testing.T, e ended) {
		want := "This machine's private address is 10.0.0.5 (eth0), by which the world is reached.\nOver IPv6 it is 2001:db8:5::5 (eth0).\n"
		if !strings.HasPrefix(e.stdout, want) || !strings.Contains(e.stdout, "\neth0: veth, up, default\n") {
			t.Errorf("%s%s", e.stdout, e.stderr)
		}
	})
	eachUser(t, l, "interfaces eth2", func(t *testing.T, e ended) {
		e.exits(t, unable)
		if e.stdout != "" || !strings.Contains(e.stderr, "no interface eth2, did you mean eth") {
			t.Errorf("%s%s", e.stdout, e.stderr)
		}
	})
	ip(t, l, "addr flush dev eth0", "addr flush dev eth1", "addr flush dev docker0", "addr add 169.254.7.8/16 dev eth0")
	eachUser(t, l, "interfaces -4", func(t *testing.T, e ended) {
		e.exits(t, yes)
		if !strings.HasPrefix(e.stdout, "No DHCP server answered: 169.254.7.8 (eth0)") {
			t.Errorf("%s%s", e.stdout, e.stderr)
		}
	})
}
