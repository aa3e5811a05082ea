package resolve

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

func TestCertificates(t *testing.T) {
	tests := []struct {
		name   string
		host   string
		change func(*x509.Certificate)
		self   bool // signed by itself
		roots  bool // the authority is known
		want   string
	}{
		{name: "name", host: "dns.example", roots: true},
		{name: "name in capitals with a dot", host: "DNS.example.", roots: true},
		{name: "address", host: "127.0.0.1", roots: true},
		{name: "mapped address", host: "::ffff:127.0.0.1", roots: true},
		{name: "no host", roots: true},
		{name: "wrong name", host: "other.example", roots: true,
			want: "the certificate is not for other.example but for dns.example, 127.0.0.1, ::1"},
		{name: "wrong address", host: "192.0.2.1", roots: true,
			want: "the certificate is not for 192.0.2.1 but for dns.example, 127.0.0.1, ::1"},
		{name: "many names", host: "dns.example", roots: true,
			change: func(c *x509.Certificate) { c.DNSNames = strings.Fields("a.test b.test c.test d.test e.test") },
			want:   "the certificate is not for dns.example but for a.test, b.test, c.test, d.test and 3 more"},
		{name: "no names", host: "dns.example", roots: true,
			change: func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = nil, nil },
			want:   "the certificate is not for dns.example but for nobody: it has no alternative names"},
		{name: "expired", host: "dns.example", roots: true,
			change: func(c *x509.Certificate) { c.NotAfter = time.Date(1999, 12, 31, 23, 0, 0, 0, time.UTC) },
			want:   "the certificate expired on 1999-12-31"},
		{name: "too early", host: "dns.example", roots: true,
			change: func(c *x509.Certificate) { c.NotBefore = time.Date(2000, 1, 2, 0, 0, 0, 0, time.UTC) },
			want:   "the certificate is not valid before 2000-01-02"},
		{name: "of a client", host: "dns.example", roots: true,
			change: func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} },
			want:   "the certificate is invalid: x509: certificate specifies an incompatible key usage"},
		{name: "unknown authority", host: "dns.example",
			want: "the certificate is signed by an unknown authority, CN=Test Authority"},
		{name: "self-signed", host: "dns.example", self: true, roots: true,
			want: "the certificate is signed by an unknown authority, itself (CN=server)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, transport Transport, protocol string, join joining) {
				known := newSigner(t)
				config := known.config(t, protocol, tt.change)
				if tt.self {
					config = (*signer)(nil).config(t, protocol, tt.change)
				}
				client := &Client{Roots: x509.NewCertPool()}
				if tt.roots {
					client.Roots = known.pool
				}
				c, err := join(t.Context(), t, client, localhost(transport, tt.host), config, echo)
				checkInsecure(t, err, tt.want)
				closing(t, c)
				if tt.want == "" {
					return
				}
				client.SkipVerify = true
				c, err = join(t.Context(), t, client, localhost(transport, tt.host), config, echo)
				if err != nil {
					t.Errorf("without verification: %v", err)
				}
				closing(t, c)
			})
		})
	}
}

// checkInsecure fails unless err is an *insecureError with the text, or nil for "".
func checkInsecure(t *testing.T, err error, want string) {
	t.Helper()
	if want == "" {
		if err != nil {
			t.Errorf("error %v", err)
		}
		return
	}
	insecure, ok := errors.AsType[*insecureError](err)
	if !ok {
		t.Fatalf("error %T %v, want an *insecureError", err, err)
	}
	if insecure.Error() != want {
		t.Errorf("error %q\n want %q", insecure, want)
	}
}

// Every query finds its answer, whatever the order in which answers come.
func TestParallel(t *testing.T) {
	const queries = 30
	bubble(t, func(t *testing.T, transport Transport, protocol string, join joining) {
		known := newSigner(t)
		// The first query is answered after the second, and so on, none before all have come.
		var mu sync.Mutex
		var turns []chan struct{}
		all := make(chan struct{})
		answer := func(query []byte) []byte {
			turn := make(chan struct{})
			mu.Lock()
			n := len(turns)
			turns = append(turns, turn)
			if len(turns) == queries {
				close(all)
			}
			mu.Unlock()
			<-all
			if n+1 < queries {
				<-turns[n+1]
			}
			time.AfterFunc(time.Millisecond, func() { close(turn) })
			return echo(query)
		}
		c, err := join(t.Context(), t, &Client{Roots: known.pool}, localhost(transport, "dns.example"), known.config(t, protocol, nil), answer)
		if err != nil {
			t.Fatal(err)
		}
		var asking sync.WaitGroup
		for n := range queries {
			query := packed(t, uint16(n), strings.Repeat("x", n+1)+".example.")
			asking.Go(func() {
				got, err := c.ask(t.Context(), query)
				if err != nil || !bytes.Equal(got, echo(query)) {
					t.Errorf("query %d: %x, %v", n, got, err)
				}
			})
		}
		asking.Wait()
		closing(t, c)
	})
}

// Queries beyond those that the server takes at a time wait: it takes 250 by HTTP/2, 100 by QUIC.
func TestManyQueries(t *testing.T) {
	bubble(t, func(t *testing.T, transport Transport, protocol string, join joining) {
		known := newSigner(t)
		c, err := join(t.Context(), t, &Client{Roots: known.pool}, localhost(transport, "dns.example"), known.config(t, protocol, nil),
			func(query []byte) []byte {
				<-time.After(time.Second)
				return echo(query)
			})
		if err != nil {
			t.Fatal(err)
		}
		var asking sync.WaitGroup
		for n := range 400 {
			query := packed(t, uint16(n), strconv.Itoa(n)+".example.")
			asking.Go(func() {
				if got, err := c.ask(t.Context(), query); err != nil || !bytes.Equal(got, echo(query)) {
					t.Errorf("query %d: %x, %v", n, got, err)
				}
			})
		}
		asking.Wait()
		closing(t, c)
	})
}

// A query ends with its context, at once; others go on.
func TestAskEndsWithContext(t *testing.T) {
	bubble(t, func(t *testing.T, transport Transport, protocol string, join joining) {
		known := newSigner(t)
		answer := func(query []byte) []byte {
			if bytes.Contains(query, []byte("silent")) {
				return nil
			}
			return echo(query)
		}
		c, err := join(t.Context(), t, &Client{Roots: known.pool}, localhost(transport, "dns.example"), known.config(t, protocol, nil), answer)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if _, err := c.ask(ctx, packed(t, 1, "silent.example.")); err != context.DeadlineExceeded {
			t.Errorf("error %v, want that of the context", err)
		}
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("ended after %v", took)
		}
		query := packed(t, 2, "other.example.")
		if got, err := c.ask(t.Context(), query); err != nil || !bytes.Equal(got, echo(query)) {
			t.Errorf("the next query: %x, %v", got, err)
		}
		closing(t, c)
	})
}

// Closing ends whoever waits.
func TestCloseEndsAsk(t *testing.T) {
	bubble(t, func(t *testing.T, transport Transport, protocol string, join joining) {
		known := newSigner(t)
		c, err := join(t.Context(), t, &Client{Roots: known.pool}, localhost(transport, "dns.example"), known.config(t, protocol, nil),
			func([]byte) []byte { return nil })
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error)
		go func() {
			_, err := c.ask(t.Context(), packed(t, 1, "silent.example."))
			ended <- err
		}()
		synctest.Wait()
		closing(t, c)
		if err := <-ended; err == nil {
			t.Error("an answer from a connection that is closed")
		}
		if _, err := c.ask(t.Context(), packed(t, 1, "late.example.")); err == nil {
			t.Error("an answer after the connection was closed")
		}
	})
}

// What fails before there is a certificate.
func TestHandshakeFails(t *testing.T) {
	greeting := func(text string) func(net.Conn) {
		return func(conn net.Conn) {
			_, _ = io.WriteString(conn, text)
			_, _ = io.Copy(io.Discard, conn)
		}
	}
	tests := []struct {
		name  string
		serve func(net.Conn)
		want  string
	}{
		{"text", greeting("220 mail.example ESMTP\r\n"), "the server does not speak TLS"},
		{"closed", func(net.Conn) {}, "the server closed the connection during the handshake"},
		{"half a record", func(conn net.Conn) { _, _ = conn.Write([]byte{22, 3, 3, 0, 80, 2}) },
			"the server closed the connection during the handshake"},
		{"alert", greeting("\x15\x03\x03\x00\x02\x02\x28"), "the server refused the handshake: handshake failure"},
		{"nonsense in a record", greeting("\x16\x03\x03\x00\x04abcd"), "the handshake failed: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, server := link()
				go func() {
					defer server.Close()
					_, _ = server.Read(make([]byte, 4096)) // the client's part
					tt.serve(server)
				}()
				_, err := shakeHands(t.Context(), client, tlsConfig(&Client{}, localhost(TLS, ""), "dot"))
				insecure, ok := errors.AsType[*insecureError](err)
				if !ok || !strings.HasPrefix(insecure.Error(), tt.want) || insecure.Error() == "" {
					t.Errorf("error %T %v, want %q", err, err, tt.want)
				}
			})
		})
	}
}

// What the two ends may not agree on.
func TestHandshakeDisagrees(t *testing.T) {
	tests := []struct {
		name   string
		change func(*tls.Config)
		want   string
	}{
		{"no protocol at all", func(c *tls.Config) { c.NextProtos = nil }, ""},
		{"TLS 1.2", func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, ""},
		{"TLS 1.1", func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 },
			"the server refused the handshake: protocol version not supported"},
		{"another protocol", func(c *tls.Config) { c.NextProtos = []string{"imap"} },
			"the server refused the handshake: no application protocol"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				known := newSigner(t)
				config := known.config(t, "dot", nil)
				tt.change(config)
				c, err := joinTLS(t.Context(), t, &Client{Roots: known.pool}, localhost(TLS, ""), config, echo)
				checkInsecure(t, err, tt.want)
				closing(t, c)
			})
		})
	}
}

// A server that says nothing is not insecure, but silent.
func TestHandshakeSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := link()
		defer server.Close()
		go io.Copy(io.Discard, server)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		start := time.Now()
		_, err := shakeHands(ctx, client, tlsConfig(&Client{}, localhost(TLS, ""), "dot"))
		if _, ok := errors.AsType[*insecureError](err); ok || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %T %v", err, err)
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("ended after %v", took)
		}
	})
}

// A whole exchange over each transport, by both families.
func TestSecureExchange(t *testing.T) {
	known := newSigner(t)
	for _, lane := range secured {
		for _, ip := range []string{"127.0.0.1", "::1"} {
			t.Run(lane.transport.String()+" "+ip, func(t *testing.T) {
				var logged bytes.Buffer
				log.SetOutput(&logged)
				defer log.SetOutput(os.Stderr)
				queries := make(chan []byte, 1)
				s := lane.listen(t, netip.MustParseAddr(ip), known.config(t, lane.protocol, nil), func(_ net.Addr, query []byte) []byte {
					queries <- query
					q := new(dns.Msg)
					if err := q.Unpack(query); err != nil {
						t.Errorf("query: %v", err)
					}
					return reply(q)
				})
				client := &Client{Roots: known.pool}
				x, err := client.Exchange(t.Context(), s, Question{Name: "a.example"})
				if err != nil || x.Status != Answered || x.Via != lane.transport {
					t.Fatalf("%+v, %v", x, err)
				}
				query := <-queries
				if len(query)%128 != 0 {
					t.Errorf("a query of %d bytes", len(query))
				}
				if zero := query[0] == 0 && query[1] == 0; transports(lane.transport).zeroID && !zero {
					t.Errorf("identifier %x", query[:2])
				}
				if err := client.Close(); err != nil {
					t.Error(err)
				}
				if logged.Len() > 0 {
					t.Errorf("standard error: %s", &logged)
				}
			})
		}
	}
}
