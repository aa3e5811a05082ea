package main

import (
	"context"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		began := time.Now()
		var found atomic.Int64
		takes := map[netip.Addr]time.Duration{
			addrN(1): 0, addrN(2): 300 * ms, addrN(3): 700 * ms, addrN(4): time.Hour, addrN(8): time.Hour,
		}
		s := newAside(ctx, func(ctx context.Context, a netip.Addr) string {
			found.Add(1)
			select {
			case <-time.After(takes[a]):
				return "name of " + a.String()
			case <-ctx.Done():
				return ""
			}
		})
		waits := 0
		of := func(n byte, want string, at time.Duration) {
			t.Helper()
			if got := s.of(addrN(n), func() { waits++ }); got != want || time.Since(began) != at {
				t.Errorf("%d: %q after %v, want %q after %v", n, got, time.Since(began), want, at)
			}
		}
		for n := range byte(4) {
			s.ask(addrN(n + 1))
			s.ask(addrN(n + 1))
		}
		synctest.Wait()
		of(1, "name of 10.0.0.1", 0)
		if waits != 0 {
			t.Error("a name that is known was waited for")
		}
		of(2, "name of 10.0.0.2", 300*ms)
		of(3, "", 500*ms) // the waits of all lines together
		of(4, "", 500*ms)
		if waits != 2 {
			t.Errorf("%d waits", waits)
		}
		time.Sleep(300 * ms)
		of(3, "name of 10.0.0.3", 800*ms)
		time.Sleep(asideLimit)
		of(4, "", 800*ms+asideLimit)
		if n := found.Load(); n != 4 {
			t.Errorf("%d lookups", n)
		}
		of(9, "name of 10.0.0.9", 800*ms+asideLimit) // not asked for before
		time.AfterFunc(100*ms, cancel)
		of(8, "", 900*ms+asideLimit) // an interrupt ends the wait
		var none *aside[string]
		none.ask(addrN(1))
		if got := none.of(addrN(1), nil); got != "" {
			t.Errorf("nobody found %q", got)
		}
	})
}

func addrN(n byte) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 0, n}) }

// TestAsideAtOnce has more lookups than there may be at once.
func TestAsideAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		running, most := make(chan struct{}, 1000), 0
		s := newAside(ctx, func(ctx context.Context, _ netip.Addr) int {
			running <- struct{}{}
			<-ctx.Done()
			return 0
		})
		for n := range byte(200) {
			s.ask(addrN(n))
		}
		synctest.Wait()
		if most = len(running); most != asideAtOnce {
			t.Errorf("%d at once", most)
		}
		cancel()
	})
}
