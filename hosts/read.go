package hosts

import (
	"bytes"
	"iter"
	"net/netip"
	"slices"
	"strings"
)

// lines yields the lines of the file as d cuts them, without their newlines.
func (f *File) lines(d *Dialect) iter.Seq[line] {
	return func(yield func(line) bool) {
		rest := f.data
		for number := 1; len(rest) > 0; {
			l := line{number: number, from: len(f.data) - len(rest)}
			end := bytes.IndexByte(rest, '\n')
			l.ended = end >= 0
			if !l.ended {
				end = len(rest)
			}
			if d.MaxLine > 0 && end >= d.MaxLine {
				if d.LongLine == LongLineEnds {
					return
				}
				end, l.ended = d.MaxLine, false
			}
			l.text = rest[:end]
			if !yield(l) {
				return
			}
			rest = rest[end:]
			if l.ended {
				rest = rest[1:]
				number++
			}
		}
	}
}

// line is a line, or the part of one that fits into a resolver's buffer.
type line struct {
	number int    // 1 for the first
	from   int    // where it begins in the file
	text   []byte // without the newline
	ended  bool   // by a newline
}

// skip is why a dialect has no entry in a line.
type skip uint8

const (
	skipNot     skip = iota
	skipEmpty        // there is no field
	skipIndent       // the address is expected in the first column
	skipNoNames      // there is only an address
)

// reading is a line as a dialect takes it apart.
type reading struct {
	line
	d     *Dialect
	skip  skip
	addr  []byte // the first field
	names []byte // what is behind it, without the comment
	found []byte // the part of names in which a lookup finds them
}

// read takes a line apart.
func (d *Dialect) read(l line) reading {
	r := reading{line: l, d: d}
	text, ended := l.text, l.ended
	if d.NULEnds {
		if nul := bytes.IndexByte(text, 0); nul >= 0 {
			text, ended = text[:nul], false
		}
	}
	if d.IndentRepeats && !ended && len(text) > 0 && d.blank(text[0]) {
		text = d.repeat(text)
	}
	if hash := bytes.IndexByte(text, '#'); hash >= 0 {
		text, ended = text[:hash], true
	}
	indented := len(text) > 0 && d.blank(text[0])
	r.addr, r.names = d.field(text)
	r.found = r.names
	if d.NeedsEnd && !ended {
		r.found = d.withoutLast(r.names)
	}
	switch {
	case len(r.addr) == 0, d.NeedsEnd && !ended && len(r.names) == 0:
		r.skip = skipEmpty
	case indented && !d.Indent:
		r.skip = skipIndent
	case !r.hasNames():
		r.skip = skipNoNames
	}
	return r
}

// repeat returns what becomes of an indented line without an end.
func (d *Dialect) repeat(text []byte) []byte {
	from := 0
	for from < len(text) && d.blank(text[from]) {
		from++
	}
	moved := text[from:]
	if len(moved) == 0 || moved[0] == '#' {
		return nil // which is seen before
	}
	return slices.Concat(moved, text[len(moved):])
}

// blank reports whether c separates fields.
func (d *Dialect) blank(c byte) bool { return c <= ' ' && strings.IndexByte(d.Blanks, c) >= 0 }

// field returns the first field of b, without blanks, and what is behind it.
func (d *Dialect) field(b []byte) (field, rest []byte) {
	from := 0
	for from < len(b) && d.blank(b[from]) {
		from++
	}
	to := from
	for to < len(b) && !d.blank(b[to]) {
		to++
	}
	return b[from:to], b[to:]
}

// withoutLast cuts the field off that b ends with, if there is no blank behind it.
func (d *Dialect) withoutLast(b []byte) []byte {
	to := len(b)
	for to > 0 && !d.blank(b[to-1]) {
		to--
	}
	return b[:to]
}

// hasNames reports whether there is a name in the line.
func (r *reading) hasNames() bool {
	name, _ := r.d.field(r.names)
	return len(name) > 0
}

// fields yields the names in b, as far as d reads so many.
func (d *Dialect) fields(b []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for n := 1; d.MaxNames == 0 || n <= d.MaxNames; n++ {
			var name []byte
			if name, b = d.field(b); len(name) == 0 || !yield(name) {
				return
			}
		}
	}
}

// list returns the names of the line.
func (r *reading) list() []string {
	var names []string
	for name := range r.d.fields(r.names) {
		names = append(names, string(name))
	}
	return names
}

// has reports whether a lookup finds the name with this key in the line.
func (r *reading) has(key string) bool {
	for name := range r.d.fields(r.found) {
		if r.d.same(name, key) {
			return true
		}
	}
	return false
}

// entry returns the line as an Entry, if it is one.
func (r *reading) entry() (Entry, bool) {
	if r.skip != skipNot {
		return Entry{}, false
	}
	addr, ok := r.d.parseAddr(string(r.addr))
	if !ok {
		return Entry{}, false
	}
	return Entry{Line: r.number, Addr: addr, Names: r.list()}, true
}

// Entries yields what the file has, line by line, as d reads it.
func (f *File) Entries(d Dialect) iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		for l := range f.lines(&d) {
			r := d.read(l)
			if e, ok := r.entry(); ok && !yield(e) {
				return
			}
		}
	}
}

// key returns the form of a name that all its spellings share.
func (d *Dialect) key(name string) string {
	if d.FoldCase {
		name = lower(name)
	}
	if d.DotOptional && strings.Contains(name, ".") && !strings.HasSuffix(name, ".") {
		name += "."
	}
	return name
}

// lower makes ASCII letters small and leaves every other byte as it is.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		b[i] = lowerByte(c)
	}
	return string(b)
}

func lowerByte(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// same reports whether a name has this key.
func (d *Dialect) same(name []byte, key string) bool {
	if d.DotOptional && len(name) == len(key)-1 && key[len(name)] == '.' {
		if bytes.IndexByte(name, '.') < 0 || name[len(name)-1] == '.' {
			return false
		}
		key = key[:len(name)]
	}
	if len(name) != len(key) {
		return false
	}
	for i, c := range name {
		if d.FoldCase {
			c = lowerByte(c)
		}
		if c != key[i] {
			return false
		}
	}
	return true
}

// parseAddr reads the address of a line.
func (d *Dialect) parseAddr(text string) (netip.Addr, bool) {
	if d.ShortIPv4 {
		if a, ok := ParseShort(text); ok {
			return a, true
		}
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}, false
	}
	if zone := a.Zone(); zone != "" {
		number := strings.Trim(zone, "0123456789") == ""
		linkLocal := a.IsLinkLocalUnicast() || a.IsLinkLocalMulticast()
		if d.Zones == ZonesNone || d.Zones == ZonesLinkLocal && !number && !linkLocal {
			return netip.Addr{}, false
		}
	}
	return a, true
}
