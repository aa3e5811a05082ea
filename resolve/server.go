package resolve

import "net/netip"

// Transport is a way in which messages reach a name server.
type Transport uint8

// The transports.
const (
	UDP   Transport = iota // and TCP for an answer that is truncated (RFC 7766)
	TCP                    // RFC 7766
	TLS                    // RFC 7858
	HTTPS                  // RFC 8484, by HTTP/2
	QUIC                   // RFC 9250
)

// Server is a name server.
type Server struct {
	Transport Transport
	// Addr is the server's address and port. An IPv6 address may have a zone.
	Addr netip.AddrPort
	// Host is the server as the user named it, without its port: a name, or an address. A certificate
	// must be for it. "": for the address.
	Host string
	// Path is the path of the resource that answers, of HTTPS; "": /dns-query.
	Path string
}

// ParseServer reads a server as users write it: 192.0.2.53, 192.0.2.53:5353, [2001:db8::53]:53,
// 2001:db8::53, dns.example, tcp://, tls://, https://HOST/PATH, quic://, each with or without a port. Where
// the host is a name Addr has no address yet, only its port.
func ParseServer(s string) (Server, error) { return Server{}, errNotYet }

// String returns the server as ParseServer reads it.
func (s Server) String() string { return s.Addr.String() }

// String returns the transport's name in lower case, which is its scheme: udp, tcp, tls, https, quic.
func (t Transport) String() string { return [...]string{"udp", "tcp", "tls", "https", "quic"}[t] }
