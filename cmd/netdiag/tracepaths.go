package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/netdiag/netdiag/internal/render"
	"github.com/netdiag/netdiag/trace"
)

// tracePaths is the text of -M: a row for each node, hop by hop, with where it leads. Diamonds show in a column
// of their own: "/" where ways part, "|" while there are several, "\" where they meet, "x" where they
// meet and part.
type tracePaths struct{ traceLines }

func (v *tracePaths) done(t *traceTarget) error {
	if t.result != nil {
		nodes, links := t.nodes, t.links
		if len(nodes) == 0 { // it ended too early
			nodes, links = pathsOf(t.hops)
		}
		if err := v.text(t, v.table(t, nodes, links)+v.sum(t.result, len(nodes), len(links))); err != nil {
			return err
		}
	}
	return v.traceLines.done(t)
}

// sum returns the line about a whole trace that found so many nodes and links.
func (v *tracePaths) sum(r *trace.Result, nodes, links int) string {
	how := "full MDA"
	if r.Lite {
		how = "MDA-Lite"
	}
	missed := fmt.Sprintf("something was missed with a probability of at most %s (asked for %s); %s", atMost(r.Bound), atMost(1-r.Confidence), how)
	if early(r) {
		missed = "it ended before everything was looked for"
	}
	return fmt.Sprintf("%s, %s, %s in %.2f s; %s\n", counted(int64(nodes), "node", "nodes"), counted(int64(links), "link", "links"),
		counted(r.Probes, "probe", "probes"), r.Took.Seconds(), missed)
}

// early reports whether a trace ended before it knew everything, so that there is no bound.
func early(r *trace.Result) bool {
	return r.Stop == trace.StopDeadline || r.Stop == trace.StopInterrupted || r.Stop == trace.StopError
}

// pathHop is a hop with its nodes.
type pathHop struct {
	ttl   int
	bound string
	nodes []*trace.Node
}

// column returns the mark of a hop between its neighbours, as tracePaths has them.
func (h *pathHop) column(before, behind *pathHop) string {
	wide := func(h *pathHop) bool { return h != nil && len(h.nodes) > 1 }
	switch {
	case wide(h):
		return "|"
	case wide(before) && wide(behind):
		return "x"
	case wide(behind):
		return "/"
	case wide(before):
		return `\`
	}
	return " "
}

// hops returns the hops of a target that have some of the nodes.
func (v *tracePaths) hops(t *traceTarget, nodes []trace.Node) []pathHop {
	bounds := make(map[int]string)
	for _, h := range t.hops {
		if bounds[h.TTL] = "-"; !early(t.result) {
			bounds[h.TTL] = atMost(h.Bound)
		}
	}
	var hops []pathHop
	for i := range nodes {
		n := &nodes[i]
		if len(hops) == 0 || hops[len(hops)-1].ttl != n.TTL {
			hops = append(hops, pathHop{ttl: n.TTL, bound: bounds[n.TTL]})
		}
		last := &hops[len(hops)-1]
		last.nodes = append(last.nodes, n)
	}
	return hops
}

// table returns the rows of all nodes.
func (v *tracePaths) table(t *traceTarget, nodes []trace.Node, links []trace.Link) string {
	hops := v.hops(t, nodes)
	next := make(map[trace.Vertex][]trace.Vertex)
	for _, l := range links {
		next[l.From] = append(next[l.From], l.To)
	}
	const narrow, wide = 15, 56 // of the column of nodes
	width := narrow
	for _, h := range hops {
		for _, n := range h.nodes {
			if w := utf8.RuneCountInString(v.node(n)); w <= wide {
				width = max(width, w)
			}
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "ttl  missed    %-*s       ms\n", width, "node")
	for i := range hops {
		var before, behind *pathHop
		if i > 0 {
			before = &hops[i-1]
		}
		if i+1 < len(hops) {
			behind = &hops[i+1]
		}
		v.rows(&b, &hops[i], before, behind, next, width)
	}
	return b.String()
}

// rows writes those of a hop, whose column of nodes is so wide; next has where each node leads.
func (v *tracePaths) rows(b *strings.Builder, h, before, behind *pathHop, next map[trace.Vertex][]trace.Vertex, width int) {
	head := fmt.Sprintf("%3d  %6s", h.ttl, h.bound)
	var above []trace.Vertex // where the row above leads
	for _, n := range h.nodes {
		row := fmt.Sprintf("%11s  %s %-*s  %7s", head, h.column(before, behind), width, v.node(n), v.rtt(n))
		end := utf8.RuneCountInString(row + v.notes(n, render.Color{}))
		row += v.notes(n, v.color)
		to := next[n.Vertex]
		if len(to) > fewest && slices.Equal(to, above) {
			row += fmt.Sprintf("  -> the same %d", len(to))
		} else {
			row += leads(to, h, behind, end)
		}
		b.WriteString(strings.TrimRight(row, " ") + "\n")
		head, above = "", to
	}
}

// node returns what a node is called.
func (v *tracePaths) node(n *trace.Node) string {
	if n.Addr.IsValid() {
		return v.called.short(n.Addr)
	}
	return vertex(n.Vertex)
}

// vertex returns vertexID as it may be shown.
func vertex(n trace.Vertex) string { return render.Harmless(vertexID(n)) }

// vertexID returns a node's address, or as in "*4.1" which of the silent ones it is.
func vertexID(n trace.Vertex) string {
	if n.Addr.IsValid() {
		return n.Addr.String()
	}
	return fmt.Sprintf("*%d.%d", n.TTL, n.Silent)
}

func (v *tracePaths) rtt(n *trace.Node) string {
	if n.RTT.N() == 0 {
		return ""
	}
	return render.Millis(n.RTT.Mean())
}

// notes returns what there is to say of a node.
func (v *tracePaths) notes(n *trace.Node, color render.Color) string {
	notes := ""
	if n.Balancer != trace.None {
		sure := "not tested"
		if n.Confidence > 0 {
			sure = sureness(n.Confidence)
		}
		notes += "  " + color.Strong(n.Balancer.String()) + " (" + sure + ")"
	}
	if n.Reached {
		notes += "  " + color.Good("destination")
	}
	if n.Loop {
		notes += "  " + color.Bad("loop")
	}
	if v.extensions && len(n.Labels) > 0 {
		notes += "  <" + labels(n.Labels) + ">"
	}
	return notes
}

// fewest is how many next nodes are listed even if they are all that there are.
const fewest = 3

// leads returns where a node of h leads, behind its row, which is so wide: nothing where there is one way only.
func leads(to []trace.Vertex, h, behind *pathHop, width int) string {
	switch {
	case len(to) == 0, len(h.nodes) == 1 && behind != nil && len(behind.nodes) == 1:
		return ""
	case behind != nil && len(to) > fewest && len(to) == len(behind.nodes) && to[0].TTL == behind.ttl:
		return fmt.Sprintf("  -> all %d of hop %d", len(to), behind.ttl)
	}
	const edge = 110 // columns
	text := "  ->"
	indent := width + len(text)
	at := indent
	for i, n := range to {
		word := " " + vertex(n)
		if i+1 < len(to) {
			word += ","
		}
		if at += len(word); at > edge && i > 0 {
			text += "\n" + strings.Repeat(" ", indent)
			at = indent + len(word)
		}
		text += word
	}
	return text
}

// atMost returns a probability in per cent, rounded up.
func atMost(p float64) string {
	p *= 100
	decimals := 2
	switch {
	case p <= 0:
		return "0%"
	case p < 0.01:
		return "<0.01%"
	case p >= 10:
		decimals = 0
	case p >= 1:
		decimals = 1
	}
	unit := math.Pow10(decimals)
	return strconv.FormatFloat(math.Ceil(p*unit-1e-6)/unit, 'f', decimals, 64) + "%"
}

// sureness returns a probability in per cent, rounded down.
func sureness(p float64) string {
	return strconv.FormatFloat(math.Floor(1000*p+1e-6)/10, 'f', 1, 64) + "%"
}
