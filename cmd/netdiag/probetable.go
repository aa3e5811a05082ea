package main

import (
	"fmt"
	"strings"

	"github.com/netdiag/netdiag/internal/render"
)

// probeStatistics is the text of targets that were probed again and again: a block for one, a table at the end for several.
type probeStatistics struct {
	out     *render.Writer
	lines   *pingText // for what both show in the same way
	head    func(t *probeTarget) string
	block   bool           // there is one target; it has a block as soon as it ended
	verbose bool           // a block has more
	rows    []*probeTarget // that the table will show; nil once it is written as targets end
	table   *render.Table
}

// probeCount is how many probes of a target came to something.
type probeCount struct {
	n    int64
	what string
}

// others are the outcomes that are not open.
func others(t *probeTarget) []probeCount {
	s := &t.stats
	return []probeCount{
		{s.Closed, "closed"}, {s.Rejected, "rejected"}, {s.Unreachable, "unreachable"}, {s.Filtered, "filtered"}, {s.Failed, "not sent"},
	}
}

// ended takes a target that had its last probe.
func (p *probeStatistics) ended(t *probeTarget) error {
	switch {
	case p.block:
		return p.write(t)
	case p.table != nil:
		return p.row(t)
	}
	if p.rows = append(p.rows, t); len(p.rows) > rowsHeld {
		return p.writeRows()
	}
	return nil
}

// finish writes what was held back.
func (p *probeStatistics) finish() error {
	if p.table == nil {
		if len(p.rows) == 0 {
			return nil
		}
		if err := p.writeRows(); err != nil {
			return err
		}
	}
	return p.table.Flush()
}

// write writes the block of a target.
func (p *probeStatistics) write(t *probeTarget) error {
	var b strings.Builder
	s := &t.stats
	fmt.Fprintf(&b, "\n--- %s probe statistics ---\n%s sent, %d open", p.head(t), plural(uint64(s.Sent), "probe"), s.Open)
	for _, c := range others(t) {
		if c.n > 0 {
			fmt.Fprintf(&b, ", +%d %s", c.n, c.what)
		}
	}
	if loss, ok := s.Loss(); ok {
		fmt.Fprintf(&b, ", %s loss", p.lines.loss(loss))
	}
	b.WriteByte('\n')
	if s.RTT.N() > 0 {
		fmt.Fprintf(&b, "round-trip min/avg/max/stddev = %s/%s/%s/%s ms\n", render.Millis(s.RTT.Min()),
			render.Millis(s.RTT.Mean()), render.Millis(s.RTT.Max()), render.Millis(s.RTT.StdDev()))
		if p.verbose {
			fmt.Fprintf(&b, "round-trip p50/p90/p99 = %s/%s/%s ms, jitter %s ms\n", render.Millis(s.RTT.Percentile(50)),
				render.Millis(s.RTT.Percentile(90)), render.Millis(s.RTT.Percentile(99)), render.Millis(s.Jitter.Mean()))
		}
	}
	_, err := p.out.WriteString(b.String())
	return err
}

// writeRows begins the table with the rows held back, in the order of the command line.
func (p *probeStatistics) writeRows() error {
	if _, err := p.out.WriteString("\n"); err != nil {
		return err
	}
	number := func(title string) render.Column { return render.Column{Title: title, Right: true} }
	p.table = render.NewTable(p.out, render.Column{Title: "port"}, number("sent"), number("open"), number("lost"), number("loss"),
		number("min ms"), number("avg"), number("max"), number("stddev"), render.Column{})
	inOrder(p.rows)
	for _, t := range p.rows {
		if err := p.row(t); err != nil {
			return err
		}
	}
	p.rows = nil
	return nil
}

// row writes a target's row.
func (p *probeStatistics) row(t *probeTarget) error {
	s := &t.stats
	loss := "-"
	if l, ok := s.Loss(); ok {
		loss = percent(l)
	}
	times := [4]string{"-", "-", "-", "-"}
	if s.RTT.N() > 0 {
		times = [4]string{render.Millis(s.RTT.Min()), render.Millis(s.RTT.Mean()), render.Millis(s.RTT.Max()), render.Millis(s.RTT.StdDev())}
	}
	var notes []string
	for _, c := range others(t) {
		if c.n > 0 {
			notes = append(notes, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	if t.err != nil {
		notes = append(notes, render.Harmless(strings.TrimPrefix(t.err.Error(), t.group.Text+": ")))
	}
	return p.table.Row(p.head(t), count(s.Sent), count(s.Open), count(s.Lost), loss, times[0], times[1], times[2], times[3], strings.Join(notes, ", "))
}
