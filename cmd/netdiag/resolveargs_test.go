package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/netdiag/netdiag/resolve"
)

// planned returns what the command line of resolve asks for.
func planned(t *testing.T, args ...string) (*resolvePlan, error) {
	t.Helper()
	f := &resolveFlags{class: resolve.ClassIN}
	c, err := parsedBy(t, f.flags(), f.check, args...)
	if err != nil {
		return nil, err
	}
	return f.plan(c)
}

func TestResolvePlan(t *testing.T) {
	for _, tt := range []struct {
		args string
		want string // each inquiry: what it is about, or the question
	}{
		{"www.example.test", "machine www.example.test"},
		{"www.example.test mail.example.test.", "machine www.example.test|machine mail.example.test."},
		{"mx", "machine mx"},
		{"mx mx", "mx. IN MX"},
		{"A AAAA", "A. IN AAAA"},
		{"localhost", "machine localhost"},
		{"bücher.example", "machine xn--bcher-kva.example"},
		{"192.0.2.1", "machine 192.0.2.1"},
		{"[2001:db8::1]", "machine 2001:db8::1"},
		{"127.1", "machine 127.0.0.1"},
		{"www.example.test a", "www.example.test. IN A"},
		{"www.example.test Aaaa tYpE65 host2.example.test", "www.example.test. IN AAAA|www.example.test. IN HTTPS|host2.example.test. IN AAAA|host2.example.test. IN HTTPS"},
		{"-t mx,ns www.example.test --type=soa", "www.example.test. IN MX|www.example.test. IN NS|www.example.test. IN SOA"},
		{"@192.0.2.53 mx", "mx. IN A"},
		{"@192.0.2.53 mx -6", "mx. IN AAAA"},
		{"@192.0.2.53 mx -4", "mx. IN A"},
		{"mx @192.0.2.53 txt", "mx. IN TXT"},
		{"--dig www.example.test", "www.example.test. IN A"},
		{"version.bind txt --class ch", "version.bind. CH TXT"},
		{"version.bind --class CH", "version.bind. CH A"},
		{"192.0.2.1 @192.0.2.53", "1.2.0.192.in-addr.arpa. IN PTR"},
		{"１２７。0.0.1 a", "1.0.0.127.in-addr.arpa. IN A"},
		{"１２７.１ @192.0.2.53", "1.0.0.127.in-addr.arpa. IN PTR"},
		{"www.example.test a A www.example.test TYPE1 -t a", "www.example.test. IN A"},
		{"a a", "a. IN A"},
		{"www.example.test www.example.test", "machine www.example.test"},
		{"www.example.test www.example.test. a", "www.example.test. IN A|www.example.test. IN A"},
		{"example.test ixfr=7 @192.0.2.53", "example.test. IN IXFR"},
		{"IXFR=7 @192.0.2.53", "IXFR=7. IN A"},
		{"-x 192.0.2.1", "1.2.0.192.in-addr.arpa. IN PTR"},
		{"-x ::1", "1." + strings.Repeat("0.", 31) + "ip6.arpa. IN PTR"},
		{"fe80::1%eth0 ptr", "1." + strings.Repeat("0.", 28) + "8.e.f." + "ip6.arpa. IN PTR"},
		{"192.0.2.1 ns", "1.2.0.192.in-addr.arpa. IN NS"},
		{"_sip._tcp.bücher.example srv", "_sip._tcp.xn--bcher-kva.example. IN SRV"},
		{"*.example.test txt", "*.example.test. IN TXT"},
		{". ns", ". IN NS"},
		{`a\032b\.c.example. a`, `a\032b\.c.example. IN A`},
		{"0/25.2.0.192.in-addr.arpa ns", "0/25.2.0.192.in-addr.arpa. IN NS"},
	} {
		p, err := planned(t, strings.Fields(tt.args)...)
		if err != nil {
			t.Errorf("%s: %v", tt.args, err)
			continue
		}
		var got []string
		for _, q := range p.inquiries {
			switch {
			case !q.ofMachine():
				got = append(got, q.question.Name+" "+q.question.Class.String()+" "+q.question.Type.String())
			case q.name.addr.IsValid():
				got = append(got, "machine "+q.name.addr.String())
			default:
				got = append(got, "machine "+q.name.host)
			}
		}
		if joined := strings.Join(got, "|"); joined != tt.want {
			t.Errorf("%s: %s, want %s", tt.args, joined, tt.want)
		}
	}
}

func TestResolveServers(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"@192.0.2.53", "udp 192.0.2.53:53"},
		{"@192.0.2.53:5353 --tcp", "tcp 192.0.2.53:5353"},
		{"@192.0.2.53 -p 5353", "udp 192.0.2.53:5353"},
		{"@192.0.2.53:54 -p 5353", "udp 192.0.2.53:54"},
		{"@192.0.2.53:53 -p 5353", "udp 192.0.2.53:53"},
		{"@tls://dns.example:853 @tls://dns.example -p 5353", "tls invalid AddrPort dns.example|tls invalid AddrPort dns.example"},
		{"@192.0.2.53 @192.0.2.54 @192.0.2.53:53 @192.0.2.53 @tcp://192.0.2.53", "udp 192.0.2.53:53|udp 192.0.2.54:53|tcp 192.0.2.53:53"},
		{"@dns.example @dns.example", "udp invalid AddrPort dns.example"},
		{"@[2001:db8::53]:54 @2001:db8::53", "udp [2001:db8::53]:54|udp [2001:db8::53]:53"},
		{"@tls://192.0.2.53 --tcp", "tls 192.0.2.53:853"},
		{"@https://192.0.2.53/q -p 8443", "https 192.0.2.53:8443"},
		{"@quic://192.0.2.53:8853", "quic 192.0.2.53:8853"},
		{"@localhost", "udp invalid AddrPort localhost"},
	} {
		p, err := planned(t, append(strings.Fields(tt.args), "www.example.test")...)
		if err != nil {
			t.Errorf("%s: %v", tt.args, err)
			continue
		}
		var got []string
		for _, s := range p.servers {
			text := s.Transport.String() + " " + s.Addr.String()
			if s.named() {
				text += " " + s.Host
			}
			got = append(got, text)
		}
		if joined := strings.Join(got, "|"); joined != tt.want {
			t.Errorf("%s: %s, want %s", tt.args, joined, tt.want)
		}
	}
}

func TestResolveRefuses(t *testing.T) {
	long := strings.Repeat("a", 64)
	for _, tt := range []struct {
		args []string
		want string // in the error or its hints
	}{
		{nil, "no name given"},
		{[]string{"@192.0.2.53"}, "no name given"},
		{[]string{"@", "a"}, "@ needs a server behind it"},
		{[]string{"@no server", "a"}, "@no server: not a name server"},
		{[]string{"www.example.test", "+short"}, "for +short give --short"},
		{[]string{"+tcp", "www.example.test"}, "for +tcp give --tcp"},
		{[]string{"www.example.test", "+bufsize=512"}, "for +bufsize=512 give --bufsize 512"},
		{[]string{"www.example.test", "+retry=2"}, "for +retry=2 give --tries 3"},
		{[]string{"www.example.test", "+frob"}, "+frob: flags begin with a hyphen here"},
		{[]string{"300.1.2.3"}, "300 is above 255"},
		{[]string{"--nsid", "www.example.test"}, "--nsid is for questions to DNS"},
		{[]string{"www.example.test", "--subnet", "192.0.2.0/24"}, "--subnet is for questions to DNS"},
		{[]string{"300.1.2.3", "a"}, "300 is above 255"},
		{[]string{"1.2.3.4.5", "@192.0.2.53"}, "four numbers"},
		{[]string{"*.example.test"}, "give a TYPE, such as A"},
		{[]string{long + ".example"}, "longer than 63"},
		{[]string{long + ".example", "a"}, "longer than 63"},
		{[]string{strings.Repeat("a.", 127) + "b", "a"}, "longer than 253"},
		{[]string{"a..b", "a"}, "nothing in front of one of its dots"},
		{[]string{".a", "a"}, "nothing in front of one of its dots"},
		{[]string{"", "a"}, "not a name"},
		{[]string{"a b", "a"}, `\032`},
		{[]string{`a\300.b`, "a"}, "backslash"},
		{[]string{`a\`, "a"}, "backslash"},
		{[]string{"a\xff.b", "a"}, "characters that no name has"},
		{[]string{"https://example.test/", "a"}, "give the host alone"},
		{[]string{"example.test:53", "a"}, "give the host alone"},
		{[]string{"-x", "www.example.test"}, "no address"},
		{[]string{"-x", "192.0.2.1", "ns"}, "-x asks for PTR"},
		{[]string{"-t", "AAAAA", "a"}, "did you mean AAAA?"},
		{[]string{"-t", "TYPE65536", "a"}, "TYPE1 to TYPE65535"},
		{[]string{"--class", "xx", "a"}, "no class"},
		{[]string{"--short", "--dig", "a"}, "exclude each other"},
		{[]string{"--json", "--short", "a"}, "--json excludes"},
		{[]string{"--no-edns", "--nsid", "a"}, "--no-edns excludes"},
		{[]string{"-6", "@192.0.2.53", "a", "mx"}, "@192.0.2.53 is no IPv6 address"},
		{[]string{"--source", "2001:db8::1", "@192.0.2.53", "a"}, "another family"},
		{[]string{"-p", "5353", "www.example.test", "a"}, "--port is for servers that are given as @SERVER"},
		{[]string{"-n", "192.0.2.1"}, "-n is for no reverse lookups"},
		{[]string{"-n", "www.example.test", "192.0.2.1", "a"}, "192.0.2.1: an address is looked up in reverse"},
		{[]string{"--hosts-file", "", "a"}, "--hosts-file takes the path of a file"},
		{[]string{"--resolv-conf=", "a"}, "--resolv-conf takes the path of a file"},
		{[]string{"--nsswitch-conf", "", "a"}, "--nsswitch-conf takes the path of a file"},
		{[]string{"a", "ixfr"}, "ixfr: IXFR needs the serial that you have, as IXFR=2026010101"},
		{[]string{"a", "IXFR="}, "IXFR needs the serial"},
		{[]string{"a", "IXFR=4294967296"}, "IXFR needs the serial"},
		{[]string{"a", "TYPE251"}, "IXFR needs the serial"},
		{[]string{"-t", "mx,ixfr", "a"}, "IXFR needs the serial"},
		{[]string{"-t", "ixfr=1", "a", "IXFR=2"}, "one serial at a time"},
		{[]string{"-t", "mx=1", "a"}, "no type of records"},
		{[]string{"--dnssec", "a"}, "unknown flag --dnssec"},
	} {
		_, err := planned(t, tt.args...)
		if err == nil {
			t.Errorf("%q is taken", tt.args)
			continue
		}
		if text := err.Error() + "\n" + strings.Join(hintsOf(err), "\n"); !strings.Contains(text, tt.want) {
			t.Errorf("%q: %s, want %q", tt.args, text, tt.want)
		}
	}
}

func TestDoubts(t *testing.T) {
	for word, want := range map[string]string{
		"AAA": "AAAA", "MXX": "MX", "TXTT": "TXT", "type99999": "TYPE1 to TYPE65535", "spf": "TXT", "ch": "--class CH", "nsec4": "NSEC", "ipv6": "AAAA",
		"www": "", "host7": "", "example.test": "", "localhost": "", "db": "", "a1": "",
	} {
		got := doubtOf(word)
		if (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q in it", word, got, want)
		}
	}
	for _, word := range typeWords() {
		if _, ok := resolve.ParseType(word); !ok {
			t.Errorf("%s is no type", word)
		}
	}
}

// TestLongestName has names at the limit of a message, however they are written.
func TestLongestName(t *testing.T) {
	label := strings.Repeat("a", longestLabel)
	for _, tt := range []struct {
		last string // label, behind three of 63 bytes
		wire int    // bytes
		fits bool
	}{
		{strings.Repeat("a", 60), 254, true},
		{strings.Repeat("a", 61), 255, true},
		{strings.Repeat("a", 62), 256, false},
		{strings.Repeat(`\255`, 61), 255, true},
		{strings.Repeat(`\.`, 62), 256, false},
	} {
		for _, dot := range []string{"", "."} {
			name := label + "." + label + "." + label + "." + tt.last
			if got, err := parseDNSName(name + dot); (err == nil) != tt.fits || err == nil && got != name+"." {
				t.Errorf("a name of %d bytes (%q behind it): %q, %v", tt.wire, dot, got, err)
			}
		}
	}
}

func FuzzDNSName(f *testing.F) {
	for _, s := range []string{"", ".", "a", "a.", `a\.b`, `a\032.b.`, "bücher.example", "a..b", `\`, "xn--", strings.Repeat("a.", 127)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, err := parseDNSName(s)
		if err != nil {
			return
		}
		if !strings.HasSuffix(name, ".") || !isASCII(name) || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
			t.Fatalf("%q gives %q", s, name)
		}
		if again, err := parseDNSName(name); err != nil || again != name {
			t.Fatalf("%q gives %q, and that gives %q, %v", s, name, again, err)
		}
		if q := (resolve.Question{Name: name}).String(); !strings.HasPrefix(q, name+" ") {
			t.Fatalf("%q is not absolute: %s", name, q)
		}
	})
}

func FuzzUnicodeForm(f *testing.F) {
	for _, s := range []string{"xn--bcher-kva.example.", "xn--", "xn--a", "XN--N3H", "xn--a-ecp.ru", "a.b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u := unicodeForm(s)
		if u != "" && !strings.Contains(u, `\`) && slices.Contains([]string{s, ""}, u) {
			t.Fatalf("%q has itself as its other form", s)
		}
	})
}

func TestBothForms(t *testing.T) {
	for name, want := range map[string]string{
		"xn--bcher-kva.example.":     "xn--bcher-kva.example. (bücher.example)",
		"XN--BCHER-KVA.example.":     "XN--BCHER-KVA.example. (bücher.example)",
		"www.example.":               "www.example.",
		"xn--a.example.":             "xn--a.example.", // not an A-label
		"a.xn--n3h.xn--bcher-kva.b.": "a.xn--n3h.xn--bcher-kva.b. (a.☃.bücher.b)",
	} {
		if got := bothForms(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
