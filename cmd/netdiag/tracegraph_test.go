package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/netdiag/netdiag/internal/draw"
	"github.com/netdiag/netdiag/trace"
)

// sampleGraph is a graph with a node of each kind. Two paths of unequal length end at the destination, and the
// name of a router is hostile.
func sampleGraph() traceGraph {
	at := func(ttl int, addr string) trace.Vertex {
		return trace.Vertex{TTL: ttl, Addr: netip.MustParseAddr(addr)}
	}
	balancing := trace.Node{Vertex: at(1, "192.0.2.1"), Flows: []int{0, 1, 2}, Balancer: trace.PerFlow, Confidence: 0.95}
	for _, ms := range []int{2, 3, 7} {
		balancing.RTT.Add(time.Duration(ms) * time.Millisecond)
	}
	near := trace.Node{Vertex: at(3, "203.0.113.80"), Flows: []int{0}, Reached: true}
	far := trace.Node{Vertex: at(4, "203.0.113.80"), Flows: []int{1, 2}, Reached: true}
	far.RTT.Add(20 * time.Millisecond)
	return traceGraph{
		Target: "www.example.net", Addr: netip.MustParseAddr("203.0.113.80"), Multipath: true,
		Result: &trace.Result{Method: trace.UDP, Reached: true, Hops: 4, Probes: 42, Took: 340 * time.Millisecond, Bound: 0.049,
			Limited: []int{2}, Caveats: []string{"an \x1b caveat"}},
		Nodes: []graphNode{
			{Node: trace.Node{Vertex: at(0, "198.51.100.7")}},
			{Node: balancing, Name: "gw.example", ASN: []uint32{64496, 64497}},
			{Node: trace.Node{Vertex: at(2, "2001:db8::2"), Flows: []int{0, 1}, Loop: true, Labels: []trace.Label{{Label: 16, Bottom: true, TTL: 1}}},
				Name: "<script>\x1b[31m\u202e"},
			{Node: trace.Node{Vertex: trace.Vertex{TTL: 2, Silent: 1}, Flows: []int{2}}},
			{Node: near},
			{Node: trace.Node{Vertex: trace.Vertex{TTL: 3, Silent: 1}, Flows: []int{1, 2}}},
			{Node: far},
		},
		Links: []graphLink{
			{0, 1, []int{0, 1, 2}}, {1, 2, []int{0, 1}}, {1, 3, []int{2}}, {2, 4, []int{0}}, {2, 5, []int{1}}, {3, 5, []int{2}}, {5, 6, []int{1, 2}},
		},
	}
}

func TestPicture(t *testing.T) {
	want := draw.Graph{
		Title:    "Paths to www.example.net (203.0.113.80)",
		Subtitle: "UDP, reached at hop 4, 42 probes, 0.34 s, something was missed with a probability of at most 4.9%",
		Notes:    []string{`an \x1b caveat`},
		Axis:     "TTL",
		Columns:  []draw.Column{{}, {Title: "1"}, {Title: "2"}, {Title: "3"}, {Title: "4"}},
		Nodes: []draw.Node{
			{Kind: draw.Source, Label: "this host", Note: "198.51.100.7"},
			{Column: 1, Label: "192.0.2.1", Name: "gw.example", Note: "4.000 ms, AS64496/AS64497", Flows: []int{0, 1, 2},
				Badges: []draw.Badge{{Text: "per-flow", Tone: draw.Blue}},
				Details: []draw.Detail{{Key: "RTT min/avg/max", Value: "2.000/4.000/7.000 ms"}, {Key: "Answers", Value: "3"},
					{Key: "AS", Value: "AS64496/AS64497"}, {Key: "Balancer", Value: "per-flow (95.0%)"}}},
			{Column: 2, Label: "2001:db8::2", Name: `<script>\x1b[31m\u{202e}`, Flows: []int{0, 1},
				Badges: []draw.Badge{{Text: "MPLS"}, {Text: "rate-limited"}, {Text: "loop", Tone: draw.Orange}},
				Details: []draw.Detail{{Key: "Labels", Value: "MPLS:L=16,E=0,S=1,T=1"},
					{Key: "Remark", Value: "a flow met it before, answers only so many probes a second"}}},
			{Column: 2, Kind: draw.Silent, Label: "*2.1", Flows: []int{2}},
			{Column: 3, Kind: draw.Silent, Label: "*3.1", Flows: []int{1, 2}},
			{Column: 4, Kind: draw.Destination, Label: "203.0.113.80", Note: "20.000 ms", Flows: []int{0, 1, 2},
				Details: []draw.Detail{{Key: "RTT min/avg/max", Value: "20.000/20.000/20.000 ms"}, {Key: "Answers", Value: "1"}, {Key: "Also at TTL", Value: "3"}}},
		},
		Links: []draw.Link{
			{From: 0, To: 1, Flows: []int{0, 1, 2}}, {From: 1, To: 2, Flows: []int{0, 1}}, {From: 1, To: 3, Flows: []int{2}}, {From: 2, To: 5, Flows: []int{0}},
			{From: 2, To: 4, Flows: []int{1}}, {From: 3, To: 4, Flows: []int{2}}, {From: 4, To: 5, Flows: []int{1, 2}},
		},
	}
	if diff := cmp.Diff(want, sampleGraph().picture()); diff != "" {
		t.Error(diff)
	}
}

func TestPictureSubtitle(t *testing.T) {
	tests := []struct {
		result trace.Result
		want   string
	}{
		{trace.Result{Method: trace.ICMP, Probes: 1}, "ICMP, not reached, 1 probe, 0.00 s"},
		{trace.Result{Method: trace.TCP, Alive: true, AliveBy: "echo", Probes: 2}, "TCP, not reached, but alive: it answers echo, 2 probes, 0.00 s"},
	}
	for _, tt := range tests {
		if got := (traceGraph{Result: &tt.result}).subtitle(); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

func TestWriteGraph(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct{ name, begins string }{
		{"paths.dot", "digraph "}, {"paths.svg", "<svg "}, {"PATHS.HTML", "<!DOCTYPE html>"},
	} {
		file := filepath.Join(dir, tt.name)
		if err := writeGraph(file, sampleGraph()); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(file)
		if err != nil || !bytes.HasPrefix(text, []byte(tt.begins)) {
			t.Errorf("%s: %v, begins %.40q", tt.name, err, text)
		}
		for _, bad := range []string{"<script>\x1b", "\x1b", "\u202e", "<script>\\x1b"} {
			if tt.name != "paths.dot" && bytes.Contains(text, []byte(bad)) {
				t.Errorf("%s has %q", tt.name, bad)
			}
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "paths.svg"))
	if err != nil {
		t.Fatal(err)
	}
	if err := xml.Unmarshal(text, new(struct{})); err != nil {
		t.Errorf("no XML: %v", err)
	}
	if left := entries(t, dir); len(left) != 3 {
		t.Errorf("left behind: %q", left)
	}
	if err := writeGraph(filepath.Join(dir, "paths.png"), sampleGraph()); err == nil || !strings.Contains(err.Error(), ".dot, .svg or .html") {
		t.Errorf("of an unknown format: %v", err)
	}
	if err := writeGraph(filepath.Join(dir, "missing", "paths.svg"), sampleGraph()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("in a folder that is not there: %v", err)
	}
}

func entries(t *testing.T, dir string) (names []string) {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		names = append(names, e.Name())
	}
	return names
}

// TestReplaceFile shows that a file is replaced as a whole or not at all, and keeps its permissions.
func TestReplaceFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := func() string {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	broken := errors.New("broken")
	err := replaceFile(file, func(w io.Writer) error {
		if _, err := io.WriteString(w, "half"); err != nil {
			t.Error(err)
		}
		return broken
	})
	if !errors.Is(err, broken) || text() != "old" {
		t.Errorf("a write that failed: %v, and the file has %q", err, text())
	}
	before, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	err = replaceFile(file, func(w io.Writer) error {
		if _, err := io.WriteString(w, "new"); err != nil {
			t.Error(err)
		}
		if text() != "old" {
			t.Errorf("before it is complete it has %q", text())
		}
		return nil
	})
	if err != nil || text() != "new" {
		t.Errorf("replaced: %v, and it has %q", err, text())
	}
	after, err := os.Stat(file)
	if err != nil || after.Mode() != before.Mode() {
		t.Errorf("%v, mode %v, was %v", err, after.Mode(), before.Mode())
	}
	if left := entries(t, dir); len(left) != 1 {
		t.Errorf("left behind: %q", left)
	}
}

// TestReplaceLink shows that what a symbolic link leads to is replaced, and the link stays.
func TestReplaceLink(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	file, link := filepath.Join(elsewhere, "file"), filepath.Join(dir, "link")
	if err := os.WriteFile(file, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, link); err != nil {
		t.Skip(err) // not everybody may on Windows
	}
	err := replaceFile(link, func(w io.Writer) error { _, err := io.WriteString(w, "new"); return err })
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "new" {
		t.Errorf("%v, it has %q", err, text)
	}
	if to, err := os.Readlink(link); err != nil || to != file {
		t.Errorf("%v, the link leads to %q", err, to)
	}
}
