package resolve

import (
	"context"
)

// transport is what there is to know of a way to reach a server, an entry of the table below.
type transport struct {
	scheme string
	port   uint16 // where the service is if the user does not say
	secure bool   // encrypted: queries are padded, the server proves who it is
	zeroID bool   // messages have identifier 0, as the transport itself keeps them apart
	// open sets up a connection; nil of UDP, whose queries have a socket each.
	open func(ctx context.Context, c *Client, s Server) (carrier, error)
}

// carrier is a connection to a server. It carries several queries at the same time.
type carrier interface {
	// ask sends a packed query and returns the bytes of its answer, which is no more than found to belong
	// to it by the transport's own means (identifier, stream). It ends with ctx.
	ask(ctx context.Context, query []byte) ([]byte, error)
	// close ends the connection, and all that wait for an answer.
	close() error
}

// insecureError is the error of open where no secure connection came about.
type insecureError struct{ err error }

func (e *insecureError) Error() string { return e.err.Error() }
func (e *insecureError) Unwrap() error { return e.err }

// malformedError is the error of ask where the answer breaks the rules of its transport.
type malformedError struct{ text string }

func (e *malformedError) Error() string { return e.text }

// transports are the ways, by Transport.
func transports(t Transport) transport {
	return [...]transport{
		UDP:   {scheme: "udp", port: 53},
		TCP:   {scheme: "tcp", port: 53, open: openTCP},
		TLS:   {scheme: "tls", port: 853, secure: true, open: openTLS},
		HTTPS: {scheme: "https", port: 443, secure: true, zeroID: true, open: openHTTPS},
		QUIC:  {scheme: "quic", port: 853, secure: true, zeroID: true, open: openQUIC},
	}[t]
}
