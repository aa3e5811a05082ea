package resolve

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// joinTLS is the join of TLS.
func joinTLS(ctx context.Context, t *testing.T, c *Client, s Server, config *tls.Config, answer func([]byte) []byte) (carrier, error) {
	t.Helper()
	client, server := link()
	go serveFrames(tls.Server(server, config), answer)
	conn, err := shakeHands(ctx, client, tlsConfig(c, s, "dot"))
	if err != nil {
		return nil, err
	}
	return newStream(conn), nil
}

// serveFrames answers the queries of a connection, each when its answer is there.
func serveFrames(conn net.Conn, answer func([]byte) []byte) {
	defer conn.Close()
	var answering sync.WaitGroup
	defer answering.Wait()
	var writing sync.Mutex
	for {
		query, err := readFrame(conn)
		if err != nil {
			return
		}
		answering.Go(func() {
			if a := answer(query); a != nil {
				writing.Lock()
				defer writing.Unlock()
				_, _ = conn.Write(frame(a))
			}
		})
	}
}

// readFrame reads a message that stands behind its length.
func readFrame(r io.Reader) ([]byte, error) {
	var length [2]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	message := make([]byte, binary.BigEndian.Uint16(length[:]))
	_, err := io.ReadFull(r, message)
	return message, err
}

// listenTLS is the listen of TLS.
func listenTLS(t *testing.T, ip netip.Addr, config *tls.Config, answer func(net.Addr, []byte) []byte) Server {
	t.Helper()
	l, s := listenTCP(t, TLS, ip)
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				serveFrames(tls.Server(conn, config), func(query []byte) []byte { return answer(conn.RemoteAddr(), query) })
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		serving.Wait()
	})
	return s
}

// listenTCP returns a listener at ip, and the server that it is.
func listenTCP(t *testing.T, transport Transport, ip netip.Addr) (net.Listener, Server) {
	t.Helper()
	l, err := net.Listen("tcp", netip.AddrPortFrom(ip, 0).String())
	if err != nil {
		t.Skipf("no %v here: %v", ip, err)
	}
	return l, Server{Transport: transport, Addr: netip.MustParseAddrPort(l.Addr().String())}
}

// What a server may do after the handshake.
func TestTLSAnswers(t *testing.T) {
	drip := func(every time.Duration) func(net.Conn, []byte) {
		return func(conn net.Conn, answer []byte) {
			for i := range answer {
				<-time.After(every)
				if _, err := conn.Write(answer[i : i+1]); err != nil {
					return
				}
			}
		}
	}
	tests := []struct {
		name   string
		serve  func(conn net.Conn, answer []byte) // answer has its length before it
		status Status
		took   time.Duration
	}{
		{"in one piece", func(conn net.Conn, answer []byte) { _, _ = conn.Write(answer) }, Answered, 0},
		{"byte by byte", drip(50 * time.Millisecond), Answered, 29 * 50 * time.Millisecond},
		{"too slowly", drip(time.Second), TimedOut, 5 * time.Second},
		{"half", func(conn net.Conn, answer []byte) { _, _ = conn.Write(answer[:12]) }, Malformed, 0},
		{"none", func(conn net.Conn, answer []byte) {}, Unreachable, 0},
		{"none, and no farewell", func(conn net.Conn, answer []byte) { _ = conn.(*tls.Conn).NetConn().Close() }, Unreachable, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				known := newSigner(t)
				client, server := link()
				var serving sync.WaitGroup
				defer serving.Wait()
				serving.Go(func() {
					conn := tls.Server(server, known.config(t, "dot", nil))
					defer conn.Close()
					if query, err := readFrame(conn); err == nil {
						tt.serve(conn, frame(echo(query)))
					}
				})
				conn, err := shakeHands(t.Context(), client, tlsConfig(&Client{Roots: known.pool}, localhost(TLS, ""), "dot"))
				if err != nil {
					t.Fatal(err)
				}
				c := newStream(conn)
				defer closing(t, c)
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				start := time.Now()
				_, err = c.ask(ctx, packed(t, 1, "a.example."))
				status := Answered
				if err != nil {
					status, _ = classify(err)
				}
				if took := time.Since(start); status != tt.status || took != tt.took {
					t.Errorf("status %d, want %d, after %v, want %v: %v", status, tt.status, took, tt.took, err)
				}
			})
		})
	}
}
