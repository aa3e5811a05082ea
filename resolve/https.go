package resolve

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// The media type of messages (RFC 8484 section 6), and the path of the resource if the user names none.
const (
	messageType = "application/dns-message"
	defaultPath = "/dns-query"
)

// web is a connection by HTTPS (RFC 8484). It is one connection of HTTP/2, whose streams carry the queries, or
// of HTTP/1.1 if the server has no better, where one query waits for the other.
type web struct {
	conn *http.ClientConn
	url  *url.URL
}

// openHTTPS connects by HTTPS. The connection goes to s.Addr whatever the host is, and never through a proxy.
func openHTTPS(ctx context.Context, c *Client, s Server) (carrier, error) {
	resource, err := s.resource()
	if err != nil {
		return nil, err
	}
	return newWeb(ctx, resource, func(ctx context.Context) (net.Conn, error) {
		return dialTLS(ctx, c, s, "h2", "http/1.1")
	})
}

// newWeb returns the carrier of a resource to which dial connects.
func newWeb(ctx context.Context, resource *url.URL, dial func(context.Context) (net.Conn, error)) (carrier, error) {
	transport := &http.Transport{
		DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
		// A dialer of one's own leaves HTTP/2 out unless it is asked for.
		ForceAttemptHTTP2:  true,
		DisableCompression: true,
		// What a server may have us keep: answers are small, there may be many at once.
		MaxResponseHeaderBytes: 64 << 10,
		HTTP2:                  &http.HTTP2Config{MaxReceiveBufferPerStream: 128 << 10, MaxReceiveBufferPerConnection: 1 << 20},
	}
	conn, err := transport.NewClientConn(ctx, "https", net.JoinHostPort(resource.Hostname(), resource.Port()))
	if err != nil {
		return nil, err
	}
	return &web{conn: conn, url: resource}, nil
}

// resource returns the URL of the resource that answers.
func (s Server) resource() (*url.URL, error) {
	path := s.Path
	if path == "" {
		path = defaultPath
	}
	u, err := url.Parse(path)
	if err != nil || path[0] != '/' || u.Host != "" {
		return nil, fmt.Errorf("resolve: %q is no path of an HTTPS resource", path)
	}
	u.Scheme = "https"
	u.Host = net.JoinHostPort(s.certified(), strconv.Itoa(int(s.Addr.Port())))
	return u, nil
}

func (w *web) close() error { return w.conn.Close() }

// ask posts a query. A GET could be answered from a cache, which is no use to whoever wants to know what
// the server says now.
func (w *web) ask(ctx context.Context, query []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url.String(), bytes.NewReader(query))
	if err != nil {
		return nil, fmt.Errorf("resolve: https: %w", err)
	}
	request.Header.Set("Content-Type", messageType)
	request.Header.Set("Accept", messageType)
	// None at all is sent then: a query should say no more of its sender than it must (RFC 8484 section 8.2).
	request.Header.Set("User-Agent", "")
	if authority, standard := portless(w.url); standard {
		request.Host = authority
	}
	response, err := w.conn.RoundTrip(request)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, fmt.Errorf("https: %w", err)
	}
	defer response.Body.Close()
	return webAnswer(ctx, response)
}

// portless returns the authority of u without its port, and whether the port is HTTPS's own, which
// clients leave out.
func portless(u *url.URL) (string, bool) {
	host := u.Hostname()
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return host, u.Port() == "443"
}

// webAnswer returns the message in a response, if it is one by the rules of RFC 8484 section 4.2.
func webAnswer(ctx context.Context, r *http.Response) ([]byte, error) {
	if r.StatusCode != http.StatusOK {
		text := "HTTP " + strconv.Itoa(r.StatusCode)
		if known := http.StatusText(r.StatusCode); known != "" {
			text += " " + known
		}
		return nil, &malformedError{text}
	}
	if kind := r.Header.Get("Content-Type"); !isMessageType(kind) {
		return nil, &malformedError{fmt.Sprintf("HTTP content of type %q, not %s", kind, messageType)}
	}
	message, err := io.ReadAll(io.LimitReader(r.Body, math.MaxUint16+1))
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, &malformedError{"HTTP content that ends early"}
	case len(message) > math.MaxUint16:
		return nil, &malformedError{"HTTP content of more than 65535 bytes"}
	}
	if age, err := strconv.ParseUint(r.Header.Get("Age"), 10, 32); err == nil {
		ageTTLs(message, uint32(age))
	}
	return message, nil
}

// isMessageType says whether a Content-Type is that of messages, with any parameters.
func isMessageType(kind string) bool {
	media, _, err := mime.ParseMediaType(kind)
	return media == messageType && (err == nil || errors.Is(err, mime.ErrInvalidMediaParameter))
}

// ageTTLs takes the time that a message spent in caches of HTTP, in seconds, off its TTLs (RFC 8484
// section 5.1). A message that is not whole is left as it is from there on: it is refused later.
func ageTTLs(message []byte, age uint32) {
	const fixed = 10 // bytes of a record between its name and its data
	if len(message) < headerSize {
		return
	}
	count := func(section int) int { return int(binary.BigEndian.Uint16(message[4+2*section:])) }
	at := headerSize
	for range count(0) {
		end, ok := skipName(message, at)
		if !ok {
			return
		}
		at = end + 4
	}
	for range count(1) + count(2) + count(3) {
		end, ok := skipName(message, at)
		if !ok || end+fixed > len(message) {
			return
		}
		record := message[end:]
		// That of EDNS keeps flags where others have a TTL (RFC 6891 section 6.1.3).
		if Type(binary.BigEndian.Uint16(record)) != TypeOPT {
			ttl := binary.BigEndian.Uint32(record[4:])
			binary.BigEndian.PutUint32(record[4:], ttl-min(ttl, age))
		}
		at = end + fixed + int(binary.BigEndian.Uint16(record[8:]))
	}
}
