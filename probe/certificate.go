package probe

import (
	"bytes"
	"cmp"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// Certificate is what counts of one certificate (RFC 5280). Its texts are as in the certificate: not harmless.
type Certificate struct {
	Subject, Issuer     string       // distinguished names, as RFC 2253 writes them
	Names               []string     // of DNS
	Addrs               []netip.Addr // it is good for
	Serial              string       // hexadecimal, of whole bytes
	NotBefore, NotAfter time.Time
	DaysLeft            int    // whole days until NotAfter, negative after it
	Key, Signature      string // algorithms, as "ECDSA P-256", "SHA256-RSA"
	SHA256              string // the fingerprint, hexadecimal
	CA, SelfSigned      bool
}

// newCertificate returns what counts of cert at a time.
func newCertificate(cert *x509.Certificate, now time.Time) Certificate {
	print := sha256.Sum256(cert.Raw)
	c := Certificate{
		Subject:    cert.Subject.String(),
		Issuer:     cert.Issuer.String(),
		Names:      cert.DNSNames,
		Serial:     serial(cert),
		NotBefore:  cert.NotBefore,
		NotAfter:   cert.NotAfter,
		DaysLeft:   daysLeft(cert.NotAfter, now),
		Key:        keyName(cert),
		Signature:  signatureName(cert),
		SHA256:     hex.EncodeToString(print[:]),
		CA:         cert.IsCA,
		SelfSigned: selfSigned(cert),
	}
	for _, ip := range cert.IPAddresses {
		if addr, ok := netip.AddrFromSlice(ip); ok {
			c.Addrs = append(c.Addrs, addr.Unmap())
		}
	}
	return c
}

// serial returns the serial number as bytes, as other programs show it.
func serial(cert *x509.Certificate) string {
	digits := cert.SerialNumber.Text(16)
	if len(digits)%2 == 1 {
		digits = "0" + digits
	}
	return digits
}

// daysLeft returns the whole days from now until then, rounded down. A time.Duration would not hold them all:
// certificates that never expire do so in the year 9999 (RFC 5280 section 4.1.2.5).
func daysLeft(then, now time.Time) int {
	const day = 24 * 60 * 60
	seconds := then.Unix() - now.Unix()
	days := seconds / day
	if seconds%day < 0 {
		days--
	}
	return int(days)
}

// keyName returns the algorithm of the certificate's key, and its size or curve.
func keyName(cert *x509.Certificate) string {
	switch key := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", key.N.BitLen())
	case *ecdsa.PublicKey:
		return "ECDSA " + key.Curve.Params().Name
	case ed25519.PublicKey:
		return "Ed25519"
	}
	if cert.PublicKeyAlgorithm == x509.UnknownPublicKeyAlgorithm {
		return "unknown"
	}
	return cert.PublicKeyAlgorithm.String()
}

// signatureName returns the algorithm that the certificate is signed by.
func signatureName(cert *x509.Certificate) string {
	if cert.SignatureAlgorithm == x509.UnknownSignatureAlgorithm {
		return "unknown"
	}
	return cert.SignatureAlgorithm.String()
}

// rsaBits returns the size of an RSA key, and false for another.
func rsaBits(cert *x509.Certificate) (int, bool) {
	if key, ok := cert.PublicKey.(*rsa.PublicKey); ok {
		return key.N.BitLen(), true
	}
	return 0, false
}

// weakSignature reports whether the certificate's signature may have been forged (RFC 9155).
func weakSignature(cert *x509.Certificate) bool {
	return slices.Contains([]x509.SignatureAlgorithm{x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA,
		x509.DSAWithSHA1, x509.ECDSAWithSHA1}, cert.SignatureAlgorithm)
}

// tooShort is the size from which on crypto/rsa uses keys at all.
const tooShort = 1024

// signed reports whether cert is signed by issuer. What can no longer be checked, as its algorithm or key is too weak, is
// believed, since this is about which certificate was meant, not about trust.
func signed(cert, issuer *x509.Certificate) bool {
	if !bytes.Equal(cert.RawIssuer, issuer.RawSubject) {
		return false
	}
	if bits, ok := rsaBits(issuer); ok && bits < tooShort {
		return true
	}
	err := issuer.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature)
	_, insecure := errors.AsType[x509.InsecureAlgorithmError](err)
	return err == nil || insecure
}

// selfSigned reports whether cert vouches for itself.
func selfSigned(cert *x509.Certificate) bool { return signed(cert, cert) }

// nameOf returns how to speak of a subject or issuer.
func nameOf(commonName string, organization []string, whole string) string {
	const most = 80
	name := commonName
	if name == "" && len(organization) > 0 {
		name = organization[0]
	}
	name = cmp.Or(name, whole, "somebody without a name")
	if runes := []rune(name); len(runes) > most {
		name = string(runes[:most]) + "..."
	}
	return name
}

// subjectOf returns how to speak of whom cert is for.
func subjectOf(cert *x509.Certificate) string {
	return nameOf(cert.Subject.CommonName, cert.Subject.Organization, cert.Subject.String())
}

// issuerOf returns how to speak of who issued cert.
func issuerOf(cert *x509.Certificate) string {
	return nameOf(cert.Issuer.CommonName, cert.Issuer.Organization, cert.Issuer.String())
}
