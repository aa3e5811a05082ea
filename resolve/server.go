package resolve

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

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
	// Addr is the server's address and port; port 0 is the transport's own. An IPv6 address may have a zone.
	Addr netip.AddrPort
	// Host is the server as the user named it, without its port: a name, or an address. A certificate
	// must be for it. "": for the address.
	Host string
	// Path is the path of the resource that answers, of HTTPS; "": /dns-query.
	Path string
}

// ParseServer reads a server as users write it: 192.0.2.53, 192.0.2.53:5353, [2001:db8::53]:53,
// 2001:db8::53, fe80::53%eth0, dns.example, udp://, tcp://, tls://, https://HOST/PATH, quic://, each with or
// without a port, which is 1 to 65,535. Where the host is a name Addr has no address yet, only its port, and
// Host is the name, in A-labels; where it is an address Host is "".
func ParseServer(s string) (Server, error) { return ParseServerPort(s, 0) }

// ParseServerPort is ParseServer but for servers that are written without a port: theirs is the given one; 0: the
// transport's own.
func ParseServerPort(s string, port uint16) (Server, error) {
	server, err := parseServer(s, port)
	if err != nil {
		return Server{}, fmt.Errorf("resolve: server %q: %w", s, err)
	}
	return server, nil
}

func parseServer(s string, usual uint16) (Server, error) {
	var server Server
	scheme, rest, isURL := strings.Cut(s, "://")
	if isURL {
		t, ok := parseTransport(scheme)
		if !ok {
			return Server{}, fmt.Errorf("%q is none of udp, tcp, tls, https, quic", scheme)
		}
		server.Transport = t
		var path string
		if slash := strings.IndexByte(rest, '/'); slash >= 0 {
			rest, path = rest[:slash], rest[slash:]
		}
		var err error
		if server.Path, err = parsePath(t, path); err != nil {
			return Server{}, err
		}
	}
	host, port, err := splitPort(rest, isURL, s)
	if err != nil {
		return Server{}, err
	}
	if port == 0 {
		port = cmp.Or(usual, transports(server.Transport).port)
	}
	addr, err := parseAddr(host, isURL)
	if err != nil {
		if server.Host, err = parseHost(host); err != nil {
			return Server{}, err
		}
	}
	server.Addr = netip.AddrPortFrom(addr, port)
	return server, nil
}

func parseTransport(scheme string) (Transport, bool) {
	for t := UDP; t <= QUIC; t++ {
		if strings.EqualFold(scheme, t.String()) {
			return t, true
		}
	}
	return 0, false
}

// parsePath reads what stands behind the host. The variable of a URI template (RFC 8484 section 4.1) says
// nothing new, as queries are posted.
func parsePath(t Transport, path string) (string, error) {
	if t != HTTPS {
		if path != "" && path != "/" {
			return "", fmt.Errorf("a path is for https alone")
		}
		return "", nil
	}
	path = strings.TrimSuffix(path, "{?dns}")
	for i := range len(path) {
		if c := path[i]; c <= ' ' || c > '~' || strings.IndexByte(`"#<>?\^{|}`+"`", c) >= 0 {
			return "", fmt.Errorf("its path has a character that must not be there: %q", path[i:i+1])
		}
	}
	if _, err := (Server{Path: path}).resource(); err != nil {
		return "", fmt.Errorf("its path %q cannot be read", path)
	}
	return path, nil
}

// splitPort parts a host from its port; 0: it has none. The brackets of an IPv6 address stay.
func splitPort(s string, isURL bool, whole string) (string, uint16, error) {
	if !isURL {
		s = whole
	}
	host, digits := s, ""
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 {
			return "", 0, errors.New(`"]" is missing`)
		}
		host, digits = s[:end+1], s[end+1:]
		if digits != "" && digits[0] != ':' {
			return "", 0, fmt.Errorf(`%q behind "]" is no port`, digits)
		}
	} else if i := strings.IndexByte(s, ':'); i >= 0 && i == strings.LastIndexByte(s, ':') {
		host, digits = s[:i], s[i:]
	}
	if digits == "" {
		return host, 0, nil
	}
	port, err := strconv.ParseUint(digits[1:], 10, 16)
	if err != nil || port == 0 || digits[1] == '+' {
		return "", 0, fmt.Errorf("%q is no port from 1 to 65535", digits[1:])
	}
	return host, uint16(port), nil
}

// parseAddr reads an address, which may be in brackets if it is of IPv6. In a URL the sign before its zone
// is escaped (RFC 6874 section 2).
func parseAddr(s string, isURL bool) (netip.Addr, error) {
	bare, bracketed := strings.CutPrefix(s, "[")
	bare = strings.TrimSuffix(bare, "]")
	if isURL {
		if a, zone, ok := strings.Cut(bare, "%25"); ok && zone != "" {
			bare = a + "%" + zone
		}
	}
	addr, err := netip.ParseAddr(bare)
	if err != nil {
		return netip.Addr{}, err
	}
	if bracketed && !addr.Is6() {
		return netip.Addr{}, errors.New("brackets are for IPv6")
	}
	for _, c := range []byte(addr.Zone()) {
		if c <= ' ' || c > '~' || strings.IndexByte("%/[]", c) >= 0 {
			return netip.Addr{}, errors.New("zone")
		}
	}
	return addr.Unmap(), nil
}

// parseHost reads a name of a host, which may be absolute.
func parseHost(s string) (string, error) {
	if s == "" {
		return "", errors.New("a name or an address is missing")
	}
	name, err := ToASCII(s)
	if err != nil {
		return "", fmt.Errorf("%q is no name of a host", s)
	}
	labels := strings.Split(strings.TrimSuffix(name, "."), ".")
	for _, label := range labels {
		if !isLabel(label) {
			return "", fmt.Errorf("%q is neither an address nor a name of a host", s)
		}
	}
	last := strings.ToLower(labels[len(labels)-1])
	if strings.Trim(last, "0123456789") == "" || strings.HasPrefix(last, "0x") {
		return "", fmt.Errorf("%q looks like an address and is none", s)
	}
	if len(name) > maxName-2 {
		return "", fmt.Errorf("a name of %d characters is too long", len(name))
	}
	return name, nil
}

// isLabel reports whether s may be a part of a host's name. Underscores are against RFC 952 and in use.
func isLabel(s string) bool {
	const other = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
	return s != "" && len(s) <= 63 && strings.Trim(s, other+"-") == "" && s[0] != '-' && s[len(s)-1] != '-'
}

// String returns the server as ParseServer reads it: by its name if it has one, without a port that is the
// transport's own, and without a scheme if that is UDP.
func (s Server) String() string {
	isURL := s.Transport != UDP
	port := s.Addr.Port()
	withPort := port != 0 && (s.Transport > QUIC || port != transports(s.Transport).port)
	host, addr := s.Host, s.Addr.Addr()
	if host != "" {
		addr, _ = parseAddr(host, false)
	}
	if addr.IsValid() {
		host = addr.String()
		if isURL {
			host = strings.Replace(host, "%", "%25", 1)
		}
		if addr.Is6() && (isURL || withPort) {
			host = "[" + host + "]"
		}
	}
	if withPort {
		host += ":" + strconv.Itoa(int(port))
	}
	if !isURL {
		return host
	}
	return s.Transport.String() + "://" + host + s.Path
}

// String returns the transport's name in lower case, which is its scheme: udp, tcp, tls, https, quic.
func (t Transport) String() string {
	names := [...]string{"udp", "tcp", "tls", "https", "quic"}
	if int(t) >= len(names) {
		return "transport " + strconv.Itoa(int(t))
	}
	return names[t]
}
