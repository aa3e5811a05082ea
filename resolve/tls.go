package resolve

import "context"

// openTLS connects by TLS (RFC 7858). The server is verified by its certificate alone (RFC 8310 section 8.1,
// the strict profile). The protocol "dot" is offered (RFC 7858 has none, it was registered later), and
// a server that chooses none is taken.
func openTLS(ctx context.Context, c *Client, s Server) (carrier, error) {
	conn, err := dialTLS(ctx, c, s, "dot")
	if err != nil {
		return nil, err
	}
	return newStream(conn), nil
}
