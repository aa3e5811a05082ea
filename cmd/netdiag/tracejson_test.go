package main

import (
	"encoding/json"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/netdiag/netdiag/trace"
)

// The types below are what readers of the JSON lines rely on, written down a second time. A
// field that is a pointer may be null or absent.

type traceStartLine struct {
	Type, Schema, Method string
	Time                 time.Time
	Port, Flows          *int
	FirstTTL             int `json:"first_ttl"`
	MaxTTL               int `json:"max_ttl"`
	Rounds               int
	WaitMs               float64 `json:"wait_ms"`
	Gap                  *int
	Multipath            bool
	Confidence           *float64
}

type labelLine struct {
	Label, TC, TTL int
	Bottom         bool
}

type timesLine struct{ Min, Avg, Max, StdDev float64 }

type traceProbeLine struct {
	Type             string
	Time             time.Time
	Target, Addr     *string
	TTL, Flow, Seq   *int
	Round            int
	From, Name       *string
	ASN              *int
	ASNs             []int
	RTTMs            *float64 `json:"rtt_ms"`
	Timestamps       *string
	Reached, Stopped *bool
	ICMPType         *int    `json:"icmp_type"`
	ICMPCode         *int    `json:"icmp_code"`
	TCPFlags         *string `json:"tcp_flags"`
	Message          *string
	MTU              *int
	ReplyTTL         *int `json:"reply_ttl"`
	ReplyTOS         *int `json:"reply_tos"`
	Back             *int
	MPLS             []labelLine
	Interfaces       []struct {
		Role       string
		Index, MTU *int
		Addr, Name *string
	}
	Objects []struct {
		Class, Type int
		Data        string
	}
	Changes []struct{ Field, Sent, Quoted string }
	Note    *string
}

type traceHopLine struct {
	Type         string
	Time         time.Time
	Target, Addr string
	TTL          int
	Addrs        []struct {
		Addr  string
		Name  *string
		ASN   *int
		ASNs  []int
		RTTMs *timesLine `json:"rtt_ms"`
		Flows []int
	}
	Sent, Lost  int
	RateLimited bool `json:"rate_limited"`
	Bound       *float64
	Changes     []struct{ Field, Sent, Quoted string }
}

type traceNodeLine struct {
	Type          string
	Time          time.Time
	Target        string
	Addr          *string
	TTL           int
	ID, Balancer  string
	Confidence    *float64
	RTTMs         *timesLine `json:"rtt_ms"`
	Flows         []int
	MPLS          []labelLine
	Reached, Loop bool
	Name          *string
	ASN           *int
}

type traceLinkLine struct {
	Type         string
	Time         time.Time
	Target, Addr string
	From, To     string
	TTL          int
	Flows        []int
}

type traceSummaryLine struct {
	Type             string
	Time             time.Time
	Target, Method   string
	Addr, Source     *string
	Sockets          *string
	Reached, Alive   bool
	StopReason       string `json:"stop_reason"`
	Hops             *int
	Probes           int
	InFlight         int `json:"in_flight"`
	Checks           int
	RateLimited      []int `json:"rate_limited"`
	Seconds          float64
	AliveBy          *string `json:"alive_by"`
	Late, Duplicates int
	Foreign          int
	SendErrors       int `json:"send_errors"`
	PathMTU          *struct {
		MTU   *int
		Steps []struct {
			TTL  *int
			From *string
			MTU  int
		}
		BlackHole *int `json:"black_hole_ttl"`
	} `json:"path_mtu"`
	Nodes, Links      *int
	Confidence, Bound *float64
	Lite              *bool
	Caveats           []string
	Error             *string
}

// traceLinesOf are the JSON lines of a run of trace.
type traceLinesOf struct {
	start     traceStartLine
	probes    []traceProbeLine // with all other types that are about one
	hops      []traceHopLine
	nodes     []traceNodeLine
	links     []traceLinkLine
	summaries []traceSummaryLine
}

// readTrace decodes the lines of a run that has ended and checks what holds for every run.
func readTrace(t *testing.T, out string) *traceLinesOf {
	t.Helper()
	r := &traceLinesOf{}
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	for i, line := range lines {
		var kind struct{ Type string }
		if err := json.Unmarshal([]byte(line), &kind); err != nil {
			t.Fatalf("line %d is no JSON: %v\n%s", i+1, err, line)
		}
		if bad := strings.Contains(line, `:""`) || strings.Contains(line, `_ttl":0`) || strings.Contains(line, `"mtu":0`); bad {
			t.Errorf("something that does not exist is there: %s", line)
		}
		switch kind.Type {
		case "start":
			strictly(t, line, &r.start)
			if i != 0 || r.start.Schema != "netdiag.trace/1" {
				t.Errorf("line %d: %s", i+1, line)
			}
		case "hop":
			strictly(t, line, added(&r.hops))
		case "node":
			strictly(t, line, added(&r.nodes))
		case "link":
			strictly(t, line, added(&r.links))
		case "summary":
			strictly(t, line, added(&r.summaries))
		default:
			strictly(t, line, added(&r.probes))
			checkTraceProbe(t, line, &r.probes[len(r.probes)-1])
		}
		if last := i == len(lines)-1; last && kind.Type != "summary" || i == 0 && kind.Type != "start" {
			t.Errorf("line %d of %d: %s", i+1, len(lines), line)
		}
	}
	for _, s := range r.summaries {
		r.checkSummary(t, s)
	}
	return r
}

// added appends a new element and returns it.
func added[T any](to *[]T) *T {
	var zero T
	*to = append(*to, zero)
	return &(*to)[len(*to)-1]
}

// checkTraceProbe fails for a line without what its type has.
func checkTraceProbe(t *testing.T, line string, p *traceProbeLine) {
	t.Helper()
	for _, key := range []string{`"target":`, `"addr":`, `"ttl":`, `"flow":`, `"seq":`, `"from":`, `"rtt_ms":`} {
		if !strings.Contains(line, key) {
			t.Errorf("no %s in %s", key, line)
		}
	}
	about := p.Target != nil && p.Addr != nil && p.TTL != nil && p.Flow != nil && p.Seq != nil
	answered := p.From != nil && p.RTTMs != nil && p.Timestamps != nil && p.Reached != nil && p.Stopped != nil
	good := false
	switch p.Type {
	case "probe":
		good = about && (answered || p.From == nil && p.RTTMs == nil && p.ICMPType == nil && p.Reached == nil)
	case "late", "duplicate":
		good = about && answered
	case "foreign":
		good = p.From != nil && p.Note != nil && p.RTTMs == nil
	case "send_error":
		good = about && p.Message != nil && p.From == nil
	}
	if !good || (p.ICMPType == nil) != (p.ICMPCode == nil) {
		t.Errorf("not all that a line of its type has, or too much: %s", line)
	}
}

// checkSummary fails where a summary contradicts itself or the lines before it.
func (r *traceLinesOf) checkSummary(t *testing.T, s traceSummaryLine) {
	t.Helper()
	n := make(map[string]int)
	for _, p := range r.probes {
		if p.Target != nil && *p.Target == s.Target {
			n[p.Type]++
		}
	}
	for kind, want := range map[string]int{"probe": s.Probes - s.InFlight - s.Checks, "late": s.Late, "duplicate": s.Duplicates, "foreign": s.Foreign, "send_error": s.SendErrors} {
		if n[kind] != want && (s.StopReason != "interrupted" || n[kind] > want) {
			t.Errorf("%s: %d lines of type %s, but the summary says %d", s.Target, n[kind], kind, want)
		}
	}
	switch s.StopReason {
	case "destination", "unreachable", "gap", "max_ttl", "deadline", "interrupted":
	case "error":
		if s.Error == nil {
			t.Errorf("%s: no error with stop_reason error", s.Target)
		}
	default:
		t.Errorf("%s: stop_reason %s", s.Target, s.StopReason)
	}
	if multipath := r.start.Multipath && s.Sockets != nil; multipath != (s.Nodes != nil) || multipath != (s.Links != nil) ||
		multipath != (s.Bound != nil) || multipath != (s.Confidence != nil) {
		t.Errorf("%s: nodes %v, links %v, bound %v, confidence %v", s.Target, s.Nodes, s.Links, s.Bound, s.Confidence)
	}
}

// everyTraceEvent is a trace with a line of each kind.
func everyTraceEvent() []trace.Event {
	w := walkTo(0, "192.0.2.9")
	w.tell(trace.Event{Kind: trace.SendError, Err: syscall.EPERM, Probe: trace.Probe{TTL: 1, Flow: 2, Seq: 99}})
	rich := exceededBy("10.0.0.1", 1234567)
	rich.Kernel, rich.ReplyTOS, rich.Note = true, 0xb8, "a note"
	rich.Labels = []trace.Label{{Label: 24015, TC: 5, Bottom: true, TTL: 1}}
	rich.Interfaces = []trace.Interface{{Role: 2, Index: 7, Addr: netip.MustParseAddr("10.9.9.1"), Name: "\u202ege-0", MTU: 9000}, {Role: 1}}
	rich.Objects = []trace.Object{{Class: 250, Type: 1, Data: []byte{1, 0xfe}}}
	rich.Changes = []trace.Change{{Field: trace.FieldDSCP, Sent: "46", Quoted: "0"}}
	w.hopLike(trace.Hop{TTL: 1, RateLimited: true, Changes: rich.Changes}, rich, silent, exceededBy("10.0.0.2", 2*ms))
	late := exceededBy("10.0.0.1", 3100*ms)
	late.TTL, late.Flow, late.Seq = 1, 1, 1
	w.tell(trace.Event{Kind: trace.Late, Probe: late})
	w.tell(trace.Event{Kind: trace.Duplicate, Probe: late})
	forged := exceededBy("10.6.6.6", 0)
	forged.Note = "it quotes another's datagram"
	w.tell(trace.Event{Kind: trace.Foreign, Probe: forged})
	forged.TTL, forged.Flow = 1, 2
	w.tell(trace.Event{Kind: trace.Foreign, Probe: forged})
	tooBig := stopped("10.0.0.3", 3, 4, 4*ms)
	tooBig.MTU = 1280
	tcp := trace.Probe{From: w.target, RTT: 5 * ms, Reached: true, TCPFlags: 0x12, Message: "port open"}
	w.hop(2, tooBig, tcp)
	steps := []trace.MTUStep{{MTU: 1500}, {TTL: 2, From: netip.MustParseAddr("10.0.0.3"), MTU: 1280}}
	return w.done(trace.Result{Method: trace.TCP, Reached: true, Raw: true, Stop: trace.StopDestination, Hops: 2, Late: 1, Duplicates: 1, Foreign: 2,
		SendErrors: 1, PathMTU: &trace.PathMTU{MTU: 1280, Steps: steps, BlackHole: 3}, Caveats: []string{"a caveat"}})
}

func TestTraceJSON(t *testing.T) {
	find := fakeReverse{names: map[string]string{"10.0.0.1": "a\x1b\u202eb.example"}, origins: map[string][]uint32{"10.0.0.1": {64496, 64497}, "10.0.0.2": {64496}}}
	events := everyTraceEvent()
	stray := trace.Event{Kind: trace.Foreign, Index: -1, Time: eventTime, Probe: trace.Probe{From: routerAddr, Note: "it is about nothing"}}
	// The one before the end is told of, the one behind it would follow the last summary.
	events = append(append(append(events[:3:3], stray), events[3:]...), stray)
	out, errs, st := showTrace(t, traceScene{args: "--json -A -T --mtu", find: find, events: events})
	if st != yes || errs != "netdiag: hint: a firewall of this machine does not let the requests out, see nft list ruleset\n" {
		t.Errorf("status %d, on standard error %q", st, errs)
	}
	checkGolden(t, "trace/events.json", out)
	r := readTrace(t, out)
	if len(r.probes) != 5+6 || len(r.hops) != 2 || len(r.summaries) != 1 {
		t.Errorf("%d probes, %d hops, %d summaries", len(r.probes), len(r.hops), len(r.summaries))
	}
}

// TestTraceJSONEndings has a summary whatever becomes of a run.
func TestTraceJSONEndings(t *testing.T) {
	quiet := func(r trace.Result) []trace.Event {
		return walkTo(0, "192.0.2.9").hop(1, exceededBy("10.0.0.1", ms), silent).done(r)
	}
	for _, tt := range []struct {
		name, reason string
		alive        bool
		scene        traceScene
		want         status
	}{
		{"reached", "destination", true, traceScene{events: quiet(trace.Result{Reached: true, Stop: trace.StopDestination, Hops: 1})}, yes},
		{"alive", "gap", true, traceScene{events: quiet(trace.Result{Stop: trace.StopGap, Hops: 1, Alive: true, AliveBy: "tcp"})}, no},
		{"gap", "gap", false, traceScene{args: "--gap 0", events: quiet(trace.Result{Stop: trace.StopGap})}, no},
		{"error", "error", false, traceScene{events: quiet(trace.Result{Stop: trace.StopError, Err: syscall.ENETDOWN})}, unable},
		{"broken", "error", false, traceScene{events: quiet(trace.Result{})[:3], err: syscall.EIO}, unable},
		{"unknown", "error", false, traceScene{targets: []string{"nowhere.example"}}, unable},
		{"no end", "interrupted", false, traceScene{events: quiet(trace.Result{})[:3]}, unable},
	} {
		tt.scene.args += " --json -I"
		out, _, st := showTrace(t, tt.scene)
		r := readTrace(t, out)
		if st != tt.want || len(r.summaries) != 1 || r.summaries[0].StopReason != tt.reason || r.summaries[0].Alive != tt.alive || r.summaries[0].Method != "icmp" && tt.scene.err != nil {
			t.Errorf("%s: status %d, %s", tt.name, st, out)
		}
	}
}

func TestTraceJSONPathsAndRounds(t *testing.T) {
	one := []int{1}
	events := pathsEvents([][]int{one, {1, -1}, one}, map[int][][2]int{1: {{1, 1}, {1, -1}}, 2: {{1, 1}, {-1, 1}}}, trace.Result{Bound: 0.02, Lite: true})
	out, _, _ := showTrace(t, traceScene{args: "-M --json -n", events: events})
	r := readTrace(t, out)
	if len(r.nodes) != 4 || len(r.links) != 4 || *r.summaries[0].Nodes != 4 || *r.summaries[0].Links != 4 || r.start.Flows != nil {
		t.Fatalf("%s", out)
	}
	if n := r.nodes[2]; n.Addr != nil || n.ID != "*2.1" || n.RTTMs != nil || r.links[1].To != "*2.1" || r.links[3].From != "*2.1" || r.links[3].TTL != 2 {
		t.Errorf("the silent node: %+v in %s", n, out)
	}
	if n := r.nodes[0]; n.Balancer != "per-flow" || *n.Confidence != 0.9987 || r.hops[1].Bound == nil {
		t.Errorf("the balancer: %+v", n)
	}
	out, _, _ = showTrace(t, traceScene{args: "--report 2 --json -n", events: reportEvents()})
	r = readTrace(t, out)
	if len(r.hops) != 5 || r.hops[0].Sent != 6 || r.hops[4].TTL != 5 || !r.hops[2].RateLimited || r.start.Rounds != 2 || r.probes[len(r.probes)-1].Round != 1 {
		t.Errorf("of two rounds: %s", out)
	}
}
