package render

import (
	"strings"
	"unicode/utf8"
)

// settled is how many rows a Table looks at before it fixes the widths of its columns.
const settled = 1000

// Column describes a column of a Table.
type Column struct {
	Title string
	Right bool // align to the right, as numbers are
	Width int  // at least, in characters; 0: as wide as its cells
}

// Table writes rows in aligned columns, two spaces apart. It holds rows back until it knows
// how wide they are, but no more than a thousand: later rows are written as they come, in the
// widths that the first ones gave, so a table of any length takes little memory. Cells are
// shown as they are, and one character is taken to be one place wide.
type Table struct {
	w       *Writer
	columns []Column
	widths  []int
	rows    [][]string // held back; nil once the widths are fixed
	fixed   bool
}

// NewTable returns a Table that writes to w, with a line of titles unless all are empty.
func NewTable(w *Writer, columns ...Column) *Table {
	t := &Table{w: w, columns: columns, widths: make([]int, len(columns))}
	titles := make([]string, len(columns))
	for i, c := range columns {
		titles[i] = c.Title
		t.widths[i] = c.Width
	}
	if strings.Join(titles, "") != "" {
		t.rows = append(t.rows, titles)
	}
	return t
}

// Row adds a row. Missing cells are empty, and there may not be more than columns.
func (t *Table) Row(cells ...string) error {
	if t.fixed {
		return t.write(cells)
	}
	t.rows = append(t.rows, append([]string(nil), cells...))
	if len(t.rows) < settled {
		return nil
	}
	return t.Flush()
}

// Flush fixes the widths and passes all rows on to the Writer, which it does not flush.
func (t *Table) Flush() error {
	t.fixed = true
	for _, row := range t.rows {
		for i, cell := range row {
			t.widths[i] = max(t.widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range t.rows {
		if err := t.write(row); err != nil {
			return err
		}
	}
	t.rows = nil
	return t.w.err
}

// write writes one row. It has no spaces at its end.
func (t *Table) write(row []string) error {
	var b strings.Builder
	pad := 0 // spaces owed before the next cell that is not empty
	for i, cell := range row {
		if i > 0 {
			pad += 2
		}
		room := max(0, t.widths[i]-utf8.RuneCountInString(cell))
		if t.columns[i].Right {
			pad += room
		}
		if cell != "" {
			b.WriteString(strings.Repeat(" ", pad))
			b.WriteString(cell)
			pad = 0
		}
		if !t.columns[i].Right {
			pad += room
		}
	}
	b.WriteByte('\n')
	_, err := t.w.WriteString(b.String())
	return err
}
