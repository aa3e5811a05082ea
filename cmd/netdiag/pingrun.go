package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/netdiag/netdiag/internal/render"
	"github.com/netdiag/netdiag/ping"
)

// pingOptions are the flags that views need.
type pingOptions struct {
	many, alive, quiet, flood, stamps, bell, verbose bool

	size              int // data bytes
	count             int64
	interval, timeout time.Duration
}

// pingTarget is an address that is probed, or a name that has none.
type pingTarget struct {
	text  string // what the user typed; of a range, the address
	order int    // place among all targets
	addr  netip.Addr
	stats ping.Stats
	err   error
}

func sortTargets(ts []*pingTarget) {
	slices.SortFunc(ts, func(a, b *pingTarget) int { return a.order - b.order })
}

// pingView shows a run. Its methods return the first error of writing.
type pingView interface {
	start() error                            // once, first
	begin(t *pingTarget) error               // the target will be probed
	event(t *pingTarget, e ping.Event) error // nil t: about none of them
	done(t *pingTarget) error                // the target has ended, or could not begin
	finish() error                           // once, last
}

// pingRun counts what happens to each target and hands it to a view.
type pingRun struct {
	mu     sync.Mutex // held for all of it: SIGQUIT looks at it from aside
	view   pingView
	warn   func(format string, args ...any)
	active map[int]*pingTarget // by ping's index, until done
	status status
	drops  uint64 // replies that this machine dropped
	broken error  // of writing

	verdict func(t *pingTarget) status
}

// add makes t known by the index that ping will use for it.
func (r *pingRun) add(index int, t *pingTarget) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.active[index] = t
	r.note(r.view.begin(t))
}

// fail ends a target that could not begin.
func (r *pingRun) fail(t *pingTarget, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t.err = err
	r.warn("%v", err)
	r.end(t)
}

// end counts a target's verdict and shows its summary.
func (r *pingRun) end(t *pingTarget) {
	r.status = worst(r.status, r.verdict(t))
	r.note(r.view.done(t))
}

// note keeps the first error of writing.
func (r *pingRun) note(err error) {
	if r.broken == nil {
		r.broken = err
	}
}

// event counts e and shows it.
func (r *pingRun) event(e ping.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.active[e.Index]
	switch e.Kind {
	case ping.Done:
		delete(r.active, e.Index)
		r.end(t)
		return r.broken
	case ping.Pause:
		r.warn("this process did not run for %.1f s (stopped, or its output was not taken); probes were held back for as long", e.RTT.Seconds())
	case ping.LocalDrops:
		r.drops += e.Drops
		r.warn("this machine dropped %d replies, as its receive queue was full: some timeouts are not the network's", e.Drops)
	default:
		if t != nil {
			t.stats.Add(e)
		}
	}
	r.note(r.view.event(t, e))
	return r.broken
}

// rest ends all targets that the run left without an end.
func (r *pingRun) rest(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	left := make([]*pingTarget, 0, len(r.active))
	for _, t := range r.active {
		left = append(left, t)
	}
	clear(r.active)
	sortTargets(left)
	for _, t := range left {
		t.err = err
		r.end(t)
	}
}

// interim shows what is known so far, as warnings: for SIGQUIT.
func (r *pingRun) interim() {
	r.mu.Lock()
	defer r.mu.Unlock()
	left := make([]*pingTarget, 0, len(r.active))
	for _, t := range r.active {
		left = append(left, t)
	}
	sortTargets(left)
	const most = 20
	for i, t := range left {
		if i == most {
			r.warn("and %d targets more", len(left)-most)
			break
		}
		s, rtt := &t.stats, t.stats.RTT()
		line := fmt.Sprintf("%s: %d/%d packets", t.text, s.Received, s.Sent)
		if share, ok := s.Loss(); ok {
			line += ", " + percent(share) + " loss"
		}
		if rtt.N > 0 {
			line += fmt.Sprintf(", min/avg/p50/max = %s/%s/%s/%s ms", render.Millis(rtt.Min), render.Millis(rtt.Mean), render.Millis(rtt.P50), render.Millis(rtt.Max))
		}
		r.warn("%s", line)
	}
}

// idle writes out what waits.
func (r *pingRun) idle(flush func() error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.note(flush())
	return r.broken
}

// finish has the view write what it held back.
func (r *pingRun) finish() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.note(r.view.finish())
}

// do runs ping to its end. The error is ping's own, but for that of an ended context, which is a normal end.
func (r *pingRun) do(ctx context.Context, cfg ping.Config) error {
	for e, err := range ping.Run(ctx, cfg) {
		if err != nil {
			if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
				return nil
			}
			return err
		}
		if err := r.event(e); err != nil {
			return err
		}
	}
	return nil
}

// pingSource turns targets of the command line into ping's: names are looked up aside, several at a time,
// while others are probed already.
type pingSource struct {
	run     *pingRun
	family  family
	lookup  func(ctx context.Context, name string) ([]netip.Addr, error)
	results chan lookedUp
	open    int // lookups under way
	order   int // targets read
	index   int // targets handed to ping
}

// lookedUp is what became of a name.
type lookedUp struct {
	t   *pingTarget
	err error
}

const lookupsAtOnce = 16

// addrs yields the targets' addresses for ping.Config.Targets: the zero Addr where only
// lookups are left to wait for.
func (s *pingSource) addrs(ctx context.Context, targets iter.Seq2[Target, error]) iter.Seq[netip.Addr] {
	return func(yield func(netip.Addr) bool) {
		s.results = make(chan lookedUp, lookupsAtOnce)
		for target, err := range targets {
			t := &pingTarget{text: target.Text, order: s.order, addr: target.Addr}
			s.order++
			if err == nil && !target.Name && !s.family.has(target.Addr) {
				err = wrongFamily(s.family, target.Addr)
			}
			if err != nil {
				s.run.fail(t, err)
				continue
			}
			if !target.Name {
				if !s.hand(t, yield) {
					return
				}
				continue
			}
			for s.open == lookupsAtOnce {
				if !s.settle(yield) {
					return
				}
			}
			s.open++
			go func() {
				addrs, err := s.lookup(ctx, target.Host)
				if err == nil {
					t.addr = addrs[0]
				}
				s.results <- lookedUp{t, err}
			}()
		}
		for s.open > 0 {
			if !s.settle(yield) {
				return
			}
		}
	}
}

// settle hands over a name that was looked up, or else lets ping go on without one.
func (s *pingSource) settle(yield func(netip.Addr) bool) bool {
	select {
	case r := <-s.results:
		s.open--
		if r.err != nil {
			s.run.fail(r.t, r.err)
			return true
		}
		return s.hand(r.t, yield)
	default:
		return yield(netip.Addr{})
	}
}

func (s *pingSource) hand(t *pingTarget, yield func(netip.Addr) bool) bool {
	s.run.add(s.index, t)
	s.index++
	return yield(t.addr)
}
