package main

import (
	"context"
	"iter"
)

// fed is what an iterator yielded.
type fed[T any] struct {
	value T
	err   error
}

// feed returns what an iterator yields in turn. Where the next one is not there yet, ok and ended are false.
type feed[T any] func() (next fed[T], ok, ended bool)

// newFeed returns a feed from seq, and what releases it. One whose reader may have to wait, as slow says, is read
// ahead from aside until ctx ends, or rather until the read after that returns.
func newFeed[T any](ctx context.Context, seq iter.Seq2[T, error], slow bool) (next feed[T], stop func()) {
	if !slow {
		pull, stop := iter.Pull2(seq)
		return func() (fed[T], bool, bool) {
			v, err, ok := pull()
			return fed[T]{v, err}, ok, !ok
		}, stop
	}
	ctx, cancel := context.WithCancel(ctx)
	ahead := make(chan fed[T], 4096)
	go func() {
		defer close(ahead)
		for v, err := range seq {
			select {
			case ahead <- fed[T]{v, err}:
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() (fed[T], bool, bool) {
		select {
		case v, ok := <-ahead:
			return v, ok, !ok
		default:
			return fed[T]{}, false, false
		}
	}, cancel
}
