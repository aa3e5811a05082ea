package resolve_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/netdiag/netdiag/internal/dnslab"
	"github.com/netdiag/netdiag/resolve"
)

// TestRealBeside looks at what comes beside an answer: flags, options, notes, another transport.
func TestRealBeside(t *testing.T) {
	t.Parallel()
	dnslab.Inside(t, func(t *testing.T, s *dnslab.Servers) {
		for name, f := range map[string]func(*testing.T, *dnslab.Servers){
			"identifiers": realIdentifiers, "cookies": realCookies, "validation": realValidation, "truncation": realTruncation,
		} {
			t.Run(name, func(t *testing.T) { f(t, s) })
		}
	})
}

// askReal asks a server by UDP, which has to answer.
func askReal(t *testing.T, o resolve.Options, at dnslab.Host, q resolve.Question) *resolve.Exchange {
	t.Helper()
	x, err := (&resolve.Client{Options: o}).Exchange(t.Context(), resolve.Server{Addr: at.Port(53)}, q)
	if err != nil {
		t.Fatal(err)
	}
	if x.Message == nil || (x.Message.EDNS == nil) != o.NoEDNS {
		t.Fatalf("%v: %+v", q, x)
	}
	return x
}

// noted reports whether an exchange has a note of a kind.
func noted(x *resolve.Exchange, kind string) bool {
	return slices.ContainsFunc(x.Notes, func(n resolve.Note) bool { return n.Kind == kind })
}

// realIdentifiers asks servers who they are: by NSID, and in the class that is there for it.
func realIdentifiers(t *testing.T, s *dnslab.Servers) {
	for _, tt := range []struct {
		host dnslab.Host
		id   string
	}{{s.Knot, "knot"}, {s.Named, "named"}, {s.Recursor, "unbound"}} {
		x := askReal(t, resolve.Options{NSID: true, NoRecursion: true}, tt.host, resolve.Question{Name: "www.example.test"})
		if got := string(x.Message.EDNS.NSID); got != tt.id || x.Message.RecursionDesired {
			t.Errorf("NSID %q, want %q; %+v", got, tt.id, x.Message)
		}
	}
	x := askReal(t, resolve.Options{}, s.Named, resolve.Question{Name: "id.server", Type: resolve.TypeTXT, Class: resolve.ClassCH})
	if a := x.Message.Answer; len(a) != 1 || a[0].Value != `"named"` || a[0].Class != resolve.ClassCH {
		t.Errorf("id.server: %+v", a)
	}
}

// realCookies asks Knot, which wants its cookie from everybody who can have one, and BIND, which hands it out.
func realCookies(t *testing.T, s *dnslab.Servers) {
	q := resolve.Question{Name: "www.example.test"}
	x := askReal(t, resolve.Options{}, s.Knot, q)
	if x.Message.Rcode != resolve.NoError || x.Tries != 2 || !noted(x, resolve.NoteCookie) {
		t.Errorf("knot: %v after %d tries, notes %v", x.Message.Rcode, x.Tries, x.Notes)
	}
	x = askReal(t, resolve.Options{}, s.Named, q)
	if e := x.Message.EDNS; len(e.Client) != 8 || len(e.Server) < 8 || x.Tries != 1 {
		t.Errorf("named: client cookie %x, server cookie %x, %d tries", e.Client, e.Server, x.Tries)
	}
	x = askReal(t, resolve.Options{NoCookie: true}, s.Knot, q)
	if e := x.Message.EDNS; e.Client != nil || x.Tries != 1 {
		t.Errorf("knot, without cookies: client cookie %x, %d tries", e.Client, x.Tries)
	}
}

// realValidation asks a recursor that validates.
func realValidation(t *testing.T, s *dnslab.Servers) {
	signed, bogus := resolve.Question{Name: "www.signed.test"}, resolve.Question{Name: "www.bogus.test"}
	x := askReal(t, resolve.Options{AuthenticData: true}, s.Recursor, signed)
	if !x.Message.AuthenticData || len(x.Message.Answer) != 1 {
		t.Errorf("AD: %+v", x.Message)
	}
	x = askReal(t, resolve.Options{DNSSEC: true}, s.Recursor, signed)
	if !x.Message.EDNS.DO || !slices.ContainsFunc(x.Message.Answer, func(r resolve.Record) bool { return r.Type == resolve.TypeRRSIG }) {
		t.Errorf("DO: %+v", x.Message)
	}
	x = askReal(t, resolve.Options{}, s.Recursor, bogus)
	if _, reason := x.Verdict(); len(x.Message.EDNS.Errors) == 0 || !strings.Contains(reason, x.Message.EDNS.Errors[0].String()) {
		t.Errorf("EDE: %+v, reason %q", x.Message.EDNS, reason)
	}
	x = askReal(t, resolve.Options{CheckingDisabled: true}, s.Recursor, bogus)
	if v, reason := x.Verdict(); v != resolve.VerdictAnswer || !x.Message.CheckingDisabled {
		t.Errorf("CD: %v, %s", v, reason)
	}
}

// realTruncation asks for more than a datagram holds.
func realTruncation(t *testing.T, s *dnslab.Servers) {
	big := resolve.Question{Name: "big.example.test", Type: resolve.TypeTXT}
	for _, q := range []resolve.Question{
		big, {Name: "bigger.example.test", Type: resolve.TypeTXT}, {Name: "huge.example.test", Type: resolve.TypeTXT}, {Name: "lots.example.test"},
	} {
		x := askReal(t, resolve.Options{}, s.Named, q)
		if x.Via != resolve.TCP || x.Message.Truncated || !noted(x, resolve.NoteTruncated) || x.Message.Size <= 1232 {
			t.Errorf("%v: %d bytes via %v, notes %v", q, x.Message.Size, x.Via, x.Notes)
		}
	}
	x := askReal(t, resolve.Options{UDPSize: 4096}, s.Named, big)
	if x.Via != resolve.UDP || x.Message.Size <= 1232 || x.Message.Truncated {
		t.Errorf("with room for it: %d bytes via %v", x.Message.Size, x.Via)
	}
	x = askReal(t, resolve.Options{NoEDNS: true}, s.Named, resolve.Question{Name: "full.example.test", Type: resolve.TypeTXT})
	if x.Via != resolve.UDP || x.Message.Size > 512 {
		t.Errorf("without EDNS: %d bytes via %v", x.Message.Size, x.Via)
	}
	x = askReal(t, resolve.Options{NoEDNS: true}, s.Named, resolve.Question{Name: "lots.example.test"})
	if x.Via != resolve.TCP {
		t.Errorf("without EDNS: %d bytes via %v", x.Message.Size, x.Via)
	}
}
