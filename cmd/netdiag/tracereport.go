package main

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/netdiag/netdiag/internal/render"
	"github.com/netdiag/netdiag/trace"
)

// traceReport is the table of --report, as mtr has it: a row for each hop, with its losses, and one
// for each further address of it. Losses are a hop's and not an address's: which of them a lost probe would
// have met, nobody can tell.
type traceReport struct{ traceLines }

// begin says when the report began: its table comes at the end.
func (v *traceReport) begin(t *traceTarget) error {
	return v.text(t, "Start: "+time.Now().UTC().Format(time.RFC3339)+"\n")
}

func (v *traceReport) done(t *traceTarget) error {
	if t.result != nil {
		if err := v.text(t, v.table(t)); err != nil {
			return err
		}
	}
	return v.traceLines.done(t)
}

// reportRow is a row: who, the hop's losses, an address's times, and remarks.
type reportRow struct{ who, losses, times, remarks string }

// table returns the report on a target.
func (v *traceReport) table(t *traceTarget) string {
	rows := []reportRow{{fmt.Sprintf("HOST: %s (%s)", render.Harmless(t.text), render.Harmless(t.addr.String())), fmt.Sprintf("%7s %5s", "Loss%", "Snt"),
		fmt.Sprintf(" %8s %8s %8s %8s %8s", "Last", "Avg", "Best", "Wrst", "StDev"), ""}}
	for _, h := range t.hops {
		rows = append(rows, v.rows(t, h)...)
	}
	const narrow, wide = 32, 60
	width := narrow
	for _, r := range rows {
		if n := utf8.RuneCountInString(r.who); n <= wide {
			width = max(width, n)
		}
	}
	var b strings.Builder
	for _, r := range rows {
		if utf8.RuneCountInString(r.who) > width {
			b.WriteString(r.who + "\n")
			r.who = ""
		}
		line := fmt.Sprintf("%-*s%13s%s", width, r.who, r.losses, r.times)
		b.WriteString(strings.TrimRight(line+r.remarks, " ") + "\n")
	}
	return b.String()
}

// rows returns those of a hop.
func (v *traceReport) rows(t *traceTarget, h *trace.Hop) []reportRow {
	losses := ""
	if h.Sent > 0 {
		losses = fmt.Sprintf("%7s %5d", percent(100*float64(h.Lost)/float64(h.Sent)), h.Sent)
	}
	note := ""
	if h.RateLimited {
		note = "  " + v.color.Doubtful("limits its answers")
	}
	number := fmt.Sprintf("%3d.|-- ", h.TTL)
	if len(h.Addrs) == 0 {
		return []reportRow{{number + "???", losses, "", note}}
	}
	rows := make([]reportRow, len(h.Addrs))
	for i := range h.Addrs {
		a := &h.Addrs[i]
		if i > 0 {
			number, losses, note = "    |-- ", "", ""
		}
		last := t.last[hopAddr{h.TTL, a.Addr}]
		var times strings.Builder
		for _, d := range [...]time.Duration{last.RTT, a.RTT.Mean(), a.RTT.Min(), a.RTT.Max(), a.RTT.StdDev()} {
			fmt.Fprintf(&times, "%9s", render.Millis(d))
		}
		rows[i] = reportRow{number + v.called.short(a.Addr), losses, times.String(), v.evidence(&last) + note}
	}
	return rows
}
