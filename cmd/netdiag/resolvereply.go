package main

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/netdiag/netdiag/resolve"
)

// response is what came of an inquiry, with one server or with this machine.
type response struct {
	server   *givenServer      // nil: those of this machine
	found    *resolve.Found    // this machine's answer; nil: none
	beside   *resolve.Found    // what DNS says to the same, where that was asked; nil: not known
	lookup   *resolve.Lookup   // of this machine's servers; nil: none
	exchange *resolve.Exchange // that decided; nil: none
	err      error             // why nothing could be found out; nil if something was
}

// verdict returns what r came to, and why in words, which may hold text from the network.
func (r *response) verdict() (resolve.Verdict, string) {
	switch {
	case errors.Is(r.err, context.Canceled):
		return resolve.VerdictError, "interrupted"
	case r.err != nil:
		return resolve.VerdictError, r.err.Error()
	case r.found != nil:
		return r.found.Verdict, r.found.Reason
	case r.lookup != nil:
		return r.lookup.Verdict, r.lookup.Reason
	}
	return r.exchange.Verdict()
}

// message returns the answer of a server that decided, or nil.
func (r *response) message() *resolve.Message {
	if r.exchange == nil {
		return nil
	}
	return r.exchange.Message
}

// by names the server that decided, or the one that was to; "" if none was.
func (r *response) by() string {
	switch {
	case r.exchange != nil && (r.server == nil || !r.server.named()):
		return r.exchange.Server.String()
	case r.server != nil:
		return r.server.text
	}
	return ""
}

// tried returns every exchange with a server of this machine that was made on the way.
func (r *response) tried() []*resolve.Exchange {
	switch {
	case r.lookup != nil:
		return r.lookup.Exchanges
	case r.found == nil:
		return nil
	}
	var all []*resolve.Exchange
	for _, step := range r.found.Steps {
		for _, l := range step.Lookups {
			all = append(all, l.Exchanges...)
		}
	}
	return all
}

// statusOf is the exit status that a verdict asks for.
func statusOf(v resolve.Verdict) status {
	switch v {
	case resolve.VerdictAnswer:
		return yes
	case resolve.VerdictNoData, resolve.VerdictNXDomain, resolve.VerdictBogus:
		return no
	}
	return unable
}

// relative returns a name without the dot at its end, as it stands in a sentence. It is not made harmless.
func relative(name string) string {
	if name == "." || strings.HasSuffix(name, `\.`) {
		return name
	}
	return strings.TrimSuffix(name, ".")
}

// withName returns what is said of an inquiry with what it is about in front, if it does not say so itself.
func withName(q *inquiry, reason string) string {
	said := func(word string) bool {
		word = strings.TrimRight(word, ".,:;")
		return strings.EqualFold(word, relative(q.name.text)) || !q.ofMachine() && strings.EqualFold(word, relative(q.question.Name))
	}
	switch {
	case slices.ContainsFunc(strings.Fields(reason), said):
		return reason
	case q.ofMachine():
		return q.name.text + ": " + reason
	}
	return q.name.text + " " + q.question.Type.String() + ": " + reason
}

// decidedInDNS returns the exchange that decided what f came to, nil if DNS did not. A name may have been looked up
// below several domains, and it need not be the last that counts.
func decidedInDNS(f *resolve.Found) *resolve.Exchange {
	for _, step := range f.Steps {
		if step.Decided != nil {
			return step.Decided
		}
	}
	for _, step := range f.Steps {
		for _, l := range step.Lookups {
			if l.Final != nil && l.Verdict == f.Verdict {
				return l.Final
			}
		}
	}
	return nil
}

// worstReply returns the first of the replies to q whose verdict is the worst, by which the exit status is.
func worstReply(q *inquiry) *response {
	return slices.MaxFunc(q.replies, func(a, b *response) int {
		va, _ := a.verdict()
		vb, _ := b.verdict()
		return cmp.Compare(va, vb) // of verdicts the worse are the greater
	})
}
