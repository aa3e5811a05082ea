package resolve

import (
	"context"
	"strings"
)

// plan is which names the C library asks for when a program gives it one (res_search): the name as it is, the
// name below each domain of the search list, the name as it is.
type plan struct {
	first  string   // as it is, before the search list; "": not tried
	search []string // below the domains
	last   string   // as it is, after the search list; "": not tried
}

// planSearch returns the names to try for name, absolute.
func planSearch(name string, conf ResolvConf) plan {
	var p plan
	dots := strings.Count(name, ".")
	trailing := strings.HasSuffix(name, ".")
	if trailing || dots >= conf.Options.NDots {
		p.first = absolute(name)
	}
	if trailing {
		return p
	}
	root := false
	for _, domain := range conf.Search {
		if domain == "." {
			p.search = append(p.search, absolute(name))
			root = true
			continue
		}
		p.search = append(p.search, name+"."+absolute(escapeBlank(domain)))
	}
	alone := dots == 0 && len(p.search) > 0 && conf.Options.NoTLDQuery
	if p.first == "" && !root && !alone {
		p.last = absolute(name)
	}
	return p
}

// escapeBlank writes the carriage return that a file with line ends of Windows leaves in a domain as
// names are written (RFC 1035 section 5.1).
func escapeBlank(domain string) string { return strings.ReplaceAll(domain, "\r", `\013`) }

// searched is what a search came to.
type searched struct {
	lookups []Lookup
	final   outcome // of the name that decided
	last    outcome // of the name that was tried last
}

// search asks for a name with the search list, as the C library does: it goes on after a name that does not exist or
// has no addresses, and after servers that could not find out. After anything else it tries no further domain,
// only the name as it is.
func (st *stub) search(ctx context.Context, name string, types []Type) (searched, error) {
	var s searched
	var asIs, noData, servFail *outcome
	p := planSearch(name, st.conf)
	try := func(name string) (*outcome, error) {
		o, err := st.lookup(ctx, name, types)
		if err != nil {
			return nil, err
		}
		s.lookups = append(s.lookups, o.lookups...)
		s.final, s.last = o, o
		return &o, nil
	}
	if p.first != "" {
		o, err := try(p.first)
		if err != nil || o.code == codeFound || len(p.search) == 0 {
			return s, err
		}
		asIs = o
	}
	for _, name := range p.search {
		o, err := try(name)
		if err != nil || o.code == codeFound || o.unreached {
			return s, err
		}
		goOn := o.code == codeNotFound
		switch {
		case o.code == codeNoData:
			goOn, noData = true, o
		case o.code == codeTryAgain && o.servFail:
			goOn, servFail = true, o
		}
		if !goOn {
			break
		}
	}
	if p.last != "" {
		o, err := try(p.last)
		if err != nil || o.code == codeFound {
			return s, err
		}
	}
	// What is told is what the name as it is came to if that was tried first, else the most hopeful.
	switch {
	case asIs != nil:
		s.final = *asIs
	case noData != nil:
		s.final = *noData
	case servFail != nil:
		s.final = *servFail
	}
	return s, nil
}
