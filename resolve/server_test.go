package resolve

import (
	"net/netip"
	"strings"
	"testing"
)

// TestParseServer reads servers as users write them.
func TestParseServer(t *testing.T) {
	at := func(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }
	named := func(port uint16) netip.AddrPort { return netip.AddrPortFrom(netip.Addr{}, port) }
	for _, c := range []struct {
		in   string
		want Server
		text string // "": as it was
	}{
		{"192.0.2.53", Server{Addr: at("192.0.2.53:53")}, ""},
		{"192.0.2.53:5353", Server{Addr: at("192.0.2.53:5353")}, ""},
		{"192.0.2.53:53", Server{Addr: at("192.0.2.53:53")}, "192.0.2.53"},
		{"::1", Server{Addr: at("[::1]:53")}, ""},
		{"2001:db8::53", Server{Addr: at("[2001:db8::53]:53")}, ""},
		{"[2001:db8::53]", Server{Addr: at("[2001:db8::53]:53")}, "2001:db8::53"},
		{"[2001:DB8::53]:54", Server{Addr: at("[2001:db8::53]:54")}, "[2001:db8::53]:54"},
		{"fe80::53%eth0", Server{Addr: at("[fe80::53%eth0]:53")}, ""},
		{"[fe80::53%eth0]:54", Server{Addr: at("[fe80::53%eth0]:54")}, ""},
		{"tls://[fe80::53%25eth0]", Server{Transport: TLS, Addr: at("[fe80::53%eth0]:853")}, ""},
		{"tls://[fe80::53%eth0]", Server{Transport: TLS, Addr: at("[fe80::53%eth0]:853")}, "tls://[fe80::53%25eth0]"},
		{"tls://[fe80::53%25]", Server{Transport: TLS, Addr: at("[fe80::53%25]:853")}, "tls://[fe80::53%2525]"},
		{"::ffff:192.0.2.53", Server{Addr: at("192.0.2.53:53")}, "192.0.2.53"},
		{"localhost", Server{Host: "localhost", Addr: named(53)}, ""},
		{"ns1.example.test.", Server{Host: "ns1.example.test.", Addr: named(53)}, ""},
		{"_a_b.example.test:99", Server{Host: "_a_b.example.test", Addr: named(99)}, ""},
		{"münchen.example", Server{Host: "xn--mnchen-3ya.example", Addr: named(53)}, "xn--mnchen-3ya.example"},
		{"udp://192.0.2.53", Server{Addr: at("192.0.2.53:53")}, "192.0.2.53"},
		{"TCP://192.0.2.53:53/", Server{Transport: TCP, Addr: at("192.0.2.53:53")}, "tcp://192.0.2.53"},
		{"tcp://2001:db8::53", Server{Transport: TCP, Addr: at("[2001:db8::53]:53")}, "tcp://[2001:db8::53]"},
		{"tls://dns.example", Server{Transport: TLS, Host: "dns.example", Addr: named(853)}, ""},
		{"tls://dns.example:53", Server{Transport: TLS, Host: "dns.example", Addr: named(53)}, ""},
		{"quic://dns.example", Server{Transport: QUIC, Host: "dns.example", Addr: named(853)}, ""},
		{"https://dns.example", Server{Transport: HTTPS, Host: "dns.example", Addr: named(443)}, ""},
		{"https://dns.example/", Server{Transport: HTTPS, Host: "dns.example", Path: "/", Addr: named(443)}, ""},
		{"https://[2001:db8::53]:8443/a/b:c", Server{Transport: HTTPS, Path: "/a/b:c", Addr: at("[2001:db8::53]:8443")}, ""},
		{"https://192.0.2.53/dns-query{?dns}", Server{Transport: HTTPS, Path: "/dns-query", Addr: at("192.0.2.53:443")}, "https://192.0.2.53/dns-query"},
	} {
		got, err := ParseServer(c.in)
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, error %v, want %+v", c.in, got, err, c.want)
		}
		want := c.text
		if want == "" {
			want = c.in
		}
		if got.String() != want {
			t.Errorf("%s: as text %s, want %s", c.in, got, want)
		}
	}
}

// TestParseServerPort has the port of who asks stand in only for one that is not written.
func TestParseServerPort(t *testing.T) {
	for in, want := range map[string]uint16{
		"192.0.2.53": 5353, "192.0.2.53:53": 53, "192.0.2.53:54": 54, "::1": 5353, "[::1]:53": 53, "tls://dns.example": 5353, "tls://dns.example:853": 853, "https://dns.example/q": 5353,
	} {
		if s, err := ParseServerPort(in, 5353); err != nil || s.Addr.Port() != want {
			t.Errorf("%s: %+v, error %v, want port %d", in, s, err, want)
		}
	}
}

// TestParseServerError reads what is no server.
func TestParseServerError(t *testing.T) {
	for in, want := range map[string]string{
		"":                         "a name or an address is missing",
		":53":                      "a name or an address is missing",
		"tcp://":                   "a name or an address is missing",
		"300.1.2.3":                `"300.1.2.3" looks like an address and is none`,
		"127.1":                    `"127.1" looks like an address and is none`,
		"0x7f000001":               `"0x7f000001" looks like an address and is none`,
		"192.0.2.53:0":             `"0" is no port from 1 to 65535`,
		"192.0.2.53:65536":         `"65536" is no port from 1 to 65535`,
		"192.0.2.53:":              `"" is no port from 1 to 65535`,
		"192.0.2.53:+53":           `"+53" is no port from 1 to 65535`,
		"[192.0.2.53]:53":          `"[192.0.2.53]" is neither an address nor a name of a host`,
		"[::1":                     `"]" is missing`,
		"[::1]53":                  `"53" behind "]" is no port`,
		"[ns1.test]":               `"[ns1.test]" is neither an address nor a name of a host`,
		"a..b":                     `"a..b" is neither an address nor a name of a host`,
		"-a.test":                  `"-a.test" is neither an address nor a name of a host`,
		"two words":                `"two words" is neither an address nor a name of a host`,
		"ftp://192.0.2.53":         `"ftp" is none of udp, tcp, tls, https, quic`,
		"tls://192.0.2.53/x":       "a path is for https alone",
		"https://dns.test/%zz":     "its path \"/%zz\" cannot be read",
		"https://dns.test//a":      "its path \"//a\" cannot be read",
		"https://dns.test/a b":     "its path has a character that must not be there: \" \"",
		"https://dns.test/q?a#b":   "its path has a character that must not be there: \"?\"",
		"https://me@dns.test/":     `"me@dns.test" is neither an address nor a name of a host`,
		"\x1b[31m":                 `"\x1b[31m" is neither an address nor a name of a host`,
		strings.Repeat("a.", 130):  "a name of 260 characters is too long",
		strings.Repeat("a", 64):    `"` + strings.Repeat("a", 64) + `" is neither an address nor a name of a host`,
		"fe80::1%":                 `"fe80::1%" is neither an address nor a name of a host`,
		"fe80::1%e/0":              `"fe80::1%e/0" is neither an address nor a name of a host`,
		"192.0.2.53#5353":          `"192.0.2.53#5353" is neither an address nor a name of a host`,
		"https:///dns-query":       "a name or an address is missing",
		"192.0.2.53,192.0.2.54":    `"192.0.2.53,192.0.2.54" is neither an address nor a name of a host`,
		"https://dns.test/\u202e/": `its path has a character that must not be there: "\xe2"`,
	} {
		_, err := ParseServer(in)
		if err == nil || !strings.HasSuffix(err.Error(), ": "+want) || !strings.HasPrefix(err.Error(), "resolve: server ") {
			t.Errorf("%q: error %v, want %s", in, err, want)
		}
	}
}

// FuzzParseServer reads anything; what is a server stays one when it is written.
func FuzzParseServer(f *testing.F) {
	for _, s := range []string{"192.0.2.53", "[::1]:53", "fe80::1%eth0", "tls://[fe80::53%25eth0]:1", "https://dns.test/a", "münchen.example", "quic://a_b:9"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		s, err := ParseServer(in)
		if err != nil {
			return
		}
		if strings.Trim(s.String(), "\x00") == "" || printable(s.String()) != s.String() {
			t.Errorf("%q: as text %q", in, s)
		}
		if again, err := ParseServer(s.String()); err != nil || again != s {
			t.Errorf("%q: %+v as text %q, which is %+v, error %v", in, s, s, again, err)
		}
		if _, err := s.normal(); (err == nil) != s.Addr.Addr().IsValid() {
			t.Errorf("%q: error %v", in, err)
		}
	})
}
