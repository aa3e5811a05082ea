package draw

// Distances between items of a column, in pixels.
const (
	nodeGap = 16 // between two nodes
	bendGap = 14 // next to a bend
)

// fine is how many units of place's own there are to a pixel. Whole numbers make a picture the same on every machine,
// where floating point may not.
const fine = 64

// Weights of links when items pull each other level.
const (
	pull     = 1
	pullOnly = 30 // the only link that its items have on those sides
	pullBend = 90 // between two bends: a link that passes many columns by should be straightest
)

// place sets the y of the items of the columns from first to last, in the order that they have, so that links between
// them are as straight as may be. The middle of them all is about 0. Links to other columns do not count.
func (c *columns) place(first, last int) {
	for column := first; column <= last; column++ {
		offsets := c.offsets(column)
		for p, i := range c.order[column] {
			c.items[i].y = offsets[p] - offsets[len(offsets)-1]/2
		}
	}
	for i := range sweeps {
		for column := first + 1; column <= last; column++ {
			c.level(column, c.towards(true, i > sweeps/2 && column < last))
		}
		for column := last - 1; column >= first; column-- {
			c.level(column, c.towards(i > sweeps/2 && column > first, true))
		}
	}
	for column := last - 1; column >= first; column-- {
		c.level(column, c.straight(false))
	}
	for column := first + 1; column <= last; column++ {
		c.level(column, c.straight(true))
	}
	for column := first; column <= last; column++ {
		for _, i := range c.order[column] {
			c.items[i].y = (c.items[i].y + fine/2) / fine
		}
	}
}

// offsets returns the smallest distances of the items of a column from its first one.
func (c *columns) offsets(column int) []int {
	order := c.order[column]
	offsets := make([]int, len(order))
	for p := 1; p < len(order); p++ {
		above, below := c.items[order[p-1]], c.items[order[p]]
		gap := nodeGap
		if above.node < 0 || below.node < 0 {
			gap = bendGap
		}
		offsets[p] = offsets[p-1] + ((above.height+below.height)/2+gap)*fine
	}
	return offsets
}

// wish is where an item should be, times the weight of that.
type wish struct{ sum, weight int64 } // more than 32 bits hold

func (w *wish) add(y int, weight int64) {
	w.sum += int64(y) * weight
	w.weight += weight
}

// level moves the items of a column to where they should be: so that the sum of the squares of what is left of the way is
// least, and the items keep their order and distances. That is an isotonic regression, and blocks of items that push
// each other move as one.
func (c *columns) level(column int, wanted func(item int) wish) {
	type block struct {
		wish
		items int
	}
	offsets := c.offsets(column)
	var blocks []block
	for p, i := range c.order[column] {
		w := wanted(i)
		b := block{wish{w.sum - int64(offsets[p])*w.weight, w.weight}, 1}
		for len(blocks) > 0 {
			above := blocks[len(blocks)-1]
			if above.sum*b.weight <= b.sum*above.weight {
				break
			}
			b = block{wish{above.sum + b.sum, above.weight + b.weight}, above.items + b.items}
			blocks = blocks[:len(blocks)-1]
		}
		blocks = append(blocks, b)
	}
	p := 0
	for _, b := range blocks {
		y := int(b.sum / b.weight)
		for range b.items {
			c.items[c.order[column][p]].y = y + offsets[p]
			p++
		}
	}
}

// towards returns what wants an item level with what it is linked with on the left, the right, or both sides. An item
// without links wants to stay.
func (c *columns) towards(left, right bool) func(i int) wish {
	return func(i int) wish {
		it := c.items[i]
		var w wish
		if left {
			for _, j := range it.left {
				w.add(c.items[j].y, c.weight(j, i))
			}
		}
		if right {
			for _, j := range it.right {
				w.add(c.items[j].y, c.weight(i, j))
			}
		}
		if w.weight == 0 {
			w.add(it.y, pull)
		}
		return w
	}
}

// straight returns what wants an item level with the one on its left, or right, if that is the only link that both have
// there. All others want to stay.
func (c *columns) straight(left bool) func(i int) wish {
	return func(i int) wish {
		var w wish
		it := c.items[i]
		switch {
		case left && len(it.left) == 1 && c.weight(it.left[0], i) != pull:
			w.add(c.items[it.left[0]].y, pullOnly)
		case !left && len(it.right) == 1 && c.weight(i, it.right[0]) != pull:
			w.add(c.items[it.right[0]].y, pullOnly)
		default:
			w.add(it.y, pull)
		}
		return w
	}
}

// weight returns how much a link between two items should be level.
func (c *columns) weight(left, right int) int64 {
	a, b := c.items[left], c.items[right]
	switch {
	case a.node < 0 && b.node < 0:
		return pullBend
	case len(a.right) == 1 && len(b.left) == 1:
		return pullOnly
	}
	return pull
}
