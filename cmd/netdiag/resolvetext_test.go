package main

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/netdiag/netdiag/resolve"
)

// dnsOrigin is where an address from DNS comes from.
func dnsOrigin(server string, ttl time.Duration) resolve.Origin {
	return resolve.Origin{Source: "dns", Server: serverAt(server), TTL: ttl, RTT: 412 * time.Microsecond}
}

func hostsOrigin(line int) resolve.Origin {
	return resolve.Origin{Source: "files", Path: "/etc/hosts", Line: line}
}

// www is a name that DNS has.
func www() *resolve.Found {
	q := resolve.Question{Name: "www.example.test.", Type: resolve.TypeA, Class: resolve.ClassIN}
	nope := resolve.Question{Name: "www.example.test.lan.", Type: resolve.TypeA, Class: resolve.ClassIN}
	return &resolve.Found{
		Name: "www.example.test", Canonical: "web.example.test.", Verdict: resolve.VerdictAnswer,
		Addrs: []resolve.Address{
			{Addr: netip.MustParseAddr("2001:db8::80"), Canonical: "web.example.test.", Origin: dnsOrigin("192.0.2.53", 5*time.Minute), Rule: 6, Why: "precedence 40 before 10", From: netip.MustParseAddr("2001:db8::1")},
			{Addr: netip.MustParseAddr("192.0.2.80"), Canonical: "web.example.test.", Origin: dnsOrigin("192.0.2.53", 90*time.Minute)},
		},
		Steps: []resolve.Step{
			{Source: "mdns4_minimal", Status: "skipped", Detail: "not asked: multicast DNS"},
			{Source: "files", Status: "notfound", Detail: "/etc/hosts has no www.example.test"},
			{Source: "dns", Status: "success", Detail: "192.0.2.53 says www.example.test. A", Lookups: []resolve.Lookup{
				*asking(nope, denied(resolve.NXDomain)),
				*asking(q, unanswered(resolve.TimedOut, "no answer in 5 s"), saying("www.example.test. 300 CNAME web.example.test.", "web.example.test. 5400 A 192.0.2.80")),
			}},
		},
	}
}

// inHosts is a name that the hosts file has.
func inHosts(name string, addrs ...string) *resolve.Found {
	f := &resolve.Found{Name: name, Canonical: name, Verdict: resolve.VerdictAnswer, Steps: []resolve.Step{{Source: "files", Status: "success", Detail: "/etc/hosts:3"}}}
	for i, a := range addrs {
		f.Addrs = append(f.Addrs, resolve.Address{Addr: netip.MustParseAddr(a), Canonical: name, Origin: hostsOrigin(3 + i)})
	}
	return f
}

// inDNS is what DNS says of a name.
func inDNS(name string, addrs ...string) *resolve.Found {
	f := &resolve.Found{Name: name, Canonical: name}
	for _, a := range addrs {
		f.Addrs = append(f.Addrs, resolve.Address{Addr: netip.MustParseAddr(a), Origin: dnsOrigin("192.0.2.53", time.Minute)})
	}
	return f
}

const (
	mxTest   = "example.test. MX"
	wwwA     = "www.example.test. A"
	firstNS  = "192.0.2.53"
	secondNS = "192.0.2.54"
	deadNS   = "192.0.2.9"
)

// hostile is a text that a terminal must not get.
const hostile = "\x1b[31m\u202eevil\x9b"

// rich is an answer with records of many types.
func rich() *resolve.Exchange {
	x := replyWith(resolve.Message{RecursionDesired: true, RecursionAvailable: true, AuthenticData: true, Answer: rrs(
		"example.test. 3600 MX 20 backup.example.test.", "example.test. 3600 MX 5 mail.example.test.",
	), Additional: rrs("mail.example.test. 60 A 192.0.2.25", "mail.example.test. 60 AAAA 2001:db8::25"),
		EDNS: &resolve.EDNS{UDPSize: 1232, DO: true, NSID: []byte("ns1"), Client: []byte("12345678"), Server: []byte("abcdefgh"), Subnet: netip.MustParsePrefix("192.0.2.0/24"), Padding: 12,
			Errors: []resolve.ExtendedError{{Code: 3, Text: "old" + hostile}}, Other: []resolve.Option{{Code: 65001, Data: []byte{1, 2}}}}})
	x.Notes = []resolve.Note{{Kind: resolve.NoteTruncated, Text: "the answer by UDP was cut short, asked again by TCP"}, {Kind: resolve.NoteIgnored, Text: "2 datagrams ignored"}}
	x.Ignored = resolve.Ignored{Garbage: 1, ID: 1}
	x.Via = resolve.TCP
	return x
}

// resolveScenes are runs by the name of the golden file of their text.
func resolveScenes() map[string]resolveScene {
	notFound := &resolve.Found{Name: "nope.example.test", Verdict: resolve.VerdictNXDomain, Reason: "nope.example.test. does not exist (example.test says so, for 60 s)"}
	q := func(name string, t resolve.Type) resolve.Question {
		return resolve.Question{Name: name, Type: t, Class: resolve.ClassIN}
	}
	return map[string]resolveScene{
		"machine":         {args: []string{"www.example.test"}, found: map[string]*resolve.Found{"www.example.test": www()}},
		"machine-verbose": {args: []string{"-v", "www.example.test"}, found: map[string]*resolve.Found{"www.example.test": www()}, problems: []resolve.Problem{{Path: "/etc/resolv.conf", Line: 2, Text: "not known: frob"}}},
		"machine-short":   {args: []string{"--short", "www.example.test", "nope.example.test"}, found: map[string]*resolve.Found{"www.example.test": www(), "nope.example.test": notFound}},
		"machine-many": {args: []string{"nope.example.test", "AAA", "www.example.test"}, slow: map[string]time.Duration{"nope.example.test": time.Second}, found: map[string]*resolve.Found{
			"www.example.test": www(), "nope.example.test": notFound, "AAA": {Name: "AAA", Verdict: resolve.VerdictNXDomain, Reason: "AAA. does not exist"}}},
		"hidden": {args: []string{"www.example.test"}, found: map[string]*resolve.Found{"www.example.test": inHosts("www.example.test", "203.0.113.7")},
			beside: map[string]*resolve.Found{"www.example.test": inDNS("www.example.test", "192.0.2.80")}},
		"hidden-verbose": {args: []string{"-v", "www.example.test", "only.example.test", "same.example.test"}, found: map[string]*resolve.Found{
			"www.example.test": inHosts("www.example.test", "203.0.113.7"), "only.example.test": inHosts("only.example.test", "203.0.113.8"), "same.example.test": inHosts("same.example.test", "192.0.2.80")},
			beside: map[string]*resolve.Found{"www.example.test": inDNS("www.example.test", "192.0.2.80", "2001:db8::80"), "same.example.test": inDNS("same.example.test", "192.0.2.80"),
				"only.example.test": {Verdict: resolve.VerdictNXDomain, Reason: "only.example.test. does not exist"}}},
		"same": {args: []string{"www.example.test"}, found: map[string]*resolve.Found{"www.example.test": inHosts("www.example.test", "192.0.2.80")},
			beside: map[string]*resolve.Found{"www.example.test": inDNS("www.example.test", "192.0.2.80")}},
		"beside-late": {args: []string{"www.example.test"}, found: map[string]*resolve.Found{"www.example.test": inHosts("www.example.test", "203.0.113.7")},
			slow: map[string]time.Duration{"beside www.example.test": 1001 * ms}, beside: map[string]*resolve.Found{"www.example.test": inDNS("www.example.test", "192.0.2.80")}},
		"reverse": {args: []string{"192.0.2.80"}, found: map[string]*resolve.Found{"192.0.2.80": {Name: "192.0.2.80", Addr: netip.MustParseAddr("192.0.2.80"), Origin: dnsOrigin("192.0.2.52", time.Minute), Names: []string{"web.example.test", "xn--bcher-kva.example.test"},
			Steps: []resolve.Step{{Source: "files", Status: "notfound"}, {Source: "dns", Status: "success", Lookups: []resolve.Lookup{*asking(q("80.2.0.192.in-addr.arpa.", resolve.TypePTR), saying("80.2.0.192.in-addr.arpa. 60 PTR web.example.test."))}}}}}},
		"interrupted":     {args: []string{"www.example.test", "slow.example.test"}, slow: map[string]time.Duration{"slow.example.test": time.Hour}, ends: time.Second, found: map[string]*resolve.Found{"www.example.test": www()}},
		"interrupted-dig": {args: []string{"--dig", "www.example.test"}, slow: map[string]time.Duration{"www.example.test. A": time.Hour}, ends: time.Second},
		"cookie":          {args: []string{"www.example.test", "@" + firstNS}, servers: sceneAt(firstNS, wwwA, withNote(resolve.NoteCookie, saying("www.example.test. 60 A 192.0.2.80")))},
		"signed": {args: []string{"www.example.test", "aaaa", "@" + firstNS, "@" + secondNS}, servers: sceneAt( // what differs says nothing else
			firstNS, "www.example.test. AAAA", saying("www.example.test. 60 CNAME web.example.test.", "web.example.test. 60 AAAA 2001:db8::80", "web.example.test. 60 RRSIG AAAA 13 3 60 20300101000000 20291201000000 7 example.test. AAAA"),
			secondNS, "www.example.test. AAAA", saying("www.example.test. 60 CNAME WEB.example.test.", "WEB.example.test. 60 AAAA 2001:db8::80", "web.example.test. 60 RRSIG AAAA 13 3 60 20300101000000 20291201000000 7 example.test. BBBB"))},
		"types-dead": {args: []string{"www.example.test", "a", "mx", "@" + deadNS, "@" + firstNS}, servers: sceneAt(
			firstNS, wwwA, saying("www.example.test. 60 A 192.0.2.80"), firstNS, "www.example.test. MX", denied(resolve.NoError))},
		"search": {args: []string{"www"}, found: map[string]*resolve.Found{"www": {Name: "www", Verdict: resolve.VerdictNoData, Reason: "www.example.test. has no A record, and no AAAA record", Steps: []resolve.Step{
			{Source: "dns", Status: "notfound", Lookups: []resolve.Lookup{*asking(q("www.lan.", resolve.TypeA), denied(resolve.NXDomain)), *asking(q("www.example.test.", resolve.TypeA), denied(resolve.NoError)), *asking(q("www.", resolve.TypeA), denied(resolve.NXDomain))}}}}}},
		"chain": {args: []string{"www.example.test", "A", "mx", "@" + firstNS, "--do"}, servers: sceneAt(
			firstNS, wwwA, saying("web.example.test. 60 A 192.0.2.80", "www.example.test. 300 CNAME web.example.test.", "web.example.test. 60 RRSIG A 13 3 60 20300101000000 20291201000000 7 example.test. AAAA", "other.test. 60 A 192.0.2.66"),
			firstNS, "www.example.test. MX", denied(resolve.NoError))},
		"rich":         {args: []string{"example.test", "mx", "@" + firstNS}, servers: sceneAt(firstNS, mxTest, rich())},
		"rich-dig":     {args: []string{"example.test", "mx", "@" + firstNS, "--dig"}, servers: sceneAt(firstNS, mxTest, rich())},
		"rich-color":   {args: []string{"example.test", "mx", "@" + firstNS, "--dig", "--color=always"}, servers: sceneAt(firstNS, mxTest, rich())},
		"rich-short":   {args: []string{"example.test", "mx", "@" + firstNS, "--short"}, servers: sceneAt(firstNS, mxTest, rich())},
		"nxdomain":     {args: []string{"nope.example.test", "@" + firstNS}, servers: sceneAt(firstNS, "nope.example.test. A", denied(resolve.NXDomain))},
		"nxdomain-dig": {args: []string{"-v", "nope.example.test", "@" + firstNS}, servers: sceneAt(firstNS, "nope.example.test. A", denied(resolve.NXDomain))},
		"dead":         {args: []string{"www.example.test", "@" + deadNS, "@" + firstNS}, servers: sceneAt(firstNS, wwwA, saying("www.example.test. 60 A 192.0.2.80"))},
		"agree": {args: []string{"www.example.test", "@" + firstNS, "@" + secondNS}, servers: sceneAt(
			firstNS, wwwA, saying("www.example.test. 60 A 192.0.2.80", "www.example.test. 60 A 192.0.2.81"), secondNS, wwwA, saying("WWW.example.test. 59 A 192.0.2.81", "www.example.test. 59 A 192.0.2.80"))},
		"disagree": {args: []string{"www.example.test", "@" + firstNS, "@" + secondNS, "@" + deadNS}, servers: sceneAt(
			firstNS, wwwA, saying("www.example.test. 60 A 192.0.2.80"), secondNS, wwwA, denied(resolve.NXDomain))},
		"disagree-short": {args: []string{"--short", "www.example.test", "@" + firstNS, "@" + secondNS}, servers: sceneAt(
			firstNS, wwwA, saying("www.example.test. 60 A 192.0.2.80"), secondNS, wwwA, saying("www.example.test. 60 A 192.0.2.80", "www.example.test. 60 A 192.0.2.81"))},
		"refused": {args: []string{"a", "@" + firstNS, "@" + secondNS}, servers: sceneAt(
			firstNS, "a. A", replyWith(resolve.Message{Rcode: resolve.Refused}), secondNS, "a. A", saying("a. 60 A 192.0.2.80"))},
		"system": {args: []string{"www.example.test", "A"}, lookups: map[string]*resolve.Lookup{wwwA: asking(q("www.example.test.", resolve.TypeA),
			unanswered(resolve.Unreachable, "connection refused"), saying("www.example.test. 60 A 192.0.2.80"))}},
		"system-dig": {args: []string{"www.example.test", "A", "--dig"}, lookups: map[string]*resolve.Lookup{wwwA: asking(q("www.example.test.", resolve.TypeA),
			replyWith(resolve.Message{Rcode: resolve.ServFail}), unanswered(resolve.TimedOut, "no answer in 5 s"), saying("www.example.test. 60 A 192.0.2.80"))}},
		"named": {args: []string{"www.example.test", "@ns.example.test"}, found: map[string]*resolve.Found{"ns.example.test": inDNS("ns.example.test", "2001:db8::9", firstNS)},
			servers: sceneAt("2001:db8::9", wwwA, unanswered(resolve.Unreachable, "connection refused"), firstNS, wwwA, saying("www.example.test. 60 A 192.0.2.80"))},
		"named-not": {args: []string{"www.example.test", "@ns.example.test", "@" + firstNS}, found: map[string]*resolve.Found{"ns.example.test": {Verdict: resolve.VerdictNXDomain, Reason: "ns.example.test. does not exist"}},
			servers: sceneAt(firstNS, wwwA, saying("www.example.test. 60 A 192.0.2.80"))},
		"idn": {args: []string{"bücher.example.test", "XN--BCHER-KVA.example.test", "@" + firstNS}, servers: sceneAt(firstNS, "xn--bcher-kva.example.test. A", saying("xn--bcher-kva.example.test. 60 A 192.0.2.80"),
			firstNS, "XN--BCHER-KVA.example.test. A", saying("XN--BCHER-KVA.example.test. 60 CNAME xn--n3h.example.test.", "xn--n3h.example.test. 60 A 192.0.2.81"))},
		"harm": {args: []string{"evil.example.test", "txt", "@" + firstNS}, servers: sceneAt(firstNS, "evil.example.test. TXT",
			saying("evil.example.test. 60 TXT "+hostile, hostile+".test. 60 CNAME "+hostile+"."))},
		"harm-dig": {args: []string{"evil.example.test", "txt", "@" + firstNS, "--dig"}, servers: sceneAt(firstNS, "evil.example.test. TXT",
			saying("evil.example.test. 60 TXT "+hostile, hostile+".test. 60 CNAME "+hostile+"."))},
	}
}

func TestResolveViews(t *testing.T) {
	exits := map[string]status{"machine-short": no, "machine-many": no, "interrupted": unable, "chain": no, "nxdomain": no, "nxdomain-dig": no, "dead": unable, "disagree": unable, "refused": unable, "named-not": unable,
		"interrupted-dig": unable, "types-dead": unable, "search": no}
	for name, scene := range resolveScenes() {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, st := scene.show(t)
			if st != exits[name] {
				t.Errorf("exit status %d, want %d", st, exits[name])
			}
			if out := stdout + stderr; strings.ContainsAny(out, "\u202e") || strings.Contains(out, "\x9b") || strings.Contains(out, "\x1b[31m\\u{202e}") {
				t.Errorf("what came from the network got through: %q", out)
			}
			checkGolden(t, "resolve/"+name+".txt", fmt.Sprintf("%s--- standard error\n%s", stdout, stderr))
		})
	}
}
