package probe

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"
)

// TLS says how to shake hands. Whatever the server's certificates are the handshake goes on: what is wrong with them is
// told by the Session.
type TLS struct {
	// Name is asked for by SNI (RFC 6066 section 3) and must be in the certificate; empty: Target.Name, and without
	// one the address. An address is not asked for, as SNI has names only.
	Name string
	// StartTLS is the protocol in which TLS is asked for first, one of StartTLSProtocols; "": none.
	StartTLS string
	// ALPN are the protocols offered (RFC 7301), each of 1 to 255 bytes; nil: none.
	ALPN []string
	// Roots are trusted; nil: the system's.
	Roots *x509.CertPool
	// Now is the time that certificates are judged by; zero: the clock's.
	Now time.Time
}

// Session is what a TLS handshake came to. It is also there, with Said.Err, if the server had shown its certificates
// before the handshake failed.
type Session struct {
	Version   string        // as "TLS 1.3"
	Cipher    string        // the cipher suite's name by IANA
	ALPN      string        // the protocol agreed on; "": none
	Handshake time.Duration // how long it took
	Name      string        // the name or address that the certificate was judged for
	Chain     []Certificate // as the server sent it, its own first
	Verified  bool          // the chain leads to a trusted root, is valid now and has the name
	// Problems are what is wrong with the chain, in words, each once; empty if Verified. They may hold text of the
	// certificates. Whether a certificate was revoked is not asked.
	Problems []string
	// Remarks are what is weak or untidy and yet no reason to refuse the server, in words, each once.
	Remarks []string
	// Clock is why this machine's clock is suspected rather than the certificates; "": it is not.
	Clock string
	// ClientAsked says that the server asked for a certificate of the client's, of which none was given.
	ClientAsked bool
}

// TLSError is a TLS handshake that failed, or a session that the server ended with an alert.
type TLSError struct {
	Why string // in words, without Said
	// Said is what the server said instead of TLS, up to 512 bytes; nil: nothing, or it does speak TLS.
	Said []byte
	// StartTLS is the protocol that is usual at the port, if TLS has to be asked for in it and was not; "": none.
	StartTLS string
	Alert    uint8 // that the server sent (RFC 8446 section 6); 0: none
	Err      error // of crypto/tls or the network
}

func (e *TLSError) Error() string {
	if e.Said != nil {
		return fmt.Sprintf("probe: %s: it said %s", e.Why, quoted(e.Said))
	}
	return "probe: " + e.Why
}

// Unwrap returns e.Err.
func (e *TLSError) Unwrap() error { return e.Err }

// serverName returns the name, or the address, that the certificate must have.
func (c *conversation) serverName() string {
	name := cmp.Or(c.talk.TLS.Name, c.target.Name)
	if name == "" {
		return c.addr.Addr().Unmap().WithZone("").String()
	}
	if ip, err := netip.ParseAddr(name); err == nil {
		return ip.WithZone("").String()
	}
	return strings.TrimSuffix(name, ".")
}

// everySuite returns all cipher suites there are, so that a server of old is told instead of failed.
func everySuite() []uint16 {
	var ids []uint16
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		ids = append(ids, s.ID)
	}
	return ids
}

// shakeHands makes the connection secure.
func (c *conversation) shakeHands() error {
	var (
		t     = c.talk.TLS
		name  = c.serverName()
		asked = false
		state tls.ConnectionState
	)
	secure := tls.Client(c.plain, &tls.Config{
		ServerName:   name,
		NextProtos:   t.ALPN,
		MinVersion:   tls.VersionTLS10,
		CipherSuites: everySuite(),
		// All that is wrong is to be told, and the first that is wrong would end a verified handshake.
		InsecureSkipVerify: true,
		VerifyConnection: func(s tls.ConnectionState) error {
			state = s
			return nil
		},
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			asked = true
			return new(tls.Certificate), nil
		},
	})
	c.plain.first = nil
	start := time.Now()
	err := secure.Handshake()
	took := time.Since(start)
	if len(state.PeerCertificates) > 0 {
		now := t.Now
		if now.IsZero() {
			now = time.Now()
		}
		c.said.TLS = judgeSession(state, t.Roots, name, now)
		c.said.TLS.Handshake, c.said.TLS.ClientAsked = took, asked
	}
	if err != nil {
		return c.handshakeError(err)
	}
	c.conn = secure
	return nil
}

// judgeSession judges a session at a time.
func judgeSession(state tls.ConnectionState, roots *x509.CertPool, name string, now time.Time) *Session {
	s := &Session{
		Version: tls.VersionName(state.Version),
		Cipher:  tls.CipherSuiteName(state.CipherSuite),
		ALPN:    state.NegotiatedProtocol,
		Name:    name,
	}
	for _, cert := range state.PeerCertificates {
		s.Chain = append(s.Chain, newCertificate(cert, now))
	}
	v := judge(state.PeerCertificates, roots, name, now)
	s.Verified, s.Problems, s.Clock = len(v.problems) == 0, v.problems, v.clock
	if state.Version < tls.VersionTLS12 {
		s.Remarks = append(s.Remarks, s.Version+" is deprecated (RFC 8996)")
	}
	for _, suite := range tls.InsecureCipherSuites() {
		if suite.ID == state.CipherSuite {
			s.Remarks = append(s.Remarks, "the cipher suite "+s.Cipher+" is weak (RFC 9325)")
		}
	}
	s.Remarks = append(s.Remarks, v.remarks...)
	return s
}

// handshakeError returns why a handshake failed.
func (c *conversation) handshakeError(err error) error {
	e := &TLSError{Err: err}
	first := c.plain.first
	if alert, ok := alertOf(err); ok {
		return c.refused(alert, err)
	}
	_, strange := errors.AsType[tls.RecordHeaderError](err)
	switch {
	case len(first) > 0 && (strange || !speaksTLS(first)):
		e.Why, e.Said = "the server does not speak TLS", first
		if strings.HasPrefix(string(first), "HTTP/") {
			e.Why = "the server does not speak TLS but plain HTTP"
		}
		e.StartTLS = c.untold()
	case timedOut(err) && len(first) == 0:
		e.Why, e.StartTLS = "the server said nothing to the TLS handshake in time", c.untold()
	case timedOut(err):
		e.Why = "the server did not end the TLS handshake in time"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		e.Why, e.StartTLS = "the server closed the connection during the TLS handshake", c.untold()
	case wasReset(err):
		e.Why, e.StartTLS = "the server reset the connection during the TLS handshake", c.untold()
	default:
		e.Why = "the TLS handshake failed: " + strings.TrimPrefix(err.Error(), "tls: ")
	}
	return e
}

// wasReset reports whether the connection was reset.
func wasReset(err error) bool {
	errno, ok := errors.AsType[syscall.Errno](err)
	return ok && posix(errno) == syscall.ECONNRESET
}

// untold returns the protocol that may be needed before TLS, and was not spoken.
func (c *conversation) untold() string {
	if c.talk.TLS.StartTLS != "" {
		return ""
	}
	return StartTLSFor(c.addr.Port())
}

// speaksTLS reports whether b may be the beginning of a TLS record (RFC 8446 section 5.1): its type, and
// the major version.
func speaksTLS(b []byte) bool {
	const changeCipherSpec, heartbeat, major = 20, 24, 3
	return len(b) > 0 && b[0] >= changeCipherSpec && b[0] <= heartbeat && (len(b) == 1 || b[1] == major)
}

// alertOf returns the alert that the server sent. crypto/tls has a type of its own for it, which tells only its text.
func alertOf(err error) (tls.AlertError, bool) {
	op, ok := errors.AsType[*net.OpError](err)
	if !ok || op.Op != "remote error" {
		return 0, false
	}
	for n := range 256 {
		if alert := tls.AlertError(n); alert.Error() == op.Err.Error() {
			return alert, true
		}
	}
	return 0, false
}

// refused is the error of an alert.
func (c *conversation) refused(alert tls.AlertError, err error) *TLSError {
	const (
		handshakeFailure      = 40
		protocolVersion       = 70
		unrecognizedName      = 112
		noApplicationProtocol = 120
	)
	why := fmt.Sprintf("the server refused TLS: %s (alert %d)", strings.TrimPrefix(alert.Error(), "tls: "), uint8(alert))
	switch {
	case c.said.TLS != nil && c.said.TLS.ClientAsked:
		why += ": it asked for a certificate of the client's, and there is none"
	case alert == handshakeFailure:
		why += ": it has nothing in common with what was offered, or wants something else"
	case alert == protocolVersion:
		why += ": it speaks no version from TLS 1.0 to 1.3"
	case alert == unrecognizedName:
		why += ": it does not serve " + c.serverName()
	case alert == noApplicationProtocol:
		why += ": it speaks none of " + strings.Join(c.talk.TLS.ALPN, ", ")
	}
	return &TLSError{Why: why, Alert: uint8(alert), Err: err}
}
