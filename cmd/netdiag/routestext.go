package main

import (
	"cmp"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/netdiag/netdiag/internal/render"
	"github.com/netdiag/netdiag/local"
)

// routesView shows routes. Its methods return the first error of writing.
type routesView interface {
	start(dests []string) error                 // once, first
	tables(t routeTables, failure error) error  // once, last; without destinations
	decided(d *destination, w decision) error   // each address of a destination
	finish(d *destination, failure error) error // each destination, after its addresses
}

// newRoutesView returns the view that c asks for, and how to flush what it writes.
func newRoutesView(c *call) (view routesView, flush func() error) {
	if c.json {
		out := render.NewJSON(c.out)
		return &routesJSON{out: out, all: c.verbose}, out.Flush
	}
	out := render.NewWriter(c.out)
	return &routesText{out: out, color: render.NewColor(c.color, c.out, os.Getenv), verbose: c.verbose}, out.Flush
}

// routesText is routes as text: the table in the layout of netstat -nr, decisions in sentences.
type routesText struct {
	out     *render.Writer
	color   render.Color
	verbose bool
	begun   bool // something is written
}

func (v *routesText) start([]string) error { return nil }

// heading begins a part of the output, after an empty line unless it is the first.
func (v *routesText) heading(text string) error {
	if v.begun {
		text = "\n" + text
	}
	v.begun = true
	return v.out.Printf("%s\n", text)
}

// section is the heading of a family's part, as netstat has it.
func (v *routesText) section(f int, of string) error {
	name := "Internet"
	if f == int(ipv6) {
		name = "Internet6"
	}
	return v.heading(v.color.Strong(name + of + ":"))
}

func (v *routesText) tables(t routeTables, _ error) error {
	if len(t.routes)+len(t.rules) > 0 {
		if err := v.heading("Routing tables"); err != nil {
			return err
		}
	}
	for _, f := range []family{ipv4, ipv6} {
		if err := v.rules(int(f), t.rules); err != nil {
			return err
		}
		if err := v.family(int(f), t.routes); err != nil {
			return err
		}
	}
	return nil
}

// rules shows the policy rules of a family.
func (v *routesText) rules(f int, all []local.Rule) error {
	var table *render.Table
	for _, r := range all {
		if r.Family != f {
			continue
		}
		if table == nil {
			if err := v.section(f, ", rules"); err != nil {
				return err
			}
			table = render.NewTable(v.out, render.Column{Title: "Priority", Right: true}, render.Column{Title: "Rule"})
		}
		_ = table.Row(strconv.Itoa(r.Priority), render.Harmless(ruleText(r))) // Flush returns the error
	}
	if table == nil {
		return nil
	}
	return table.Flush()
}

// family shows the tables of a family.
func (v *routesText) family(f int, all []local.Route) error {
	var table *render.Table
	id := 0
	for _, r := range all {
		if r.Family != f {
			continue
		}
		if table == nil || v.verbose && r.Table != id {
			if table != nil {
				_ = table.Flush() // as what follows, it returns the first error
			}
			of := ""
			if id = r.Table; v.verbose && (id != 0 || r.TableName != "") { // systems with one table do not number it
				of = ", table " + render.Harmless(tableText(r.TableName, r.Table))
			}
			if err := v.section(f, of); err != nil {
				return err
			}
			table = v.routeTable()
		}
		for _, row := range v.rows(r) {
			_ = table.Row(row...)
		}
	}
	if table == nil {
		return nil
	}
	return table.Flush()
}

// tableText names a routing table.
func tableText(name string, id int) string {
	number := strconv.Itoa(id)
	if name == "" || name == number {
		return number
	}
	return name + " (" + number + ")"
}

// routeTable returns a table for routes.
func (v *routesText) routeTable() *render.Table {
	var columns []render.Column
	titles := []string{"Destination", "Gateway", "Flags", "Netif", "Metric"}
	if v.verbose {
		titles = append(titles, "Protocol", "Scope", "Source", "MTU", "More")
	}
	for _, t := range titles {
		columns = append(columns, render.Column{Title: t, Right: t == "Metric" || t == "MTU"})
	}
	return render.NewTable(v.out, columns...)
}

// rows returns the rows of a route, one for each of its hops. No cell is empty, so that the columns can be counted.
func (v *routesText) rows(r local.Route) (rows [][]string) {
	hops := r.Hops
	if len(hops) == 0 {
		hops = []local.Hop{{Gateway: r.Gateway, Interface: r.Interface}}
	}
	for _, h := range hops {
		one := r
		one.Gateway, one.Interface, one.Flags = h.Gateway, h.Interface, slices.Concat(r.Flags, h.Flags)
		row := []string{destinationText(r.Dst), gatewayText(one), lettersOf(one), h.Interface, strconv.Itoa(r.Metric)}
		if v.verbose {
			mtu, more := "", slices.Clone(one.Flags)
			if r.MTU > 0 {
				mtu = strconv.Itoa(r.MTU)
			}
			if r.From.IsValid() {
				more = append([]string{"from " + r.From.String()}, more...)
			}
			if r.TOS != 0 {
				more = append([]string{fmt.Sprintf("tos 0x%02x", r.TOS)}, more...)
			}
			if r.Nexthop != 0 {
				more = append([]string{"nexthop " + strconv.Itoa(r.Nexthop)}, more...)
			}
			if len(r.Hops) > 0 {
				more = append([]string{"weight " + strconv.Itoa(h.Weight)}, more...)
			}
			row = append(row, r.Protocol, r.Scope, addrText(r.Source), mtu, strings.Join(more, ", "))
		}
		for i := range row {
			if row[i] = render.Harmless(row[i]); row[i] == "" {
				row[i] = "-"
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// destinationText returns a destination as netstat shows it.
func destinationText(p netip.Prefix) string {
	switch {
	case p.IsSingleIP():
		return p.Addr().String()
	case p.Bits() == 0 && p.Addr().IsUnspecified():
		return "default"
	}
	return p.String()
}

// gatewayText says where packets go by a route.
func gatewayText(r local.Route) string {
	switch {
	case r.Gateway.IsValid():
		return r.Gateway.String()
	case r.Nexthop != 0 && r.Interface == "" && (r.Kind == "" || r.Kind == local.KindUnicast):
		return "nexthop " + strconv.Itoa(r.Nexthop)
	case r.Kind == "" || r.Kind == local.KindUnicast:
		return "on-link"
	}
	return r.Kind
}

// addrText returns a in text, nothing for the zero Addr.
func addrText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// ruleText returns a policy rule as ip-rule(8) writes it, without its priority.
func ruleText(r local.Rule) string {
	var words []string
	add := func(name, value string) {
		if value != "" {
			words = append(words, name+" "+value)
		}
	}
	if r.Invert {
		words = append(words, "not")
	}
	add("from", selectorText(r.From))
	if r.To.IsValid() {
		add("to", selectorText(r.To))
	}
	add("iif", r.In)
	add("oif", r.Out)
	if r.MarkMask != 0 {
		mark := fmt.Sprintf("%#x", r.Mark)
		if r.MarkMask != 1<<32-1 {
			mark += fmt.Sprintf("/%#x", r.MarkMask)
		}
		add("fwmark", mark)
	}
	if r.More != "" {
		words = append(words, r.More)
	}
	action := r.Action
	if action == "lookup" {
		action += " " + cmp.Or(r.TableName, strconv.Itoa(r.Table))
	}
	return strings.Join(append(words, action), " ")
}

// selectorText returns the addresses that a rule asks for.
func selectorText(p netip.Prefix) string {
	switch {
	case !p.IsValid():
		return "all"
	case p.IsSingleIP():
		return p.Addr().String()
	}
	return p.String()
}
