package probe

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"
)

// judged is when the certificates of the tests are looked at.
var judged = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// holder is a certificate with its key.
type holder struct {
	*x509.Certificate
	key crypto.Signer
}

// edit changes a certificate before it is signed, and its key if it returns one.
type edit func(*x509.Certificate) crypto.Signer

// valid has a certificate valid between times that are counted from judged.
func valid(from, until time.Duration) edit {
	return func(c *x509.Certificate) crypto.Signer {
		c.NotBefore, c.NotAfter = judged.Add(from), judged.Add(until)
		return nil
	}
}

// names has a certificate for names.
func names(names ...string) edit {
	return func(c *x509.Certificate) crypto.Signer {
		c.DNSNames = names
		return nil
	}
}

// with changes a certificate as f does.
func with(f func(*x509.Certificate)) edit {
	return func(c *x509.Certificate) crypto.Signer {
		f(c)
		return nil
	}
}

// keyed has a certificate for a key.
func keyed(key crypto.Signer) edit { return func(*x509.Certificate) crypto.Signer { return key } }

// issue returns a certificate that by signs, and itself if by is nil: an authority's, if ca.
func issue(t testing.TB, by *holder, name string, ca bool, edits ...edit) *holder {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(0x234abcd),
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             judged.Add(-30 * day),
		NotAfter:              judged.Add(60*day + time.Hour),
		BasicConstraintsValid: true,
		IsCA:                  ca,
	}
	if ca {
		template.KeyUsage = x509.KeyUsageCertSign
		template.NotBefore, template.NotAfter = judged.Add(-1000*day), judged.Add(1000*day)
	} else {
		template.DNSNames = []string{name}
	}
	var key crypto.Signer
	for _, e := range edits {
		if k := e(template); k != nil {
			key = k
		}
	}
	if key == nil {
		var err error
		if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	parent, signer := template, key
	if by != nil {
		parent, signer = by.Certificate, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &holder{cert, key}
}

// shortKey returns an RSA key of a size that crypto/rsa makes only if asked to.
func shortKey(t testing.TB, bits int) crypto.Signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// pool returns the certificates of holders.
func pool(holders ...*holder) *x509.CertPool {
	p := x509.NewCertPool()
	for _, h := range holders {
		p.AddCert(h.Certificate)
	}
	return p
}

// chain returns the certificates of holders, in order.
func chain(holders ...*holder) []*x509.Certificate {
	var certs []*x509.Certificate
	for _, h := range holders {
		certs = append(certs, h.Certificate)
	}
	return certs
}

// served returns what a server with a chain is configured by.
func served(holders ...*holder) *tls.Config {
	own := tls.Certificate{PrivateKey: holders[0].key}
	for _, h := range holders {
		own.Certificate = append(own.Certificate, h.Raw)
	}
	return &tls.Config{Certificates: []tls.Certificate{own}}
}
