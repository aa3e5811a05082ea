// Package draw makes pictures of the paths through a network: a directed graph whose nodes stand in
// columns, one a hop, from left to right. [DOT] writes the graph for graphviz, [SVG] a drawing, [HTML] one page with
// the drawing, which lights up the way of flows, and tables of all there is to know.
//
// The package lays text out and knows no measurement: what a node is called, what stands below
// it and which flows pass is the caller's to say. Text may come from anybody; each format escapes it in its own way,
// and what cannot be seen (control and bidirectional characters, bytes that are no UTF-8) shows as U+FFFD.
//
// The same graph gives the same bytes, on every machine. No picture refers to anything outside itself.
package draw

import (
	"fmt"
	"slices"
	"strings"
)

// Graph is what to draw.
type Graph struct {
	Title    string
	Subtitle string   // one line below the title; empty: none
	Notes    []string // further lines, such as what the picture does not tell
	Axis     string   // what a column is, such as "TTL": stands before its title
	Columns  []Column // from left to right
	Nodes    []Node   // of one column in the order that they would have without links
	Links    []Link
}

// Column is a column of nodes.
type Column struct {
	Title string // such as the TTL; empty: none
}

// Node is a node of the graph.
type Node struct {
	Column int // index in Graph.Columns
	Kind   Kind
	// Label says which node it is, such as an address. One as long as those of IPv6 takes two lines; only
	// what is much longer is shortened.
	Label   string
	Name    string // of the node in words, shortened in the middle where it is long; empty: none
	Note    string // short, below the label and the name, such as a round trip time; empty: none
	Badges  []Badge
	Details []Detail // for the tooltip and the table of nodes
	Flows   []int    // numbers of the flows that pass, from 0. Those of the node's links pass in any case.
}

// Kind is the look of a node.
type Kind uint8

// The kinds of nodes.
const (
	Router Kind = iota
	Source
	Silent // known only from what happens around it: dashed
	Destination
)

var kinds = [...]string{Router: "router", Source: "source", Silent: "silent", Destination: "destination"}

// String returns the kind in lower case, such as "router".
func (k Kind) String() string {
	if int(k) < len(kinds) {
		return kinds[k]
	}
	return "unknown"
}

// Badge is a short remark on the border of a node.
type Badge struct {
	Text string
	Tone Tone
}

// Tone is the colour of a Badge. Its text says the same without the colour.
type Tone uint8

// The tones. White text can be read on all of them, and they differ also for the colour-blind.
const (
	Grey Tone = iota
	Blue
	Orange
	Violet
)

var tones = [...]string{Grey: "grey", Blue: "blue", Orange: "orange", Violet: "violet"}

// String returns the tone in lower case, such as "grey".
func (t Tone) String() string {
	if int(t) < len(tones) {
		return tones[t]
	}
	return "unknown"
}

// Detail is something more to know of a node. All that have the same key share a column of the table.
type Detail struct {
	Key, Value string
}

// Link is a link between two nodes. It may pass columns by.
type Link struct {
	From, To int   // indices in Graph.Nodes; the column of To is to the right of From's
	Flows    []int // numbers of the flows that pass, from 0
}

// ready returns a copy of g to draw from: the text is plain, the flows of each node are in order and include
// those of its links. Its error tells an index that points nowhere, or a link that does not go to the right.
func (g Graph) ready() (Graph, error) {
	g.Title, g.Subtitle, g.Axis = plain(g.Title), plain(g.Subtitle), plain(g.Axis)
	g.Notes = slices.Clone(g.Notes)
	for i, n := range g.Notes {
		g.Notes[i] = plain(n)
	}
	g.Columns = slices.Clone(g.Columns)
	for i, c := range g.Columns {
		g.Columns[i].Title = plain(c.Title)
	}
	g.Nodes = slices.Clone(g.Nodes)
	for i, n := range g.Nodes {
		if n.Column < 0 || n.Column >= len(g.Columns) {
			return Graph{}, fmt.Errorf("draw: node %d: no column %d", i, n.Column)
		}
		if int(n.Kind) >= len(kinds) {
			return Graph{}, fmt.Errorf("draw: node %d: no kind %d", i, n.Kind)
		}
		g.Nodes[i] = n.ready()
	}
	g.Links = slices.Clone(g.Links)
	for i, l := range g.Links {
		if min(l.From, l.To) < 0 || max(l.From, l.To) >= len(g.Nodes) {
			return Graph{}, fmt.Errorf("draw: link %d: no node %d or %d", i, l.From, l.To)
		}
		from, to := &g.Nodes[l.From], &g.Nodes[l.To]
		if from.Column >= to.Column {
			return Graph{}, fmt.Errorf("draw: link %d from column %d to %d", i, from.Column, to.Column)
		}
		g.Links[i].Flows = ordered(l.Flows)
		from.Flows = append(from.Flows, l.Flows...)
		to.Flows = append(to.Flows, l.Flows...)
	}
	for i, n := range g.Nodes {
		g.Nodes[i].Flows = ordered(n.Flows)
	}
	return g, nil
}

// ready returns a copy of n with plain text.
func (n Node) ready() Node {
	n.Label, n.Name, n.Note = plain(n.Label), plain(n.Name), plain(n.Note)
	n.Badges = slices.Clone(n.Badges)
	for i, b := range n.Badges {
		n.Badges[i].Text = plain(b.Text)
	}
	n.Details = slices.Clone(n.Details)
	for i, d := range n.Details {
		n.Details[i] = Detail{plain(d.Key), plain(d.Value)}
	}
	n.Flows = slices.Clone(n.Flows)
	return n
}

// heading returns the title of a column with what it is, such as "TTL 7".
func (g Graph) heading(column int) string {
	if title := g.Columns[column].Title; title != "" {
		return strings.TrimSpace(g.Axis + " " + title)
	}
	return ""
}

// ordered returns the different numbers of flows in order.
func ordered(flows []int) []int {
	flows = slices.Clone(flows)
	slices.Sort(flows)
	return slices.Compact(flows)
}
