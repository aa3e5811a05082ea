package main

import (
	"io"
	"math"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/netdiag/netdiag/internal/render"
)

const (
	barAfter = time.Second            // a run that is shorter has no bar
	barEvery = 100 * time.Millisecond // it is drawn
)

// probeBar is the progress of a long run on a terminal. A nil one shows nothing.
type probeBar struct {
	bar   *progressbar.ProgressBar
	total int64 // negative: not known
	now   func() time.Time
	begun time.Time
	drawn time.Time
	shown bool // it is on the terminal now
}

// newProbeBar returns the bar of a run over total probes, negative: not known, on w.
func newProbeBar(w io.Writer, total int64, now func() time.Time) *probeBar {
	return &probeBar{
		total: total,
		bar: progressbar.NewOptions64(total,
			progressbar.OptionSetWriter(w),
			progressbar.OptionSetDescription("probes"),
			progressbar.OptionSetRenderBlankState(false),
			progressbar.OptionSetSpinnerChangeInterval(0), // it is drawn here, and by nobody else
			progressbar.OptionSetWidth(30),
			progressbar.OptionShowCount(),
			progressbar.OptionClearOnFinish(),
		),
		now: now, begun: now(),
	}
}

// wantsBar reports whether a run has a progress bar: standard error is a terminal, which the results do not run through as
// JSON, and there is much to do.
func wantsBar(c *call, f *probeFlags, list *probeList) bool {
	if list.one() || f.quiet || !render.IsTerminal(c.errs) {
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

// tick draws the bar anew if it is time to.
func (b *probeBar) tick(done uint64) {
	if b == nil {
		return
	}
	now := b.now()
	if now.Sub(b.begun) < barAfter || now.Sub(b.drawn) < barEvery {
		return
	}
	b.drawn, b.shown = now, true
	at := int64(done)
	if b.total >= 0 {
		at = min(at, b.total-1) // at its end the bar would take itself away
	}
	_ = b.bar.Set64(at) // an error of a terminal has nowhere to go
}

// clear takes the bar off the terminal, for something else to be written.
func (b *probeBar) clear() {
	if b == nil || !b.shown {
		return
	}
	b.shown, b.drawn = false, time.Time{}
	_ = b.bar.Clear()
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
	w.bar.clear()
	return w.Writer.Write(p)
}
