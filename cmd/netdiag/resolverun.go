package main

import (
	"cmp"
	"context"
	"iter"
	"sync"
	"time"

	"github.com/netdiag/netdiag/resolve"
)

// thisMachine is how this machine finds names and addresses. *resolve.System does it.
type thisMachine interface {
	systemNames
	// Beside is what DNS says of a name whatever the hosts file has; nil for names that DNS is not to be asked for.
	Beside(ctx context.Context, name string, family resolve.Family) (*resolve.Found, error)
}

// asker asks name servers, each all questions, and yields what comes of it as it comes. *resolve.Client does it.
type asker interface {
	Ask(ctx context.Context, servers []resolve.Server, questions []resolve.Question) iter.Seq2[*resolve.Exchange, error]
}

const (
	// besideLimit is how long it may take what DNS says beside the hosts file.
	besideLimit = time.Second
	// resolvesAtOnce is how many inquiries to this machine are under way at the same time.
	resolvesAtOnce = 32
)

// resolveView shows a run. Its methods return the first error of writing.
type resolveView interface {
	start() error
	reply(q *inquiry, r *response) error // as soon as it is known
	settled(q *inquiry) error            // all its replies are known; in the order of the plan
}

// replied is a reply that came, and where it belongs.
type replied struct {
	*inquiry
	place int // of the server
	reply *response
}

// resolveRun does what is planned and hands it to a view.
type resolveRun struct {
	outcome
	plan    *resolvePlan
	here    thisMachine
	servers asker
	remarks *resolveRemarks
	view    resolveView
	replies chan replied
	said    map[string]bool // remarks on standard error, each once
}

// run does all of it, and returns the exit status. A write that fails ends it by stop.
func (r *resolveRun) run(ctx context.Context, stop func()) (status, error) {
	r.note(r.view.start())
	r.tell(r.remarks.begin())
	go func() {
		defer close(r.replies)
		r.find(ctx)
	}()
	next := 0 // the first inquiry that is not settled
	for {
		var got replied
		more := true
		select {
		case got, more = <-r.replies:
		default:
			r.note(r.flush()) // nothing stays behind in a wait
			got, more = <-r.replies
		}
		if !more {
			break
		}
		r.take(got)
		for next < len(r.plan.inquiries) && r.plan.inquiries[next].missing == 0 {
			r.settle(r.plan.inquiries[next])
			next++
		}
		if r.broken != nil {
			stop()
		}
	}
	r.note(r.flush())
	return r.status, r.broken
}

// take keeps a reply.
func (r *resolveRun) take(got replied) {
	q := got.inquiry
	q.put(got.place, got.reply)
	v, _ := got.reply.verdict()
	r.status = worst(r.status, statusOf(v))
	r.note(r.view.reply(q, got.reply))
}

// settle shows an inquiry all of whose replies have come, and what is remarkable about it.
func (r *resolveRun) settle(q *inquiry) {
	r.note(r.view.settled(q))
	answered := true
	for _, reply := range q.replies {
		r.tell(r.remarks.about(q, reply))
		if v, _ := reply.verdict(); v != resolve.VerdictAnswer {
			answered = false
		}
		if reply.err != nil {
			r.hint(reply.err)
		}
	}
	r.tell(r.remarks.together(q))
	if !answered && q.name.doubt != "" && !r.hinted[q.name.doubt] {
		r.hinted[q.name.doubt] = true
		r.diag.hint(q.name.doubt)
	}
}

// tell writes to standard error those of the remarks that belong there, and have not been made.
func (r *resolveRun) tell(all []remark) {
	for _, m := range all {
		key := cmp.Or(m.once, m.text)
		if !m.aloud || r.said[key] {
			continue
		}
		r.said[key] = true
		r.note(r.flush())
		r.diag.warn("%s", m.text)
		if m.hint != "" && !r.hinted[m.hint] {
			r.hinted[m.hint] = true
			r.diag.hint(m.hint)
		}
	}
}

// find finds everything out.
func (r *resolveRun) find(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	for place, server := range r.plan.servers {
		all.Go(func() { r.ask(ctx, place, server) })
	}
	if len(r.plan.servers) > 0 {
		return
	}
	slots := make(chan struct{}, resolvesAtOnce)
	for _, q := range r.plan.inquiries {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			r.replies <- replied{q, 0, r.ofMachine(ctx, q)}
		})
	}
}

// ofMachine finds out what this machine, or its name servers, say.
func (r *resolveRun) ofMachine(ctx context.Context, q *inquiry) *response {
	p := new(response)
	family := resolve.Family(r.plan.family)
	switch {
	case !q.ofMachine():
		if p.lookup, p.err = r.here.Query(ctx, q.question); p.err == nil {
			p.exchange = p.lookup.Final
		}
	case q.name.addr.IsValid():
		p.found, p.err = r.here.Names(ctx, q.name.addr)
	default:
		p.found, p.err = r.here.Addrs(ctx, q.name.host, family)
	}
	if p.err != nil {
		return &response{err: p.err}
	}
	if p.found == nil {
		return p
	}
	if len(p.found.Addrs) == 0 || p.found.Addrs[0].Origin.Source == "dns" {
		p.exchange = decidedInDNS(p.found)
	}
	if fromHosts(p.found) {
		limited, cancel := context.WithTimeout(ctx, besideLimit)
		defer cancel()
		if beside, err := r.here.Beside(limited, q.name.host, family); err == nil {
			p.beside = beside
		}
	}
	return p
}

// fromHosts reports whether the hosts file gave addresses of f.
func fromHosts(f *resolve.Found) bool {
	return !f.Addr.IsValid() && len(f.Addrs) > 0 && f.Addrs[0].Origin.Source == "files"
}
