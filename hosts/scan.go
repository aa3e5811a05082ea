package hosts

import (
	"bytes"
	"iter"
)

// candidates yields the lines of the file, as d cuts them, that may have a name with this key, and
// perhaps others. In a file of many lines that is much quicker than to take each of them apart.
func (f *File) candidates(d *Dialect, key string) iter.Seq[line] {
	// A name may be there in other words than those of its key, or where a line is only by what is before it.
	if d.MaxLine > 0 || d.DotOptional || d.IndentRepeats && bytes.IndexByte(f.data, 0) >= 0 {
		return f.lines(d)
	}
	return func(yield func(line) bool) {
		s := newSearch(f.data, key)
		number, counted := 1, 0 // the line in which the byte at counted is
		end := 0                // of the last line that was yielded, with its newline
		for end < len(f.data) {
			at := s.next(end)
			if at < 0 {
				// The last line may be garbled (IndentRepeats).
				at = len(f.data) - 1
			}
			from := end + bytes.LastIndexByte(f.data[end:at], '\n') + 1
			number += bytes.Count(f.data[counted:from], []byte{'\n'})
			counted = from
			l := line{number: number, from: from, text: f.data[from:]}
			if n := bytes.IndexByte(l.text, '\n'); n >= 0 {
				l.text, l.ended = l.text[:n], true
			}
			end = from + len(l.text) + 1
			if !yield(l) {
				return
			}
		}
	}
}

// search looks for a text in small letters, whatever the case of its letters is.
type search struct {
	data   []byte
	key    string
	at     int     // where in key the byte is that is looked for first
	cases  [2]byte // that byte as a small letter and as a capital one
	places [2]int  // where they are next
}

// sample is how many bytes are enough to see which bytes are rare.
const sample = 4 << 10

// newSearch looks for the byte of key that is rarest in data.
func newSearch(data []byte, key string) *search {
	s := &search{data: data, key: key, places: [2]int{-1, -1}}
	fewest := sample + 1
	for i := range len(key) {
		if n := bytes.Count(data[:min(sample, len(data))], []byte{key[i]}); n < fewest {
			fewest, s.at = n, i
		}
	}
	c := key[s.at]
	s.cases = [2]byte{c, c}
	if 'a' <= c && c <= 'z' {
		s.cases[1] = c - 'a' + 'A'
	}
	return s
}

// next returns where the text is next, at from or behind it, or -1.
func (s *search) next(from int) int {
	for from += s.at; from < len(s.data); from++ {
		for i, c := range s.cases {
			if s.places[i] >= from {
				continue
			}
			if n := bytes.IndexByte(s.data[from:], c); n >= 0 {
				s.places[i] = from + n
			} else {
				s.places[i] = len(s.data)
			}
		}
		from = min(s.places[0], s.places[1])
		start := from - s.at
		if from < len(s.data) && start+len(s.key) <= len(s.data) && s.here(start) {
			return start
		}
	}
	return -1
}

// here reports whether the text is at start.
func (s *search) here(start int) bool {
	for i := range len(s.key) {
		if lowerByte(s.data[start+i]) != lowerByte(s.key[i]) {
			return false
		}
	}
	return true
}
