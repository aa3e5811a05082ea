package main

import (
	"time"

	"github.com/netdiag/netdiag/internal/render"
	"github.com/netdiag/netdiag/ping"
)

// pingJSON is ping as JSON lines, by the schema netdiag.ping/1. What a probe or a target does not
// have is null, what a type of line does not have is absent.
type pingJSON struct {
	out   *render.JSON
	cfg   ping.Config
	size  int // data bytes
	quiet bool
	drops *uint64 // replies that this machine dropped so far
}

type pingStartJSON struct {
	Type       string  `json:"type"`
	Schema     string  `json:"schema"`
	Time       string  `json:"time"`
	Count      *int64  `json:"count"` // null: without end
	IntervalMs float64 `json:"interval_ms"`
	TimeoutMs  float64 `json:"timeout_ms"`
	Bytes      int     `json:"data_bytes"`
}

type pingEventJSON struct {
	Type       string   `json:"type"`
	Time       string   `json:"time"`
	Target     *string  `json:"target"`
	Addr       *string  `json:"addr"`
	Seq        *int64   `json:"seq"`
	From       string   `json:"from,omitempty"`
	Bytes      int      `json:"bytes,omitempty"`
	TTL        int      `json:"ttl,omitempty"`
	RTT        *float64 `json:"rtt_ms,omitempty"`
	Timestamps string   `json:"timestamps,omitempty"`
	ICMPType   *uint8   `json:"icmp_type,omitempty"`
	ICMPCode   *uint8   `json:"icmp_code,omitempty"`
	Message    string   `json:"message,omitempty"`
	MTU        int      `json:"mtu,omitempty"`
	Gateway    string   `json:"gateway,omitempty"`
	PauseMs    *float64 `json:"pause_ms,omitempty"`
	Drops      uint64   `json:"local_drops,omitempty"`
}

type pingRTTJSON struct {
	Min    float64 `json:"min"`
	Avg    float64 `json:"avg"`
	Max    float64 `json:"max"`
	StdDev float64 `json:"stddev"`
	P50    float64 `json:"p50"`
	P90    float64 `json:"p90"`
	P99    float64 `json:"p99"`
}

type pingSummaryJSON struct {
	Type       string       `json:"type"`
	Time       string       `json:"time"`
	Target     string       `json:"target"`
	Addr       *string      `json:"addr"`
	Sent       int64        `json:"sent"`
	Received   int64        `json:"received"`
	Late       int64        `json:"late"`
	Lost       int64        `json:"lost"`
	InFlight   int64        `json:"in_flight"`
	Timeouts   int64        `json:"timeouts"`
	ICMPErrors int64        `json:"icmp_errors"`
	Loss       *float64     `json:"loss_percent"`
	Duplicates int64        `json:"duplicates"`
	Corrupt    int64        `json:"corrupt"`
	Foreign    int64        `json:"foreign"`
	Reordered  int64        `json:"reordered"`
	Redirects  int64        `json:"redirects"`
	SendErrors int64        `json:"send_errors"`
	LocalDrops uint64       `json:"local_drops"`
	RTT        *pingRTTJSON `json:"rtt_ms"`
	Jitter     *float64     `json:"jitter_ms"`
	Error      string       `json:"error,omitempty"`
}

func (v *pingJSON) start() error {
	s := pingStartJSON{
		Type: "start", Schema: "netdiag.ping/1", Time: render.Time(time.Now()),
		IntervalMs: render.Ms(max(0, v.cfg.Interval)), TimeoutMs: render.Ms(v.cfg.Timeout), Bytes: v.size,
	}
	if v.cfg.Count > 0 {
		s.Count = &v.cfg.Count
	}
	return v.out.Encode(&s)
}

func (v *pingJSON) begin(*pingTarget) error { return nil }

func (v *pingJSON) event(t *pingTarget, e ping.Event) error {
	if e.Kind == ping.Sent || v.quiet {
		return nil
	}
	j := pingEventJSON{Type: e.Kind.String(), Time: render.Time(e.Time), Bytes: e.Size, TTL: e.TTL, MTU: e.MTU, Message: e.Message}
	if t != nil {
		j.Target, j.Addr = &t.text, new(t.addr.String())
	}
	if e.From.IsValid() {
		j.From = e.From.String()
	}
	if e.Gateway.IsValid() {
		j.Gateway = e.Gateway.String()
	}
	if t != nil && e.Seq >= 0 {
		j.Seq = &e.Seq
	}
	j.describe(&e)
	return v.out.Encode(&j)
}

// describe sets what only events of its kind have.
func (j *pingEventJSON) describe(e *ping.Event) {
	switch e.Kind {
	case ping.Reply, ping.Late, ping.Duplicate:
		j.RTT, j.Timestamps = new(render.Ms(e.RTT)), "user"
		if e.Kernel {
			j.Timestamps = "kernel"
		}
	case ping.ICMPError, ping.Redirect:
		j.ICMPType, j.ICMPCode = &e.ICMPType, &e.ICMPCode
	case ping.SendError:
		j.Message = e.Err.Error()
	case ping.Pause:
		j.PauseMs = new(render.Ms(e.RTT))
	case ping.LocalDrops:
		j.Drops = e.Drops
	}
}

func (v *pingJSON) done(t *pingTarget) error {
	s, rtt := &t.stats, t.stats.RTT()
	j := pingSummaryJSON{
		Type: "summary", Time: render.Time(time.Now()), Target: t.text,
		Sent: s.Sent, Received: s.Received, Late: s.Late, Lost: s.Lost(), InFlight: s.InFlight(),
		Timeouts: s.Timeouts, ICMPErrors: s.ICMPErrors,
		Duplicates: s.Duplicates, Corrupt: s.Corrupt, Foreign: s.Foreign, Reordered: s.Reordered,
		Redirects: s.Redirects, SendErrors: s.SendErrors, LocalDrops: *v.drops,
	}
	if t.addr.IsValid() {
		j.Addr = new(t.addr.String())
	}
	if loss, ok := s.Loss(); ok {
		j.Loss = &loss
	}
	if rtt.N > 0 {
		j.RTT = &pingRTTJSON{
			Min: render.Ms(rtt.Min), Avg: render.Ms(rtt.Mean), Max: render.Ms(rtt.Max), StdDev: render.Ms(rtt.StdDev),
			P50: render.Ms(rtt.P50), P90: render.Ms(rtt.P90), P99: render.Ms(rtt.P99),
		}
	}
	if jitter, ok := s.Jitter(); ok {
		j.Jitter = new(render.Ms(jitter))
	}
	if t.err != nil {
		j.Error = t.err.Error()
	}
	return v.out.Encode(&j)
}

func (v *pingJSON) finish() error { return nil }
