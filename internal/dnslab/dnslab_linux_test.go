package dnslab

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/lab"
)

func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }

// dig returns what dig says of a server, which it is if it refuses.
func dig(t *testing.T, at netip.Addr, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "dig", append([]string{"@" + at.String(), "+tries=1", "+noidnin"}, args...)...).CombinedOutput()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		t.Fatal(err)
	}
	return string(out)
}

// TestServers asks every server, at both its addresses, what it is there for.
func TestServers(t *testing.T) {
	t.Parallel()
	Need(t, "dig")
	Inside(t, func(t *testing.T, s *Servers) {
		for _, tt := range []struct {
			name string
			at   Host
			args string
			want string
		}{
			{"root", s.Root, "www.example.test", "ns.test."},
			{"test.", s.TLD, "www.example.test", "ns2.example.test."},
			{"reverse", s.TLD, "-x 192.0.2.80", "www.example.test."},
			{"reverse of IPv6", s.TLD, "-x 2001:db8::80", "www.example.test."},
			{"knot", s.Knot, "www.example.test AAAA", "flags: qr aa rd;"},
			{"knot signs", s.Knot, "www.signed.test +dnssec", "RRSIG"},
			{"knot transfers", s.Knot, "example.test AXFR", "XFR size"},
			{"knot has a cookie", s.Knot, "www.example.test +cookie", "(good)"},
			{"knot has a name", s.Knot, "www.example.test +nsid", `("knot")`},
			{"named", s.Named, "www.example.test AAAA", "flags: qr aa rd;"},
			{"named by TLS", s.Named, "www.example.test +tls +tls-ca=" + s.CAFile, "(TLS)"},
			{"named by HTTPS", s.Named, "www.example.test +https +tls-ca=" + s.CAFile, "(HTTPS)"},
			{"named does not transfer", s.Named, "example.test AXFR", "Transfer failed"},
			{"named has a name", s.Named, "www.example.test +nsid", `("named")`},
			{"recursor", s.Recursor, "www.example.test", "192.0.2.80"},
			{"recursor by TLS", s.Recursor, "www.example.test +tls +tls-ca=" + s.CAFile, "(TLS)"},
			{"recursor by HTTPS", s.Recursor, "www.example.test +https +tls-ca=" + s.CAFile, "(HTTPS)"},
			{"recursor validates", s.Recursor, "www.signed.test", "flags: qr rd ra ad;"},
			{"recursor knows what is bogus", s.Recursor, "www.bogus.test", "EDE: "},
			{"recursor has a name", s.Recursor, "www.example.test +nsid", `("unbound")`},
			{"lame", s.Lame, "www.lame.test", "status: REFUSED"},
			{"dead", s.Dead, "www.dead.test", "connection refused"},
		} {
			for _, at := range []netip.Addr{tt.at.V4, tt.at.V6} {
				if out := dig(t, at, strings.Fields(tt.args)...); !strings.Contains(out, tt.want) {
					t.Errorf("%s: no %q in\n%.2000s", tt.name, tt.want, out)
				}
			}
		}
	})
}

// TestTest asks on the goroutine that is in the lab: the recursor, and the one that takes queries and says nothing.
func TestTest(t *testing.T) {
	t.Parallel()
	l := Test(t)
	if err := ask(t.Context(), l.Recursor.Port(53)); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := ask(ctx, l.Silent.Port(53)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the silent server: %v", err)
	}
}

// TestMissing has no server installed.
func TestMissing(t *testing.T) {
	if _, err := installed("no-such-server"); err == nil || !strings.Contains(err.Error(), "no-such-server is not installed") {
		t.Errorf("installed = %v", err)
	}
	if paths, err := installed("sh"); err != nil || paths["sh"] == "" {
		t.Errorf("installed = %v, %v", paths, err)
	}
}

// TestNoAnswer asks what is no name server.
func TestNoAnswer(t *testing.T) {
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := server.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = conn.Write(make([]byte, 14)) // another identifier
		conn.Close()
	}()
	if err := ask(t.Context(), netip.MustParseAddrPort(server.Addr().String())); err == nil {
		t.Error("a wrong answer is taken")
	}
	<-done
	server.Close()
	if err := ask(t.Context(), netip.MustParseAddrPort(server.Addr().String())); err == nil {
		t.Error("no server is found")
	}
}
