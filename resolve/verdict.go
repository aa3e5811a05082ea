package resolve

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Verdict is what a question came to.
type Verdict uint8

// The verdicts.
const (
	VerdictAnswer   Verdict = iota // the records asked for exist, and here they are
	VerdictNoData                  // the name exists, but has no records of the type (RFC 2308 section 2.2)
	VerdictNXDomain                // the name does not exist (RFC 2308 section 2.1)
	VerdictBogus                   // the answer's signatures do not hold
	VerdictRefused                 // the server does not want to answer
	VerdictServFail                // the server could not find out
	VerdictTimeout                 // no server answered
	VerdictError                   // anything else: nothing was found out
)

// String returns the verdict's name, in lower case.
func (v Verdict) String() string {
	names := [...]string{"answer", "nodata", "nxdomain", "bogus", "refused", "servfail", "timeout", "error"}
	if int(v) < len(names) {
		return names[v]
	}
	return "verdict " + strconv.Itoa(int(v))
}

// Verdict returns what the exchange came to, and why in words, which may hold text from the network.
func (x *Exchange) Verdict() (Verdict, string) {
	if x.Message != nil {
		return judge(x.Question, x.Message)
	}
	reason := "no answer"
	if x.Err != nil {
		reason = x.Err.Error()
	}
	if x.Status == TimedOut {
		return VerdictTimeout, reason
	}
	return VerdictError, reason
}

// judge returns what m says to a question, and why in words.
func judge(q Question, m *Message) (Verdict, string) {
	q = q.normal()
	v, reason := byRcode(q, m)
	if m.EDNS == nil || v == VerdictAnswer {
		return v, reason
	}
	for _, e := range m.EDNS.Errors {
		reason += " (" + e.String() + ")"
	}
	return v, reason
}

// byRcode is judge but for what the server adds in extended errors.
func byRcode(q Question, m *Message) (Verdict, string) {
	c := m.Follow(q)
	switch m.Rcode {
	case NoError:
		return noError(q, m, c)
	case NXDomain:
		return VerdictNXDomain, c.leads() + c.Name + " does not exist" + denial(m, c.Name)
	case ServFail:
		return VerdictServFail, "the server could not find out"
	case Refused:
		return VerdictRefused, "the server refuses to answer"
	case NotImplemented:
		return VerdictError, "the server does not know how to answer this (NOTIMP)"
	case FormErr:
		return VerdictError, "the server could not read the query (FORMERR)"
	}
	return VerdictError, "the server answers " + m.Rcode.String()
}

// noError judges a message whose code says that all is well.
func noError(q Question, m *Message, c Chain) (Verdict, string) {
	switch {
	case len(c.Records) > 0 && !readable(c.Records):
		return VerdictError, c.leads() + "no address of " + c.Name + " has the length of one"
	case len(c.Records) > 0:
		return VerdictAnswer, counted(len(c.Records), q.Type)
	case c.Loop:
		return VerdictError, c.leads() + "the aliases are a loop"
	case m.Truncated:
		return VerdictError, "the answer was cut short"
	}
	if soa, ok := authority(m, TypeSOA); ok && Within(c.Name, soa.Name) {
		return VerdictNoData, c.leads() + c.Name + " has no " + q.Type.String() + " record" + denial(m, c.Name)
	}
	if ns, ok := authority(m, TypeNS); ok && !m.Authoritative {
		return VerdictError, c.leads() + referral(m, ns.Name, c.Name)
	}
	switch {
	case len(c.Links) > 0 && !m.RecursionAvailable:
		return VerdictError, c.leads() + "this server does not say what that has"
	case len(c.Links) == 0 && !m.Authoritative && !m.RecursionAvailable:
		return VerdictError, "an empty answer of a server that neither has the zone nor asks others (a lame server)"
	}
	return VerdictNoData, c.leads() + c.Name + " has no " + q.Type.String() + " record (the server gives no SOA record of its zone)"
}

// readable reports whether records, all of one type, say something: of addresses one must be one.
func readable(records []Record) bool {
	return slices.ContainsFunc(records, func(r Record) bool {
		return r.Class != ClassIN || r.Type != TypeA && r.Type != TypeAAAA || r.Addr.IsValid()
	})
}

// leads says where the links lead, to be followed by what is there.
func (c Chain) leads() string {
	if len(c.Links) == 0 {
		return ""
	}
	return c.Links[0].Name + " leads to " + c.Name + ": "
}

// counted returns "1 A record" or "2 A records".
func counted(n int, t Type) string {
	s := strconv.Itoa(n) + " " + t.String() + " record"
	switch {
	case t == TypeANY || t == TypeAXFR || t == TypeIXFR:
		s = strconv.Itoa(n) + " record"
	}
	if n != 1 {
		s += "s"
	}
	return s
}

// authority returns the first record of a type in the authority section.
func authority(m *Message, t Type) (Record, bool) {
	for _, r := range m.Authority {
		if r.Type == t {
			return r, true
		}
	}
	return Record{}, false
}

// denial says whose denial m is and for how long it is valid: the smaller of the SOA record's TTL and its
// last field (RFC 2308 section 5).
func denial(m *Message, name string) string {
	soa, ok := authority(m, TypeSOA)
	if !ok || !Within(name, soa.Name) {
		return ""
	}
	ttl := soa.TTL
	if fields := strings.Fields(soa.Value); len(fields) == 7 {
		if minimum, err := strconv.ParseUint(fields[6], 10, 32); err == nil {
			ttl = min(ttl, time.Duration(minimum)*time.Second)
		}
	}
	return fmt.Sprintf(" (%s says so, for %d s)", zoneName(soa.Name), ttl/time.Second)
}

// zoneName returns the name of a zone as it is read in a sentence.
func zoneName(zone string) string {
	if zone == "." {
		return "the root"
	}
	return strings.TrimSuffix(zone, ".")
}

// referral says where a server that has no answer sends the one who asks.
func referral(m *Message, zone, name string) string {
	var to []string
	for _, r := range m.Authority {
		if r.Type == TypeNS && SameName(r.Name, zone) && len(to) < 3 {
			to = append(to, strings.TrimSuffix(r.Target, "."))
		}
	}
	s := "no answer but a referral to the servers of " + zoneName(zone) + ": " + strings.Join(to, ", ")
	if zone == "." || !Within(name, zone) {
		s += " (upward: a lame server)"
	}
	return s
}
