package main

import (
	"context"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"

	"github.com/netdiag/netdiag/hosts"
	"github.com/netdiag/netdiag/resolve"
)

// lintConfig is what lint is told beside the file: who reads it and, if it is this machine's, what this machine is.
func (r *hostsRun) lintConfig(ctx context.Context, f *hosts.File, d hosts.Dialect) (hosts.LintConfig, error) {
	cfg := hosts.LintConfig{Readers: []hosts.Dialect{d}}
	for _, other := range []hosts.Dialect{hosts.Glibc(true), hosts.Musl(), hosts.Go()} {
		if other != d {
			cfg.Readers = append(cfg.Readers, other)
		}
	}
	own := r.flags.file == hosts.DefaultPath()
	if !own && !r.flags.dns {
		return cfg, nil
	}
	system, err := resolve.LoadSystem(resolve.Files{})
	if err != nil {
		return cfg, err
	}
	if own {
		cfg.Hostname, _ = os.Hostname() // without it there is one finding less
		cfg.Addrs = ownAddrs()
		for _, s := range system.Sources {
			cfg.Sources = append(cfg.Sources, s.Name)
		}
	}
	if r.flags.dns {
		cfg.DNS, err = hostsInDNS(ctx, system, f.DNSNames(d))
	}
	return cfg, err
}

// ownAddrs returns the addresses of this machine's interfaces, as far as it tells them.
func ownAddrs() []netip.Addr {
	var addrs []netip.Addr
	all, _ := net.InterfaceAddrs()
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			addrs = append(addrs, p.Addr())
		}
	}
	return addrs
}

// hostsDNS asks DNS for the addresses of a name. *resolve.System does it.
type hostsDNS interface {
	Beside(ctx context.Context, name string, family resolve.Family) (*resolve.Found, error)
}

// hostsInDNS returns what DNS says of names. Of a name that it could not say anything about it has nothing.
func hostsInDNS(ctx context.Context, dns hostsDNS, names []string) (map[string]hosts.DNSAnswer, error) {
	answers := make(map[string]hosts.DNSAnswer)
	var mu sync.Mutex
	var asking sync.WaitGroup
	slots := make(chan struct{}, asideAtOnce)
	for _, name := range names {
		slots <- struct{}{}
		asking.Go(func() {
			defer func() { <-slots }()
			found, err := dns.Beside(ctx, name+".", resolve.AnyFamily) // with the dot: no search list
			answer, ok := hostsAnswer(found)
			if err != nil || !ok {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			answers[name] = answer
		})
	}
	asking.Wait()
	return answers, ctx.Err()
}

// hostsAnswer returns what DNS says of a name, if it says something.
func hostsAnswer(found *resolve.Found) (answer hosts.DNSAnswer, ok bool) {
	switch {
	case found == nil:
		return answer, false
	case found.Verdict == resolve.VerdictNXDomain:
		return hosts.DNSAnswer{NoName: true}, true
	case found.Verdict != resolve.VerdictAnswer && found.Verdict != resolve.VerdictNoData:
		return answer, false
	}
	for _, a := range found.Addrs {
		answer.Addrs = append(answer.Addrs, a.Addr)
	}
	slices.SortFunc(answer.Addrs, netip.Addr.Compare)
	return answer, true
}
