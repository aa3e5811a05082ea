package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/netdiag/netdiag/local"
)

// destination is what the user wants to know the way to.
type destination struct {
	Target
	taken decision // the first by which packets go, or else the first
	asked int      // addresses that the kernel was asked about
}

// decision is what the kernel does with packets to an address.
type decision struct {
	local.Decision
	dev *local.Interface // that they leave by; nil: none, or nothing is known of it
}

// newDestinations reads the operands. The error tells of every one that cannot be a destination.
func newDestinations(args []string) ([]*destination, error) {
	if len(args) > 1 && slices.Contains([]string{"get", "show", "list", "print"}, args[0]) {
		return nil, usagef("%s: a destination stands here without a word before it", args[0]).hint("netdiag routes " + args[1])
	}
	var all []*destination
	var errs []error
	for _, arg := range args {
		t, err := parseDestination(arg)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		all = append(all, &destination{Target: t})
	}
	return all, joined(errs)
}

// parseDestination reads a name, an address, or a network, which stands for the address in it.
func parseDestination(s string) (Target, error) {
	wholeWorld := usagef("%s: not a destination", s).hint("for the table give none: netdiag routes; for the way to the world: netdiag interfaces")
	if p, err := netip.ParsePrefix(s); err == nil {
		if p.Bits() == 0 {
			return Target{}, wholeWorld
		}
		return Target{Text: s, Addr: p.Addr().Unmap()}, nil
	}
	t, err := parseHost(s)
	if err == nil && t.Name && (s == "default" || s == "all") {
		return t, wholeWorld
	}
	return t, err
}

// routesRun is a run over destinations.
type routesRun struct {
	outcome
	view   routesView
	kernel *ownKernel
	finder *targetFinder
	ask    local.Ask
	own    []local.Interface // nil: not known
}

// decideAll is netdiag routes with destinations.
func decideAll(ctx context.Context, c *call, kernel *ownKernel, finder *targetFinder, ask local.Ask, list []*destination) (status, error) {
	r := &routesRun{outcome: newOutcome(c.diagnostics), kernel: kernel, finder: finder, ask: ask}
	r.view, r.flush = newRoutesView(c)
	r.own, _ = kernel.interfaces() // a decision is as true without
	r.note(r.view.start(c.args))
	for _, d := range list {
		r.note(r.flush()) // a name may take its time
		err := r.one(ctx, d)
		if err != nil {
			r.unable(err)
		}
		r.note(r.view.finish(d, err))
	}
	r.note(r.flush())
	return r.status, r.broken
}

// one asks the kernel about the addresses of a destination. The error is why it could not be asked about any.
func (r *routesRun) one(ctx context.Context, d *destination) error {
	addrs, err := r.finder.addrs(ctx, d.Target)
	if err != nil {
		return err
	}
	var errs []error
	for _, addr := range addrs {
		v, err := r.decide(addr)
		if err != nil {
			errs = append(errs, fmt.Errorf("%v: %w", addr, err))
			continue
		}
		if d.asked == 0 || v.Taken() && !d.taken.Taken() {
			d.taken = v
		}
		d.asked++
		r.note(r.view.decided(d, v))
	}
	switch {
	case d.asked == 0:
		return errors.Join(errs...)
	case len(errs) > 0:
		r.fail(errors.Join(errs...))
	}
	if !d.taken.Taken() {
		r.status = worst(r.status, no)
		r.explain(d.taken)
	}
	return nil
}

// decide asks the kernel about an address.
func (r *routesRun) decide(addr netip.Addr) (decision, error) {
	v, err := r.kernel.decide(addr, r.ask)
	if err != nil {
		return decision{}, inWords(err)
	}
	v.Dst = addr // with its zone
	w := decision{Decision: v}
	if at := slices.IndexFunc(r.own, func(i local.Interface) bool { return i.Name == v.Interface }); at >= 0 {
		w.dev = &r.own[at]
	}
	return w, nil
}

// explain gives what may help where there is no way.
func (r *routesRun) explain(v decision) {
	if v.Kind != local.KindNone {
		return
	}
	f := ipv6
	if v.Dst.Is4() {
		f = ipv4
	}
	hint := "netdiag routes shows the table, with -v all tables and rules"
	if v4, v6, err := r.kernel.world(); err == nil && r.ask.Interface == "" {
		if way := map[family]local.Way{ipv4: v4, ipv6: v6}[f]; !way.Source.IsValid() {
			hint = fmt.Sprintf("this machine has no way out to the world over %v: netdiag interfaces says what it has", f)
		}
	}
	r.note(r.flush()) // what was said before it
	r.hint(&advised{errors.New("no route"), hint})
}
