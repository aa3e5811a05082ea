package trace

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netdiag/netdiag/internal/netsim"
	"github.com/netdiag/netdiag/internal/packet"
	"github.com/netdiag/netdiag/internal/rawsock"
)

// sim is a simulated network as a run sees it.
type sim struct {
	n    *netsim.Network
	conn netsim.ConnConfig
	seed uint64 // of what makes its packets recognised
}

// simulate makes the network of a topology, for raw sockets or those of an ordinary user.
func simulate(t testing.TB, topology netsim.Topology, raw bool) *sim {
	t.Helper()
	n, err := netsim.New(topology)
	if err != nil {
		t.Fatal(err)
	}
	return &sim{n, netsim.ConnConfig{Flows: true, Raw: raw, Stamps: true}, topology.Seed}
}

// system is what a run takes for this machine.
func (s *sim) system() system {
	return system{
		open: func(cfg rawsock.FlowsConfig) (rawsock.Conn, error) {
			c := s.conn
			c.FirstPort, c.LastPort = cfg.FirstPort, cfg.LastPort
			return s.n.Conn(c), nil
		},
		route: func(_ rawsock.Config, dst netip.Addr) (netip.Addr, int, error) {
			return s.n.Vantage(packet.FamilyOf(dst)), 1500, nil
		},
		random: func() uint64 { return mix(s.seed + 1) },
	}
}

// target is the address of the host "target".
func (s *sim) target(f packet.Family) netip.Addr { return s.n.Addr("target", f) }

// traced is what a run yielded.
type traced struct {
	t      testing.TB
	events []Event
	err    error
}

// trace runs cfg in the simulated network to its end, in a bubble of its own.
func (s *sim) trace(t *testing.T, cfg Config) *traced {
	t.Helper()
	r := &traced{t: t}
	synctest.Test(t, func(t *testing.T) { r.run(t.Context(), s, cfg) })
	return r
}

func (r *traced) run(ctx context.Context, s *sim, cfg Config) {
	for e, err := range run(ctx, cfg, s.system()) {
		if err != nil {
			r.err = err
			break
		}
		r.events = append(r.events, e)
	}
}

// of returns the events of some kinds.
func (r *traced) of(kinds ...Kind) (list []Event) {
	for _, e := range r.events {
		if slices.Contains(kinds, e.Kind) {
			list = append(list, e)
		}
	}
	return list
}

// result is that of the only target.
func (r *traced) result() *Result {
	r.t.Helper()
	if r.err != nil && !errors.Is(r.err, context.Canceled) {
		r.t.Fatal(r.err)
	}
	done := r.of(Done)
	if len(done) != 1 {
		r.t.Fatalf("%d targets are done, want 1", len(done))
	}
	return done[0].Result
}

// hops shows what the trace says, a line a hop: for each probe who answered, and what else there is.
func (r *traced) hops() string {
	var b strings.Builder
	for _, e := range r.of(HopDone) {
		fmt.Fprintf(&b, "%d", e.Hop.TTL)
		for _, p := range e.Hop.Probes {
			switch {
			case !p.From.IsValid():
				b.WriteString(" *")
				continue
			default:
				fmt.Fprintf(&b, " %v", p.From)
			}
			if p.Reached {
				b.WriteString("!")
			}
			if p.Stopped {
				b.WriteString("#")
			}
		}
		if e.Hop.RateLimited {
			b.WriteString(" limited")
		}
		b.WriteString("\n")
	}
	return b.String()
}

// want fails the test where the hops are others.
func (r *traced) want(lines ...string) {
	r.t.Helper()
	if got, want := r.hops(), strings.Join(lines, "\n")+"\n"; got != want {
		r.t.Errorf("hops:\n%swant:\n%s", got, want)
	}
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }
