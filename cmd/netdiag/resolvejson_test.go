package main

import (
	"encoding/json"
	"net/netip"
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

// TestResolveJSON holds every scene against the contract: a start, and for each inquiry and server a summary, the
// last line of all being one; and no more types than there are.
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
				if o["type"] == "summary" {
					v := slices.Index([]string{"answer", "nodata", "nxdomain", "bogus", "refused", "servfail", "timeout", "error"}, o["verdict"].(string))
					worstOf = worst(worstOf, statusOf(resolve.Verdict(v)))
				}
			}
			if worstOf != st {
				t.Errorf("exit status %d, but the summaries say %d", st, worstOf)
			}
			checkGolden(t, "resolve/"+name+".json", stdout)
		})
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

// TestResolveRepeated has the same asked of the same server twice.
func TestResolveRepeated(t *testing.T) {
	scene := resolveScene{args: []string{"--short", "www.example.test", "www.example.test", "a", "a", "@" + firstNS, "@" + firstNS},
		servers: sceneAt(firstNS, wwwA, saying("www.example.test. 60 A 192.0.2.80"))}
	if out, errs, st := scene.show(t); st != yes || out != strings.Repeat("192.0.2.80\n", 4) || errs != "" {
		t.Errorf("status %d, %q, %q", st, out, errs)
	}
}
