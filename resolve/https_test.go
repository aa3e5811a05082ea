package resolve

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"math"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

// joinHTTPS is the join of HTTPS.
func joinHTTPS(ctx context.Context, t *testing.T, c *Client, s Server, config *tls.Config, answer func([]byte) []byte) (carrier, error) {
	t.Helper()
	return joinWeb(ctx, t, c, s, config, answering(answer))
}

// listenHTTPS is the listen of HTTPS.
func listenHTTPS(t *testing.T, ip netip.Addr, config *tls.Config, answer func(net.Addr, []byte) []byte) Server {
	t.Helper()
	l, s := listenTCP(t, HTTPS, ip)
	serveWeb(t, l, config, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer := net.TCPAddrFromAddrPort(netip.MustParseAddrPort(r.RemoteAddr))
		answering(func(query []byte) []byte { return answer(peer, query) })(w, r)
	}))
	return s
}

// joinWeb connects to a web server in memory.
func joinWeb(ctx context.Context, t *testing.T, c *Client, s Server, config *tls.Config, handler http.Handler) (carrier, error) {
	t.Helper()
	client, server := link()
	serveWeb(t, &single{conn: server}, config, handler)
	resource, err := s.resource()
	if err != nil {
		return nil, err
	}
	return newWeb(ctx, resource, func(ctx context.Context) (net.Conn, error) {
		return shakeHands(ctx, client, tlsConfig(c, s, "h2", "http/1.1"))
	})
}

// serveWeb serves a listener until the test ends.
func serveWeb(t *testing.T, l net.Listener, config *tls.Config, handler http.Handler) {
	server := &http.Server{Handler: handler, TLSConfig: config, ErrorLog: log.New(io.Discard, "", 0)}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.ServeTLS(l, "", "") })
	t.Cleanup(func() {
		_ = server.Close()
		serving.Wait()
	})
}

// answering is a resource that answers queries; one without an answer waits for its client to go.
func answering(answer func([]byte) []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		query, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		a := answer(query)
		if a == nil {
			<-r.Context().Done()
			return
		}
		w.Header().Set("Content-Type", messageType)
		_, _ = w.Write(a)
	}
}

// single is a listener with one connection.
type single struct {
	conn net.Conn
	once sync.Once
	end  chan struct{}
}

func (s *single) Accept() (net.Conn, error) {
	first := false
	s.once.Do(func() { first, s.end = true, make(chan struct{}) })
	if first {
		return s.conn, nil
	}
	<-s.end
	return nil, net.ErrClosed
}

func (s *single) Close() error {
	s.once.Do(func() { s.end = make(chan struct{}) })
	select {
	case <-s.end:
	default:
		close(s.end)
	}
	return s.conn.Close()
}

func (s *single) Addr() net.Addr { return s.conn.LocalAddr() }

// What a query looks like to the server.
func TestHTTPSRequest(t *testing.T) {
	tests := []struct {
		name   string
		server Server
		want   string // method, authority, path
	}{
		{"default", localhost(HTTPS, "dns.example"), "POST dns.example:853 /dns-query"},
		{"path", Server{Host: "dns.example", Path: "/a%2Fb?c=d", Addr: loopbackPort(853)}, "POST dns.example:853 /a%2Fb?c=d"},
		{"standard port", Server{Host: "dns.example.", Addr: loopbackPort(443)}, "POST dns.example /dns-query"},
		{"address", Server{Host: "::1", Addr: loopbackPort(443)}, "POST [::1] /dns-query"},
		{"no host", Server{Addr: loopbackPort(8443)}, "POST 127.0.0.1:8443 /dns-query"},
	}
	for _, protocol := range []string{"h2", "http/1.1"} {
		for _, tt := range tests {
			t.Run(protocol+" "+tt.name, func(t *testing.T) {
				// A proxy that would have to be asked if it were heeded.
				t.Setenv("HTTPS_PROXY", "http://192.0.2.1:3128")
				synctest.Test(t, func(t *testing.T) {
					known := newSigner(t)
					requests := make(chan *http.Request, 1)
					c, err := joinWeb(t.Context(), t, &Client{Roots: known.pool}, tt.server, known.config(t, protocol, nil),
						http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
							requests <- r
							answering(echo)(w, r)
						}))
					if err != nil {
						t.Fatal(err)
					}
					defer closing(t, c)
					if _, err := c.ask(t.Context(), packed(t, 0, "a.example.")); err != nil {
						t.Fatal(err)
					}
					r := <-requests
					if got := r.Method + " " + r.Host + " " + r.RequestURI; got != tt.want {
						t.Errorf("request %s, want %s", got, tt.want)
					}
					want := http.Header{"Content-Type": {messageType}, "Accept": {messageType}, "Content-Length": {"27"}}
					if diff := cmp.Diff(want, r.Header); diff != "" {
						t.Errorf("header (-want +got):\n%s", diff)
					}
					if got := r.ProtoMajor == 2; got != (protocol == "h2") {
						t.Errorf("by %s", r.Proto)
					}
				})
			})
		}
	}
}

// What a server may do wrong after the handshake.
func TestHTTPSResponses(t *testing.T) {
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "https://elsewhere.example/")
			w.Header().Set("Content-Type", messageType)
			w.WriteHeader(code)
			_, _ = w.Write([]byte("0123456789abcdef"))
		}
	}
	content := func(kind string, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Content-Type"] = []string{kind}
			_, _ = io.WriteString(w, body)
		}
	}
	full := strings.Repeat("x", math.MaxUint16)
	tests := []struct {
		name    string
		handler http.HandlerFunc
		want    string // the answer
		err     string // or the text of the *malformedError
	}{
		{name: "right", handler: content(messageType, "answer"), want: "answer"},
		{name: "capitals", handler: content("Application/DNS-Message", "answer"), want: "answer"},
		{name: "parameter", handler: content(messageType+"; charset=binary", "answer"), want: "answer"},
		{name: "bad parameter", handler: content(messageType+"; =", "answer"), want: "answer"},
		{name: "longest", handler: content(messageType, full), want: full},
		{name: "too long", handler: content(messageType, full+"x"), err: "HTTP content of more than 65535 bytes"},
		{name: "text", handler: content("text/html", "<html>"), err: `HTTP content of type "text/html", not application/dns-message`},
		{name: "JSON", handler: content("application/dns-json", "{}"),
			err: `HTTP content of type "application/dns-json", not application/dns-message`},
		{name: "no type", handler: content("", "answer"), err: `HTTP content of type "", not application/dns-message`},
		{name: "redirect", handler: status(302), err: "HTTP 302 Found"},
		{name: "bad request", handler: status(400), err: "HTTP 400 Bad Request"},
		{name: "not there", handler: status(404), err: "HTTP 404 Not Found"},
		{name: "overloaded", handler: status(503), err: "HTTP 503 Service Unavailable"},
		{name: "accepted", handler: status(202), err: "HTTP 202 Accepted"},
		{name: "unheard of", handler: status(599), err: "HTTP 599"},
		{name: "ends early", handler: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", messageType)
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "only this")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, err: "HTTP content that ends early"},
		{name: "without end", handler: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", messageType)
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, full)
			}
		}, err: "HTTP content of more than 65535 bytes"},
	}
	for _, protocol := range []string{"h2", "http/1.1"} {
		for _, tt := range tests {
			t.Run(protocol+" "+tt.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					known := newSigner(t)
					c, err := joinWeb(t.Context(), t, &Client{Roots: known.pool}, localhost(HTTPS, ""), known.config(t, protocol, nil), tt.handler)
					if err != nil {
						t.Fatal(err)
					}
					defer closing(t, c)
					got, err := c.ask(t.Context(), packed(t, 0, "a.example."))
					checkAnswer(t, got, err, tt.want, tt.err)
				})
			})
		}
	}
}

// checkAnswer fails unless an answer is want, or err a *malformedError with the text.
func checkAnswer(t *testing.T, got []byte, err error, want, text string) {
	t.Helper()
	if text == "" {
		if err != nil || string(got) != want {
			t.Errorf("%d bytes, %v, want %d", len(got), err, len(want))
		}
		return
	}
	if malformed, ok := errors.AsType[*malformedError](err); !ok || malformed.Error() != text {
		t.Errorf("%d bytes, error %T %v, want %q", len(got), err, err, text)
	}
}

// A server that sends its answer byte by byte is waited for as long as the context lasts.
func TestHTTPSDrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		known := newSigner(t)
		c, err := joinWeb(t.Context(), t, &Client{Roots: known.pool}, localhost(HTTPS, ""), known.config(t, "h2", nil),
			http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", messageType)
				for range 10 {
					_, _ = io.WriteString(w, "x")
					_ = http.NewResponseController(w).Flush()
					select {
					case <-time.After(time.Second):
					case <-r.Context().Done():
						return
					}
				}
			}))
		if err != nil {
			t.Fatal(err)
		}
		defer closing(t, c)
		if got, err := c.ask(t.Context(), packed(t, 0, "a.example.")); err != nil || string(got) != "xxxxxxxxxx" {
			t.Errorf("%q, %v", got, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		start := time.Now()
		if got, err := c.ask(ctx, packed(t, 0, "a.example.")); err != context.DeadlineExceeded || time.Since(start) != 5*time.Second {
			t.Errorf("%q, %v after %v", got, err, time.Since(start))
		}
	})
}

// A path that is none is an error of the user's.
func TestHTTPSPath(t *testing.T) {
	for _, path := range []string{"dns-query", "//elsewhere.example/x", "/%zz", "https://elsewhere.example/", "/\x00"} {
		s := localhost(HTTPS, "dns.example")
		s.Path = path
		if u, err := s.resource(); err == nil {
			t.Errorf("%q: %v", path, u)
		}
	}
}

// aged is a message with records in all sections, and the TTLs of its records, that of EDNS last.
func aged(t testing.TB) []byte {
	t.Helper()
	m := new(dns.Msg).SetQuestion("www.example.", dns.TypeA)
	m.Compress = true
	for i, text := range []string{
		"www.example. 300 IN CNAME web.example.", "web.example. 20 IN A 192.0.2.1",
		"example. 4000000000 IN NS ns.example.", "ns.example. 60 IN A 192.0.2.53",
	} {
		rr, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		section := []*[]dns.RR{&m.Answer, &m.Answer, &m.Ns, &m.Extra}[i]
		*section = append(*section, rr)
	}
	m.SetEdns0(1232, true)
	wire, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return wire
}

func TestAgeTTLs(t *testing.T) {
	tests := []struct {
		age  uint32
		want []uint32
	}{
		{0, []uint32{300, 20, 4000000000, 60, 0x8000}},
		{60, []uint32{240, 0, 3999999940, 0, 0x8000}},
		{math.MaxUint32, []uint32{0, 0, 0, 0, 0x8000}},
	}
	for _, tt := range tests {
		wire := aged(t)
		ageTTLs(wire, tt.age)
		var m dns.Msg
		if err := m.Unpack(wire); err != nil {
			t.Fatal(err)
		}
		var got []uint32
		for _, rr := range slices.Concat(m.Answer, m.Ns, m.Extra) {
			got = append(got, rr.Header().Ttl)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("after %d s: %v, want %v", tt.age, got, tt.want)
		}
	}
}

// The header Age is heeded if it is a number.
func TestHTTPSAge(t *testing.T) {
	for header, want := range map[string]uint32{"": 300, "100": 200, "-1": 300, "soon": 300, "99999999999999999999": 300} {
		r := &http.Response{StatusCode: 200, Body: io.NopCloser(bytes.NewReader(aged(t))),
			Header: http.Header{"Content-Type": {messageType}, "Age": {header}}}
		wire, err := webAnswer(t.Context(), r)
		var m dns.Msg
		if err != nil || m.Unpack(wire) != nil || m.Answer[0].Header().Ttl != want {
			t.Errorf("Age %q: %v, %v", header, err, m.Answer)
		}
	}
}

// Whatever the bytes, only TTLs change, and none grows.
func FuzzAgeTTLs(f *testing.F) {
	f.Add(aged(f), uint32(60))
	f.Add(aged(f)[:70], uint32(1))
	f.Add([]byte{0, 0, 0x80, 0, 0, 1, 0xff, 0xff, 0, 0, 0, 0, 0xc0, 12, 0, 1, 0, 1}, uint32(9))
	f.Fuzz(func(t *testing.T, message []byte, age uint32) {
		was := bytes.Clone(message)
		ageTTLs(message, age)
		// A name can point at a TTL, and then is another one afterwards: the server wanted it so.
		points := slices.ContainsFunc(was, func(c byte) bool { return c >= 0xc0 })
		var before, after dns.Msg
		if before.Unpack(was) != nil {
			return
		}
		if err := after.Unpack(message); err != nil {
			if points {
				return
			}
			t.Fatalf("unpacked before, but not after: %v", err)
		}
		old := slices.Concat(before.Answer, before.Ns, before.Extra)
		for i, rr := range slices.Concat(after.Answer, after.Ns, after.Extra) {
			header := rr.Header()
			want := old[i].Header().Ttl
			if header.Rrtype != dns.TypeOPT {
				want -= min(want, age)
			}
			if header.Ttl != want {
				t.Fatalf("record %d: TTL %d after %d s, was %d", i, header.Ttl, age, old[i].Header().Ttl)
			}
			header.Ttl = old[i].Header().Ttl
			if !points && !dns.IsDuplicate(rr, old[i]) && rr.String() != old[i].String() {
				t.Fatalf("record %d: %v, was %v", i, rr, old[i])
			}
		}
	})
}
