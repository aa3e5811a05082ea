package main

import (
	"time"

	"github.com/netdiag/netdiag/internal/render"
	"github.com/netdiag/netdiag/probe"
)

// probeJSON is probe as JSON lines, by the schema netdiag.probe/1. What a result does not have is null, what was not
// asked for is absent.
type probeJSON struct {
	out      *render.JSON
	flags    *probeFlags
	services func() *services
	now      func() time.Time
}

type probeStartJSON struct {
	Type       string  `json:"type"`
	Schema     string  `json:"schema"`
	Time       string  `json:"time"`
	Protocol   string  `json:"protocol"`
	Count      *int64  `json:"count"` // null: without end
	IntervalMs float64 `json:"interval_ms"`
	TimeoutMs  float64 `json:"timeout_ms"`
	Rate       float64 `json:"rate"`            // 0: unlimited
	Until      string  `json:"until,omitempty"` // open or closed
}

type probeResultJSON struct {
	Type       string   `json:"type"`
	Time       string   `json:"time"`
	Target     string   `json:"target"`
	Addr       *string  `json:"addr"`
	Port       *uint16  `json:"port"`
	Protocol   string   `json:"protocol"`
	Service    *string  `json:"service"`
	Seq        int64    `json:"seq"`
	State      string   `json:"state"`
	RTT        *float64 `json:"rtt_ms"`
	Connect    *float64 `json:"connect_ms"` // until it was open
	Took       *float64 `json:"took_ms"`    // until the outcome
	Reason     *string  `json:"reason"`
	From       *string  `json:"from"`
	ICMPType   *uint8   `json:"icmp_type"`
	ICMPCode   *uint8   `json:"icmp_code"`
	ICMPFamily *int     `json:"icmp_family"` // 4: RFC 792, 6: RFC 4443
	SYNs       *int     `json:"syns"`
	Local      *string  `json:"local"`
	Reset      bool     `json:"reset,omitempty"`
	Error      string   `json:"error,omitempty"`

	Tried []probeTriedJSON `json:"tried,omitempty"`
	probeSaidJSON
}

type probeTriedJSON struct {
	Addr   string  `json:"addr"`
	State  string  `json:"state"`
	Reason *string `json:"reason"`
}

type probeStatsJSON struct {
	Type        string       `json:"type"`
	Time        string       `json:"time"`
	Target      string       `json:"target"`
	Addr        *string      `json:"addr"`
	Port        uint16       `json:"port"`
	Error       string       `json:"error,omitempty"` // why it could not be probed
	Sent        int64        `json:"sent"`
	Open        int64        `json:"open"`
	Closed      int64        `json:"closed"`
	Rejected    int64        `json:"rejected"`
	Unreachable int64        `json:"unreachable"`
	Filtered    int64        `json:"filtered"`
	Errors      int64        `json:"errors"`
	Lost        int64        `json:"lost"`
	Loss        *float64     `json:"loss_percent"`
	RTT         *pingRTTJSON `json:"rtt_ms"`
	Jitter      *float64     `json:"jitter_ms"`
}

type probeWarningJSON struct {
	Type        string   `json:"type"`
	Time        string   `json:"time"`
	Kind        string   `json:"kind"`
	Message     string   `json:"message"`
	Addr        string   `json:"addr,omitempty"`
	Ports       []uint16 `json:"ports,omitempty"`
	Concurrency int      `json:"concurrency,omitempty"`
}

type probeBrowserJSON struct {
	Type   string   `json:"type"`
	Time   string   `json:"time"`
	Target string   `json:"target"`
	Port   uint16   `json:"port"`
	Addr   *string  `json:"addr"` // null: none opens
	After  *float64 `json:"after_ms"`
	Lost   *float64 `json:"lost_ms"` // of it, on addresses before
}

type probeSummaryJSON struct {
	Type        string  `json:"type"`
	Time        string  `json:"time"`
	Targets     uint64  `json:"targets"`
	Probes      uint64  `json:"probes"`
	Open        uint64  `json:"open"`
	Closed      uint64  `json:"closed"`
	Rejected    uint64  `json:"rejected"`
	Unreachable uint64  `json:"unreachable"`
	Filtered    uint64  `json:"filtered"`
	Errors      uint64  `json:"errors"`
	Excluded    uint64  `json:"excluded"`
	NotProbed   uint64  `json:"not_probed"` // of the targets: the run ended before, as far as their number is known
	Seconds     float64 `json:"seconds"`
	Interrupted bool    `json:"interrupted"`
	Error       string  `json:"error,omitempty"`
}

func (v *probeJSON) start() error {
	cfg := v.flags.config()
	j := probeStartJSON{
		Type: "start", Schema: "netdiag.probe/1", Time: render.Time(v.now()), Protocol: string(v.flags.proto()),
		IntervalMs: render.Ms(max(0, cfg.Interval)), TimeoutMs: render.Ms(cfg.Timeout), Rate: cfg.Rate,
	}
	switch v.flags.until() {
	case probe.UntilOpen:
		j.Until = probe.Open.String()
	case probe.UntilClosed:
		j.Until = probe.Closed.String()
	default:
		if v.flags.count > 0 {
			j.Count = &v.flags.count
		}
	}
	return v.out.Encode(&j)
}

func (v *probeJSON) result(r *probeResult) error {
	if v.flags.quiet || v.flags.open && r.State != probe.Open {
		return nil
	}
	j := probeResultJSON{
		Type: "result", Time: render.Time(r.At), Target: r.label, Protocol: string(v.flags.proto()), Seq: r.Seq, State: r.State.String(),
		Reset: r.Reset, Reason: filled(r.Reason()), RTT: millis(r.RTT), Took: millis(r.Took),
	}
	switch {
	case r.Addr.IsValid():
		j.Addr = new(r.Addr.Addr().String())
	case r.host.Addr.IsValid():
		j.Addr = new(r.host.Addr.String())
	}
	if r.port > 0 {
		j.Port = &r.port
		j.Service = filled(v.services().name(r.port, v.flags.proto()))
	}
	if r.State == probe.Open {
		j.Connect = millis(r.Took)
	}
	if r.SYNs > 0 {
		j.SYNs = &r.SYNs
	}
	if r.Own.IsValid() {
		j.Local = new(r.Own.String())
	}
	switch {
	case r.err != nil:
		j.Reason = new(r.err.Error())
	case r.Err != nil:
		j.Error = r.Err.Error()
	}
	j.icmp(r.ICMP)
	for i := range r.Before {
		e := &r.Before[i]
		j.Tried = append(j.Tried, probeTriedJSON{e.Addr.Addr().String(), e.State.String(), filled(e.Reason())})
	}
	j.said(r, v.flags)
	return v.out.Encode(&j)
}

// icmp sets what the ICMP error says that decided.
func (j *probeResultJSON) icmp(i *probe.ICMP) {
	if i == nil {
		return
	}
	j.ICMPType, j.ICMPCode, j.ICMPFamily = &i.Type, &i.Code, new(4)
	if i.V6 {
		*j.ICMPFamily = 6
	}
	if i.From.IsValid() {
		j.From = new(i.From.String())
	}
}

func (v *probeJSON) ended(t *probeTarget) error {
	if !v.flags.repeats() || v.flags.open && t.stats.Open == 0 {
		return nil
	}
	s := &t.stats
	j := probeStatsJSON{
		Type: "stats", Time: render.Time(v.now()), Target: t.Text, Port: t.Port,
		Sent: s.Sent, Open: s.Open, Closed: s.Closed, Rejected: s.Rejected, Unreachable: s.Unreachable, Filtered: s.Filtered,
		Errors: s.Failed, Lost: s.Lost,
	}
	switch {
	case t.addr.IsValid():
		j.Addr = new(t.addr.String())
	case t.group.Addr.IsValid():
		j.Addr = new(t.group.Addr.String())
	}
	if t.err != nil {
		j.Error = t.err.Error()
	}
	if loss, ok := s.Loss(); ok {
		j.Loss = &loss
	}
	if s.RTT.N() > 0 {
		j.RTT = &pingRTTJSON{
			Min: render.Ms(s.RTT.Min()), Avg: render.Ms(s.RTT.Mean()), Max: render.Ms(s.RTT.Max()), StdDev: render.Ms(s.RTT.StdDev()),
			P50: render.Ms(s.RTT.Percentile(50)), P90: render.Ms(s.RTT.Percentile(90)), P99: render.Ms(s.RTT.Percentile(99)),
		}
	}
	if s.Jitter.N() > 0 {
		j.Jitter = new(render.Ms(s.Jitter.Mean()))
	}
	return v.out.Encode(&j)
}

func (v *probeJSON) warning(e *probe.Event, message string) error {
	j := probeWarningJSON{Type: "warning", Time: render.Time(e.At), Kind: e.Kind.String(), Message: message, Ports: e.Ports, Concurrency: e.Concurrency}
	if e.Kind == probe.Middlebox {
		j.Addr = e.Addr.Addr().String()
	}
	return v.out.Encode(&j)
}

func (v *probeJSON) addresses(s *probeSet) error {
	b := browse(s)
	j := probeBrowserJSON{Type: "browser", Time: render.Time(v.now()), Target: s.group.label(s.port), Port: s.port}
	if b.ok {
		j.Addr, j.After, j.Lost = new(b.addr.String()), new(render.Ms(b.after)), new(render.Ms(b.cost))
	}
	return v.out.Encode(&j)
}

func (v *probeJSON) finish(end *probeEnd) error {
	j := probeSummaryJSON{
		Type: "summary", Time: render.Time(v.now()), Targets: end.targets, Probes: end.probes, Open: end.open, Closed: end.closed,
		Rejected: end.rejected, Unreachable: end.unreachable, Filtered: end.filtered, Errors: end.errors, Excluded: end.excluded, NotProbed: end.notProbed,
		Seconds: end.took.Seconds(), Interrupted: end.interrupted,
	}
	if end.err != nil {
		j.Error = end.err.Error()
	}
	return v.out.Encode(&j)
}

// filled returns s, nil for an empty one: a value that does not exist is null.
func filled(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// millis returns d in milliseconds, nil for one that is not known.
func millis(d time.Duration) *float64 {
	if d <= 0 {
		return nil
	}
	return new(render.Ms(d))
}
