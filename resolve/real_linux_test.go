package resolve_test

import (
	"fmt"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/dnslab"
	"github.com/netdiag/netdiag/internal/lab"
	"github.com/netdiag/netdiag/resolve"
)

func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }

// strange are questions beside those that the zones have records for.
var strange = []asked{
	{"nope.example.test.", "A"}, {"nope.nope.example.test.", "TXT"}, {"nope.test.", "A"}, {"nope.", "A"},
	{"four.example.test.", "AAAA"}, {"www.example.test.", "MX"}, {"www.example.test.", "TYPE65282"}, // no data
	{"b.ent.example.test.", "A"}, {"ent.example.test.", "A"}, // empty non-terminals
	{"x.wild.example.test.", "A"}, {"x.y.wild.example.test.", "TXT"}, {"x.wild.example.test.", "AAAA"}, {"x.here.wild.example.test.", "A"},
	{"x.wild-alias.example.test.", "A"}, {"*.wild.example.test.", "A"},
	{"a.dname.example.test.", "A"}, {"none.dname.example.test.", "A"}, {"dname.example.test.", "A"},
	{"alias.example.test.", "A"}, {"alias.example.test.", "MX"}, {"chain1.example.test.", "A"}, {"chain1.example.test.", "AAAA"}, {"long0.example.test.", "A"},
	{"dangling.example.test.", "A"}, {"to-nodata.example.test.", "AAAA"}, {"to-signed.example.test.", "A"}, {"trap.example.test.", "TXT"},
	{"alias-case.example.test.", "A"}, {"WWW.eXaMPLe.test.", "A"}, {"mixedCASE.example.test.", "A"},
	{"www.ds.example.test.", "A"}, // delegated
	{"www.signed.test.", "A"}, {"www.signed.test.", "AAAA"}, {"alias.signed.test.", "A"}, {"nope.signed.test.", "A"}, {"ent.signed.test.", "A"}, {"x.wild.signed.test.", "A"},
	{"signed.test.", "NS"},
	{"80.2.0.192.in-addr.arpa.", "PTR"}, {"81.2.0.192.in-addr.arpa.", "PTR"}, {"82.2.0.192.in-addr.arpa.", "PTR"},
	{"0.8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.", "PTR"},
}

// questions returns all that there is to ask: every name and type of example.test, and what is strange.
func questions(t *testing.T, s *dnslab.Servers) []asked {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "dig", "@"+s.Knot.V4.String(), "+noall", "+answer", "example.test", "AXFR").Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []asked
	for l := range strings.Lines(string(out)) {
		if f := strings.Fields(l); len(f) > 4 && f[0][0] != ';' {
			all = append(all, asked{f[0], f[3]})
		}
	}
	slices.SortFunc(all, func(a, b asked) int { return strings.Compare(a.String(), b.String()) })
	if all = slices.Compact(all); len(all) < 100 {
		t.Fatalf("only %d questions", len(all))
	}
	return append(all, strange...)
}

// way is a way to ask a server, for us and, as an option, for the tools.
type way struct {
	resolve.Transport
	how string
}

var (
	plainWays  = []way{{resolve.UDP, "+notls"}, {resolve.TCP, "+tcp"}}
	secretWays = []way{{resolve.TLS, "+tls"}, {resolve.HTTPS, "+https"}}
)

// server returns the server at a with the port that w has.
func (w way) server(a netip.Addr) resolve.Server {
	port := map[resolve.Transport]uint16{resolve.TLS: 853, resolve.HTTPS: 443}[w.Transport]
	return resolve.Server{Transport: w.Transport, Addr: netip.AddrPortFrom(a, max(port, 53))}
}

// TestRealTools asks real servers every question there is, in every way, and compares what this package makes of
// the answers with what dig and kdig make of them: response code, flags, and every record of every section.
func TestRealTools(t *testing.T) {
	t.Parallel()
	dnslab.Need(t, "dig", "kdig")
	dnslab.Inside(t, func(t *testing.T, s *dnslab.Servers) {
		all := questions(t, s)
		for _, at := range []struct {
			name    string
			host    dnslab.Host
			ways    []way
			recurse bool
		}{
			{"knot", s.Knot, plainWays, false},
			{"named", s.Named, slices.Concat(plainWays, secretWays), false},
			{"unbound", s.Recursor, slices.Concat(plainWays, secretWays), true},
		} {
			for _, a := range []netip.Addr{at.host.V4, at.host.V6} {
				for _, w := range at.ways {
					t.Run(fmt.Sprintf("%s/%v/%v", at.name, w.Transport, a), func(t *testing.T) {
						t.Parallel()
						compareAll(t, s, w, a, at.recurse, all)
					})
				}
			}
		}
	})
}

// compareAll asks one server in one way.
func compareAll(t *testing.T, s *dnslab.Servers, w way, a netip.Addr, recurse bool, all []asked) {
	theirs := map[string]map[asked]reply{
		"dig": tool(t, "dig", []string{"@" + a.String(), w.how, "+nosplit", "+noidnin", "+noidnout", "+timeout=5"}, all),
	}
	if w.Transport != resolve.TLS { // by which kdig waits 40 ms in each query for what the kernel holds back
		known := slices.DeleteFunc(slices.Clone(all), func(q asked) bool { return q.kind == "X25" || q.kind == "ISDN" }) // to kdig
		theirs["kdig"] = tool(t, "kdig", []string{"@" + a.String(), w.how, "+edns", "+bufsize=1232", "+adflag", "+noidn"}, known)
	}
	client := &resolve.Client{Roots: s.Roots, Options: resolve.Options{AuthenticData: true}}
	defer client.Close()
	for _, q := range all {
		kind, ok := resolve.ParseType(q.kind)
		if !ok {
			t.Errorf("%s is no type", q.kind)
			continue
		}
		x, err := client.Exchange(t.Context(), w.server(a), resolve.Question{Name: q.name, Type: kind})
		if err != nil {
			t.Errorf("%v: %v", q, err)
			continue
		}
		if x.Status != resolve.Answered || x.Message == nil {
			t.Errorf("%v: status %v: %v", q, x.Status, x.Err)
			continue
		}
		us := ours(x.Message)
		for name, them := range theirs {
			if r, ok := them[q]; !ok {
				continue
			} else if wrong := differ(us, r, recurse); wrong != "" {
				t.Errorf("%v: not as %s has it: %s", q, name, wrong)
			}
		}
	}
}

// differ says in what our reply is not theirs; "" if it is.
func differ(us, them reply, recurse bool) string {
	if us.rcode != them.rcode {
		return fmt.Sprintf("%s, not %s", us.rcode, them.rcode)
	}
	if !slices.Equal(us.flags, them.flags) {
		return fmt.Sprintf("flags %v, not %v", us.flags, them.flags)
	}
	for i, name := range []string{"answer", "authority", "additional"} {
		if wrong := unlike(us.sections[i], sameTimes(them.sections[i], us.sections[i], recurse)); wrong != "" {
			return name + "\n" + wrong
		}
	}
	return ""
}

// sameTimes returns lines, which are a recursor's, with the TTLs of ours where these are close: the recursor counts
// down what it remembers.
func sameTimes(lines, ours []line, recurse bool) []line {
	if !recurse {
		return lines
	}
	lines = slices.Clone(lines)
	for i, l := range lines {
		for _, o := range ours {
			if o.owner == l.owner && o.kind == l.kind && o.value == l.value && (o.ttl-l.ttl).Abs() < time.Minute {
				lines[i].ttl = o.ttl
			}
		}
	}
	return lines
}

// unlike says which lines only one of two lists has; "" if they have the same, each as often.
func unlike(ours, theirs []line) string {
	count := make(map[line]int)
	for _, l := range ours {
		count[l]++
	}
	for _, l := range theirs {
		count[l]--
	}
	var out strings.Builder
	for _, l := range slices.SortedFunc(maps.Keys(count), byText) {
		switch n := count[l]; {
		case n > 0:
			fmt.Fprintf(&out, "only we: %v\n", l)
		case n < 0:
			fmt.Fprintf(&out, "we do not: %v\n", l)
		}
	}
	return out.String()
}
