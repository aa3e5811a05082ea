package probe

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// lull is how long a server that said something is silent before that is taken for all.
const lull = 300 * time.Millisecond

// exchange sends what there is to send and reads what is asked for.
func (c *conversation) exchange() error {
	reading := c.talk.Banner || c.talk.Expect != nil
	if len(c.talk.Send) == 0 {
		if reading {
			return c.hear()
		}
		return nil
	}
	if !reading {
		return c.send()
	}
	// Both at once: a server that answers while it is sent to stops taking more once nobody takes its answers.
	sent := make(chan error, 1)
	go func() { sent <- c.send() }()
	err := c.hear()
	early := time.Now().Before(c.plain.end)
	_ = c.plain.SetWriteDeadline(time.Unix(1, 0))
	unsent := <-sent
	switch {
	case err != nil, unsent == nil, c.said.Matched:
		return err
	case early && timedOut(unsent): // by the line above
		return nil
	}
	return unsent
}

// send sends Talk.Send.
func (c *conversation) send() error {
	_, err := c.conn.Write(c.talk.Send)
	switch {
	case err == nil:
		return nil
	case timedOut(err):
		return fmt.Errorf("probe: the server did not take all that was sent in time: %w", err)
	}
	return c.broken("sending", err)
}

// hear reads until Talk.Expect matches, or else the server pauses, or it ends, or the time is up.
func (c *conversation) hear() error {
	var heard []byte
	for {
		heard = slices.Grow(heard, min(max(512, len(heard)), MaxBanner+1-len(heard)))
		n, err := c.conn.Read(heard[len(heard):min(cap(heard), MaxBanner+1)])
		heard = heard[:len(heard)+n]
		c.said.Heard, c.said.More = heard[:min(len(heard), MaxBanner)], len(heard) > MaxBanner
		if n > 0 && c.talk.Expect != nil && c.talk.Expect.Match(c.said.Heard) {
			c.said.Matched = true
			return nil
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF): // the latter: without the end of TLS
			c.said.Ended = true
			return nil
		case timedOut(err), c.said.More:
			return nil
		case err != nil:
			return c.broken("reading", err)
		}
		if soon := time.Now().Add(lull); n > 0 && c.talk.Expect == nil && soon.Before(c.plain.end) {
			_ = c.plain.SetReadDeadline(soon)
		}
	}
}

// broken is the error of a connection that is of no more use.
func (c *conversation) broken(doing string, err error) error {
	if alert, ok := alertOf(err); ok {
		return c.refused(alert, err)
	}
	return networkError(doing, err)
}

// ParseText returns the bytes that s stands for, in which \r \n \t \0 \\ and \xNN (two hexadecimal digits) are escapes, and
// everything else is itself. Its error says where s has a backslash that is none of them.
func ParseText(s string) ([]byte, error) {
	simple := [256]byte{'r': '\r', 'n': '\n', 't': '\t', '\\': '\\'}
	var b bytes.Buffer
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		rest := s[i+1:]
		switch {
		case rest == "":
			return nil, fmt.Errorf(`probe: the text ends with a single \; write \\ for a backslash`)
		case rest[0] == '0':
			b.WriteByte(0)
			i++
		case simple[rest[0]] != 0:
			b.WriteByte(simple[rest[0]])
			i++
		case rest[0] == 'x':
			digits := rest[1:min(3, len(rest))]
			n, err := strconv.ParseUint(digits, 16, 8)
			if err != nil || len(digits) != 2 {
				return nil, fmt.Errorf(`probe: \x at byte %d needs two hexadecimal digits and has %q`, i+1, digits)
			}
			b.WriteByte(byte(n))
			i += 3
		default:
			first, _ := utf8.DecodeRuneInString(rest)
			return nil, fmt.Errorf(`probe: \%c at byte %d is no escape; \r \n \t \0 \\ and \xNN are`, first, i+1)
		}
	}
	return b.Bytes(), nil
}
