package resolve

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// tlsConfig returns how a secure connection to s is made that carries one of the protocols (RFC 7301),
// the first being the dearest.
func tlsConfig(c *Client, s Server, protocols ...string) *tls.Config {
	return &tls.Config{
		ServerName:         s.certified(),
		NextProtos:         protocols,
		MinVersion:         tls.VersionTLS12, // RFC 9325 section 3.1.1
		RootCAs:            c.Roots,
		InsecureSkipVerify: c.SkipVerify,
	}
}

// certified returns the name or address that the certificate of s must be for, without what no certificate
// has: a zone, the dot at the end of a name.
func (s Server) certified() string {
	if s.Host == "" {
		return s.Addr.Addr().Unmap().WithZone("").String()
	}
	if a, err := netip.ParseAddr(s.Host); err == nil {
		return a.Unmap().WithZone("").String()
	}
	return strings.TrimSuffix(s.Host, ".")
}

// dialTLS connects to s and shakes hands. The error is an *insecureError where the server was reached, but
// no secure connection came about.
func dialTLS(ctx context.Context, c *Client, s Server, protocols ...string) (*tls.Conn, error) {
	conn, err := dialTCP(ctx, c, s)
	if err != nil {
		return nil, err
	}
	return shakeHands(ctx, conn, tlsConfig(c, s, protocols...))
}

// shakeHands makes conn secure. It closes conn if it fails.
func shakeHands(ctx context.Context, conn net.Conn, config *tls.Config) (*tls.Conn, error) {
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, handshakeError(err)
	}
	return secure, nil
}

// handshakeError returns err as an *insecureError, but for silence and the end of a context: these say
// nothing about the server's security.
func handshakeError(err error) error {
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return err
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	return &insecureError{&explained{handshakeText(err), err}}
}

// explained is an error in other words than its own.
type explained struct {
	text string
	err  error
}

func (e *explained) Error() string { return e.text }
func (e *explained) Unwrap() error { return e.err }

// handshakeText returns why a handshake failed. It may hold text from the network.
func handshakeText(err error) string {
	if text := certificateText(err); text != "" {
		return text
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return "the server does not speak TLS"
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "the server closed the connection during the handshake"
	}
	if alert, ok := errors.AsType[tls.AlertError](err); ok {
		return "the server refused the handshake: " + plainText(alert)
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		if op.Op == "remote error" {
			return "the server refused the handshake: " + plainText(op.Err)
		}
		return "the connection broke during the handshake: " + op.Err.Error()
	}
	return "the handshake failed: " + plainText(err)
}

// plainText returns the text of an error of crypto/tls without the package's name.
func plainText(err error) string { return strings.TrimPrefix(err.Error(), "tls: ") }

// certificateText returns what is wrong with the server's certificate; "": nothing, err is about something else.
func certificateText(err error) string {
	if e, ok := errors.AsType[x509.HostnameError](err); ok {
		return fmt.Sprintf("the certificate is not for %s but for %s", e.Host, certificateNames(e.Certificate))
	}
	if e, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "the certificate " + signedBy(e.Cert)
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		return "the certificate " + invalidText(e)
	}
	if _, ok := errors.AsType[x509.SystemRootsError](err); ok {
		return "the certificate cannot be verified, as this machine has no certificates of authorities"
	}
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "the certificate cannot be verified: " + e.Err.Error()
	}
	return ""
}

// invalidText returns why a certificate that may well be of a known authority does not count.
func invalidText(e x509.CertificateInvalidError) string {
	const day = time.DateOnly
	switch {
	case e.Reason != x509.Expired:
		return "is invalid: " + e.Error()
	case time.Now().Before(e.Cert.NotBefore):
		return "is not valid before " + e.Cert.NotBefore.UTC().Format(day)
	}
	return "expired on " + e.Cert.NotAfter.UTC().Format(day)
}

// signedBy returns who signed a certificate that leads to no authority that is trusted.
func signedBy(cert *x509.Certificate) string {
	switch {
	case cert == nil:
		return "is signed by an unknown authority"
	case bytes.Equal(cert.RawIssuer, cert.RawSubject):
		return fmt.Sprintf("is signed by an unknown authority, itself (%s)", cert.Subject)
	}
	return fmt.Sprintf("is signed by an unknown authority, %s", cert.Issuer)
}

// certificateNames returns whom a certificate is for, cut short: some are for hundreds of names.
func certificateNames(cert *x509.Certificate) string {
	const shown = 4
	names := slices.Clone(cert.DNSNames)
	for _, ip := range cert.IPAddresses {
		names = append(names, ip.String())
	}
	switch {
	case len(names) == 0:
		return "nobody: it has no alternative names"
	case len(names) > shown:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:shown], ", "), len(names)-shown)
	}
	return strings.Join(names, ", ")
}
