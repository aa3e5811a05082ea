package render

import (
	"errors"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// rendered returns what fill wrote to a table of the given columns.
func rendered(t *testing.T, columns []Column, fill func(*Table)) string {
	t.Helper()
	var out strings.Builder
	w := NewWriter(&out)
	table := NewTable(w, columns...)
	fill(table)
	if err := errors.Join(table.Flush(), w.Flush()); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestTable(t *testing.T) {
	columns := []Column{{Title: "TARGET"}, {Title: "SENT", Right: true}, {Title: "NOTE"}}
	tests := []struct {
		name    string
		columns []Column
		rows    [][]string
		want    string
	}{
		{"aligned", columns, [][]string{{"192.0.2.1", "10", "ok"}, {"::1", "5", ""}, {"x", "", "none"}},
			"TARGET     SENT  NOTE\n192.0.2.1    10  ok\n::1           5\nx                none\n"},
		{"no rows", columns, nil, "TARGET  SENT  NOTE\n"},
		{"no titles", []Column{{}, {Right: true}}, [][]string{{"a", "1"}, {"bb", "10"}}, "a    1\nbb  10\n"},
		{"at least as wide", []Column{{Width: 4}, {Width: 3, Right: true}}, [][]string{{"a", "1"}}, "a       1\n"},
		{"missing cells", columns, [][]string{{"a"}}, "TARGET  SENT  NOTE\na\n"},
		{"characters, not bytes", []Column{{}, {}}, [][]string{{"bü", "x"}, {"abc", "y"}}, "bü   x\nabc  y\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := rendered(t, tt.columns, func(table *Table) {
				for _, row := range tt.rows {
					table.Row(row...)
				}
			})
			if got != tt.want {
				t.Errorf("got\n%swant\n%s", got, tt.want)
			}
		})
	}
}

// TestTableStreams fills a long table: the memory it takes ends at a thousand rows, and
// a wider cell that comes later is not cut off.
func TestTableStreams(t *testing.T) {
	got := rendered(t, []Column{{Right: true}, {}}, func(table *Table) {
		for i := range 5000 {
			table.Row(strconv.Itoa(i), "x")
			if len(table.rows) > settled {
				t.Fatalf("%d rows are held back", len(table.rows))
			}
		}
	})
	for i, line := range strings.Split(strings.TrimSuffix(got, "\n"), "\n") {
		want := strconv.Itoa(i) + "  x"
		if len(want) < len("999  x") {
			want = strings.Repeat(" ", len("999  x")-len(want)) + want
		}
		if line != want {
			t.Fatalf("line %d is %q, want %q", i, line, want)
		}
	}
}

func TestTableReturnsTheError(t *testing.T) {
	w := NewWriter(&chunks{failAt: 1})
	w.Printf("x")
	w.Flush()
	table := NewTable(w, Column{Title: "A"})
	if err := table.Flush(); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("Flush: %v", err)
	}
}
