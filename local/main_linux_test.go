package local

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/netdiag/netdiag/internal/lab"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// helperEnv makes the test binary a process that prints a snapshot, with decisions about its arguments. With "own" it
// has a socket itself.
const helperEnv = "LOCAL_TEST_HELPER"

// nobody is an ordinary user and group.
const nobody = 65534

func TestMain(m *testing.M) {
	if mode := os.Getenv(helperEnv); mode != "" {
		if err := helper(mode); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(lab.Main(m))
}

// helper is what a helper process does.
func helper(mode string) error {
	if mode == "own" {
		listener, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return err
		}
		defer listener.Close()
	}
	s, err := take(os.Args[1:])
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(s)
}

// needOthers skips where this process cannot start others as an ordinary user.
func needOthers(t *testing.T) {
	t.Helper()
	if os.Getuid() == 0 && allUsers(t) {
		return
	}
	const reason = "starting processes as an ordinary user needs root"
	if os.Getenv("NETDIAG_LAB") == "require" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

// allUsers reports whether this process is in no user namespace that has but some.
func allUsers(t testing.TB) bool {
	t.Helper()
	users, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		t.Fatal(err)
	}
	return strings.HasSuffix(strings.TrimSpace(string(users)), "4294967295")
}

// snapshot is everything that the package tells, as far as it stays the same from one moment to the next.
type snapshot struct {
	Interfaces []Interface
	Routes     []Route
	Rules      []Rule
	Neighbours []Neighbour
	Decisions  []Decision
	World      [2]Way
	TCP, UDP   []Socket
	First      int
}

// take takes a snapshot, with decisions about packets to dsts.
func take(dsts []string) (s snapshot, err error) {
	if s.Interfaces, err = Interfaces(); err != nil {
		return s, err
	}
	for i := range s.Interfaces {
		s.Interfaces[i].Counters = nil
	}
	if s.Routes, err = Routes(true); err != nil {
		return s, err
	}
	if s.Rules, err = Rules(); err != nil {
		return s, err
	}
	if s.Neighbours, err = Neighbours(); err != nil {
		return s, err
	}
	// The kernel talks to groups of its own accord.
	s.Neighbours = slices.DeleteFunc(s.Neighbours, func(n Neighbour) bool { return n.Addr.IsMulticast() })
	for _, dst := range dsts {
		d, err := Decide(netip.MustParseAddr(dst), Ask{})
		if err != nil {
			return s, err
		}
		s.Decisions = append(s.Decisions, d)
	}
	if s.World[0], s.World[1], err = World(); err != nil {
		return s, err
	}
	if s.TCP, err = Sockets(false, 0); err != nil {
		return s, err
	}
	s.First = FirstUnprivileged()
	s.UDP, err = Sockets(true, 0)
	return s, err
}

// ip configures the namespace that the test is in, a command on each line; those that begin with -6 come last.
func ip(t testing.TB, commands string) {
	t.Helper()
	lines := map[string][]string{}
	if !allUsers(t) {
		// A user namespace has no user but 0. A rule for another is left out, one for some is for that.
		commands = regexp.MustCompile(`(?m)^.*uidrange 1000-1000.*\n`).ReplaceAllString(commands, "")
		commands = regexp.MustCompile(`uidrange [0-9]+-[0-9]+`).ReplaceAllString(commands, "uidrange 0-0")
	}
	for line := range strings.Lines(commands) {
		family := "-N"
		if rest, ok := strings.CutPrefix(line, "-6 "); ok {
			family, line = "-6", rest
		}
		lines[family] = append(lines[family], line)
	}
	for _, family := range []string{"-N", "-6"} { // -N does nothing here: addresses may be of any family
		if len(lines[family]) == 0 {
			continue
		}
		cmd := exec.CommandContext(t.Context(), "ip", family, "-batch", "-")
		cmd.Stdin = strings.NewReader(strings.Join(lines[family], ""))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v\n%s", family, err, out)
		}
	}
}

// ask returns what ip says, and its complaint if it fails.
func ask(t testing.TB, args ...string) (out, complaint string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ip", args...)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		complaint = strings.TrimSpace(stderr.String())
		if complaint == "" {
			t.Fatalf("ip %q: %v", args, err)
		}
	}
	return stdout.String(), complaint
}

// told decodes what ip says in JSON.
func told[T any](t testing.TB, args ...string) (v []T) {
	t.Helper()
	out, complaint := ask(t, args...)
	if complaint != "" {
		t.Fatalf("ip %q: %s", args, complaint)
	}
	if out == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		t.Fatalf("ip %q: %v in %s", args, err, out)
	}
	return v
}

// set returns the elements of a list.
func set(list []string) map[string]bool {
	all := make(map[string]bool)
	for _, s := range list {
		all[s] = true
	}
	return all
}

// settle waits for what the kernel does a moment after it was told to: the links are up, the IPv6 addresses local.
func settle(t testing.TB, up []string, local ...string) {
	t.Helper()
	links, routes := set(up), set(local)
	await(t, links, func(events chan netlink.LinkUpdate, done chan struct{}) error {
		return netlink.LinkSubscribeWithOptions(events, done, netlink.LinkSubscribeOptions{ListExisting: true})
	}, func(e netlink.LinkUpdate) {
		if e.Attrs().OperState == netlink.OperUp {
			delete(links, e.Attrs().Name)
		}
	})
	await(t, routes, func(events chan netlink.RouteUpdate, done chan struct{}) error {
		return netlink.RouteSubscribeWithOptions(events, done, netlink.RouteSubscribeOptions{ListExisting: true})
	}, func(e netlink.RouteUpdate) {
		if e.Type == unix.RTM_NEWROUTE && e.Table == unix.RT_TABLE_LOCAL {
			delete(routes, e.Dst.IP.String())
		}
	})
}

// await takes events until nothing is waited for.
func await[E any](t testing.TB, waiting map[string]bool, subscribe func(chan E, chan struct{}) error, take func(E)) {
	t.Helper()
	events, done := make(chan E), make(chan struct{})
	if err := subscribe(events, done); err != nil {
		t.Fatal(err)
	}
	for len(waiting) > 0 {
		select {
		case e, ok := <-events:
			if !ok {
				t.Fatalf("the kernel's events ended before %v", waiting)
			}
			take(e)
		case <-t.Context().Done():
			t.Fatalf("the test ended before %v", waiting)
		}
	}
	close(done)
	for range events { // the sender ends when nothing is left to take
	}
}

// quiet are sysctls of a namespace in which the kernel itself says nothing.
func quiet() map[string]string {
	return map[string]string{"net.ipv6.conf.default.addr_gen_mode": "1", "net.ipv6.conf.all.addr_gen_mode": "1"}
}

// furniture is what the tests ask about.
const furniture = `link add v0 type veth peer name v1
link add br0 type bridge
link set v1 master br0
link add mv0 link v0 type macvlan mode bridge
link add vx0 type vxlan id 7 dstport 4789 dev v0
link property add dev v0 altname v0-by-another-name altname v0alt
link set v0 up mtu 1400
link set v1 up
link set br0 up
link set mv0 up
addr add 10.1.0.1/24 brd + dev v0
addr add 10.1.0.2/24 dev v0 label v0:x
addr add 10.1.1.1 peer 10.1.1.2/30 dev v0 noprefixroute
addr add 10.1.2.1/24 dev mv0 scope link valid_lft 1000000 preferred_lft 0
-6 addr add 2001:db8::1/64 dev v0 nodad
-6 addr add 2001:db8::2/64 dev v0 nodad valid_lft 1000000 preferred_lft 0
-6 addr add 2001:db8:1::1 peer 2001:db8:1::2/128 dev v0 nodad
-6 addr add 2001:db8:2::1/64 dev v0 nodad valid_lft 1000000 preferred_lft 900000 mngtmpaddr
-6 addr add fe80::1/64 dev v0 nodad
addr add 10.1.3.1/24 dev br0
route add 10.2.0.0/16 via 10.1.0.9
route add 10.2.1.0/24 via inet6 fe80::9 dev v0 metric 20 mtu 1300 src 10.1.0.2 proto bird
route add 10.2.2.0/24 nexthop via 10.1.0.8 weight 3 nexthop dev v0 onlink via 192.0.2.1
route add 10.3.0.0/24 dev v0 scope link table 100
route add prohibit 10.4.0.0/24
route add blackhole 10.4.1.0/24 metric 7
route add unreachable 10.4.2.0/24 table 100
route add throw 10.4.3.0/24 table 100
route add default via 10.1.0.9 table 1000
route add local 10.5.0.0/16 dev lo
route add default via 10.1.0.3 metric 100 proto dhcp
-6 route add 2001:db8:9::/48 via 2001:db8::9 metric 5 mtu 1350 src 2001:db8::1
-6 route add 2001:db8:9:1::/64 nexthop via 2001:db8::8 weight 2 nexthop via fe80::9 dev v0
-6 route add default from 2001:db8::/48 via fe80::9 dev v0
-6 route add prohibit 2001:db8:a::/48
-6 route add blackhole 2001:db8:b::/48
-6 route add unreachable 2001:db8:c::/48 table 100
-6 route add throw 2001:db8:d::/48 table 100
-6 route add 2001:db8:e::/48 dev br0 table 5000
rule add pref 100 fwmark 0x5/0xff lookup 1000
rule add pref 101 not from 10.0.0.0/8 to 10.99.0.0/16 lookup 100
rule add pref 102 iif lo oif v0 uidrange 0-99 ipproto tcp sport 5 dport 22-23 lookup 1000
rule add pref 103 to 10.78.0.0/16 unreachable
rule add pref 104 to 10.79.0.0/16 blackhole
rule add pref 105 to 10.77.0.0/16 prohibit
rule add pref 106 iif nosuch tos 0x10 lookup main suppress_prefixlength 0
rule add pref 107 to 10.76.0.0/16 goto 32766
rule add pref 108 to 10.75.0.0/16 nop
rule add pref 109 uidrange 1000-1000 lookup 1000
rule add pref 110 lookup 100
rule add pref 111 to 10.74.0.0/16 lookup main suppress_ifgroup 4 realms 3/4
-6 rule add pref 100 fwmark 7 lookup 5000
-6 rule add pref 101 to 2001:db8:78::/48 prohibit
-6 rule add pref 102 ipproto icmp lookup 100
-6 rule add pref 103 lookup 100
neigh add 10.1.0.9 lladdr 02:00:00:00:00:09 dev v0 nud permanent
neigh add 10.1.0.8 lladdr 02:00:00:00:00:08 dev v0 nud noarp
neigh add fe80::9 lladdr 02:00:00:00:00:19 dev v0 nud permanent router`

// furnished gives the test a namespace with the furniture.
func furnished(t *testing.T) *lab.Lab {
	t.Helper()
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("needs ip of iproute2")
	}
	l := lab.TestConfig(t, lab.Config{Sysctls: quiet()})
	ip(t, furniture)
	settle(t, []string{"v0", "v1", "br0", "mv0"}, "2001:db8::1", "2001:db8::2", "2001:db8:1::1", "2001:db8:2::1", "fe80::1")
	// Kinds that kernels may be without, or may keep to root.
	for _, more := range []string{
		"tuntap add dev tun7 mode tun", "tuntap add dev tap7 mode tap",
		"link add d0 type dummy", "link add link v0 name v0.7 type vlan id 7", "link add vrf7 type vrf table 77",
		"link add bond7 type bond", "link add wg7 type wireguard", "link add ifb7 type ifb",
		"link add ipip7 type ipip local 10.1.0.1 remote 10.1.0.9",
	} {
		if _, complaint := ask(t, strings.Fields(more)...); complaint != "" {
			t.Logf("ip %s: %s", more, complaint)
		}
	}
	if _, err := l.Peer("peer", lab.PeerConfig{}); err != nil {
		t.Fatal(err)
	}
	return l
}
