package main

import (
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/netdiag/netdiag/hosts"
	"github.com/netdiag/netdiag/internal/render"
)

// hostsView shows what a use of hosts finds and does. Its methods return the first error of writing.
type hostsView interface {
	start(action string) error // once, first
	entry(e hosts.Entry) error
	match(asked string, m hosts.Match) error
	finding(f hosts.Finding) error
	change(c hostsChange) error
	finish(failure error) error // once, last
}

// hostsChange is what happened to a file, or would.
type hostsChange struct {
	done   string // what was done, in words
	any    bool   // the file changes
	dry    bool
	diff   string
	result hosts.Result
}

// newHostsView returns the view that c asks for, and how to flush what it writes.
func newHostsView(f *hostsFlags, c *call) (view hostsView, flush func() error) {
	if c.json {
		out := render.NewJSON(c.out)
		return &hostsJSON{out: out, file: f.file, dialect: f.dialect.String()}, out.Flush
	}
	out := render.NewWriter(c.out)
	return &hostsText{out: out, file: f.file, color: render.NewColor(c.color, c.out, os.Getenv), verbose: c.verbose, diag: c.diagnostics}, out.Flush
}

// hostsText is hosts as text.
type hostsText struct {
	out     *render.Writer
	file    string
	color   render.Color
	verbose bool
	diag    diagnostics

	table *render.Table // of entries and matches; nil until there is one
	found int
}

func (v *hostsText) start(string) error { return nil }

// row adds a row to the table.
func (v *hostsText) row(line int, addr string, names []string) error {
	if v.table == nil {
		v.table = render.NewTable(v.out, render.Column{Title: "line", Right: true}, render.Column{Title: "address"}, render.Column{Title: "names"})
	}
	return v.table.Row(strconv.Itoa(line), render.Harmless(addr), render.Harmless(strings.Join(names, " ")))
}

func (v *hostsText) entry(e hosts.Entry) error { return v.row(e.Line, e.Addr.String(), e.Names) }

func (v *hostsText) match(_ string, m hosts.Match) error {
	return v.row(m.Line, m.Addr.String(), m.Names)
}

func (v *hostsText) finding(f hosts.Finding) error {
	v.found++
	where := v.file
	if f.Line > 0 {
		where += ":" + strconv.Itoa(f.Line)
	}
	return v.out.Printf("%s: %s %s\n", render.Harmless(where), render.Harmless(f.Message), v.color.Faint("["+f.Kind+"]"))
}

func (v *hostsText) change(c hostsChange) error {
	if c.dry {
		return v.out.Printf("%s", v.diff(c.diff))
	}
	if err := v.out.Printf("%s\n", render.Harmless(c.done)); err != nil || !c.any {
		return err
	}
	if v.verbose {
		if err := v.out.Printf("%s", v.diff(c.diff)); err != nil {
			return err
		}
	}
	return v.out.Printf("as it was before: %s\n", render.Harmless(c.result.Backup))
}

// diff returns a diff as it is shown.
func (v *hostsText) diff(diff string) string {
	var b strings.Builder
	for line := range strings.Lines(diff) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t") // a tab is as harmless as it is common here
		for i := range fields {
			fields[i] = render.Harmless(fields[i])
		}
		text := strings.Join(fields, "\t")
		switch {
		case strings.HasPrefix(line, "+"):
			text = v.color.Good(text)
		case strings.HasPrefix(line, "-"):
			text = v.color.Bad(text)
		}
		b.WriteString(text + "\n")
	}
	return b.String()
}

func (v *hostsText) finish(error) error {
	if v.table != nil {
		return v.table.Flush()
	}
	return nil
}

// hostsJSON is hosts as JSON lines, by the schema netdiag.hosts/1.
type hostsJSON struct {
	out           *render.JSON
	file, dialect string
	sum           hostsSummaryJSON
}

type hostsStartJSON struct {
	Type    string `json:"type"`
	Schema  string `json:"schema"`
	Time    string `json:"time"`
	Action  string `json:"action"`
	File    string `json:"file"`
	Dialect string `json:"dialect"`
}

type hostsEntryJSON struct {
	Type      string   `json:"type"`
	Target    string   `json:"target,omitempty"`
	Line      int      `json:"line"`
	Addr      string   `json:"addr"`
	Names     []string `json:"names"`
	Canonical string   `json:"canonical,omitempty"`
}

type hostsFindingJSON struct {
	Type    string `json:"type"`
	Line    *int   `json:"line"` // null: the whole file
	Kind    string `json:"kind"`
	Message string `json:"message"`
}

type hostsSummaryJSON struct {
	Type     string  `json:"type"`
	Time     string  `json:"time"`
	File     string  `json:"file"`
	Entries  *int    `json:"entries,omitempty"`
	Findings *int    `json:"findings,omitempty"`
	Changed  *bool   `json:"changed,omitempty"`
	DryRun   bool    `json:"dry_run,omitempty"`
	Diff     string  `json:"diff,omitempty"`
	Backup   *string `json:"backup,omitempty"`
	InPlace  *bool   `json:"in_place,omitempty"`
	Error    string  `json:"error,omitempty"`
}

func (v *hostsJSON) start(action string) error {
	switch action {
	case "list", "lookup":
		v.sum.Entries = new(int)
	case "lint":
		v.sum.Findings = new(int)
	}
	return v.out.Encode(&hostsStartJSON{"start", "netdiag.hosts/1", render.Time(time.Now()), action, v.file, v.dialect})
}

func (v *hostsJSON) entry(e hosts.Entry) error {
	*v.sum.Entries++
	return v.out.Encode(&hostsEntryJSON{Type: "entry", Line: e.Line, Addr: e.Addr.String(), Names: e.Names})
}

func (v *hostsJSON) match(asked string, m hosts.Match) error {
	*v.sum.Entries++
	return v.out.Encode(&hostsEntryJSON{"entry", asked, m.Line, m.Addr.String(), m.Names, m.Canonical})
}

func (v *hostsJSON) finding(f hosts.Finding) error {
	*v.sum.Findings++
	j := hostsFindingJSON{Type: "finding", Kind: f.Kind, Message: f.Message}
	if f.Line > 0 {
		j.Line = &f.Line
	}
	return v.out.Encode(&j)
}

func (v *hostsJSON) change(c hostsChange) error {
	v.sum.Changed, v.sum.DryRun, v.sum.Diff = &c.any, c.dry, c.diff
	if c.any && !c.dry {
		v.sum.Backup, v.sum.InPlace = &c.result.Backup, &c.result.InPlace
	}
	return nil
}

func (v *hostsJSON) finish(failure error) error {
	v.sum.Type, v.sum.Time, v.sum.File = "summary", render.Time(time.Now()), v.file
	if failure != nil {
		v.sum.Error = failure.Error()
	}
	return v.out.Encode(&v.sum)
}
