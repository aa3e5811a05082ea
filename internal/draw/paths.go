package draw

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// paths returns the flows of g in groups that are known to pass the same nodes and links, the largest group first.
func paths(g Graph) [][]int {
	ways := make(map[int][]string) // by flow: all that it passes
	for i, n := range g.Nodes {
		for _, f := range n.Flows {
			ways[f] = append(ways[f], "n"+strconv.Itoa(i))
		}
	}
	for i, l := range g.Links {
		for _, f := range l.Flows {
			ways[f] = append(ways[f], "l"+strconv.Itoa(i))
		}
	}
	flows := make(map[string][]int)
	for f, way := range ways {
		key := strings.Join(way, " ")
		flows[key] = append(flows[key], f)
	}
	all := make([][]int, 0, len(flows))
	for _, same := range flows {
		all = append(all, ordered(same))
	}
	slices.SortFunc(all, func(a, b []int) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a[0], b[0])) })
	return all
}

// flows returns how many flows pass anything in g.
func (g Graph) flows() int {
	all := make(map[int]bool)
	for _, n := range g.Nodes {
		for _, f := range n.Flows {
			all[f] = true
		}
	}
	return len(all)
}
