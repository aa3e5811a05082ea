package probe

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// judgeTrust tells why the chain leads to no trusted root at any time, which Verify says by err.
func (j *judgement) judgeTrust(err error) {
	if j.judgeLinks() && j.anchored() {
		return
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		if invalid.Reason != x509.Expired { // which is told
			j.problem("%s", j.invalid(invalid))
		}
		return
	}
	if _, ok := errors.AsType[x509.SystemRootsError](err); ok || j.noRoots() {
		j.problem("cannot be verified, as this machine has no certificates of authorities")
		return
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		j.problem("%s", j.unknown())
		return
	}
	j.problem("%s", strings.TrimPrefix(err.Error(), "x509: "))
}

// noRoots reports whether the system has no list of authorities at all, as small containers.
func (j *judgement) noRoots() bool {
	if j.roots != nil {
		return false
	}
	pool, err := x509.SystemCertPool()
	return err != nil || pool.Equal(x509.NewCertPool())
}

// judgeLinks tells what on the path does not count as a signature, and reports whether there is anything.
func (j *judgement) judgeLinks() bool {
	before := len(j.problems)
	for i, cert := range j.path {
		if weakSignature(cert) && !selfSigned(cert) {
			j.problem("%ssigned with %s, which is not trusted any more", j.whose(cert), signatureName(cert))
		}
		if bits, ok := rsaBits(cert); ok && bits < tooShort && i > 0 {
			j.problem("the key of the authority %s, RSA %d, is too short to be trusted", subjectOf(cert), bits)
		}
		if i > 0 && !maySign(cert) {
			j.problem("signed by %s, which is no authority", subjectOf(cert))
		}
	}
	return len(j.problems) > before
}

// maySign reports whether cert is an authority's (RFC 5280 section 6.1.4 k to n).
func maySign(cert *x509.Certificate) bool {
	const withExtensions = 3
	return (cert.Version < withExtensions || cert.BasicConstraintsValid && cert.IsCA) &&
		(cert.KeyUsage == 0 || cert.KeyUsage&x509.KeyUsageCertSign != 0)
}

// anchored reports whether the end of the path is trusted, or signed by who is.
func (j *judgement) anchored() bool {
	top := j.path[len(j.path)-1]
	_, err := top.Verify(x509.VerifyOptions{Roots: j.roots, CurrentTime: top.NotAfter, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	return err == nil
}

// unknown says why no trusted root is found: the authority is none, or the way to it is not complete.
func (j *judgement) unknown() string {
	top := j.path[len(j.path)-1]
	switch {
	case selfSigned(top) && len(j.path) == 1:
		return "self-signed"
	case selfSigned(top):
		return "signed by an unknown authority: " + subjectOf(top)
	}
	issuer := issuerOf(top)
	if slices.ContainsFunc(j.sent, func(cert *x509.Certificate) bool { return bytes.Equal(cert.RawSubject, top.RawIssuer) }) {
		return fmt.Sprintf("the server sends a certificate of %s, but another key of that name signed %s", issuer, subjectOf(top))
	}
	sends := "the server sends only its own"
	if len(j.path) > 1 {
		sends = fmt.Sprintf("the server sends %d certificates, the last signed by %s", len(j.path), issuer)
	}
	// A certificate that says where its issuer's can be had has an issuer that is not supposed to be known.
	if len(top.IssuingCertificateURL) > 0 {
		return fmt.Sprintf("an intermediate certificate is missing (%s), or the authority %s is unknown", sends, issuer)
	}
	return fmt.Sprintf("signed by an unknown authority: %s, or an intermediate certificate is missing (%s)", issuer, sends)
}

// invalid says why a certificate of a chain does not count.
func (j *judgement) invalid(e x509.CertificateInvalidError) string {
	switch e.Reason {
	case x509.NotAuthorizedToSign:
		return fmt.Sprintf("signed by %s, which is no authority", subjectOf(e.Cert))
	case x509.TooManyIntermediates:
		return "an authority of the chain allows fewer below it"
	case x509.IncompatibleUsage, x509.CANotAuthorizedForExtKeyUsage:
		return "not meant for servers (extended key usage)"
	case x509.CANotAuthorizedForThisName:
		return "its authority may not sign for these names"
	}
	return strings.TrimPrefix(e.Error(), "x509: ")
}
