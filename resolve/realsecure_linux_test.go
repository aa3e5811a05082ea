package resolve_test

import (
	"crypto/x509"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/dnslab"
	"github.com/netdiag/netdiag/resolve"
)

// TestRealSecure asks real servers by TLS and HTTPS, with and without what proves who they are.
func TestRealSecure(t *testing.T) {
	t.Parallel()
	dnslab.Inside(t, func(t *testing.T, s *dnslab.Servers) {
		nobody := x509.NewCertPool()
		for _, tt := range []struct {
			name   string
			client *resolve.Client
			at     dnslab.Host
			host   string // that the certificate must be for
			path   string
			status resolve.Status
		}{
			{"the address", &resolve.Client{Roots: s.Roots}, s.Named, "", "", resolve.Answered},
			{"the name", &resolve.Client{Roots: s.Roots}, s.Recursor, dnslab.CertificateName, "", resolve.Answered},
			{"another name", &resolve.Client{Roots: s.Roots}, s.Recursor, "dns.example.org", "", resolve.Insecure},
			{"another name, unchecked", &resolve.Client{SkipVerify: true}, s.Recursor, "dns.example.org", "", resolve.Answered},
			{"an unknown authority", &resolve.Client{Roots: nobody}, s.Named, "", "", resolve.Insecure},
			{"nobody", &resolve.Client{Roots: s.Roots}, s.Dead, "", "", resolve.Unreachable},
			{"silence", &resolve.Client{Roots: s.Roots, Timeout: 50 * time.Millisecond, Tries: 1}, s.Silent, "", "", resolve.TimedOut},
			{"no such path", &resolve.Client{Roots: s.Roots}, s.Named, "", "/elsewhere", resolve.Malformed},
		} {
			for _, w := range secretWays {
				t.Run(tt.name+"/"+w.Transport.String(), func(t *testing.T) {
					want := tt.status
					if w.Transport == resolve.TLS && tt.path != "" {
						want = resolve.Answered // by TLS there are none
					}
					server := w.server(tt.at.V4)
					server.Host, server.Path = tt.host, tt.path
					defer tt.client.Close()
					// Twice: over the connection that is kept, the second time.
					for range 2 {
						x, err := tt.client.Exchange(t.Context(), server, resolve.Question{Name: "www.example.test"})
						if err != nil {
							t.Fatal(err)
						}
						if x.Status != want || (x.Message != nil) != (want == resolve.Answered) || (x.Err == nil) != (want == resolve.Answered) {
							t.Errorf("status %v, %v; want %v", x.Status, x.Err, want)
						}
						if x.Via != w.Transport {
							t.Errorf("via %v", x.Via)
						}
					}
				})
			}
		}
	})
}
