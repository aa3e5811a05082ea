package draw

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// router finds the way of links through a layout.
type router struct {
	*layout
	thick  []int         // by link: its width in tenths of a pixel
	leave  []int         // by link: y where it leaves its first node
	arrive []int         // by link: y where it arrives at its last
	lanes  []map[int]int // by row and link: the lane in which the link goes on to the next row
}

// newRouter sets where each link leaves and arrives, and the lanes between rows.
func newRouter(l *layout, thick []int) *router {
	n := len(l.chains)
	r := &router{l, thick, make([]int, n), make([]int, n), make([]map[int]int, len(l.rows))}
	out, in := make([][]int, len(l.items)), make([][]int, len(l.items)) // links, by item
	for link, chain := range l.chains {
		first, last := chain[0], chain[len(chain)-1]
		out[first], in[last] = append(out[first], link), append(in[last], link)
	}
	for it := range l.items {
		r.ports(it, out[it], r.leave, func(link int) int { return l.items[l.chains[link][1]].y })
		r.ports(it, in[it], r.arrive, func(link int) int { return l.items[l.chains[link][len(l.chains[link])-2]].y })
	}
	for i := range l.rows {
		r.lanes[i] = r.assignLanes(l.rows[i].last)
	}
	return r
}

// ports spreads the links of a node over its side, in the order of where they lead.
func (r *router) ports(it int, links, y []int, far func(link int) int) {
	const apart = 20
	slices.SortStableFunc(links, func(a, b int) int { return cmp.Compare(far(a), far(b)) })
	total := 0
	for _, link := range links {
		total += r.thick[link] + apart
	}
	room := (r.items[it].side - 20) * 10
	at := 0
	for _, link := range links {
		t := r.thick[link] + apart
		offset := at + t/2 - total/2
		if total > room {
			offset = offset * room / total
		}
		y[link] = r.items[it].y + offset/10
		at += t
	}
}

// assignLanes numbers the links that go on from a column, the last of its row, from top to bottom.
func (r *router) assignLanes(column int) map[int]int {
	type crossing struct{ link, y0, y1 int }
	var all []crossing
	for link, chain := range r.chains {
		k := column - r.items[chain[0]].column
		if k >= 0 && k < len(chain)-1 {
			all = append(all, crossing{link, r.outY(link, k), r.inY(link, k+1)})
		}
	}
	slices.SortStableFunc(all, func(a, b crossing) int { return cmp.Or(cmp.Compare(a.y0, b.y0), cmp.Compare(a.y1, b.y1)) })
	lanes := make(map[int]int, len(all))
	for lane, c := range all {
		lanes[c.link] = lane
	}
	return lanes
}

// outY returns where a link leaves the k-th item that it passes, and inY where it arrives there.
func (r *router) outY(link, k int) int {
	if k == 0 {
		return r.leave[link]
	}
	return r.items[r.chains[link][k]].y
}

func (r *router) inY(link, k int) int {
	if k == len(r.chains[link])-1 {
		return r.arrive[link]
	}
	return r.items[r.chains[link][k]].y
}

// path returns the way of a link as the path data of SVG: curves between columns, straight through them.
func (r *router) path(link int) string {
	var b strings.Builder
	chain := r.chains[link]
	for k := range len(chain) - 1 {
		y0, y1 := r.outY(link, k), r.inY(link, k+1)
		column := r.items[chain[k]].column
		x0, x1 := r.x[column]+r.widths[column], r.x[column+1]
		if k == 0 {
			fmt.Fprintf(&b, "M%d %d", x0, y0)
		} else {
			fmt.Fprintf(&b, "H%d", x0)
		}
		row := slices.IndexFunc(r.rows, func(row row) bool { return column <= row.last })
		switch {
		case column == r.rows[row].last:
			r.turn(&b, link, row, y0, y1)
		case y0 != y1:
			bow := (x1 - x0) / 2
			fmt.Fprintf(&b, "C%d %d %d %d %d %d", x0+bow, y0, x1-bow, y1, x1, y1)
			continue
		}
		fmt.Fprintf(&b, "H%d", x1)
	}
	return b.String()
}

// turn leads a link from the end of a row to the beginning of the next: to the right, down, back between the rows,
// down, and to the right again. Links that have the same order at both ends do not cross.
func (r *router) turn(b *strings.Builder, link, row, y0, y1 int) {
	const round = 8
	from, to := r.rows[row], r.rows[row+1]
	pitch, lane := from.pitch(), r.lanes[row][link]
	outer := (from.lanes - 1 - lane) * pitch
	right := from.right + pitch + outer
	between := from.bottom + rowGap/2 + outer
	left := to.left - pitch - lane*pitch
	fmt.Fprintf(b, "H%dQ%d %d %d %d", right-round, right, y0, right, y0+round)
	fmt.Fprintf(b, "V%dQ%d %d %d %d", between-round, right, between, right-round, between)
	fmt.Fprintf(b, "H%dQ%d %d %d %d", left+round, left, between, left, between+round)
	fmt.Fprintf(b, "V%dQ%d %d %d %d", y1-round, left, y1, left+round, y1)
}
