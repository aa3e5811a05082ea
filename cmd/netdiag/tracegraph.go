package main

import (
	"crypto/rand"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/netdiag/netdiag/internal/draw"
	"github.com/netdiag/netdiag/internal/render"
	"github.com/netdiag/netdiag/trace"
)

// writeGraph writes the picture of g to file, as the end of its name says. Who looks at the file meanwhile sees what was
// there before, or all of the new one.
func writeGraph(file string, g traceGraph) error {
	write := graphFormat(file)
	if write == nil {
		return fmt.Errorf("%s: not .dot, .svg or .html", file)
	}
	err := replaceFile(file, func(w io.Writer) error { return write(w, g.picture()) })
	if err != nil {
		return fmt.Errorf("no graph is written: %w", err)
	}
	return nil
}

// graphFormat returns what writes a picture to a file of that name; nil: nothing does.
func graphFormat(file string) func(io.Writer, draw.Graph) error {
	switch strings.ToLower(filepath.Ext(file)) {
	case ".dot":
		return draw.DOT
	case ".svg":
		return draw.SVG
	case ".html":
		return draw.HTML
	}
	return nil
}

// replaceFile has write make a file that takes the place, and the permissions, of the one of that name, if there is one.
// If anything fails, nothing changes.
func replaceFile(file string, write func(io.Writer) error) error {
	if real, err := filepath.EvalSymlinks(file); err == nil {
		file = real
	}
	temporary := filepath.Join(filepath.Dir(file), "."+rand.Text())
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666) // less what umask(2) takes away
	if err != nil {
		return err
	}
	err = write(f)
	if old, missing := os.Stat(file); missing == nil && err == nil {
		err = f.Chmod(old.Mode().Perm())
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(temporary, file)
	}
	if err != nil {
		_ = os.Remove(temporary) // err says more
	}
	return err
}

// picture returns what is drawn of g.
func (g traceGraph) picture() draw.Graph {
	p := draw.Graph{Title: g.title(), Subtitle: g.subtitle(), Axis: "TTL"}
	for _, c := range g.Result.Caveats {
		p.Notes = append(p.Notes, render.Harmless(c))
	}
	drawn := g.ends()
	columns := make(map[int]int) // by TTL
	for _, n := range g.Nodes {  // in the order of TTLs
		if _, known := columns[n.TTL]; known {
			continue
		}
		columns[n.TTL] = len(p.Columns)
		title := count(int64(n.TTL))
		if n.TTL == 0 {
			title = ""
		}
		p.Columns = append(p.Columns, draw.Column{Title: title})
	}
	index, also := make(map[int]int), make(map[int][]string) // by what is drawn
	flows := make(map[int][]int)
	for i, n := range g.Nodes {
		flows[drawn[i]] = append(flows[drawn[i]], n.Flows...)
		if drawn[i] != i {
			also[drawn[i]] = append(also[drawn[i]], count(int64(n.TTL)))
			continue
		}
		node := g.node(i, columns[n.TTL])
		node.Flows = flows[i]
		if nearer := also[i]; nearer != nil {
			node.Details = append(node.Details, draw.Detail{Key: "Also at TTL", Value: strings.Join(nearer, ", ")})
		}
		index[i] = len(p.Nodes)
		p.Nodes = append(p.Nodes, node)
	}
	for _, l := range g.Links {
		p.Links = append(p.Links, draw.Link{From: index[drawn[l.From]], To: index[drawn[l.To]], Flows: l.Flows})
	}
	return p
}

// ends returns, for each node, the one that is drawn in its place: itself, or where paths of unequal
// length end at the same destination the last such node.
func (g traceGraph) ends() []int {
	leads := make(map[int]bool)
	for _, l := range g.Links {
		leads[l.From] = true
	}
	last := make(map[netip.Addr]int)
	drawn := make([]int, len(g.Nodes))
	for i, n := range slices.Backward(g.Nodes) {
		drawn[i] = i
		if !n.Reached || leads[i] {
			continue
		}
		if later, known := last[n.Addr]; known {
			drawn[i] = later
		} else {
			last[n.Addr] = i
		}
	}
	return drawn
}

func (g traceGraph) title() string {
	target, addr := render.Harmless(g.Target), render.Harmless(g.Addr.String())
	if target == addr {
		return "Paths to " + addr
	}
	return "Paths to " + target + " (" + addr + ")"
}

// subtitle says how the trace went.
func (g traceGraph) subtitle() string {
	r := g.Result
	end := fmt.Sprintf("reached at hop %d", r.Hops)
	switch {
	case r.Reached:
	case r.Alive:
		end = "not reached, but alive: it answers " + r.AliveBy
	default:
		end = "not reached"
	}
	parts := []string{strings.ToUpper(r.Method.String()), end, counted(r.Probes, "probe", "probes"), fmt.Sprintf("%.2f s", r.Took.Seconds())}
	if g.Multipath {
		parts = append(parts, "something was missed with a probability of at most "+atMost(r.Bound))
	}
	return strings.Join(parts, ", ")
}

// node returns what is drawn of a node.
func (g traceGraph) node(i, column int) draw.Node {
	if i == 0 {
		n := draw.Node{Column: column, Kind: draw.Source, Label: "this host"}
		if a := g.Nodes[0].Addr; a.IsValid() {
			n.Note = render.Harmless(a.String())
		}
		return n
	}
	n := g.Nodes[i]
	limited := n.Addr.IsValid() && slices.Contains(g.Result.Limited, n.TTL)
	return draw.Node{
		Column: column, Kind: n.kind(), Label: vertex(n.Vertex), Name: render.Harmless(n.Name),
		Note: n.note(), Badges: n.badges(limited), Details: n.details(limited),
	}
}

func (n graphNode) kind() draw.Kind {
	switch {
	case !n.Addr.IsValid():
		return draw.Silent
	case n.Reached:
		return draw.Destination
	}
	return draw.Router
}

// note returns what stands below a node's address: its round trip time and who runs it.
func (n graphNode) note() string {
	var parts []string
	if n.RTT.N() > 0 {
		parts = append(parts, render.Millis(n.RTT.Mean())+" ms")
	}
	if len(n.ASN) > 0 {
		parts = append(parts, strings.Trim(bracketed(n.ASN), "[] "))
	}
	return strings.Join(parts, ", ")
}

// badges returns what is remarkable of a node. limited: it answers only so many probes a second.
func (n graphNode) badges(limited bool) []draw.Badge {
	var all []draw.Badge
	if len(n.Labels) > 0 {
		all = append(all, draw.Badge{Text: "MPLS", Tone: draw.Grey})
	}
	if limited {
		all = append(all, draw.Badge{Text: "rate-limited", Tone: draw.Grey})
	}
	if n.Loop {
		all = append(all, draw.Badge{Text: "loop", Tone: draw.Orange})
	}
	tones := map[trace.Balancer]draw.Tone{trace.PerFlow: draw.Blue, trace.PerPacket: draw.Orange, trace.PerDestination: draw.Violet}
	if n.Balancer != trace.None {
		all = append(all, draw.Badge{Text: n.Balancer.String(), Tone: tones[n.Balancer]})
	}
	return all
}

// details returns all there is to say of a node beside its name.
func (n graphNode) details(limited bool) []draw.Detail {
	var all []draw.Detail
	add := func(key, value string) { all = append(all, draw.Detail{Key: key, Value: value}) }
	if n.RTT.N() > 0 {
		add("RTT min/avg/max", render.Millis(n.RTT.Min())+"/"+render.Millis(n.RTT.Mean())+"/"+render.Millis(n.RTT.Max())+" ms")
		add("Answers", count(n.RTT.N()))
	}
	if len(n.ASN) > 0 {
		add("AS", strings.Trim(bracketed(n.ASN), "[] "))
	}
	if n.Balancer != trace.None {
		sure := "not tested"
		if n.Confidence > 0 {
			sure = sureness(n.Confidence)
		}
		add("Balancer", n.Balancer.String()+" ("+sure+")")
	}
	if len(n.Labels) > 0 {
		add("Labels", labels(n.Labels))
	}
	var remarks []string
	if n.Loop {
		remarks = append(remarks, "a flow met it before")
	}
	if limited {
		remarks = append(remarks, "answers only so many probes a second")
	}
	if len(remarks) > 0 {
		add("Remark", strings.Join(remarks, ", "))
	}
	return all
}
