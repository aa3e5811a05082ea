package main

import (
	"strconv"
	"strings"

	"github.com/netdiag/netdiag/probe"
)

// matched reports whether --expect was found in what a port said; nil: nothing is expected, or it is not open.
func (f *probeFlags) matched(e *probe.Event) *bool {
	switch {
	case f.expect == nil || e.State != probe.Open:
		return nil
	case e.UDP:
		return new(f.expect.Match(e.Answer))
	}
	return new(e.Said != nil && e.Said.Matched)
}

// verdict is the exit status that a result asks for.
func (f *probeFlags) verdict(r *probeResult) status {
	switch r.State {
	case probe.Open:
		return f.talkVerdict(r)
	case probe.Failed:
		return unable
	}
	return no
}

// talkVerdict is the exit status that what was said over an open connection asks for.
func (f *probeFlags) talkVerdict(r *probeResult) status {
	if f.complaint(r) != "" {
		return no
	}
	return yes
}

// complaint says what is wrong with what was said over an open connection; "": nothing, or it is not open.
func (f *probeFlags) complaint(r *probeResult) string {
	said := r.Said
	switch {
	case r.State != probe.Open || !f.talks():
		return ""
	case said != nil && said.Err != nil:
		return talkError(said.Err)
	case f.secure() && (said == nil || said.TLS == nil):
		return "there was no TLS handshake"
	case f.secure() && !said.TLS.Verified:
		return "the certificate is not verified: " + strings.Join(said.TLS.Problems, "; ")
	case r.matched != nil && !*r.matched:
		return "no match for " + f.expect.String()
	case !f.udp && said == nil:
		return "nothing could be said"
	}
	return ""
}

// reached reports whether what a target came to last is what was waited for.
func (f *probeFlags) reached(t *probeTarget) bool {
	switch f.until() {
	case probe.UntilOpen:
		return t.last == probe.Open && t.complaint == ""
	case probe.UntilClosed:
		return t.last == probe.Closed
	}
	return true
}

// joinPorts lists ports.
func joinPorts(ports []uint16) string {
	words := make([]string, len(ports))
	for i, p := range ports {
		words[i] = portText(p)
	}
	return strings.Join(words, ", ")
}

// portText returns a port as it is written.
func portText(port uint16) string { return strconv.FormatUint(uint64(port), 10) }
