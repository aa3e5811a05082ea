package resolve

import (
	"slices"
	"strings"
	"testing"
)

func TestPlanSearch(t *testing.T) {
	for _, tt := range []struct {
		name, search string
		ndots        int
		noTLD        bool
		want         string
	}{
		{"a", "x.test y.test", 1, false, "a.x.test. a.y.test. a."},
		{"a", "", 1, false, "a."},
		{"a", "", 1, true, "a."},
		{"a", "x.test", 1, true, "a.x.test."},
		{"a", "x.test", 0, true, "a. a.x.test."},
		{"a.", "x.test", 3, false, "a."},
		{"a.b", "x.test", 1, false, "a.b. a.b.x.test."},
		{"a.b", "x.test", 2, true, "a.b.x.test. a.b."},
		{"a.b", ". x.test", 2, false, "a.b. a.b.x.test."},
		{"a", "x.test\r", 1, false, `a.x.test\013. a.`},
	} {
		p := planSearch(tt.name, ResolvConf{Search: strings.FieldsFunc(tt.search, isBlank),
			Options: ResolvOptions{NDots: tt.ndots, NoTLDQuery: tt.noTLD}})
		got := slices.DeleteFunc(slices.Concat([]string{p.first}, p.search, []string{p.last}), func(s string) bool { return s == "" })
		if got := strings.Join(got, " "); got != tt.want {
			t.Errorf("%+v: %s", tt, got)
		}
	}
}

// What ends a search, and which of the answers of several names is told.
func TestSearch(t *testing.T) {
	for _, tt := range []struct {
		name    string
		said    map[string]string // by name; others do not exist
		tried   string
		verdict Verdict
		status  string
	}{
		{"a", map[string]string{"a.y.test.": "192.0.2.1"}, "a.x.test. a.y.test.", VerdictAnswer, "success"},
		{"a", map[string]string{"a.x.test.": "nodata", "a.y.test.": "192.0.2.1"}, "a.x.test. a.y.test.", VerdictAnswer, "success"},
		{"a", map[string]string{"a.x.test.": "nodata"}, "a.x.test. a.y.test. a.", VerdictNoData, "notfound"},
		{"a", map[string]string{"a.x.test.": "servfail"}, "a.x.test. a.y.test. a.", VerdictServFail, "notfound"},
		{"a", map[string]string{"a.x.test.": "servfail", "a.y.test.": "nodata"}, "a.x.test. a.y.test. a.", VerdictNoData, "notfound"},
		{"a", map[string]string{"a.x.test.": "refused", "a.": "192.0.2.1"}, "a.x.test. a.", VerdictAnswer, "success"},
		{"a", map[string]string{"a.x.test.": "refused"}, "a.x.test. a.", VerdictNXDomain, "notfound"},
		{"a", map[string]string{"a.x.test.": "formerr", "a.": "servfail"}, "a.x.test. a.", VerdictServFail, "unavail"},
		{"a", map[string]string{"a.x.test.": "unreachable"}, "a.x.test.", VerdictError, "unavail"},
		{"a", map[string]string{"a.x.test.": "a.x.test. > gone."}, "a.x.test.", VerdictNoData, "notfound"},
		{"a.b", map[string]string{"a.b.": "servfail"}, "a.b. a.b.x.test. a.b.y.test.", VerdictServFail, "notfound"},
		{"a.b", map[string]string{"a.b.x.test.": "nodata"}, "a.b. a.b.x.test. a.b.y.test.", VerdictNXDomain, "notfound"},
		{"a.b", map[string]string{"a.b.": "unreachable", "a.b.x.test.": "192.0.2.1"}, "a.b. a.b.x.test.", VerdictAnswer, "success"},
	} {
		s := fake(func(_ int, q Question) string {
			if said, ok := tt.said[q.Name]; ok {
				return said
			}
			return "nxdomain"
		}).system("", "dns")
		s.Resolv.Search, s.Resolv.Options.Attempts = []string{"x.test", "y.test"}, 1
		got, err := s.Addrs(t.Context(), tt.name, IPv4)
		if err != nil {
			t.Fatal(err)
		}
		var tried []string
		for _, l := range got.Steps[0].Lookups {
			tried = append(tried, l.Question.Name)
		}
		if got := strings.Join(tried, " "); got != tt.tried {
			t.Errorf("%s %v: tried %s, want %s", tt.name, tt.said, got, tt.tried)
		}
		if got.Verdict != tt.verdict || got.Steps[0].Status != tt.status {
			t.Errorf("%s %v: %v (%s), status %s, want %v, %s", tt.name, tt.said, got.Verdict, got.Reason, got.Steps[0].Status, tt.verdict, tt.status)
		}
	}
}
