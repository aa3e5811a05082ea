package resolve_test

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/netdiag/netdiag/internal/dnslab"
	"github.com/netdiag/netdiag/resolve"
)

// TestRealTransfers asks for a zone of a server that gives it, and of two that do not.
func TestRealTransfers(t *testing.T) {
	t.Parallel()
	dnslab.Need(t, "dig")
	dnslab.Inside(t, func(t *testing.T, s *dnslab.Servers) {
		for _, tt := range []struct {
			name    string
			server  dnslab.Host
			zone    string
			verdict resolve.Verdict
			rcode   resolve.Rcode
		}{
			{"given", s.Knot, "example.test", resolve.VerdictAnswer, resolve.NoError},
			{"refused by named", s.Named, "example.test", resolve.VerdictRefused, resolve.Refused},
			{"refused by knot", s.Knot, "signed.test", resolve.VerdictError, resolve.NotAuth},
		} {
			t.Run(tt.name, func(t *testing.T) {
				server := resolve.Server{Transport: resolve.TCP, Addr: tt.server.Port(53)}
				x, err := (&resolve.Client{}).Exchange(t.Context(), server, resolve.Question{Name: tt.zone, Type: resolve.TypeAXFR})
				if err != nil {
					t.Fatal(err)
				}
				verdict, reason := x.Verdict()
				if verdict != tt.verdict || x.Message == nil || x.Message.Rcode != tt.rcode {
					t.Fatalf("%v, %s: %+v", verdict, reason, x.Message)
				}
				if tt.verdict != resolve.VerdictAnswer {
					return
				}
				compareTransfer(t, x.Message, tt.server, tt.zone)
			})
		}
	})
}

// compareTransfer compares a transferred zone with what dig prints of it: every record, to the letter.
func compareTransfer(t *testing.T, m *resolve.Message, server dnslab.Host, zone string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "dig", "@"+server.V4.String(), "+noall", "+answer", "+nosplit", zone, "AXFR").Output()
	if err != nil {
		t.Fatal(err)
	}
	var them reply
	exact := make(map[string]bool)
	for l := range strings.Lines(string(out)) {
		if strings.TrimSpace(l) == "" || l[0] == ';' {
			continue
		}
		record, err := parseLine(strings.TrimRight(l, "\n"))
		if err != nil {
			t.Fatal(err)
		}
		them.sections[0] = append(them.sections[0], record)
		exact[strings.Join(strings.Fields(l), " ")] = true
	}
	them.sort()
	if wrong := unlike(ours(m).sections[0], them.sections[0]); wrong != "" {
		t.Errorf("%d records, not as dig has them:\n%s", len(m.Answer), wrong)
	}
	for _, r := range m.Answer {
		switch r.Type.String() {
		case "L64", "NID", "LOC", "X25": // other digits or quotes for the same value (see plain)
			continue
		}
		l := fmt.Sprintf("%s %d %v %v %s", r.Name, int(r.TTL.Seconds()), r.Class, r.Type, r.Value)
		if !exact[strings.Join(strings.Fields(l), " ")] {
			t.Errorf("dig does not print it so: %.300s", l)
		}
	}
}
