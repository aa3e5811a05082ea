package main

import (
	"net/netip"
	"time"

	"github.com/netdiag/netdiag/internal/render"
	"github.com/netdiag/netdiag/trace"
)

// traceJSON is trace as JSON lines, by the schema netdiag.trace/1. What a probe or a target does not
// have is null or absent.
type traceJSON struct {
	out    *render.JSON
	cfg    trace.Config
	called *callers
}

type traceStartJSON struct {
	Type       string   `json:"type"`
	Schema     string   `json:"schema"`
	Time       string   `json:"time"`
	Method     string   `json:"method"`
	Port       int      `json:"port,omitempty"`
	Flows      int      `json:"flows,omitempty"` // absent with -M
	FirstTTL   int      `json:"first_ttl"`
	MaxTTL     int      `json:"max_ttl"`
	Rounds     int      `json:"rounds"`
	WaitMs     float64  `json:"wait_ms"`
	Gap        *int     `json:"gap"` // null: never
	Multipath  bool     `json:"multipath"`
	Confidence *float64 `json:"confidence,omitempty"`
}

func (v *traceJSON) start() error {
	j := traceStartJSON{
		Type: "start", Schema: "netdiag.trace/1", Time: render.Time(time.Now()), Method: v.cfg.Method.String(), Port: v.cfg.Port,
		Flows: v.cfg.Flows, FirstTTL: v.cfg.FirstTTL, MaxTTL: v.cfg.MaxTTL, Rounds: max(1, v.cfg.Rounds),
		WaitMs: render.Ms(v.cfg.Wait), Multipath: v.cfg.Multipath,
	}
	switch {
	case j.Port > 0:
	case v.cfg.Method == trace.UDP:
		j.Port = trace.DefaultUDPPort
	case v.cfg.Method == trace.TCP:
		j.Port = trace.DefaultTCPPort
	}
	if v.cfg.Gap > 0 {
		j.Gap = &v.cfg.Gap
	}
	if v.cfg.Multipath {
		j.Flows, j.Confidence = 0, &v.cfg.Confidence
	}
	return v.out.Encode(&j)
}

func (v *traceJSON) begin(*traceTarget) error { return nil }

func (v *traceJSON) finish() error { return nil }

func (v *traceJSON) event(t *traceTarget, e *trace.Event) error {
	switch e.Kind {
	case trace.HopDone:
		if v.rounds() {
			return nil
		}
		return v.hop(t, e.Time, e.Hop)
	case trace.NodeFound:
		return v.node(t, e)
	case trace.LinkFound:
		return v.link(t, e)
	case trace.RoundDone, trace.Done:
		return nil
	}
	return v.probe(t, e)
}

// aboutJSON is how each line about a target begins.
type aboutJSON struct {
	Type   string  `json:"type"`
	Time   string  `json:"time"`
	Target *string `json:"target"`
	Addr   *string `json:"addr"`
}

func aboutTarget(kind string, at time.Time, t *traceTarget) aboutJSON {
	j := aboutJSON{Type: kind, Time: render.Time(at)}
	if t != nil {
		j.Target, j.Addr = &t.text, addrJSON(t.addr)
	}
	return j
}

// addrJSON returns a in text, nil for the zero Addr.
func addrJSON(a netip.Addr) *string {
	if !a.IsValid() {
		return nil
	}
	return new(a.String())
}

// whoJSON is who answered, and what is known of them.
type whoJSON struct {
	Name string   `json:"name,omitempty"`
	ASN  uint32   `json:"asn,omitempty"`
	ASNs []uint32 `json:"asns,omitempty"` // where there are several
}

func (v *traceJSON) who(a netip.Addr) whoJSON {
	if !a.IsValid() {
		return whoJSON{}
	}
	name, origins := v.called.of(a)
	j := whoJSON{Name: name}
	if len(origins) > 0 {
		j.ASN = origins[0]
	}
	if len(origins) > 1 {
		j.ASNs = origins
	}
	return j
}

type traceRTTJSON struct {
	Min    float64 `json:"min"`
	Avg    float64 `json:"avg"`
	Max    float64 `json:"max"`
	StdDev float64 `json:"stddev"`
}

// rttTimes are the round trips that a view adds up.
type rttTimes interface {
	N() int64
	Min() time.Duration
	Mean() time.Duration
	Max() time.Duration
	StdDev() time.Duration
}

func rttJSON(r rttTimes) *traceRTTJSON {
	if r.N() == 0 {
		return nil
	}
	return &traceRTTJSON{render.Ms(r.Min()), render.Ms(r.Mean()), render.Ms(r.Max()), render.Ms(r.StdDev())}
}

type labelJSON struct {
	Label  uint32 `json:"label"`
	TC     uint8  `json:"tc"`
	Bottom bool   `json:"bottom"`
	TTL    uint8  `json:"ttl"`
}

func labelsJSON(stack []trace.Label) []labelJSON {
	var all []labelJSON
	for _, l := range stack {
		all = append(all, labelJSON(l))
	}
	return all
}

type traceHopJSON struct {
	aboutJSON
	TTL         int           `json:"ttl"`
	Addrs       []hopAddrJSON `json:"addrs"`
	Sent        int64         `json:"sent"`
	Lost        int64         `json:"lost"`
	RateLimited bool          `json:"rate_limited"`
	Changes     []changeJSON  `json:"changes,omitempty"` // that no nearer hop shows
	Bound       *float64      `json:"bound,omitempty"`
}

type hopAddrJSON struct {
	Addr string `json:"addr"`
	whoJSON
	RTT   *traceRTTJSON `json:"rtt_ms"`
	Flows []int         `json:"flows"`
}

// rounds reports whether a hop is finished not before its target is.
func (v *traceJSON) rounds() bool { return v.cfg.Rounds > 1 }

func (v *traceJSON) hop(t *traceTarget, at time.Time, h *trace.Hop) error {
	j := traceHopJSON{aboutJSON: aboutTarget("hop", at, t), TTL: h.TTL, Addrs: []hopAddrJSON{}, Sent: h.Sent, Lost: h.Lost, RateLimited: h.RateLimited,
		Changes: changesJSON(h.Changes)}
	for i := range h.Addrs {
		a := &h.Addrs[i]
		j.Addrs = append(j.Addrs, hopAddrJSON{a.Addr.String(), v.who(a.Addr), rttJSON(&a.RTT), a.Flows})
	}
	if v.cfg.Multipath {
		j.Bound = &h.Bound
	}
	return v.out.Encode(&j)
}

type traceNodeJSON struct {
	aboutJSON
	TTL        int           `json:"ttl"`
	NodeAddr   *string       `json:"addr"` // null: silent
	ID         string        `json:"id"`   // as links have it
	Balancer   string        `json:"balancer"`
	Confidence *float64      `json:"confidence"` // null: not tested
	RTT        *traceRTTJSON `json:"rtt_ms"`
	Flows      []int         `json:"flows"`
	MPLS       []labelJSON   `json:"mpls,omitempty"`
	Reached    bool          `json:"reached"`
	Loop       bool          `json:"loop"`
	whoJSON
}

func (v *traceJSON) node(t *traceTarget, e *trace.Event) error {
	n := e.Node
	j := traceNodeJSON{
		aboutJSON: aboutTarget("node", e.Time, t), TTL: n.TTL, NodeAddr: addrJSON(n.Addr), ID: vertexID(n.Vertex), Balancer: n.Balancer.String(),
		RTT: rttJSON(&n.RTT), Flows: n.Flows, MPLS: labelsJSON(n.Labels), Reached: n.Reached, Loop: n.Loop, whoJSON: v.who(n.Addr),
	}
	if n.Confidence > 0 {
		j.Confidence = &n.Confidence
	}
	return v.out.Encode(&j)
}

type traceLinkJSON struct {
	aboutJSON
	From  string `json:"from"`
	To    string `json:"to"`
	TTL   int    `json:"ttl"` // of from
	Flows []int  `json:"flows"`
}

func (v *traceJSON) link(t *traceTarget, e *trace.Event) error {
	l := e.Link
	return v.out.Encode(&traceLinkJSON{aboutTarget("link", e.Time, t), vertexID(l.From), vertexID(l.To), l.From.TTL, l.Flows})
}
