package draw

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// DOT writes a graph in the language of graphviz, for its program dot: columns become clusters of one rank.
func DOT(w io.Writer, g Graph) error {
	g, err := g.ready()
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "digraph paths {\n\tgraph [label=%s, labelloc=t, labeljust=l, rankdir=LR, ranksep=0.6, nodesep=0.2, fontname=\"sans-serif\", fontsize=14];\n",
		quoted(`\l`, slices.Concat([]string{g.Title, g.Subtitle}, g.Notes)...))
	b.WriteString("\tnode [shape=box, style=\"rounded,filled\", fillcolor=white, color=\"#7b8fa3\", fontname=\"sans-serif\", fontsize=10];\n")
	b.WriteString("\tedge [arrowsize=0.6, color=\"#7b8fa3\"];\n")
	flows := g.flows()
	for column := range g.Columns {
		fmt.Fprintf(&b, "\tsubgraph cluster_%d {\n\t\tgraph [label=%s, rank=same, style=\"rounded,filled\", color=\"#f3f6f9\", fontsize=10];\n",
			column, quoted(centred, g.heading(column)))
		// Something to hold a column in its place that no link comes to from the one before.
		fmt.Fprintf(&b, "\t\tc%d [shape=point, style=invis, width=0];\n", column)
		for i, n := range g.Nodes {
			if n.Column == column {
				fmt.Fprintf(&b, "\t\tn%d [%s];\n", i, nodeAttributes(n, flows))
			}
		}
		b.WriteString("\t}\n")
	}
	for column := range len(g.Columns) - 1 {
		fmt.Fprintf(&b, "\tc%d -> c%d [style=invis, weight=0];\n", column, column+1)
	}
	thick := thicknesses(g.Links)
	for i, l := range g.Links {
		name := g.Nodes[l.From].Label + " → " + g.Nodes[l.To].Label
		fmt.Fprintf(&b, "\tn%d -> n%d [penwidth=%s, tooltip=%s];\n", l.From, l.To, tenths(thick[i]), quoted(centred, name, which(l.Flows, flows)))
	}
	b.WriteString("}\n")
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("draw: %w", err)
	}
	return nil
}

// nodeAttributes returns what is in the brackets behind a node.
func nodeAttributes(n Node, flows int) string {
	lines := []string{n.Label, n.Name, n.Note}
	for _, b := range n.Badges {
		lines = append(lines, "["+b.Text+"]")
	}
	look := ""
	switch n.Kind {
	case Source:
		look = `, fillcolor="#1b2733", color="#1b2733", fontcolor=white`
	case Silent:
		look = `, style="rounded,filled,dashed", fontcolor="#4d5d6c"`
	case Destination:
		look = `, fillcolor="#00614a", color="#00614a", fontcolor=white, peripheries=2`
	}
	return fmt.Sprintf("label=%s, tooltip=%s%s", quoted(centred, lines...), quoted(centred, tip(n), which(n.Flows, flows)), look)
}

// centred ends a line of text in DOT that is centred; \l is the end of one to the left.
const centred = `\n`

// quoted returns a quoted string of DOT that shows lines of text, the empty ones left out, with ends between them.
// Graphviz reads escapes like \N, and entities like &amp;, in what it shows.
func quoted(end string, lines ...string) string {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "&", "&amp;", "\n", centred)
	var b strings.Builder
	for _, l := range lines {
		if l == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(end)
		}
		b.WriteString(escape.Replace(l))
	}
	if end != centred {
		b.WriteString(end) // which also says where its line stands
	}
	return `"` + b.String() + `"`
}
