package rawsock_test

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/rawsock"
	"golang.org/x/sys/unix"
)

// BenchmarkConnectClosed has the figure of a scan: all ports of one host, which is another kernel, closed.
func BenchmarkConnectClosed(b *testing.B) {
	for _, to := range []string{"10.9.0.1", "fd99::1"} {
		b.Run(to, func(b *testing.B) {
			neighbour(b)
			c := openConnector(b, rawsock.ConnectConfig{})
			b.ReportAllocs()
			for b.Loop() {
				scan(b, c, netip.MustParseAddr(to), 1<<16-1)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(1<<16-1), "ns/port")
		})
	}
}

// scan connects to the first ports of a host, which are all closed.
func scan(tb testing.TB, c rawsock.Connector, to netip.Addr, ports int) {
	tb.Helper()
	const most = 1024
	out := make([]rawsock.Outcome, rawsock.Batch)
	for started, done := 0, 0; done < ports; {
		for started < ports && started-done < most {
			started++
			c.Start(int64(started), netip.AddrPortFrom(to, uint16(started)), nil)
		}
		n, err := c.Wait(out, time.Now().Add(20*time.Second))
		if err != nil || n == 0 {
			tb.Fatalf("after %d of %d: Wait = %d, %v", done, started, n, err)
		}
		for _, o := range out[:n] {
			if !errors.Is(o.Err, unix.ECONNREFUSED) || o.Local || o.Connected || o.ICMP != nil || o.SYNs != 1 {
				tb.Fatalf("%+v", o)
			}
		}
		done += n
	}
}

func openConnector(t testing.TB, cfg rawsock.ConnectConfig) rawsock.Connector {
	t.Helper()
	c, err := rawsock.Connect(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}
