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

// secure reports whether TLS is spoken over open connections.
func (f *probeFlags) secure() bool { return f.tls || f.starttls != "" }

// insists reports whether a port is waited for that is open and talks as it should, which takes more than probe.UntilOpen.
func (f *probeFlags) insists() bool { return f.wait > 0 && f.talks() }

// talks reports whether something is said over open connections.
func (f *probeFlags) talks() bool {
	return f.tls || f.starttls != "" || f.banner || f.send != nil || f.expect != nil
}

// talk returns what is said over open connections, but for the protocol of --starttls auto; nil: nothing.
func (f *probeFlags) talk() (*probe.Talk, error) {
	if f.udp || !f.talks() {
		return nil, nil
	}
	t := &probe.Talk{Banner: f.banner, Send: f.send, Expect: f.expect, Timeout: f.timeout}
	if !f.secure() {
		return t, nil
	}
	t.TLS = &probe.TLS{Name: f.serverName, StartTLS: f.starttls, ALPN: f.alpn}
	var err error
	t.TLS.Roots, err = loadRoots(f.ca)
	return t, err
}

// probePass is a part of a run: the ports over which the same is said.
type probePass struct {
	list *probeList
	talk *probe.Talk // nil: nothing
}

// passes returns the parts of a run, one after the other: several where --starttls auto has ports of several protocols.
func (f *probeFlags) passes(l *probeList) ([]probePass, error) {
	talk, err := f.talk()
	if err != nil || f.starttls != autoStartTLS {
		return []probePass{{l, talk}}, err
	}
	if l.file != "" {
		return nil, usagef("--starttls auto excludes --file: say which protocol it is")
	}
	words := l.startTLS()
	if len(words) > 1 && (f.count == 0 || f.deadline > 0 || f.until() != probe.UntilCount) {
		return nil, usagef("--starttls auto has ports of several protocols, which are probed one after the other: without -c 0, -w and --wait")
	}
	var passes []probePass
	for _, word := range words {
		t, tls := *talk, *talk.TLS
		t.TLS, tls.StartTLS = &tls, word
		passes = append(passes, probePass{l.speaking(word), &t})
	}
	return passes, nil
}

// startTLS returns the protocols in which the ports of l are asked for TLS, in their order; "" is that of those that begin
// with it.
func (l *probeList) startTLS() (words []string) {
	for i := range l.expressions {
		for port := range l.expressions[i].ports.all() {
			if word := probe.StartTLSFor(port); !slices.Contains(words, word) {
				words = append(words, word)
			}
		}
	}
	return words
}

// speaking returns l with only those ports that are asked for TLS in the given protocol.
func (l *probeList) speaking(word string) *probeList {
	some := &probeList{parser: l.parser}
	for _, e := range l.expressions {
		var ports portList
		var seen portSet
		for port := range e.ports.all() {
			if probe.StartTLSFor(port) == word {
				ports = appendUnseen(ports, portRange{port, port}, &seen)
			}
		}
		if e.ports = ports; len(ports) > 0 {
			some.expressions = append(some.expressions, e)
		}
	}
	return some
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
