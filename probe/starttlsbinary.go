package probe

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// askPostgres sends an SSLRequest (PostgreSQL, "SSL Session Encryption" of the chapter on its protocol), which is
// answered by one byte.
func askPostgres(d *dialogue) error {
	if err := d.send("\x00\x00\x00\x08\x04\xd2\x16\x2f"); err != nil {
		return err
	}
	answer, err := d.take(1)
	if err != nil {
		return err
	}
	switch answer[0] {
	case 'S':
		if bytes.HasPrefix(d.ahead, []byte("SH-")) {
			return d.foreign(d.said)
		}
		return nil
	case 'N':
		return refusal(answer)
	case 'E':
		return postgresError(d)
	}
	return d.foreign(d.said)
}

// postgresError returns what an ErrorResponse says, which is what servers answer that are of before TLS, or
// that cannot serve anybody at the moment.
func postgresError(d *dialogue) error {
	const most = 8 << 10
	size, err := d.take(4)
	if err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(size)
	if n < 4 || n > most {
		return d.foreign(d.said)
	}
	fields, err := d.take(int(n) - 4)
	if err != nil {
		return err
	}
	for field := range bytes.SplitSeq(fields, []byte{0}) {
		if message, ok := bytes.CutPrefix(field, []byte("M")); ok {
			return refusal(message)
		}
	}
	return refusal(fields)
}

// askLDAP sends the extended request StartTLS (RFC 4511 section 4.14).
func askLDAP(d *dialogue) error {
	const request = "\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037"
	if err := d.send(request); err != nil {
		return err
	}
	for {
		if len(d.ahead) > 0 && d.ahead[0] != berSequence {
			return d.foreign(d.said)
		}
		_, message, rest, err := element(d.ahead)
		if errors.Is(err, errPartial) {
			if err := d.fill(); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return d.foreign(d.said)
		}
		d.ahead = rest
		code, text, ok := extendedResponse(message)
		switch {
		case !ok:
			return d.foreign(d.said)
		case code != 0:
			return &StartTLSError{Why: fmt.Sprintf("the server does not offer TLS (result %d%s)", code, ldapResult(code)), Said: text}
		}
		return nil
	}
}

// ldapResult returns the name of a result, of those that answer StartTLS (RFC 4511 section 4.14.2 and appendix A).
func ldapResult(code int) string {
	name, ok := map[int]string{1: "operations error", 2: "protocol error", 8: "stronger authentication required",
		10: "referral", 52: "unavailable", 53: "unwilling to perform"}[code]
	if !ok {
		return ""
	}
	return ", " + name
}

// extendedResponse returns the result and the diagnostic message, nil if that is empty, of an LDAPMessage that answers the
// request, or that is a notice of disconnection, whose identifier is 0 (RFC 4511 sections 4.1.1, 4.1.9 and 4.12).
func extendedResponse(message []byte) (code int, text []byte, ok bool) {
	tag, id, rest, err := element(message)
	if err != nil || tag != berInteger || len(id) != 1 || id[0] > 1 {
		return 0, nil, false
	}
	const extended = 0x78 // [APPLICATION 24], constructed
	if tag, rest, _, err = element(rest); err != nil || tag != extended {
		return 0, nil, false
	}
	tag, result, rest, err := element(rest)
	if err != nil || tag != berEnumerated || len(result) != 1 || result[0] == 0 && id[0] == 0 {
		return 0, nil, false
	}
	if tag, _, rest, err = element(rest); err != nil || tag != berOctets { // the matched name
		return 0, nil, false
	}
	if tag, text, _, err = element(rest); err != nil || tag != berOctets {
		return 0, nil, false
	}
	if len(text) == 0 {
		text = nil
	}
	return int(result[0]), text, true
}

// Tags of BER (ITU-T X.690).
const (
	berInteger    = 0x02
	berOctets     = 0x04
	berEnumerated = 0x0a
	berSequence   = 0x30
)

var (
	errPartial = errors.New("an element that is not complete")
	errNoBER   = errors.New("no element of LDAP")
)

// element splits the first element off b, in BER as LDAP restricts it (RFC 4511 section 5.1): of definite length, which
// may be written longer than necessary, as some servers do.
func element(b []byte) (tag byte, body, rest []byte, err error) {
	const highTag, long = 0x1f, 0x80
	if len(b) > 0 && b[0]&highTag == highTag {
		return 0, nil, nil, errNoBER
	}
	if len(b) < 2 {
		return 0, nil, nil, errPartial
	}
	tag, size, b := b[0], int(b[1]), b[2:]
	if size >= long {
		n := size - long
		if n < 1 || n > 4 {
			return 0, nil, nil, errNoBER
		}
		if len(b) < n {
			return 0, nil, nil, errPartial
		}
		var length [4]byte
		copy(length[4-n:], b[:n])
		long := binary.BigEndian.Uint32(length[:])
		if long > MaxBanner {
			return 0, nil, nil, errNoBER
		}
		size, b = int(long), b[n:]
	}
	if len(b) < size {
		return 0, nil, nil, errPartial
	}
	return tag, b[:size], b[size:], nil
}
