package main

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/netdiag/netdiag/internal/render"
	"github.com/netdiag/netdiag/probe"
)

// probeText is the text of a run: a line for each result, with what was said below it.
type probeText struct {
	out      *render.Writer
	color    render.Color
	warn     func(format string, args ...any)
	flags    *probeFlags
	services func() *services
	one      bool // there is one target
	verbose  bool
	stats    probeStatistics
}

func (v *probeText) start() error { return nil }

// warning does nothing: it is told on standard error.
func (v *probeText) warning(*probe.Event, string) error { return nil }

// result writes a result.
func (v *probeText) result(r *probeResult) error {
	switch {
	case v.flags.quiet, v.flags.open && r.State != probe.Open:
		return nil
	case v.flags.until() != probe.UntilCount && !r.changed && !v.verbose:
		return nil // the same again
	}
	var b strings.Builder
	if v.flags.stamps {
		fmt.Fprintf(&b, "[%d.%06d] ", r.At.Unix(), r.At.Nanosecond()/1000)
	}
	b.WriteString(v.color.Strong(v.head(r.host, r.label, r.Addr.Addr(), r.port)) + " " + v.state(r.Event))
	if v.flags.repeats() && r.target != nil {
		fmt.Fprintf(&b, " seq=%d", r.Seq)
		if r.RTT > 0 {
			b.WriteString(" time=" + render.Millis(r.RTT) + " ms")
		}
	} else if r.RTT > 0 {
		b.WriteString(" " + render.Millis(r.RTT) + " ms")
	}
	if notes := v.notes(r); len(notes) > 0 {
		b.WriteString(" (" + strings.Join(notes, "; ") + ")")
	}
	b.WriteByte('\n')
	for i := range r.Before {
		v.before(&b, &r.Before[i])
	}
	v.said(&b, r)
	_, err := v.out.WriteString(b.String())
	return err
}

// head is what a line is about: ADDR:PORT, and of a name NAME:PORT (ADDR).
func (v *probeText) head(host *probeGroup, label string, addr netip.Addr, port uint16) string {
	switch {
	case !addr.IsValid():
		return render.Harmless(label)
	case !host.Name && host.Addr.IsUnspecified() && addr != host.Addr:
		return render.Harmless(label) + " (" + render.Harmless(addr.String()) + ")"
	case !host.Name:
		return render.Harmless(hostPort(addr.String(), portText(port)))
	}
	return render.Harmless(hostPort(host.Text, portText(port))) + " (" + render.Harmless(addr.String()) + ")"
}

// state is the word for a state.
func (v *probeText) state(e *probe.Event) string {
	word := e.State.String()
	switch e.State {
	case probe.Open:
		return v.color.Good(word)
	case probe.Filtered, probe.Failed:
		return v.color.Doubtful(word)
	}
	return v.color.Bad(word)
}

// notes are the words behind a result.
func (v *probeText) notes(r *probeResult) (notes []string) {
	if reason := v.reason(r); reason != "" {
		notes = append(notes, render.Harmless(reason))
	}
	if r.State == probe.Open && r.RTT == 0 && r.Took > 0 {
		how := "connected"
		if r.UDP {
			how = "answered"
		}
		notes = append(notes, how+" in "+render.Millis(r.Took)+" ms")
	}
	if v.verbose || v.flags.top > 0 {
		if name := v.services().name(r.port, v.flags.proto()); name != "" {
			notes = append(notes, render.Harmless(name))
		}
	}
	if v.verbose && r.Own.IsValid() {
		notes = append(notes, "from "+render.Harmless(r.Own.String()))
	}
	return notes
}

// reason says why a port is in its state: in few words where that comes again and again.
func (v *probeText) reason(r *probeResult) string {
	if r.err != nil {
		return strings.TrimPrefix(r.err.Error(), r.host.Text+": ")
	}
	reason := r.Reason()
	const refused = "connection refused"
	if before, _, ok := strings.Cut(reason, refused+": "); ok && !v.one && !v.verbose && r.State == probe.Closed && !r.UDP {
		return before + refused
	}
	return reason
}

// before writes the outcome of another address of a name.
func (v *probeText) before(b *strings.Builder, e *probe.Event) {
	fmt.Fprintf(b, "    also tried %s: %s", render.Harmless(e.Addr.Addr().String()), v.state(e))
	if reason := e.Reason(); reason != "" {
		b.WriteString(" (" + render.Harmless(reason) + ")")
	}
	b.WriteByte('\n')
}

// ended says of a target what was waited for and did not come, and keeps or writes its statistics.
func (v *probeText) ended(t *probeTarget) error {
	if t.missed != "" {
		v.warn("%s: %s %s", v.head(t.group, t.Text, t.addr, t.Port), v.missing(t), t.missed)
	}
	if !v.flags.repeats() || v.flags.open && t.stats.Open == 0 {
		return nil
	}
	return v.stats.ended(t)
}

// missing says what a target that is waited for is not.
func (v *probeText) missing(t *probeTarget) string {
	switch {
	case v.flags.until() == probe.UntilClosed:
		return "not closed"
	case t.last == probe.Open:
		return "open, but not as it should be (" + render.Harmless(t.complaint) + ")"
	}
	return "not open"
}

// addresses says which address of a name a browser would use, and what the others cost it.
func (v *probeText) addresses(s *probeSet) error {
	if len(s.first) < 2 || v.flags.quiet {
		return nil
	}
	head := render.Harmless(hostPort(s.group.Text, portText(s.port)))
	b := browse(s)
	if !b.ok {
		return v.out.Printf("%s: a browser reaches none of its %d addresses\n", head, len(s.first))
	}
	line := fmt.Sprintf("%s: a browser uses %v, after %s ms", head, b.addr, render.Millis(b.after))
	if b.cost >= time.Millisecond {
		line += fmt.Sprintf(", of which it loses %s ms on others", render.Millis(b.cost))
		if len(b.lostOn) > 0 {
			line += ": " + strings.Join(b.lostOn, ", ")
		}
	}
	return v.out.Printf("%s\n", render.Harmless(line))
}

// finish writes the statistics that are held back, and the counts of a run with more than one target, or with nothing else
// to show.
func (v *probeText) finish(end *probeEnd) error {
	if err := v.stats.finish(); err != nil {
		return err
	}
	if end.targets == 0 || v.one && end.targets == 1 && end.notProbed == 0 && !v.flags.quiet {
		return nil
	}
	var parts []string
	for _, n := range []struct {
		n    uint64
		what string
	}{
		{end.open, "open"}, {end.closed, "closed"}, {end.rejected, "rejected"}, {end.unreachable, "unreachable"},
		{end.filtered, "filtered"}, {end.errors, "could not be tried"}, {end.excluded, "excluded"}, {end.notProbed, "not probed"},
	} {
		if n.n > 0 || n.what == "open" {
			parts = append(parts, fmt.Sprintf("%d %s", n.n, n.what))
		}
	}
	what := plural(end.targets, "port")
	if begun := end.targets - end.notProbed; end.probes != begun {
		what = plural(end.probes, "probe") + " of " + what
	}
	return v.out.Printf("%s in %.2f s: %s\n", what, end.took.Seconds(), strings.Join(parts, ", "))
}

// plural returns n things, in words.
func plural(n uint64, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}
