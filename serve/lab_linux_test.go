package serve

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/lab"
)

func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }

// live is a server of the calling test, which is in a lab, while it runs.
type live struct {
	t      *testing.T
	addr   netip.AddrPort
	events chan Event
	stop   context.CancelFunc
}

func start(t *testing.T, cfg Config) *live {
	t.Helper()
	if cfg.Addr == (netip.AddrPort{}) {
		cfg.Addr = netip.MustParseAddrPort("127.0.0.1:0")
	}
	s, err := Listen(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	l := &live{t: t, addr: s.Addr(), events: make(chan Event, 10_000), stop: cancel}
	go func() {
		defer close(l.events)
		for e, err := range s.Run(ctx) {
			if err == nil {
				l.events <- e
			}
		}
	}()
	t.Cleanup(func() { l.end() })
	return l
}

// next returns the next event of a kind.
func (l *live) next(kind Kind) Event {
	l.t.Helper()
	for e := range l.events {
		if e.Kind == kind {
			return e
		}
	}
	l.t.Fatalf("the server ended before an event of kind %d", kind)
	return Event{}
}

// end stops the server and returns the events that were left.
func (l *live) end() (left []Event) {
	l.stop()
	for e := range l.events {
		left = append(left, e)
	}
	return left
}

// dial connects to the server over loopback.
func (l *live) dial() *net.TCPConn {
	l.t.Helper()
	conn, err := dialTo(l.addr)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { conn.Close() })
	return conn
}

func dialTo(a netip.AddrPort) (*net.TCPConn, error) {
	return net.DialTCP("tcp", nil, net.TCPAddrFromAddrPort(a))
}

// abort closes a connection with a reset.
func abort(t *testing.T, conn *net.TCPConn) {
	if err := errors.Join(conn.SetLinger(0), conn.Close()); err != nil {
		t.Error(err)
	}
}

// TestKernel has clients end in every way on real connections.
func TestKernel(t *testing.T) {
	lab.Test(t, nil)
	const brief = 50 * time.Millisecond
	long := bytes.Repeat([]byte("x"), 64<<20) // more than the buffers of both ends hold
	tests := []struct {
		name   string
		cfg    Config
		client func(t *testing.T, conn *net.TCPConn)
		end    End
		err    error
	}{
		{"greeted", Config{}, func(t *testing.T, conn *net.TCPConn) { hears(t, conn, DefaultMessage); conn.Close() }, Closed, nil},
		{"sends first", Config{}, func(t *testing.T, conn *net.TCPConn) {
			if _, err := conn.Write(make([]byte, 1<<20)); err != nil {
				t.Error(err)
			}
			hears(t, conn, DefaultMessage)
			conn.Close()
		}, Closed, nil},
		{"resets", Config{}, abort, Left, syscall.ECONNRESET},
		{"hangs", Config{Idle: brief}, nil, TimedOut, nil},
		{"never reads", Config{Idle: brief, Message: long}, nil, TimedOut, nil},
		{"held, closes", Config{Mode: Hold}, func(_ *testing.T, conn *net.TCPConn) { conn.Close() }, Closed, nil},
		{"held, sends, closes", Config{Mode: Hold}, func(_ *testing.T, conn *net.TCPConn) { _, _ = io.WriteString(conn, "text"); conn.Close() }, Closed, nil},
		{"held, half closes", Config{Mode: Hold}, func(_ *testing.T, conn *net.TCPConn) { conn.CloseWrite() }, Closed, nil},
		{"held, resets", Config{Mode: Hold}, abort, Left, syscall.ECONNRESET},
		{"held, sends, resets", Config{Mode: Hold}, func(t *testing.T, conn *net.TCPConn) { _, _ = io.WriteString(conn, "text"); abort(t, conn) }, Left, syscall.ECONNRESET},
		{"held, hangs", Config{Mode: Hold, Idle: brief}, nil, TimedOut, nil},
		{"held, sends, hangs", Config{Mode: Hold, Idle: brief}, func(_ *testing.T, conn *net.TCPConn) { _, _ = io.WriteString(conn, "text") }, TimedOut, nil},
		{"echoed", Config{Mode: Echo}, func(t *testing.T, conn *net.TCPConn) { exchange(t, conn, "text"); conn.Close() }, Closed, nil},
		{"echoed, half closes", Config{Mode: Echo}, func(t *testing.T, conn *net.TCPConn) {
			go func() {
				_, _ = conn.Write(long)
				conn.CloseWrite()
			}()
			if n, err := io.Copy(io.Discard, conn); n != int64(len(long)) || err != nil {
				t.Errorf("%d bytes came back, %v", n, err)
			}
		}, Closed, nil},
		{"reset", Config{Mode: Reset}, func(t *testing.T, conn *net.TCPConn) {
			if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("the client sees %v", err)
			}
		}, WasReset, nil},
	}
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
		for _, tt := range tests {
			tt.cfg.Addr = netip.MustParseAddrPort(addr)
			l := start(t, tt.cfg)
			conn, err := dialTo(l.addr)
			switch {
			case err != nil && tt.cfg.Mode == Reset && errors.Is(err, syscall.ECONNRESET): // before connect has returned
			case err != nil:
				t.Fatal(err)
			case tt.client != nil:
				tt.client(t, conn)
			}
			e := l.next(Ended)
			if e.End != tt.end || !errors.Is(e.Err, tt.err) || conn != nil && e.Client != addrPort(conn.LocalAddr()) {
				t.Errorf("%s of %s: %v, %v of %v", tt.name, addr, e.End, e.Err, e.Client)
			}
			if tt.cfg.Mode != Reset && e.RTT <= 0 {
				t.Errorf("%s: no round trip", tt.name)
			}
			if n := int64(len(tt.cfg.Message)); n > 0 && (e.Greeted || e.Sent == 0 || e.Sent >= n) {
				t.Errorf("%s: greeted %v, %d bytes were sent", tt.name, e.Greeted, e.Sent)
			}
			l.end()
			if conn != nil {
				conn.Close()
			}
		}
	}
}

// TestManyAtOnce has 2,000 clients connected, half of which hang, and MaxClients of just so many.
func TestManyAtOnce(t *testing.T) {
	lab := lab.Test(t, nil)
	const clients, groups = 2000, 8
	before := descriptors(t)
	l := start(t, Config{MaxClients: clients, Idle: -1})
	conns := make([]*net.TCPConn, clients)
	var dialing sync.WaitGroup
	for g := range groups {
		dialing.Go(func() {
			err := lab.Do(func() (err error) {
				for i := g; i < clients && err == nil; i += groups {
					conns[i], err = dialTo(l.addr)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	ids := make(map[int64]bool)
	for len(ids) < clients {
		e := <-l.events
		if e.Kind != Listening && (e.Kind != Accepted || ids[e.ID] || e.Clients != len(ids)+1) {
			t.Fatalf("%+v", e)
		}
		if e.Kind == Accepted {
			ids[e.ID] = true
		}
	}
	dialing.Wait()
	if used := memory(); used > clients*(64<<10) {
		t.Errorf("%d bytes of memory for %d clients", used, clients)
	}
	refused, err := dialTo(l.addr)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) { // before connect has returned
		t.Fatal(err)
	}
	if e := l.next(Refused); err == nil && e.Client != addrPort(refused.LocalAddr()) {
		t.Errorf("%+v", e)
	}
	go func() {
		for _, conn := range conns[:clients/2] {
			hears(t, conn, DefaultMessage)
			conn.Close()
		}
	}()
	for i := range clients / 2 {
		if e := l.next(Ended); e.End != Closed || !e.Greeted || e.Clients != clients-1-i {
			t.Errorf("%+v", e)
		}
	}
	left := l.end()
	for _, e := range left {
		if e.Kind != Ended || e.End != Stopped || !e.Greeted {
			t.Errorf("%+v", e)
		}
	}
	for _, conn := range conns[clients/2:] {
		conn.Close()
	}
	if refused != nil {
		refused.Close()
	}
	if after := descriptors(t); len(left) != clients/2 || after != before {
		t.Errorf("%d were stopped; %d descriptors, %d before", len(left), after, before)
	}
}

// memory returns how much the collector and the stacks of goroutines hold.
func memory() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

// descriptors returns how many sockets this process has open.
func descriptors(t *testing.T) (sockets int) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && strings.HasPrefix(to, "socket:") {
			sockets++
		}
	}
	return sockets
}

// TestFamilies has each kind of address reached by the families that it should be.
func TestFamilies(t *testing.T) {
	lab.Test(t, nil)
	for _, tt := range []struct {
		addr   string
		v6only bool
		v4, v6 bool
	}{
		{"0.0.0.0:0", false, true, false}, {"[::]:0", false, true, true}, {"[::]:0", true, false, true},
		{"127.0.0.1:0", false, true, false}, {"[::1]:0", false, false, true}, {"[::ffff:127.0.0.1]:0", false, true, false},
	} {
		l := start(t, Config{Addr: netip.MustParseAddrPort(tt.addr), V6Only: tt.v6only})
		if got := l.next(Listening).Addr; got.Port() == 0 || got != l.addr {
			t.Errorf("%s: listening on %v", tt.addr, got)
		}
		for from, reached := range map[string]bool{"127.0.0.1": tt.v4, "::1": tt.v6} {
			addr := netip.MustParseAddr(from)
			conn, err := dialTo(netip.AddrPortFrom(addr, l.addr.Port()))
			if (err == nil) != reached {
				t.Errorf("%s, IPv6 only %v: from %s %v", tt.addr, tt.v6only, from, err)
			}
			if err == nil {
				if got := l.next(Accepted).Client.Addr(); got != addr {
					t.Errorf("%s: the client is %v", tt.addr, got)
				}
				conn.Close()
			}
		}
		l.end()
	}
}

func TestListen(t *testing.T) {
	lab.Test(t, nil)
	l := start(t, Config{Once: true})
	addr := l.addr
	for _, tt := range []struct {
		addr string
		want error
	}{
		{addr.String(), syscall.EADDRINUSE}, {fmt.Sprintf("0.0.0.0:%d", addr.Port()), syscall.EADDRINUSE},
		{fmt.Sprintf("[::]:%d", addr.Port()), syscall.EADDRINUSE}, {"192.0.2.1:0", syscall.EADDRNOTAVAIL}, {"[2001:db8::1]:0", syscall.EADDRNOTAVAIL},
	} {
		if _, err := Listen(t.Context(), Config{Addr: netip.MustParseAddrPort(tt.addr)}); !errors.Is(err, tt.want) || !strings.HasPrefix(err.Error(), "serve: ") {
			t.Errorf("%s: %v, want %v", tt.addr, err, tt.want)
		}
	}
	hears(t, l.dial(), DefaultMessage)
	l.end() // it closes first: what is left of the connection is on its side
	again, err := Listen(t.Context(), Config{Addr: addr})
	if err != nil {
		t.Fatal(err)
	}
	if again.Backlog() <= 0 {
		t.Error("no backlog")
	}
	if err := errors.Join(again.Close(), again.Close()); err != nil {
		t.Error(err)
	}
	if _, err := dialTo(addr); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("after Close: %v", err)
	}
}

// TestSelfSigned has clients check the certificate.
func TestSelfSigned(t *testing.T) {
	lab.Test(t, nil)
	cert, fingerprint, err := SelfSigned(time.Now(), []string{"server.example"}, []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("fe80::1%eth0")})
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	l := start(t, Config{TLS: &tls.Config{Certificates: []tls.Certificate{cert}}})
	for name, trusted := range map[string]bool{"server.example": true, "127.0.0.1": true, "fe80::1": true, "other.example": false, "127.0.0.2": false} {
		secure := tls.Client(l.dial(), &tls.Config{RootCAs: pool, ServerName: name})
		if err := secure.Handshake(); (err == nil) != trusted {
			t.Errorf("%s: %v", name, err)
		} else if trusted {
			hears(t, secure, DefaultMessage)
			if got := fmt.Sprintf("%X", sha256.Sum256(secure.ConnectionState().PeerCertificates[0].Raw)); got != strings.ReplaceAll(fingerprint, ":", "") {
				t.Errorf("fingerprint %s, want %s", fingerprint, got)
			}
		}
		secure.Close()
		if e := l.next(Ended); (e.End == Closed) != trusted || (e.End == Handshake) != !trusted || (e.TLS != "") != trusted {
			t.Errorf("%s: %+v", name, e)
		}
	}
	if left := time.Until(leaf.NotAfter); left < 24*time.Hour || !leaf.NotBefore.Before(time.Now()) {
		t.Errorf("valid from %v to %v", leaf.NotBefore, leaf.NotAfter)
	}
}
