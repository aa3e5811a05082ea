package main

import (
	"crypto/x509"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/netdiag/netdiag/probe"
)

// autoStartTLS stands for the protocol that a port's service has.
const autoStartTLS = "auto"

// startTLSWords lists the protocols that TLS can be asked for in.
func startTLSWords() string { return strings.Join(probe.StartTLSProtocols(), ", ") }

// startTLSPorts are the ports of services that begin without TLS and are asked for it.
func startTLSPorts() map[uint16]string {
	return map[uint16]string{
		21: "ftp", 25: "smtp", 587: "smtp", 2525: "smtp", 110: "pop3", 143: "imap", 389: "ldap", 3268: "ldap", 5432: "postgres",
	}
}

// talks reports whether something is said over open connections.
func (f *probeFlags) talks() bool {
	return f.tls || f.starttls != "" || f.banner || f.send != nil || f.expect != nil
}

// talk returns what is said over open connections; nil: nothing.
func (f *probeFlags) talk(list *probeList) (*probe.Talk, error) {
	if f.udp || !f.talks() {
		return nil, nil
	}
	t := &probe.Talk{Banner: f.banner, Send: f.send, Expect: f.expect, Timeout: f.timeout}
	if !f.tls && f.starttls == "" {
		return t, nil
	}
	t.TLS = &probe.TLS{Name: f.serverName, StartTLS: f.starttls, ALPN: f.alpn}
	if f.starttls == autoStartTLS {
		var err error
		if t.TLS.StartTLS, err = list.startTLS(); err != nil {
			return nil, err
		}
	}
	var err error
	t.TLS.Roots, err = loadRoots(f.ca)
	return t, err
}

// startTLS returns the protocol in which the ports of l are asked for TLS, which must be the same for all; "":
// they begin with it.
func (l *probeList) startTLS() (string, error) {
	if l.file != "" {
		return "", usagef("--starttls auto excludes --file: say which protocol it is")
	}
	known := startTLSPorts()
	var words []string
	for i := range l.expressions {
		for port := range l.expressions[i].ports.all() {
			if word := known[port]; !slices.Contains(words, word) {
				words = append(words, word)
			}
		}
	}
	if len(words) != 1 {
		return "", usagef("--starttls auto: the ports are of different protocols").hint("probe them in turn, or say which protocol it is")
	}
	return words[0], nil
}

// loadRoots returns the certificates in a file; nil, which stands for the system's, without one.
func loadRoots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("--ca: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, usagef("--ca %s: there is no certificate in it, which is text between BEGIN CERTIFICATE and END CERTIFICATE", file)
	}
	return pool, nil
}
