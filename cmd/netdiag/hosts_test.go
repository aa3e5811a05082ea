package main

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/netdiag/netdiag/hosts"
	"github.com/netdiag/netdiag/resolve"

	"github.com/google/go-cmp/cmp"
)

// sampleHosts is a file with something for every action.
const sampleHosts = "127.0.0.1 localhost\n::1 localhost\n\n# database\n10.0.0.1\tdb.example db # main\n10.0.0.2 db.example\n127.1 short\n10.0.0.3 caf\xe9.example\r\n10.0.0.4 last\n"

// runHosts runs netdiag hosts with the dialect glibc on a file that holds content, and returns what it
// says, with FILE and BACKUP for their names, and what the file holds then.
func runHosts(t *testing.T, content string, args ...string) (status int, out, errs, after string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	all := append([]string{"hosts", "--dialect", "glibc", "--file", file}, args...)
	status = run(t.Context(), all, strings.NewReader(""), &stdout, &stderr)
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	backups, err := filepath.Glob(file + ".netdiag-*")
	if err != nil {
		t.Fatal(err)
	}
	tell := func(s string) string {
		for _, backup := range backups {
			s = strings.ReplaceAll(s, backup, "BACKUP")
		}
		return strings.ReplaceAll(s, file, "FILE")
	}
	for _, backup := range backups {
		if b, err := os.ReadFile(backup); err != nil || string(b) != content {
			t.Errorf("the backup is %q, %v", b, err)
		}
	}
	return status, tell(stdout.String()), tell(stderr.String()), string(b)
}

func TestHostsText(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		args   string
		status int
		out    string
		errs   string
	}{
		{"", 0, "line  address    names\n   1  127.0.0.1  localhost\n   2  ::1        localhost\n   5  10.0.0.1   db.example db\n" +
			"   6  10.0.0.2   db.example\n   8  10.0.0.3   caf\\xe9.example\n   9  10.0.0.4   last\n", ""},
		{"lookup DB.example", 0, "line  address   names\n   5  10.0.0.1  db.example db\n   6  10.0.0.2  db.example\n", ""},
		{"lookup -6 localhost", 0, "line  address  names\n   2  ::1      localhost\n", ""},
		{"lookup 10.0.0.2 nosuch 10.0.0.7", 1, "line  address   names\n   6  10.0.0.2  db.example\n",
			"netdiag: nosuch: not in FILE\nnetdiag: 10.0.0.7: not in FILE\n"},
		{"lookup 10.2", 0, "line  address   names\n   6  10.0.0.2  db.example\n", ""},
		{"add --dry-run 10.0.0.9 web", 0, "--- FILE\n+++ FILE\n@@ -7,3 +7,4 @@\n 127.1 short\n" +
			" 10.0.0.3 caf\\xe9.example\\x0d\n 10.0.0.4 last\n+10.0.0.9\tweb\n", ""},
		{"add 10.0.0.2 DB.EXAMPLE", 0, "nothing to change in FILE\n", ""},
		{"remove nosuch", 1, "nothing to change in FILE\n", "netdiag: nosuch: not in FILE\n"},
	} {
		status, out, errs, after := runHosts(t, sampleHosts, strings.Fields(tt.args)...)
		if status != tt.status {
			t.Errorf("%s: status %d", tt.args, status)
		}
		if diff := cmp.Diff(tt.out, out); diff != "" {
			t.Errorf("%s: standard output (-want +got):\n%s", tt.args, diff)
		}
		if diff := cmp.Diff(tt.errs, errs); diff != "" {
			t.Errorf("%s: standard error (-want +got):\n%s", tt.args, diff)
		}
		if after != sampleHosts {
			t.Errorf("%s: the file is now %q", tt.args, after)
		}
	}
}

func TestHostsChanges(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ args, out, after string }{
		{"add 10.0.0.9 web.example web", "FILE has 10.0.0.9 for web.example web\nas it was before: BACKUP\n",
			sampleHosts + "10.0.0.9\tweb.example web\n"},
		{"remove db", "FILE has no db any more\nas it was before: BACKUP\n", strings.Replace(sampleHosts, "db.example db #", "db.example #", 1)},
		{"remove 10.0.0.2", "FILE has no 10.0.0.2 any more\nas it was before: BACKUP\n", strings.Replace(sampleHosts, "10.0.0.2 db.example\n", "", 1)},
	} {
		status, out, errs, after := runHosts(t, sampleHosts, strings.Fields(tt.args)...)
		if status != 0 || errs != "" {
			t.Errorf("%s: status %d, %s", tt.args, status, errs)
		}
		if diff := cmp.Diff(tt.out, out); diff != "" {
			t.Errorf("%s: standard output (-want +got):\n%s", tt.args, diff)
		}
		if diff := cmp.Diff(tt.after, after); diff != "" {
			t.Errorf("%s: the file (-want +got):\n%s", tt.args, diff)
		}
	}
}

func TestHostsRefuses(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"lookup":               "lookup needs NAME|ADDR",
		"lookup 300.1.2.3":     "300 is above 255",
		"add 10.0.0.9 300.1":   "numbers alone",
		"list x":               "list takes nothing more, not x",
		"looku x":              "did you mean netdiag hosts lookup?",
		"db.example":           "hint: to look something up: netdiag hosts lookup db.example",
		"add 10.0.0.9":         "add needs ADDR NAME...",
		"add web 10.0.0.9":     "web: not an address",
		"add 10.0.0.0/8 web":   "not networks",
		"add 10.0.0.9 we\x1bb": `\x1b`,
		"list --dry-run":       "--dry-run is for add and remove",
		"list --dns":           "--dns is for lint",
		"--dialect klingon":    "it takes system, glibc",
	} {
		status, out, errs, after := runHosts(t, sampleHosts, strings.Fields(args)...)
		if status != 2 || out != "" || !strings.Contains(errs, want) || after != sampleHosts {
			t.Errorf("%s: status %d, %q, %s", args, status, out, errs)
		}
	}
	var out, errs bytes.Buffer
	missing := filepath.Join(t.TempDir(), "nosuch")
	if st := run(t.Context(), []string{"hosts", "--json", "--file", missing}, nil, &out, &errs); st != 2 {
		t.Errorf("no file: status %d", st)
	}
	if !strings.Contains(errs.String(), "no such file") || !strings.Contains(out.String(), `"type":"summary"`) {
		t.Errorf("no file: %s, %s", out.String(), errs.String())
	}
}

func TestHostsLint(t *testing.T) {
	t.Parallel()
	status, out, errs, _ := runHosts(t, sampleHosts, "lint")
	for _, want := range []string{"FILE:6: ", "[several-addresses]", "FILE:7: ", "[short-address]", "FILE:8: "} {
		if !strings.Contains(out, want) {
			t.Errorf("%s is not in\n%s", want, out)
		}
	}
	if status != 1 || errs != "" {
		t.Errorf("status %d, %s", status, errs)
	}
	if status, out, errs, _ := runHosts(t, "127.0.0.1 localhost\n::1 localhost\n", "lint"); status != 0 || out != "" || errs != "" {
		t.Errorf("of a good file: status %d, %s%s", status, out, errs)
	}
}

func TestHostsJSON(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]map[string]int{
		"list":                       {"start": 1, "entry": 6, "summary": 1},
		"lookup db.example 10.0.0.2": {"start": 1, "entry": 3, "summary": 1},
		"lint":                       {"start": 1, "finding": 4, "summary": 1},
		"add 10.0.0.9 web":           {"start": 1, "summary": 1},
	} {
		_, out, errs, _ := runHosts(t, sampleHosts, append(strings.Fields(args), "--json")...)
		got := make(map[string]int)
		var last map[string]any
		for line := range strings.Lines(out) {
			last = nil
			if err := json.Unmarshal([]byte(line), &last); err != nil {
				t.Fatalf("%s: %v in %s", args, err, line)
			}
			kind, _ := last["type"].(string)
			got[kind]++
		}
		if diff := cmp.Diff(want, got); diff != "" || errs != "" || last["type"] != "summary" {
			t.Errorf("%s (-want +got):\n%s%s%v", args, diff, errs, last)
		}
		if strings.HasPrefix(args, "add") && (last["changed"] != true || last["backup"] != "BACKUP") {
			t.Errorf("%s: %v", args, last)
		}
	}
}

func TestHostsAnswer(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		found *resolve.Found
		want  hosts.DNSAnswer
		ok    bool
	}{
		{found: nil},
		{found: &resolve.Found{Verdict: resolve.VerdictTimeout}},
		{&resolve.Found{Verdict: resolve.VerdictNXDomain}, hosts.DNSAnswer{NoName: true}, true},
		{&resolve.Found{Verdict: resolve.VerdictNoData}, hosts.DNSAnswer{}, true},
		{&resolve.Found{Addrs: []resolve.Address{{Addr: netip.MustParseAddr("192.0.2.2")}, {Addr: netip.MustParseAddr("192.0.2.1")}}},
			hosts.DNSAnswer{Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")}}, true},
	} {
		got, ok := hostsAnswer(tt.found)
		if ok != tt.ok || got.NoName != tt.want.NoName || !slices.Equal(got.Addrs, tt.want.Addrs) {
			t.Errorf("%v: %v, %t", tt.found, got, ok)
		}
	}
}

// besideNames is a hostsDNS that knows absolute names alone.
type besideNames map[string]*resolve.Found

func (b besideNames) Beside(_ context.Context, name string, _ resolve.Family) (*resolve.Found, error) {
	return b[name], nil
}

func TestHostsInDNS(t *testing.T) {
	t.Parallel()
	dns := besideNames{"gone.example.": {Verdict: resolve.VerdictNXDomain}, "db.example": {Verdict: resolve.VerdictNXDomain}}
	got, err := hostsInDNS(t.Context(), dns, []string{"gone.example", "db.example"})
	if want := map[string]hosts.DNSAnswer{"gone.example": {NoName: true}}; err != nil || !maps.EqualFunc(got, want, func(a, b hosts.DNSAnswer) bool { return a.NoName == b.NoName }) {
		t.Errorf("%v, %v: want %v", got, err, want)
	}
}

func TestHostsReaders(t *testing.T) {
	t.Parallel()
	for _, d := range hostsDialects() {
		r := &hostsRun{flags: &hostsFlags{file: "elsewhere"}}
		cfg, err := r.lintConfig(t.Context(), hosts.Parse(nil), d.dialect)
		if err != nil || len(cfg.Readers) < 3 || cfg.Readers[0] != d.dialect || slices.Contains(cfg.Readers[1:], d.dialect) {
			t.Errorf("%s: %v, %v", d.name, cfg.Readers, err)
		}
	}
}
