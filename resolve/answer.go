package resolve

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"time"

	"github.com/miekg/dns"
)

// maxText bounds the bytes of text that the records of one message become. Pointers in names make them long,
// and yet an honest message of 65,535 bytes stays below.
const maxText = 16 << 20

// unpacking is a message that is being read.
type unpacking struct {
	b    []byte
	off  int
	text int // bytes of text so far
	m    *Message
}

// unpack reads a message. Whatever it returns shares no memory with b. With an error, a *malformedError,
// the message has what stands before the first thing that cannot be read, and is nil if that is its header.
// Trailing is the number of bytes behind the message.
func unpack(b []byte) (m *Message, trailing int, err error) {
	if len(b) < headerSize {
		return nil, 0, &malformedError{"a message of " + strconv.Itoa(len(b)) + " bytes"}
	}
	m = &Message{
		ID:                 binary.BigEndian.Uint16(b),
		Opcode:             b[2] & bitsOp >> 3,
		Rcode:              Rcode(b[3] & bitsRcode),
		Authoritative:      b[2]&bitAA != 0,
		Truncated:          b[2]&bitTC != 0,
		RecursionDesired:   b[2]&bitRD != 0,
		RecursionAvailable: b[3]&bitRA != 0,
		AuthenticData:      b[3]&bitAD != 0,
		CheckingDisabled:   b[3]&bitCD != 0,
		Size:               len(b),
	}
	u := unpacking{b: b, off: headerSize, m: m}
	if err := u.sections(); err != nil {
		return m, 0, err
	}
	return m, len(b) - u.off, nil
}

// sections reads what stands behind the header.
func (u *unpacking) sections() error {
	for range binary.BigEndian.Uint16(u.b[4:]) {
		if err := u.question(); err != nil {
			return err
		}
	}
	for i, section := range []*[]Record{&u.m.Answer, &u.m.Authority, &u.m.Additional} {
		n := int(binary.BigEndian.Uint16(u.b[6+2*i:]))
		if n == 0 {
			continue
		}
		const least = 11 // bytes of a record; the number itself may be a lie
		*section = make([]Record, 0, min(n, 1+(len(u.b)-u.off)/least))
		for range n {
			if err := u.record(section, i == int(Additional)); err != nil {
				return err
			}
		}
	}
	return nil
}

// question reads a question; the message has the first.
func (u *unpacking) question() error {
	name, err := u.name()
	if err != nil {
		return err
	}
	if len(u.b)-u.off < 4 {
		return errCut
	}
	if u.m.Question.Name == "" {
		u.m.Question = Question{
			Name:  name,
			Type:  Type(binary.BigEndian.Uint16(u.b[u.off:])),
			Class: Class(binary.BigEndian.Uint16(u.b[u.off+2:])),
		}
	}
	u.off += 4
	return nil
}

// name reads a name. Most owners are pointers to the question's name, which is a string already.
func (u *unpacking) name() (string, error) {
	if len(u.b)-u.off >= 2 && u.b[u.off] == 0xc0 && u.b[u.off+1] == headerSize && u.m.Question.Name != "" {
		u.off += 2
		return u.m.Question.Name, nil
	}
	name, off, err := dns.UnpackDomainName(u.b, u.off)
	name = printable(name)
	if err != nil {
		if _, ok := skipName(u.b, u.off); !ok {
			return "", errCut
		}
		return "", &malformedError{"a name that cannot be read"}
	}
	u.off = off
	return name, u.spend(len(name))
}

// spend counts text.
func (u *unpacking) spend(n int) error {
	if u.text += n; u.text > maxText {
		return &malformedError{"a message that becomes too much text"}
	}
	return nil
}

// errCut is the error of a message that ends too early.
var errCut = &malformedError{"a message that ends in the middle of a record"}

// record reads a record into its section, or into the message if it is that of EDNS.
func (u *unpacking) record(section *[]Record, additional bool) error {
	owner, err := u.name()
	if err != nil {
		return err
	}
	if len(u.b)-u.off < 10 {
		return errCut
	}
	fixed := u.b[u.off:]
	r := Record{
		Name:  owner,
		Type:  Type(binary.BigEndian.Uint16(fixed)),
		Class: Class(binary.BigEndian.Uint16(fixed[2:])),
	}
	ttl, n := binary.BigEndian.Uint32(fixed[4:]), int(binary.BigEndian.Uint16(fixed[8:]))
	u.off += 10
	if len(u.b)-u.off < n {
		return errCut
	}
	if ttl>>31 == 0 { // else it is 0 (RFC 2181 section 8)
		r.TTL = time.Duration(ttl) * time.Second
	}
	start := u.off
	u.off += n
	if r.Type == TypeOPT {
		if additional && u.m.EDNS == nil {
			u.m.EDNS = unpackOPT(uint16(r.Class), ttl, u.b[start:u.off])
			u.m.Rcode |= Rcode(ttl >> 24 << 4)
		}
		return nil
	}
	r.read(u.b[:u.off], start)
	*section = append(*section, r)
	return u.spend(len(r.Value))
}

// read reads the data of a record, which is b[off:]. What cannot be read is shown byte by byte.
func (r *Record) read(b []byte, off int) {
	data := b[off:]
	if r.Class == ClassIN && (r.Type == TypeA && len(data) == 4 || r.Type == TypeAAAA && len(data) == 16) {
		r.Addr, _ = netip.AddrFromSlice(data)
		r.Value = r.Addr.String()
		return
	}
	r.Value = unknown(data)
	if _, ok := dns.TypeToRR[uint16(r.Type)]; !ok || len(data) == 0 || uint16(r.Type) == dns.TypeHIP && !plainHIP(data) {
		return
	}
	header := dns.RR_Header{Name: ".", Rrtype: uint16(r.Type), Class: uint16(r.Class), Rdlength: uint16(len(data))}
	rr, _, err := dns.UnpackRRWithHeader(header, b, off)
	if err != nil {
		return
	}
	if text, ok := text(rr, header); ok {
		r.Value = printable(text)
		r.Target = printable(target(rr))
	}
}

// plainHIP reports whether the names in a HIP record are whole, as RFC 8005 section 5 wants them. There may be
// any number, so that pointers to a long one would make gigabytes of text.
func plainHIP(data []byte) bool {
	if len(data) < 4 {
		return false
	}
	off := 4 + int(data[0]) + int(binary.BigEndian.Uint16(data[2:]))
	for off < len(data) {
		if data[off] >= 0x40 {
			return false
		}
		off += 1 + int(data[off])
	}
	return true
}
