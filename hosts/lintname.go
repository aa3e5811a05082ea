package hosts

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// checkSpelling looks at every name for itself.
func (l *linter) checkSpelling() {
	for _, e := range l.entries {
		if e.Addr.Is4In6() {
			l.found(e.Line, KindMapped, "%s is %s to programs that ask for IPv4 and to Go, and an IPv6 address to others: write %[2]s",
				e.Addr, e.Addr.Unmap())
		}
		for _, name := range e.Names {
			l.checkName(e, name)
		}
	}
}

// nameKinds are the kinds for what Add refuses.
var nameKinds = map[error]string{
	ErrTrailingDot:  KindTrailingDot,
	ErrWildcard:     KindWildcard,
	ErrNotASCII:     KindNotASCII,
	ErrAddrAsName:   KindAddrAsName,
	ErrBadCharacter: KindBadName,
	ErrEmptyName:    KindBadName,
	ErrLongName:     KindBadName,
}

func (l *linter) checkName(e Entry, name string) {
	if e.Addr.IsUnspecified() && name == e.Addr.String() {
		return // lists of blocked names begin so
	}
	err := nameProblem(name)
	switch kind := nameKinds[err]; kind {
	case "":
	case KindTrailingDot:
		var without, with []Dialect
		for _, d := range l.Readers {
			if d.DotOptional && strings.Contains(strings.TrimSuffix(name, "."), ".") {
				without = append(without, d)
			} else {
				with = append(with, d)
			}
		}
		message := fmt.Sprintf("%q is found only with the dot at its end by %s", name, readerNames(with))
		if len(without) > 0 {
			message += ", and without by " + readerNames(without)
		}
		l.found(e.Line, kind, "%s", message)
		return
	default:
		if strings.Contains(name, "\x00") {
			return // it has been told
		}
		l.found(e.Line, kind, "%q is not found: %v", name, err)
		return
	}
	var exact []Dialect
	for _, d := range l.Readers {
		if !d.FoldCase && lower(name) != name {
			exact = append(exact, d)
		}
	}
	if len(exact) > 0 {
		l.found(e.Line, KindUpperCase, "%s%s %q in this spelling only", readerNames(exact), plural(len(exact), " finds", " find"), name)
	}
}

// checkDuplicates looks for names that are at the same address twice.
func (l *linter) checkDuplicates() {
	type place struct {
		name string
		addr netip.Addr
	}
	first := make(map[place]int)
	for _, e := range l.entries {
		for _, name := range e.Names {
			p := place{lower(name), e.Addr}
			line, again := first[p]
			switch {
			case !again:
				first[p] = e.Line
			case line == e.Line:
				l.found(e.Line, KindDuplicate, "%s is twice in this line", name)
			default:
				l.found(e.Line, KindDuplicate, "%s is at %s already in line %d: most lookups return the address twice", name, e.Addr, line)
			}
		}
	}
}

// checkSeveral looks for names with more than one address, which not everybody sees.
func (l *linter) checkSeveral() {
	readers := slices.Clone(l.Readers)
	if off := Glibc(false); l.d == Glibc(true) {
		readers = append(readers, off)
	}
	told := make(map[string]bool)
	for _, e := range l.entries {
		for _, name := range e.Names {
			key := l.d.key(name)
			if told[key] {
				continue
			}
			told[key] = true
			for _, family := range []Family{IPv4, IPv6} {
				l.several(key, family, readers)
			}
			if !l.d.Multi {
				l.hidden(key)
			}
		}
	}
}

// several tells the addresses of one family that a name has, if there is more than one.
func (l *linter) several(name string, family Family, readers []Dialect) {
	all := l.d
	all.Multi = true
	var addrs []netip.Addr
	var places []string
	line := 0
	for _, m := range l.index(all).Lookup(name, family) {
		// ::1 counts for IPv4 as well, which everybody has for localhost.
		if slices.Contains(addrs, m.Addr) {
			continue
		}
		addrs = append(addrs, m.Addr)
		places = append(places, fmt.Sprintf("%s (line %d)", m.Addr, m.Line))
		if len(addrs) == 2 {
			line = m.Line
		}
	}
	if len(addrs) < 2 {
		return
	}
	l.found(line, KindSeveral, "%s has %s: %s", name, enumerate(places), l.returns(name, family, readers))
}

// returns says which of a name's addresses each reader returns.
func (l *linter) returns(name string, family Family, readers []Dialect) string {
	var order []string
	who := make(map[string][]Dialect)
	for _, d := range readers {
		var words []string
		for _, a := range addrsOf(l.index(d).Lookup(name, family)) {
			if !slices.Contains(words, a.String()) {
				words = append(words, a.String())
			}
		}
		what := "none"
		if len(words) > 0 {
			what = enumerate(words)
		}
		if who[what] == nil {
			order = append(order, what)
		}
		who[what] = append(who[what], d)
	}
	var parts []string
	for _, what := range order {
		parts = append(parts, fmt.Sprintf("%s %s %s", readerNames(who[what]), plural(len(who[what]), "returns", "return"), what))
	}
	return strings.Join(parts, "; ")
}

// hidden tells that a reader that stops at the first line does not see the other family.
func (l *linter) hidden(name string) {
	x := l.index(l.d)
	seen := x.Lookup(name, Any)
	if len(seen) == 0 {
		return
	}
	for _, family := range []Family{IPv4, IPv6} {
		other := x.Lookup(name, family)
		if len(other) == 0 || other[0].Line == seen[0].Line {
			continue
		}
		l.found(other[0].Line, KindHidden, "%s returns only %s (line %d) to programs that ask for both families, not %s: have \"multi on\" in /etc/host.conf",
			l.d.Name, seen[0].Addr, seen[0].Line, other[0].Addr)
	}
}

// checkReverse looks for names that a reverse lookup of their address does not return.
func (l *linter) checkReverse() {
	if l.d.ReverseAll {
		return
	}
	first := make(map[netip.Addr]Entry)
	told := make(map[netip.Addr]bool)
	for _, e := range l.entries {
		// It is common to give this machine names, a line each.
		if e.Addr.IsLoopback() || e.Addr.IsUnspecified() || told[e.Addr] {
			continue
		}
		one, known := first[e.Addr]
		if !known {
			first[e.Addr] = e
			continue
		}
		for _, name := range e.Names {
			if !slices.ContainsFunc(one.Names, func(n string) bool { return l.d.key(n) == l.d.key(name) }) {
				l.found(e.Line, KindReverse, "%s has the address %s, whose reverse lookup returns only what line %d has: %s",
					name, e.Addr, one.Line, strings.Join(one.Names, " "))
				told[e.Addr] = true
				break
			}
		}
	}
}

// checkBlocked looks for names that lead nowhere on purpose.
func (l *linter) checkBlocked() {
	n, line := 0, 0
	name := ""
	for _, e := range l.entries {
		if !e.Addr.IsUnspecified() {
			continue
		}
		for _, blocked := range e.Names {
			if blocked == e.Addr.String() {
				continue
			}
			if n == 0 {
				line, name = e.Line, blocked
			}
			n++
		}
	}
	if n > 0 {
		l.found(line, KindBlocked, "%d %s blocked by 0.0.0.0 or ::, %s first; on Linux connections to these reach this machine",
			n, plural(n, "name is", "names are"), name)
	}
}

// markers are what programs write into hosts files that take their entries away again when they end.
var markers = []struct{ text, program string }{
	{"cisco anyconnect vpn client modified this file", "Cisco AnyConnect"},
	{"cisco secure client modified this file", "Cisco Secure Client"},
	{"pulse secure", "Pulse Secure"},
	{"globalprotect", "GlobalProtect"},
	{"forticlient", "FortiClient"},
	{"openfortivpn", "openfortivpn"},
	{"sonicwall netextender", "NetExtender"},
	{"added by vpn", "a VPN client"},
	{"vpn-slice", "vpn-slice"},
}

// checkLeftovers looks for entries that belong to a program which may be gone.
func (l *linter) checkLeftovers() {
	all := everything()
	told := make(map[string]bool)
	for whole := range l.f.lines(&all) {
		hash := bytes.IndexByte(whole.text, '#')
		if hash < 0 {
			continue
		}
		comment := lower(string(whole.text[hash:]))
		for _, m := range markers {
			if strings.Contains(comment, m.text) && !told[m.program] {
				told[m.program] = true
				l.found(whole.number, KindLeftover, "%s was here: if its connection is down, its entries were left behind", m.program)
			}
		}
	}
	if l.Addrs == nil {
		return
	}
	for _, name := range []string{"host.docker.internal", "gateway.docker.internal"} {
		for _, m := range l.index(l.d).Lookup(name, Any) {
			if !m.Addr.IsLoopback() && !slices.Contains(l.Addrs, m.Addr) {
				l.found(m.Line, KindLeftover, "%s is %s, which this machine has no longer: Docker Desktop has left it behind", name, m.Addr)
			}
		}
	}
}
