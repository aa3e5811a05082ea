package dnslab

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"embed"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"strings"
	"text/template"
	"time"
)

//go:embed testdata
var testdata embed.FS

// writeFiles writes every file of testdata into s.Dir, with s filled in.
func (s *Servers) writeFiles() error {
	files, err := template.New("").Funcs(template.FuncMap{
		"repeat": strings.Repeat,
		"next":   func(i int) int { return i + 1 },
	}).ParseFS(testdata, "testdata/*")
	if err != nil {
		return fmt.Errorf("dnslab: %w", err)
	}
	for _, f := range files.Templates() {
		if err := s.writeFile(f); err != nil {
			return fmt.Errorf("dnslab: %s: %w", f.Name(), err)
		}
	}
	return nil
}

// writeFile writes one file.
func (s *Servers) writeFile(t *template.Template) error {
	f, err := os.Create(s.path(t.Name()))
	if err != nil {
		return err
	}
	return errors.Join(t.Execute(f, s), f.Close())
}

// certify makes an authority, which becomes s.Roots, and a certificate of it for the servers.
func (s *Servers) certify() error {
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "dnslab"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: CertificateName}, DNSNames: []string{CertificateName},
		NotBefore: root.NotBefore, NotAfter: root.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, h := range []Host{s.Recursor, s.Named} {
		leaf.IPAddresses = append(leaf.IPAddresses, net.IP(h.V4.AsSlice()), net.IP(h.V6.AsSlice()))
	}
	leafKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	rootDER, err := x509.CreateCertificate(rand.Reader, root, root, rootKey.Public(), rootKey)
	if err != nil {
		return err
	}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, root, leafKey.Public(), rootKey)
	if err != nil {
		return err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(leafKey)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name, kind string
		der        []byte
	}{{"ca.pem", "CERTIFICATE", rootDER}, {"server.pem", "CERTIFICATE", leafDER}, {"server.key", "PRIVATE KEY", keyDER}} {
		text := pem.EncodeToMemory(&pem.Block{Type: f.kind, Bytes: f.der})
		if err := os.WriteFile(s.path(f.name), text, 0o600); err != nil {
			return err
		}
	}
	return s.readRoots()
}
