package resolve

import (
	"bytes"
	"fmt"
)

// course decides how a question is asked next, from what came of asking so far. It knows no socket and no
// clock.
type course struct {
	form
	stream  bool // the transport is reliable, and a longer answer can be had by no other
	refused bool // the server did not take the cookie that it gave itself
	lowered bool // the server did not know a version of EDNS above 0
	dropped bool // EDNS was left out as nothing answered
	notes   []Note
}

// ednsDropped is the text of NoteEDNSDropped.
const ednsDropped = "queries with EDNS had no answer, one without it had: something on the way may drop them"

// step is what to do after an answer.
type step uint8

const (
	finish step = iota // it is the answer
	again              // ask again in the new form
	byTCP              // ask again by TCP
	stale              // it says nothing new: another query is under way
)

// newCourse returns the course by which a server is asked for the first time.
func newCourse(o Options, t transport, c cookie) course {
	return course{form: form{
		Options: o,
		edns:    !o.NoEDNS,
		version: o.Version,
		cookie:  c,
		pad:     t.secure && !o.NoPad,
		zeroID:  t.zeroID,
	}}
}

// note adds a note.
func (c *course) note(kind, format string, args ...any) {
	c.notes = append(c.notes, Note{kind, fmt.Sprintf(format, args...)})
}

// answered takes an answer to q.
func (c *course) answered(q *query, m *Message) step {
	switch {
	case q.edns && m.EDNS == nil && (m.Rcode == FormErr || m.Rcode == NotImplemented):
		if !c.edns {
			return stale
		}
		c.edns = false
		c.note(NoteNoEDNS, "the server answers %s to a query with EDNS, and was asked without it", m.Rcode)
		return again
	case q.edns && m.EDNS != nil && m.Rcode == BadVers:
		return c.badVersion(m.EDNS.Version)
	case q.cookie != nil && m.EDNS != nil && m.Rcode == BadCookie && m.EDNS.Server != nil:
		return c.badCookie(m.EDNS.Server)
	case m.Truncated && c.stream:
		c.note(NoteTruncatedTCP, "the answer is cut short, although it came over a connection")
	case m.Truncated:
		return byTCP
	}
	if c.dropped && !q.edns {
		c.note(NoteEDNSDropped, ednsDropped)
	}
	return finish
}

// badVersion takes the news that the server knows EDNS up to version theirs alone (RFC 6891 section 6.1.3).
func (c *course) badVersion(theirs uint8) step {
	if !c.edns {
		return stale
	}
	if c.version == 0 {
		c.edns = false
		c.note(NoteVersion, "the server says that it does not know version 0 of EDNS, and was asked without it")
		return again
	}
	ours := c.version
	if c.version = min(theirs, ours-1); c.lowered {
		c.version = 0
	}
	c.lowered = true
	c.note(NoteVersion, "the server does not know version %d of EDNS, and was asked with %d", ours, c.version)
	return again
}

// badCookie takes the server's cookie where ours was not enough. A server that then wants yet another is
// asked by TCP, where it needs none (RFC 7873 section 5.3).
func (c *course) badCookie(server []byte) step {
	switch {
	case c.stream && c.refused:
		return finish
	case c.cookie.server == nil || c.stream:
		c.refused = c.stream
		c.note(NoteCookie, "the server wanted its cookie, and was asked again with it")
		c.cookie.server = bytes.Clone(server)
		return again
	}
	c.cookie.server = bytes.Clone(server)
	c.note(NoteCookie, "the server did not take its own cookie, and was asked by TCP")
	return byTCP
}

// silent takes the news that nothing came in time, before the next query, after which left more may follow.
// The last of several goes without EDNS, as some servers and firewalls drop what they do not know.
func (c *course) silent(left int) {
	if left == 0 && c.edns {
		c.edns, c.dropped = false, true
	}
}
