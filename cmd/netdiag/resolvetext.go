package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/netdiag/netdiag/internal/render"
	"github.com/netdiag/netdiag/resolve"
)

// resolveBlocks is what the views for people have in common: a block for each inquiry.
type resolveBlocks struct {
	out     *render.Writer
	color   render.Color
	verbose bool
	begun   bool // a block stands above
}

func (v *resolveBlocks) start() error { return nil }

func (v *resolveBlocks) reply(*inquiry, *response) error { return nil }

// line writes a line.
func (v *resolveBlocks) line(text string) error { return v.out.Printf("%s\n", text) }

// separate puts an empty line between blocks.
func (v *resolveBlocks) separate() {
	if v.begun {
		_ = v.line("") // an error sticks and comes back from the next line
	}
	v.begun = true
}

// verdictWord returns the verdict as it stands at the beginning of a line.
func verdictWord(v resolve.Verdict) string { return strings.ToUpper(v.String()) }

// verdict returns the line that says what an inquiry came to.
func (v *resolveBlocks) verdict(is resolve.Verdict, text string) string {
	word := verdictWord(is)
	switch statusOf(is) {
	case yes:
		word = v.color.Good(word)
	case no:
		word = v.color.Doubtful(word)
	default:
		word = v.color.Bad(word)
	}
	return word + ": " + render.Harmless(text)
}

// ttlWords returns a TTL for people and exactly: "5m (300 s)", and below a minute "42 s".
func ttlWords(ttl time.Duration) string {
	exact := fmt.Sprintf("%d s", ttl/time.Second)
	if ttl < time.Minute {
		return exact
	}
	return shortTime(ttl) + " (" + exact + ")"
}

// shortTime returns whole seconds as "1d2h3m4s", without what is zero.
func shortTime(d time.Duration) string {
	var b strings.Builder
	for _, unit := range [...]struct {
		is   time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}} {
		if n := d / unit.is; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, unit.name)
			d -= n * unit.is
		}
	}
	if b.Len() == 0 {
		return "0s"
	}
	return b.String()
}

// resolveText is resolve as people read it.
type resolveText struct{ resolveBlocks }

func (v *resolveText) settled(q *inquiry) error {
	v.separate()
	switch r := q.replies[0]; {
	case !q.ofMachine():
		return v.fromDNS(q)
	case r.found == nil:
		_, reason := r.verdict()
		return v.line(v.verdict(resolve.VerdictError, withName(q, reason)))
	default:
		return v.fromMachine(q, r)
	}
}

// fromMachine writes this machine's answer.
func (v *resolveText) fromMachine(q *inquiry, r *response) error {
	f := r.found
	table := render.NewTable(v.out, make([]render.Column, 5)...)
	for i := range f.Addrs {
		if f.Addr.IsValid() {
			break
		}
		a := &f.Addrs[i]
		cells := []string{render.Harmless(a.Addr.String()), render.Harmless(originWords(a.Origin))}
		if a.Origin.Source == "dns" {
			cells = append(cells, "ttl "+ttlWords(a.Origin.TTL))
		} else {
			cells = append(cells, "")
		}
		if v.verbose {
			cells = append(cells, routeWords(a), ruleWords(a))
		}
		_ = table.Row(cells...)
	}
	for _, name := range f.Names {
		_ = table.Row(bothForms(relative(name)), render.Harmless(originWords(r.found.Origin)))
	}
	_ = table.Flush()
	if v.verbose {
		v.steps(f)
		v.beside(r.beside)
	}
	is, reason := r.verdict()
	return v.line(v.verdict(is, foundWords(q, f, reason)) + v.idn(q))
}

// idn returns the Unicode form of what was asked for, where it has one and the user did not type it.
func (v *resolveBlocks) idn(q *inquiry) string {
	switch u := unicodeForm(q.name.host); {
	case u == "":
		return ""
	case !isASCII(q.name.text):
		return " (in DNS " + render.Harmless(relative(q.name.host)) + ")"
	default:
		return " (in Unicode " + u + ")"
	}
}

// originWords says where an address comes from.
func originWords(o resolve.Origin) string {
	switch {
	case o.Source == "dns":
		return "dns " + o.Server.String()
	case o.Source == "files" && o.Path != "":
		return fmt.Sprintf("%s:%d", o.Path, o.Line)
	case o.Source == "special":
		return "special name"
	}
	return o.Source
}

// routeWords says how an address would be reached.
func routeWords(a *resolve.Address) string {
	if !a.From.IsValid() {
		return "no route"
	}
	return "from " + a.From.String()
}

// ruleWords says what put an address before the next one.
func ruleWords(a *resolve.Address) string {
	switch {
	case a.Rule == 0:
		return ""
	case a.Why == "":
		return fmt.Sprintf("rule %d", a.Rule)
	}
	return fmt.Sprintf("rule %d: %s", a.Rule, render.Harmless(a.Why))
}

// foundWords says what this machine found.
func foundWords(q *inquiry, f *resolve.Found, reason string) string {
	name := q.label()
	switch {
	case f.Verdict != resolve.VerdictAnswer:
		return withName(q, reason)
	case f.Addr.IsValid() && len(f.Names) == 1:
		return name + " is " + relative(f.Names[0])
	case f.Addr.IsValid():
		return fmt.Sprintf("%s has %d names", name, len(f.Names))
	}
	words := name + " has "
	if c := relative(f.Canonical); c != "" && !strings.EqualFold(c, relative(q.name.host)) {
		words = name + " is " + c + ", which has "
	}
	if len(f.Addrs) == 1 {
		return words + "1 address"
	}
	return words + fmt.Sprintf("%d addresses, tried in this order", len(f.Addrs))
}

// steps writes every source, name and server on the way.
func (v *resolveText) steps(f *resolve.Found) {
	for _, s := range f.Steps {
		words := s.Source + ": " + s.Status
		if s.Detail != "" {
			words += ", " + s.Detail
		}
		_ = v.line(v.color.Faint(render.Harmless(words)))
		for i := range s.Lookups {
			l := &s.Lookups[i]
			words := fmt.Sprintf("  %s %v: %v, %s", l.Question.Name, l.Question.Type, l.Verdict, l.Reason)
			_ = v.line(v.color.Faint(render.Harmless(words)))
			for _, x := range l.Exchanges {
				_ = v.line(v.color.Faint(render.Harmless("    " + exchangeWords(x))))
			}
		}
	}
}

// beside writes what DNS says of a name that the hosts file has.
func (v *resolveText) beside(f *resolve.Found) {
	if f == nil {
		return
	}
	words := verdictWord(f.Verdict) + ", " + f.Reason
	if f.Verdict == resolve.VerdictAnswer {
		words = strings.Join(addrTexts(f), ", ")
	}
	_ = v.line(v.color.Faint(render.Harmless("dns, beside it: " + words)))
}

// exchangeWords says what a server did.
func exchangeWords(x *resolve.Exchange) string {
	_, reason := x.Verdict()
	words := fmt.Sprintf("%v over %v: ", x.Server, x.Via)
	if x.Status != resolve.Answered {
		return words + fmt.Sprintf("%s (%d sent in %s ms)", reason, x.Tries, render.Millis(x.Elapsed))
	}
	return words + fmt.Sprintf("%v in %s ms, %s", x.Message.Rcode, render.Millis(x.RTT), reason)
}
