package main

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/netdiag/netdiag/resolve"
)

// machine finds names and addresses as other programs on this machine do, and origins in the DNS zones of
// Team Cymru, which answer with what the global routing table has. It is a lookup and a reverse.
type machine struct {
	system func() (systemNames, error)
}

// systemNames is a *resolve.System.
type systemNames interface {
	Addrs(ctx context.Context, name string, family resolve.Family) (*resolve.Found, error)
	Names(ctx context.Context, addr netip.Addr) (*resolve.Found, error)
	Query(ctx context.Context, q resolve.Question) (*resolve.Lookup, error)
}

// newMachine returns this machine. Its configuration is read when the first name is looked up.
func newMachine() *machine {
	return &machine{system: sync.OnceValues(func() (systemNames, error) { return resolve.LoadSystem(resolve.Files{}) })}
}

// Addrs implements lookup.
func (m *machine) Addrs(ctx context.Context, name string, f family) ([]netip.Addr, error) {
	system, err := m.system()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	found, err := system.Addrs(ctx, name, resolve.Family(f))
	if err != nil {
		return nil, fmt.Errorf("%s: looking up the name: %w", name, err)
	}
	if addrs := only(f, found); len(addrs) > 0 {
		return addrs, nil
	}
	if f != anyFamily && found.Verdict <= resolve.VerdictNoData {
		// To say that a name is not known because it lacks one family would be untrue.
		others, err := system.Addrs(ctx, name, resolve.AnyFamily)
		if all := only(anyFamily, others); err == nil && len(all) > 0 {
			return nil, &lookupError{name: name, reason: fmt.Sprintf("the name has no %v address, only %v", f, all[0])}
		}
	}
	return nil, explain(name, found)
}

// only returns those of the addresses found that are of family f, IPv4 as such, each once.
func only(f family, found *resolve.Found) []netip.Addr {
	var kept []netip.Addr
	if found == nil {
		return nil
	}
	for _, a := range found.Addrs {
		if addr := a.Addr.Unmap(); f.has(addr) && !slices.Contains(kept, addr) {
			kept = append(kept, addr)
		}
	}
	return kept
}

// explain returns the error for people about a name that has no address.
func explain(name string, found *resolve.Found) error {
	e := &lookupError{name: name}
	switch found.Verdict {
	case resolve.VerdictAnswer, resolve.VerdictNoData:
		e.reason = "the name has no address"
	case resolve.VerdictNXDomain:
		e.reason = "name not known"
	case resolve.VerdictTimeout:
		e.reason = "the name servers did not answer"
		e.hints = []string{"see which name servers this machine asks, and what each says: netdiag resolve -v " + name}
	default:
		e.reason = "looking up the name: " + found.Reason
		e.hints = []string{"see what each name server says: netdiag resolve -v " + name}
	}
	return e
}

// Name implements reverse.
func (m *machine) Name(ctx context.Context, a netip.Addr) string {
	system, err := m.system()
	if err != nil {
		return ""
	}
	found, err := system.Names(ctx, a)
	if err != nil || len(found.Names) == 0 {
		return ""
	}
	return strings.TrimSuffix(found.Names[0], ".")
}

// Origins implements reverse. An address that is not announced to the world is not asked for.
func (m *machine) Origins(ctx context.Context, a netip.Addr) []uint32 {
	if !announced(a) {
		return nil
	}
	system, err := m.system()
	if err != nil {
		return nil
	}
	q := resolve.Question{Name: originName(a), Type: resolve.TypeTXT}
	found, err := system.Query(ctx, q)
	if err != nil || found.Final == nil || found.Final.Message == nil {
		return nil
	}
	var texts []string
	for _, r := range found.Final.Message.Follow(q).Records {
		texts = append(texts, strings.Trim(r.Value, `"`)) // these texts are short, so each is one string
	}
	return parseOrigins(texts)
}
