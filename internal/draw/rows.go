package draw

import (
	"math"
	"slices"
)

// Distances in pixels around columns and rows.
const (
	margin     = 20
	rowWidth   = 1240 // that a row should not exceed
	columnGap  = 42   // between columns, more where many nodes face each other
	widestGap  = 130
	bandPad    = 10 // between a column's nodes and the edge of its band
	bandHead   = 26 // above a column's nodes, for its title
	rowGap     = 26 // between rows, without the lanes
	lanePitch  = 7  // between links that go from one row to the next
	lanesTotal = 90 // room for all of them
)

// row is a run of columns that stand side by side. A path too long for one row goes on in the next, as text does.
type row struct {
	first, last int // columns
	lanes       int // links that go on to the next row
	top, bottom int // of the bands
	left, right int
}

// layout is where everything stands, in pixels.
type layout struct {
	*columns
	rows   []row
	widths []int // of the nodes of each column
	slots  []int // of what each column takes, with its nodes in the middle
	x      []int // of the left edge of the nodes of each column
	width  int
	bottom int
}

// lay lays out the columns with the given widths from the top down.
func lay(c *columns, widths []int) *layout {
	l := &layout{columns: c, widths: widths, slots: widths, x: make([]int, len(widths))}
	l.breakRows()
	if len(l.rows) > 1 { // columns of one width stand below each other
		l.slots = slices.Repeat([]int{slices.Max(widths)}, len(widths))
		l.breakRows()
	}
	l.spread()
	y := 0
	for i := range l.rows {
		r := &l.rows[i]
		c.place(r.first, r.last)
		r.top, r.bottom = y, l.settle(*r, y+bandHead+bandPad)+bandPad
		y = r.bottom
		if i < len(l.rows)-1 {
			y += rowGap + r.lanes*r.pitch()
		}
	}
	l.bottom = y
	return l
}

// settle moves the items of a row so that the highest begins at top, and returns where the lowest ends.
func (l *layout) settle(r row, top int) int {
	items := slices.Concat(l.order[r.first : r.last+1]...)
	if len(items) == 0 {
		return top
	}
	highest, lowest := math.MaxInt, math.MinInt
	for _, i := range items {
		it := l.items[i]
		highest, lowest = min(highest, it.y-it.height/2), max(lowest, it.y+it.height/2)
	}
	for _, i := range items {
		l.items[i].y += top - highest
	}
	return top + lowest - highest
}

// pitch returns the distance between the links that go on to the next row.
func (r row) pitch() int { return max(2, min(lanePitch, lanesTotal/max(1, r.lanes))) }

// gap returns the distance between a column and the next one.
func (l *layout) gap(column int) int {
	facing := max(len(l.order[column]), len(l.order[column+1]))
	return min(widestGap, columnGap+6*max(0, facing-4))
}

// crossing returns how many links go from a column to the next one.
func (l *layout) crossing(column int) (n int) {
	for _, i := range l.order[column] {
		n += len(l.items[i].right)
	}
	return n
}

// span returns the width of the columns from first to last side by side.
func (l *layout) span(first, last int) int {
	w := l.slots[first]
	for column := first; column < last; column++ {
		w += l.gap(column) + l.slots[column+1]
	}
	return w
}

// breakRows finds the rows that cost least: none too wide, none too short, and few links from one to the next.
func (l *layout) breakRows() {
	n := len(l.slots)
	l.rows = nil
	least := make([]int, n+1) // cost of the first columns
	begin := make([]int, n+1) // first column of the row that ends before that one
	for end := 1; end <= n; end++ {
		least[end] = -1
		for first := end - 1; first >= 0; first-- {
			width := l.span(first, end-1)
			if width > rowWidth*3/2 && first < end-1 {
				break
			}
			if cost := least[first] + l.rowCost(first, end-1, width); least[end] < 0 || cost < least[end] {
				least[end], begin[end] = cost, first
			}
		}
	}
	for end := n; end > 0; end = begin[end] {
		r := row{first: begin[end], last: end - 1}
		if end < n {
			r.lanes = l.crossing(end - 1)
		}
		l.rows = append([]row{r}, l.rows...)
	}
}

// rowCost says how bad a row of those columns would be.
func (l *layout) rowCost(first, last, width int) int {
	const (
		each  = 30 // fewer rows are better
		alone = 40 // a last row of one column
	)
	cost := each
	if width > rowWidth {
		cost += (width - rowWidth) * 400 / rowWidth
	}
	if last == len(l.slots)-1 {
		if first == last {
			cost += alone
		}
		return cost
	}
	if slack := (rowWidth - width) * 20 / rowWidth; slack > 0 {
		cost += slack * slack / 2
	}
	return cost + min(400, 20*(l.crossing(last)-1))
}

// spread sets where the columns stand in their rows.
func (l *layout) spread() {
	left := margin
	for _, r := range l.rows {
		left = max(left, margin+r.lanes*r.pitch())
	}
	for i := range l.rows {
		r := &l.rows[i]
		x := left + bandPad
		r.left = left
		for column := r.first; column <= r.last; column++ {
			l.x[column] = x + (l.slots[column]-l.widths[column])/2
			x += l.slots[column]
			if column < r.last {
				x += l.gap(column)
			}
		}
		r.right = x + bandPad
		l.width = max(l.width, r.right+r.lanes*r.pitch()+margin)
	}
}
