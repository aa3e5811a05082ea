package main

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/netdiag/netdiag/internal/render"
	"github.com/netdiag/netdiag/ping"
)

// pingAlive is the text of --alive: a line a target, as soon as it is known.
type pingAlive struct {
	pingLines
	warn    func(format string, args ...any)
	unknown int // targets that the run ended for too early
}

func (v *pingAlive) event(t *pingTarget, e ping.Event) error {
	if e.Kind != ping.Reply || v.quiet {
		return nil
	}
	return v.out.Printf("%s is %s (%s ms)\n", render.Harmless(t.text), v.color.Good("alive"), significant(e.RTT))
}

// done says of a target without a reply in time that it is unreachable, unless that is not known.
func (v *pingAlive) done(t *pingTarget) error {
	s := &t.stats
	why := ""
	switch {
	case s.Received > 0:
		return nil
	case t.skipped, t.err == nil && s.Sent+s.SendErrors == 0, s.InFlight() > 0:
		v.unknown++
		return nil
	case v.quiet:
		return nil
	case t.err != nil:
		why = reason(t)
	case s.Late > 0:
		why = "it answered " + times(s.Late) + ", too late"
	case s.Sent == 0, v.verbose:
		why = t.failure
	}
	if why != "" {
		why = " (" + why + ")"
	}
	return v.out.Printf("%s is %s%s\n", render.Harmless(t.text), v.color.Bad("unreachable"), why)
}

func (v *pingAlive) finish() error {
	if v.unknown > 0 {
		v.warn("the run ended before it was known whether they answer: %d of the targets", v.unknown)
	}
	return nil
}

func times(n int64) string {
	if n == 1 {
		return "once"
	}
	return count(n) + " times"
}

// significant writes d in milliseconds with three significant digits.
func significant(d time.Duration) string {
	ms := render.Ms(d)
	if ms <= 0 {
		return "0"
	}
	decimals := max(0, 2-int(math.Floor(math.Log10(ms))))
	s := strconv.FormatFloat(ms, 'f', min(decimals, 6), 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}
