package resolve

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
	"testing"
)

// Connections leave from the source that was asked for.
func TestSource(t *testing.T) {
	known := newSigner(t)
	source := netip.MustParseAddr("127.0.0.83")
	for _, lane := range secured {
		t.Run(lane.transport.String(), func(t *testing.T) {
			peers := make(chan net.Addr, 1)
			s := lane.listen(t, netip.MustParseAddr("127.0.0.1"), known.config(t, lane.protocol, nil), func(peer net.Addr, query []byte) []byte {
				peers <- peer
				return echo(query)
			})
			c, err := transports(lane.transport).open(t.Context(), &Client{Roots: known.pool, Source: source}, s)
			if err != nil {
				t.Fatal(err)
			}
			defer closing(t, c)
			if _, err := c.ask(t.Context(), packed(t, 0, "a.example.")); err != nil {
				t.Fatal(err)
			}
			if peer := netip.MustParseAddrPort((<-peers).String()); peer.Addr() != source {
				t.Errorf("from %v, want %v", peer, source)
			}
		})
	}
}

// Where nobody listens the error is the kernel's, at once, and not one of security. For QUIC that takes the
// ICMP error.
func TestRefused(t *testing.T) {
	for _, lane := range secured {
		for _, ip := range []string{"127.0.0.1", "::1"} {
			t.Run(lane.transport.String()+" "+ip, func(t *testing.T) {
				network := map[bool]string{false: "tcp", true: "udp"}[lane.transport == QUIC]
				s := Server{Transport: lane.transport, Addr: netip.AddrPortFrom(netip.MustParseAddr(ip), vacant(t, network, ip))}
				_, err := transports(lane.transport).open(t.Context(), &Client{}, s)
				if _, insecure := errors.AsType[*insecureError](err); insecure || !errors.Is(err, syscall.ECONNREFUSED) {
					t.Errorf("error %T %v", err, err)
				}
				if status, _ := classify(err); status != Unreachable {
					t.Errorf("status %d", status)
				}
			})
		}
	}
}

// vacant returns a port that nobody listens at. A connection of the test's own holds it, so that nobody else
// comes to.
func vacant(t *testing.T, network, ip string) uint16 {
	t.Helper()
	elsewhere := net.JoinHostPort(ip, "9") // a connected socket of UDP hears nobody else
	if network == "tcp" {
		l, err := net.Listen(network, net.JoinHostPort(ip, "0"))
		if err != nil {
			t.Skipf("no %s here: %v", ip, err)
		}
		defer l.Close()
		elsewhere = l.Addr().String()
	}
	conn, err := net.Dial(network, elsewhere)
	if err != nil {
		t.Skipf("no %s here: %v", ip, err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return netip.MustParseAddrPort(conn.LocalAddr().String()).Port()
}
