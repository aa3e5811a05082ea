package draw

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// wired returns the columns of a graph with so many nodes in each column, and links as pairs of nodes.
func wired(t *testing.T, sizes []int, links ...[2]int) *columns {
	t.Helper()
	g := Graph{Columns: make([]Column, len(sizes))}
	for column, n := range sizes {
		for range n {
			g.Nodes = append(g.Nodes, Node{Column: column, Label: strconv.Itoa(len(g.Nodes))})
		}
	}
	for _, l := range links {
		g.Links = append(g.Links, Link{From: l[0], To: l[1]})
	}
	g, err := g.ready()
	if err != nil {
		t.Fatal(err)
	}
	c := arrange(g)
	for i := range c.items {
		if c.items[i].node >= 0 {
			c.items[i].side, c.items[i].height = 40, 40
		}
	}
	return c
}

func TestUncross(t *testing.T) {
	tests := []struct {
		name  string
		sizes []int
		links [][2]int
		want  int
	}{
		{"nothing", nil, nil, 0},
		{"a pair the wrong way round", []int{2, 2}, [][2]int{{0, 3}, {1, 2}}, 0},
		{"two by two, all linked", []int{2, 2}, [][2]int{{0, 2}, {0, 3}, {1, 2}, {1, 3}}, 1},
		{"chains reversed at every hop", []int{4, 4, 4}, [][2]int{{0, 7}, {1, 6}, {2, 5}, {3, 4}, {7, 8}, {6, 9}, {5, 10}, {4, 11}}, 0},
		{"a tree out of order", []int{1, 2, 4}, [][2]int{{0, 1}, {0, 2}, {1, 3}, {1, 5}, {2, 4}, {2, 6}}, 0},
		{"a link past a column", []int{1, 3, 1}, [][2]int{{0, 1}, {0, 2}, {0, 3}, {1, 4}, {2, 4}, {3, 4}, {0, 4}}, 0},
	}
	for _, tt := range tests {
		if got := wired(t, tt.sizes, tt.links...).crossings(); got != tt.want {
			t.Errorf("%s: %d crossings, want %d", tt.name, got, tt.want)
		}
	}
}

// TestUncrossTrees draws trees whose nodes come in any order, without a crossing.
func TestUncrossTrees(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 20 {
		sizes, links := []int{1}, [][2]int(nil)
		first := 0 // node of the column
		for range 3 {
			n := sizes[len(sizes)-1]
			for i, child := range rng.Perm(3 * n) {
				links = append(links, [2]int{first + i%n, first + n + child})
			}
			sizes, first = append(sizes, 3*n), first+n
		}
		if n := wired(t, sizes, links...).crossings(); n != 0 {
			t.Fatalf("%d crossings in the tree %v", n, links)
		}
	}
}

// TestUncrossMeshes holds the number of crossings of graphs that cannot do without to what it is.
func TestUncrossMeshes(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	sum := 0
	for range 100 {
		var links [][2]int
		for column := range 4 {
			for range 14 {
				links = append(links, [2]int{6*column + rng.IntN(6), 6*(column+1) + rng.IntN(6)})
			}
		}
		sum += wired(t, []int{6, 6, 6, 6, 6}, links...).crossings()
	}
	if sum > 3800 { // as the nodes came there are 12,574
		t.Errorf("%d crossings", sum)
	}
}

// TestCrossings counts crossings by geometry, too.
func TestCrossings(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var links [][2]int
		for range 12 {
			links = append(links, [2]int{rng.IntN(5), 5 + rng.IntN(5)})
		}
		c := wired(t, []int{5, 5}, links...)
		position := c.positions()
		want := 0
		for i, a := range links {
			for _, b := range links[:i] {
				if (position[a[0]]-position[b[0]])*(position[a[1]]-position[b[1]]) < 0 {
					want++
				}
			}
		}
		if got := c.crossings(); got != want {
			t.Fatalf("%v: %d crossings, want %d", links, got, want)
		}
	}
}

func TestPlaceLevel(t *testing.T) {
	c := wired(t, []int{1, 3, 1, 1}, [2]int{0, 1}, [2]int{0, 2}, [2]int{0, 3}, [2]int{1, 4}, [2]int{2, 4}, [2]int{3, 4}, [2]int{4, 5})
	c.place(0, 3)
	middle := c.items[c.order[1][1]].y
	for _, i := range []int{0, 4, 5} {
		if c.items[i].y != middle {
			t.Errorf("node %d is at %d, the middle of the diamond at %d", i, c.items[i].y, middle)
		}
	}
	c = wired(t, []int{1, 1, 1, 2, 1}, [2]int{0, 1}, [2]int{1, 2}, [2]int{2, 3}, [2]int{3, 5}, [2]int{0, 4}, [2]int{4, 5})
	c.place(0, 4)
	long := c.chains[4]
	for _, i := range long[1:] {
		if c.items[i].y != c.items[long[1]].y {
			t.Errorf("a long link bends between %d and %d", c.items[long[1]].y, c.items[i].y)
		}
	}
}

// TestLevelBest compares an isotonic regression with a search over all places.
func TestLevelBest(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 60 {
		c := &columns{order: [][]int{{0, 1, 2}}, items: make([]item, 3)}
		var want [3]wish
		for i := range want {
			weight := int64(1 + rng.IntN(5))
			want[i] = wish{int64(rng.IntN(30)*fine) * weight, weight}
		}
		cost := func(y [3]int) (sum float64) {
			for i, w := range want {
				d := float64(y[i]) - float64(w.sum)/float64(w.weight)
				sum += float64(w.weight) * d * d
			}
			return sum
		}
		c.level(0, func(i int) wish { return want[i] })
		offsets := c.offsets(0)
		got := [3]int{c.items[0].y, c.items[1].y, c.items[2].y}
		best := cost(got)
		for a := -2 * offsets[2]; a < 30*fine; a += fine {
			for b := a + offsets[1]; b < 30*fine+offsets[2]; b += fine {
				for d := b + offsets[2] - offsets[1]; d < 30*fine+2*offsets[2]; d += fine {
					if other := cost([3]int{a, b, d}); other < best-float64(fine*fine) {
						t.Fatalf("%v: %v costs %.0f, %v costs %.0f", want, got, best, [3]int{a, b, d}, other)
					}
				}
			}
		}
	}
}

func TestRows(t *testing.T) {
	chain := func(n int) *columns {
		sizes := make([]int, n)
		var links [][2]int
		for i := range sizes {
			sizes[i] = 1
			if i > 0 {
				links = append(links, [2]int{i - 1, i})
			}
		}
		return wired(t, sizes, links...)
	}
	tests := []struct {
		columns, width int
		want           string
	}{
		{1, 100, "0-0"},
		{6, 160, "0-5"},
		{9, 100, "0-8"},
		{12, 160, "0-5 6-11"},
		{13, 160, "0-5 6-10 11-12"}, // none is left alone
	}
	for _, tt := range tests {
		widths := make([]int, tt.columns)
		for i := range widths {
			widths[i] = tt.width
		}
		var got []string
		for _, r := range lay(chain(tt.columns), widths).rows {
			got = append(got, fmt.Sprintf("%d-%d", r.first, r.last))
		}
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("%d columns of %d pixels: %s, want %s", tt.columns, tt.width, s, tt.want)
		}
	}
}

// TestGeometry looks at all samples for what must hold in any picture.
func TestGeometry(t *testing.T) {
	for _, name := range sampleNames() {
		t.Run(name, func(t *testing.T) {
			g, err := samples()[name].ready()
			if err != nil {
				t.Fatal(err)
			}
			checkSheet(t, newSheet(g, true))
			checkSheet(t, newSheet(g, false))
		})
	}
}

// checkSheet checks that nothing overlaps or juts out, and that links end at the sides of their nodes.
func checkSheet(t *testing.T, s *sheet) {
	t.Helper()
	inside := func(what string, b, of box) {
		if b.X < of.X || b.Y < of.Y || b.X+b.Width > of.X+of.Width || b.Y+b.Height > of.Y+of.Height {
			t.Errorf("%s at %v juts out of %v", what, b, of)
		}
	}
	paper := box{0, -s.Top, s.Width, s.Height}
	byID := make(map[int]card)
	for i, c := range s.Nodes {
		byID[c.ID] = c
		inside("node "+c.Name, c.box, paper)
		for _, p := range c.Badges {
			inside("badge of "+c.Name, p.box, box{c.X, c.Y - badgeRise, c.Width, c.Height})
		}
		for _, l := range c.Lines {
			size := smallSize
			if l.Class == "label" {
				size = labelSize
			}
			w := textWidth(l.Text, size)
			inside("text of "+c.Name, box{l.X - w/2, l.Y - size, w, size}, c.box)
		}
		for _, other := range s.Nodes[:i] {
			if c.X < other.X+other.Width && other.X < c.X+c.Width && c.Y < other.Y+other.Height && other.Y < c.Y+c.Height {
				t.Errorf("%s at %v overlaps %s at %v", c.Name, c.box, other.Name, other.box)
			}
		}
	}
	for i, b := range s.Bands {
		inside("band "+b.Title.Text, b.box, paper)
		for _, other := range s.Bands[:i] {
			if b.X < other.X+other.Width && other.X < b.X+b.Width && b.Y < other.Y+other.Height && other.Y < b.Y+b.Height {
				t.Errorf("band %q at %v overlaps %q at %v", b.Title.Text, b.box, other.Title.Text, other.box)
			}
		}
	}
	for _, l := range s.Links {
		checkPath(t, l, byID[l.From], byID[l.To])
		inside("link "+l.Name, extent(t, l.Path), paper)
	}
}

// checkPath checks that a link goes from the right side of one node to the left side of another.
func checkPath(t *testing.T, l wire, from, to card) {
	t.Helper()
	points := points(t, l.Path)
	first, last := points[0], points[len(points)-1]
	if first[0] != from.X+from.Width || first[1] <= from.Y || first[1] >= from.Y+from.Height {
		t.Errorf("%s begins at %v, the node is %v", l.Name, first, from.box)
	}
	if last[0] != to.X || last[1] <= to.Y || last[1] >= to.Y+to.Height {
		t.Errorf("%s ends at %v, the node is %v", l.Name, last, to.box)
	}
}

// extent returns the smallest box around the points of path data, which the curve does not leave.
func extent(t *testing.T, path string) box {
	t.Helper()
	all := points(t, path)
	b := box{all[0][0], all[0][1], 0, 0}
	right, bottom := b.X, b.Y
	for _, p := range all {
		b.X, b.Y, right, bottom = min(b.X, p[0]), min(b.Y, p[1]), max(right, p[0]), max(bottom, p[1])
	}
	b.Width, b.Height = right-b.X, bottom-b.Y
	return b
}

// points returns the points of path data, those of control with them.
func points(t *testing.T, path string) (all [][2]int) {
	t.Helper()
	var x, y int
	for path != "" {
		command := path[0]
		end := strings.IndexAny(path[1:], "MHVQC") + 1
		if end == 0 {
			end = len(path)
		}
		var n []int
		for s := range strings.FieldsSeq(path[1:end]) {
			v, err := strconv.Atoi(s)
			if err != nil {
				t.Fatalf("path data: %v", err)
			}
			n = append(n, v)
		}
		switch path = path[end:]; {
		case command == 'H' && len(n) == 1:
			x = n[0]
		case command == 'V' && len(n) == 1:
			y = n[0]
		case command == 'M' && len(n) == 2, command == 'Q' && len(n) == 4, command == 'C' && len(n) == 6:
			for ; len(n) > 0; n = n[2:] {
				x, y = n[0], n[1]
				all = append(all, [2]int{x, y})
			}
		default:
			t.Fatalf("path data: %c with %v", command, n)
		}
		all = append(all, [2]int{x, y})
	}
	return all
}

// FuzzGraph draws graphs of any shape.
func FuzzGraph(f *testing.F) {
	f.Add([]byte{1, 4, 4, 1}, []byte{0, 1, 0, 2, 1, 5, 2, 6, 5, 9})
	f.Add([]byte{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, []byte{0, 9, 0, 5, 3, 7})
	f.Add([]byte{0, 3, 0, 0, 2}, []byte{0, 4})
	f.Add([]byte{9, 9, 9, 9, 9, 9, 9, 9, 9, 9}, []byte("the quick brown fox jumps over the lazy dog"))
	f.Fuzz(func(t *testing.T, sizes, ends []byte) {
		g := Graph{Title: "fuzz", Axis: "TTL"}
		for column, n := range sizes[:min(len(sizes), 40)] {
			g.Columns = append(g.Columns, Column{Title: strconv.Itoa(column)})
			for i := range int(n % 12) {
				n := Node{Column: column, Kind: Kind(i % 4), Label: strings.Repeat(":10", i), Note: "1 ms"}
				if i%3 == 1 {
					n.Badges = []Badge{{"per-flow", Blue}, {"MPLS", Grey}}
				}
				g.Nodes = append(g.Nodes, n)
			}
		}
		for i := 0; i+1 < len(ends) && i < 200 && len(g.Nodes) > 0; i += 2 {
			from, to := int(ends[i])%len(g.Nodes), int(ends[i+1])%len(g.Nodes)
			if g.Nodes[from].Column > g.Nodes[to].Column {
				from, to = to, from
			}
			if g.Nodes[from].Column < g.Nodes[to].Column {
				g.Links = append(g.Links, Link{from, to, []int{i, i % 7}})
			}
		}
		for format := range formats() {
			drawn(t, format, g)
		}
		g, err := g.ready()
		if err != nil {
			t.Fatal(err)
		}
		checkSheet(t, newSheet(g, true))
	})
}
