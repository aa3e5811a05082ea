package main

import (
	"context"
	"fmt"
	"net/netip"
	"time"
)

// targetFinder finds the addresses of targets.
type targetFinder struct {
	lookup lookup
	family family
	scoped bool   // the interface of link-local addresses is given otherwise
	flag   string // that gives it
}

// addrs returns the addresses of target that may be probed, at least one.
func (f *targetFinder) addrs(ctx context.Context, target Target) ([]netip.Addr, error) {
	if !target.Name {
		return []netip.Addr{target.Addr}, f.check(target.Addr)
	}
	found, err := f.lookup.Addrs(ctx, target.Host, f.family)
	if err != nil {
		return nil, err
	}
	var usable []netip.Addr
	for _, a := range found {
		if bad := f.check(a); bad != nil {
			err = fmt.Errorf("%s: %w", target.Text, bad)
			continue
		}
		usable = append(usable, a)
	}
	if len(usable) > 0 {
		return usable, nil
	}
	return nil, err
}

// before is addrs with a limit of time; 0 is none.
func (f *targetFinder) before(ctx context.Context, limit time.Duration, target Target) (addrs []netip.Addr, err error) {
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	if addrs, err = f.addrs(ctx, target); err != nil {
		return nil, err
	}
	return addrs, nil
}

// sole returns the only target of a list, with its addresses.
func (f *targetFinder) sole(ctx context.Context, limit time.Duration, list *targetList) (h *host, addrs []netip.Addr, err error) {
	h = &host{}
	for target, bad := range list.all() {
		if h.text, h.addr, err = target.Text, target.Addr, bad; bad == nil {
			addrs, err = f.before(ctx, limit, target)
		}
	}
	return h, addrs, err
}

// check refuses an address of the wrong family, and one that does not say on which link it is.
func (f *targetFinder) check(a netip.Addr) error {
	if !f.family.has(a) {
		return fmt.Errorf("%v is no %v address", a, f.family)
	}
	if f.scoped {
		return nil
	}
	return checkScope(a, f.flag)
}
