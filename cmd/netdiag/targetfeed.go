package main

import (
	"context"
	"iter"
	"os"
)

// given is a target as targetList.all yields it: it, or an error with its text.
type given struct {
	Target
	err error
}

// targetFeed returns a list's targets in turn. Where the next one may be long in coming and is not
// there yet, ok and ended are false; with wait it waits for it, until the feed's context ends.
type targetFeed func(wait bool) (t given, ok, ended bool)

// newTargetFeed returns the feed of a list, and what releases it. Files that may have
// their reader wait, pipes and terminals, are read ahead from aside.
func newTargetFeed(ctx context.Context, list *targetList) (next targetFeed, stop func()) {
	if list.file == "" || regular(list.file) {
		pull, stop := iter.Pull2(list.all())
		return func(bool) (given, bool, bool) {
			t, err, ok := pull()
			return given{t, err}, ok, !ok
		}, stop
	}
	ctx, cancel := context.WithCancel(ctx)
	ahead := readAhead(ctx, list)
	return func(wait bool) (given, bool, bool) {
		if !wait {
			select {
			case t, ok := <-ahead:
				return t, ok, !ok
			default:
				return given{}, false, false
			}
		}
		select {
		case t, ok := <-ahead:
			return t, ok, !ok
		case <-ctx.Done():
			return given{}, false, true
		}
	}, cancel
}

// regular reports whether the file is one that is read without waiting. One that cannot be
// opened is an error without waiting.
func regular(file string) bool {
	if file == "-" {
		return false
	}
	info, err := os.Stat(file)
	return err != nil || info.Mode().IsRegular()
}

// readAhead reads the targets of a list until ctx ends, or rather until the read after that returns.
func readAhead(ctx context.Context, list *targetList) <-chan given {
	ahead := make(chan given, 4096)
	go func() {
		defer close(ahead)
		for t, err := range list.all() {
			select {
			case ahead <- given{t, err}:
			case <-ctx.Done():
				return
			}
		}
	}()
	return ahead
}
