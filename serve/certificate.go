package serve

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net/netip"
	"strings"
	"time"
)

// How long before and after now a certificate of SelfSigned is valid: for clients whose clock is somewhat off, and
// for as long as a test server could be of use.
const (
	validBefore = time.Hour
	validAfter  = 7 * 24 * time.Hour
)

// SelfSigned makes a certificate for the given DNS names and addresses (the zone of an address is left out), valid
// from an hour before now for a week, with a new ECDSA key on P-256 that signs it. The fingerprint is
// the SHA-256 of the certificate as programs show it: pairs of hexadecimal digits with colons.
func SelfSigned(now time.Time, names []string, addrs []netip.Addr) (cert tls.Certificate, fingerprint string, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, "", fmt.Errorf("serve: making a key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)) // positive, 20 bytes at most (RFC 5280 section 4.1.2.2)
	if err != nil {
		return tls.Certificate{}, "", fmt.Errorf("serve: making a serial number: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "netdiag serve"},
		NotBefore:    now.Add(-validBefore),
		NotAfter:     now.Add(validAfter),
		DNSNames:     names,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},

		BasicConstraintsValid: true,
	}
	for _, a := range addrs {
		template.IPAddresses = append(template.IPAddresses, a.Unmap().AsSlice())
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, "", fmt.Errorf("serve: making a certificate: %w", err)
	}
	sum := sha256.Sum256(der)
	fingerprint = strings.ReplaceAll(fmt.Sprintf("% X", sum[:]), " ", ":")
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, fingerprint, nil
}
