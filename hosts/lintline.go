package hosts

import (
	"bytes"
	"math"
	"net/netip"
	"slices"
)

// checkBytes looks for what editors of other systems leave.
func (l *linter) checkBytes() {
	if bytes.HasPrefix(l.f.data, []byte("\ufeff")) {
		l.found(1, KindBOM, "the file begins with a byte order mark, which makes everybody skip its first line if that is an entry")
	}
	atHome := slices.ContainsFunc(l.Readers, func(d Dialect) bool { return d.CRLF })
	if n := bytes.Count(l.f.data, []byte("\r\n")); n > 0 && !atHome {
		first := 1 + bytes.Count(l.f.data[:bytes.Index(l.f.data, []byte("\r\n"))], []byte("\n"))
		l.found(first, KindCRLF, "%d %s with CR LF as on Windows; resolvers take the CR for a blank, other programs for a part of the name",
			n, plural(n, "line ends", "lines end"))
	}
}

// checkLines compares what the readers make of each line.
func (l *linter) checkLines() {
	all := everything()
	tooLong, most := limits(l.Readers)
	for whole := range l.f.lines(&all) {
		r := all.read(whole)
		if len(whole.text) < tooLong && (r.skip == skipEmpty || r.simple(most)) {
			continue
		}
		l.compare(&r)
	}
}

// limits returns the fewest bytes that make a line too long for a reader, and the most names that it
// may have for all of them.
func limits(readers []Dialect) (tooLong, most int) {
	tooLong, most = math.MaxInt, math.MaxInt
	for _, d := range readers {
		if d.MaxLine > 0 {
			tooLong = min(tooLong, d.MaxLine)
		}
		if d.MaxNames > 0 {
			most = min(most, d.MaxNames)
		}
	}
	return tooLong, most
}

// simple reports whether every reader takes a line of up to so many names for the same entry. It is
// quick, as most lines are such.
func (r *reading) simple(most int) bool {
	n := 0
	for range r.d.fields(r.names) {
		n++
	}
	if r.skip != skipNot || !r.ended || n > most || bytes.ContainsAny(r.text, "\x00\v\f") || r.d.blank(r.text[0]) {
		return false
	}
	a, err := netip.ParseAddr(string(r.addr))
	return err == nil && a.Zone() == ""
}

// compare says which readers do not have all that is in a line, and why.
func (l *linter) compare(r *reading) {
	var kinds []string
	losers := make(map[string][]Dialect)
	var readers []Dialect
	for _, d := range l.Readers {
		kind := d.loses(r)
		if kind == "" {
			readers = append(readers, d)
			continue
		}
		if !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
		losers[kind] = append(losers[kind], d)
	}
	for _, kind := range kinds {
		l.tell(r, kind, losers[kind], readers)
	}
}

// loses returns the kind of finding that it is when d does not have all the names of a line, or
// "" if it has.
func (d *Dialect) loses(r *reading) string {
	// A part of the file: the line alone, with its newline.
	alone := File{data: r.text[:len(r.text):len(r.text)]}
	if r.ended {
		alone.data = append(slices.Clone(r.text), '\n')
	}
	got := make(map[string]bool)
	reason := ""
	pieces := 0
	for piece := range alone.lines(d) {
		pieces++
		p := d.read(piece)
		_, ok := p.entry()
		switch {
		case ok && pieces > 1:
			return KindLongLine // the rest is an entry of its own
		case !ok && pieces == 1:
			reason = p.why()
		}
		for name := range d.fields(p.found) {
			got[lower(string(name))] = ok
		}
	}
	switch {
	case pieces == 0:
		return KindLongLine // and the rest of the file is not read
	case pieces > 1 && reason == "":
		reason = KindLongLine
	}
	return d.misses(r, got, reason)
}

// misses returns why d does not have all the names of a line, when it has got these.
func (d *Dialect) misses(r *reading, got map[string]bool, reason string) string {
	if _, ok := r.entry(); !ok {
		return r.why()
	}
	for name := range r.d.fields(r.names) {
		if got[lower(string(name))] {
			continue
		}
		switch {
		case reason != "":
			return reason
		case len(got) == d.MaxNames && d.MaxNames > 0:
			return KindManyNames
		case bytes.ContainsAny(r.names, "\v\f"):
			return KindOddBlank
		case bytes.IndexByte(r.text, 0) >= 0:
			return KindNUL
		}
		return KindNoNewline
	}
	return ""
}

// why returns the kind of finding that it is when a line is no entry; what nobody can read comes first.
func (r *reading) why() string {
	all := everything()
	_, ok := all.parseAddr(string(r.addr))
	switch {
	case r.skip == skipEmpty:
		return ""
	case !ok:
		return KindBadAddress
	case r.skip == skipNoNames:
		return KindNoNames
	case r.skip == skipIndent:
		return KindIndented
	case bytes.IndexByte(r.addr, '%') >= 0:
		return KindZone
	}
	return KindShortAddress
}

// tell reports what losers do not have of a line, for a reason, and readers have.
func (l *linter) tell(r *reading, kind string, losers, readers []Dialect) {
	n := r.number
	others := ""
	if len(readers) > 0 {
		others = "; " + readerNames(readers) + plural(len(readers), " reads it", " read it")
	}
	who := readerNames(losers)
	skips := who + plural(len(losers), " skips", " skip") + " this line"
	switch kind {
	case KindBadAddress:
		if r.number == 1 && bytes.HasPrefix(r.addr, []byte("\ufeff")) {
			return // it has been told
		}
		l.found(n, kind, "nobody reads this line: %q is not an address", r.addr)
	case KindNoNames:
		l.found(n, kind, "%s has no name, and hides later lines for it from reverse lookups", r.addr)
	case KindZone:
		l.found(n, kind, "%s, as the address %s has a zone%s", skips, r.addr, others)
	case KindShortAddress:
		if a, _ := ParseShort(string(r.addr)); others != "" {
			others += ", as " + a.String()
		}
		l.found(n, kind, "%s, as %s is not an address of four decimal numbers%s", skips, r.addr, others)
	case KindIndented:
		l.found(n, kind, "%s, as it begins with a blank%s", skips, others)
	case KindLongLine:
		l.found(n, kind, "%s%s no line as long as this one, of %d bytes%s", who, plural(len(losers), " reads", " read"), len(r.text), others)
	case KindManyNames:
		l.found(n, kind, "%s%s fewer names than this line has, %d%s", who, plural(len(losers), " reads", " read"), len(r.list()), others)
	case KindOddBlank:
		l.found(n, kind, "to %s the vertical tab or form feed in this line is a part of a name%s", who, others)
	case KindNUL:
		l.found(n, kind, "there is a NUL byte in this line: to %s names end elsewhere, or it ends the line", who)
	case KindNoNewline:
		l.found(n, kind, "%s%s not find the last name of the file, as there is no newline behind it%s",
			who, plural(len(losers), " does", " do"), others)
	}
}
