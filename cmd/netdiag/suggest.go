package main

import (
	"slices"
	"strings"
)

// nearest returns the word that was probably meant by typed: one that it begins or that begins with
// it, or one that few slips of the fingers lead to.
func nearest(typed string, words []string) (string, bool) {
	typed = strings.ToLower(typed)
	slices.Sort(words) // so that of equals it is always the same
	best, least := "", allowance(typed)+1
	for _, w := range words {
		d := slips(typed, w)
		if len(typed) >= 3 && strings.HasPrefix(w, typed) || len(w) >= 3 && strings.HasPrefix(typed, w) {
			d = min(d, 1)
		}
		if d < least {
			best, least = w, d
		}
	}
	return best, best != ""
}

// allowance returns how many slips a word of this length may have.
func allowance(typed string) int {
	return min(3, (len(typed)+1)/3)
}

// slips returns how many letters must be added, dropped, changed or swapped with their
// neighbour to come from a to b (optimal string alignment distance).
func slips(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}

// looksLikeHost reports whether s is rather an address or a name with dots than a word.
func looksLikeHost(s string) bool {
	return strings.ContainsAny(s, ".:") || s == "localhost"
}
