package main

import (
	"context"
	"errors"
	"iter"
	"net/netip"
	"time"

	"github.com/netdiag/netdiag/trace"
)

// poster traces, and posts to a traceRun what there is to tell.
type poster struct {
	run *traceRun
	// engine is trace.Run.
	engine func(ctx context.Context, cfg trace.Config) traceEvents
	others netip.Prefix // whose addresses may be probed beside the only target
}

// traceEvents is what trace.Run returns.
type traceEvents = iter.Seq2[trace.Event, error]

// add implements targetRun.
func (p *poster) add(index int, h *host) {
	t := newTraceTarget(h)
	p.run.posted <- func() { p.run.add(index, t) }
}

// refuse implements targetRun.
func (p *poster) refuse(h *host, err error) {
	p.run.posted <- func() { p.run.refuse(h, err) }
}

// skip implements targetRun.
func (p *poster) skip(h *host, why error) {
	p.run.posted <- func() { p.run.skip(h, why) }
}

// rest ends all targets without an end, and says why, if there is a reason.
func (p *poster) rest(err error) {
	p.run.posted <- func() { p.run.rest(err) }
}

// do traces to its end. The error is trace's own, or with more, where another address may be tried, that there is
// no way to the only one; an ended context is a normal end.
func (p *poster) do(ctx context.Context, cfg trace.Config, more bool) error {
	for e, err := range p.engine(ctx, cfg) {
		if err != nil {
			if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
				return nil
			}
			return advise(err, traceRefused)
		}
		if more && e.Kind == trace.Done && e.Result.Probes == 0 && noRoute(e.Result.Err) {
			return e.Result.Err
		}
		p.run.called.ask(&e)
		p.run.posted <- func() { p.run.event(&e) }
	}
	return nil
}

// one traces to the only target: an address, or a name whose addresses are tried until there is a route to one.
func (p *poster) one(ctx context.Context, cfg trace.Config, finder *targetFinder, list *targetList) {
	started, begun := time.Now(), false
	h, addrs, failed := finder.sole(ctx, cfg.Deadline, list)
	if cfg.Deadline > 0 { // which the lookup has a part of
		cfg.Deadline = max(1, cfg.Deadline-time.Since(started))
	}
	for i, addr := range addrs {
		try := &host{text: h.text, addr: addr}
		if p.others.IsValid() {
			if cfg.Others, failed = otherThan(addr, p.others); failed != nil {
				p.refuse(try, inCommand("trace", failed))
				return
			}
		}
		cfg.Targets = func(yield func(netip.Addr) bool) {
			begun = true
			p.add(0, try)
			yield(addr)
		}
		more := i < len(addrs)-1
		failed = p.do(ctx, cfg, more)
		if !more || !noRoute(failed) {
			break
		}
		begun = false
		why := failed
		p.run.posted <- func() { p.run.forget(0, why) }
	}
	switch {
	case begun:
		p.rest(failed)
	case failed != nil:
		p.refuse(h, failed)
	default:
		p.refuse(h, errNotBegun)
	}
}

// many traces to several targets.
func (p *poster) many(ctx context.Context, cfg trace.Config, finder *targetFinder, list *targetList) {
	next, stop := newTargetFeed(ctx, list)
	defer stop()
	source := &targetSource{run: p, finder: finder, next: next}
	cfg.Targets = source.addrs(ctx)
	err := p.do(ctx, cfg, false)
	p.rest(err) // before waiting for those still to be read
	source.rest(err)
	if source.order == 0 {
		p.rest(errors.New("no host was given"))
	}
}
