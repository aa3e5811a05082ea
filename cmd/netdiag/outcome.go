package main

import (
	"context"
	"errors"
)

// outcome is what a run over targets comes to, and tells beside its data.
type outcome struct {
	diag   diagnostics
	flush  func() error    // of what is written to standard output
	hinted map[string]bool // hints that were given: each is given once
	status status
	broken error // of writing
}

func newOutcome(diag diagnostics) outcome {
	return outcome{diag: diag, hinted: make(map[string]bool)}
}

// unable says why the run, or a part of it, could not measure.
func (o *outcome) unable(err error) {
	o.status = worst(o.status, unable)
	o.fail(err)
}

// fail writes err and those of its hints that are new. An interrupt is no news.
func (o *outcome) fail(err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	o.note(o.flush()) // what was said before it
	o.diag.warn("%v", err)
	o.hint(err)
}

// hint writes those of err's hints that are new.
func (o *outcome) hint(err error) {
	for _, h := range hintsOf(err) {
		if !o.hinted[h] {
			o.hinted[h] = true
			o.diag.hint(h)
		}
	}
}

// note keeps the first error of writing.
func (o *outcome) note(err error) {
	if o.broken == nil {
		o.broken = err
	}
}
