package resolve

import (
	"context"
	"net"
	"net/netip"
	"os"
	"strings"
)

// machine is what nss-myhostname(8) goes by.
type machine struct {
	hostname func() (string, error)
	addrs    func() []netip.Addr // of the interfaces that are up, but for loopback
}

// thisMachine asks the system.
func thisMachine() machine { return machine{hostname: os.Hostname, addrs: ownAddresses} }

// ownAddresses returns the addresses of this machine's interfaces that are up, without those of loopback.
func ownAddresses() []netip.Addr {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil
	}
	var found []netip.Addr
	for _, i := range interfaces {
		if i.Flags&net.FlagUp == 0 || i.Flags&net.FlagLoopback != 0 {
			continue
		}
		addrs, err := i.Addrs()
		if err != nil {
			continue
		}
		for _, a := range addrs {
			p, err := netip.ParsePrefix(a.String())
			if err != nil {
				continue
			}
			addr := p.Addr()
			if addr.IsLinkLocalUnicast() && addr.Is6() {
				addr = addr.WithZone(i.Name)
			}
			found = append(found, addr)
		}
	}
	return found
}

// What the machine itself is called where it has no address: 127.0.0.2 and ::1, as nss-myhostname(8) has it.
func ownLoopbacks() []netip.Addr {
	return []netip.Addr{netip.IPv6Loopback(), netip.AddrFrom4([4]byte{127, 0, 0, 2})}
}

// ownAddrs answers for the names of this machine, as nss-myhostname(8) does.
func (s *System) ownAddrs(_ context.Context, name string, family Family) (result, error) {
	r := result{step: Step{Source: "myhostname", Status: nssNotFound}, verdict: VerdictNXDomain}
	bare := strings.ToLower(strings.TrimSuffix(name, "."))
	hostname, _ := s.self().hostname()
	var addrs []netip.Addr
	switch {
	case bare == "localhost" || bare == "localhost.localdomain" ||
		strings.HasSuffix(bare, ".localhost") || strings.HasSuffix(bare, ".localhost.localdomain"):
		r.canonical, addrs = "localhost", loopbacks()
		r.reason = "a name of this machine's loopback"
	case bare == "_gateway" || bare == "_outbound":
		r.step.Status, r.verdict = skipped, VerdictError
		r.step.Detail = "not asked: " + bare + " is the default router or the address towards it, which nss-myhostname takes from the table of routes"
		r.reason = r.step.Detail
		return r, nil
	case hostname != "" && bare == strings.ToLower(strings.TrimSuffix(hostname, ".")):
		r.canonical, addrs = hostname, s.self().addrs()
		r.reason = "this machine's own name, with the addresses of its interfaces"
		if len(addrs) == 0 {
			addrs = ownLoopbacks()
			r.reason = "this machine's own name; no interface has an address"
		}
	default:
		r.reason = "not a name of this machine"
	}
	for _, addr := range addrs {
		if family.has(addr) {
			r.addrs = append(r.addrs, Address{Addr: addr, Canonical: r.canonical, Origin: Origin{Source: "myhostname"}})
		}
	}
	if len(r.addrs) > 0 {
		r.step.Status, r.verdict = nssSuccess, VerdictAnswer
	} else if len(addrs) > 0 {
		r.verdict = VerdictNoData
		r.reason += ", none of them of the family"
	}
	r.step.Detail = r.reason
	return r, nil
}

// ownNames answers for the addresses of this machine, as nss-myhostname(8) does.
func (s *System) ownNames(_ context.Context, addr netip.Addr) (result, error) {
	r := result{step: Step{Source: "myhostname", Status: nssNotFound}, verdict: VerdictNXDomain,
		reason: "not an address of this machine"}
	hostname, _ := s.self().hostname()
	found := func(reason string, names ...string) {
		r.names, r.canonical, r.reason = names, names[0], reason
		r.step.Status, r.verdict = nssSuccess, VerdictAnswer
	}
	switch addr = addr.Unmap(); {
	case addr == loopbacks()[0] || addr == loopbacks()[1]:
		found("the loopback address", "localhost")
	case hostname == "":
	case addr == ownLoopbacks()[1]:
		found("the address of this machine's own name where no interface has one", hostname)
	default:
		for _, own := range s.self().addrs() {
			if own.WithZone("") == addr.WithZone("") {
				found("the address of an interface of this machine", hostname)
				break
			}
		}
	}
	r.step.Detail = r.reason
	return r, nil
}
