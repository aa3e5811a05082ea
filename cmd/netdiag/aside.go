package main

import (
	"context"
	"net/netip"
	"sync"
	"time"
)

const (
	// asideWait is how long after an answer was asked for a line waits for it.
	asideWait = 500 * time.Millisecond
	// asideLimit ends a lookup; what it finds until then is of use for later lines.
	asideLimit = 5 * time.Second
	// asideAtOnce is how many lookups are under way at the same time.
	asideAtOnce = 32
)

// aside looks up something about addresses without having anybody wait for it for long: ask begins
// as soon as an address is known, and of takes what has come until the line that needs it is written.
// Its methods may be called by several goroutines.
type aside[T any] struct {
	find  func(ctx context.Context, a netip.Addr) T
	ctx   context.Context // ends all lookups, and all waits
	slots chan struct{}   // one for each lookup under way

	mu    sync.Mutex
	known map[netip.Addr]*asked[T]
}

// asked is an address that was asked for.
type asked[T any] struct {
	since time.Time
	done  chan struct{} // closed once value is known
	value T
}

// newAside returns an aside that looks up by find, which ends with its context, until ctx ends.
func newAside[T any](ctx context.Context, find func(context.Context, netip.Addr) T) *aside[T] {
	return &aside[T]{find: find, ctx: ctx, slots: make(chan struct{}, asideAtOnce), known: make(map[netip.Addr]*asked[T])}
}

// ask has a looked up, unless it was before. It does not wait. A nil aside looks up nothing.
func (s *aside[T]) ask(a netip.Addr) {
	if s != nil {
		s.entry(a)
	}
}

// entry returns what is known of a, and begins to look it up the first time.
func (s *aside[T]) entry(a netip.Addr) *asked[T] {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.known[a]
	if e == nil {
		e = &asked[T]{since: time.Now(), done: make(chan struct{})}
		s.known[a] = e
		go s.look(a, e)
	}
	return e
}

func (s *aside[T]) look(a netip.Addr, e *asked[T]) {
	select {
	case s.slots <- struct{}{}:
	case <-s.ctx.Done():
		return
	}
	defer func() { <-s.slots }()
	ctx, cancel := context.WithTimeout(s.ctx, asideLimit)
	defer cancel()
	e.value = s.find(ctx, a)
	close(e.done)
}

// of returns what was found about a. If that is not known yet it waits, after before, until
// asideWait since the first ask; then it is the zero value. A nil aside finds nothing.
func (s *aside[T]) of(a netip.Addr, before func()) (value T) {
	if s == nil {
		return value
	}
	e := s.entry(a)
	select {
	case <-e.done:
		return e.value
	default:
	}
	left := asideWait - time.Since(e.since)
	if left <= 0 {
		return value
	}
	before()
	late := time.NewTimer(left)
	defer late.Stop()
	select {
	case <-e.done:
		return e.value
	case <-late.C:
	case <-s.ctx.Done():
	}
	return value
}
