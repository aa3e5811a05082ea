package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
)

// The types below are what readers of the JSON lines rely on, written down a second time. A
// field that is a pointer may be null or absent.

type startLine struct {
	Type, Schema string
	Time         time.Time
	Count        *int64
	IntervalMs   float64 `json:"interval_ms"`
	TimeoutMs    float64 `json:"timeout_ms"`
	DataBytes    int     `json:"data_bytes"`
}

type eventLine struct {
	Type         string
	Time         time.Time
	Target, Addr *string
	Seq          *int64
	From         *string
	Bytes, TTL   *int
	RTTMs        *float64 `json:"rtt_ms"`
	Timestamps   *string
	ICMPType     *int `json:"icmp_type"`
	ICMPCode     *int `json:"icmp_code"`
	Message      *string
	MTU          *int
	Gateway      *string
	PauseMs      *float64 `json:"pause_ms"`
	LocalDrops   *int     `json:"local_drops"`
}

type summaryLine struct {
	Type                                    string
	Time                                    time.Time
	Target                                  string
	Addr                                    *string
	Sent, Received, Late, Lost, Timeouts    int
	InFlight                                int      `json:"in_flight"`
	ICMPErrors                              int      `json:"icmp_errors"`
	LossPercent                             *float64 `json:"loss_percent"`
	Duplicates, Corrupt, Foreign, Reordered int
	Redirects                               int
	SendErrors                              int                                                     `json:"send_errors"`
	LocalDrops                              int                                                     `json:"local_drops"`
	RTTMs                                   *struct{ Min, Avg, Max, StdDev, P50, P90, P99 float64 } `json:"rtt_ms"`
	JitterMs                                *float64                                                `json:"jitter_ms"`
	Error                                   *string
}

// pingReport is what JSON lines of ping say.
type pingReport struct {
	start     startLine
	events    []eventLine
	summaries []summaryLine
}

// readReport decodes the lines of a run that has ended and checks what holds for every run.
func readReport(t *testing.T, out string) *pingReport {
	t.Helper()
	r := &pingReport{}
	if !strings.HasSuffix(out, "\n") {
		t.Errorf("the output does not end with a line: %q", out)
	}
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	for i, line := range lines {
		var kind struct{ Type string }
		if err := json.Unmarshal([]byte(line), &kind); err != nil {
			t.Fatalf("line %d is no JSON: %v\n%s", i+1, err, line)
		}
		checkNothingEmpty(t, line)
		switch kind.Type {
		case "start":
			strictly(t, line, &r.start)
			if i != 0 || r.start.Schema != "netdiag.ping/1" {
				t.Errorf("line %d: %s", i+1, line)
			}
		case "summary":
			strictly(t, line, r.addSummary())
		default:
			strictly(t, line, r.addEvent())
			checkEvent(t, line, &r.events[len(r.events)-1])
		}
		if last := i == len(lines)-1; last && kind.Type != "summary" || i == 0 && kind.Type != "start" {
			t.Errorf("line %d of %d: %s", i+1, len(lines), line)
		}
	}
	for i := range r.summaries {
		checkSums(t, &r.summaries[i])
	}
	return r
}

func (r *pingReport) addSummary() *summaryLine {
	r.summaries = append(r.summaries, summaryLine{})
	return &r.summaries[len(r.summaries)-1]
}

func (r *pingReport) addEvent() *eventLine {
	r.events = append(r.events, eventLine{})
	return &r.events[len(r.events)-1]
}

// summary returns the only summary.
func (r *pingReport) summary(t *testing.T) summaryLine {
	t.Helper()
	if len(r.summaries) != 1 {
		t.Fatalf("%d summaries, want one", len(r.summaries))
	}
	return r.summaries[0]
}

// of returns the events of a kind.
func (r *pingReport) of(kind string) []eventLine {
	return slices.DeleteFunc(slices.Clone(r.events), func(e eventLine) bool { return e.Type != kind })
}

// strictly decodes line into v, which must have all of its fields.
func strictly(t *testing.T, line string, v any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		t.Errorf("%v in %s", err, line)
	}
}

// checkNothingEmpty fails for what should be null or absent: empty text, and zero where that cannot be.
func checkNothingEmpty(t *testing.T, line string) {
	t.Helper()
	for _, bad := range []string{`:""`, `"ttl":0`, `"mtu":0`, `"bytes":0,`, `"pause_ms":0`, `"from":null`} {
		if strings.Contains(line, bad) {
			t.Errorf("%s in %s", bad, line)
		}
	}
}

// checkEvent fails for an event without what its type has.
func checkEvent(t *testing.T, line string, e *eventLine) {
	t.Helper()
	for _, key := range []string{`"target":`, `"addr":`, `"seq":`, `"time":`} {
		if !strings.Contains(line, key) {
			t.Errorf("no %s in %s", key, line)
		}
	}
	probe := e.Target != nil && e.Addr != nil && e.Seq != nil
	good := false
	switch e.Type {
	case "reply", "late", "duplicate":
		good = probe && e.From != nil && e.Bytes != nil && e.TTL != nil && e.RTTMs != nil && *e.RTTMs > 0 &&
			e.Timestamps != nil && (*e.Timestamps == "kernel" || *e.Timestamps == "user")
	case "timeout":
		good = probe && e.From == nil && e.RTTMs == nil
	case "icmp_error", "redirect":
		good = probe && e.From != nil && e.ICMPType != nil && e.ICMPCode != nil && e.Message != nil
	case "send_error":
		good = probe && e.Message != nil && e.From == nil
	case "corrupt", "foreign":
		good = (probe || e.Type == "foreign") && e.From != nil && e.RTTMs == nil
	case "pause":
		good = e.Target == nil && e.PauseMs != nil
	case "local_drops":
		good = e.Target == nil && e.LocalDrops != nil && *e.LocalDrops > 0
	}
	if !good {
		t.Errorf("not all that an event of its type has, or too much: %s", line)
	}
}

// checkSums fails for counters that contradict each other.
func checkSums(t *testing.T, s *summaryLine) {
	t.Helper()
	if s.Sent != s.Received+s.Late+s.Lost+s.InFlight {
		t.Errorf("sent is not received + late + lost + in_flight: %+v", *s)
	}
	if s.Lost != s.Timeouts+s.ICMPErrors {
		t.Errorf("lost is not timeouts + icmp_errors: %+v", *s)
	}
	settled := s.Sent - s.InFlight
	if (s.LossPercent == nil) != (settled == 0) {
		t.Errorf("loss_percent of %d probes with an outcome: %v", settled, s.LossPercent)
	}
	if s.LossPercent != nil && *s.LossPercent != float64(100*s.Lost)/float64(settled) {
		t.Errorf("loss_percent is %v, with %d lost of %d", *s.LossPercent, s.Lost, settled)
	}
	if (s.RTTMs == nil) != (s.Received == 0) || s.Received < 2 && s.JitterMs != nil {
		t.Errorf("%d received, and rtt_ms %v, jitter_ms %v", s.Received, s.RTTMs, s.JitterMs)
	}
	if r := s.RTTMs; r != nil && (r.Min > r.P50 || r.P50 > r.P90 || r.P90 > r.P99 || r.P99 > r.Max || r.Min > r.Avg || r.Avg > r.Max) {
		t.Errorf("rtt_ms out of order: %+v", *r)
	}
	if s.Error != nil && s.Sent == 0 && s.LossPercent != nil {
		t.Errorf("a loss of what was never sent: %+v", *s)
	}
}

// checkCounts fails where the events of a target are not what its summary counts.
func (r *pingReport) checkCounts(t *testing.T) {
	t.Helper()
	for _, s := range r.summaries {
		n := make(map[string]int)
		for _, e := range r.events {
			if e.Target != nil && *e.Target == s.Target {
				n[e.Type]++
			}
		}
		for kind, want := range map[string]int{
			"reply": s.Received, "late": s.Late, "timeout": s.Timeouts + s.Late, "icmp_error": s.ICMPErrors, "duplicate": s.Duplicates,
			"corrupt": s.Corrupt, "foreign": s.Foreign, "redirect": s.Redirects, "send_error": s.SendErrors,
		} {
			if n[kind] != want {
				t.Errorf("%s: %d events of type %s, but the summary says %d", s.Target, n[kind], kind, want)
			}
		}
	}
}

// TestPingJSON has one line of each kind, byte for byte but for the time of the start and the summaries.
func TestPingJSON(t *testing.T) {
	out, errs, st := showPing(t, pingScene{json: true, events: everyEvent()})
	if st != yes {
		t.Errorf("status %d", st)
	}
	report := readReport(t, out)
	report.checkCounts(t)
	checkGolden(t, "ping/events.json", maskTimes(out))
	checkGolden(t, "ping/events-stderr.txt", errs)
}

func TestPingJSONQuiet(t *testing.T) {
	out, _, _ := showPing(t, pingScene{json: true, events: everyEvent(), set: func(f *pingFlags) { f.quiet = true }})
	report := readReport(t, out)
	if len(report.events) != 0 || len(report.summaries) != 1 {
		t.Errorf("-q leaves %d events and %d summaries", len(report.events), len(report.summaries))
	}
	if s := report.summary(t); s.Received != 2 {
		t.Errorf("-q counts %d replies", s.Received)
	}
}

// TestPingJSONTellsTheLastFirst has the engine tell of something after a target is done: the summary is
// the last line all the same, and counts it.
func TestPingJSONTellsTheLastFirst(t *testing.T) {
	events := []event{sent(0), reply0(0, 10*ms), finished(), drops(7), strange()}
	out, _, _ := showPing(t, pingScene{json: true, events: events})
	if s := readReport(t, out).summary(t); s.LocalDrops != 7 {
		t.Errorf("local_drops is %d", s.LocalDrops)
	}
}

// maskTimes replaces the times that a run takes from the clock.
func maskTimes(out string) string {
	var b bytes.Buffer
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, `{"type":"start"`) || strings.HasPrefix(line, `{"type":"summary"`) {
			before, rest, _ := strings.Cut(line, `"time":"`)
			_, after, _ := strings.Cut(rest, `"`)
			line = before + `"time":"NOW"` + after
		}
		b.WriteString(line)
	}
	return b.String()
}
