package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/netdiag/netdiag/resolve"
)

// errNotAsked is the error of a question that came back without a word.
var errNotAsked = errors.New("the question was not asked")

// ask puts all questions to the server at a place of the plan, by each of its addresses in turn until one
// lets itself be asked.
func (r *resolveRun) ask(ctx context.Context, place int, server *givenServer) {
	pending := r.plan.inquiries
	addrs, err := r.addrsOf(ctx, server)
	for i, addr := range addrs {
		var failed []*inquiry
		failed, err = r.askAt(ctx, place, server.at(addr), pending, i == len(addrs)-1)
		if pending = failed; err != nil || len(pending) == 0 {
			break
		}
	}
	if err == nil {
		err = errNotAsked
	}
	for _, q := range pending {
		r.replies <- replied{q, place, &response{server: server, err: err}}
	}
}

// at returns the server with its address.
func (s *givenServer) at(addr netip.Addr) *givenServer {
	at := *s
	at.Addr = netip.AddrPortFrom(addr, s.Addr.Port())
	return &at
}

// addrsOf returns the addresses of a server.
func (r *resolveRun) addrsOf(ctx context.Context, server *givenServer) ([]netip.Addr, error) {
	if !server.named() {
		return []netip.Addr{server.Addr.Addr()}, nil
	}
	family := resolve.AnyFamily
	if len(r.plan.types) > 0 {
		family = resolve.Family(r.plan.family)
	}
	found, err := r.here.Addrs(ctx, server.Host, family)
	if err != nil {
		return nil, err
	}
	if len(found.Addrs) == 0 {
		return nil, fmt.Errorf("the name of the server has no address: %s", found.Reason)
	}
	var addrs []netip.Addr
	for _, a := range found.Addrs {
		addrs = append(addrs, a.Addr)
	}
	return addrs, nil
}

// askAt puts questions to a server at one address, and returns those that it left without an answer, because of err
// or, unless it is the last address, because nobody answers there.
func (r *resolveRun) askAt(ctx context.Context, place int, server *givenServer, pending []*inquiry, last bool) (left []*inquiry, err error) {
	questions := make([]resolve.Question, len(pending))
	waiting := make(map[resolve.Question][]*inquiry) // several if the user repeats himself
	for i, q := range pending {
		questions[i] = q.question
		waiting[q.question] = append(waiting[q.question], q)
	}
	for x, e := range r.servers.Ask(ctx, []resolve.Server{server.Server}, questions) {
		if e != nil {
			err = e
			break
		}
		same := waiting[x.Question]
		if len(same) == 0 {
			continue
		}
		waiting[x.Question] = same[1:]
		if !last && (x.Status == resolve.Unreachable || x.Status == resolve.TimedOut) {
			left = append(left, same[0])
			continue
		}
		r.replies <- replied{same[0], place, &response{server: server, exchange: x}}
	}
	for _, q := range pending {
		if same := waiting[q.question]; len(same) > 0 && same[0] == q {
			waiting[q.question] = same[1:]
			left = append(left, q)
		}
	}
	return left, err
}
