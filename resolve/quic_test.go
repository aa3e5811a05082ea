package resolve

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/quic-go/quic-go"
)

// joinQUIC is the join of QUIC.
func joinQUIC(ctx context.Context, t *testing.T, c *Client, s Server, config *tls.Config, answer func([]byte) []byte) (carrier, error) {
	t.Helper()
	return joinStreams(ctx, t, c, s, config, func(_ *quic.Conn, stream *quic.Stream) { serveQuery(stream, answer) })
}

// listenQUIC is the listen of QUIC.
func listenQUIC(t *testing.T, ip netip.Addr, config *tls.Config, answer func(net.Addr, []byte) []byte) Server {
	t.Helper()
	return listenStreams(t, ip, config, func(conn *quic.Conn, stream *quic.Stream) {
		serveQuery(stream, func(query []byte) []byte { return answer(conn.RemoteAddr(), query) })
	})
}

// listenStreams serves streams at an address of this machine until the test ends.
func listenStreams(t *testing.T, ip netip.Addr, config *tls.Config, serve func(*quic.Conn, *quic.Stream)) Server {
	t.Helper()
	socket, err := net.ListenPacket("udp", netip.AddrPortFrom(ip, 0).String())
	if err != nil {
		t.Skipf("no %v here: %v", ip, err)
	}
	serveStreams(t, modest{socket}, config, nil, serve)
	return Server{Transport: QUIC, Addr: netip.MustParseAddrPort(socket.LocalAddr().String())}
}

// modest is a socket whose buffers QUIC leaves as they are.
type modest struct{ net.PacketConn }

func (modest) SetReadBuffer(int) error  { return nil }
func (modest) SetWriteBuffer(int) error { return nil }

// serveQuery answers the query of a stream.
func serveQuery(stream *quic.Stream, answer func([]byte) []byte) {
	query, err := readOnly(stream)
	if err != nil {
		return
	}
	a := answer(query)
	if a == nil {
		<-stream.Context().Done()
		return
	}
	_, _ = stream.Write(frame(a))
	_ = stream.Close()
}

// joinStreams connects to a server of QUIC in memory.
func joinStreams(ctx context.Context, t *testing.T, c *Client, s Server, config *tls.Config, serve func(*quic.Conn, *quic.Stream)) (carrier, error) {
	t.Helper()
	client, server := link()
	serveStreams(t, datagrams{server}, config, nil, serve)
	return newDoQ(ctx, client, c, s)
}

// serveStreams serves each stream of each connection until the test ends.
func serveStreams(t *testing.T, socket net.PacketConn, config *tls.Config, limits *quic.Config, serve func(*quic.Conn, *quic.Stream)) {
	t.Helper()
	transport := &quic.Transport{Conn: socket}
	listener, err := transport.Listen(config, limits)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept(ctx)
			if err != nil {
				return
			}
			serving.Go(func() {
				for {
					stream, err := conn.AcceptStream(ctx)
					if err != nil {
						return
					}
					serving.Go(func() { serve(conn, stream) })
				}
			})
		}
	})
	t.Cleanup(func() {
		cancel()
		_ = listener.Close()
		_ = transport.Close()
		_ = socket.Close()
		serving.Wait()
	})
}

// What a stream may hold instead of an answer.
func TestReadOnly(t *testing.T) {
	full := bytes.Repeat([]byte("x"), 65535)
	tests := []struct {
		name   string
		stream string
		want   string
		err    string
	}{
		{name: "message", stream: "\x00\x06answer", want: "answer"},
		{name: "longest", stream: string(frame(full)), want: string(full)},
		{name: "nothing", err: "a stream without an answer"},
		{name: "one byte", stream: "\x00", err: "a stream of 1 byte"},
		{name: "zero", stream: "\x00\x00", err: "a message of 0 bytes"},
		{name: "zero and more", stream: "\x00\x00\x00", err: "a message of 0 bytes"},
		{name: "length alone", stream: "\x00\x06", err: "a message of 6 bytes that ends after 0"},
		{name: "short", stream: "\xff\xffanswer", err: "a message of 65535 bytes that ends after 6"},
		{name: "more", stream: "\x00\x05answer", err: "a message of 5 bytes with more behind it"},
		{name: "two", stream: "\x00\x06answer\x00\x06answer", err: "a message of 6 bytes with more behind it"},
		{name: "endless", stream: string(frame(full)) + string(full), err: "a message of 65535 bytes with more behind it"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, r := range []io.Reader{strings.NewReader(tt.stream), iotest.OneByteReader(strings.NewReader(tt.stream)),
				iotest.DataErrReader(strings.NewReader(tt.stream))} {
				got, err := readOnly(r)
				checkAnswer(t, got, err, tt.want, tt.err)
			}
		})
	}
	broken := errors.New("broken")
	if got, err := readOnly(io.MultiReader(strings.NewReader("\x00\x06answer"), iotest.ErrReader(broken))); err != broken {
		t.Errorf("%q, %v, want the stream's own error", got, err)
	}
}

// A message is what the length says, and all there is, or there is none.
func FuzzReadOnly(f *testing.F) {
	for _, seed := range []string{"", "\x00", "\x00\x00", "\x00\x01a", "\x00\x02a", "\x00\x01ab"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		got, err := readOnly(bytes.NewReader(stream))
		if whole := len(stream) > 2 && int(binary.BigEndian.Uint16(stream)) == len(stream)-2; whole != (err == nil) {
			t.Fatalf("%d bytes: %v", len(stream), err)
		}
		if _, ok := errors.AsType[*malformedError](err); err != nil && !ok {
			t.Fatalf("error %T", err)
		}
		if err == nil && !bytes.Equal(got, stream[2:]) {
			t.Fatalf("%x from %x", got, stream)
		}
	})
}

// What a server may do wrong after the handshake.
func TestQUICStreams(t *testing.T) {
	write := func(text string) func(*quic.Stream) {
		return func(stream *quic.Stream) {
			_, _ = readOnly(stream)
			_, _ = io.WriteString(stream, text)
			_ = stream.Close()
		}
	}
	tests := []struct {
		name  string
		serve func(*quic.Stream)
		want  string
		err   string
		dead  bool // the connection cannot be used any more
	}{
		{name: "right", serve: write("\x00\x06answer"), want: "answer"},
		{name: "before the query has ended", serve: func(stream *quic.Stream) {
			_, _ = io.WriteString(stream, "\x00\x06answer")
			_ = stream.Close()
			_, _ = readOnly(stream)
		}, want: "answer"},
		{name: "one byte", serve: write("\x00"), err: "a stream of 1 byte", dead: true},
		{name: "two messages", serve: write("\x00\x01a\x00\x01b"), err: "a message of 1 bytes with more behind it", dead: true},
		{name: "reset", serve: func(stream *quic.Stream) {
			_, _ = readOnly(stream)
			stream.CancelWrite(5)
		}, err: "a stream that the server broke off with error 0x5"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				known := newSigner(t)
				c, err := joinStreams(t.Context(), t, &Client{Roots: known.pool}, localhost(QUIC, ""), known.config(t, "doq", nil),
					func(_ *quic.Conn, stream *quic.Stream) { tt.serve(stream) })
				if err != nil {
					t.Fatal(err)
				}
				defer closing(t, c)
				got, err := c.ask(t.Context(), packed(t, 0, "a.example."))
				checkAnswer(t, got, err, tt.want, tt.err)
				conn := c.(*doq).conn
				synctest.Wait()
				ended, isEnded := errors.AsType[*quic.ApplicationError](context.Cause(conn.Context()))
				if isEnded != tt.dead || isEnded && ended.ErrorCode != doqProtocolError {
					t.Errorf("the connection ended with %v", context.Cause(conn.Context()))
				}
			})
		})
	}
}

// The stream that carries a query holds its length, the query, and nothing more; the server hears that
// the client goes, and that nothing is wrong.
func TestQUICQuery(t *testing.T) {
	known := newSigner(t)
	streams := make(chan []byte, 1)
	conns := make(chan *quic.Conn, 1)
	s := listenStreams(t, netip.MustParseAddr("127.0.0.1"), known.config(t, "doq", nil), func(conn *quic.Conn, stream *quic.Stream) {
		all, _ := io.ReadAll(stream)
		streams <- all
		conns <- conn
		_, _ = stream.Write(frame(all[2:]))
		_ = stream.Close()
	})
	c, err := openQUIC(t.Context(), &Client{Roots: known.pool}, s)
	if err != nil {
		t.Fatal(err)
	}
	query := packed(t, 0, "a.example.")
	if _, err := c.ask(t.Context(), query); err != nil {
		t.Fatal(err)
	}
	if got := <-streams; !bytes.Equal(got, frame(query)) {
		t.Errorf("the stream held %x", got)
	}
	closing(t, c)
	server := <-conns
	<-server.Context().Done()
	if e, ok := errors.AsType[*quic.ApplicationError](context.Cause(server.Context())); !ok || !e.Remote || e.ErrorCode != doqNoError {
		t.Errorf("the server heard %v", context.Cause(server.Context()))
	}
}

// Who has no answer yet when its context ends tells the server so, be it that the server has not taken
// the query.
func TestQUICCancel(t *testing.T) {
	for name, window := range map[string]uint64{"asked": 0, "blocked": 1} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				known := newSigner(t)
				client, server := link()
				told := make(chan error, 2)
				limits := &quic.Config{InitialStreamReceiveWindow: window, MaxStreamReceiveWindow: window}
				serveStreams(t, datagrams{server}, known.config(t, "doq", nil), limits, func(_ *quic.Conn, stream *quic.Stream) {
					<-stream.Context().Done()
					told <- context.Cause(stream.Context())
					_, err := io.ReadAll(stream)
					told <- err
				})
				c, err := newDoQ(t.Context(), client, &Client{Roots: known.pool}, localhost(QUIC, ""))
				if err != nil {
					t.Fatal(err)
				}
				defer closing(t, c)
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				start := time.Now()
				if _, err := c.ask(ctx, packed(t, 0, "a.example.")); err != context.DeadlineExceeded || time.Since(start) != time.Second {
					t.Errorf("error %v after %v", err, time.Since(start))
				}
				if e, ok := errors.AsType[*quic.StreamError](<-told); !ok || e.ErrorCode != doqRequestCancelled {
					t.Errorf("of its answer the server was told %v", e)
				}
				if e, ok := errors.AsType[*quic.StreamError](<-told); !ok || e.ErrorCode != doqRequestCancelled {
					t.Errorf("of the query the server was told %v", e)
				}
			})
		})
	}
}

// A connection by QUIC writes nothing to standard error, whatever buffers it has. What the library says it
// says once in a process, so that a process of its own is looked at.
func TestQUICIsQuiet(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(self, "-test.run=^TestSecureExchange$/^quic").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// Without a server there is silence.
func TestQUICSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := link()
		defer server.Close()
		go io.Copy(io.Discard, server)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		start := time.Now()
		_, err := newDoQ(ctx, client, &Client{}, localhost(QUIC, ""))
		if err != context.DeadlineExceeded || time.Since(start) != 20*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

// A server with no protocol of ours, and one whose socket sends nonsense.
func TestQUICHandshakeFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		known := newSigner(t)
		_, err := joinQUIC(t.Context(), t, &Client{Roots: known.pool}, localhost(QUIC, ""), known.config(t, "h3", nil), echo)
		checkInsecure(t, err, "the server refused the handshake: no application protocol")
	})
	synctest.Test(t, func(t *testing.T) {
		client, server := link()
		defer server.Close()
		go func() {
			hello := make([]byte, 1500)
			for {
				n, err := server.Read(hello)
				if err != nil {
					return
				}
				_, _ = server.Write([]byte("what?"))
				// Version negotiation (RFC 9000 section 17.2.1): only a version that nobody knows.
				if n > 23 && hello[5] <= 20 {
					destination := hello[6 : 6+hello[5]]
					source := hello[7+len(destination):][:hello[6+len(destination)]]
					packet := append([]byte{0x80, 0, 0, 0, 0, byte(len(source))}, source...)
					packet = append(append(packet, byte(len(destination))), destination...)
					_, _ = server.Write(append(packet, 0x0a, 0x1a, 0x2a, 0x3a))
				}
			}
		}()
		_, err := newDoQ(t.Context(), client, &Client{}, localhost(QUIC, ""))
		checkInsecure(t, err, "the server speaks no version of QUIC that is known here")
	})
}
