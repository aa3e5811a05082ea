package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/netdiag/netdiag/resolve"
)

// jsonLines reads what the command wrote, each line an object.
func jsonLines(t *testing.T, stdout string) (all []map[string]any) {
	t.Helper()
	for line := range strings.Lines(stdout) {
		var o map[string]any
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		all = append(all, o)
	}
	return all
}

// TestResolveJSON holds every scene against the contract: a start, for each name and type one summary, the last line
// of all being one, no warning twice, and no more types than there are.
func TestResolveJSON(t *testing.T) {
	for name, scene := range resolveScenes() {
		text := scene
		if slices.ContainsFunc(scene.args, func(a string) bool { return a == "--short" || a == "--dig" || a == "-v" }) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			scene.args = append([]string{"--json"}, scene.args...)
			stdout, _, st := scene.show(t)
			if _, _, want := text.show(t); st != want {
				t.Errorf("exit status %d, but %d without --json", st, want)
			}
			if strings.ContainsAny(stdout, "\x1b\u202e") || strings.Contains(stdout, "\x9b") {
				t.Errorf("not harmless: %q", stdout)
			}
			lines := jsonLines(t, stdout)
			if lines[0]["type"] != "start" || lines[0]["schema"] != "netdiag.resolve/1" || lines[len(lines)-1]["type"] != "summary" {
				t.Errorf("it begins or ends wrongly:\n%s", stdout)
			}
			worstOf := yes
			count := make(map[string]int) // of summaries, and of warnings
			for _, o := range lines[1:] {
				fields := map[string][]string{
					"answer":  {"target", "name", "rrtype", "ttl", "value", "source", "server", "rtt_ms", "section"},
					"warning": {"kind", "message", "target"},
					"summary": {"target", "rcode", "verdict", "addrs", "server", "rtt_ms", "dnssec", "qname", "qtype", "flags", "ede", "nsid", "tries", "ignored", "canonical", "reason"},
				}[o["type"].(string)]
				if fields == nil {
					t.Errorf("type %v", o["type"])
				}
				for _, f := range append(fields, "time") {
					if _, ok := o[f]; !ok {
						t.Errorf("%v without %s", o, f)
					}
				}
				count[fmt.Sprint(o["type"], o["target"], o["qtype"], o["kind"], o["message"])]++
				if servers, _ := lines[0]["servers"].([]any); o["type"] == "summary" {
					if said, ok := o["servers"].([]any); ok != (len(servers) > 1) || ok && len(said) != len(servers) {
						t.Errorf("%d servers were asked, and the summary has %v", len(servers), said)
					}
					v := slices.Index([]string{"answer", "nodata", "nxdomain", "bogus", "refused", "servfail", "timeout", "error"}, o["verdict"].(string))
					worstOf = worst(worstOf, statusOf(resolve.Verdict(v)))
				}
			}
			checkCounts(t, lines[0], count)
			if worstOf != st {
				t.Errorf("exit status %d, but the summaries say %d", st, worstOf)
			}
			checkGolden(t, "resolve/"+name+".json", stdout)
		})
	}
}

// checkCounts wants a summary of each name and type that the start has, and nothing but answers twice.
func checkCounts(t *testing.T, start map[string]any, count map[string]int) {
	t.Helper()
	types, _ := start["types"].([]any)
	for _, target := range start["names"].([]any) {
		for _, typ := range types {
			if count[fmt.Sprint("summary", target, typ, nil, nil)] == 0 {
				t.Errorf("no summary of %v %v", target, typ)
			}
		}
	}
	for what, n := range count {
		if n > 1 && !strings.HasPrefix(what, "answer") {
			t.Errorf("%d times: %s", n, what)
		}
	}
}

// TestResolveJSONProblems has what is wrong with the configuration among the lines.
func TestResolveJSONProblems(t *testing.T) {
	scene := resolveScene{args: []string{"--json", "localhost"}, problems: []resolve.Problem{{Path: "/etc/resolv.conf", Line: 2, Text: "not known: frob"}},
		found: map[string]*resolve.Found{"localhost": {Name: "localhost", Addrs: []resolve.Address{{Addr: netip.IPv6Loopback(), Origin: resolve.Origin{Source: "special"}}}}}}
	stdout, stderr, _ := scene.show(t)
	lines := jsonLines(t, stdout)
	if len(lines) != 4 || lines[1]["kind"] != "configuration" || lines[1]["message"] != "/etc/resolv.conf:2: not known: frob" || lines[1]["target"] != nil {
		t.Errorf("%s", stdout)
	}
	if lines[2]["source"] != "special" || lines[2]["ttl"] != nil || lines[2]["server"] != nil || lines[2]["rtt_ms"] != nil {
		t.Errorf("an answer that DNS had no part in: %v", lines[2])
	}
	if stderr != "" {
		t.Errorf("on standard error: %s", stderr)
	}
}

// TestResolveAtOnce has all inquiries under way at the same time: what they come to stands in the order of the
// command line, and JSON lines come when they are known.
func TestResolveAtOnce(t *testing.T) {
	scene := func(args ...string) resolveScene {
		return resolveScene{args: append(args, "slow.example.test", "fast.example.test"),
			slow:  map[string]time.Duration{"slow.example.test": 2 * time.Second, "fast.example.test": time.Second},
			found: map[string]*resolve.Found{"slow.example.test": inDNS("slow.example.test", "192.0.2.1"), "fast.example.test": inDNS("fast.example.test", "192.0.2.2")}}
	}
	text, lines := scene("--short"), scene("--json")
	if out, _, _ := text.show(t); out != "192.0.2.1\n192.0.2.2\n" {
		t.Errorf("text: %s", out)
	}
	out, _, _ := lines.show(t)
	var times []string
	for _, o := range jsonLines(t, out) {
		if o["type"] == "summary" {
			times = append(times, o["target"].(string)+" "+o["time"].(string)[17:20])
		}
	}
	if want := []string{"fast.example.test 01.", "slow.example.test 02."}; !slices.Equal(times, want) {
		t.Errorf("summaries: %q, want %q", times, want)
	}
}

// TestResolveNotAsked has a server about which nothing comes back.
func TestResolveNotAsked(t *testing.T) {
	scene := resolveScene{args: []string{"--json", "www.example.test", "a", "@" + firstNS}, mute: firstNS}
	out, errs, st := scene.show(t)
	lines := jsonLines(t, out)
	if last := lines[len(lines)-1]; st != unable || len(lines) != 2 || last["verdict"] != "error" || last["error"] == nil || errs == "" {
		t.Errorf("status %d\n%s%s", st, out, errs)
	}
}

// TestResolveRepeated has the same asked of the same server twice, and another way of writing a name beside it.
func TestResolveRepeated(t *testing.T) {
	scene := resolveScene{args: []string{"--short", "www.example.test", "www.example.test", "www.example.test.", "a", "a", "@" + firstNS, "@" + firstNS},
		servers: sceneAt(firstNS, wwwA, saying("www.example.test. 60 A 192.0.2.80"))}
	if out, errs, st := scene.show(t); st != yes || out != "192.0.2.80\n192.0.2.80\n" || errs != "" {
		t.Errorf("status %d, %q, %q", st, out, errs)
	}
}

// TestResolveCookie has the exchange of cookies told with -v alone.
func TestResolveCookie(t *testing.T) {
	for _, args := range []string{"--json", "--json -v"} {
		scene := resolveScene{args: append(strings.Fields(args), "www.example.test", "@"+firstNS),
			servers: sceneAt(firstNS, wwwA, withNote(resolve.NoteCookie, saying("www.example.test. 60 A 192.0.2.80")))}
		out, errs, _ := scene.show(t)
		if told := strings.Contains(out, `"kind":"cookie"`); told != strings.Contains(args, "-v") || errs != "" {
			t.Errorf("%s: %s%s", args, out, errs)
		}
	}
}

// TestResolveUnread has files of the system that are there and cannot be read told in any case.
func TestResolveUnread(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	system, err := resolve.LoadSystem(resolve.Files{Hosts: empty, Resolv: empty, Nsswitch: empty, Gai: empty, Getenv: func(name string) string {
		if name == "RESOLV_HOST_CONF" {
			return dir // a directory is nothing to read
		}
		return ""
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{"", "--json", "--short"} {
		scene := resolveScene{args: append(strings.Fields(args), "www.example.test"), found: map[string]*resolve.Found{"www.example.test": www()},
			problems: append(system.Problems, resolve.Problem{Path: "/etc/resolv.conf", Line: 2, Text: "not known: frob"})}
		out, errs, _ := scene.show(t)
		if n := strings.Count(errs, "netdiag: "+dir+": cannot be read"); n != 1 || strings.Contains(errs, "frob") {
			t.Errorf("%q: on standard error %s", args, errs)
		}
		if n := strings.Count(out, `"kind":"configuration"`); args == "--json" && n < 2 {
			t.Errorf("%d warnings: %s", n, out)
		}
	}
}

// TestResolveCannotBegin has every name and type told of, as JSON, where a file that the user named cannot be read.
func TestResolveCannotBegin(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	var out, errs bytes.Buffer
	a := app{commands: []command{resolveCommand()}, in: strings.NewReader(""), out: &out, errs: &errs}
	st := a.run(t.Context(), strings.Fields("resolve --json --hosts-file "+missing+" www.example.test a mx mail.example.test @"+firstNS+" @"+secondNS))
	lines := jsonLines(t, out.String())
	var got []string
	for _, o := range lines[1:] {
		if text, _ := o["error"].(string); o["type"] != "summary" || !strings.Contains(text, missing) {
			t.Errorf("%v", o)
		}
		got = append(got, fmt.Sprint(o["target"], " ", o["qtype"]))
	}
	want := []string{"www.example.test A", "www.example.test MX", "mail.example.test A", "mail.example.test MX"}
	if st != unable || lines[0]["type"] != "start" || !slices.Equal(got, want) || strings.Count(errs.String(), "netdiag: ") != 1 {
		t.Errorf("status %d\n%s%s", st, &out, &errs)
	}
}

// TestDecidedInDNS tells which of several lookups what was found rests on.
func TestDecidedInDNS(t *testing.T) {
	lookup := func(v resolve.Verdict) resolve.Lookup {
		return resolve.Lookup{Verdict: v, Final: &resolve.Exchange{Tries: int(v) + 1}}
	}
	all := []resolve.Lookup{{Verdict: resolve.VerdictTimeout}, lookup(resolve.VerdictNXDomain), lookup(resolve.VerdictNoData), lookup(resolve.VerdictNXDomain)}
	for _, v := range []resolve.Verdict{resolve.VerdictAnswer, resolve.VerdictNoData, resolve.VerdictNXDomain, resolve.VerdictTimeout} {
		f := &resolve.Found{Verdict: v, Steps: []resolve.Step{{Source: "files"}, {Source: "dns", Lookups: all}}}
		var want *resolve.Exchange
		for _, l := range all {
			if l.Verdict == v && want == nil {
				want = l.Final
			}
		}
		if got := decidedInDNS(f); got != want {
			t.Errorf("%v: %+v, want %+v", v, got, want)
		}
	}
}
