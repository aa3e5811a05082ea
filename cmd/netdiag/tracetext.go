package main

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/netdiag/netdiag/internal/render"
	"github.com/netdiag/netdiag/trace"
)

// traceLines is what the texts of trace have in common: a header for each target, and remarks behind it.
type traceLines struct {
	*traceBlocks
	cfg    trace.Config
	called *callers
	color  render.Color

	extensions bool // show what ICMP extensions say
	verbose    bool

	skipped int // targets that the run ended for too early
}

func (v *traceLines) start() error { return nil }

// begin writes the header of BSD's traceroute.
func (v *traceLines) begin(t *traceTarget) error {
	from := ""
	if v.cfg.Source.IsValid() {
		from = " from " + render.Harmless(v.cfg.Source.String())
	}
	return v.text(t, fmt.Sprintf("traceroute to %s (%s)%s, %d hops max, %d byte packets\n", render.Harmless(t.text),
		render.Harmless(t.addr.String()), from, v.cfg.MaxTTL, v.cfg.ProbeSize(t.addr)))
}

// event tells of packets that are no answers, if more is to be said.
func (v *traceLines) event(t *traceTarget, e *trace.Event) error {
	if t == nil || e.Kind != trace.Foreign || !v.verbose {
		return nil
	}
	return v.warn(t, "a packet from %v is no answer: %s", e.From, e.Note)
}

func (v *traceLines) finish() error {
	err := v.rest()
	if v.skipped > 0 {
		v.diag.warn("the run ended before it came to %d of the targets", v.skipped)
	}
	return err
}

// traceText is the text of BSD's traceroute.
type traceText struct{ traceLines }

func (v *traceText) event(t *traceTarget, e *trace.Event) error {
	if t == nil || e.Kind != trace.HopDone {
		return v.traceLines.event(t, e)
	}
	return v.text(t, v.hop(e.Hop))
}

// hop returns the line of a hop: more than one where answers come from more than one address.
func (v *traceText) hop(h *trace.Hop) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%2d ", h.TTL)
	var last netip.Addr
	said := ""
	for i := range h.Probes {
		p := &h.Probes[i]
		if !p.From.IsValid() {
			b.WriteString(" " + v.color.Doubtful("*"))
			continue
		}
		if p.From != last {
			if last.IsValid() {
				b.WriteString("\n   ")
			}
			b.WriteString(" " + v.called.classic(p.From))
			last, said = p.From, ""
		}
		if evidence := v.evidence(p); evidence != said {
			b.WriteString(evidence)
			said = evidence
		}
		b.WriteString("  " + render.Millis(p.RTT) + " ms")
		if s := suffix(p); s != "" {
			b.WriteString(" " + v.color.Bad(s))
		}
	}
	b.WriteByte('\n')
	if v.verbose {
		b.WriteString(changes(h.Changes))
	}
	return b.String()
}

// done writes what else was found, and what the lines do not tell.
func (v *traceLines) done(t *traceTarget) error {
	if t.skipped {
		v.skipped++
	}
	if t.result == nil {
		return v.end(t)
	}
	if t.result.PathMTU != nil {
		if err := v.text(t, pathMTU(t.result.PathMTU)); err != nil {
			return err
		}
	}
	for _, remark := range remarks(t, v.cfg) {
		if err := v.warn(t, "%s", remark); err != nil {
			return err
		}
	}
	return v.end(t)
}

// pathMTU returns lines about the path MTU.
func pathMTU(m *trace.PathMTU) string {
	var b strings.Builder
	if m.MTU > 0 {
		fmt.Fprintf(&b, "path MTU %d bytes\n", m.MTU)
	} else {
		b.WriteString("path MTU not known: nothing got to the destination\n")
	}
	for _, s := range m.Steps {
		who := "this machine"
		if s.From.IsValid() {
			who = render.Harmless(s.From.String())
		}
		if s.TTL > 0 {
			who = fmt.Sprintf("hop %d, %s", s.TTL, who)
		}
		fmt.Fprintf(&b, "    %s: at most %d bytes\n", who, s.MTU)
	}
	if m.BlackHole > 0 {
		fmt.Fprintf(&b, "    hop %d: larger packets vanish without a word (black hole)\n", m.BlackHole)
	}
	return b.String()
}
