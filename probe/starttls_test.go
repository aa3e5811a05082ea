package probe

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// Requests in binary.
const (
	sslRequest  = "\x00\x00\x00\x08\x04\xd2\x16\x2f"
	ldapRequest = "\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037"
	ldapYes     = "\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00"
)

// dialog is what a server and, at the odd places, its client say.
type dialog []string

// play says the server's part, so many bytes at a time, and reports whether the client says its own.
func (d dialog) play(t *testing.T, conn net.Conn, step int) bool {
	for i, text := range d {
		if i%2 == 1 {
			got := make([]byte, len(text))
			if _, err := io.ReadFull(conn, got); err != nil || string(got) != text {
				t.Errorf("the client says %q, %v; want %q", got, err, text)
				return false
			}
			continue
		}
		for part := range slices.Chunk([]byte(text), step) {
			if _, err := conn.Write(part); err != nil {
				return false
			}
		}
	}
	return true
}

// server is what d says, all of it.
func (d dialog) server() (said string) {
	for i := 0; i < len(d); i += 2 {
		said += d[i]
	}
	return said
}

// agreeing is a dialog that gets to TLS.
type agreeing struct {
	name, protocol string
	dialog         dialog
}

// test has the server say its part so many bytes at a time, and begin with TLS.
func (c agreeing) test(t *testing.T, config *tls.Config, step int) {
	talk := &Talk{TLS: &TLS{StartTLS: c.protocol}, Banner: true}
	said, _ := talked(t.Context(), talk, &Target{Name: "a.example"}, func(conn net.Conn) {
		if !c.dialog.play(t, conn, step) {
			return
		}
		secure := tls.Server(conn, config)
		_, _ = io.WriteString(secure, "welcome")
		_ = secure.Close()
	})
	if said.Err != nil || said.TLS == nil || string(said.Heard) != "welcome" || !said.Ended {
		t.Errorf("error %v, session %v, heard %q", said.Err, said.TLS, said.Heard)
	}
	if want := c.dialog.server(); string(said.Plain) != want {
		t.Errorf("plain %q, want %q", said.Plain, want)
	}
}

func TestStartTLS(t *testing.T) {
	config := served(issue(t, nil, "a.example", false))
	config.SessionTicketsDisabled = true
	for _, c := range []agreeing{
		{"smtp", "smtp", dialog{"220 mail.example ESMTP\r\n", "EHLO localhost\r\n",
			"250-mail.example\r\n250-SIZE 1000\r\n250-STARTTLS\r\n250 HELP\r\n", "STARTTLS\r\n", "220 2.0.0 Ready\r\n"}},
		{"smtp, many lines and other letters", "smtp", dialog{"220-mail.example\n220 \n", "EHLO localhost\r\n",
			"250-mail.example\n250 StartTLS \n", "STARTTLS\r\n", "220\r\n"}},
		{"imap", "imap", dialog{"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n", "a1 STARTTLS\r\n", "a1 OK begin\r\n"}},
		{"imap, with more", "imap", dialog{"* ok\r\n", "a1 STARTTLS\r\n", "* CAPABILITY IMAP4rev1\r\n* OK x\r\na1 ok\r\n"}},
		{"pop3", "pop3", dialog{"+OK ready <1@mail.example>\r\n", "STLS\r\n", "+OK begin\r\n"}},
		{"ftp", "ftp", dialog{"220 ready\r\n", "AUTH TLS\r\n", "234 begin\r\n"}},
		{"ftp, late and long", "ftp", dialog{"120 wait\r\n220-welcome\r\n to\r\n2200\r\n220x\r\n\r\n220 us\r\n", "AUTH TLS\r\n", "234-\r\n234\r\n"}},
		{"postgres", "postgres", dialog{"", sslRequest, "S"}},
		{"ldap", "ldap", dialog{"", ldapRequest, ldapYes}},
		{"ldap with the name, in long lengths", "ldap", dialog{"", ldapRequest, "\x30\x84\x00\x00\x00\x28\x02\x01\x01\x78\x84\x00\x00\x00\x1f" +
			"\x0a\x01\x00\x04\x00\x04\x00\x8a\x161.3.6.1.4.1.1466.20037"}},
	} {
		for _, step := range []int{1, 1 << 10} {
			t.Run(c.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { c.test(t, config, step) })
			})
		}
	}
}

// The reasons of StartTLSError.
const (
	noOffer    = "the server does not offer TLS"
	away       = "the server turns clients away"
	notSpoken  = "the server does not speak it"
	injected   = "the server went on without TLS after it had agreed, or somebody on the way did: TLS is not begun"
	fromStart  = "the server speaks TLS from the start"
	closedHere = "the server closed the connection"
	tooMuch    = "the server says more than 64 KiB and does not get to TLS"
	notAnswer  = "the server did not answer in time"
)

// end, as the last that a server says, is that it closes the connection. Otherwise it waits for the client to do so.
const end = ""

// failing is a dialog that does not get to TLS, and what is told of it.
type failing struct {
	name, protocol string
	dialog         dialog
	why, said      string
}

// run has it said.
func (c failing) run(t *testing.T) {
	t.Run(c.name, func(t *testing.T) {
		synctest.Test(t, c.test)
	})
}

func (c failing) test(t *testing.T) {
	said, took := talked(t.Context(), &Talk{TLS: &TLS{StartTLS: c.protocol}}, &Target{}, func(conn net.Conn) {
		if !c.dialog.play(t, conn, 1<<20) {
			return
		}
		if n := len(c.dialog); n == 0 || c.dialog[n-1] != end || n == 1 && c.dialog[0] != end {
			idle(conn)
		}
	})
	e, ok := errors.AsType[*StartTLSError](said.Err)
	if !ok {
		t.Fatalf("error %v", said.Err)
	}
	if e.Protocol != c.protocol || e.Why != c.why || string(e.Said) != c.said || said.TLS != nil || took > DefaultTimeout {
		t.Errorf("%s: %s: %.100q after %v", e.Protocol, e.Why, e.Said, took)
	}
	if silent := strings.HasSuffix(c.name, "silence") || c.why == notAnswer; silent && !errors.Is(e, os.ErrDeadlineExceeded) {
		t.Errorf("its error is %v", e.Err)
	}
}

func TestStartTLSErrors(t *testing.T) {
	const (
		greets = "220 x\r\n"
		hello  = "EHLO localhost\r\n"
		offers = "250-x\r\n250 STARTTLS\r\n"
	)
	for _, c := range []failing{
		{"smtp", "smtp", dialog{greets, hello, "250-x\r\n250 HELP\r\n"}, noOffer, "250-x, 250 HELP"},
		{"only the name", "smtp", dialog{greets, hello, "250 STARTTLS\r\n"}, noOffer, "250 STARTTLS"},
		{"no EHLO", "smtp", dialog{greets, hello, "502 what?\r\n"}, noOffer, "502 what?"},
		{"not now", "smtp", dialog{greets, hello, offers, "STARTTLS\r\n", "454 not now\r\n"}, noOffer, "454 not now"},
		{"no service", "smtp", dialog{"554 go away\r\n"}, away, "554 go away"},
		{"no smtp", "smtp", dialog{"SSH-2.0-x\r\n"}, notSpoken, "SSH-2.0-x"},
		{"no smtp in digits", "smtp", dialog{"2200 x\r\n"}, notSpoken, "2200 x"},
		{"no line", "smtp", dialog{strings.Repeat("2", 9000)}, notSpoken, strings.Repeat("2", 9000)},
		{"no last line", "smtp", dialog{strings.Repeat("220-x\r\n", 10000)}, tooMuch, ""},
		{"injected", "smtp", dialog{greets, hello, offers, "STARTTLS\r\n", "220 go\r\n250 sure\r\n"}, injected, "250 sure\r\n"},
		{"an end", "smtp", dialog{greets, hello, "250-x\r\n", end}, closedHere, ""},
		{"an end in a line", "smtp", dialog{greets, hello, "421 bye", end}, closedHere, "421 bye"},
		{"an end at once", "smtp", dialog{end}, closedHere, ""},
		{"silence", "smtp", dialog{}, "the server said nothing in time (one that speaks TLS from the start waits, too)", ""},
		{"silence later", "smtp", dialog{greets, hello}, notAnswer, ""},
		{"TLS", "smtp", dialog{"\x15\x03\x01\x00\x02\x02\x46", end}, fromStart, ""},

		{"imap", "imap", dialog{"* OK\r\n", "a1 STARTTLS\r\n", "* x\r\na1 BAD what?\r\n"}, noOffer, "a1 BAD what?"},
		{"imap no", "imap", dialog{"* OK\r\n", "a1 STARTTLS\r\n", "a1 NO TLS\r\n"}, noOffer, "a1 NO TLS"},
		{"let in", "imap", dialog{"* PREAUTH x\r\n"}, "the server has let the client in already, and so does not begin with TLS", "* PREAUTH x"},
		{"imap bye", "imap", dialog{"* BYE x\r\n"}, away, "* BYE x"},
		{"imap bye later", "imap", dialog{"* OK\r\n", "a1 STARTTLS\r\n", "* BYE x\r\n"}, noOffer, "* BYE x"},
		{"no imap", "imap", dialog{"+OK\r\n"}, notSpoken, "+OK"},
		{"no imap later", "imap", dialog{"* OK\r\n", "a1 STARTTLS\r\n", "a2 OK\r\n"}, notSpoken, "a2 OK"},
		{"imap injected", "imap", dialog{"* OK\r\n", "a1 STARTTLS\r\n", "a1 OK\r\n* CAPABILITY x\r\n"}, injected, "* CAPABILITY x\r\n"},

		{"pop3", "pop3", dialog{"+OK\r\n", "STLS\r\n", "-ERR what?\r\n"}, noOffer, "-ERR what?"},
		{"pop3 away", "pop3", dialog{"-ERR busy\r\n"}, away, "-ERR busy"},
		{"no pop3", "pop3", dialog{"220 x\r\n"}, notSpoken, "220 x"},
		{"pop3 injected", "pop3", dialog{"+OK\r\n", "STLS\r\n", "+OK\r\n+"}, injected, "+"},

		{"ftp", "ftp", dialog{greets, "AUTH TLS\r\n", "530 log in\r\n"}, noOffer, "530 log in"},
		{"ftp away", "ftp", dialog{"421 busy\r\n"}, away, "421 busy"},
		{"ftp injected", "ftp", dialog{greets, "AUTH TLS\r\n", "234\r\nx"}, injected, "x"},
	} {
		c.run(t)
	}
}

func TestStartTLSErrorsBinary(t *testing.T) {
	for _, c := range []failing{
		{"postgres", "postgres", dialog{"", sslRequest, "N"}, noOffer, "N"},
		{"postgres of old", "postgres", dialog{"", sslRequest, "E\x00\x00\x00\x10SFATAL\x00Mno\x00\x00\x00"}, noOffer, "no"},
		{"postgres without a message", "postgres", dialog{"", sslRequest, "E\x00\x00\x00\x06S\x00"}, noOffer, "S\x00"},
		{"postgres with a long message", "postgres", dialog{"", sslRequest, "E\x00\x10\x00\x00Mx"}, notSpoken, "E\x00\x10\x00\x00Mx"},
		{"postgres with none", "postgres", dialog{"", sslRequest, "E\x00\x00\x00\x03"}, notSpoken, "E\x00\x00\x00\x03"},
		{"postgres injected", "postgres", dialog{"", sslRequest, "SR\x00"}, injected, "R\x00"},
		{"no postgres", "postgres", dialog{"", sslRequest, "SSH-2.0-x\r\n"}, notSpoken, "SSH-2.0-x\r\n"},
		{"HTTP for postgres", "postgres", dialog{"", sslRequest, "HTTP/1.1 400\r\n"}, notSpoken, "HTTP/1.1 400\r\n"},
		{"TLS for postgres", "postgres", dialog{"", sslRequest, "\x15\x03\x01\x00\x02\x02\x46"}, fromStart, ""},

		{"ldap", "ldap", dialog{"", ldapRequest, "\x30\x0e\x02\x01\x01\x78\x09\x0a\x01\x02\x04\x00\x04\x02no"}, noOffer + " (result 2, protocol error)", "no"},
		{"ldap without words", "ldap", dialog{"", ldapRequest, "\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x35\x04\x00\x04\x00"}, noOffer + " (result 53, unwilling to perform)", ""},
		{"ldap bye", "ldap", dialog{"", ldapRequest, "\x30\x0c\x02\x01\x00\x78\x07\x0a\x01\x34\x04\x00\x04\x00"}, noOffer + " (result 52, unavailable)", ""},
		{"ldap bye with a yes", "ldap", dialog{"", ldapRequest, "\x30\x0c\x02\x01\x00\x78\x07\x0a\x01\x00\x04\x00\x04\x00"}, notSpoken,
			"\x30\x0c\x02\x01\x00\x78\x07\x0a\x01\x00\x04\x00\x04\x00"},
		{"another message", "ldap", dialog{"", ldapRequest, "\x30\x0c\x02\x01\x02\x78\x07\x0a\x01\x00\x04\x00\x04\x00"}, notSpoken,
			"\x30\x0c\x02\x01\x02\x78\x07\x0a\x01\x00\x04\x00\x04\x00"},
		{"ldap injected", "ldap", dialog{"", ldapRequest, ldapYes + "\x30"}, injected, "\x30"},
		{"half of ldap", "ldap", dialog{"", ldapRequest, ldapYes[:9], end}, closedHere, ldapYes[:9]},
		{"endless ldap", "ldap", dialog{"", ldapRequest, "\x30\x80\x00\x00"}, notSpoken, "\x30\x80\x00\x00"},
		{"huge ldap", "ldap", dialog{"", ldapRequest, "\x30\x84\x7f\xff\xff\xff"}, notSpoken, "\x30\x84\x7f\xff\xff\xff"},
		{"no ldap", "ldap", dialog{"", ldapRequest, "HTTP/1.1 400\r\n"}, notSpoken, "HTTP/1.1 400\r\n"},
	} {
		c.run(t)
	}
}

// TestStartTLSOnly has a server that agrees and then does not begin with TLS.
func TestStartTLSOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		said, _ := talked(t.Context(), &Talk{TLS: &TLS{StartTLS: "pop3"}}, &Target{}, func(conn net.Conn) {
			dialog{"+OK\r\n", "STLS\r\n", "+OK\r\n"}.play(t, conn, 10)
			answering("-ERR what?\r\n")(conn)
		})
		e, ok := errors.AsType[*TLSError](said.Err)
		if !ok || string(e.Said) != "-ERR what?\r\n" || e.StartTLS != "" || string(said.Plain) != "+OK\r\n+OK\r\n" {
			t.Errorf("error %v, plain %q", said.Err, said.Plain)
		}
	})
}

func TestStartTLSErrorText(t *testing.T) {
	e := &StartTLSError{Protocol: "smtp", Why: noOffer, Said: []byte("502 \x1b[2Jno")}
	if got, want := e.Error(), `probe: STARTTLS by smtp: the server does not offer TLS: it said "502 \x1b[2Jno"`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if _, err := startTLS(nil, "gopher"); err == nil || err.Error() != "probe: STARTTLS by gopher: not a protocol that is known here" {
		t.Error(err)
	}
}

func TestStartTLSFor(t *testing.T) {
	for port, want := range map[uint16]string{25: "smtp", 587: "smtp", 465: "", 143: "imap", 110: "pop3", 21: "ftp", 5432: "postgres", 389: "ldap", 443: ""} {
		if got := StartTLSFor(port); got != want {
			t.Errorf("%d: %q, want %q", port, got, want)
		}
	}
	if got := strings.Join(StartTLSProtocols(), " "); got != "smtp imap pop3 ftp postgres ldap" {
		t.Error(got)
	}
}

// addressed is a connection from an address.
type addressed struct {
	net.Conn
	local string
}

func (a addressed) LocalAddr() net.Addr {
	addr, _ := net.ResolveTCPAddr("tcp", a.local)
	return addr
}

func TestGreetingName(t *testing.T) {
	for local, want := range map[string]string{
		"192.0.2.1:1":          "[192.0.2.1]",
		"[2001:db8::1]:1":      "[IPv6:2001:db8::1]",
		"[::ffff:192.0.2.1]:1": "[192.0.2.1]",
		"[fe80::1%lo]:1":       "[IPv6:fe80::1]",
	} {
		d := &dialogue{conn: addressed{local: local}}
		if got := d.greetingName(); got != want {
			t.Errorf("%s: %s, want %s", local, got, want)
		}
	}
}

// FuzzStartTLS asks servers that say anything.
func FuzzStartTLS(f *testing.F) {
	for i, p := range StartTLSProtocols() {
		for _, says := range []string{"220 x\r\n250-x\r\n250 STARTTLS\r\n220 go\r\n", "* OK\r\n* x\r\na1 OK\r\n", "+OK\r\n+OK\r\n", "120 x\r\n220 x\r\n234-x\r\n234 x\r\n",
			"S", "N", "E\x00\x00\x00\x10SFATAL\x00Mno\x00\x00\x00", ldapYes, "\x30\x84\x00\x00\x00\x0c" + ldapYes[2:], "SSH-2.0-x\r\n"} {
			f.Add(byte(i), []byte(says), len(p))
		}
	}
	f.Fuzz(func(t *testing.T, n byte, says []byte, step int) {
		protocols := StartTLSProtocols()
		protocol := protocols[int(n)%len(protocols)]
		said, err := startTLS(&canned{says: says, step: step}, protocol)
		if len(said) > MaxBanner || !bytes.HasPrefix(says, said) {
			t.Errorf("it said %d bytes of %d", len(said), len(says))
		}
		if err == nil {
			return
		}
		if e, ok := errors.AsType[*StartTLSError](err); !ok || e.Protocol != protocol || e.Why == "" || len(e.Said) > 2*MaxBanner {
			t.Errorf("error %#v", err)
		}
	})
}
