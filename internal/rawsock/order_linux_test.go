package rawsock_test

import (
	"slices"
	"testing"

	"github.com/netdiag/netdiag/internal/rawsock"
)

// TestOrder has a reply and an ICMP error come one after the other, on a socket that keeps them in two queues,
// and reads them in that order, whether the wait before saw both or only one.
func TestOrder(t *testing.T) {
	const message, failure = rawsock.Message, rawsock.Error
	for _, tt := range []struct {
		name   string
		comes  []rawsock.Kind
		queued bool // the wait saw the error
		room   int
		want   [][]rawsock.Kind // of each read
	}{
		{"error first", []rawsock.Kind{failure, message}, true, 8, [][]rawsock.Kind{{failure, message}}},
		{"error first, unseen", []rawsock.Kind{failure, message}, false, 8, [][]rawsock.Kind{{failure, message}}},
		{"error first, no room", []rawsock.Kind{failure, message}, true, 1, [][]rawsock.Kind{{failure}, {message}}},
		{"error first, unseen and no room", []rawsock.Kind{failure, message}, false, 1, [][]rawsock.Kind{{failure}, {message}}},
		{"reply first", []rawsock.Kind{message, failure}, true, 8, [][]rawsock.Kind{{message, failure}}},
		{"reply first, error unseen", []rawsock.Kind{message, failure}, false, 8, [][]rawsock.Kind{{message}, {failure}}},
		{"reply first, no room", []rawsock.Kind{message, failure}, true, 1, [][]rawsock.Kind{{message}, {failure}}},
	} {
		for _, to := range []struct{ alive, dead string }{{"10.9.0.1", "10.8.0.1"}, {"fd99::1", "fd98::1"}} {
			t.Run(tt.name+"/"+to.alive, func(t *testing.T) {
				neighbour(t)
				c := open(t, rawsock.Config{Mode: rawsock.Unprivileged})
				for _, k := range tt.comes {
					p := request(c, to.alive, 1)
					if k == failure {
						p = request(c, to.dead, 2)
					}
					if _, err := c.WriteBatch([]rawsock.Packet{p}); err != nil {
						t.Fatal(err)
					}
					if err := rawsock.Arrived(c, k); err != nil {
						t.Fatal(err)
					}
				}
				in := make([]rawsock.Packet, tt.room)
				for _, want := range tt.want {
					n, err := rawsock.Drain(c, in, tt.queued)
					if err != nil {
						t.Fatal(err)
					}
					var got []rawsock.Kind
					for _, p := range in[:n] {
						got = append(got, p.Kind)
					}
					if !slices.Equal(got, want) {
						t.Errorf("read %v, want %v", got, want)
					}
				}
			})
		}
	}
}
