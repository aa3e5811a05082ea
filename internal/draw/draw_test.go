package draw

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the pictures of all samples to testdata anew")

// formats are the functions of the package by the end of the name of what they write.
func formats() map[string]func(io.Writer, Graph) error {
	return map[string]func(io.Writer, Graph) error{".dot": DOT, ".svg": SVG, ".html": HTML}
}

// drawn returns what a format writes of g.
func drawn(t testing.TB, format string, g Graph) string {
	t.Helper()
	var b bytes.Buffer
	if err := formats()[format](&b, g); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestGolden compares pictures with those that somebody has looked at.
func TestGolden(t *testing.T) {
	for _, name := range []string{"mesh.dot", "mesh.svg", "silent.svg", "linear30.svg", "three.html"} {
		g := samples()[strings.TrimSuffix(name, filepath.Ext(name))]
		got := drawn(t, filepath.Ext(name), g)
		if again := drawn(t, filepath.Ext(name), g); again != got {
			t.Errorf("%s differs when it is written again", name)
		}
		if filepath.Ext(name) == ".html" {
			got = withoutCode(got)
		}
		file := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
			t.Errorf("%s (-want +got; -update writes it anew):\n%s", name, diff)
		}
	}
}

// withoutCode returns a page without its script and styles, which have files of their own, and their hashes.
func withoutCode(page string) string {
	for _, part := range [][2]string{{"<style>", "</style>"}, {"<script>", "</script>"}, {"Policy\" content=\"", "\""}} {
		before, rest, _ := strings.Cut(page, part[0])
		_, after, _ := strings.Cut(rest, part[1])
		page = before + part[0] + part[1] + after
	}
	return page
}

func TestErrors(t *testing.T) {
	two := []Column{{}, {}}
	tests := []struct {
		name string
		g    Graph
		want string
	}{
		{"no column", Graph{Nodes: []Node{{Column: 1}}, Columns: two[:1]}, "draw: node 0: no column 1"},
		{"negative column", Graph{Nodes: []Node{{Column: -1}}, Columns: two}, "draw: node 0: no column -1"},
		{"no kind", Graph{Nodes: []Node{{Kind: 9}}, Columns: two}, "draw: node 0: no kind 9"},
		{"no node", Graph{Nodes: make([]Node, 1), Columns: two, Links: []Link{{From: 0, To: 1}}}, "draw: link 0: no node 0 or 1"},
		{"negative node", Graph{Nodes: make([]Node, 1), Columns: two, Links: []Link{{From: -1}}}, "draw: link 0: no node -1 or 0"},
		{"same column", Graph{Nodes: make([]Node, 2), Columns: two, Links: []Link{{From: 0, To: 1}}}, "draw: link 0 from column 0 to 0"},
		{"to the left", Graph{Nodes: []Node{{}, {Column: 1}}, Columns: two, Links: []Link{{From: 1, To: 0}}}, "draw: link 0 from column 1 to 0"},
	}
	for _, tt := range tests {
		for format, write := range formats() {
			if err := write(io.Discard, tt.g); err == nil || err.Error() != tt.want {
				t.Errorf("%s, %s: %v, want %s", tt.name, format, err, tt.want)
			}
		}
	}
}

// TestWriteError looks at what a writer that fails comes to.
func TestWriteError(t *testing.T) {
	full := errors.New("full")
	for format, write := range formats() {
		if err := write(failing{full}, mesh()); !errors.Is(err, full) || !strings.HasPrefix(err.Error(), "draw: ") {
			t.Errorf("%s: %v", format, err)
		}
	}
}

type failing struct{ error }

func (f failing) Write([]byte) (int, error) { return 0, f.error }

// TestInputStays sees to it that nothing of a graph is changed by drawing it.
func TestInputStays(t *testing.T) {
	dirty := func() Graph {
		g := mesh()
		g.Title, g.Notes, g.Columns[0].Title = "\x00", []string{"\x01"}, "\x02"
		g.Nodes[0].Flows, g.Nodes[1].Badges[0].Text = []int{3, 1, 1}, "\x03"
		g.Nodes[1].Details[0].Value, g.Links[0].Flows = "\x04", []int{2, 1}
		return g
	}
	g := dirty()
	for format := range formats() {
		drawn(t, format, g)
	}
	if diff := cmp.Diff(dirty(), g); diff != "" {
		t.Error(diff)
	}
}

// TestEmpty draws graphs of nearly nothing.
func TestEmpty(t *testing.T) {
	for _, g := range []Graph{
		{},
		{Title: "nothing"},
		{Columns: make([]Column, 40)},
		{Columns: make([]Column, 2), Nodes: []Node{{}, {Column: 1}}, Links: []Link{{From: 0, To: 1}}},
	} {
		for format := range formats() {
			if drawn(t, format, g) == "" {
				t.Errorf("nothing is written of %v as %s", g, format)
			}
		}
	}
}

func TestNames(t *testing.T) {
	if Destination.String() != "destination" || Kind(9).String() != "unknown" {
		t.Errorf("kinds: %v, %v", Destination, Kind(9))
	}
	if Violet.String() != "violet" || Tone(9).String() != "unknown" {
		t.Errorf("tones: %v, %v", Violet, Tone(9))
	}
}

// TestFlows shows that flows of links count for nodes, and how flows are grouped.
func TestFlows(t *testing.T) {
	g, err := Graph{
		Columns: make([]Column, 3),
		Nodes:   []Node{{Flows: []int{7}}, {Column: 1}, {Column: 1}, {Column: 2}},
		Links:   []Link{{0, 1, []int{2, 0, 2}}, {1, 3, []int{0, 2}}, {0, 2, []int{1, 3, 5}}, {2, 3, []int{5, 1}}},
	}.ready()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{0, 1, 2, 3, 5, 7}, g.Nodes[0].Flows); diff != "" {
		t.Errorf("of the first node: %s", diff)
	}
	if diff := cmp.Diff([][]int{{0, 2}, {1, 5}, {3}, {7}}, paths(g)); diff != "" {
		t.Errorf("paths: %s", diff)
	}
	if n := g.flows(); n != 6 {
		t.Errorf("%d flows", n)
	}
}

// sampleNames are the names of all samples, in order.
func sampleNames() []string { return slices.Sorted(maps.Keys(samples())) }
