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
	switch said := r.Said; {
	case r.matched != nil && !*r.matched:
		return no
	case f.udp || !f.talks():
		return yes
	case said == nil || said.Err != nil:
		return no
	case f.tls || f.starttls != "":
		if said.TLS == nil || !said.TLS.Verified {
			return no
		}
	}
	return yes
}

// reached reports whether the last state of a target is what was waited for.
func (f *probeFlags) reached(last probe.State) bool {
	switch f.until() {
	case probe.UntilOpen:
		return last == probe.Open
	case probe.UntilClosed:
		return last == probe.Closed
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
