// Package resolve finds what names mean: it asks name servers, strictly, and tells how this machine finds
// addresses.
package resolve

import (
	"crypto/x509"
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// Client asks name servers. Its zero value is ready. It keeps servers' cookies and, until Close, one connection to each
// server that it asks by TCP, TLS, HTTPS or QUIC, as long as the server does. Once it was used it must not be copied, and
// its fields must stay as they are; its methods may be called by several goroutines.
type Client struct {
	// Timeout is how long an answer is waited for before the query is sent once more, and in which
	// a connection must come about, up to an hour; 0: 2 s.
	Timeout time.Duration
	// Tries is how many times a query is sent before the server is given up, 1 to 100; 0: 3. Over connections
	// that are reliable a query is sent once, and the answer is waited for as long as all tries take.
	Tries int

	Options Options

	// Source is the address that queries leave from; invalid: the system's choice.
	Source netip.Addr
	// SkipVerify leaves certificates of servers unchecked.
	SkipVerify bool
	// Roots are the certificates that those of servers must lead to; nil: the system's.
	Roots *x509.CertPool

	own  kept
	from *kept // of whom this client was derived; nil: own
}

// kept is what a client keeps from one question to the next.
type kept struct {
	connections connections
	cookies     cookies
	buffers     sync.Pool // of *[maxMessage]byte
}

// Options say what a query asks for beside its question.
type Options struct {
	NoRecursion      bool // RD clear: only what the server itself knows
	CheckingDisabled bool // CD: also what the server finds bogus (RFC 4035 section 3.2.2)
	AuthenticData    bool // AD: whether the server validated it (RFC 6840 section 5.7)
	DNSSEC           bool // DO: signatures, too (RFC 3225)

	NoEDNS   bool         // a query without EDNS; what follows is left out then
	Version  uint8        // of EDNS; 0 is the only one there is
	UDPSize  uint16       // bytes of an answer by UDP, 512 to 65,535; 0: 1232 (RFC 9715)
	NSID     bool         // ask the server for its identifier (RFC 5001)
	NoCookie bool         // without a cookie (RFC 7873)
	Subnet   netip.Prefix // the client's network for the server to know (RFC 7871); invalid: none
	NoPad    bool         // without padding over encrypted transports (RFC 8467)

	// Serial is that of the version of the zone which the asker has, of IXFR (RFC 1995).
	Serial uint32
}

const (
	queryTimeout = 2 * time.Second
	queryTries   = 3
	maxTries     = 100
	maxTimeout   = time.Hour
)

// timeout returns how long one query by UDP waits.
func (c *Client) timeout() time.Duration {
	if c.Timeout == 0 {
		return queryTimeout
	}
	return c.Timeout
}

// tries returns how many queries by UDP may be without an answer.
func (c *Client) tries() int {
	if c.Tries == 0 {
		return queryTries
	}
	return c.Tries
}

// patience returns how long an answer over a connection is waited for.
func (c *Client) patience() time.Duration { return c.timeout() * time.Duration(c.tries()) }

// kept returns what the client keeps.
func (c *Client) kept() *kept {
	if c.from != nil {
		return c.from
	}
	return &c.own
}

// derive returns a client with limits of its own that shares all else, also connections and cookies, with c.
func (c *Client) derive(timeout time.Duration, tries int) *Client {
	return &Client{
		Timeout:    timeout,
		Tries:      tries,
		Options:    c.Options,
		Source:     c.Source,
		SkipVerify: c.SkipVerify,
		Roots:      c.Roots,
		from:       c.kept(),
	}
}

// buffer returns a buffer for any message, which is to be put back into buffers.
func (k *kept) buffer() *[maxMessage]byte {
	if b, ok := k.buffers.Get().(*[maxMessage]byte); ok {
		return b
	}
	return new([maxMessage]byte)
}

// check returns what is wrong with the client's fields.
func (c *Client) check() error {
	switch {
	case c.Timeout < 0 || c.Timeout > maxTimeout:
		return fmt.Errorf("resolve: timeout %v is not from 0 to %v", c.Timeout, maxTimeout)
	case c.Tries < 0 || c.Tries > maxTries:
		return fmt.Errorf("resolve: %d tries are not from 1 to %d", c.Tries, maxTries)
	case c.Source.IsValid() && c.Source.IsUnspecified():
		return fmt.Errorf("resolve: %v is no source address", c.Source)
	}
	return nil
}

// Close ends the connections that are kept. The error is that of the first which could not be ended well. The
// Client may be used again.
func (c *Client) Close() error { return c.kept().connections.close() }
