package draw

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"slices"
)

// page is what the template of a page shows.
type page struct {
	Title, Subtitle string
	Notes           []string
	Policy          string // Content-Security-Policy
	Style           template.CSS
	Script          template.JS
	Picture         *sheet
	Paths           []choice
	Axis            string
	Keys            []string // of details: each a column of the table of nodes
	Nodes           []nodeRow
	Links           []linkRow
}

// choice is a path that one can choose to see.
type choice struct {
	Name, Count, Flows, Which string
}

// nodeRow is a line of the table of nodes.
type nodeRow struct {
	ID                   int
	Column, Label, Name  string
	Details              []string // by Keys
	Flows, Count, Listed string
}

// linkRow is a line of the table of links.
type linkRow struct {
	ID                   int
	FromID, ToID         int
	From, To             string
	Flows, Count, Listed string
}

// HTML writes a page with the drawing of SVG, which lights up the way of the flows that pass what one points at, clicks or
// gets to with the keyboard, and with tables of the nodes and links. Nothing is loaded from elsewhere. A
// Content-Security-Policy in the page lets nothing run but its own script, by its hash.
func HTML(w io.Writer, g Graph) error {
	g, err := g.ready()
	if err != nil {
		return err
	}
	p := page{Title: g.Title, Subtitle: g.Subtitle, Notes: g.Notes, Axis: g.Axis, Picture: newSheet(g, false)}
	var text [3]string
	for i, name := range []string{"picture.css", "page.css", "page.js"} {
		b, err := files.ReadFile(name)
		if err != nil {
			return fmt.Errorf("draw: %w", err)
		}
		text[i] = string(b)
	}
	style, script := text[0]+text[1], text[2]
	p.Style, p.Script = template.CSS(style), template.JS(script)
	p.Policy = fmt.Sprintf("default-src 'none'; style-src %s; script-src %s; base-uri 'none'; form-action 'none'", hash(style), hash(script))
	for i, flows := range paths(g) {
		p.Paths = append(p.Paths, choice{fmt.Sprintf("Path %d", i+1), counted(len(flows), "flow"), fields(flows), which(flows, g.flows())})
	}
	p.addNodes(g)
	p.addLinks(g)
	return execute(w, "page", p)
}

// hash returns the source expression that allows an inline text in a Content-Security-Policy.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// addNodes fills the table of nodes, in the order of columns.
func (p *page) addNodes(g Graph) {
	for _, n := range g.Nodes {
		for _, d := range n.Details {
			if !slices.Contains(p.Keys, d.Key) {
				p.Keys = append(p.Keys, d.Key)
			}
		}
	}
	for column := range g.Columns {
		for i, n := range g.Nodes {
			if n.Column != column {
				continue
			}
			row := nodeRow{ID: i, Column: g.Columns[column].Title, Label: n.Label, Name: n.Name, Details: make([]string, len(p.Keys)),
				Flows: fields(n.Flows), Count: fmt.Sprint(len(n.Flows)), Listed: listed(n.Flows)}
			for _, d := range n.Details {
				row.Details[slices.Index(p.Keys, d.Key)] = d.Value
			}
			p.Nodes = append(p.Nodes, row)
		}
	}
}

// addLinks fills the table of links, in the order of columns and nodes.
func (p *page) addLinks(g Graph) {
	for i, l := range g.Links {
		p.Links = append(p.Links, linkRow{ID: i, FromID: l.From, ToID: l.To, From: g.Nodes[l.From].Label, To: g.Nodes[l.To].Label,
			Flows: fields(l.Flows), Count: fmt.Sprint(len(l.Flows)), Listed: listed(l.Flows)})
	}
	slices.SortStableFunc(p.Links, func(a, b linkRow) int {
		return cmp.Or(
			cmp.Compare(g.Nodes[a.FromID].Column, g.Nodes[b.FromID].Column), cmp.Compare(a.FromID, b.FromID),
			cmp.Compare(g.Nodes[a.ToID].Column, g.Nodes[b.ToID].Column), cmp.Compare(a.ToID, b.ToID))
	})
}
