package main

import (
	"fmt"
	"strings"

	"github.com/netdiag/netdiag/internal/render"
)

// pingTable is the text of ping with several targets: lines that carry the target, and a table
// at the end.
type pingTable struct {
	pingLines
	warn    func(format string, args ...any)
	skipped int           // targets that the run ended for too early
	rows    []*pingTarget // that the table will show; nil once it is written as targets finish
	table   *render.Table
}

// rowsHeld is how many targets the table waits for, to show them in the order given. What is beyond
// is written as it finishes, so that memory does not grow with the targets.
const rowsHeld = 10_000

// done is called when a target has ended, in the order in which they do.
func (v *pingTable) done(t *pingTarget) error {
	switch {
	case t.skipped:
		v.skipped++
		return nil
	case v.table != nil:
		return v.row(t)
	}
	v.rows = append(v.rows, t)
	if len(v.rows) > rowsHeld {
		return v.writeRows()
	}
	return nil
}

// finish writes what was held back.
func (v *pingTable) finish() error {
	if v.skipped > 0 {
		v.warn("the run ended before it came to %d of the targets", v.skipped)
	}
	if v.table == nil {
		if len(v.rows) == 0 {
			return nil
		}
		if err := v.writeRows(); err != nil {
			return err
		}
	}
	return v.table.Flush()
}

// writeRows begins the table with the rows held back, in the order of the command line.
func (v *pingTable) writeRows() error {
	begin := "\n"
	if v.flood && !v.quiet {
		begin = "\n\n" // the first ends the dots
	}
	if _, err := v.out.WriteString(begin); err != nil {
		return err
	}
	number := func(title string) render.Column { return render.Column{Title: title, Right: true} }
	v.table = render.NewTable(v.out, render.Column{Title: "host"}, number("sent"), number("received"), number("late"),
		number("lost"), number("loss"), number("min ms"), number("avg"), number("max"), number("stddev"), render.Column{})
	inOrder(v.rows)
	for _, t := range v.rows {
		if err := v.row(t); err != nil {
			return err
		}
	}
	v.rows = nil
	return nil
}

func (v *pingTable) row(t *pingTarget) error {
	host := render.Harmless(t.text)
	if t.err != nil && t.stats.Sent == 0 {
		return v.table.Row(host, "", "", "", "", "", "", "", "", "", reason(t))
	}
	s, rtt := &t.stats, t.stats.RTT()
	loss := "-"
	if p, ok := s.Loss(); ok {
		loss = percent(p)
	}
	times := [4]string{"-", "-", "-", "-"}
	if rtt.N > 0 {
		times = [4]string{render.Millis(rtt.Min), render.Millis(rtt.Mean), render.Millis(rtt.Max), render.Millis(rtt.StdDev)}
	}
	return v.table.Row(host, count(s.Sent), count(s.Received), count(s.Late), count(s.Lost()), loss,
		times[0], times[1], times[2], times[3], notes(t))
}

// notes names what a row has no column for.
func notes(t *pingTarget) string {
	s := &t.stats
	var notes []string
	for _, n := range []struct {
		n    int64
		what string
	}{
		{s.ICMPErrors, "by ICMP error"}, {s.Duplicates, "duplicate"}, {s.Corrupt, "corrupt"}, {s.Foreign, "foreign"},
		{s.SendErrors, "not sent"}, {s.InFlight(), "in flight"},
	} {
		if n.n > 0 {
			notes = append(notes, fmt.Sprintf("%d %s", n.n, n.what))
		}
	}
	if t.err != nil {
		notes = append(notes, reason(t))
	}
	return strings.Join(notes, ", ")
}

// reason is a target's error without the target, which stands before it.
func reason(t *pingTarget) string {
	return render.Harmless(strings.TrimPrefix(t.err.Error(), t.text+": "))
}
