package main

import (
	"io"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/netdiag/netdiag/internal/render"
	"github.com/netdiag/netdiag/probe"
)

const (
	barAfter = time.Second            // a run that is shorter has no bar
	barEvery = 100 * time.Millisecond // it is drawn
)

// probeBar is the progress of a long run on a terminal, drawn from aside. A nil one shows nothing.
type probeBar struct {
	total int64 // negative: not known
	done  atomic.Int64
	over  chan struct{} // closed at the end
	aside sync.WaitGroup

	mu    sync.Mutex // held while anything is written to the terminal
	bar   *progressbar.ProgressBar
	shown bool // it is on the terminal now
}

// newProbeBar returns the bar of a run over total probes, negative: not known, on w. It draws itself until end.
func newProbeBar(w io.Writer, total int64) *probeBar {
	b := &probeBar{
		total: total,
		over:  make(chan struct{}),
		bar: progressbar.NewOptions64(total,
			progressbar.OptionSetWriter(w),
			progressbar.OptionSetDescription("probes"),
			progressbar.OptionSetRenderBlankState(false),
			progressbar.OptionSetSpinnerChangeInterval(0), // it is drawn here, and by nobody else
			progressbar.OptionSetWidth(30),
			progressbar.OptionShowCount(),
			progressbar.OptionSetPredictTime(false), // silent ports end in bursts
			progressbar.OptionClearOnFinish(),
		),
	}
	b.aside.Go(b.run)
	return b
}

// run draws the bar again and again.
func (b *probeBar) run() {
	late := time.NewTimer(barAfter)
	defer late.Stop()
	select {
	case <-late.C:
	case <-b.over:
		return
	}
	again := time.NewTicker(barEvery)
	defer again.Stop()
	for {
		b.draw()
		select {
		case <-again.C:
		case <-b.over:
			return
		}
	}
}

// wantsBar reports whether a run has a progress bar: standard error is a terminal, which the results do not run through as
// JSON, and there is much to do. How long it is waited for a port nobody can say.
func wantsBar(c *call, f *probeFlags, list *probeList) bool {
	if list.one() || f.quiet || f.until() != probe.UntilCount || !render.IsTerminal(c.errs) {
		return false
	}
	return !c.json || !render.IsTerminal(c.out)
}

// barTotal returns how many probes there will be; negative: not known.
func barTotal(f *probeFlags, list *probeList) int64 {
	n, known := list.count()
	if !known || f.count == 0 || f.all || n > math.MaxInt64/uint64(max(1, f.count)) {
		return -1
	}
	return int64(n) * f.count
}

// draw draws the bar.
func (b *probeBar) draw() {
	b.mu.Lock()
	defer b.mu.Unlock()
	at := b.done.Load()
	if b.total >= 0 {
		at = min(at, b.total-1) // at its end the bar would take itself away
	}
	b.shown = true
	_ = b.bar.Set64(at) // an error of a terminal has nowhere to go
}

// tell says how many probes are done.
func (b *probeBar) tell(done uint64) {
	if b != nil {
		b.done.Store(int64(done))
	}
}

// clear takes the bar off the terminal, for something else to be written. The caller holds mu.
func (b *probeBar) clear() {
	if b.shown {
		b.shown = false
		_ = b.bar.Clear()
	}
}

// end takes the bar away for good.
func (b *probeBar) end() {
	if b == nil {
		return
	}
	close(b.over)
	b.aside.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clear()
}

// beside returns a writer to w that clears the bar before anything is written.
func (b *probeBar) beside(w io.Writer) io.Writer {
	if b == nil {
		return w
	}
	return besideBar{w, b}
}

// besideBar is a stream on the same terminal as a bar.
type besideBar struct {
	io.Writer
	bar *probeBar
}

// Write implements io.Writer.
func (w besideBar) Write(p []byte) (int, error) {
	w.bar.mu.Lock()
	defer w.bar.mu.Unlock()
	w.bar.clear()
	return w.Writer.Write(p)
}
