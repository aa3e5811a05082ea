package resolve

import "time"

// Exchange is one question to one server, and what came of it.
type Exchange struct {
	Server   Server
	Question Question
	// Via is the transport over which the answer came, or the last was tried: a truncated answer by UDP is
	// asked for once more by TCP.
	Via Transport
	// Status says whether an answer came, and Err, unless it did, why none.
	Status  Status
	Err     error
	Message *Message // the answer; nil: none

	Sent time.Time
	// RTT is the time from the query that was answered to its answer. Setting up a connection is in it
	// if the connection was set up for this query.
	RTT     time.Duration
	Elapsed time.Duration // from the first query to the end
	Tries   int           // queries that were sent, retransmissions and further ways of asking with them
	Ignored Ignored
	Notes   []Note
}

// Status says what came of an exchange.
type Status uint8

// The statuses.
const (
	Answered    Status = iota // a message that answers the question came, whatever its response code
	TimedOut                  // nothing that answers the question came in time
	Unreachable               // the network, or the server's machine, says that it cannot be had there
	Insecure                  // the server could not prove who it is, or no secure connection came about
	Malformed                 // what came over a connection was no DNS message, or not for this question
	LocalError                // this machine could not send
)

// Ignored counts what arrived where an answer was awaited and was none. It may be noise, or somebody
// who tries to forge an answer (RFC 5452 section 9.1).
type Ignored struct {
	Garbage  int // no DNS message
	ID       int // another identifier
	Question int // another question, or none
	Query    int // not a response, or of another opcode
	Cookie   int // another client cookie than ours (RFC 7873 section 5.3)
}

// Total returns the sum of all.
func (i Ignored) Total() int { return i.Garbage + i.ID + i.Question + i.Query + i.Cookie }

// Note is something about an exchange that a user should know.
type Note struct {
	Kind string // one of the kinds below
	Text string // for people; may hold text from the network
}

// The kinds of notes.
const (
	NoteTruncated    = "truncated"     // the answer by UDP was cut short, and asked for again by TCP
	NoteTruncatedTCP = "truncated-tcp" // even the answer by TCP says that it is cut short; it is shown as it is
	NoteNoEDNS       = "no-edns"       // the server refused EDNS, and was asked without it
	NoteEDNSDropped  = "edns-dropped"  // queries with EDNS had no answer, one without it had
	NoteVersion      = "edns-version"  // the server does not know our version of EDNS
	NoteCookie       = "cookie"        // the server wanted its cookie, and was asked again with it
	NoteTrailing     = "trailing"      // bytes stood behind the message
	NoteRetried      = "retransmitted" // an earlier query had no answer
	NoteIgnored      = "ignored"       // something arrived that was no answer to this question
	NoteOverLarge    = "over-large"    // the answer by UDP was larger than asked for
)
