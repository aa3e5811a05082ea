package netsim_test

import (
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/netsim"
	"github.com/netdiag/netdiag/internal/packet"
)

// TestHalfOpen sends segments to an open port one after the other, as a prober does that uses a
// pair of ports again.
func TestHalfOpen(t *testing.T) {
	const (
		syn   = packet.SYN
		ack   = packet.ACK
		rst   = packet.RST
		first = 1000
	)
	type step struct {
		after time.Duration // since the step before
		flags packet.TCPFlags
		seq   uint32
		want  packet.TCPFlags // of the answer; 0: none
		acked uint32          // by it
	}
	opened := step{0, syn, first, syn | ack, first + 1}
	tests := []struct {
		name  string
		steps []step
	}{
		{"a further SYN", []step{opened, {ms, syn, 1 << 30, ack, first + 1}}},
		{"a further SYN below", []step{opened, {ms, syn, first - 1, ack, first + 1}}},
		{"too many of them", []step{
			opened, {ms, syn, 1 << 30, ack, first + 1}, {499 * ms, syn, 1 << 31, 0, 0}, {ms, syn, 1 << 29, ack, first + 1},
		}},
		{"the same again", []step{opened, {ms, syn, first, syn | ack, first + 1}, {ms, syn, first, 0, 0}, {500 * ms, syn, first, syn | ack, first + 1}}},
		{"within the window", []step{
			opened, {ms, syn, first + 1, rst | ack, first + 2}, {ms, syn, 1 << 30, syn | ack, 1<<30 + 1},
		}},
		{"at its end", []step{opened, {ms, syn, first + 65535, rst | ack, first + 65536}}},
		{"behind its end", []step{opened, {ms, syn, first + 65536, ack, first + 1}}},
		{"after a reset", []step{opened, {ms, rst, first + 1, 0, 0}, {ms, syn, 1 << 30, syn | ack, 1<<30 + 1}}},
		{"after a stranger's reset", []step{opened, {ms, rst, 1 << 30, 0, 0}, {ms, syn, 1 << 30, ack, first + 1}}},
		{"after a minute", []step{opened, {63 * time.Second, syn, 1 << 30, ack, first + 1}, {ms, syn, 1 << 30, syn | ack, 1<<30 + 1}}},
		{"established", []step{
			opened, {ms, ack, first + 1, 0, 0}, {ms, syn, first + 1, ack, first + 1}, {time.Second, syn, first, ack, first + 1},
		}},
		{"after its end", []step{opened, {ms, packet.FIN | ack, first + 1, packet.FIN | ack, first + 2}, {ms, syn, 1 << 30, syn | ack, 1<<30 + 1}}},
	}
	for _, tt := range tests {
		for _, f := range families {
			t.Run(tt.name+"/"+name(f), func(t *testing.T) {
				n := mustNew(t, withHost(func(h *netsim.Host) { h.TCPOpen = []netsim.Ports{netsim.Port(80)} }))
				now := t0
				var isn uint32
				for i, s := range tt.steps {
					now = now.Add(s.after)
					p := to(n, f).tcp(packet.TCP{SrcPort: 5000, DstPort: 80, Seq: s.seq, Flags: s.flags})
					if s.want == 0 {
						none(t, n, now, p)
						continue
					}
					g := tcpOf(t, one(t, n, now, p))
					if g.Flags != s.want || g.Ack != s.acked {
						t.Fatalf("step %d: answer %+v, want flags %#x of %d", i, g, s.want, s.acked)
					}
					switch g.Flags {
					case syn | ack:
						isn = g.Seq
					case ack:
						if g.Seq != isn+1 {
							t.Errorf("step %d: sequence number %d, want %d", i, g.Seq, isn+1)
						}
					}
				}
				// Another pair of ports has a connection of its own.
				p := to(n, f).tcp(packet.TCP{SrcPort: 5001, DstPort: 80, Seq: 7, Flags: syn})
				if g := tcpOf(t, one(t, n, now, p)); g.Flags != syn|ack || g.Ack != 8 {
					t.Errorf("another connection: %+v", g)
				}
			})
		}
	}
}
