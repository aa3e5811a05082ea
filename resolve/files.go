package resolve

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/netdiag/netdiag/hosts"
)

// filesAddrs looks a name up in the hosts file.
func (s *System) filesAddrs(_ context.Context, name string, family Family) (result, error) {
	r := result{step: Step{Source: "files", Status: nssNotFound}}
	for _, m := range s.Hosts.Lookup(s.Dialect, name, hosts.Family(family)) {
		if r.canonical == "" {
			r.canonical = m.Canonical
		}
		r.addrs = append(r.addrs, Address{Addr: m.Addr, Canonical: m.Canonical,
			Origin: Origin{Source: "files", Path: s.Files.Hosts, Line: m.Line}})
	}
	if len(r.addrs) > 0 {
		r.step.Status = nssSuccess
		r.step.Detail = fmt.Sprintf("%s:%d has %s", s.Files.Hosts, r.addrs[0].Origin.Line, family.addresses(len(r.addrs)))
		r.reason = r.step.Detail
		return r, nil
	}
	r.verdict, r.step.Detail = VerdictNXDomain, "not in "+s.Files.Hosts
	if len(s.Hosts.Lookup(s.Dialect, name, hosts.Any)) > 0 {
		r.verdict, r.step.Detail = VerdictNoData, fmt.Sprintf("%s has %s for it", s.Files.Hosts, family.addresses(0))
	}
	r.reason = r.step.Detail
	return r, nil
}

// filesNames looks an address up in the hosts file, of which only the first line that has it counts.
func (s *System) filesNames(_ context.Context, addr netip.Addr) (result, error) {
	r := result{step: Step{Source: "files", Status: nssNotFound, Detail: "not in " + s.Files.Hosts}, verdict: VerdictNXDomain}
	if lines := s.Hosts.Reverse(s.Dialect, addr); len(lines) > 0 {
		r.names, r.canonical = lines[0].Names, lines[0].Canonical
		r.origin = Origin{Path: s.Files.Hosts, Line: lines[0].Line}
		r.step.Status, r.verdict = nssSuccess, VerdictAnswer
		r.step.Detail = fmt.Sprintf("%s:%d has it", s.Files.Hosts, lines[0].Line)
	}
	r.reason = r.step.Detail
	return r, nil
}
