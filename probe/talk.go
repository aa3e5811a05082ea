package probe

import (
	"crypto/x509"
	"net/netip"
	"regexp"
	"time"
)

// MaxBanner is how many bytes of what a server says are kept.
const MaxBanner = 64 << 10

// Talk says what to say over an open connection, in this order: TLS, Send, then reading.
type Talk struct {
	TLS *TLS // nil: none
	// Banner reads what the server says by itself, or after Send: until it pauses, ends, or the time is up.
	Banner bool
	Send   []byte // sent as it is; nil: nothing
	// Expect is looked for in all that the server says, as bytes; nil: nothing.
	Expect  *regexp.Regexp
	Timeout time.Duration // of the whole talk; 0: 3.5 s
}

// TLS says how to shake hands.
type TLS struct {
	// Name is asked for by SNI and must be in the certificate; empty: Target.Name, and without one the address.
	Name string
	// StartTLS is the protocol in which TLS is asked for first, one of StartTLSProtocols; "": none.
	StartTLS string
	// ALPN are the protocols offered; nil: none.
	ALPN []string
	// Roots are trusted; nil: the system's.
	Roots *x509.CertPool
	// Now is the time that certificates are judged by; zero: the clock's.
	Now time.Time
}

// Said is what was said over a connection.
type Said struct {
	// Err is what ended it early: an error of the network, a *TLSError, or a *StartTLSError. Nothing said in
	// time is no error. After it, what was found until then stands.
	Err error
	TLS *Session // nil: not asked for, or there was none
	// Heard is what the server said, as bytes, up to MaxBanner.
	Heard []byte
	More  bool // there was more than MaxBanner
	Ended bool // the server closed the connection
	// Matched says that Talk.Expect was found in it.
	Matched bool
}

// Session is what a TLS handshake came to.
type Session struct {
	Version   string        // as "TLS 1.3"
	Cipher    string        // the cipher suite's name by IANA
	ALPN      string        // the protocol agreed on; "": none
	Handshake time.Duration // how long it took
	Name      string        // the name or address that the certificate was judged for
	Chain     []Certificate // as the server sent it, its own first
	Verified  bool          // the chain leads to a trusted root, is valid now and has the name
	// Problems are what is wrong with the chain, in words, each once; empty if Verified.
	Problems []string
	// Clock is why this machine's clock is suspected rather than the certificates; "": it is not.
	Clock string
}

// Certificate is what counts of one certificate.
type Certificate struct {
	Subject, Issuer     string
	Names               []string     // of DNS
	Addrs               []netip.Addr // it is good for
	Serial              string       // hexadecimal
	NotBefore, NotAfter time.Time
	DaysLeft            int    // whole days until NotAfter, negative after it
	Key, Signature      string // algorithms, as "ECDSA P-256", "SHA256-RSA"
	SHA256              string // the fingerprint, hexadecimal
	CA, SelfSigned      bool
}
