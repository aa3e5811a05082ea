package resolve

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"time"

	"github.com/quic-go/quic-go"
)

// The error codes of DNS over QUIC that are ours to send (RFC 9250 section 4.3).
const (
	doqNoError          = 0x0
	doqProtocolError    = 0x2
	doqRequestCancelled = 0x3
)

// doq is a connection by QUIC (RFC 9250). Each query has a stream.
type doq struct {
	conn      *quic.Conn
	transport *quic.Transport
	socket    net.Conn
}

// openQUIC connects by QUIC. The handshake is awaited: a query in its first packets could be replayed
// (RFC 9250 section 4.5).
func openQUIC(ctx context.Context, c *Client, s Server) (carrier, error) {
	socket, err := new(net.Dialer).DialUDP(ctx, "udp", c.local(), s.Addr)
	if err != nil {
		return nil, err
	}
	return newDoQ(ctx, socket, c, s)
}

// newDoQ returns the carrier that uses socket, whose other end is the server. It closes socket if it fails.
func newDoQ(ctx context.Context, socket net.Conn, c *Client, s Server) (carrier, error) {
	config := tlsConfig(c, s, "doq")
	config.MinVersion = tls.VersionTLS13 // RFC 9001 section 4.2
	q := &doq{transport: &quic.Transport{Conn: datagrams{socket}}, socket: socket}
	conn, err := q.transport.Dial(ctx, socket.RemoteAddr(), config, &quic.Config{
		HandshakeIdleTimeout: time.Hour, // the context says how long
		// The least that every path carries. Queries need no more, and so the path is not measured.
		InitialPacketSize:       1200,
		DisablePathMTUDiscovery: true,
		MaxIncomingStreams:      -1, // servers open none (RFC 9250 section 4.2)
		MaxIncomingUniStreams:   -1,
		MaxStreamReceiveWindow:  512 << 10,
	})
	if err != nil {
		_ = q.release()
		return nil, quicHandshakeError(ctx, err)
	}
	q.conn = conn
	return q, nil
}

func (q *doq) close() error {
	_ = q.conn.CloseWithError(doqNoError, "")
	return q.release()
}

// release ends what is below the connection.
func (q *doq) release() error {
	_ = q.transport.Close()
	return q.socket.Close()
}

func (q *doq) ask(ctx context.Context, query []byte) ([]byte, error) {
	stream, err := q.conn.OpenStreamSync(ctx)
	if err != nil {
		return nil, quicError(ctx, err)
	}
	defer context.AfterFunc(ctx, func() {
		stream.CancelWrite(doqRequestCancelled)
		stream.CancelRead(doqRequestCancelled)
	})()
	framed := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(query)), uint16(len(query)))
	if _, err := stream.Write(append(framed, query...)); err != nil {
		return nil, quicError(ctx, err)
	}
	if err := stream.Close(); err != nil {
		return nil, quicError(ctx, err)
	}
	answer, err := readOnly(stream)
	if _, malformed := errors.AsType[*malformedError](err); malformed {
		// It is an error of the connection, not only of the stream (RFC 9250 section 4.3.3).
		_ = q.conn.CloseWithError(doqProtocolError, "")
		return nil, err
	}
	if err != nil {
		return nil, quicError(ctx, err)
	}
	return answer, nil
}

// readOnly reads the only message of a stream to its end (RFC 9250 section 4.2).
func readOnly(stream io.Reader) ([]byte, error) {
	const length = 2
	all, err := io.ReadAll(io.LimitReader(stream, length+math.MaxUint16+1))
	switch {
	case err != nil:
		return nil, err
	case len(all) == 0:
		return nil, &malformedError{"a stream without an answer"}
	case len(all) < length:
		return nil, &malformedError{"a stream of 1 byte"}
	}
	said, message := int(binary.BigEndian.Uint16(all)), all[length:]
	switch {
	case said == 0:
		return nil, &malformedError{"a message of 0 bytes"}
	case len(message) < said:
		return nil, &malformedError{fmt.Sprintf("a message of %d bytes that ends after %d", said, len(message))}
	case len(message) > said:
		return nil, &malformedError{fmt.Sprintf("a message of %d bytes with more behind it", said)}
	}
	return message, nil
}

// quicHandshakeError returns why no connection came about.
func quicHandshakeError(ctx context.Context, err error) error {
	if _, ok := errors.AsType[*quic.VersionNegotiationError](err); ok {
		return &insecureError{&explained{"the server speaks no version of QUIC that is known here", err}}
	}
	e, ok := errors.AsType[*quic.TransportError](err)
	switch {
	case !ok || !e.ErrorCode.IsCryptoError():
		return quicError(ctx, err)
	case e.Remote:
		return handshakeError(tls.AlertError(e.ErrorCode - 0x100)) // RFC 9001 section 4.8
	}
	return handshakeError(err)
}

// quicError returns err in the terms of the carriers. What the kernel said of an ICMP error stays in it.
func quicError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if e, ok := errors.AsType[*quic.StreamError](err); ok && e.Remote {
		return &malformedError{fmt.Sprintf("a stream that the server broke off with error %#x", uint64(e.ErrorCode))}
	}
	if e, ok := errors.AsType[*quic.ApplicationError](err); ok && e.Remote {
		return fmt.Errorf("the server closed the connection with error %#x", uint64(e.ErrorCode))
	}
	return fmt.Errorf("quic: %w", err)
}

// datagrams is a connected socket in the form in which QUIC takes sockets. It is not the socket itself, as
// QUIC would ask it for large buffers and complain on standard error if it got none: a few queries need none.
// Being connected it hears of ICMP errors.
type datagrams struct{ net.Conn }

func (d datagrams) ReadFrom(b []byte) (int, net.Addr, error) {
	n, err := d.Read(b)
	return n, d.RemoteAddr(), err
}

func (d datagrams) WriteTo(b []byte, _ net.Addr) (int, error) { return d.Write(b) }
func (d datagrams) SetReadBuffer(int) error                   { return nil }
func (d datagrams) SetWriteBuffer(int) error                  { return nil }
