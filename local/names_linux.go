package local

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// names are the numbers of a table's rows that have a name. For the kernel they are numbers; the names are configuration,
// in files of iproute2's.
type names map[uint32]string

// of returns the name of a number, or the number.
func (n names) of(number uint32) string {
	if name, ok := n[number]; ok {
		return name
	}
	return strconv.FormatUint(uint64(number), 10)
}

// iproute2 are the directories of its names, the system's before the administrator's, which take precedence.
func iproute2() []string {
	return []string{"/usr/lib/iproute2", "/usr/share/iproute2", "/etc/iproute2"}
}

// readNames adds the names that files of the given name have, and those in the directory beside each. What cannot be
// read adds nothing.
func (n names) read(dirs []string, file string) names {
	for _, dir := range dirs {
		// The one error is of a malformed pattern. Those here have no meta characters but the asterisk.
		more, _ := filepath.Glob(filepath.Join(dir, file+".d", "*.conf"))
		for _, f := range append([]string{filepath.Join(dir, file)}, more...) {
			if b, err := os.ReadFile(f); err == nil {
				n.parse(b)
			}
		}
	}
	return n
}

// parse adds the names of a file: a number, decimal or hexadecimal (0x), and its name on each line, comments after #.
func (n names) parse(b []byte) {
	for lines := bufio.NewScanner(bytes.NewReader(b)); lines.Scan(); {
		line, _, _ := strings.Cut(lines.Text(), "#")
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		digits, base := fields[0], 10
		if hex, ok := strings.CutPrefix(digits, "0x"); ok {
			digits, base = hex, 16
		}
		if number, err := strconv.ParseUint(digits, base, 32); err == nil {
			n[uint32(number)] = fields[1]
		}
	}
}

// tableNames returns the names of the routing tables.
func tableNames() names {
	return names{unix.RT_TABLE_DEFAULT: "default", unix.RT_TABLE_MAIN: "main", unix.RT_TABLE_LOCAL: "local"}.
		read(iproute2(), "rt_tables")
}

// protocolNames returns the names of who has made a route.
func protocolNames() names {
	return names{
		unix.RTPROT_UNSPEC: "unspec", unix.RTPROT_REDIRECT: "redirect", unix.RTPROT_KERNEL: "kernel",
		unix.RTPROT_BOOT: "boot", unix.RTPROT_STATIC: "static", unix.RTPROT_GATED: "gated", unix.RTPROT_RA: "ra",
		unix.RTPROT_MRT: "mrt", unix.RTPROT_ZEBRA: "zebra", unix.RTPROT_BIRD: "bird", unix.RTPROT_DNROUTED: "dnrouted",
		unix.RTPROT_XORP: "xorp", unix.RTPROT_NTK: "ntk", unix.RTPROT_DHCP: "dhcp", unix.RTPROT_MROUTED: "mrouted",
		unix.RTPROT_KEEPALIVED: "keepalived", unix.RTPROT_BABEL: "babel", unix.RTPROT_OPENR: "openr", unix.RTPROT_BGP: "bgp",
		unix.RTPROT_ISIS: "isis", unix.RTPROT_OSPF: "ospf", unix.RTPROT_RIP: "rip", unix.RTPROT_EIGRP: "eigrp",
	}.read(iproute2(), "rt_protos")
}

// scopeName returns the name of how far an address or a route is valid.
func scopeName(scope uint8) string {
	return names{
		unix.RT_SCOPE_UNIVERSE: "global", unix.RT_SCOPE_SITE: "site", unix.RT_SCOPE_LINK: "link",
		unix.RT_SCOPE_HOST: "host", unix.RT_SCOPE_NOWHERE: "nowhere",
	}.of(uint32(scope))
}

// kindName returns the name of a route's type.
func kindName(typ uint8) string {
	return names{
		unix.RTN_UNICAST: KindUnicast, unix.RTN_LOCAL: KindLocal, unix.RTN_BROADCAST: KindBroadcast, unix.RTN_ANYCAST: KindAnycast,
		unix.RTN_MULTICAST: KindMulticast, unix.RTN_BLACKHOLE: KindBlackhole, unix.RTN_UNREACHABLE: KindUnreachable,
		unix.RTN_PROHIBIT: KindProhibit, unix.RTN_THROW: KindThrow, unix.RTN_NAT: "nat",
	}.of(uint32(typ))
}

// stateOf returns the name of a neighbour's state, of which the kernel sets one.
func stateOf(state int) string {
	switch state {
	case unix.NUD_NONE:
		return "none"
	case unix.NUD_INCOMPLETE:
		return "incomplete"
	case unix.NUD_REACHABLE:
		return "reachable"
	case unix.NUD_STALE:
		return "stale"
	case unix.NUD_DELAY:
		return "delay"
	case unix.NUD_PROBE:
		return "probe"
	case unix.NUD_FAILED:
		return "failed"
	case unix.NUD_NOARP:
		return "noarp"
	case unix.NUD_PERMANENT:
		return "permanent"
	}
	return strconv.Itoa(state)
}

// protocolName returns the name of a protocol of the Internet as IANA has it, in small letters, of those that rules are
// made for, and otherwise its number.
func protocolName(p uint8) string {
	return names{
		unix.IPPROTO_ICMP: "icmp", unix.IPPROTO_IGMP: "igmp", unix.IPPROTO_IPIP: "ipencap", unix.IPPROTO_TCP: "tcp",
		unix.IPPROTO_UDP: "udp", unix.IPPROTO_DCCP: "dccp", unix.IPPROTO_IPV6: "ipv6", unix.IPPROTO_GRE: "gre",
		unix.IPPROTO_ESP: "esp", unix.IPPROTO_AH: "ah", unix.IPPROTO_ICMPV6: "ipv6-icmp", unix.IPPROTO_SCTP: "sctp",
	}.of(uint32(p))
}
