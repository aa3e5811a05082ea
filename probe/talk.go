package probe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

// MaxBanner is how many bytes of what a server says are kept.
const MaxBanner = 64 << 10

// Talk says what to say over an open connection, in this order: TLS, Send, then reading.
type Talk struct {
	TLS *TLS // nil: none
	// Banner reads what the server says by itself, or after Send: until it pauses (for 300 ms after it said
	// something), ends, or the time is up.
	Banner bool
	Send   []byte // sent as it is; nil: nothing
	// Expect is looked for in all that the server says, up to MaxBanner, as bytes; nil: nothing. Reading, which
	// it asks for as Banner does, then ends with the match, and not with a pause.
	Expect  *regexp.Regexp
	Timeout time.Duration // of the whole talk; 0: 3.5 s
}

// Said is what was said over a connection.
type Said struct {
	// Err is what ended it early: an error of the network, which unwraps to the system's, a *TLSError, a
	// *StartTLSError, or that of the context; context.DeadlineExceeded, too, where Config.Deadline ended the run. Nothing said in time is no error. After it, what was found until then
	// stands.
	Err error
	TLS *Session // nil: not asked for, or there was none
	// Plain is what the server said before TLS, with TLS.StartTLS, as bytes, up to MaxBanner.
	Plain []byte
	// Heard is what the server said, over TLS if that was asked for, as bytes, up to MaxBanner.
	Heard []byte
	More  bool // there was more than MaxBanner
	Ended bool // the server closed the connection
	// Matched says that Talk.Expect was found in it.
	Matched bool
}

// check returns a *ConfigError if t cannot be said.
func (t *Talk) check() error {
	if t.Timeout < 0 {
		return &ConfigError{"Talk.Timeout", "is negative"}
	}
	if t.TLS == nil {
		return nil
	}
	if p := t.TLS.StartTLS; p != "" && !slices.Contains(StartTLSProtocols(), p) {
		return &ConfigError{"Talk.TLS.StartTLS", fmt.Sprintf("is %q, which is none of %s", p, strings.Join(StartTLSProtocols(), ", "))}
	}
	for _, p := range t.TLS.ALPN {
		if len(p) == 0 || len(p) > 255 {
			return &ConfigError{"Talk.TLS.ALPN", fmt.Sprintf("has a protocol of %d bytes; 1 to 255 can be offered (RFC 7301 section 3.1)", len(p))}
		}
	}
	return nil
}

// conversation is a talk under way.
type conversation struct {
	talk   *Talk
	target *Target
	addr   netip.AddrPort
	plain  *tap
	conn   net.Conn // what is spoken over: plain, or TLS over it
	said   Said
}

// converse says t to the server at addr, over conn, which it closes in the end.
func converse(ctx context.Context, conn net.Conn, t *Talk, target *Target, addr netip.AddrPort) *Said {
	defer conn.Close()
	// Closing ends whatever waits; a deadline might be moved again by who waits next.
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()

	plain := &tap{Conn: conn, end: time.Now().Add(cmp.Or(t.Timeout, DefaultTimeout))}
	c := &conversation{talk: t, target: target, addr: addr, plain: plain, conn: plain}
	err := conn.SetDeadline(plain.end)
	if err == nil {
		err = c.hold()
	}
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	c.said.Err = err
	return &c.said
}

// hold says all of it.
func (c *conversation) hold() error {
	if t := c.talk.TLS; t != nil {
		if t.StartTLS != "" {
			plain, err := startTLS(c.plain, t.StartTLS)
			c.said.Plain = plain
			if err != nil {
				return err
			}
		}
		if err := c.shakeHands(); err != nil {
			return err
		}
		defer c.bid()
	}
	return c.exchange()
}

// bid ends TLS in order. Where the server takes nothing any more that is soon given up.
func (c *conversation) bid() {
	if soon := time.Now().Add(lull); soon.Before(c.plain.end) {
		c.plain.end = soon
	}
	_ = c.conn.Close()
}

// tap is a connection that keeps the first bytes that are read, to tell what a server said that does not speak
// TLS, and on which no deadline reaches beyond the end: crypto/tls sets its own when it closes.
type tap struct {
	net.Conn
	end   time.Time
	first []byte
}

func (t *tap) Read(b []byte) (int, error) {
	const enough = 512
	n, err := t.Conn.Read(b)
	t.first = append(t.first, b[:min(n, enough-len(t.first))]...)
	return n, err
}

func (t *tap) SetWriteDeadline(at time.Time) error {
	if at.After(t.end) {
		at = t.end
	}
	return t.Conn.SetWriteDeadline(at)
}

// timedOut reports whether err is that of a deadline.
func timedOut(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

// networkError returns an error of a connection without the addresses, which the result has.
func networkError(doing string, err error) error {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		err = errno
	} else if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err
	}
	return fmt.Errorf("probe: while %s: %w", doing, err)
}

// quoted returns the first line of what a server said, cut short, in quotes and without anything invisible.
func quoted(said []byte) string {
	const most = 100
	text, _, _ := strings.Cut(strings.TrimLeft(string(said), "\r\n"), "\n")
	text, more := strings.TrimRight(text, "\r"), ""
	if len(text) > most {
		text, more = text[:most], "..."
	}
	return fmt.Sprintf("%+q%s", text, more)
}
