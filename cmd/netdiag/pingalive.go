package main

import (
	"bytes"
	"strconv"
	"time"

	"github.com/netdiag/netdiag/internal/render"
	"github.com/netdiag/netdiag/ping"
)

// pingAlive is the text of --alive: a line a target, as soon as it is known.
type pingAlive struct {
	pingLines
	warn    func(format string, args ...any)
	unknown int    // targets that the run ended for too early
	line    []byte // memory for one: there may be a hundred thousand a second
}

func (v *pingAlive) event(t *pingTarget, e ping.Event) error {
	if e.Kind != ping.Reply || v.quiet {
		return nil
	}
	b := append(v.line[:0], render.Harmless(t.text)...)
	b = append(b, " is "...)
	b = append(b, v.color.Good("alive")...)
	b = append(b, " ("...)
	b = appendSignificant(b, e.RTT)
	v.line = append(b, " ms)\n"...)
	_, err := v.out.Write(v.line)
	return err
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

// appendSignificant appends d in milliseconds with three significant digits.
func appendSignificant(b []byte, d time.Duration) []byte {
	if d <= 0 {
		return append(b, '0')
	}
	decimals := 0
	for limit := 100 * time.Millisecond; d < limit && decimals < 6; limit /= 10 {
		decimals++
	}
	b = strconv.AppendFloat(b, render.Ms(d), 'f', decimals, 64)
	if decimals == 0 {
		return b
	}
	return bytes.TrimRight(bytes.TrimRight(b, "0"), ".")
}
