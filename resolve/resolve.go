// Package resolve finds what names mean: it asks name servers, strictly, and tells how this machine finds
// addresses.
package resolve

import (
	"crypto/x509"
	"net/netip"
	"time"
)

// Client asks name servers. Its zero value is ready. It keeps connections to servers that it asks by TLS,
// HTTPS and QUIC until Close. It must not be copied once it was used; its methods may be called by several goroutines.
type Client struct {
	// Timeout is how long an answer is waited for before the query is sent once more, and in which
	// a connection must come about; 0: 2 s.
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
}

// Options say what a query asks for beside its question.
type Options struct {
	NoRecursion      bool // RD clear: only what the server itself knows
	CheckingDisabled bool // CD: also what the server finds bogus (RFC 4035 section 3.2.2)
	AuthenticData    bool // AD: whether the server validated it (RFC 6840 section 5.7)
	DNSSEC           bool // DO: signatures, too (RFC 3225)

	NoEDNS   bool         // a query without EDNS; what follows is left out then
	UDPSize  uint16       // bytes of an answer by UDP, 512 to 65,535; 0: 1232 (RFC 9715)
	NSID     bool         // ask the server for its identifier (RFC 5001)
	NoCookie bool         // without a cookie (RFC 7873)
	Subnet   netip.Prefix // the client's network for the server to know (RFC 7871); invalid: none
	NoPad    bool         // without padding over encrypted transports (RFC 8467)
}

// Close ends the connections that are kept. The Client may be used again.
func (c *Client) Close() error { return nil }
