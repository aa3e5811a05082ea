package resolve

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// asker asks a server a question; Client.Exchange, but for tests.
type asker func(ctx context.Context, c *Client, s Server, q Question) (*Exchange, error)

// code is what the C library makes of the answers for a name (h_errno of netdb.h).
type code uint8

// The codes.
const (
	codeFound    code = iota // some question has records, be they only a CNAME
	codeNotFound             // HOST_NOT_FOUND: the name does not exist
	codeNoData               // NO_DATA: it has no such records
	codeTryAgain             // TRY_AGAIN: no server gave an answer that counts
	codeNever                // NO_RECOVERY: an answer that means neither, or a name that cannot be asked for
)

// outcome is what asking the servers for one name came to.
type outcome struct {
	lookups   []Lookup // one for each question
	code      code
	unreached bool // no server answered or let a timeout pass: all refused, or cannot be reached
	servFail  bool // the last answer, of those that do not count, was SERVFAIL
}

// stub asks name servers as the C library does (res_send), for one call of getaddrinfo(3).
type stub struct {
	ask    asker
	client *Client
	conf   ResolvConf
	race   bool
	plain  bool       // without EDNS, as the C library asks unless resolv.conf has the option edns0
	turn   func() int // the server that a query starts with, with the option rotate
	// In the last of several attempts a server that has been mute so far is asked without EDNS, as some servers and
	// firewalls drop what they do not know; but not by the C library, nor where lookups are as its are.
	lenient bool
	last    bool
	heard   []bool // by server
	// mode says how two questions are asked. A server that answers one of two makes the stub more careful, and it
	// stays so.
	mode mode
}

// mode is how a server is asked two questions.
type mode uint8

const (
	together mode = iota
	oneByOne      // the second when the first is answered
	reopened      // and from another socket
)

// lookup asks for records of one name: A and AAAA at the same time if both are wanted.
func (st *stub) lookup(ctx context.Context, name string, types []Type) (outcome, error) {
	var o outcome
	var qs []Question
	for _, t := range types {
		q := Question{Name: name, Type: t}.normal()
		if t == TypeAAAA && st.conf.Options.NoAAAA {
			if len(types) == 1 {
				o.code = codeNoData
				o.lookups = []Lookup{{Question: q, Verdict: VerdictNoData,
					Reason: "not asked: resolv.conf has the option no-aaaa"}}
				return o, nil
			}
			continue
		}
		qs = append(qs, q)
	}
	if _, err := appendName(nil, absolute(name)); err != nil {
		for _, q := range qs {
			o.lookups = append(o.lookups, Lookup{Question: q, Verdict: VerdictError, Reason: err.Error()})
		}
		o.code = codeNever
		return o, nil
	}
	return st.query(ctx, qs)
}

// query asks servers until one gives an answer that counts.
func (st *stub) query(ctx context.Context, qs []Question) (outcome, error) {
	o := outcome{code: codeTryAgain, unreached: true, lookups: make([]Lookup, len(qs))}
	for i, q := range qs {
		o.lookups[i] = Lookup{Question: q, Verdict: VerdictError, Reason: "no name server was asked"}
	}
	if st.race {
		return st.runRace(ctx, o)
	}
	servers, attempts, offset := st.conf.Servers, st.conf.Options.Attempts, 0
	if st.conf.Options.UseVC {
		attempts = min(attempts, 1) // over TCP each server is tried once
	}
	if st.conf.Options.Rotate && len(servers) > 1 {
		offset = st.turn() % len(servers)
	}
	st.heard = make([]bool, len(servers))
	for attempt := range attempts {
		st.last = attempt > 0 && attempt == attempts-1
		for i := range servers {
			done, err := st.server(ctx, &o, (i+offset)%len(servers))
			if err != nil || done {
				return o, err
			}
		}
	}
	o.giveUp()
	return o, nil
}

// patience is how long the server with an index is waited for: the later ones longer, but the less the more of them
// there are. It is no longer in further attempts. The C library counts in whole seconds, one at least, and so is done
// here where the timeout is of whole seconds, as resolv.conf has it.
func (st *stub) patience(index int) time.Duration {
	wait := st.conf.Options.Timeout << index
	if index > 0 {
		wait /= time.Duration(len(st.conf.Servers))
	}
	if st.conf.Options.Timeout%time.Second == 0 {
		wait = max(time.Second, wait.Truncate(time.Second))
	}
	return wait
}

// server asks one server, and reports whether what it says counts.
func (st *stub) server(ctx context.Context, o *outcome, index int) (done bool, err error) {
	for {
		xs, err := st.round(ctx, o.lookups, index)
		if err != nil {
			return false, err
		}
		st.heard[index] = st.heard[index] || slices.ContainsFunc(xs, func(x *Exchange) bool { return x != nil && x.Status != TimedOut })
		counts := o.add(xs, st.conf.Options.UseVC)
		switch {
		case counts.usable == 0 || counts.lost > 0:
			return false, nil
		case counts.silent == 0 || st.mode == reopened:
			o.settle(xs, st.conf.Options.UseVC)
			return true, nil
		}
		// One was answered and one was not: some servers cannot do with two questions at the same time.
		st.mode++
	}
}

// round asks one server all questions once, and returns what came of them; nil of one that was not asked.
func (st *stub) round(ctx context.Context, questions []Lookup, index int) ([]*Exchange, error) {
	limit := st.patience(index)
	xs := make([]*Exchange, len(questions))
	errs := make([]error, len(questions))
	if st.mode == together || len(questions) == 1 {
		var wg sync.WaitGroup
		for i, l := range questions {
			wg.Go(func() { xs[i], errs[i] = st.exchange(ctx, index, l.Question, limit, 1) })
		}
		wg.Wait()
		return xs, errors.Join(errs...)
	}
	start := time.Now()
	for i, l := range questions {
		left := limit - time.Since(start)
		if left <= 0 {
			break
		}
		if xs[i], errs[i] = st.exchange(ctx, index, l.Question, left, 1); errs[i] != nil {
			return nil, errs[i]
		}
		if xs[i].standing(st.conf.Options.UseVC) != usable {
			break
		}
	}
	return xs, nil
}

// exchange asks one server one question. A server that cannot be asked so, as it is of another family than the
// source address, is told as an exchange that this machine could not make.
func (st *stub) exchange(ctx context.Context, index int, q Question, limit time.Duration, tries int) (*Exchange, error) {
	server := Server{Addr: st.conf.Servers[index]}
	if st.conf.Options.UseVC {
		server.Transport = TCP
	}
	c := st.client.derive(limit, tries)
	if st.conf.Options.TrustAD {
		c.Options.AuthenticData = true
	}
	bare := st.lenient && st.last && !st.heard[index] && !c.Options.NoEDNS
	c.Options.NoEDNS = c.Options.NoEDNS || st.plain || bare
	x, err := st.ask(ctx, c, server, q)
	if err != nil && ctx.Err() == nil {
		return &Exchange{Server: server, Question: q, Via: server.Transport, Status: LocalError, Err: err}, nil
	}
	if bare && err == nil && x.Status == Answered {
		x.Notes = append(x.Notes, Note{NoteEDNSDropped, ednsDropped})
	}
	return x, err
}

// standing is what an exchange is worth to the C library.
type standing uint8

// The standings.
const (
	usable   standing = iota
	rejected          // an answer with which the next server is asked
	silent            // no answer in time
	lost              // it cannot be asked at all
)

// standing returns what x is worth. An answer over TCP counts whatever it says.
func (x *Exchange) standing(tcp bool) standing {
	switch {
	case x == nil || x.Status == TimedOut:
		return silent
	case x.Status != Answered || x.Message == nil:
		return lost
	case tcp:
		return usable
	}
	m := x.Message
	switch m.Rcode {
	case ServFail, NotImplemented, Refused:
		return rejected
	}
	// A server that neither knows the name nor looks it up for others.
	if m.Rcode == NoError && len(m.Answer) == 0 && !m.Authoritative && !m.RecursionAvailable && len(m.Additional) == 0 {
		return rejected
	}
	return usable
}

// counts are how many exchanges have a standing.
type counts struct{ usable, silent, lost int }

// add takes over the exchanges of one round.
func (o *outcome) add(xs []*Exchange, tcp bool) counts {
	var c counts
	for i, x := range xs {
		if x != nil {
			o.lookups[i].Exchanges = append(o.lookups[i].Exchanges, x)
		}
		standing := x.standing(tcp)
		switch standing {
		case usable:
			c.usable++
		case silent:
			c.silent++
		case lost:
			c.lost++
		}
		if standing != lost {
			o.unreached = false
		}
		if x != nil && x.Message != nil {
			o.servFail = x.Message.Rcode == ServFail
		}
	}
	return c
}

// settle makes answers the final ones: all of them, where one of them counts.
func (o *outcome) settle(xs []*Exchange, tcp bool) {
	var codes []code
	for i, x := range xs {
		if x != nil {
			o.lookups[i].decide(x)
		} else if last := o.lookups[i].Exchanges; len(last) > 0 {
			o.lookups[i].decide(last[len(last)-1])
		}
		if x.standing(tcp) == usable {
			codes = append(codes, codeOf(x.Message))
		}
	}
	o.code = codeNever
	for _, c := range codes {
		if c == codeFound {
			o.code = c
			return
		}
	}
	// Of two answers without records the first that is an error decides.
	o.code = codes[0]
	if len(codes) > 1 && codes[0] == codeNoData {
		o.code = codes[1]
	}
}

// giveUp makes the exchange that says most the final one of each question: an answer, else silence.
func (o *outcome) giveUp() {
	for i := range o.lookups {
		l := &o.lookups[i]
		var best *Exchange
		for _, x := range l.Exchanges {
			if best == nil || x.Message != nil || best.Message == nil && x.Status == TimedOut {
				best = x
			}
		}
		if best == nil {
			continue
		}
		l.decide(best)
		if asked := len(l.Exchanges); asked > 1 {
			l.Reason = fmt.Sprintf("%s; no answer that counts in %d tries", l.Reason, asked)
		}
	}
}

// decide makes x the exchange that decided.
func (l *Lookup) decide(x *Exchange) {
	l.Final = x
	l.Verdict, l.Reason = x.Verdict()
}

// codeOf returns what the C library makes of a message.
func codeOf(m *Message) code {
	switch m.Rcode {
	case NoError:
		if len(m.Answer) > 0 {
			return codeFound
		}
		return codeNoData
	case NXDomain:
		return codeNotFound
	case ServFail:
		return codeTryAgain
	}
	return codeNever
}
