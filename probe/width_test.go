package probe

import (
	"net/netip"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"
)

// TestShortage has a machine that can carry 10 attempts. None of 200 fails, and it is told once.
func TestShortage(t *testing.T) {
	for _, n := range [...]syscall.Errno{
		syscall.EMFILE, syscall.ENFILE, syscall.EADDRNOTAVAIL, syscall.EADDRINUSE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EAGAIN, syscall.ENOSPC,
	} {
		w := &world{answer: func(_ netip.AddrPort, _, underWay int) reply {
			if underWay >= 10 {
				return local(n)
			}
			return closes
		}}
		h := w.in(t, Config{Targets: slices.Values(ports("192.0.2.1", upTo(200)...))})
		narrowed := h.only(Narrowed)
		if got := h.states(); len(got) != 200 || slices.ContainsFunc(got, func(s State) bool { return s != Closed }) {
			t.Errorf("%v: %v", n, got)
		}
		if len(narrowed) != 1 || narrowed[0].Concurrency != 5 || errno(narrowed[0].Err) != n || narrowed[0].Reason() == "" {
			t.Errorf("%v: %+v", n, narrowed)
		}
		if w.most != 10 {
			t.Errorf("%v: %d at a time", n, w.most)
		}
		// Each attempt takes 1 ms, and there are never fewer than 5 at a time but at the end.
		if h.took > 45*ms {
			t.Errorf("%v: took %v", n, h.took)
		}
	}
}

// TestShortageLasts fails once nothing could be begun for as long as Timeout, and from there on at once.
func TestShortageLasts(t *testing.T) {
	w := always(local(syscall.EMFILE))
	h := w.in(t, Config{Targets: slices.Values(ports("192.0.2.1", 1, 2, 3))})
	if got, want := h.states(), []State{Failed, Failed, Failed}; !slices.Equal(got, want) {
		t.Fatalf("%v", got)
	}
	if h.took != DefaultTimeout {
		t.Errorf("took %v", h.took)
	}
	for _, e := range h.only(Result) {
		if e.Reason() != "this process has no descriptor left (ulimit -n)" {
			t.Error(e.Reason())
		}
	}
}

// TestShortageEnds goes on when it does.
func TestShortageEnds(t *testing.T) {
	var begun time.Time
	w := &world{}
	w.answer = func(netip.AddrPort, int, int) reply {
		begun = w.begun
		if time.Since(begun) < 2*time.Second {
			return local(syscall.EADDRNOTAVAIL)
		}
		return opens
	}
	h := w.in(t, Config{Targets: slices.Values(ports("192.0.2.1", 1, 2, 3))})
	if got, want := h.states(), []State{Open, Open, Open}; !slices.Equal(got, want) || h.took > 2010*ms {
		t.Errorf("%v after %v", got, h.took)
	}
}

// TestWidth is halved and grows by one a round.
func TestWidth(t *testing.T) {
	w := newWidth(100)
	w.narrow(9)
	for _, c := range []struct{ ended, want int }{{3, 4}, {1, 5}, {4, 5}, {1, 6}, {6, 7}} {
		for range c.ended {
			w.done()
		}
		if w.now != c.want {
			t.Fatalf("%d, want %d", w.now, c.want)
		}
	}
	for range 10000 {
		w.done()
	}
	if w.now != 100 {
		t.Errorf("%d in the end", w.now)
	}
	if w.narrow(0); w.now != 1 {
		t.Errorf("%d for nothing under way", w.now)
	}
}

// TestNoSource fails at once where an address is not available because there is no source address.
func TestNoSource(t *testing.T) {
	w := always(local(syscall.EADDRNOTAVAIL))
	w.noRoute = os.NewSyscallError("connect", syscall.EADDRNOTAVAIL)
	h := w.in(t, Config{Targets: slices.Values(ports("2001:db8::1", 1, 2, 3))})
	if got, want := h.states(), []State{Failed, Failed, Failed}; !slices.Equal(got, want) || h.took > 0 || len(h.only(Narrowed)) > 0 {
		t.Fatalf("%+v after %v", h.events, h.took)
	}
	for _, e := range h.only(Result) {
		if errno(e.Err) != syscall.EADDRNOTAVAIL || e.Reason() == "no source port is left for it" {
			t.Errorf("%v: %s", e.Err, e.Reason())
		}
	}
}
