package resolve

import (
	"slices"
	"strings"
)

// Chain is the way through an answer from the name that was asked for to its records.
type Chain struct {
	// Links are the CNAME and DNAME records in the order in which they lead on. A DNAME stands before the
	// CNAME that follows from it (RFC 6672 section 3.1).
	Links []Record
	// Name is the name at the end of the links, absolute.
	Name string
	// Records are those of the type that was asked for which Name has.
	Records []Record
	// Loop says that the links come back to a name that they have passed, or are more than 64.
	Loop bool
}

// mostLinks is how many links are followed; resolvers stop at 8 to 16.
const mostLinks = 64

// Follow returns the chain of m for a question. Records that it does not lead to have no part in
// the answer, whoever put them there.
func (m *Message) Follow(q Question) Chain {
	q = q.normal()
	c := Chain{Name: q.Name}
	if m.Question.Name != "" {
		c.Name = m.Question.Name // the same name, with its escapes as those of the records are
	}
	if q.Type == TypeAXFR || q.Type == TypeIXFR {
		c.Records = m.Answer
		return c
	}
	for passed := []string{c.Name}; ; passed = append(passed, c.Name) {
		if c.Records = ofType(m.Answer, c.Name, q.Type); len(c.Records) > 0 {
			return c
		}
		next, links := onward(m.Answer, c.Name)
		if next == "" {
			return c
		}
		c.Links, c.Name = append(c.Links, links...), next
		if len(c.Links) > mostLinks || slices.ContainsFunc(passed, func(n string) bool { return SameName(n, next) }) {
			c.Loop = true
			return c
		}
	}
}

// ofType returns the records of a name that a question for a type asks for.
func ofType(records []Record, name string, t Type) []Record {
	var found []Record
	for _, r := range records {
		if (r.Type == t || t == TypeANY) && SameName(r.Name, name) {
			found = append(found, r)
		}
	}
	return found
}

// onward returns where a name leads by its CNAME, or the DNAME of a zone above it, and the records that say so;
// "" if it leads nowhere.
func onward(records []Record, name string) (next string, links []Record) {
	for _, r := range records {
		if r.Type == TypeDNAME && !SameName(r.Name, name) && Within(name, r.Name) {
			links = append(links, r)
			next = substitute(name, r)
			break
		}
	}
	for _, r := range records {
		if r.Type == TypeCNAME && SameName(r.Name, name) {
			return r.Target, append(links, r)
		}
	}
	return next, links
}

// substitute returns what the DNAME record r makes of a name below its owner (RFC 6672 section 2.2).
func substitute(name string, r Record) string {
	prefix := name[:len(name)-len(r.Name)]
	if r.Name == "." {
		prefix = name
	}
	if r.Target == "." {
		return prefix
	}
	return prefix + r.Target
}

// SameName reports whether two absolute names in presentation format are the same to DNS, which takes no
// notice of the case of ASCII letters (RFC 4343).
func SameName(a, b string) bool { return strings.EqualFold(a, b) }

// Within reports whether an absolute name is zone, or below it.
func Within(name, zone string) bool {
	if zone == "." || SameName(name, zone) {
		return true
	}
	at := len(name) - len(zone)
	if at < 2 || !SameName(name[at:], zone) || name[at-1] != '.' {
		return false
	}
	before := name[:at-1]
	return (len(before)-len(strings.TrimRight(before, `\`)))%2 == 0 // the dot ends a label, and is no part of one
}
