package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/netdiag/netdiag/internal/render"
	"github.com/netdiag/netdiag/ping"
)

// pingLines is the text of a run while it goes on: a line an event, or with flood a character.
type pingLines struct {
	out   *render.Writer
	color render.Color

	named                               bool // lines begin with their target
	quiet, flood, stamps, bell, verbose bool
}

func (v *pingLines) start() error            { return nil }
func (v *pingLines) begin(*pingTarget) error { return nil }

func (v *pingLines) event(t *pingTarget, e ping.Event) error {
	if v.quiet {
		return nil
	}
	if v.flood {
		_, err := v.out.WriteString(dot(e.Kind))
		return err
	}
	line := v.line(e)
	if line == "" {
		return nil
	}
	prefix := ""
	if v.stamps {
		prefix = fmt.Sprintf("[%d.%06d] ", e.Time.Unix(), e.Time.Nanosecond()/1000)
	}
	if v.named && t != nil {
		prefix += v.color.Strong(render.Harmless(t.text)) + ": "
	}
	bell := ""
	if v.bell && e.Kind == ping.Reply {
		bell = "\a"
	}
	return v.out.Printf("%s%s%s\n", prefix, line, bell)
}

// line is what an event looks like; empty for one that is not shown.
func (v *pingLines) line(e ping.Event) string {
	switch e.Kind {
	case ping.Reply:
		return reply(e)
	case ping.Duplicate:
		return reply(e) + v.color.Doubtful(" (DUP!)")
	case ping.Late:
		return reply(e) + v.color.Doubtful(" (LATE!)")
	case ping.Timeout:
		return v.color.Bad("Request timeout for icmp_seq " + count(e.Seq))
	case ping.ICMPError, ping.Redirect:
		return answer(e) + " " + v.color.Bad(e.Message)
	case ping.SendError:
		return v.color.Bad("sendto: "+e.Err.Error()) + " (icmp_seq=" + count(e.Seq) + " was not sent)"
	case ping.Corrupt:
		return answer(e) + v.color.Bad(" (CORRUPT!)")
	case ping.Foreign:
		return answer(e) + v.color.Doubtful(" (not an answer to us)")
	}
	return ""
}

// reply is a line about an echo reply with a round trip.
func reply(e ping.Event) string { return answer(e) + " time=" + render.Millis(e.RTT) + " ms" }

// answer is the beginning of a line about something received. The TTL is shown of echo replies only.
func answer(e ping.Event) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d bytes from %v:", e.Size, e.From)
	if e.Seq >= 0 {
		fmt.Fprintf(&b, " icmp_seq=%d", e.Seq)
	}
	if e.TTL > 0 && e.Kind != ping.ICMPError && e.Kind != ping.Redirect {
		fmt.Fprintf(&b, " ttl=%d", e.TTL)
	}
	return b.String()
}

// dot is the display of -f: a dot for every request, taken away by its reply.
func dot(k ping.Kind) string {
	switch k {
	case ping.Sent:
		return "."
	case ping.Reply, ping.Late:
		return "\b \b"
	case ping.ICMPError:
		return "\bE"
	case ping.SendError: // it has no dot
		return "E"
	case ping.Corrupt:
		return "\bC"
	}
	return ""
}

// pingText is the text of ping with one target, as BSD has it.
type pingText struct {
	pingLines
	size    int // data bytes
	timeout time.Duration
}

func (v *pingText) begin(t *pingTarget) error {
	return v.out.Printf("PING %s (%s): %d data bytes\n", render.Harmless(t.text), render.Harmless(t.addr.String()), v.size)
}

func (v *pingText) finish() error { return nil }

// done writes the end of BSD's ping. Of a target that could not even begin the error says it all.
func (v *pingText) done(t *pingTarget) error {
	if t.err != nil && t.stats.Sent == 0 {
		return nil
	}
	var b strings.Builder
	if v.flood && !v.quiet {
		b.WriteString("\n") // ends the dots
	}
	fmt.Fprintf(&b, "\n--- %s ping statistics ---\n", render.Harmless(t.text))
	v.counts(&b, &t.stats)
	v.times(&b, &t.stats)
	_, err := v.out.WriteString(b.String())
	return err
}

// counts writes how many packets there were of each kind.
func (v *pingText) counts(b *strings.Builder, s *ping.Stats) {
	fmt.Fprintf(b, "%d packets transmitted, %d packets received", s.Sent, s.Received)
	for _, beside := range []struct {
		n    int64
		what string
	}{
		{s.Duplicates, "duplicates"}, {s.Corrupt, "corrupted"}, {s.Foreign, "foreign"},
		{s.ICMPErrors, "errors"}, {s.SendErrors, "send errors"},
	} {
		if beside.n > 0 {
			fmt.Fprintf(b, ", +%d %s", beside.n, beside.what)
		}
	}
	if loss, ok := s.Loss(); ok {
		b.WriteString(", " + v.loss(loss) + " packet loss")
	}
	if s.Late > 0 {
		fmt.Fprintf(b, ", %d packets out of wait time", s.Late)
	}
	if n := s.InFlight(); n > 0 {
		fmt.Fprintf(b, ", %d still in flight", n)
	}
	b.WriteString("\n")
	if s.Late > 0 && s.Received == 0 {
		fmt.Fprintf(b, "no reply came in time: within %v (-W)\n", v.timeout)
	}
}

// times writes what the round trips add up to, if there were any.
func (v *pingText) times(b *strings.Builder, s *ping.Stats) {
	rtt := s.RTT()
	if rtt.N == 0 {
		return
	}
	fmt.Fprintf(b, "round-trip min/avg/max/stddev = %s/%s/%s/%s ms\n", render.Millis(rtt.Min),
		render.Millis(rtt.Mean), render.Millis(rtt.Max), render.Millis(rtt.StdDev))
	if !v.verbose {
		return
	}
	fmt.Fprintf(b, "round-trip p50/p90/p99 = %s/%s/%s ms", render.Millis(rtt.P50), render.Millis(rtt.P90), render.Millis(rtt.P99))
	if jitter, ok := s.Jitter(); ok {
		fmt.Fprintf(b, ", jitter %s ms", render.Millis(jitter))
	}
	b.WriteString("\n")
}

// loss writes a share of loss in the colour that it deserves.
func (v *pingText) loss(p float64) string {
	s := percent(p)
	switch p {
	case 0:
		return v.color.Good(s)
	case 100:
		return v.color.Bad(s)
	}
	return v.color.Doubtful(s)
}

// percent writes p percent with as many decimals as it takes to tell it from none and from all.
func percent(p float64) string {
	for decimals := 1; decimals < 9; decimals++ {
		s := strconv.FormatFloat(p, 'f', decimals, 64)
		rounded, _ := strconv.ParseFloat(s, 64)
		if (rounded == 0) == (p == 0) && (rounded == 100) == (p == 100) {
			return s + "%"
		}
	}
	return strconv.FormatFloat(p, 'g', 3, 64) + "%"
}

func count(n int64) string { return strconv.FormatInt(n, 10) }
