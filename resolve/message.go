package resolve

import (
	"net/netip"
	"strings"
	"time"
)

// Question is what is asked of a name server (RFC 1035 section 4.1.2).
type Question struct {
	// Name is a domain name in presentation format (RFC 1035 section 5.1), in A-labels. It is taken as
	// absolute, with or without the dot at its end.
	Name  string
	Type  Type  // 0: TypeA
	Class Class // 0: ClassIN
}

// String returns the question as it stands in a zone file, without a TTL.
func (q Question) String() string {
	q = q.normal()
	return q.Name + " " + q.Class.String() + " " + q.Type.String()
}

// normal returns q with its defaults, and with the dot at the end of its name.
func (q Question) normal() Question {
	if q.Type == 0 {
		q.Type = TypeA
	}
	if q.Class == 0 {
		q.Class = ClassIN
	}
	q.Name = absolute(q.Name)
	return q
}

// absolute returns name with one dot at its end. A dot that is escaped is none.
func absolute(name string) string {
	bare, dotted := strings.CutSuffix(name, ".")
	if dotted && (len(bare)-len(strings.TrimRight(bare, `\`)))%2 == 0 {
		return name
	}
	return name + "."
}

// Type is the type of a resource record, or one that only a question has, as ANY (RFC 6895 section 3.1).
type Type uint16

// Types that this package knows more of than their text. Any other is written by its number.
const (
	TypeA     Type = 1
	TypeNS    Type = 2
	TypeCNAME Type = 5
	TypeSOA   Type = 6
	TypePTR   Type = 12
	TypeMX    Type = 15
	TypeTXT   Type = 16
	TypeAAAA  Type = 28
	TypeSRV   Type = 33
	TypeNAPTR Type = 35
	TypeDNAME Type = 39
	TypeOPT   Type = 41
	TypeDS    Type = 43
	TypeRRSIG Type = 46
	TypeSVCB  Type = 64
	TypeHTTPS Type = 65
	TypeIXFR  Type = 251
	TypeAXFR  Type = 252
	TypeANY   Type = 255
)

// Class is the class of a resource record (RFC 6895 section 3.2).
type Class uint16

// The classes in use.
const (
	ClassIN  Class = 1
	ClassCH  Class = 3
	ClassHS  Class = 4
	ClassANY Class = 255
)

// Rcode is a response code, that of the header with that of EDNS (RFC 6895 section 2.3).
type Rcode uint16

// The response codes that this package decides by.
const (
	NoError        Rcode = 0
	FormErr        Rcode = 1
	ServFail       Rcode = 2
	NXDomain       Rcode = 3
	NotImplemented Rcode = 4
	Refused        Rcode = 5
	NotAuth        Rcode = 9
	BadVers        Rcode = 16
	BadCookie      Rcode = 23
)

// Section is a part of a message that holds records.
type Section uint8

// The sections (RFC 1035 section 4.1).
const (
	Answer Section = iota
	Authority
	Additional
)

// String returns the section's name in lower case.
func (s Section) String() string {
	switch s {
	case Answer:
		return "answer"
	case Authority:
		return "authority"
	}
	return "additional"
}

// Record is a resource record.
type Record struct {
	Name  string // owner, absolute, in presentation format
	Type  Type
	Class Class
	TTL   time.Duration // whole seconds, 0 to 2^31-1 (RFC 2181 section 8)
	// Value is the data in presentation format, of a type that is not known as RFC 3597 section 5 writes
	// it. Whatever is not printable ASCII is escaped in it.
	Value string
	// Addr is the address of an A or AAAA record, else invalid.
	Addr netip.Addr
	// Target is the name that a CNAME, DNAME, NS, PTR, MX, SRV, NAPTR, SVCB or HTTPS record leads to,
	// absolute; else "". That of SVCB and HTTPS may be the root, which means the owner (RFC 9460 section 2.5).
	Target string
}

// Message is an answer of a name server.
type Message struct {
	ID       uint16
	Question Question // as it came back
	Opcode   uint8
	Rcode    Rcode

	Authoritative      bool // AA
	Truncated          bool // TC
	RecursionDesired   bool // RD
	RecursionAvailable bool // RA
	AuthenticData      bool // AD: the server says that it validated the answer (RFC 4035 section 3.2.3)
	CheckingDisabled   bool // CD

	// Answer, Authority and Additional are the sections. The record of EDNS is not in them.
	Answer, Authority, Additional []Record
	EDNS                          *EDNS // nil: the server sent none

	Size int // bytes of the message on the wire; of a zone transfer, of all its messages
}

// EDNS is what the pseudo-record OPT holds (RFC 6891).
type EDNS struct {
	Version uint8
	DO      bool   // DNSSEC OK
	UDPSize uint16 // bytes that the server takes by UDP

	NSID    []byte // identifier of the server (RFC 5001); nil: none
	Client  []byte // the cookie that we sent, 8 bytes (RFC 7873); nil: none
	Server  []byte // the server's cookie, 8 to 32 bytes; nil: none
	Errors  []ExtendedError
	Subnet  netip.Prefix // ECS of the answer: the scope that it is valid for (RFC 7871); else invalid
	Padding int          // bytes of padding (RFC 7830)
	Other   []Option     // options that are none of these
}

// ExtendedError is an extended DNS error (RFC 8914). Its text comes from the network and is not harmless.
type ExtendedError struct {
	Code uint16
	Text string
}

// Option is an EDNS option as it stands in the message (RFC 6891 section 6.1.2).
type Option struct {
	Code uint16
	Data []byte
}

// Section returns the records of a section.
func (m *Message) Section(s Section) []Record {
	switch s {
	case Answer:
		return m.Answer
	case Authority:
		return m.Authority
	}
	return m.Additional
}
