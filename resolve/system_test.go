package resolve

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/netdiag/netdiag/hosts"
)

// noRoutes is a machine without a route.
func noRoutes(addrs []netip.Addr) []route { return make([]route, len(addrs)) }

// server returns the address of a name server with a number from 1.
func serverAddr(n int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(n)}), dnsPort)
}

// fake is a network of name servers for a System: what each says to a question, "" for nothing at all. The number of
// the server is the last of its address.
type fake func(server int, q Question) string

// ask is an asker. What a server says is "refused", "servfail", "notimp", "nxdomain", "nodata", "unreachable", or the values
// of records: an address, or "NAME VALUE" for a record of another owner; CNAME records are written as "NAME > TARGET".
func (f fake) ask(ctx context.Context, c *Client, s Server, q Question) (*Exchange, error) {
	x := &Exchange{Server: s, Question: q, Via: s.Transport, Sent: time.Now(), RTT: time.Millisecond}
	said := f(int(s.Addr.Addr().As4()[3]), q)
	switch said {
	case "":
		select {
		case <-time.After(time.Duration(max(c.Tries, 1)) * c.Timeout):
			x.Status, x.Err = TimedOut, errors.New("no answer in time")
			return x, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	case "unreachable":
		x.Status, x.Err = Unreachable, errors.New("connection refused")
		return x, nil
	}
	x.Message = saying(q, said)
	return x, nil
}

// saying makes the answer that ask describes.
func saying(q Question, said string) *Message {
	m := &Message{Question: q, RecursionAvailable: true}
	codes := map[string]Rcode{"refused": Refused, "servfail": ServFail, "notimp": NotImplemented, "nxdomain": NXDomain, "formerr": FormErr}
	switch code, ok := codes[said]; {
	case ok:
		m.Rcode = code
		return m
	case said == "nodata":
		return m
	case said == "lame":
		m.RecursionAvailable = false
		return m
	}
	for part := range strings.SplitSeq(said, ", ") {
		r := Record{Name: q.Name, Type: q.Type, Class: ClassIN, TTL: time.Minute, Value: part}
		if owner, target, ok := strings.Cut(part, " > "); ok {
			r.Name, r.Type, r.Target, r.Value = owner, TypeCNAME, target, target
		} else if owner, value, ok := strings.Cut(part, " "); ok {
			r.Name, r.Value = owner, value
		}
		switch r.Type {
		case TypeA, TypeAAAA:
			r.Addr = netip.MustParseAddr(r.Value)
		case TypePTR:
			r.Target = r.Value
		}
		m.Answer = append(m.Answer, r)
	}
	return m
}

// system returns a System with two name servers and a hosts file.
func (f fake) system(file, nsswitch string) *System {
	conf, _ := parseResolv("/etc/resolv.conf", "nameserver 192.0.2.1\nnameserver 192.0.2.2\n", noEnv, "box")
	sources, _ := parseNsswitch("/etc/nsswitch.conf", "hosts: "+nsswitch+"\n")
	return &System{Files: Files{Hosts: "/etc/hosts"}, Sources: sources, Hosts: hosts.Parse([]byte(file)), Dialect: hosts.Glibc(true),
		Resolv: conf, Client: &Client{}, Policy: glibcPolicy(), ask: f.ask, routes: noRoutes,
		machine: machine{hostname: func() (string, error) { return "box", nil },
			addrs: func() []netip.Addr {
				return []netip.Addr{netip.MustParseAddr("192.0.2.100"), netip.MustParseAddr("fe80::1%eth0")}
			}}}
}

// neverAsked fails a test that asks a name server.
func neverAsked(t *testing.T) fake {
	return func(server int, q Question) string {
		t.Errorf("server %d is asked for %v", server, q)
		return "servfail"
	}
}

// always says the same to all.
func always(said string) fake { return func(int, Question) string { return said } }

func TestAddrsSources(t *testing.T) {
	const file = "127.0.0.1 localhost\n192.0.2.9 only.test alias\n"
	perType := func(a, aaaa string) fake {
		return func(_ int, q Question) string {
			if q.Type == TypeA {
				return a
			}
			return aaaa
		}
	}
	for _, tt := range []struct {
		title, nsswitch, name string
		family                Family
		dns                   fake // nil: must not be asked
		verdict               Verdict
		addrs, canonical      string
		steps                 string // source and status of each
		said                  string // part of the details
	}{
		{"hosts file", "files dns", "alias", AnyFamily, nil, VerdictAnswer, "192.0.2.9", "only.test", "files success", "/etc/hosts:2 has 1 address"},
		{"other family", "files", "alias", IPv6, nil, VerdictNoData, "", "", "files notfound", "no IPv6 address for it"},
		{"dns", "files dns", "www.test", AnyFamily, perType("192.0.2.80", "2001:db8::80"), VerdictAnswer, "2001:db8::80 192.0.2.80", "www.test",
			"files notfound, dns success", "192.0.2.1: 2 addresses"},
		{"alias", "dns", "www.test", IPv4, always("www.test. > a.test., a.test. 192.0.2.80"), VerdictAnswer, "192.0.2.80", "a.test", "dns success", ""},
		{"stray record", "dns", "www.test", IPv4, always("192.0.2.80, evil.test. 192.0.2.66"), VerdictAnswer, "192.0.2.80", "www.test", "dns success", ""},
		{"nxdomain", "files dns", "www.test", AnyFamily, always("nxdomain"), VerdictNXDomain, "", "", "files notfound, dns notfound", "does not exist"},
		{"nodata", "dns", "www.test", AnyFamily, always("nodata"), VerdictNoData, "", "", "dns notfound", ""},
		{"servfail", "dns [UNAVAIL=return] files", "only.test", AnyFamily, always("servfail"), VerdictServFail, "", "", "dns unavail", "says to stop here"},
		{"servfail, then files", "dns files", "gone.test", AnyFamily, always("servfail"), VerdictServFail, "", "", "dns unavail, files notfound", "not in"},
		{"nxdomain, then own name", "files dns myhostname", "gone.test", AnyFamily, always("nxdomain"), VerdictNXDomain, "", "",
			"files notfound, dns notfound, myhostname notfound", "does not exist"},
		{"nodata, then own name", "dns myhostname", "gone.test", AnyFamily, always("nodata"), VerdictNoData, "", "", "dns notfound, myhostname notfound", ""},
		{"own name, other family", "myhostname", "box", IPv4, nil, VerdictAnswer, "192.0.2.100", "box", "myhostname success", ""},
		{"aaaa fails", "dns", "www.test", AnyFamily, perType("192.0.2.80", "servfail"), VerdictAnswer, "192.0.2.80", "www.test", "dns success",
			"the question for AAAA failed"},
		{"skipped", "mdns4_minimal [NOTFOUND=return] resolve sss files", "alias", AnyFamily, nil, VerdictAnswer, "192.0.2.9", "only.test",
			"mdns4_minimal unavail, resolve skipped, sss skipped, files success", "names under local"},
		{"multicast name", "mdns4_minimal files", "a.LOCAL", AnyFamily, nil, VerdictNXDomain, "", "", "mdns4_minimal skipped, files notfound", "Avahi"},
		{"nothing to ask", "sss", "alias", AnyFamily, nil, VerdictError, "", "", "sss skipped", ""},
		{"localhost from the file", "files dns", "localhost", AnyFamily, nil, VerdictAnswer, "127.0.0.1", "localhost", "files success", ""},
		{"below localhost", "files dns", "a.LOCALHOST.", AnyFamily, nil, VerdictAnswer, "::1 127.0.0.1", "localhost", "files notfound, special success", "RFC 6761"},
		{"localhost, IPv4", "dns", "localhost", IPv4, nil, VerdictAnswer, "127.0.0.1", "localhost", "special success", ""},
		{"localhost without dns", "files", "x.localhost", IPv6, nil, VerdictAnswer, "::1", "localhost", "files notfound, special success", ""},
		{"invalid", "files dns", "www.invalid", AnyFamily, nil, VerdictNXDomain, "", "", "files notfound, special notfound", "section 6.4"},
		{"onion", "dns", "abc.onion", AnyFamily, nil, VerdictNXDomain, "", "", "special notfound", "Tor"},
		{"alt", "dns", "abc.alt", AnyFamily, nil, VerdictNXDomain, "", "", "special notfound", "RFC 9476"},
		{"local", "dns", "printer.local", IPv4, always("192.0.2.3"), VerdictAnswer, "192.0.2.3", "printer.local", "dns success", "RFC 6762"},
		{"like a special name", "dns", "notlocalhost", IPv4, always("192.0.2.3"), VerdictAnswer, "192.0.2.3", "notlocalhost", "dns success", ""},
		{"own name", "myhostname", "BOX", AnyFamily, nil, VerdictAnswer, "fe80::1%eth0 192.0.2.100", "box", "myhostname success", "own name"},
		{"own localhost", "myhostname dns", "x.localhost.localdomain", IPv4, nil, VerdictAnswer, "127.0.0.1", "localhost", "myhostname success", ""},
		{"not own", "myhostname", "other", AnyFamily, nil, VerdictNXDomain, "", "", "myhostname notfound", ""},
		{"gateway", "myhostname files", "_gateway", AnyFamily, nil, VerdictError, "", "", "myhostname skipped, files notfound", "table of routes"},
		{"gateway, unless unavail", "myhostname [!UNAVAIL=return] files", "_gateway", AnyFamily, nil, VerdictError, "", "",
			"myhostname skipped, files notfound", ""},
		{"address", "files dns", "127.1", AnyFamily, nil, VerdictAnswer, "127.0.0.1", "127.1", "", ""},
		{"address of the other family", "files dns", "::1", IPv4, nil, VerdictNoData, "", "", "", ""},
		{"no name", "files dns", "300.1.2.3", AnyFamily, nil, VerdictError, "", "", "", ""},
		{"international", "dns", "münchen.test", IPv4, func(_ int, q Question) string {
			if q.Name != "xn--mnchen-3ya.test." {
				return "nxdomain"
			}
			return "192.0.2.5"
		}, VerdictAnswer, "192.0.2.5", "xn--mnchen-3ya.test", "dns success", ""},
		{"not international", "dns", "ü..test", IPv4, nil, VerdictError, "", "", "", ""},
	} {
		t.Run(tt.title, func(t *testing.T) {
			if tt.dns == nil {
				tt.dns = neverAsked(t)
			}
			got, err := tt.dns.system(file, tt.nsswitch).Addrs(t.Context(), tt.name, tt.family)
			if err != nil {
				t.Fatal(err)
			}
			var addrs, steps []string
			var details strings.Builder
			for _, a := range got.Addrs {
				addrs = append(addrs, a.Addr.String())
			}
			for _, s := range got.Steps {
				steps = append(steps, s.Source+" "+s.Status)
				details.WriteString(s.Detail + "\n")
			}
			if got.Verdict != tt.verdict || got.Reason == "" {
				t.Errorf("verdict %v (%s), want %v", got.Verdict, got.Reason, tt.verdict)
			}
			if got := strings.Join(addrs, " "); got != tt.addrs {
				t.Errorf("addresses %s, want %s", got, tt.addrs)
			}
			if got.Canonical != tt.canonical {
				t.Errorf("canonical name %q, want %q", got.Canonical, tt.canonical)
			}
			if got := strings.Join(steps, ", "); got != tt.steps {
				t.Errorf("steps %q, want %q", got, tt.steps)
			}
			if !strings.Contains(details.String(), tt.said) {
				t.Errorf("details %q, want %q", details.String(), tt.said)
			}
		})
	}
}

// That a name is nowhere else says little where one source could not find out, and that it is in no file less than
// that DNS denies it.
func TestWeightiest(t *testing.T) {
	for sources, want := range map[string]string{
		"dns files":      "the server could not find out",
		"files dns":      "the server could not find out",
		"dns myhostname": "the server could not find out",
	} {
		got, err := always("servfail").system("", sources).Addrs(t.Context(), "gone.test", AnyFamily)
		if err != nil || got.Verdict != VerdictServFail || !strings.HasPrefix(got.Reason, want) {
			t.Errorf("%s: %v, %s, %v", sources, got.Verdict, got.Reason, err)
		}
	}
	got, err := always("nxdomain").system("", "dns myhostname").Addrs(t.Context(), "gone.test", AnyFamily)
	if err != nil || !strings.HasPrefix(got.Reason, "gone.test. does not exist") {
		t.Errorf("%s, %v", got.Reason, err)
	}
}

// Domains that host.conf(5) says to trim are cut off names, and off nothing else.
func TestTrim(t *testing.T) {
	s := always("x.a.test., y.b.test.").system("", "dns")
	s.hostConf.trim = []string{".a.test"}
	got, err := s.Names(t.Context(), netip.MustParseAddr("192.0.2.1"))
	if err != nil || strings.Join(got.Names, " ") != "x y.b.test" || got.Canonical != "x" {
		t.Errorf("%+v, %v", got, err)
	}
}

// The zero System has nothing, and says so.
func TestZeroSystem(t *testing.T) {
	got, err := new(System).Addrs(t.Context(), "example.test", AnyFamily)
	if err != nil || got.Verdict != VerdictError || got.Reason == "" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestOrigin(t *testing.T) {
	got, err := always("192.0.2.80").system("", "dns").Addrs(t.Context(), "www.test", IPv4)
	if err != nil {
		t.Fatal(err)
	}
	want := Origin{Source: "dns", Server: Server{Addr: serverAddr(1)}, TTL: time.Minute, RTT: time.Millisecond}
	if len(got.Addrs) != 1 || got.Addrs[0].Origin != want {
		t.Errorf("%+v, want the origin %+v", got.Addrs, want)
	}
}

func TestNames(t *testing.T) {
	const file = "192.0.2.9 only.test alias\n192.0.2.9 second\n"
	for _, tt := range []struct {
		addr, nsswitch string
		dns            fake
		verdict        Verdict
		names          string
	}{
		{"192.0.2.9", "files dns", nil, VerdictAnswer, "only.test alias"},
		{"192.0.2.8", "files dns", always("a.test., b.test."), VerdictAnswer, "a.test b.test"},
		{"192.0.2.8", "files dns", always("nxdomain"), VerdictNXDomain, ""},
		{"192.0.2.8", "files dns", always("servfail"), VerdictServFail, ""},
		{"127.0.0.1", "files dns", nil, VerdictAnswer, "localhost"},
		{"::ffff:127.0.0.1", "files", nil, VerdictAnswer, "localhost"},
		{"::1", "dns", nil, VerdictAnswer, "localhost"},
		{"::", "files dns", nil, VerdictNXDomain, ""},
		{"192.0.2.100", "myhostname", nil, VerdictAnswer, "box"},
		{"fe80::1%eth1", "myhostname", nil, VerdictAnswer, "box"},
		{"127.0.0.2", "myhostname dns", nil, VerdictAnswer, "box"},
		{"192.0.2.7", "mdns4 myhostname", nil, VerdictNXDomain, ""},
		{"2001:db8::1", "dns", func(_ int, q Question) string {
			if q.Name != "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa." || q.Type != TypePTR {
				return "nxdomain"
			}
			return "six.test."
		}, VerdictAnswer, "six.test"},
	} {
		if tt.dns == nil {
			tt.dns = neverAsked(t)
		}
		got, err := tt.dns.system(file, tt.nsswitch).Names(t.Context(), netip.MustParseAddr(tt.addr))
		if err != nil {
			t.Fatal(err)
		}
		if names := strings.Join(got.Names, " "); names != tt.names || got.Verdict != tt.verdict || got.Reason == "" {
			t.Errorf("%s: %q, %v (%s), want %q, %v", tt.addr, names, got.Verdict, got.Reason, tt.names, tt.verdict)
		}
	}
}

func TestBeside(t *testing.T) {
	s := always("192.0.2.80").system("", "files")
	for _, name := range []string{"localhost", "x.localhost", "a.invalid", "a.local", "127.0.0.1", "300.1.2.3"} {
		if got, err := s.Beside(t.Context(), name, AnyFamily); got != nil || err != nil {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	got, err := s.Beside(t.Context(), "www.test", IPv4)
	if err != nil || got.Verdict != VerdictAnswer || len(got.Addrs) != 1 || len(got.Steps) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestDisagree(t *testing.T) {
	const file = "192.0.2.9 x.test\n192.0.2.10 x.test\n"
	both := func(a, aaaa string) fake {
		return func(_ int, q Question) string {
			if q.Type == TypeA {
				return a
			}
			return aaaa
		}
	}
	for _, tt := range []struct {
		dns  fake
		kind DisagreementKind // "": they agree
		text string
	}{
		{both("192.0.2.9, 192.0.2.10", "nodata"), "", ""},
		{both("192.0.2.80", "nodata"), HostsHidesDNS, "/etc/hosts:1 hides what DNS says of x.test: 192.0.2.80"},
		{both("192.0.2.9, 192.0.2.10", "2001:db8::1"), HostsHidesFamily, "2001:db8::1"},
		{both("192.0.2.9", "nodata"), HostsHidesDNS, "that DNS has not"},
		{always("nxdomain"), HostsOnly, "does not exist"},
		{always("nodata"), HostsOnly, "no address"},
		{always("servfail"), "", ""},
	} {
		s := tt.dns.system(file, "files dns")
		found, err := s.Addrs(t.Context(), "x.test", AnyFamily)
		if err != nil {
			t.Fatal(err)
		}
		dns, err := s.Beside(t.Context(), "x.test", AnyFamily)
		if err != nil {
			t.Fatal(err)
		}
		got, differ := Disagree(found, dns)
		if differ != (tt.kind != "") || got.Kind != tt.kind || !strings.Contains(got.Text, tt.text) {
			t.Errorf("%q %q, want %q %q", got.Kind, got.Text, tt.kind, tt.text)
		}
		if _, differ := Disagree(dns, dns); differ {
			t.Error("DNS disagrees with itself")
		}
		if _, differ := Disagree(found, nil); differ {
			t.Error("nothing disagrees")
		}
	}
	s := both("192.0.2.9", "nodata").system("2001:db8::9 x.test", "files dns")
	found, _ := s.Addrs(t.Context(), "x.test", IPv6)
	dns, _ := s.Beside(t.Context(), "x.test", IPv6)
	if got, _ := Disagree(found, dns); !strings.HasSuffix(got.Text, "but no IPv6 address of it") {
		t.Errorf("%q", got.Text)
	}
}

// TestSpare has sources that cannot be asked, where that does not matter.
func TestSpare(t *testing.T) {
	t.Parallel()
	stub := &System{Sources: []Source{{Name: "resolve"}, {Name: "dns"}}, Resolv: ResolvConf{Servers: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.53:53")}}}
	for _, tt := range []struct {
		system *System
		source string
		found  Found
		spared bool
	}{
		{stub, "resolve", Found{Name: "www.test"}, true},
		{&System{Sources: stub.Sources}, "resolve", Found{Name: "www.test"}, false},
		{&System{Resolv: stub.Resolv}, "resolve", Found{Name: "www.test"}, false},
		{stub, "mdns4_minimal", Found{Name: "www.test"}, true},
		{stub, "mdns", Found{Name: "a.local"}, false},
		{stub, "mdns_minimal", Found{Addr: netip.MustParseAddr("192.0.2.1")}, true},
		{stub, "mdns_minimal", Found{Addr: netip.MustParseAddr("fe80::1%eth0")}, false},
		{stub, "mdns", Found{Addr: netip.MustParseAddr("192.0.2.1")}, false},
		{stub, "sss", Found{Name: "www.test"}, false},
	} {
		if why := tt.system.spare(tt.source, &tt.found); (why != "") != tt.spared {
			t.Errorf("%s, %v: %q", tt.source, tt.found, why)
		}
	}
}
