package resolve

import (
	"context"
	"net/netip"
)

// Names finds the names of an address as getnameinfo(3) does. The error is ctx's.
func (s *System) Names(ctx context.Context, addr netip.Addr) (*Found, error) {
	f := &Found{Name: addr.String(), Addr: addr}
	if addr.WithZone("") == netip.IPv6Unspecified() {
		f.Verdict, f.Reason = VerdictNXDomain, "the unspecified address has no name"
		return f, nil
	}
	err := s.walk(f, func(from source) (result, error) { return from.names(s, ctx, addr) })
	if err != nil {
		return nil, err
	}
	if len(f.Names) == 0 && f.Verdict != VerdictError {
		if r, ok := specialNames(addr); ok { // where no source is dns
			f.Names, f.Origin, f.Canonical, f.Verdict, f.Reason = r.names, r.nameOrigin(), r.names[0], r.verdict, r.reason
			f.Steps = append(f.Steps, r.step)
		}
	}
	for i, name := range f.Names {
		f.Names[i] = s.hostConf.cut(name)
	}
	f.Canonical = s.hostConf.cut(f.Canonical)
	return f, nil
}
