package main

import (
	"context"
	"errors"
	"time"

	"github.com/netdiag/netdiag/internal/render"
	"github.com/netdiag/netdiag/local"
)

// routesJSON is routes as JSON lines, by the schema netdiag.routes/1.
type routesJSON struct {
	out *render.JSON
	all bool // tables, and rules
}

type routesStartJSON struct {
	Type   string   `json:"type"`
	Schema string   `json:"schema"`
	Time   string   `json:"time"`
	Dests  []string `json:"targets,omitempty"` // absent: the table
}

type routeJSON struct {
	Type      string         `json:"type"`
	Family    int            `json:"family"`
	Dst       string         `json:"dst"`  // always with the length of its prefix
	From      *string        `json:"from"` // of senders there alone; null: of all
	Gateway   *string        `json:"gateway"`
	Interface *string        `json:"interface"`
	Source    *string        `json:"source"`
	Metric    int            `json:"metric"`
	MTU       *int           `json:"mtu"`               // null: the interface's
	TOS       uint8          `json:"tos,omitempty"`     // of packets of this type of service alone
	Nexthop   *int           `json:"nexthop,omitempty"` // the number of a nexthop object
	Table     *string        `json:"table"`
	TableID   *int           `json:"table_id"`
	Protocol  *string        `json:"protocol"`
	Scope     *string        `json:"scope"`
	Kind      *string        `json:"kind"`
	Flags     []string       `json:"flags"`
	Hops      []routeHopJSON `json:"hops,omitempty"` // of a route over several
}

type routeHopJSON struct {
	Gateway   *string  `json:"gateway"`
	Interface *string  `json:"interface"`
	Weight    int      `json:"weight"`
	Flags     []string `json:"flags"`
}

type ruleJSON struct {
	Type     string  `json:"type"`
	Family   int     `json:"family"`
	Priority int     `json:"priority"`
	From     *string `json:"from"` // null: all
	To       *string `json:"to"`
	In       *string `json:"iif"`
	Out      *string `json:"oif"`
	Mark     *uint32 `json:"fwmark"`
	MarkMask *uint32 `json:"fwmask"`
	Action   string  `json:"action"`
	Table    *string `json:"table"`
	TableID  *int    `json:"table_id"`
	Invert   bool    `json:"not"`
	More     *string `json:"more"`
	Text     string  `json:"text"`
}

type routesSummaryJSON struct {
	Type   string `json:"type"`
	Time   string `json:"time"`
	Routes int    `json:"routes"`
	Rules  *int   `json:"rules"` // null: not asked for
	Error  string `json:"error,omitempty"`
}

// decisionJSON is what the kernel does with packets to an address, or in a summary to a destination.
type decisionJSON struct {
	Type      string         `json:"type"`
	Time      string         `json:"time"`
	Target    string         `json:"target"`
	Dst       *string        `json:"dst"`
	Kind      *string        `json:"kind"`
	Interface *string        `json:"interface"`
	Gateway   *string        `json:"gateway"`
	Source    *string        `json:"source"`
	MTU       *int           `json:"mtu"`
	Matched   *string        `json:"matched"`
	Table     *string        `json:"table"`
	TableID   *int           `json:"table_id"`
	Rule      *int           `json:"rule"` // its priority
	RuleText  *string        `json:"rule_text"`
	Metric    *int           `json:"metric"`
	Protocol  *string        `json:"protocol"`
	DevKind   *string        `json:"interface_kind"`
	Carrier   *bool          `json:"carrier"`            // of the interface; null: not known
	Unrouted  bool           `json:"unrouted,omitempty"` // no route matched: taken for a machine on the link
	Hops      []routeHopJSON `json:"hops,omitempty"`     // of a route over several, of which this is one
	Neighbour *neighbourJSON `json:"neighbour"`
}

type neighbourJSON struct {
	Addr   string  `json:"addr"`
	MAC    *string `json:"mac"`
	State  *string `json:"state"`
	Router bool    `json:"router"`
}

// decisionSummaryJSON tells what a destination comes to: the first of its addresses that packets have a way to.
type decisionSummaryJSON struct {
	Type      string  `json:"type"`
	Time      string  `json:"time"`
	Target    string  `json:"target"`
	Addr      *string `json:"addr"`
	Kind      *string `json:"kind"`
	Interface *string `json:"interface"`
	Gateway   *string `json:"gateway"`
	Source    *string `json:"source"`
	Addrs     int     `json:"addrs"` // that the kernel was asked about
	Error     string  `json:"error,omitempty"`
}

func (v *routesJSON) start(dests []string) error {
	return v.out.Encode(&routesStartJSON{"start", "netdiag.routes/1", render.Time(time.Now()), dests})
}

func (v *routesJSON) tables(t routeTables, failure error) error {
	for _, r := range t.rules {
		_ = v.out.Encode(ruleOf(r)) // as the last call, it returns the first error
	}
	for _, r := range t.routes {
		_ = v.out.Encode(routeOf(r))
	}
	sum := routesSummaryJSON{Type: "summary", Time: render.Time(time.Now()), Routes: len(t.routes)}
	if v.all {
		sum.Rules = new(len(t.rules))
	}
	if failure != nil {
		sum.Error = failure.Error()
	}
	return v.out.Encode(&sum)
}

// routeOf returns a route as JSON has it.
func routeOf(r local.Route) *routeJSON {
	j := &routeJSON{
		Type: "route", Family: r.Family, Dst: r.Dst.String(), Gateway: addrJSON(r.Gateway), Interface: known(r.Interface),
		Source: addrJSON(r.Source), Metric: r.Metric, MTU: known(r.MTU), TOS: r.TOS, Nexthop: known(r.Nexthop), Table: known(r.TableName), TableID: known(r.Table),
		Protocol: known(r.Protocol), Scope: known(r.Scope), Kind: known(r.Kind), Flags: wordsJSON(r.Flags),
	}
	if r.From.IsValid() {
		j.From = new(r.From.String())
	}
	j.Hops = hopsJSON(r.Hops)
	return j
}

// hopsJSON returns the ways of a route over several as JSON has them, nil of none.
func hopsJSON(hops []local.Hop) (all []routeHopJSON) {
	for _, h := range hops {
		all = append(all, routeHopJSON{addrJSON(h.Gateway), known(h.Interface), h.Weight, wordsJSON(h.Flags)})
	}
	return all
}

// ruleOf returns a policy rule as JSON has it.
func ruleOf(r local.Rule) *ruleJSON {
	j := &ruleJSON{
		Type: "rule", Family: r.Family, Priority: r.Priority, In: known(r.In), Out: known(r.Out), Action: r.Action,
		Table: known(r.TableName), TableID: known(r.Table), Invert: r.Invert, More: known(r.More), Text: ruleText(r),
	}
	if r.From.IsValid() {
		j.From = new(r.From.String())
	}
	if r.To.IsValid() {
		j.To = new(r.To.String())
	}
	if r.MarkMask != 0 {
		j.Mark, j.MarkMask = &r.Mark, &r.MarkMask
	}
	return j
}

func (v *routesJSON) decided(d *destination, w decision) error {
	j := decisionJSON{
		Type: "decision", Time: render.Time(time.Now()), Target: d.Text, Dst: addrJSON(w.Dst), Kind: known(w.Kind), Interface: known(w.Interface),
		Gateway: addrJSON(w.Gateway), Source: addrJSON(w.Source), MTU: known(w.MTU), Table: known(w.TableName), TableID: known(w.Table),
		Protocol: known(w.Protocol), Unrouted: w.Unrouted, Hops: hopsJSON(w.Hops),
	}
	if w.Matched.IsValid() {
		j.Matched, j.Metric = new(w.Matched.String()), &w.Metric
	}
	if w.Rule != nil {
		j.Rule, j.RuleText = &w.Rule.Priority, new(ruleText(*w.Rule))
	}
	if w.dev != nil {
		j.DevKind, j.Carrier = known(w.dev.Kind), carrierJSON(w.dev.Signal)
	}
	if n := w.Hop; n != nil {
		j.Neighbour = &neighbourJSON{n.Addr.String(), known(n.MAC.String()), known(n.State), n.Router}
	}
	return v.out.Encode(&j)
}

func (v *routesJSON) finish(d *destination, failure error) error {
	w := d.taken
	j := decisionSummaryJSON{
		Type: "summary", Time: render.Time(time.Now()), Target: d.Text, Addr: addrJSON(w.Dst), Kind: known(w.Kind), Interface: known(w.Interface),
		Gateway: addrJSON(w.Gateway), Source: addrJSON(w.Source), Addrs: d.asked,
	}
	switch {
	case errors.Is(failure, context.Canceled):
		j.Error = "interrupted"
	case failure != nil:
		j.Error = failure.Error()
	}
	return v.out.Encode(&j)
}
