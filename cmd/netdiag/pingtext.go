package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/netdiag/netdiag/internal/render"
	"github.com/netdiag/netdiag/ping"
)

// pingText is the text of ping: BSD's lines for one target; for several, lines that
// carry the target, and a table at the end.
type pingText struct {
	out   *render.Writer
	color render.Color
	opt   pingOptions
	rows  []*pingTarget // that the table will show; nil once it is written as targets finish
	table *render.Table
}

// rowsHeld is how many targets the table waits for, to show them in the order given. What is beyond
// is written as it finishes, so that memory does not grow with the targets.
const rowsHeld = 10_000

func (v *pingText) start() error { return nil }

func (v *pingText) begin(t *pingTarget) error {
	if v.opt.many {
		return nil
	}
	return v.out.Printf("PING %s (%v): %d data bytes\n", t.text, t.addr, v.opt.size)
}

func (v *pingText) event(t *pingTarget, e ping.Event) error {
	if v.opt.quiet {
		return nil
	}
	if v.opt.flood {
		return v.dots(e)
	}
	line := v.line(e)
	if line == "" {
		return nil
	}
	prefix := ""
	if v.opt.stamps {
		prefix = fmt.Sprintf("[%d.%06d] ", e.Time.Unix(), e.Time.Nanosecond()/1000)
	}
	if v.opt.many && t != nil {
		prefix += v.color.Strong(t.text) + ": "
	}
	bell := ""
	if v.opt.bell && e.Kind == ping.Reply {
		bell = "\a"
	}
	return v.out.Printf("%s%s%s\n", prefix, line, bell)
}

// line is what an event looks like; empty for one that is not shown.
func (v *pingText) line(e ping.Event) string {
	switch e.Kind {
	case ping.Reply:
		return v.reply(e, "")
	case ping.Duplicate:
		return v.reply(e, v.color.Doubtful(" (DUP!)"))
	case ping.Late:
		return v.reply(e, v.color.Doubtful(" (LATE!)"))
	case ping.Timeout:
		return v.color.Bad("Request timeout for icmp_seq " + strconv.FormatInt(e.Seq, 10))
	case ping.ICMPError, ping.Redirect:
		return fmt.Sprintf("%d bytes from %v: icmp_seq=%d %s", e.Size, e.From, e.Seq, v.color.Bad(e.Message))
	case ping.SendError:
		return v.color.Bad(fmt.Sprintf("sendto: %v", e.Err)) + fmt.Sprintf(" (icmp_seq=%d was not sent)", e.Seq)
	case ping.Corrupt:
		return v.answer(e) + v.color.Bad(" (CORRUPT!)")
	case ping.Foreign:
		return v.answer(e) + v.color.Doubtful(" (not an answer to us)")
	}
	return ""
}

func (v *pingText) reply(e ping.Event, note string) string {
	return v.answer(e) + " time=" + render.Millis(e.RTT) + " ms" + note
}

// answer is the beginning of a line about an echo reply.
func (v *pingText) answer(e ping.Event) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d bytes from %v:", e.Size, e.From)
	if e.Seq >= 0 {
		fmt.Fprintf(&b, " icmp_seq=%d", e.Seq)
	}
	if e.TTL > 0 {
		fmt.Fprintf(&b, " ttl=%d", e.TTL)
	}
	return b.String()
}

// dots is the display of -f: a dot for every request, taken away by its reply.
func (v *pingText) dots(e ping.Event) error {
	mark := ""
	switch e.Kind {
	case ping.Sent:
		mark = "."
	case ping.Reply, ping.Late:
		mark = "\b \b"
	case ping.ICMPError, ping.SendError:
		mark = "\bE"
	case ping.Corrupt:
		mark = "\bC"
	}
	_, err := v.out.WriteString(mark)
	return err
}

// done is called when a target has ended, in the order in which they do.
func (v *pingText) done(t *pingTarget) error {
	if !v.opt.many && t.err != nil && t.stats.Sent == 0 {
		return nil // the error says it all
	}
	if !v.opt.many {
		return v.summary(t)
	}
	if v.table == nil {
		v.rows = append(v.rows, t)
		if len(v.rows) > rowsHeld {
			return v.writeRows()
		}
		return nil
	}
	return v.row(t)
}

// finish writes what was held back.
func (v *pingText) finish() error {
	if !v.opt.many {
		return nil
	}
	if v.table == nil {
		if err := v.writeRows(); err != nil {
			return err
		}
	}
	return v.table.Flush()
}

// summary is the end of BSD's ping.
func (v *pingText) summary(t *pingTarget) error {
	s := &t.stats
	var b strings.Builder
	if v.opt.flood {
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "\n--- %s ping statistics ---\n", t.text)
	fmt.Fprintf(&b, "%d packets transmitted, %d packets received", s.Sent, s.Received)
	for _, beside := range []struct {
		n    int64
		what string
	}{
		{s.Duplicates, "duplicates"}, {s.Corrupt, "corrupted"}, {s.Foreign, "foreign"},
		{s.ICMPErrors, "errors"}, {s.SendErrors, "send errors"},
	} {
		if beside.n > 0 {
			fmt.Fprintf(&b, ", +%d %s", beside.n, beside.what)
		}
	}
	if share, ok := s.Loss(); ok {
		b.WriteString(", " + v.loss(share) + " packet loss")
	}
	if s.Late > 0 {
		fmt.Fprintf(&b, ", %d packets out of wait time", s.Late)
	}
	if n := s.InFlight(); n > 0 {
		fmt.Fprintf(&b, ", %d still in flight", n)
	}
	b.WriteString("\n")
	if rtt := s.RTT(); rtt.N > 0 {
		fmt.Fprintf(&b, "round-trip min/avg/max/stddev = %s/%s/%s/%s ms\n", render.Millis(rtt.Min),
			render.Millis(rtt.Mean), render.Millis(rtt.Max), render.Millis(rtt.StdDev))
		if v.opt.verbose {
			fmt.Fprintf(&b, "round-trip p50/p90/p99 = %s/%s/%s ms", render.Millis(rtt.P50), render.Millis(rtt.P90), render.Millis(rtt.P99))
			if jitter, ok := s.Jitter(); ok {
				fmt.Fprintf(&b, ", jitter %s ms", render.Millis(jitter))
			}
			b.WriteString("\n")
		}
	}
	_, err := v.out.WriteString(b.String())
	return err
}

func (v *pingText) loss(share float64) string {
	s := percent(share)
	switch share {
	case 0:
		return v.color.Good(s)
	case 1:
		return v.color.Bad(s)
	}
	return v.color.Doubtful(s)
}

// percent writes a share with as many decimals as it takes to tell it from none and from all.
func percent(share float64) string {
	p := share * 100
	for decimals := 1; decimals < 9; decimals++ {
		s := strconv.FormatFloat(p, 'f', decimals, 64)
		rounded, _ := strconv.ParseFloat(s, 64)
		if (rounded == 0) == (p == 0) && (rounded == 100) == (p == 100) {
			return s + "%"
		}
	}
	return strconv.FormatFloat(p, 'g', 3, 64) + "%"
}

// writeRows begins the table with the rows held back, in the order of the command line.
func (v *pingText) writeRows() error {
	if err := v.out.Printf("\n"); err != nil {
		return err
	}
	number := func(title string) render.Column { return render.Column{Title: title, Right: true} }
	v.table = render.NewTable(v.out, render.Column{Title: "host"}, number("sent"), number("received"), number("late"),
		number("lost"), number("loss"), number("min ms"), number("avg"), number("max"), number("stddev"), render.Column{})
	sortTargets(v.rows)
	for _, t := range v.rows {
		if err := v.row(t); err != nil {
			return err
		}
	}
	v.rows = nil
	return nil
}

func (v *pingText) row(t *pingTarget) error {
	if t.err != nil {
		return v.table.Row(t.text, "", "", "", "", "", "", "", "", "", t.err.Error())
	}
	s, rtt := &t.stats, t.stats.RTT()
	loss := "-"
	if share, ok := s.Loss(); ok {
		loss = percent(share)
	}
	times := [4]string{"-", "-", "-", "-"}
	if rtt.N > 0 {
		times = [4]string{render.Millis(rtt.Min), render.Millis(rtt.Mean), render.Millis(rtt.Max), render.Millis(rtt.StdDev)}
	}
	return v.table.Row(t.text, count(s.Sent), count(s.Received), count(s.Late), count(s.Lost()), loss,
		times[0], times[1], times[2], times[3], v.besides(s))
}

// besides names what a row has no column for.
func (v *pingText) besides(s *ping.Stats) string {
	var notes []string
	for _, n := range []struct {
		n    int64
		what string
	}{
		{s.ICMPErrors, "ICMP errors"}, {s.Duplicates, "duplicates"}, {s.Corrupt, "corrupt"}, {s.Foreign, "foreign"},
		{s.SendErrors, "not sent"}, {s.InFlight(), "in flight"},
	} {
		if n.n > 0 {
			notes = append(notes, fmt.Sprintf("%d %s", n.n, n.what))
		}
	}
	return strings.Join(notes, ", ")
}

func count(n int64) string { return strconv.FormatInt(n, 10) }

// pingAlive is the text of --alive: a line a target, as soon as it is known.
type pingAlive struct {
	out   *render.Writer
	color render.Color
	opt   pingOptions
}

func (v *pingAlive) start() error            { return nil }
func (v *pingAlive) begin(*pingTarget) error { return nil }
func (v *pingAlive) finish() error           { return nil }

func (v *pingAlive) event(t *pingTarget, e ping.Event) error {
	if e.Kind != ping.Reply || v.opt.quiet {
		return nil
	}
	return v.out.Printf("%s is %s (%s ms)\n", t.text, v.color.Good("alive"), significant(e.RTT))
}

func (v *pingAlive) done(t *pingTarget) error {
	s := &t.stats
	switch {
	case s.Received > 0, v.opt.quiet:
		return nil
	case t.err != nil:
		return v.out.Printf("%s is %s (%v)\n", t.text, v.color.Bad("unreachable"), t.err)
	case s.Late > 0:
		return v.out.Printf("%s is %s (it answered %s, too late)\n", t.text, v.color.Bad("unreachable"), times(s.Late))
	}
	return v.out.Printf("%s is %s\n", t.text, v.color.Bad("unreachable"))
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
	return strings.TrimRight(strings.TrimRight(strconv.FormatFloat(ms, 'f', min(decimals, 6), 64), "0"), ".")
}
