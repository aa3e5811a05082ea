package draw

import (
	"cmp"
	"slices"
)

// item is what stands in a column: a node, or a bend where a link passes the column by.
type item struct {
	node   int // index in Graph.Nodes; -1: a bend
	column int
	// Items of the columns next to this one that it is linked with, once for each link.
	left, right []int
	side        int // height of the side where links end
	height      int // of all, with the room that badges need above and, for balance, below
	y           int // of its middle
}

// columns is a graph with the order of what stands in each column.
type columns struct {
	items  []item
	order  [][]int // by column: indices of items, from the top
	chains [][]int // by link: the items that it passes, with both ends
}

// arrange puts the items of g in columns, in an order in which few links cross.
func arrange(g Graph) *columns {
	c := &columns{order: make([][]int, len(g.Columns))}
	for i, n := range g.Nodes {
		c.add(item{node: i, column: n.Column})
	}
	for _, l := range g.Links {
		chain := []int{l.From}
		for column := g.Nodes[l.From].Column + 1; column < g.Nodes[l.To].Column; column++ {
			chain = append(chain, c.add(item{node: -1, column: column}))
		}
		chain = append(chain, l.To)
		for i := range len(chain) - 1 {
			from, to := &c.items[chain[i]], &c.items[chain[i+1]]
			from.right = append(from.right, chain[i+1])
			to.left = append(to.left, chain[i])
		}
		c.chains = append(c.chains, chain)
	}
	c.uncross()
	return c
}

func (c *columns) add(it item) int {
	c.items = append(c.items, it)
	c.order[it.column] = append(c.order[it.column], len(c.items)-1)
	return len(c.items) - 1
}

// sweeps bounds the work of looking for a better order or place; few graphs change after half of them.
const sweeps = 24

// uncross orders the columns so that few links cross: sweeps in both directions put each item
// at the mean position of what it is linked with (Sugiyama's barycentre method), then neighbours
// change places wherever that helps. The best order seen stays.
func (c *columns) uncross() {
	const patience = 6 // sweeps without a change for the better
	best, fewest, at := c.snapshot(), c.crossings(), 0
	for i := range sweeps {
		if fewest == 0 || i-at > patience {
			break
		}
		c.sweep(i%2 == 0)
		c.swap()
		if n := c.crossings(); n < fewest {
			best, fewest, at = c.snapshot(), n, i
		}
	}
	c.order = best
}

func (c *columns) snapshot() [][]int {
	order := make([][]int, len(c.order))
	for i, column := range c.order {
		order[i] = slices.Clone(column)
	}
	return order
}

// sweep goes through the columns, to the right or to the left, and orders each by the one before.
func (c *columns) sweep(right bool) {
	for i := 1; i < len(c.order); i++ {
		column := i
		if !right {
			column = len(c.order) - 1 - i
		}
		position := c.positions()
		slices.SortStableFunc(c.order[column], func(a, b int) int {
			sumA, nA := c.mean(a, right, position)
			sumB, nB := c.mean(b, right, position)
			return cmp.Compare(sumA*nB, sumB*nA)
		})
	}
}

// positions returns the position of each item in its column.
func (c *columns) positions() []int {
	position := make([]int, len(c.items))
	for _, column := range c.order {
		for p, it := range column {
			position[it] = p
		}
	}
	return position
}

// mean returns the sum of the positions of the items that i is linked with on one side, and how many they are.
// An item without any stays where it is.
func (c *columns) mean(i int, left bool, position []int) (sum, n int) {
	near := c.items[i].right
	if left {
		near = c.items[i].left
	}
	if len(near) == 0 {
		return position[i], 1
	}
	for _, j := range near {
		sum += position[j]
	}
	return sum, len(near)
}

// swap lets neighbours change places for as long as each change takes crossings away.
func (c *columns) swap() {
	position := c.positions()
	for changed := true; changed; {
		changed = false
		for _, column := range c.order {
			for p := range len(column) - 1 {
				a, b := c.items[column[p]], c.items[column[p+1]]
				now := inversions(a.left, b.left, position) + inversions(a.right, b.right, position)
				then := inversions(b.left, a.left, position) + inversions(b.right, a.right, position)
				if then < now {
					column[p], column[p+1] = column[p+1], column[p]
					position[column[p]], position[column[p+1]] = p, p+1
					changed = true
				}
			}
		}
	}
}

// inversions returns how many links cross between two items, one above the other, and what each is linked with.
func inversions(above, below, position []int) (n int) {
	for _, a := range above {
		for _, b := range below {
			if position[a] > position[b] {
				n++
			}
		}
	}
	return n
}

// crossings returns how many pairs of links cross: of the links from one column to the next, in the order of where they
// begin, each pair that ends in the other order. A Fenwick tree counts the ends seen so far.
func (c *columns) crossings() (n int) {
	position := c.positions()
	for column := range len(c.order) - 1 {
		seen, links := make([]int, len(c.order[column+1])+1), 0
		for _, i := range c.order[column] {
			ends := make([]int, 0, len(c.items[i].right))
			for _, j := range c.items[i].right {
				ends = append(ends, position[j])
			}
			for _, end := range ends { // links with the same beginning do not cross
				n += links
				for at := end + 1; at > 0; at &= at - 1 {
					n -= seen[at]
				}
			}
			for _, end := range ends {
				for at := end + 1; at < len(seen); at += at & -at {
					seen[at]++
				}
			}
			links += len(ends)
		}
	}
	return n
}
