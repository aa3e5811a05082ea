package draw

import (
	"fmt"
	"slices"
	"strconv"
)

// sheet is a picture ready for its template: sizes and places in pixels, text as it is to be read.
type sheet struct {
	File               bool // a file of its own, not part of a page
	Title, Description string
	Width, Height      int
	Lines              []line // above and below the graph
	Top                int    // of the graph; what follows counts from there
	Bands              []band
	Links              []wire
	Nodes              []card
	Key                []sign
}

// line is a line of text. X is its beginning, or its middle where the style of its class says so.
type line struct {
	Class, Text string
	X, Y        int
}

// box is a rectangle.
type box struct{ X, Y, Width, Height int }

// band is a column in its row, with its title.
type band struct {
	box
	Title line
}

// wire is a drawn link.
type wire struct {
	ID, From, To int
	Name, Tip    string
	Which        string // flows, in words
	Path, Width  string
	Flows        string
}

// sign explains a kind of line or node below the picture.
type sign struct {
	Class string
	X, Y  int
	Text  line
}

// leastSheet is the width that a sheet has at least, so that the title has room.
const leastSheet = 480

// newSheet lays out a graph that is ready.
func newSheet(g Graph, file bool) *sheet {
	c, flows := arrange(g), g.flows()
	cards := make([]card, len(g.Nodes))
	widths := make([]int, len(g.Columns))
	for i := range g.Columns {
		widths[i] = textWidth(elide(g.heading(i), smallSize, longestLine), smallSize) + 8
	}
	for i, n := range g.Nodes {
		cards[i] = newCard(n, i, flows)
		widths[n.Column] = max(widths[n.Column], cards[i].Width)
		c.items[i].side, c.items[i].height = cards[i].Height, cards[i].Height
		if len(n.Badges) > 0 {
			c.items[i].height += 2 * badgeRise
		}
	}
	l := lay(c, widths)
	s := &sheet{File: file, Title: g.Title, Width: max(l.width, leastSheet), Nodes: cards, Description: describe(g)}
	for i, n := range g.Nodes {
		cards[i].moveTo(l.x[n.Column], c.items[i].y, widths[n.Column], g.heading(n.Column))
	}
	s.addBands(g, l)
	s.addLinks(g, l, flows)
	s.addText(g, l.bottom)
	return s
}

// describe says in a sentence what the picture shows, for who does not see it.
func describe(g Graph) string {
	return fmt.Sprintf("%s in %s, joined by %s, from left to right.",
		counted(len(g.Nodes), "node"), counted(len(g.Columns), "column"), counted(len(g.Links), "link"))
}

// addBands adds what lies behind each column.
func (s *sheet) addBands(g Graph, l *layout) {
	for _, r := range l.rows {
		for column := r.first; column <= r.last; column++ {
			x, width := l.x[column]-bandPad-(l.slots[column]-l.widths[column])/2, l.slots[column]+2*bandPad
			title := line{Text: elide(g.heading(column), smallSize, longestLine), X: x + width/2, Y: r.top + bandHead - 8}
			s.Bands = append(s.Bands, band{box{x, r.top, width, r.bottom - r.top}, title})
		}
	}
}

// addLinks adds the links, the wide ones first: narrow ones can be seen on top of them.
func (s *sheet) addLinks(g Graph, l *layout, flows int) {
	thick := thicknesses(g.Links)
	r := newRouter(l, thick)
	for i, link := range g.Links {
		name := g.Nodes[link.From].Label + " → " + g.Nodes[link.To].Label
		passing := which(link.Flows, flows)
		s.Links = append(s.Links, wire{
			ID: i, From: link.From, To: link.To, Name: name, Tip: name + "\n" + passing, Which: passing,
			Path: r.path(i), Width: tenths(thick[i]), Flows: fields(link.Flows),
		})
	}
	slices.SortStableFunc(s.Links, func(a, b wire) int { return thick[b.ID] - thick[a.ID] })
}

// thicknesses returns the width of each link in tenths of a pixel, by the number of its flows.
func thicknesses(links []Link) []int {
	const least, most, perFlow = 15, 50, 10
	flows := 1
	for _, l := range links {
		flows = max(flows, len(l.Flows))
	}
	full := min(most-least, perFlow*(flows-1))
	thick := make([]int, len(links))
	for i, l := range links {
		thick[i] = least + full*max(0, len(l.Flows)-1)/max(1, flows-1)
	}
	return thick
}

// tenths returns n tenths as text.
func tenths(n int) string { return strconv.Itoa(n/10) + "." + strconv.Itoa(n%10) }

// addText adds the title above the graph, and below it what the lines mean and the notes; bottom is where the graph ends.
func (s *sheet) addText(g Graph, bottom int) {
	y := margin
	add := func(class, text string, size, height int) {
		for _, part := range wrap(text, size, s.Width-2*margin) {
			y += height
			s.Lines = append(s.Lines, line{class, part, margin, y - height/4})
		}
	}
	if s.File {
		add("title", g.Title, titleSize, titleSize*4/3)
		add("subtitle", g.Subtitle, labelSize, labelHeight+2)
		if y > margin {
			y += margin / 2
		}
	}
	s.Top = y
	y = s.addKey(g, bottom) + s.Top
	if s.File && len(g.Notes) > 0 {
		y += margin / 2
		for _, n := range g.Notes {
			add("remark", n, smallSize, smallHeight+1)
		}
	}
	s.Height = y + margin
}

// addKey explains the looks that the graph has, below y, and returns where that ends.
func (s *sheet) addKey(g Graph, y int) int {
	const swatch, apart = 26, 22
	has := func(k Kind) bool { return slices.ContainsFunc(g.Nodes, func(n Node) bool { return n.Kind == k }) }
	widths := slices.Compact(slices.Sorted(slices.Values(thicknesses(g.Links))))
	x, top := margin, y+margin
	signs := []struct {
		class, text string
		shown       bool
	}{
		{"source", "source", has(Source)},
		{"router", "router", has(Router)},
		{"silent", "silent: does not answer", has(Silent)},
		{"destination", "destination", has(Destination)},
		{"wires", "the wider, the more flows", len(widths) > 1},
	}
	for _, sg := range signs {
		if !sg.shown {
			continue
		}
		end := x + swatch + 8 + textWidth(sg.text, smallSize)
		if end > s.Width-margin && x > margin {
			end, x, top = end-x+margin, margin, top+smallHeight+4
		}
		s.Key = append(s.Key, sign{sg.class, x, top, line{Text: sg.text, X: x + swatch + 8, Y: top + smallHeight - 4}})
		x = end + apart
		y = top + smallHeight
	}
	return y
}
