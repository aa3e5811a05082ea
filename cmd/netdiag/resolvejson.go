package main

import (
	"fmt"
	"time"

	"github.com/netdiag/netdiag/internal/render"
	"github.com/netdiag/netdiag/resolve"
)

// resolveJSON is resolve as JSON lines, by the schema netdiag.resolve/1. What is not known is null or absent.
type resolveJSON struct {
	out     *render.JSON
	plan    *resolvePlan
	remarks *resolveRemarks
	said    map[said]bool // warnings
}

type resolveStartJSON struct {
	Type    string   `json:"type"`
	Schema  string   `json:"schema"`
	Time    string   `json:"time"`
	Mode    string   `json:"mode"` // machine, dns
	Names   []string `json:"names"`
	Servers []string `json:"servers,omitempty"` // absent: those of this machine
	Types   []string `json:"types,omitempty"`
}

func (v *resolveJSON) start() error {
	j := resolveStartJSON{Type: "start", Schema: "netdiag.resolve/1", Time: render.Time(time.Now()), Mode: "machine", Names: []string{}}
	if v.plan.dns {
		j.Mode = "dns"
	}
	seen := make(map[resolveName]bool)
	for _, q := range v.plan.inquiries {
		if !seen[q.name] {
			seen[q.name] = true
			j.Names = append(j.Names, q.name.text)
		}
	}
	for _, s := range v.plan.servers {
		j.Servers = append(j.Servers, s.text)
	}
	for _, t := range v.plan.types {
		j.Types = append(j.Types, t.String())
	}
	if err := v.out.Encode(&j); err != nil {
		return err
	}
	return v.remarked("", v.remarks.begin())
}

// said is a warning that was written.
type said struct{ target, kind, text string }

type remarkJSON struct {
	Type    string  `json:"type"`
	Time    string  `json:"time"`
	Target  *string `json:"target"`
	Kind    string  `json:"kind"`
	Message string  `json:"message"`
}

// remarked writes warnings about a target, "" for none, those that it has not written.
func (v *resolveJSON) remarked(target string, all []remark) (err error) {
	for _, m := range all {
		same := said{target, m.kind, m.text}
		if m.kind == remarkVerdict || v.said[same] { // the summary has the verdict
			continue
		}
		v.said[same] = true
		j := remarkJSON{Type: "warning", Time: render.Time(time.Now()), Kind: m.kind, Message: m.text}
		if target != "" {
			j.Target = &target
		}
		err = v.out.Encode(&j)
	}
	return err
}

// settled does nothing: what an inquiry comes to is written as soon as it is known, whatever stands before it in the
// plan.
func (v *resolveJSON) settled(*inquiry) error { return nil }

func (v *resolveJSON) reply(q *inquiry, r *response) error {
	switch {
	case r.found != nil:
		v.found(q, r)
	case r.message() != nil:
		v.message(q, r)
	}
	err := v.remarked(q.name.text, v.remarks.about(q, r))
	if q.missing > 0 {
		return err
	}
	_ = v.remarked(q.name.text, v.remarks.together(q)) // an error sticks and comes back from the next line
	return v.summary(q)
}

type answerJSON struct {
	Type    string   `json:"type"`
	Time    string   `json:"time"`
	Target  string   `json:"target"`
	Name    string   `json:"name"`
	RRType  string   `json:"rrtype"`
	Class   string   `json:"class,omitempty"`
	TTL     *int64   `json:"ttl"` // seconds
	Value   string   `json:"value"`
	Unicode string   `json:"unicode,omitempty"` // the name's
	Section string   `json:"section"`
	Source  string   `json:"source"`
	Server  *string  `json:"server"`
	RTT     *float64 `json:"rtt_ms"`
	Rule    int      `json:"rule,omitempty"` // of RFC 6724, that put the address before the next
	Why     string   `json:"why,omitempty"`
	From    *string  `json:"from,omitempty"` // the source address that the system would use
}

// found writes what this machine found.
func (v *resolveJSON) found(q *inquiry, r *response) {
	f := r.found
	now := render.Time(time.Now())
	if f.Addr.IsValid() {
		for _, name := range f.Names {
			j := answerJSON{Type: "answer", Time: now, Target: q.name.text, Name: q.name.text, RRType: "PTR", Value: relative(name), Unicode: unicodeForm(name), Section: "answer"}
			v.originOf(&j, r.found.Origin)
			_ = v.out.Encode(&j)
		}
		return
	}
	for i := range f.Addrs {
		a := &f.Addrs[i]
		rrtype := "AAAA"
		if a.Addr.Is4() {
			rrtype = "A"
		}
		j := answerJSON{Type: "answer", Time: now, Target: q.name.text, Name: relative(a.Canonical), RRType: rrtype, Value: a.Addr.String(),
			Section: "answer", Rule: a.Rule, Why: a.Why, From: addrJSON(a.From)}
		if j.Name == "" {
			j.Name = relative(q.name.host)
		}
		j.Unicode = unicodeForm(j.Name)
		v.originOf(&j, a.Origin)
		_ = v.out.Encode(&j)
	}
}

// originOf says in j where it comes from.
func (v *resolveJSON) originOf(j *answerJSON, o resolve.Origin) {
	j.Source = o.Source
	switch {
	case o.Source == "dns":
		j.TTL, j.Server, j.RTT = new(int64(o.TTL/time.Second)), new(o.Server.String()), new(render.Ms(o.RTT))
	case o.Path != "":
		j.Source = fmt.Sprintf("%s:%d", o.Path, o.Line)
	}
}

// message writes the records of a server's answer.
func (v *resolveJSON) message(q *inquiry, r *response) {
	x, now := r.exchange, render.Time(time.Now())
	for _, section := range [...]resolve.Section{resolve.Answer, resolve.Authority, resolve.Additional} {
		for _, rec := range x.Message.Section(section) {
			_ = v.out.Encode(&answerJSON{
				Type: "answer", Time: now, Target: q.name.text, Name: rec.Name, RRType: rec.Type.String(), Class: rec.Class.String(),
				TTL: new(int64(rec.TTL / time.Second)), Value: rec.Value, Unicode: unicodeForm(rec.Name), Section: section.String(),
				Source: "dns", Server: new(r.by()), RTT: new(render.Ms(x.RTT)),
			})
		}
	}
}
