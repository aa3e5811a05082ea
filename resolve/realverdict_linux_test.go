package resolve_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/dnslab"
	"github.com/netdiag/netdiag/resolve"
)

// verdictCase is a question to a server, and what it should come to.
type verdictCase struct {
	name    string
	server  dnslab.Host
	ask     string // name and type
	verdict resolve.Verdict
	status  resolve.Status
	links   int // of CNAME and DNAME
}

// verdictCases are all that a question can come to.
func verdictCases(s *dnslab.Servers) []verdictCase {
	const (
		answer, noData, nx    = resolve.VerdictAnswer, resolve.VerdictNoData, resolve.VerdictNXDomain
		refused, fail, failed = resolve.VerdictRefused, resolve.VerdictServFail, resolve.VerdictError
	)
	return []verdictCase{
		{"answer", s.Recursor, "www.example.test A", answer, 0, 0},
		{"upper case", s.Recursor, "WWW.EXAMPLE.TEST A", answer, 0, 0},
		{"no data", s.Recursor, "four.example.test AAAA", noData, 0, 0},
		{"no data of a strange type", s.Knot, "four.example.test TYPE65282", noData, 0, 0},
		{"no such name", s.Recursor, "nope.example.test A", nx, 0, 0},
		{"no such domain", s.Recursor, "www.nope.test A", nx, 0, 0},
		{"no such top-level domain", s.Recursor, "nope A", nx, 0, 0},
		{"no such name, says the server itself", s.Knot, "nope.example.test A", nx, 0, 0},
		{"empty non-terminal", s.Recursor, "ent.example.test A", noData, 0, 0},
		{"empty non-terminal, says the server itself", s.Named, "b.ent.example.test A", noData, 0, 0},
		{"wildcard", s.Recursor, "x.wild.example.test A", answer, 0, 0},
		{"wildcard of several labels", s.Knot, "x.y.wild.example.test TXT", answer, 0, 0},
		{"wildcard without the type", s.Recursor, "x.wild.example.test AAAA", noData, 0, 0},
		{"below a name that stops the wildcard", s.Recursor, "x.here.wild.example.test A", nx, 0, 0},
		{"alias by a wildcard", s.Recursor, "x.wild-alias.example.test A", answer, 0, 1},
		{"alias", s.Recursor, "alias.example.test A", answer, 0, 1},
		{"alias itself", s.Recursor, "alias.example.test CNAME", answer, 0, 0},
		{"three aliases", s.Recursor, "chain1.example.test A", answer, 0, 3},
		{"ten aliases", s.Recursor, "long0.example.test A", answer, 0, 10},
		{"alias to what has no data", s.Recursor, "to-nodata.example.test AAAA", noData, 0, 1},
		{"alias to another zone", s.Recursor, "to-signed.example.test A", answer, 0, 1},
		{"alias to another zone, says a server that does not look there", s.Named, "to-signed.example.test A", failed, 0, 1},
		{"alias to nothing", s.Recursor, "dangling.example.test A", nx, 0, 1},
		{"alias to nothing, says the server itself", s.Named, "dangling.example.test A", nx, 0, 1},
		{"alias to nothing in another zone", s.Recursor, "dangling-far.example.test A", nx, 0, 1},
		{"aliases in a circle", s.Recursor, "loop1.example.test A", fail, 0, 0},
		{"aliases in a circle, says the server itself", s.Knot, "loop1.example.test A", failed, 0, 2},
		{"aliases in a circle, in which the server itself is lost", s.Named, "loop1.example.test A", fail, 0, 2},
		{"alias of itself", s.Knot, "self.example.test A", failed, 0, 1},
		{"alias to a lame server's", s.Recursor, "to-lame.example.test A", fail, 0, 1},
		{"DNAME", s.Recursor, "a.dname.example.test A", answer, 0, 2},
		{"DNAME to nothing", s.Recursor, "none.dname.example.test A", nx, 0, 2},
		{"reverse", s.Recursor, "80.2.0.192.in-addr.arpa PTR", answer, 0, 0},
		{"no reverse", s.Recursor, "82.2.0.192.in-addr.arpa PTR", nx, 0, 0},
		{"label of hostile bytes", s.Recursor, `\027[31m.example.test TXT`, answer, 0, 0},
		{"label with a dot", s.Recursor, `a\.b.example.test TXT`, answer, 0, 0},
		{"label with a zero", s.Knot, `nul\000.example.test TXT`, answer, 0, 0},
		{"label that is no ASCII", s.Named, `m\195\188n.example.test TXT`, answer, 0, 0},
		{"signed", s.Recursor, "www.signed.test A", answer, 0, 0},
		{"bogus", s.Recursor, "www.bogus.test A", fail, 0, 0},
		{"delegation", s.TLD, "www.example.test A", failed, 0, 0},
		{"delegation to a lame server", s.Recursor, "www.lame.test A", fail, 0, 0},
		{"lame server", s.Lame, "www.lame.test A", refused, 0, 0},
		{"recursion that is not there", s.Named, "www.signed.test A", refused, 0, 0},
		{"delegation to a dead server", s.Recursor, "www.dead.test A", fail, 0, 0},
		{"delegation to a server without an address", s.Recursor, "www.nameless.test A", fail, 0, 0},
		{"dead server", s.Dead, "www.dead.test A", failed, resolve.Unreachable, 0},
		{"silent server", s.Silent, "www.silent.test A", resolve.VerdictTimeout, resolve.TimedOut, 0},
		{"any", s.Knot, "www.example.test ANY", answer, 0, 0},
	}
}

// TestRealVerdicts asks what there is a verdict for.
func TestRealVerdicts(t *testing.T) {
	t.Parallel()
	dnslab.Inside(t, func(t *testing.T, s *dnslab.Servers) {
		for _, tt := range verdictCases(s) {
			t.Run(tt.name, func(t *testing.T) {
				t.Parallel()
				client := &resolve.Client{}
				if tt.status == resolve.TimedOut {
					client = &resolve.Client{Timeout: 50 * time.Millisecond, Tries: 2}
				} else {
					client.Timeout = 20 * time.Second // until the recursor has given up
				}
				name, kindName, _ := strings.Cut(tt.ask, " ")
				kind, ok := resolve.ParseType(kindName)
				if !ok {
					t.Fatalf("no type %s", kindName)
				}
				for _, a := range []netip.Addr{tt.server.V4, tt.server.V6} {
					x, err := client.Exchange(t.Context(), resolve.Server{Addr: netip.AddrPortFrom(a, 53)}, resolve.Question{Name: name, Type: kind})
					if err != nil {
						t.Fatal(err)
					}
					verdict, reason := x.Verdict()
					if x.Status != tt.status || verdict != tt.verdict || verdict != resolve.VerdictAnswer && reason == "" {
						t.Errorf("%v: status %v, verdict %v, %q (%v); want status %v, verdict %v", a, x.Status, verdict, reason, x.Err, tt.status, tt.verdict)
						continue
					}
					if x.Message == nil {
						continue
					}
					// A recursor that fails behind an alias may show the alias or not, by what it has cached.
					may := tt.server == s.Recursor && x.Message.Rcode == resolve.ServFail
					if c := x.Message.Follow(x.Question); len(c.Links) != tt.links && (!may || len(c.Links) > 0) {
						t.Errorf("%v: links %v, want %d", a, c.Links, tt.links)
					}
				}
			})
		}
	})
}
