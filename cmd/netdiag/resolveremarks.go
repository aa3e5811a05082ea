package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/netdiag/netdiag/resolve"
)

// remark is something that a user should know beside an answer.
type remark struct {
	kind  string // for programs
	text  string // for people; may hold text from the network
	hint  string // what would help, or ""
	aloud bool   // it goes to standard error
	once  string // of remarks with the same one, only the first does; "": the text
}

// The kinds of remarks that are not those of resolve's notes and disagreements.
const (
	remarkProblem = "configuration"
	remarkSkipped = "skipped-source"
	remarkDead    = "dead-server" // no answer came
	remarkBad     = "bad-server"  // an answer came that another server had to stand in for
	remarkVerdict = "verdict"
	remarkDiffer  = "servers-disagree"
)

// resolveRemarks finds what is remarkable.
type resolveRemarks struct {
	json, short, verbose bool
	problems             []resolve.Problem
}

func newResolveRemarks(c *call, short bool, problems []resolve.Problem) *resolveRemarks {
	return &resolveRemarks{json: c.json, short: short, verbose: c.verbose, problems: problems}
}

// begin returns what is to be said of the configuration.
func (m *resolveRemarks) begin() []remark {
	var all []remark
	for _, p := range m.problems {
		text := p.Path + ": " + p.Text
		if p.Line > 0 {
			text = fmt.Sprintf("%s:%d: %s", p.Path, p.Line, p.Text)
		}
		all = append(all, remark{kind: remarkProblem, text: text, aloud: m.verbose && !m.json || p.Err != nil})
	}
	return all
}

// about returns what is to be said of a reply.
func (m *resolveRemarks) about(q *inquiry, r *response) []remark {
	all := m.servers(r)
	if r.exchange != nil {
		for _, n := range r.exchange.Notes {
			if n.Kind == resolve.NoteCookie && !m.verbose {
				continue // which is how cookies work (RFC 7873 section 5.4)
			}
			all = append(all, remark{kind: n.Kind, text: r.exchange.Server.String() + ": " + n.Text, aloud: !m.json && (m.verbose && r.found != nil || worrying(n.Kind))})
		}
	}
	if r.found != nil {
		all = append(all, m.skipped(r.found)...)
		all = append(all, m.beside(r)...)
	}
	if v, reason := r.verdict(); r.err != nil && !errors.Is(r.err, context.Canceled) || m.short && v != resolve.VerdictAnswer {
		text := q.label() + ": " + reason
		switch {
		case r.err == nil:
			text = verdictWord(v) + ": " + withName(q, reason)
		case r.server != nil:
			text = "@" + r.server.text + ": " + reason
		}
		// Programs have it in the summary.
		all = append(all, remark{kind: remarkVerdict, text: text, aloud: true})
	}
	return all
}

// together returns what is to be said of the replies to an inquiry as a whole.
func (m *resolveRemarks) together(q *inquiry) []remark {
	said, silent := opinions(q)
	if words, agree := agreement(q, said, silent); !agree {
		if m.json {
			words = strings.TrimPrefix(words, disagreement) // which its kind says
		}
		return []remark{{kind: remarkDiffer, text: words, aloud: m.short}} // the others show it where the answers are
	}
	return nil
}

// worrying reports whether a kind of note is more than how DNS works.
func worrying(kind string) bool {
	return !slices.Contains([]string{resolve.NoteTruncated, resolve.NoteCookie, resolve.NoteRetried}, kind)
}

// servers returns what is to be said of name servers that did not do their part.
func (m *resolveRemarks) servers(r *response) []remark {
	var all []remark
	tried := r.tried()
	if r.exchange != nil && !slices.Contains(tried, r.exchange) {
		tried = append(slices.Clone(tried), r.exchange)
	}
	for _, x := range tried {
		v, reason := x.Verdict()
		who := x.Server.String()
		text := who + ": " + reason
		switch {
		case x.Status == resolve.TimedOut && r.server == nil:
			all = append(all, remark{kind: remarkDead, text: text, hint: "with --race nobody waits for a name server that is down", aloud: true, once: who})
		case x.Status != resolve.Answered:
			all = append(all, remark{kind: remarkDead, text: text, aloud: true, once: who})
		case x != r.exchange && (v == resolve.VerdictServFail || v == resolve.VerdictRefused || v == resolve.VerdictError):
			all = append(all, remark{kind: remarkBad, text: text, aloud: !m.json})
		}
	}
	return all
}

// skipped names the sources that could not be asked.
func (m *resolveRemarks) skipped(f *resolve.Found) []remark {
	var all []remark
	for _, s := range f.Steps {
		if s.Status != "skipped" {
			continue
		}
		all = append(all, remark{kind: remarkSkipped, text: s.Source + ": " + cmp.Or(s.Detail, "skipped"), aloud: !m.json})
	}
	return all
}

// beside says where the hosts file and DNS disagree.
func (m *resolveRemarks) beside(r *response) []remark {
	d, ok := resolve.Disagree(r.found, r.beside)
	if !ok {
		return nil
	}
	return []remark{{kind: string(d.Kind), text: d.Text, aloud: !m.json}}
}

// label names an inquiry in a sentence: the name as it was typed, which is made harmless where it is written.
func (q *inquiry) label() string { return q.name.text }
