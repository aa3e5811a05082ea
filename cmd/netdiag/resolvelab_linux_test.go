package main

import (
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/netdiag/netdiag/internal/dnslab"
)

// TestResolveServersOfALab has the program ask real name servers, by the system's configuration and by name. The first
// of the system's is dead. RECURSOR, KNOT and the like stand for their addresses.
func TestResolveServersOfALab(t *testing.T) {
	t.Parallel()
	l := dnslab.Test(t)
	files := []string{"resolve"}
	for flag, lines := range map[string][]string{
		"--hosts-file":    {"# the first line", "127.0.0.1 localhost", "::1 localhost", "203.0.113.7 one.example.test alias"},
		"--resolv-conf":   {"nameserver " + l.Dead.V4.String(), "nameserver " + l.Recursor.V4.String(), "search example.test"},
		"--nsswitch-conf": {"hosts: files sss dns"},
	} {
		path, err := l.WriteFile(strings.TrimPrefix(flag, "--"), lines...)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, flag, path)
	}
	at := strings.NewReplacer("RECURSOR", l.Recursor.V4.String(), "KNOT6", l.Knot.V6.String(), "KNOT", l.Knot.V4.String(),
		"NAMED", l.Named.V4.String(), "LAME", l.Lame.V4.String(), "DEAD", l.Dead.V4.String(), "DIR", l.Dir)
	tests := []struct {
		args   string
		exit   status
		stdout string // contained
		stderr string // contained; "": nothing
	}{
		{"localhost", yes, "/hosts-file:2\nANSWER: localhost has 2 addresses", ""},
		{"-4 localhost", yes, "127.0.0.1  DIR/hosts-file:2\n127.0.0.1  DIR/hosts-file:3\n", ""},
		{"--short -6 localhost", yes, "::1\n", ""},
		{"127.0.0.1", yes, "localhost  DIR/hosts-file:2\nANSWER: 127.0.0.1 is localhost\n", ""},
		{"foo.invalid", no, "NXDOMAIN: foo.invalid", "sss: not asked: "},
		{"mail", yes, "ANSWER: mail is mail.example.test, which has 1 address\n", "netdiag: DEAD: connection refused\n"},
		{"-v mail", yes, "  mail.example.test. A: answer, 1 A record\n    DEAD over udp: connection refused", "DEAD"},
		{"nope.example.test", no, "NXDOMAIN: nope.example.test. does not exist (example.test says so, for ", "DEAD"},
		{"one.example.test", yes, "203.0.113.7  DIR/hosts-file:4\nANSWER: one.example.test has 1 address\n", "netdiag: DIR/hosts-file:4 hides what DNS says of one.example.test: 192.0.2.81\n"},
		{"--json one.example.test", yes, `"kind":"hosts-hides-dns"`, ""},
		{"192.0.2.80", yes, "www.example.test  dns RECURSOR\nANSWER: 192.0.2.80 is www.example.test\n", "DEAD"},
		{"www.example.test a aaaa", yes, "ANSWER: www.example.test has 1 AAAA record\nfrom RECURSOR over udp in ", "netdiag: DEAD: connection refused\n"},
		{"--short chain1.example.test aaaa @KNOT", yes, "chain2.example.test.\nchain3.example.test.\nwww.example.test.\n2001:db8::80\n", ""},
		{"chain1.example.test @KNOT", yes, "ANSWER: chain1.example.test leads to www.example.test, which has 1 A record\nfrom KNOT over udp", ""},
		{"a.dname.example.test @KNOT", yes, "DNAME  -> target.example.test.\na.dname.example.test.   5m (300 s)  CNAME  -> a.target.example.test.\n", ""},
		{"loop1.example.test @KNOT", unable, "loop", ""},
		{"four.example.test aaaa @KNOT", no, "NODATA: four.example.test. has no AAAA record (example.test says so, for 60 s)\n", ""},
		{"--short nope.example.test @KNOT", no, "", "netdiag: NXDOMAIN: nope.example.test. does not exist"},
		{"www.example.test @KNOT @NAMED @KNOT6", yes, "3 servers agree\n", ""},
		{"www.example.test @DEAD @KNOT", unable, "ANSWER: www.example.test has 1 A record\n", "netdiag: DEAD: connection refused\n"},
		{"-6 www.example.test a", unable, "", "has no name server with an IPv6 address"},
		{"www.lame.test @LAME", unable, "REFUSED: www.lame.test A: the server refuses to answer", ""},
		{"www.bogus.test a", unable, "SERVFAIL: www.bogus.test A: the server could not find out", "DEAD"},
		{"bigger.example.test txt @KNOT --dig", yes, "(TCP)\n", ""},
		{"www.example.test @KNOT --tcp", yes, "from tcp://KNOT in ", ""},
		{"www.example.test @tls://NAMED --insecure", yes, "from tls://NAMED in ", ""},
		{"www.example.test @https://NAMED/dns-query --insecure", yes, "from https://NAMED/dns-query in ", ""},
		{"www.example.test @tls://NAMED", unable, "ERROR: www.example.test A: tls://NAMED: ", "certificate"},
		{"www.example.test @KNOT --nsid", yes, `it is "knot"`, ""},
		{"version.bind txt --class ch @NAMED --short", yes, `"9.`, ""},
		{`sp\032ace.example.test txt @KNOT --short`, yes, `"a label with a space"`, ""},
		{"hostile.example.test txt @KNOT", yes, `"\027[31mred\027[0m"`, ""},
		{"münchen.example.test @KNOT", yes, "xn--mnchen-3ya.example.test. (münchen.example.test)", ""},
		{"www.example.test @nowhere.invalid", unable, "the name of the server has no address", "@nowhere.invalid"},
	}
	waits := make([]func() ended, len(tests))
	for i, tt := range tests {
		waits[i] = started(t, program(t, l.Namespace, 0, slices.Concat(files, strings.Fields(at.Replace(tt.args)))...))
	}
	for i, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			e := waits[i]()
			e.exits(t, tt.exit)
			if want := at.Replace(tt.stdout); !strings.Contains(e.stdout, want) {
				t.Errorf("%s\nwant %q in it", e.stdout, want)
			}
			if want := at.Replace(tt.stderr); !strings.Contains(e.stderr, want) || want == "" && e.stderr != "" {
				t.Errorf("on standard error: %s\nwant %q in it", e.stderr, want)
			}
			if strings.ContainsAny(e.stdout+e.stderr, "\x1b\a\x00\v\u202e\u200b") {
				t.Errorf("not harmless: %q", e.stdout)
			}
		})
	}
	t.Run("interrupted", func(t *testing.T) {
		r := begin(t, program(t, l.Namespace, 0, "resolve", "--json", "www.example.test", "a", "aaaa", "@"+l.Silent.V4.String()))
		r.await(`"type":"start"`)
		r.signal(syscall.SIGINT)
		e := r.end()
		e.exits(t, unable)
		if n := strings.Count(e.stdout, `"error":"interrupted"`); n != 2 || e.stderr != "" {
			t.Errorf("%d summaries of what was interrupted, want 2:\n%s%s", n, e.stdout, e.stderr)
		}
	})
	t.Run("as dig", func(t *testing.T) { likeDig(t, l, at) })
}

// likeDig holds what --dig prints against what dig does, but for what differs each time.
func likeDig(t *testing.T, l *dnslab.Lab, at *strings.Replacer) {
	if _, err := exec.LookPath("dig"); err != nil {
		t.Skip(err)
	}
	digest := func(out string) string {
		var lines []string
		for line := range strings.Lines(out) {
			head, rest, _ := strings.Cut(line, ":")
			switch {
			case strings.HasPrefix(line, "; <<>>"), strings.TrimSpace(line) == "", head == ";; Query time", head == ";; WHEN", head == ";; VERDICT", head == "; COOKIE", head == ";; NOTE", head == ";; global options", line == ";; Got answer:\n", line == ";; BADCOOKIE, retrying.\n", line == ";; Truncated, retrying in TCP mode.\n":
				continue
			case head == ";; ->>HEADER<<- opcode":
				line, _, _ = strings.Cut(rest, ", id")
			}
			lines = append(lines, strings.Join(strings.Fields(strings.ReplaceAll(line, `"`, "")), " ")) // who quotes what is a matter of taste
		}
		slices.Sort(lines) // servers put records in any order
		return strings.Join(lines, "\n")
	}
	for _, args := range []string{
		"example.test mx @KNOT", "www.example.test aaaa @NAMED", "nope.example.test @KNOT", "chain1.example.test @NAMED", "example.test caa @KNOT",
		"bigger.example.test txt @KNOT", "https.example.test https @NAMED", "naptr.example.test naptr @NAMED", "hostile.example.test txt @NAMED",
	} {
		words := strings.Fields(at.Replace(args))
		cmd := l.CommandAs(t.Context(), 0, 0, "dig", append(words, "+noadflag", "+ttlid", "+noidnin", "+noidnout")...)
		want, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		e := netdiag(t, l.Namespace, 0, append([]string{"resolve", "--dig"}, words...)...)
		if got := digest(e.stdout); got != digest(string(want)) {
			t.Errorf("%s:\n%s\ndig:\n%s", args, got, digest(string(want)))
		}
	}
}
