package probe

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// somewhere is where the servers of the tests are said to be.
var somewhere = netip.MustParseAddrPort("192.0.2.1:4433")

// talked has t said to a server, at the other end of a pipe, which is closed when server returns. It waits
// for that, and tells how long the talk took.
func talked(ctx context.Context, t *Talk, target *Target, server func(conn net.Conn)) (*Said, time.Duration) {
	client, conn := net.Pipe()
	var serving sync.WaitGroup
	serving.Go(func() {
		defer conn.Close()
		server(conn)
	})
	start := time.Now()
	said := converse(ctx, pipeEnd{client}, t, target, somewhere)
	took := time.Since(start)
	serving.Wait()
	return said, took
}

// pipeEnd is an end of a net.Pipe whose deadlines can be set after the other end has closed, as those of a socket can.
type pipeEnd struct{ net.Conn }

func (p pipeEnd) SetDeadline(t time.Time) error      { return unlessClosed(p.Conn.SetDeadline(t)) }
func (p pipeEnd) SetReadDeadline(t time.Time) error  { return unlessClosed(p.Conn.SetReadDeadline(t)) }
func (p pipeEnd) SetWriteDeadline(t time.Time) error { return unlessClosed(p.Conn.SetWriteDeadline(t)) }

func unlessClosed(err error) error {
	if errors.Is(err, io.ErrClosedPipe) {
		return nil
	}
	return err
}

// idle reads, and keeps nothing, until the client is gone.
func idle(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

func TestConverseEnds(t *testing.T) {
	drip := func(conn net.Conn) {
		for {
			if _, err := conn.Write([]byte("x")); err != nil {
				return
			}
			time.Sleep(100 * time.Millisecond) // of the bubble
		}
	}
	for name, c := range map[string]struct {
		talk   *Talk
		server func(net.Conn)
	}{
		"banner":    {&Talk{Banner: true}, idle},
		"drip":      {&Talk{Banner: true}, drip},
		"TLS":       {&Talk{TLS: new(TLS)}, idle},
		"STARTTLS":  {&Talk{TLS: &TLS{StartTLS: "smtp"}}, drip},
		"send":      {&Talk{Send: []byte("x")}, func(net.Conn) { time.Sleep(2 * time.Second) }},
		"send both": {&Talk{Send: []byte("x"), Banner: true}, func(net.Conn) { time.Sleep(2 * time.Second) }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				said, took := talked(ctx, c.talk, &Target{}, c.server)
				if said.Err != context.DeadlineExceeded || took != time.Second {
					t.Errorf("error %v after %v", said.Err, took)
				}
			})
		})
	}
}

func TestConverseCloses(t *testing.T) {
	closed := make(chan error, 1)
	said, _ := talked(t.Context(), new(Talk), &Target{}, func(conn net.Conn) {
		_, err := conn.Read(make([]byte, 1))
		closed <- err
	})
	if err := <-closed; said.Err != nil || err != io.EOF {
		t.Errorf("client: %v, server: %v", said.Err, err)
	}
}

// after is a connection that tells when something was read.
type after struct {
	net.Conn
	read func()
}

func (a *after) Read(b []byte) (int, error) {
	n, err := a.Conn.Read(b)
	if n > 0 {
		a.read()
	}
	return n, err
}

// accepted returns both ends of a connection over loopback.
func accepted(t *testing.T) (client, server *net.TCPConn) {
	t.Helper()
	listener, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	client, err = net.DialTCP("tcp", nil, listener.Addr().(*net.TCPAddr))
	if err != nil {
		t.Fatal(err)
	}
	server, err = listener.AcceptTCP()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return client, server
}

func TestConverseReset(t *testing.T) {
	client, server := accepted(t)
	if _, err := io.WriteString(server, "220 hello"); err != nil {
		t.Fatal(err)
	}
	conn := &after{client, func() {
		_ = server.SetLinger(0)
		_ = server.Close()
	}}
	said := converse(t.Context(), conn, &Talk{Banner: true, Timeout: time.Hour}, &Target{}, somewhere)
	if !errors.Is(said.Err, syscall.ECONNRESET) || said.Err.Error() != "probe: while reading: connection reset by peer" {
		t.Errorf("error %q", said.Err)
	}
	if string(said.Heard) != "220 hello" || said.Ended {
		t.Errorf("heard %q, ended %v", said.Heard, said.Ended)
	}
}

func TestTalkCheck(t *testing.T) {
	for want, talk := range map[string]*Talk{
		"":                                  {Timeout: time.Second, TLS: &TLS{StartTLS: "imap", ALPN: []string{"h2"}}},
		"probe: Talk.Timeout is negative":   {Timeout: -1},
		"probe: Talk.TLS.StartTLS is \"x\"": {TLS: &TLS{StartTLS: "x"}},
		"probe: Talk.TLS.ALPN has a protocol of 0 bytes":   {TLS: &TLS{ALPN: []string{"h2", ""}}},
		"probe: Talk.TLS.ALPN has a protocol of 256 bytes": {TLS: &TLS{ALPN: []string{strings.Repeat("x", 256)}}},
	} {
		err := talk.check()
		if _, ok := errors.AsType[*ConfigError](err); (want == "") != (err == nil) || err != nil && (!ok || !strings.HasPrefix(err.Error(), want)) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestNetworkError(t *testing.T) {
	op := &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	if got := networkError("reading", op); got.Error() != "probe: while reading: "+syscall.ECONNRESET.Error() || !errors.Is(got, syscall.ECONNRESET) {
		t.Error(got)
	}
	if got := networkError("reading", &net.OpError{Op: "read", Net: "tcp", Err: io.ErrClosedPipe}); !errors.Is(got, io.ErrClosedPipe) ||
		got.Error() != "probe: while reading: io: read/write on closed pipe" {
		t.Error(got)
	}
}

func TestQuoted(t *testing.T) {
	for said, want := range map[string]string{
		"":                        `""`,
		"SSH-2.0-x\r\n":           `"SSH-2.0-x"`,
		"\r\n\r\nSSH-2.0-x":       `"SSH-2.0-x"`,
		"a\x1b[31m\u202e\xff\nb":  `"a\x1b[31m\u202e\xff"`,
		"\n":                      `""`,
		strings.Repeat("x", 1000): `"` + strings.Repeat("x", 100) + `"...`,
	} {
		if got := quoted([]byte(said)); got != want {
			t.Errorf("%q: %s, want %s", said, got, want)
		}
	}
}

// canned is a connection to a server that says the same whatever it hears, so much at a time, and closes.
type canned struct {
	net.Conn // nil
	says     []byte
	step     int
}

func (c *canned) Read(b []byte) (int, error) {
	if len(c.says) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), max(1, c.step))], c.says)
	c.says = c.says[n:]
	return n, nil
}

func (c *canned) Write(b []byte) (int, error)      { return len(b), nil }
func (c *canned) Close() error                     { return nil }
func (c *canned) LocalAddr() net.Addr              { return net.TCPAddrFromAddrPort(somewhere) }
func (c *canned) SetDeadline(time.Time) error      { return nil }
func (c *canned) SetReadDeadline(time.Time) error  { return nil }
func (c *canned) SetWriteDeadline(time.Time) error { return nil }
