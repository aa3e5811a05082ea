package hosts

import (
	"net/netip"
	"strings"
)

func hostConf(multi bool) string {
	if multi {
		return "multi on\n"
	}
	return "multi off\n"
}

// marks are keys that getent answers without the file, so that they part the answers for others.
var marks = map[string]string{"ahosts": "192.0.2.254", "ahostsv4": "192.0.2.254", "ahostsv6": "2001:db8::254"}

// ahosts returns what getent prints for each name: the addresses, and the canonical name.
func (o *oracle) ahosts(hosts []byte, multi bool, database string, names []string) []found {
	o.t.Helper()
	mark := marks[database]
	command := []string{"getent", "-i", "--", database, mark}
	for _, n := range names {
		command = append(command, n, mark)
	}
	out := o.ask(job{Hosts: hosts, HostConf: hostConf(multi)}, command...)
	var answers []found
	for l := range strings.Lines(out) {
		addr, rest, _ := strings.Cut(l, " ")
		kind, name, _ := strings.Cut(strings.TrimLeft(rest, " "), " ")
		switch {
		case kind != "STREAM":
		case addr == mark:
			answers = append(answers, found{})
		default:
			last := &answers[len(answers)-1]
			last.addrs = append(last.addrs, netip.MustParseAddr(addr))
			if last.canonical == "" {
				last.canonical = strings.TrimSuffix(name, "\n")
			}
		}
	}
	if len(answers) != len(names)+1 {
		o.t.Fatalf("getent %q: %q", command, out)
	}
	return answers[:len(names)]
}

// found is what a resolver returns for a name.
type found struct {
	addrs     []netip.Addr
	canonical string
}

// hosts returns what "getent hosts" prints for names or addresses: lines of an address and names.
func (o *oracle) hosts(hosts []byte, multi bool, keys ...string) [][]string {
	o.t.Helper()
	out := o.ask(job{Hosts: hosts, HostConf: hostConf(multi)}, append([]string{"getent", "-i", "--", "hosts"}, keys...)...)
	var answer [][]string
	for l := range strings.Lines(out) {
		answer = append(answer, strings.Fields(l))
	}
	return answer
}
