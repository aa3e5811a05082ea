package probe

import (
	"net/netip"
	"slices"
	"syscall"
	"testing"
)

// TestMiddlebox is told where ports open that nobody asked for, once for each address.
func TestMiddlebox(t *testing.T) {
	far := reply{after: ms, err: syscall.EHOSTUNREACH, icmp: icmp4(13)}
	only := func(n uint16, rest reply) func(netip.AddrPort, int, int) reply {
		return func(to netip.AddrPort, _, _ int) reply {
			if to.Port() <= n {
				return opens
			}
			return rest
		}
	}
	but := func(port uint16, r reply) func(netip.AddrPort, int, int) reply {
		return func(to netip.AddrPort, _, _ int) reply {
			if to.Port() == port {
				return r
			}
			return opens
		}
	}
	high := 0
	one := func(to netip.AddrPort, _, _ int) reply {
		if to.Port() >= firstHigh {
			if high++; high > 1 {
				return closes
			}
		}
		return opens
	}
	everything := func(netip.AddrPort, int, int) reply { return opens }
	for _, c := range []struct {
		name   string
		answer func(netip.AddrPort, int, int) reply
		ports  int
		cfg    Config
		tried  int // unused ports
		told   int
	}{
		{"everything", everything, 8, Config{}, 2, 1},
		{"everything, more of it", everything, 200, Config{}, 2, 1},
		{"not enough", everything, 7, Config{}, 0, 0},
		{"the same port", everything, 3, Config{Count: 5}, 0, 0},
		{"eight and no more", only(8, closes), 8, Config{}, 2, 0},
		{"eight and silence", only(8, silent), 8, Config{}, 2, 0},
		{"one of the two", one, 8, Config{}, 2, 0},
		{"one is closed", but(4, closes), 20, Config{Concurrency: 1}, 0, 0},
		{"one is rejected", but(4, far), 20, Config{Concurrency: 1}, 0, 0},
		{"the first is closed", but(1, closes), 20, Config{Concurrency: 1}, 0, 0},
		{"the first is rejected", but(1, far), 20, Config{Concurrency: 1}, 0, 0},
		{"one is closed meanwhile", but(9, reply{after: 5 * ms, err: syscall.ECONNREFUSED}), 9, Config{}, 2, 0},
		{"one is silent", but(4, silent), 20, Config{Concurrency: 1}, 2, 1},
		{"not wanted", everything, 20, Config{NoMiddleboxes: true}, 0, 0},
		{"by UDP", everything, 20, Config{UDP: true}, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &world{answer: c.answer}
			cfg := c.cfg
			cfg.Targets = slices.Values(ports("192.0.2.1", upTo(c.ports)...))
			h := w.in(t, cfg)
			checkMiddlebox(t, w, &h, c.tried, c.told)
			if c.name == "eight and silence" && h.took != 1004*ms {
				t.Errorf("took %v", h.took) // and not the whole timeout, as the address has answered before
			}
			if n := len(h.only(Result)); n != c.ports*max(1, int(c.cfg.Count)) {
				t.Errorf("%d results", n)
			}
		})
	}
}

// checkMiddlebox looks for how many unused ports were tried, and whether they were told.
func checkMiddlebox(t *testing.T, w *world, h *happened, tries, tells int) {
	t.Helper()
	var tried []uint16
	for _, s := range w.starts {
		if s.to.Port() >= firstHigh {
			tried = append(tried, s.to.Port())
		}
	}
	told := h.only(Middlebox)
	if len(tried) != tries || len(told) != tells {
		t.Fatalf("tried %v, told %+v", tried, told)
	}
	slices.Sort(tried)
	for _, e := range told {
		if e.Addr.Addr() != netip.MustParseAddr("192.0.2.1") || !slices.Equal(e.Ports, tried) || tried[0] == tried[1] {
			t.Errorf("%+v, want %v", e, tried)
		}
	}
}

// TestUnusedPort is none of those asked for.
func TestUnusedPort(t *testing.T) {
	var asked []uint16
	u := suspects{random: func() uint64 { return 1<<64 - 1 }}
	for range 20 {
		port := u.unusedPort(asked)
		if port < firstHigh || slices.Contains(asked, port) {
			t.Fatalf("%d after %v", port, asked)
		}
		asked = append(asked, port)
	}
}
