package resolve

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"
)

// Exchange asks a server a question. The error is about the arguments, or ctx's; everything that the
// network and the server do is in the Exchange, which is never nil without an error.
//
// A server that is asked by UDP is asked by TCP where its answer is truncated, and where it ends in the
// middle of a record; if that fails a truncated answer is returned as far as it goes, with a note.
// A zone transfer (AXFR, IXFR) goes by TCP where the server is given as one of UDP. It may have 1,000,000
// records and 256 MiB; each of its messages may take as long as another answer, and all of them a hundred
// times that.
func (c *Client) Exchange(ctx context.Context, s Server, q Question) (*Exchange, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	q = q.normal()
	s, err := s.normal()
	if err != nil {
		return nil, err
	}
	if c.Source.IsValid() && c.Source.Unmap().Is4() != s.Addr.Addr().Is4() {
		return nil, fmt.Errorf("resolve: server %v cannot be asked from %v", s, c.Source)
	}
	if q.transfers() && s.Transport > TLS {
		return nil, fmt.Errorf("resolve: zone transfers go by tcp and tls, not by %v", s.Transport)
	}
	a := &asking{client: c, server: s, question: q, out: &Exchange{Server: s, Question: q, Via: s.Transport}}
	if _, err := appendName(nil, q.Name); err != nil {
		return nil, fmt.Errorf("resolve: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	a.course = newCourse(c.Options, transports(s.Transport), c.cookie(s))
	a.out.Sent = time.Now()
	switch {
	case q.transfers():
		err = a.transfer(ctx)
	case s.Transport == UDP:
		err = a.byUDP(ctx)
	default:
		err = a.byConnection(ctx, s)
	}
	if err != nil {
		return nil, err
	}
	return a.finish(), nil
}

// transfers reports whether q asks for a zone transfer.
func (q Question) transfers() bool { return q.Type == TypeAXFR || q.Type == TypeIXFR }

// normal returns s as it is asked, or why it cannot be.
func (s Server) normal() (Server, error) {
	if s.Transport > QUIC {
		return s, fmt.Errorf("resolve: server %v: no such transport", s)
	}
	addr, port := s.Addr.Addr().Unmap(), s.Addr.Port()
	if !addr.IsValid() {
		return s, fmt.Errorf("resolve: server %v: its address is not known", s)
	}
	if port == 0 {
		port = transports(s.Transport).port
	}
	s.Addr = netip.AddrPortFrom(addr, port)
	return s, nil
}

// cookie returns what the server is told for a cookie.
func (c *Client) cookie(s Server) cookie {
	if c.Options.NoCookie || c.Options.NoEDNS {
		return cookie{}
	}
	return c.kept().cookies.find(s.Addr.Addr())
}

// asking is one exchange under way.
type asking struct {
	course
	client   *Client
	server   Server
	question Question
	out      *Exchange
	silences int // queries that had no answer in time
}

// finish completes the exchange.
func (a *asking) finish() *Exchange {
	out := a.out
	out.Elapsed = time.Since(out.Sent)
	out.Notes = a.notes
	if out.Status != Answered {
		out.Message = nil
	} else if a.silences > 0 {
		a.note(NoteRetried, "%s had no answer in time", plural(a.silences, "query", "queries"))
	}
	if n := out.Ignored.Total(); n > 0 {
		a.note(NoteIgnored, "%s no answer to this question: %s", plural(n, "message was", "messages were"), out.Ignored)
	}
	out.Notes = a.notes
	return out
}

// String names what was counted.
func (i Ignored) String() string {
	var all []string
	for _, c := range []struct {
		n    int
		what string
	}{
		{i.Garbage, "no DNS message"},
		{i.ID, "another identifier"},
		{i.Question, "another question"},
		{i.Query, "no response"},
		{i.Cookie, "another client cookie"},
	} {
		if c.n > 0 {
			all = append(all, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	return strings.Join(all, ", ")
}

// plural returns a number with its noun.
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// fail ends the exchange with an error of a socket or a connection.
func (a *asking) fail(err error) { a.out.Status, a.out.Err = classify(err) }

// take ends the exchange with its answer.
func (a *asking) take(m *Message, trailing int, rtt time.Duration) {
	a.out.Status, a.out.Err, a.out.Message, a.out.RTT = Answered, nil, m, rtt
	if trailing > 0 {
		a.note(NoteTrailing, "%s behind the message", plural(trailing, "byte stands", "bytes stand"))
	}
}

// learn keeps the server's cookie for the next question.
func (a *asking) learn(q *query, m *Message) {
	if q.cookie != nil && m.EDNS != nil && m.EDNS.Server != nil {
		a.client.kept().cookies.learn(a.server.Addr.Addr(), q.cookie, m.EDNS.Server)
	}
}

// byUDP asks by UDP, and by TCP for what UDP cannot carry.
func (a *asking) byUDP(ctx context.Context) error {
	cut, err := a.datagrams(ctx)
	if err != nil || cut == nil {
		return err
	}
	if cut.message.Truncated {
		a.note(NoteTruncated, "the answer by UDP is truncated, and was asked for by TCP")
	} else if cut.broken != nil {
		a.note(NoteTruncated, "the answer by UDP cannot be read (%v), and was asked for by TCP", cut.broken)
	}
	s := a.server
	s.Transport = TCP
	if err := a.byConnection(ctx, s); err != nil || a.out.Status == Answered {
		return err
	}
	a.out.Via = UDP
	if cut.broken != nil && !cut.message.Truncated {
		a.note(NoteTruncated, "TCP failed, too: %v", a.out.Err)
		a.out.Status, a.out.Err = Malformed, cut.broken
		return nil
	}
	a.note(NoteTruncated, "TCP failed (%v): this is the answer by UDP, as far as it goes", a.out.Err)
	a.take(cut.message, cut.trailing, cut.at.Sub(cut.to.sent))
	return nil
}

// datagrams asks by UDP. It returns the answer that must be asked for again by TCP; without one the
// exchange is at its end, unless there is an error.
func (a *asking) datagrams(ctx context.Context) (*arrival, error) {
	f := flight{client: a.client}
	defer func() { a.out.Ignored.add(f.close()) }()
	var until time.Time
	for send := true; ; {
		if send {
			if err := a.send(ctx, &f); err != nil {
				return nil, a.failed(ctx, err)
			}
			until = time.Now().Add(a.client.timeout())
		}
		got := f.wait(ctx, until)
		switch {
		case got.err == nil:
			f.forget(got.to)
			next := a.received(&got)
			if next == byTCP {
				return &got, nil
			} else if next == finish {
				a.take(got.message, got.trailing, got.at.Sub(got.to.sent))
				return nil, nil
			}
			send = next == again
		case ctx.Err() == nil && errors.Is(got.err, os.ErrDeadlineExceeded):
			if a.silences++; a.silences == a.client.tries() {
				a.out.Status = TimedOut
				a.out.Err = fmt.Errorf("no answer to %s in %v", plural(a.out.Tries, "query", "queries"), a.client.patience())
				return nil, nil
			}
			a.silent(a.client.tries() - a.silences - 1)
			send = true
		default:
			return nil, a.failed(ctx, got.err)
		}
	}
}

// send sends the next query by UDP.
func (a *asking) send(ctx context.Context, f *flight) error {
	q, err := pack(a.question, a.form)
	if err != nil {
		return err
	}
	a.out.Tries++
	return f.send(ctx, a.server, q)
}

// failed ends the exchange with an error, unless it comes from ctx.
func (a *asking) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	a.fail(err)
	return nil
}

// received says what to do after an answer by UDP.
func (a *asking) received(got *arrival) step {
	q, m := got.to.query, got.message
	if got.broken != nil {
		return byTCP
	}
	a.learn(q, m)
	next := a.answered(q, m)
	if m.Size > q.udpSize && next == finish {
		a.note(NoteOverLarge, "the answer has %d bytes; %d were asked for at most", m.Size, q.udpSize)
	}
	return next
}

// byConnection asks over a connection, and again as long as the course says so.
func (a *asking) byConnection(ctx context.Context, s Server) error {
	a.stream = true
	a.out.Via = s.Transport
	for {
		q, err := pack(a.question, a.form)
		if err != nil {
			return a.failed(ctx, err)
		}
		b, sent, err := a.carried(ctx, s, q)
		at := time.Now()
		if err != nil {
			return a.failed(ctx, err)
		}
		m, trailing, err := unpack(b)
		why := q.judge(b)
		if why == accepted {
			why = q.checkCookie(m)
		}
		if why != accepted {
			a.out.Ignored.count(why)
			err = errForeign
		}
		if err != nil {
			a.fail(err)
			return nil
		}
		a.learn(q, m)
		if a.answered(q, m) == again {
			continue
		}
		a.take(m, trailing, at.Sub(sent))
		return nil
	}
}

// errForeign is the error of a connection that has but messages that are not for us.
var errForeign = &malformedError{"what came over the connection is no answer to this question"}

// counting is a carrier that tells what it ignored while it waited for an answer.
type counting interface {
	askCounting(ctx context.Context, query []byte, ignored *Ignored) ([]byte, error)
}

// mostReplaced is how many connections that break are replaced for one query.
const mostReplaced = 100

// carried asks over the connection that is kept for the server, and returns with the answer the time of the
// query, or of the connection if that was made for it. A connection that has carried an answer and breaks is replaced: the
// server may have closed it for want of use, or closes after each answer (RFC 7766 section 6.2.4).
func (a *asking) carried(ctx context.Context, s Server, q *query) ([]byte, time.Time, error) {
	for replaced := 0; ; replaced++ {
		sent := time.Now()
		e, fresh, err := a.client.acquire(ctx, s)
		if err != nil {
			return nil, sent, err
		}
		a.out.Tries++
		b, err := a.over(ctx, e.carrier, q)
		if err != nil {
			e.drop()
		} else {
			e.served.Store(true)
		}
		e.release()
		if err == nil || fresh && !e.answered() || replaced == mostReplaced || ctx.Err() != nil || !broke(err) {
			return b, sent, err
		}
	}
}

// over asks over a connection, for as long as an answer may take.
func (a *asking) over(ctx context.Context, c carrier, q *query) ([]byte, error) {
	limited, cancel := context.WithTimeout(ctx, a.client.patience())
	defer cancel()
	var b []byte
	var err error
	before := a.out.Ignored.Total()
	if counter, ok := c.(counting); ok {
		b, err = counter.askCounting(limited, q.bytes, &a.out.Ignored)
	} else {
		b, err = c.ask(limited, q.bytes)
	}
	switch {
	case err == nil || limited.Err() == nil:
		return b, err
	case a.out.Ignored.Total() > before:
		return nil, errForeign
	}
	return nil, &silentError{fmt.Sprintf("no answer in %v", a.client.patience())}
}

// broke reports whether an error is that of a connection, not of the wait for an answer or of its contents.
func broke(err error) bool {
	if errors.Is(err, errUnasked) { // which came before this query was there
		return true
	}
	_, malformed := errors.AsType[*malformedError](err)
	return !malformed && !errors.Is(err, context.DeadlineExceeded) // as all errors of time are
}
