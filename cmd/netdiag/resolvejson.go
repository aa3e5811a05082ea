package main

import (
	"context"
	"encoding/hex"
	"errors"
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
	return v.remarked(nil, v.remarks.begin())
}

type remarkJSON struct {
	Type    string  `json:"type"`
	Time    string  `json:"time"`
	Target  *string `json:"target"`
	Kind    string  `json:"kind"`
	Message string  `json:"message"`
}

// remarked writes warnings about a target, or about none.
func (v *resolveJSON) remarked(target *string, all []remark) (err error) {
	for _, m := range all {
		if m.kind != remarkVerdict { // which the summary has
			err = v.out.Encode(&remarkJSON{"warning", render.Time(time.Now()), target, m.kind, m.text})
		}
	}
	return err
}

func (v *resolveJSON) settled(*inquiry) error { return nil }

func (v *resolveJSON) reply(q *inquiry, r *response) error {
	switch {
	case r.found != nil:
		v.found(q, r)
	case r.message() != nil:
		v.message(q, r)
	}
	_ = v.remarked(&q.name.text, v.remarks.about(q, r)) // an error sticks and comes back from the next line
	return v.summary(q, r)
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

type resolveSummaryJSON struct {
	Type      string   `json:"type"`
	Time      string   `json:"time"`
	Target    string   `json:"target"`
	QName     string   `json:"qname"`
	QType     *string  `json:"qtype"` // null: this machine's answer
	Rcode     *string  `json:"rcode"`
	Verdict   string   `json:"verdict"`
	Reason    string   `json:"reason"`
	Canonical *string  `json:"canonical"`
	Addrs     []string `json:"addrs"`
	Names     []string `json:"names,omitempty"` // of an address
	Server    *string  `json:"server"`
	RTT       *float64 `json:"rtt_ms"`
	DNSSEC    *string  `json:"dnssec"` // null: not validated
	exchangeJSON
	Beside *besideJSON `json:"beside,omitempty"`
	Error  string      `json:"error,omitempty"`
}

// exchangeJSON is what is known of the exchange that decided.
type exchangeJSON struct {
	Via     *string      `json:"via"`
	Flags   []string     `json:"flags"`
	EDE     []edeJSON    `json:"ede"`
	NSID    *nsidJSON    `json:"nsid"`
	Tries   *int         `json:"tries"`
	Ignored *ignoredJSON `json:"ignored"`
}

// besideJSON is what DNS says of a name that the hosts file has.
type besideJSON struct {
	Verdict string   `json:"verdict"`
	Reason  string   `json:"reason"`
	Addrs   []string `json:"addrs"`
}

type edeJSON struct {
	Code uint16 `json:"code"`
	Name string `json:"name"`
	Text string `json:"text"`
}

type nsidJSON struct {
	Hex  string `json:"hex"`
	Text string `json:"text"`
}

type ignoredJSON struct {
	Garbage  int `json:"garbage"`
	ID       int `json:"id"`
	Question int `json:"question"`
	Query    int `json:"query"`
	Cookie   int `json:"cookie"`
}

// summary writes what an inquiry came to.
func (v *resolveJSON) summary(q *inquiry, r *response) error {
	is, reason := r.verdict()
	j := resolveSummaryJSON{
		Type: "summary", Time: render.Time(time.Now()), Target: q.name.text, QName: q.name.host, Verdict: is.String(), Reason: reason, Addrs: []string{},
		exchangeJSON: exchangeJSON{Flags: []string{}, EDE: []edeJSON{}},
	}
	if j.QName == "" {
		j.QName = q.name.addr.String()
	}
	if !q.ofMachine() {
		j.QType = new(q.question.Type.String())
	}
	if by := r.by(); by != "" {
		j.Server = &by
	}
	if r.exchange != nil {
		v.exchange(&j, r.exchange)
	}
	switch {
	case r.found != nil:
		v.foundSummary(&j, r.found)
		if b := r.beside; b != nil {
			j.Beside = &besideJSON{b.Verdict.String(), b.Reason, addrTexts(b)}
		}
	case r.message() != nil:
		c := r.message().Follow(q.question)
		j.Canonical = new(c.Name)
		for _, rec := range c.Records {
			if rec.Addr.IsValid() {
				j.Addrs = append(j.Addrs, rec.Addr.String())
			}
		}
	}
	if errors.Is(r.err, context.Canceled) || statusOf(is) == unable {
		j.Error = reason
	}
	return v.out.Encode(&j)
}

// foundSummary adds what this machine found.
func (v *resolveJSON) foundSummary(j *resolveSummaryJSON, f *resolve.Found) {
	if c := relative(f.Canonical); c != "" {
		j.Canonical = &c
	}
	if !f.Addr.IsValid() {
		j.Addrs = addrTexts(f)
	}
	for _, name := range f.Names {
		j.Names = append(j.Names, relative(name))
	}
}

// addrTexts returns the addresses that were found, in their order.
func addrTexts(f *resolve.Found) []string {
	addrs := make([]string, len(f.Addrs))
	for i, a := range f.Addrs {
		addrs[i] = a.Addr.String()
	}
	return addrs
}

// exchange adds what is known of the exchange that decided.
func (v *resolveJSON) exchange(j *resolveSummaryJSON, x *resolve.Exchange) {
	j.Via, j.Tries = new(x.Via.String()), &x.Tries
	i := ignoredJSON(x.Ignored)
	j.Ignored = &i
	m := x.Message
	if m == nil {
		return
	}
	j.Rcode, j.RTT, j.Flags = new(m.Rcode.String()), new(render.Ms(x.RTT)), flagsOf(m)
	if m.EDNS == nil {
		return
	}
	for _, e := range m.EDNS.Errors {
		j.EDE = append(j.EDE, edeJSON{e.Code, e.Name(), e.Text})
	}
	if id := m.EDNS.NSID; id != nil {
		j.NSID = &nsidJSON{hex.EncodeToString(id), string(id)}
	}
}
