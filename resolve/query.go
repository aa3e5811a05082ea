package resolve

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"fmt"

	"github.com/miekg/dns"
)

const (
	headerSize     = 12 // bytes of the header of a message (RFC 1035 section 4.1.1)
	maxName        = 255
	maxMessage     = 65535
	plainUDPSize   = 512  // bytes of an answer by UDP without EDNS (RFC 1035 section 2.3.4)
	defaultUDPSize = 1232 // what every path carries in one piece (RFC 9715 section 3.1)
	padBlock       = 128  // to a multiple of this are queries padded (RFC 8467 section 4.1)
)

// Bits of the third and fourth byte of a message (RFC 1035 section 4.1.1, RFC 4035 section 3).
const (
	bitQR     = 0x80
	bitsOp    = 0x78
	bitAA     = 0x04
	bitTC     = 0x02
	bitRD     = 0x01
	bitRA     = 0x80
	bitAD     = 0x20
	bitCD     = 0x10
	bitsRcode = 0x0f
)

// query is a packed question.
type query struct {
	bytes []byte
	// question is where the question section ends.
	question int
	edns     bool
	cookie   []byte // the client's; nil: none was sent
	udpSize  int    // bytes of an answer by UDP that were asked for
}

// form is how a question is asked: what Options say, less what the server turned out not to understand.
type form struct {
	Options
	edns    bool
	version uint8
	cookie  cookie
	pad     bool
	zeroID  bool
}

// pack packs a question with a new identifier.
func pack(q Question, f form) (*query, error) {
	b := make([]byte, headerSize, 128)
	if !f.zeroID {
		rand.Read(b[:2])
	}
	if !f.NoRecursion {
		b[2] |= bitRD
	}
	if f.AuthenticData {
		b[3] |= bitAD
	}
	if f.CheckingDisabled {
		b[3] |= bitCD
	}
	b[5] = 1
	b, err := appendName(b, q.Name)
	if err != nil {
		return nil, err
	}
	b = binary.BigEndian.AppendUint16(b, uint16(q.Type))
	b = binary.BigEndian.AppendUint16(b, uint16(q.Class))
	p := &query{question: len(b), edns: f.edns, udpSize: plainUDPSize}
	if q.Type == TypeIXFR {
		b[9] = 1
		b = appendSerial(b, q.Class, f.Serial)
	}
	if f.edns {
		b[11] = 1
		p.udpSize = int(f.udpSize())
		if !f.NoCookie {
			p.cookie = f.cookie.client[:]
		}
		b = appendOPT(b, f)
	}
	p.bytes = b
	return p, nil
}

// appendName appends a name as it stands on the wire, without compression.
func appendName(b []byte, name string) ([]byte, error) {
	var wire [maxName]byte
	if _, ok := dns.IsDomainName(name); !ok {
		return nil, fmt.Errorf("%q is not a domain name", name)
	}
	n, err := dns.PackDomainName(name, wire[:], 0, nil, false)
	if err != nil {
		return nil, fmt.Errorf("%q is not a domain name", name)
	}
	return append(b, wire[:n]...), nil
}

// appendSerial appends the record that says which version of a zone the asker has (RFC 1995 section 3).
func appendSerial(b []byte, class Class, serial uint32) []byte {
	b = append(b, 0xc0, headerSize) // the name of the question
	b = binary.BigEndian.AppendUint16(b, uint16(TypeSOA))
	b = binary.BigEndian.AppendUint16(b, uint16(class))
	b = append(b, 0, 0, 0, 0, 0, 22) // TTL, length
	b = append(b, 0, 0)              // both names are the root
	b = binary.BigEndian.AppendUint32(b, serial)
	return append(b, make([]byte, 16)...)
}

// judge says whether b may be the answer to q, and if not what it is: the tests of RFC 5452 section 9.1
// that the transport does not make. The client cookie is compared once the whole message is known.
//
// A message without a question is taken if it has no records either but that of EDNS, and says that the
// server could or would not read the question: some servers answer so. They could as well be forged by
// whoever guesses identifier and port, which gains no more than an error.
func (q *query) judge(b []byte) reason {
	if len(b) < headerSize {
		return garbage
	}
	why := accepted
	switch {
	case b[0] != q.bytes[0] || b[1] != q.bytes[1]:
		why = otherID
	case b[2]&bitQR == 0 || b[2]&bitsOp != 0:
		why = noResponse
	case !q.sameQuestion(b) && !complaint(b):
		why = otherQuestion
	}
	if why != accepted && !framed(b) {
		return garbage
	}
	return why
}

// checkCookie says whether an answer has the client's cookie. None at all is fine: not all servers know
// what a cookie is.
func (q *query) checkCookie(m *Message) reason {
	if q.cookie == nil || m.EDNS == nil || m.EDNS.Client == nil || bytes.Equal(m.EDNS.Client, q.cookie) {
		return accepted
	}
	return otherCookie
}

// sameQuestion reports whether b has one question, the one of q, whatever the case of its letters.
func (q *query) sameQuestion(b []byte) bool {
	if binary.BigEndian.Uint16(b[4:]) != 1 || len(b) < q.question {
		return false
	}
	fixed := q.question - 4 // type and class
	return string(b[fixed:q.question]) == string(q.bytes[fixed:q.question]) &&
		equalNames(b[headerSize:fixed], q.bytes[headerSize:fixed])
}

// equalNames compares two names of the same length on the wire. A byte that says how long a label is
// is no letter, as labels end at 63.
func equalNames(a, b []byte) bool {
	for i := range a {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

// lower returns the small letter of a capital one of ASCII (RFC 4343).
func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// complaint reports whether a message is nothing but a header that complains of a query.
func complaint(b []byte) bool {
	if string(b[4:10]) != "\x00\x00\x00\x00\x00\x00" {
		return false
	}
	switch Rcode(b[3] & bitsRcode) {
	case FormErr, ServFail, NotImplemented, Refused:
		return true
	}
	return false
}

// framed reports whether b is a message, as far as its names and lengths tell.
func framed(b []byte) bool {
	off := headerSize
	for i := range 4 {
		for range binary.BigEndian.Uint16(b[4+2*i:]) {
			var ok bool
			if off, ok = skipName(b, off); !ok {
				return false
			}
			fixed := 4
			if i > 0 {
				if fixed = 10; len(b)-off < fixed {
					return false
				}
				fixed += int(binary.BigEndian.Uint16(b[off+8:]))
			}
			if off += fixed; off > len(b) {
				return false
			}
		}
	}
	return true
}

// skipName returns where the name that begins at off ends.
func skipName(b []byte, off int) (int, bool) {
	for off < len(b) {
		switch n := int(b[off]); {
		case n == 0:
			return off + 1, true
		case n >= 0xc0:
			return off + 2, off+2 <= len(b)
		case n >= 0x40:
			return 0, false
		default:
			off += 1 + n
		}
	}
	return 0, false
}

// reason is why something is not the answer to a query.
type reason uint8

const (
	accepted reason = iota
	garbage
	otherID
	otherQuestion
	noResponse
	otherCookie
)

// count adds one thing that was ignored.
func (i *Ignored) count(why reason) {
	switch why {
	case garbage:
		i.Garbage++
	case otherID:
		i.ID++
	case otherQuestion:
		i.Question++
	case noResponse:
		i.Query++
	case otherCookie:
		i.Cookie++
	}
}

// add adds what j counts.
func (i *Ignored) add(j Ignored) {
	i.Garbage += j.Garbage
	i.ID += j.ID
	i.Question += j.Question
	i.Query += j.Query
	i.Cookie += j.Cookie
}
