package main

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/netdiag/netdiag/local"
)

// routeTables are the routing tables of this machine.
type routeTables struct {
	rules  []local.Rule  // nil unless all tables are there
	routes []local.Route // by family and table, those of one in the kernel's order
}

// showRoutes is netdiag routes without a destination.
func showRoutes(c *call, kernel *ownKernel) (status, error) {
	r := newOutcome(c.diagnostics)
	view, flush := newRoutesView(c)
	r.flush = flush
	r.note(view.start(nil))
	tables, failure := readTables(kernel, c.verbose, c.family())
	if failure != nil {
		r.unable(failure)
	}
	r.note(view.tables(tables, failure))
	r.note(r.flush())
	if failure == nil && len(tables.routes) == 0 {
		r.diag.warn("there are no routes%s", over(c.family()))
	}
	return r.status, r.broken
}

// over says which family is meant, if one is.
func over(f family) string {
	if f == anyFamily {
		return ""
	}
	return fmt.Sprintf(" over %v", f)
}

// readTables returns the main tables of family f, or with all every table and the rules. What could be read is there
// beside an error.
func readTables(kernel *ownKernel, all bool, f family) (routeTables, error) {
	var t routeTables
	var errs []error
	wanted := func(v int) bool { return f == anyFamily || int(f) == v }
	if all {
		rules, err := kernel.rules()
		if err != nil {
			errs = append(errs, inWords(err))
		}
		t.rules = slices.DeleteFunc(rules, func(r local.Rule) bool { return !wanted(r.Family) })
	}
	routes, err := kernel.routes(all)
	if err != nil {
		errs = append(errs, inWords(err))
	}
	t.routes = slices.DeleteFunc(routes, func(r local.Route) bool { return !wanted(r.Family) })
	t.sort()
	return t, joined(errs)
}

// sort puts the routes by family, and their tables in the order in which the rules ask them; those that no rule asks
// come last.
func (t *routeTables) sort() {
	turn := func(r local.Route) int {
		asks := func(rule local.Rule) bool { return rule.Family == r.Family && rule.Table == r.Table }
		if at := slices.IndexFunc(t.rules, asks); at >= 0 {
			return at
		}
		return len(t.rules)
	}
	slices.SortStableFunc(t.routes, func(a, b local.Route) int {
		return cmp.Or(cmp.Compare(a.Family, b.Family), cmp.Compare(turn(a), turn(b)), cmp.Compare(a.Table, b.Table))
	})
}
