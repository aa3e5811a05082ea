package resolve

import (
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"
)

// TestSystemKeeps asks often by TCP: each server has one connection, whether the Client is the caller's or the
// System's own, until Close.
func TestSystemKeeps(t *testing.T) {
	t.Parallel()
	for name, client := range map[string]*Client{"its own client": nil, "the caller's": testClient(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ended := make(chan struct{}, 100)
			serve := func(_ int, conn net.Conn) {
				eachQuery(func(q *dns.Msg) []byte { return reply(q) })(0, conn)
				ended <- struct{}{}
			}
			servers := []*hostile{newHostile(t, nil, serve), newHostile(t, nil, serve)}
			s := systemOf(client, "use-vc rotate", servers...)
			s.turns = new(atomic.Uint32)
			addrs := func(n int) {
				var asking sync.WaitGroup
				for i := range n {
					asking.Go(func() {
						got, err := s.Addrs(t.Context(), fmt.Sprintf("n%d.test.", i), IPv4)
						if err != nil || len(got.Addrs) != 1 {
							t.Errorf("%+v, %v", got, err)
						}
					})
				}
				asking.Wait()
			}
			for want := range 2 {
				addrs(20)
				addrs(20)
				for i, h := range servers {
					if n := int(h.conns.Load()); n != want+1 {
						t.Fatalf("%d connections to server %d, want %d", n, i+1, want+1)
					}
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
				for range servers {
					<-ended
				}
			}
		})
	}
}
