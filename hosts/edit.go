package hosts

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
)

// Add gives names to an address, as far as glibc (with "multi on") does not find them there yet,
// by a line of its own at the end of the file: another line keeps its canonical name. The line ends
// as most others do, by LF or CR LF. It reports whether it changed anything.
//
// The error is ErrNoNames, a *NameError or an *AddrError; then nothing is changed.
func (f *File) Add(addr netip.Addr, names ...string) (changed bool, err error) {
	if err := checkAddr(addr); err != nil {
		return false, err
	}
	if len(names) == 0 {
		return false, ErrNoNames
	}
	for _, name := range names {
		if err := checkName(name); err != nil {
			return false, err
		}
	}
	missing := f.missing(addr, names)
	if len(missing) > 0 {
		f.data = appendEntry(f.data, addr, missing)
	}
	return len(missing) > 0, nil
}

// missing returns those of names that glibc does not find at addr, each once.
func (f *File) missing(addr netip.Addr, names []string) []string {
	d := Glibc(true)
	known := make(map[string]bool)
	for e := range f.Entries(d) {
		if e.Addr != addr {
			continue
		}
		for _, name := range e.Names {
			known[d.key(name)] = true
		}
	}
	var missing []string
	for _, name := range names {
		if key := d.key(name); !known[key] {
			known[key] = true
			missing = append(missing, name)
		}
	}
	return missing
}

// appendEntry adds a line with names to a file, or more lines than one if musl would cut it.
func appendEntry(data []byte, addr netip.Addr, names []string) []byte {
	end := lineEnd(data)
	if len(data) > 0 && data[len(data)-1] != '\n' {
		data = append(data, end...)
	}
	longest := Musl().MaxLine - len(end)
	for len(names) > 0 {
		line := append(addr.AppendTo(nil), '\t')
		line, names = append(line, names[0]...), names[1:]
		for len(names) > 0 && len(line)+1+len(names[0]) <= longest {
			line, names = append(append(line, ' '), names[0]...), names[1:]
		}
		data = append(append(data, line...), end...)
	}
	return data
}

// lineEnd returns how most lines of a file end that have an end, or a newline.
func lineEnd(data []byte) string {
	if all := bytes.Count(data, []byte("\n")); 2*bytes.Count(data, []byte("\r\n")) > all {
		return "\r\n"
	}
	return "\n"
}

// Remove takes a name, in any spelling and with or without a dot at its end, from all lines that some resolver reads as an entry, and
// the lines, with their comments, that are left without a name. The other names keep their spacing. It
// reports whether it changed anything. Names that Add refuses can be removed as well.
func (f *File) Remove(name string) (changed bool) {
	for _, d := range everybody() {
		key := d.key(name)
		if key == "" {
			return false
		}
		without := func(r reading) (replacement []byte, changed bool) {
			if !r.has(key) {
				return nil, false
			}
			return r.without(key), true
		}
		changed = f.rewrite(&d, without) || changed
	}
	return changed
}

// RemoveAddr takes all lines for an address, with their comments. An IPv4 address and its
// IPv4-mapped IPv6 address are the same here, as they are to glibc and musl; addresses with different zones
// are not. It reports whether it changed anything.
func (f *File) RemoveAddr(addr netip.Addr) (changed bool) {
	for _, d := range everybody() {
		of := func(r reading) (replacement []byte, changed bool) {
			a, _ := r.d.parseAddr(string(r.addr))
			return nil, a.Unmap() == addr.Unmap()
		}
		changed = f.rewrite(&d, of) || changed
	}
	return changed
}

// everything is a dialect that reads what any of the others reads, but for what stands behind a NUL byte. Only a name
// with a dot is the same without one at its end.
func everything() Dialect {
	d := Glibc(true)
	d.Zones, d.ShortIPv4, d.DotOptional, d.IndentRepeats = ZonesAny, true, true, false
	return d
}

// everybody are dialects that together read what any of the others reads, so that what is removed is removed for
// all of them.
func everybody() []Dialect {
	beyond := everything()
	beyond.NULEnds = false
	return []Dialect{everything(), beyond}
}

// rewrite passes the entries of the file, as d reads them, to change, which returns what the whole line becomes,
// with its newline, and whether it does.
func (f *File) rewrite(d *Dialect, change func(reading) (replacement []byte, changed bool)) bool {
	var out []byte
	kept := 0 // up to here the file is in out
	for l := range f.lines(d) {
		r := d.read(l)
		if _, ok := r.entry(); !ok {
			continue
		}
		replacement, changed := change(r)
		if !changed {
			continue
		}
		if out == nil {
			out = make([]byte, 0, len(f.data))
		}
		out = append(append(out, f.data[kept:l.from]...), replacement...)
		kept = min(l.from+len(l.text)+1, len(f.data))
	}
	if kept == 0 {
		return false
	}
	f.data = append(out, f.data[kept:]...)
	return true
}

// without returns the whole line without a name, or nothing if there is no other. With a name go
// the blanks before it, or behind it if it is the first one.
func (r *reading) without(key string) []byte {
	// The fields are parts of the text, so their lengths say where they are.
	at := bytes.Index(r.text, r.addr) + len(r.addr)
	out := slices.Clone(r.text[:at])
	var first []byte // the blanks before the first name
	left := 0
	for rest := r.names; len(rest) > 0; {
		name, behind := r.d.field(rest)
		blanks := rest[:len(rest)-len(behind)-len(name)]
		if first == nil {
			first = blanks
		}
		switch {
		case len(name) == 0:
			out = append(out, blanks...)
		case r.d.same(name, key):
		case left == 0:
			out = append(append(out, first...), name...)
			left++
		default:
			out = append(append(out, blanks...), name...)
			left++
		}
		rest = behind
	}
	if left == 0 {
		return nil
	}
	out = append(out, r.text[at+len(r.names):]...)
	if r.ended {
		out = append(out, '\n')
	}
	return out
}

// Diff returns the change of a file from old to new as a unified diff, as --dry-run shows it, or
// "" if there is none.
func Diff(old, new []byte, path string) string {
	_, changes, _ := strings.Cut(string(diff.Diff(path, old, path, new)), "\n") // its first line is a command
	return changes
}
