package probe

import (
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// shaking is a TLS server that does nothing behind the handshake.
func shaking(config *tls.Config) func(net.Conn) {
	config = config.Clone()
	config.SessionTicketsDisabled = true // nobody reads them
	return func(conn net.Conn) {
		secure := tls.Server(conn, config)
		if secure.Handshake() == nil {
			idle(secure)
		}
	}
}

func TestHandshake(t *testing.T) {
	root := issue(t, nil, "Root", true)
	own := issue(t, root, "a.example", false)
	rsaOwn := issue(t, root, "a.example", false, keyed(shortKey(t, 2048)))
	limited := func(h *holder, change func(*tls.Config)) *tls.Config {
		c := served(h)
		change(c)
		return c
	}
	for _, c := range []struct {
		name   string
		config *tls.Config
		alpn   []string
		want   Session // Cipher only if it is not for the machine to choose
	}{
		{"TLS 1.3", served(own), nil, Session{Version: "TLS 1.3"}},
		{"ALPN", limited(own, func(c *tls.Config) { c.NextProtos = []string{"http/1.1", "h2"} }), []string{"h2", "http/1.1"},
			Session{Version: "TLS 1.3", ALPN: "http/1.1"}},
		{"ALPN that the server does not know", served(own), []string{"h2"}, Session{Version: "TLS 1.3"}},
		{"TLS 1.2", limited(own, func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256}
		}), nil, Session{Version: "TLS 1.2", Cipher: "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"}},
		{"TLS 1.1", limited(own, func(c *tls.Config) {
			c.MinVersion, c.MaxVersion, c.CipherSuites = tls.VersionTLS10, tls.VersionTLS11, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA}
		}), nil, Session{Version: "TLS 1.1", Cipher: "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", Remarks: []string{"TLS 1.1 is deprecated (RFC 8996)"}}},
		{"TLS 1.0", limited(rsaOwn, func(c *tls.Config) {
			c.MinVersion, c.MaxVersion, c.CipherSuites = tls.VersionTLS10, tls.VersionTLS10, []uint16{tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA}
		}), nil, Session{Version: "TLS 1.0", Cipher: "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
			Remarks: []string{"TLS 1.0 is deprecated (RFC 8996)", "the cipher suite TLS_RSA_WITH_3DES_EDE_CBC_SHA is weak (RFC 9325)"}}},
		{"a client's certificate is asked for", limited(own, func(c *tls.Config) { c.ClientAuth = tls.RequestClientCert }), nil,
			Session{Version: "TLS 1.3", ClientAsked: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				talk := &Talk{TLS: &TLS{ALPN: c.alpn, Roots: pool(root), Now: judged}}
				said, took := talked(t.Context(), talk, &Target{Name: "a.example"}, shaking(c.config))
				if said.Err != nil || said.TLS == nil {
					t.Fatalf("error %v, session %v", said.Err, said.TLS)
				}
				got := *said.TLS
				if len(got.Chain) != 1 || got.Chain[0].Subject != "CN=a.example" || got.Handshake != took {
					t.Errorf("chain %+v, handshake %v of %v", got.Chain, got.Handshake, took)
				}
				if got.Chain = nil; c.want.Cipher == "" && strings.HasPrefix(got.Cipher, "TLS_") {
					got.Cipher = ""
				}
				got.Handshake = 0
				c.want.Name, c.want.Verified = "a.example", true
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
			})
		})
	}
}

func TestServerName(t *testing.T) {
	config := served(issue(t, nil, "a.example", false))
	for _, c := range []struct {
		name, tls, target, want, asked string
	}{
		{name: "of the target", target: "a.example", want: "a.example", asked: "a.example"},
		{name: "of the talk", tls: "b.example", target: "a.example", want: "b.example", asked: "b.example"},
		{name: "with a final dot", target: "a.example.", want: "a.example", asked: "a.example"},
		{name: "an address", target: "192.0.2.7", want: "192.0.2.7"},
		{name: "an address with a zone", target: "fe80::1%eth0", want: "fe80::1"},
		{name: "none", want: "192.0.2.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				asked := ""
				config := config.Clone()
				config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
					asked = hello.ServerName
					return nil, nil
				}
				said, _ := talked(t.Context(), &Talk{TLS: &TLS{Name: c.tls}}, &Target{Name: c.target}, shaking(config))
				if said.TLS == nil || said.TLS.Name != c.want || asked != c.asked {
					t.Errorf("session %+v, error %v, SNI %q", said.TLS, said.Err, asked)
				}
			})
		})
	}
	c := &conversation{talk: &Talk{TLS: &TLS{}}, target: &Target{}, addr: netip.MustParseAddrPort("[fe80::1%eth0]:443")}
	if got := c.serverName(); got != "fe80::1" {
		t.Errorf("without a name: %s", got)
	}
}

func TestProblems(t *testing.T) {
	root := issue(t, nil, "Root", true)
	between := issue(t, root, "Between", true)
	expired := issue(t, between, "b.example", false, valid(-90*day, -3*day))
	said, _ := talked(t.Context(), &Talk{TLS: &TLS{Roots: pool(root), Now: judged}}, &Target{Name: "a.example"}, shaking(served(expired, between)))
	if said.Err != nil || said.TLS == nil {
		t.Fatal(said.Err)
	}
	want := []string{"expired 3 days ago (2026-11-19)", "is for b.example, not for a.example"}
	if diff := cmp.Diff(want, said.TLS.Problems); diff != "" || said.TLS.Verified {
		t.Errorf("verified %v, problems (-want +got)\n%s", said.TLS.Verified, diff)
	}
	if c := said.TLS.Chain; len(c) != 2 || c[0].DaysLeft != -3 || c[1].DaysLeft != 1000 || !c[1].CA {
		t.Errorf("chain %+v", c)
	}
}

func TestProblemsByTheClock(t *testing.T) {
	own := issue(t, nil, "a.example", false)
	synctest.Test(t, func(t *testing.T) { // where it is the year 2000
		said, _ := talked(t.Context(), &Talk{TLS: &TLS{Roots: pool(own)}}, &Target{Name: "a.example"}, shaking(served(own)))
		if said.TLS == nil || said.TLS.Verified || said.TLS.Clock == "" || len(said.TLS.Problems) != 1 {
			t.Errorf("%+v, %v", said.TLS, said.Err)
		}
	})
}

// TestClientRequired has a server that takes nobody without a certificate: with TLS 1.3 the client knows that only
// after the handshake.
func TestClientRequired(t *testing.T) {
	own := issue(t, nil, "a.example", false)
	const want = ": it asked for a certificate of the client's, and there is none"
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			config := served(own)
			config.ClientAuth, config.MaxVersion = tls.RequireAnyClientCert, version
			synctest.Test(t, func(t *testing.T) {
				said, _ := talked(t.Context(), &Talk{TLS: &TLS{Roots: pool(own), Now: judged}, Banner: true}, &Target{Name: "a.example"}, shaking(config))
				e, ok := errors.AsType[*TLSError](said.Err)
				if !ok || !strings.HasSuffix(e.Why, want) || e.Alert == 0 || e.Said != nil {
					t.Errorf("error %v", said.Err)
				}
				if s := said.TLS; s == nil || !s.ClientAsked || !s.Verified || len(s.Chain) != 1 || s.Version != tls.VersionName(version) {
					t.Errorf("session %+v", s)
				}
			})
		})
	}
}

// answering is a server that reads once and then says something, and goes.
func answering(text string) func(net.Conn) {
	return func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 64<<10))
		_, _ = io.WriteString(conn, text)
	}
}

func TestTLSErrors(t *testing.T) {
	greeting := func(text string) func(net.Conn) {
		return func(conn net.Conn) {
			go idle(conn) // a socket takes what nobody reads
			_, _ = io.WriteString(conn, text)
			time.Sleep(time.Hour) // of the bubble
		}
	}
	alert := func(n byte) func(net.Conn) { return answering("\x15\x03\x01\x00\x02\x02" + string(rune(n))) }
	for _, c := range []struct {
		name   string
		server func(net.Conn)
		want   TLSError // without Err
		text   string
	}{
		{"SSH", greeting("SSH-2.0-OpenSSH_9.2\r\n"), TLSError{Why: "the server does not speak TLS", Said: []byte("SSH-2.0-OpenSSH_9.2\r\n")},
			`probe: the server does not speak TLS: it said "SSH-2.0-OpenSSH_9.2"`},
		{"HTTP", answering("HTTP/1.1 400 Bad Request\r\n\r\n"), TLSError{Why: "the server does not speak TLS but plain HTTP", Said: []byte("HTTP/1.1 400 Bad Request\r\n\r\n")},
			`probe: the server does not speak TLS but plain HTTP: it said "HTTP/1.1 400 Bad Request"`},
		{"a few bytes", greeting("hi"), TLSError{Why: "the server does not speak TLS", Said: []byte("hi")},
			`probe: the server does not speak TLS: it said "hi"`},
		{"a few bytes and an end", answering("hi"), TLSError{Why: "the server does not speak TLS", Said: []byte("hi")},
			`probe: the server does not speak TLS: it said "hi"`},
		{"silence", idle, TLSError{Why: "the server said nothing to the TLS handshake in time"}, ""},
		{"half a record", greeting("\x16\x03\x03"), TLSError{Why: "the server did not end the TLS handshake in time"}, ""},
		{"an end", answering(""), TLSError{Why: "the server closed the connection during the TLS handshake"}, ""},
		{"no version", alert(70), TLSError{Why: "the server refused TLS: protocol version not supported (alert 70): it speaks no version from TLS 1.0 to 1.3", Alert: 70}, ""},
		{"no such name", alert(112), TLSError{Why: "the server refused TLS: unrecognized name (alert 112): it does not serve a.example", Alert: 112}, ""},
		{"no protocol", alert(120), TLSError{Why: "the server refused TLS: no application protocol (alert 120): it speaks none of h2, x", Alert: 120}, ""},
		{"nothing in common", alert(40),
			TLSError{Why: "the server refused TLS: handshake failure (alert 40): it has nothing in common with what was offered, or wants something else", Alert: 40}, ""},
		{"an alert of no name", alert(99), TLSError{Why: "the server refused TLS: alert(99) (alert 99)", Alert: 99}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				talk := &Talk{TLS: &TLS{ALPN: []string{"h2", "x"}}}
				said, took := talked(t.Context(), talk, &Target{Name: "a.example"}, c.server)
				e, ok := errors.AsType[*TLSError](said.Err)
				if !ok || said.TLS != nil || e.Err == nil || took > DefaultTimeout {
					t.Fatalf("error %#v, session %v after %v", said.Err, said.TLS, took)
				}
				got := *e
				got.Err = nil
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
				if c.text == "" {
					c.text = "probe: " + c.want.Why
				}
				if e.Error() != c.text {
					t.Errorf("%s, want %s", e, c.text)
				}
			})
		})
	}
}

// TestTLSBroken has a server that speaks TLS as it must not.
func TestTLSBroken(t *testing.T) {
	said := converse(t.Context(), &canned{says: []byte("\x16\x03\x03\x00\x04\x0e\x00\x00\x00"), step: 100}, &Talk{TLS: &TLS{}}, &Target{}, somewhere)
	if e, ok := errors.AsType[*TLSError](said.Err); !ok || !strings.HasPrefix(e.Why, "the TLS handshake failed: ") || strings.Contains(e.Why, "tls: ") {
		t.Errorf("error %v", said.Err)
	}
}

// TestTLSBid has a server that takes nothing any more, so that TLS cannot be ended in order.
func TestTLSBid(t *testing.T) {
	config := served(issue(t, nil, "a.example", false))
	config.SessionTicketsDisabled = true
	synctest.Test(t, func(t *testing.T) {
		said, took := talked(t.Context(), &Talk{TLS: &TLS{}, Timeout: time.Minute}, &Target{}, func(conn net.Conn) {
			_ = tls.Server(conn, config).Handshake()
			time.Sleep(time.Hour) // of the bubble
		})
		if said.Err != nil || said.TLS == nil || took != lull {
			t.Errorf("error %v, session %v after %v", said.Err, said.TLS, took)
		}
	})
}

// TestTLSErrorHint has a protocol named in which TLS may have to be asked for, where the port says so.
func TestTLSErrorHint(t *testing.T) {
	for port, want := range map[uint16]string{587: "smtp", 443: ""} {
		said := converse(t.Context(), &canned{says: []byte("220 mail ESMTP\r\n"), step: 100}, &Talk{TLS: &TLS{}}, &Target{}, netip.AddrPortFrom(somewhere.Addr(), port))
		if e, ok := errors.AsType[*TLSError](said.Err); !ok || e.StartTLS != want {
			t.Errorf("port %d: %v, %+v", port, said.Err, e)
		}
	}
}

func TestTLSReset(t *testing.T) {
	client, server := accepted(t)
	go func() {
		_, _ = server.Read(make([]byte, 1)) // with more to be read closing is a reset
		_ = server.SetLinger(0)
		_ = server.Close()
	}()
	said := converse(t.Context(), client, &Talk{TLS: &TLS{}, Timeout: time.Hour}, &Target{}, somewhere)
	e, ok := errors.AsType[*TLSError](said.Err)
	if !ok || e.Why != "the server reset the connection during the TLS handshake" || !errors.Is(e, syscall.ECONNRESET) {
		t.Errorf("error %v", said.Err)
	}
}

// TestTLSCanceled has no *TLSError where the context ended the handshake.
func TestTLSCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	said, _ := talked(ctx, &Talk{TLS: &TLS{}, Timeout: time.Hour}, &Target{}, func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 1))
		cancel()
		idle(conn)
	})
	if said.Err != context.Canceled {
		t.Errorf("error %v", said.Err)
	}
}

func TestKeyName(t *testing.T) {
	for want, cert := range map[string]*x509.Certificate{
		"RSA 1024":    {PublicKey: shortKey(t, 1024).Public()},
		"ECDSA P-256": {PublicKey: issue(t, nil, "a.example", false).key.Public().(*ecdsa.PublicKey)},
		"DSA":         {PublicKeyAlgorithm: x509.DSA},
		"unknown":     {},
	} {
		if got := keyName(cert); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if got := signatureName(&x509.Certificate{}); got != "unknown" {
		t.Errorf("a signature of %s", got)
	}
}
