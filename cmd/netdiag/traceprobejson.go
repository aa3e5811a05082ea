package main

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"github.com/netdiag/netdiag/internal/render"
	"github.com/netdiag/netdiag/trace"
)

type traceProbeJSON struct {
	aboutJSON
	TTL   *int   `json:"ttl"` // null: about no probe that is known, as flow and seq
	Flow  *int   `json:"flow"`
	Seq   *int64 `json:"seq"`
	Round int    `json:"round,omitempty"`

	From *string `json:"from"`
	whoJSON
	RTT        *float64 `json:"rtt_ms"`
	Timestamps string   `json:"timestamps,omitempty"`
	Reached    *bool    `json:"reached,omitempty"`
	Stopped    *bool    `json:"stopped,omitempty"`
	ICMPType   *uint8   `json:"icmp_type,omitempty"`
	ICMPCode   *uint8   `json:"icmp_code,omitempty"`
	TCPFlags   string   `json:"tcp_flags,omitempty"`
	Message    string   `json:"message,omitempty"`
	MTU        int      `json:"mtu,omitempty"`
	ReplyTTL   int      `json:"reply_ttl,omitempty"`
	ReplyTOS   *int     `json:"reply_tos,omitempty"`
	Back       int      `json:"back,omitempty"`

	MPLS       []labelJSON     `json:"mpls,omitempty"`
	Interfaces []interfaceJSON `json:"interfaces,omitempty"`
	Objects    []objectJSON    `json:"objects,omitempty"`
	Changes    []changeJSON    `json:"changes,omitempty"`
	Note       string          `json:"note,omitempty"`
}

type interfaceJSON struct {
	Role  string  `json:"role"`
	Index uint32  `json:"index,omitempty"`
	Addr  *string `json:"addr,omitempty"`
	Name  string  `json:"name,omitempty"`
	MTU   int     `json:"mtu,omitempty"`
}

type objectJSON struct {
	Class uint8  `json:"class"`
	Type  uint8  `json:"type"`
	Data  string `json:"data"` // hexadecimal
}

type changeJSON struct {
	Field  string `json:"field"`
	Sent   string `json:"sent"`
	Quoted string `json:"quoted"`
}

// probe writes a line about a probe: a "probe" for its outcome, and for anything else a type of its own.
func (v *traceJSON) probe(t *traceTarget, e *trace.Event) error {
	kind := e.Kind.String()
	if e.Kind == trace.Answer || e.Kind == trace.Timeout {
		kind = "probe"
	}
	p := &e.Probe
	j := traceProbeJSON{aboutJSON: aboutTarget(kind, e.Time, t), From: addrJSON(p.From), whoJSON: v.who(p.From), Note: p.Note}
	if p.TTL > 0 {
		j.TTL, j.Flow, j.Seq, j.Round = &p.TTL, &p.Flow, &p.Seq, p.Round
	}
	if e.Err != nil {
		j.Message = e.Err.Error()
	}
	switch e.Kind {
	case trace.Answer, trace.Late, trace.Duplicate:
		j.RTT, j.Timestamps = new(render.Ms(p.RTT)), "user"
		if p.Kernel {
			j.Timestamps = "kernel"
		}
		j.answer(p)
	case trace.Foreign:
		j.answer(p)
		j.Reached, j.Stopped = nil, nil
	}
	return v.out.Encode(&j)
}

// answer sets what an answer has.
func (j *traceProbeJSON) answer(p *trace.Probe) {
	j.Reached, j.Stopped = &p.Reached, &p.Stopped
	if p.ICMP {
		j.ICMPType, j.ICMPCode = &p.ICMPType, &p.ICMPCode
	}
	j.TCPFlags, j.Message, j.MTU, j.ReplyTTL, j.Back = tcpFlags(p.TCPFlags), p.Message, p.MTU, p.ReplyTTL, p.Back
	if p.ReplyTTL > 0 {
		j.ReplyTOS = &p.ReplyTOS
	}
	j.MPLS = labelsJSON(p.Labels)
	for _, i := range p.Interfaces {
		j.Interfaces = append(j.Interfaces, interfaceJSON{role(i), i.Index, addrJSON(i.Addr), i.Name, i.MTU})
	}
	for _, o := range p.Objects {
		j.Objects = append(j.Objects, objectJSON{o.Class, o.Type, hex.EncodeToString(o.Data)})
	}
	j.Changes = changesJSON(p.Changes)
}

func changesJSON(all []trace.Change) []changeJSON {
	var list []changeJSON
	for _, c := range all {
		list = append(list, changeJSON{string(c.Field), c.Sent, c.Quoted})
	}
	return list
}

// tcpFlags names the flags of a TCP header as in "SYN,ACK", "" if there are none.
func tcpFlags(flags uint8) string {
	var names []string
	for i, name := range [...]string{"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"} {
		if flags&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ",")
}

type traceSummaryJSON struct {
	aboutJSON
	Method     string       `json:"method"`
	Source     *string      `json:"source"`
	Sockets    string       `json:"sockets,omitempty"` // raw, or user: what quotes were changed is then not known
	Reached    bool         `json:"reached"`
	StopReason string       `json:"stop_reason"`
	Hops       *int         `json:"hops"` // null: nobody answered
	Probes     int64        `json:"probes"`
	InFlight   int64        `json:"in_flight"` // of them, those of no outcome when the trace ended
	Checks     int64        `json:"checks"`    // of them, those that have no line: is it alive behind silent hops, what is its MTU
	Seconds    float64      `json:"seconds"`
	Alive      bool         `json:"alive"`
	AliveBy    string       `json:"alive_by,omitempty"`
	Late       int64        `json:"late"`
	Duplicates int64        `json:"duplicates"`
	Foreign    int64        `json:"foreign"`
	SendErrors int64        `json:"send_errors"`
	Limited    []int        `json:"rate_limited,omitempty"` // TTLs of the hops that limit their answers
	PathMTU    *pathMTUJSON `json:"path_mtu,omitempty"`
	Nodes      *int         `json:"nodes,omitempty"` // with -M, as all behind it
	Links      *int         `json:"links,omitempty"`
	Confidence *float64     `json:"confidence,omitempty"`
	Bound      *float64     `json:"bound,omitempty"`
	Lite       *bool        `json:"lite,omitempty"`
	Caveats    []string     `json:"caveats,omitempty"`
	Error      string       `json:"error,omitempty"`
}

type pathMTUJSON struct {
	MTU       *int          `json:"mtu"` // null: the destination answered to no size
	Steps     []mtuStepJSON `json:"steps"`
	BlackHole int           `json:"black_hole_ttl,omitempty"`
}

type mtuStepJSON struct {
	TTL  int     `json:"ttl,omitempty"`
	From *string `json:"from"` // null: this machine
	MTU  int     `json:"mtu"`
}

func (v *traceJSON) done(t *traceTarget) error {
	j := traceSummaryJSON{aboutJSON: aboutTarget("summary", time.Now(), t), Method: v.cfg.Method.String(),
		StopReason: string(stopReason(t.err)), Probes: t.probes}
	if t.err != nil {
		j.Error = t.err.Error()
	}
	if t.result != nil {
		j.result(t.result, v.cfg.Multipath)
	}
	if v.rounds() {
		for _, h := range t.hops {
			if err := v.hop(t, time.Now(), h); err != nil {
				return err
			}
		}
	}
	return v.out.Encode(&j)
}

// stopReason says why a trace that never was has no result.
func stopReason(err error) trace.StopReason {
	switch {
	case err == nil, errors.Is(err, errNotBegun), errors.Is(err, context.Canceled):
		return trace.StopInterrupted
	case errors.Is(err, context.DeadlineExceeded):
		return trace.StopDeadline
	}
	return trace.StopError
}

// result sets what the end of a trace says.
func (j *traceSummaryJSON) result(r *trace.Result, multipath bool) {
	j.Method, j.Source, j.Sockets = r.Method.String(), addrJSON(r.Source), "user"
	if r.Raw {
		j.Sockets = "raw"
	}
	j.Reached, j.StopReason, j.Probes, j.Seconds = r.Reached, string(r.Stop), r.Probes, r.Took.Seconds()
	j.InFlight, j.Checks, j.Limited = r.InFlight, r.Checks, r.Limited
	if r.Hops > 0 {
		j.Hops = &r.Hops
	}
	j.Alive, j.AliveBy = r.Reached || r.Alive, r.AliveBy
	j.Late, j.Duplicates, j.Foreign, j.SendErrors, j.Caveats = r.Late, r.Duplicates, r.Foreign, r.SendErrors, r.Caveats
	if r.PathMTU != nil {
		j.PathMTU = mtuJSON(r.PathMTU)
	}
	if multipath {
		j.Nodes, j.Links, j.Confidence, j.Bound, j.Lite = &r.Nodes, &r.Links, &r.Confidence, &r.Bound, &r.Lite
	}
	if r.Err != nil && j.Error == "" {
		j.Error = r.Err.Error()
	}
}

func mtuJSON(m *trace.PathMTU) *pathMTUJSON {
	j := &pathMTUJSON{Steps: []mtuStepJSON{}, BlackHole: m.BlackHole}
	if m.MTU > 0 {
		j.MTU = &m.MTU
	}
	for _, s := range m.Steps {
		j.Steps = append(j.Steps, mtuStepJSON{s.TTL, addrJSON(s.From), s.MTU})
	}
	return j
}
