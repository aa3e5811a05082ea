package probe

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
)

// startTLSProtocol is a protocol in which TLS is asked for.
type startTLSProtocol struct {
	name  string
	ports []uint16 // where it is usual; those that begin with TLS are not among them
	// ask has the server begin with TLS. Its error is a *StartTLSError without a Protocol, or one of the connection.
	ask func(d *dialogue) error
}

// startTLSTable are the protocols.
func startTLSTable() []startTLSProtocol {
	return []startTLSProtocol{
		{"smtp", []uint16{25, 587}, askSMTP},
		{"imap", []uint16{143}, askIMAP},
		{"pop3", []uint16{110}, askPOP3},
		{"ftp", []uint16{21}, askFTP},
		{"postgres", []uint16{5432}, askPostgres},
		{"ldap", []uint16{389}, askLDAP},
	}
}

// StartTLSProtocols returns the protocols in which TLS can be asked for: smtp (RFC 3207), imap (RFC 9051 section 6.2.1),
// pop3 (RFC 2595 section 4), ftp (RFC 4217), postgres, ldap (RFC 4511 section 4.14).
func StartTLSProtocols() []string {
	var names []string
	for _, p := range startTLSTable() {
		names = append(names, p.name)
	}
	return names
}

// StartTLSFor returns which of StartTLSProtocols is usual at a port; "": none.
func StartTLSFor(port uint16) string {
	for _, p := range startTLSTable() {
		if slices.Contains(p.ports, port) {
			return p.name
		}
	}
	return ""
}

// StartTLSError is a server that did not begin with TLS when it was asked to.
type StartTLSError struct {
	Protocol string // one of StartTLSProtocols
	Why      string // in words, without Said
	Said     []byte // what the server said to it; nil: nothing
	Err      error  // of the network; nil: none
}

func (e *StartTLSError) Error() string {
	text := fmt.Sprintf("probe: STARTTLS by %s: %s", e.Protocol, e.Why)
	if e.Said != nil {
		text += ": it said " + quoted(e.Said)
	}
	return text
}

// Unwrap returns e.Err.
func (e *StartTLSError) Unwrap() error { return e.Err }

// startTLS has the server begin with TLS, and returns what it said until then.
func startTLS(conn net.Conn, protocol string) (said []byte, err error) {
	d := &dialogue{conn: conn}
	table := startTLSTable()
	i := slices.IndexFunc(table, func(p startTLSProtocol) bool { return p.name == protocol })
	if i < 0 {
		return nil, &StartTLSError{Protocol: protocol, Why: "not a protocol that is known here"}
	}
	err = table[i].ask(d)
	if err == nil && len(d.ahead) > 0 {
		// Taken for what came over TLS, they would let anybody on the way speak for the server (CVE-2011-0411,
		// CVE-2021-23222).
		err = &StartTLSError{Why: "the server went on without TLS after it had agreed, or somebody on the way did: TLS is not begun", Said: d.ahead}
	}
	if err == nil {
		return d.said, nil
	}
	e, ok := errors.AsType[*StartTLSError](err)
	if !ok {
		e = d.cut(err)
	}
	e.Protocol = protocol
	return d.said, e
}

// dialogue is what is said before TLS.
type dialogue struct {
	conn  net.Conn
	said  []byte // by the server, all of it
	ahead []byte // the end of said, which nobody has looked at
}

// cut is the error of a connection that ended, or fell silent, too early.
func (d *dialogue) cut(err error) *StartTLSError {
	e := &StartTLSError{Err: err}
	if len(d.ahead) > 0 {
		e.Said = d.ahead
	}
	switch {
	case speaksTLS(d.said):
		e.Why = "the server speaks TLS from the start"
		e.Said = nil
	case timedOut(err) && len(d.said) == 0:
		e.Why = "the server said nothing in time (one that speaks TLS from the start waits, too)"
	case timedOut(err):
		e.Why = "the server did not answer in time"
	case errors.Is(err, io.EOF):
		e.Why = "the server closed the connection"
	default:
		e.Why = strings.TrimPrefix(networkError("asking for it", err).Error(), "probe: ")
	}
	return e
}

// foreign is the error of an answer that is none in the protocol.
func (d *dialogue) foreign(answer []byte) error {
	if speaksTLS(d.said) {
		return &StartTLSError{Why: "the server speaks TLS from the start"}
	}
	return &StartTLSError{Why: "the server does not speak it", Said: answer}
}

// refusal is the error of a server that says no.
func refusal(answer []byte) error {
	return &StartTLSError{Why: "the server does not offer TLS", Said: answer}
}

// send sends text as it is.
func (d *dialogue) send(text string) error {
	_, err := d.conn.Write([]byte(text))
	return err
}

// fill reads more.
func (d *dialogue) fill() error {
	var b [4096]byte
	room := MaxBanner - len(d.said)
	if room == 0 {
		return &StartTLSError{Why: fmt.Sprintf("the server says more than %d KiB and does not get to TLS", MaxBanner>>10)}
	}
	n, err := d.conn.Read(b[:min(room, len(b))])
	d.said = append(d.said, b[:n]...)
	d.ahead = append(d.ahead, b[:n]...)
	if n > 0 {
		return nil // an error comes again
	}
	return err
}

// take returns the next n bytes.
func (d *dialogue) take(n int) ([]byte, error) {
	for len(d.ahead) < n {
		if err := d.fill(); err != nil {
			return nil, err
		}
	}
	b := d.ahead[:n:n]
	d.ahead = d.ahead[n:]
	return b, nil
}

// line returns the next line without its end.
func (d *dialogue) line() ([]byte, error) {
	const longest = 8 << 10
	for looked := 0; ; {
		if i := bytes.IndexByte(d.ahead[looked:], '\n'); i >= 0 {
			line, err := d.take(looked + i + 1)
			return bytes.TrimRight(line, "\r\n"), err
		}
		looked = len(d.ahead)
		if looked > longest || speaksTLS(d.said) {
			return nil, d.foreign(d.ahead)
		}
		if err := d.fill(); err != nil {
			return nil, err
		}
	}
}

// reply returns the next reply of smtp (RFC 5321 section 4.2) or ftp (RFC 959 section 4.2): its code, and its lines.
func (d *dialogue) reply() (code string, lines [][]byte, err error) {
	for {
		line, err := d.line()
		if err != nil {
			return "", nil, err
		}
		lines = append(lines, line)
		if len(lines) == 1 {
			if !isReply(line) {
				return "", nil, d.foreign(line)
			}
			code = string(line[:3])
		}
		if bytes.HasPrefix(line, []byte(code)) && (len(line) == 3 || line[3] == ' ') {
			return code, lines, nil
		}
	}
}

// isReply reports whether line begins a reply: three digits, and then a space, a hyphen, or nothing.
func isReply(line []byte) bool {
	if len(line) < 3 || len(line) > 3 && line[3] != ' ' && line[3] != '-' {
		return false
	}
	return !slices.ContainsFunc(line[:3], func(b byte) bool { return b < '0' || b > '9' })
}

// askSMTP asks by RFC 3207.
func askSMTP(d *dialogue) error {
	code, lines, err := d.reply()
	if err != nil {
		return err
	}
	if code != "220" {
		return &StartTLSError{Why: "the server turns clients away", Said: lines[0]}
	}
	if err := d.send("EHLO " + d.greetingName() + "\r\n"); err != nil {
		return err
	}
	code, lines, err = d.reply()
	if err != nil {
		return err
	}
	offered := slices.ContainsFunc(lines[1:], func(line []byte) bool {
		return len(line) > 4 && strings.EqualFold(strings.TrimSpace(string(line[4:])), "STARTTLS")
	})
	if code != "250" || !offered {
		return refusal(bytes.Join(lines, []byte(", ")))
	}
	return d.command("STARTTLS", "220")
}

// greetingName returns the name to greet a server of mail by: the address, for want of a name that is certain
// (RFC 5321 sections 4.1.1.1 and 4.1.3).
func (d *dialogue) greetingName() string {
	local, ok := d.conn.LocalAddr().(*net.TCPAddr)
	if !ok {
		return "localhost"
	}
	addr := local.AddrPort().Addr().Unmap().WithZone("")
	if addr.Is4() {
		return "[" + addr.String() + "]"
	}
	return "[IPv6:" + addr.String() + "]"
}

// askFTP asks by RFC 4217.
func askFTP(d *dialogue) error {
	for {
		code, lines, err := d.reply()
		if err != nil {
			return err
		}
		switch code {
		case "120": // it will be ready soon, and then say 220
			continue
		case "220":
			return d.command("AUTH TLS", "234")
		}
		return &StartTLSError{Why: "the server turns clients away", Said: lines[0]}
	}
}

// command sends a command, which the server agrees to by a code.
func (d *dialogue) command(command, agreed string) error {
	if err := d.send(command + "\r\n"); err != nil {
		return err
	}
	code, lines, err := d.reply()
	if err == nil && code != agreed {
		return refusal(lines[0])
	}
	return err
}

// askPOP3 asks by RFC 2595 section 4.
func askPOP3(d *dialogue) error {
	for _, command := range []string{"", "STLS\r\n"} {
		if command != "" {
			if err := d.send(command); err != nil {
				return err
			}
		}
		line, err := d.line()
		if err != nil {
			return err
		}
		switch {
		case isStatus(line, "+OK"):
		case !isStatus(line, "-ERR"):
			return d.foreign(line)
		case command == "":
			return &StartTLSError{Why: "the server turns clients away", Said: line}
		default:
			return refusal(line)
		}
	}
	return nil
}

// isStatus reports whether line begins with a word.
func isStatus(line []byte, word string) bool {
	first, _, _ := bytes.Cut(line, []byte(" "))
	return strings.EqualFold(string(first), word)
}

// askIMAP asks by RFC 9051 section 6.2.1.
func askIMAP(d *dialogue) error {
	line, err := d.line()
	if err != nil {
		return err
	}
	rest, ok := bytes.CutPrefix(line, []byte("* "))
	switch {
	case !ok:
		return d.foreign(line)
	case isStatus(rest, "PREAUTH"): // the command is not allowed any more: RFC 9051 section 7.1.4
		return &StartTLSError{Why: "the server has let the client in already, and so does not begin with TLS", Said: line}
	case !isStatus(rest, "OK"):
		return &StartTLSError{Why: "the server turns clients away", Said: line}
	}
	if err := d.send("a1 STARTTLS\r\n"); err != nil {
		return err
	}
	for {
		line, err := d.line()
		if err != nil {
			return err
		}
		rest, tagged := bytes.CutPrefix(line, []byte("a1 "))
		untagged, _ := bytes.CutPrefix(line, []byte("* "))
		switch {
		case tagged && isStatus(rest, "OK"):
			return nil
		case tagged, isStatus(untagged, "BYE"):
			return refusal(line)
		case !bytes.HasPrefix(line, []byte("* ")):
			return d.foreign(line)
		}
	}
}
