package trace

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/netdiag/netdiag/internal/netsim"
	"github.com/netdiag/netdiag/internal/packet"
	"github.com/netdiag/netdiag/internal/rawsock"
)

// recorder notes what is sent through a Conn.
type recorder struct {
	rawsock.Conn
	sent []rawsock.Packet
}

func (r *recorder) WriteBatch(ps []rawsock.Packet) (int, error) {
	n, err := r.Conn.WriteBatch(ps)
	for _, p := range ps[:n] {
		p.Data = append([]byte(nil), p.Data...)
		r.sent = append(r.sent, p)
	}
	return n, err
}

// record traces and returns what was sent.
func record(t *testing.T, s *sim, cfg Config) []rawsock.Packet {
	t.Helper()
	r := &recorder{}
	sys := s.system()
	open := sys.open
	sys.open = func(c rawsock.FlowsConfig) (rawsock.Conn, error) {
		conn, err := open(c)
		r.Conn = conn
		return r, err
	}
	synctest.Test(t, func(t *testing.T) {
		for _, err := range run(t.Context(), cfg, sys) {
			if err != nil {
				t.Error(err)
			}
		}
	})
	return r.sent
}

// TestFlowsAreConstant holds the bytes that load balancers hash against each other: equal for one flow at all
// TTLs, different for any two flows.
func TestFlowsAreConstant(t *testing.T) {
	for _, f := range []packet.Family{packet.IPv4, packet.IPv6} {
		for m := range Method(len(methods)) {
			t.Run(fmt.Sprintf("IPv%d/%v", f, m), func(t *testing.T) {
				s := simulate(t, netsim.Chain(ms(1), ms(2), ms(3), ms(4), ms(5)), true)
				const flows = 8
				flowOf := make(map[string]int) // by the hashed bytes
				ttls := make(map[int]int)      // of the first flow
				words := make(map[string]bool)
				sent := record(t, s, Config{Targets: Addrs(s.target(f)), Method: m, Flows: flows})
				for _, p := range sent {
					src := s.n.Vantage(f)
					if sum := packet.TransportChecksum(p.Proto, src, p.Addr, p.Data); sum != 0 {
						t.Fatalf("the checksum of % x is wrong", p.Data)
					}
					if f == packet.IPv6 && p.Flow == 0 || p.Flow >= 1<<20 {
						t.Fatalf("flow label %#x", p.Flow)
					}
					key := fmt.Sprintf("%v %v %d % x", p.Local, p.Addr, p.Proto, p.Data[:4])
					if f == packet.IPv6 {
						key += fmt.Sprintf(" %x", p.Flow)
					}
					flowOf[key]++
					words[fmt.Sprintf("%x", p.Data[:4])] = true
					ttls[p.TTL]++
				}
				if len(flowOf) != flows || len(words) != flows {
					t.Errorf("%d flows by all that is hashed, %d by four bytes, want %d: %v", len(flowOf), len(words), flows, flowOf)
				}
				for ttl := 1; ttl <= 5; ttl++ {
					if ttls[ttl] != flows {
						t.Errorf("%d probes at TTL %d", ttls[ttl], ttl)
					}
				}
			})
		}
	}
}

// TestProbesDiffer checks that any two probes differ in what routers quote at least: the IP header and 8 bytes.
func TestProbesDiffer(t *testing.T) {
	for m := range Method(len(methods)) {
		s := simulate(t, netsim.Chain(ms(1), ms(2), ms(3), ms(4), ms(5)), true)
		seen := make(map[string]bool)
		for _, p := range record(t, s, Config{Targets: Addrs(s.target(4)), Method: m}) {
			key := fmt.Sprintf("%d % x", p.ID, p.Data[:8])
			if seen[key] || p.ID == 0 {
				t.Errorf("%v: %q twice, or no identification", m, key)
			}
			seen[key] = true
		}
	}
}
