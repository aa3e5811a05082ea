package resolve

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Beside finds what DNS alone says of a name, with the search list, for comparison with what another source
// said. It is nil, without an error, for an address, for what cannot be a name, and for special names that
// are not DNS's, as localhost and those of multicast DNS (RFC 6761, RFC 6762). The error is ctx's.
func (s *System) Beside(ctx context.Context, name string, family Family) (*Found, error) {
	_, isAddr := literal(name)
	sp, isSpecial := specialName(name)
	if isAddr || isSpecial && (!sp.asked || sp.elsewhere) || impossible(name) != "" {
		return nil, nil
	}
	r, err := s.askAddrs(ctx, name, family, false)
	if err != nil {
		return nil, err
	}
	return &Found{Name: name, Family: family, Canonical: r.canonical, Addrs: s.rank(r.addrs), Steps: []Step{r.step},
		Verdict: r.verdict, Reason: r.reason}, nil
}

// DisagreementKind is a way in which the hosts file and DNS differ.
type DisagreementKind string

// The kinds of disagreement.
const (
	HostsHidesDNS    DisagreementKind = "hosts-hides-dns"    // the addresses are others
	HostsHidesFamily DisagreementKind = "hosts-hides-family" // DNS has addresses of a family that the hosts file has none of
	HostsOnly        DisagreementKind = "hosts-only"         // DNS knows the name not, or no address of it
)

// Disagreement is a difference between what this machine finds for a name and what DNS says.
type Disagreement struct {
	Kind DisagreementKind
	Text string // in words; may hold text from the network
}

// Disagree compares what Addrs found with what Beside did. It is false where both agree, where the hosts file had
// no part in it, where dns is nil, and where DNS could not say anything.
func Disagree(found, dns *Found) (Disagreement, bool) {
	if found == nil || dns == nil || len(found.Addrs) == 0 || found.Addrs[0].Origin.Source != "files" {
		return Disagreement{}, false
	}
	origin := found.Addrs[0].Origin
	for _, a := range found.Addrs {
		origin.Line = min(origin.Line, a.Origin.Line)
	}
	file := fmt.Sprintf("%s:%d", origin.Path, origin.Line)
	switch dns.Verdict {
	case VerdictNXDomain:
		return Disagreement{HostsOnly, fmt.Sprintf("%s is only in %s: DNS says that it does not exist", found.Name, file)}, true
	case VerdictNoData:
		return Disagreement{HostsOnly, fmt.Sprintf("%s has an address only in %s: DNS knows the name, but %s of it",
			found.Name, file, dns.Family.addresses(0))}, true
	case VerdictAnswer:
	default:
		return Disagreement{}, false
	}
	here, there := plainAddrs(found), plainAddrs(dns)
	var hidden []string
	families := map[bool]bool{}
	for _, a := range here {
		families[a.Is4()] = true
	}
	kind := HostsHidesFamily
	for _, a := range there {
		if !slices.Contains(here, a) {
			hidden = append(hidden, a.String())
			if families[a.Is4()] {
				kind = HostsHidesDNS
			}
		}
	}
	if slices.ContainsFunc(here, func(a netip.Addr) bool { return !slices.Contains(there, a) }) {
		kind = HostsHidesDNS
	}
	switch {
	case len(hidden) > 0:
		return Disagreement{kind, fmt.Sprintf("%s hides what DNS says of %s: %s", file, found.Name, strings.Join(hidden, ", "))}, true
	case kind == HostsHidesDNS:
		return Disagreement{kind, fmt.Sprintf("%s has addresses of %s that DNS has not", file, found.Name)}, true
	}
	return Disagreement{}, false
}

// plainAddrs returns the addresses, IPv4 ones as such.
func plainAddrs(f *Found) []netip.Addr {
	addrs := make([]netip.Addr, len(f.Addrs))
	for i, a := range f.Addrs {
		addrs[i] = a.Addr.Unmap().WithZone("")
	}
	return addrs
}
