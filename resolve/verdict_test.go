package resolve

import (
	"errors"
	"testing"
)

func TestVerdict(t *testing.T) {
	t.Parallel()
	q := Question{Name: "www.example.test"}
	soa := rrs("example.test. SOA ns.example.test. host.example.test. 7 3600 600 86400 30")
	for _, test := range []struct {
		name   string
		q      Question
		m      Message
		want   Verdict
		reason string
	}{
		{"answer", q, Message{Answer: rrs("www.example.test. A 192.0.2.1")}, VerdictAnswer, "1 A record"},
		{"answers", q, Message{Answer: rrs("www.example.test. CNAME a.test.", "a.test. A 192.0.2.1", "a.test. A 192.0.2.2")}, VerdictAnswer, "2 A records"},
		{"an address cut short", q, Message{Answer: rrs("www.example.test. A cut", "www.example.test. A short")}, VerdictError,
			"no address of www.example.test. has the length of one"},
		{"one address cut short", q, Message{Answer: rrs("www.example.test. A cut", "www.example.test. A 192.0.2.1")}, VerdictAnswer, "2 A records"},
		{"any", Question{Name: "www.example.test", Type: TypeANY}, Message{Answer: rrs("www.example.test. TXT x")}, VerdictAnswer, "1 record"},
		{"no data", q, Message{Authority: soa, RecursionAvailable: true}, VerdictNoData,
			"www.example.test. has no A record (example.test says so, for 30 s)"},
		{"no data behind an alias", Question{Name: "a.test", Type: TypeMX},
			Message{Answer: rrs("a.test. CNAME www.example.test."), Authority: soa}, VerdictNoData,
			"a.test. leads to www.example.test.: www.example.test. has no MX record (example.test says so, for 30 s)"},
		{"no data, no SOA", q, Message{RecursionAvailable: true}, VerdictNoData,
			"www.example.test. has no A record (the server gives no SOA record of its zone)"},
		{"no such name", q, Message{Rcode: NXDomain, Authority: soa}, VerdictNXDomain, "www.example.test. does not exist (example.test says so, for 30 s)"},
		{"no such name behind an alias", Question{Name: "a.test"},
			Message{Rcode: NXDomain, Answer: rrs("a.test. CNAME www.example.test."), Authority: soa}, VerdictNXDomain,
			"a.test. leads to www.example.test.: www.example.test. does not exist (example.test says so, for 30 s)"},
		{"denied by somebody else", q, Message{Rcode: NXDomain, Authority: rrs("other.test. SOA a. b. 1 2 3 4 5")}, VerdictNXDomain,
			"www.example.test. does not exist"},
		{"loop", q, Message{Answer: rrs("www.example.test. CNAME www.example.test.")}, VerdictError,
			"www.example.test. leads to www.example.test.: the aliases are a loop"},
		{"cut short", q, Message{Truncated: true}, VerdictError, "the answer was cut short"},
		{"referral", q, Message{Authority: rrs("example.test. NS ns1.example.test.", "example.test. NS ns2.example.test.")}, VerdictError,
			"no answer but a referral to the servers of example.test: ns1.example.test, ns2.example.test"},
		{"upward referral", q, Message{Authority: rrs(". NS a.root-servers.net.")}, VerdictError,
			"no answer but a referral to the servers of the root: a.root-servers.net (upward: a lame server)"},
		{"alias out of the zone", q, Message{Authoritative: true, Answer: rrs("www.example.test. CNAME a.other.")}, VerdictError,
			"www.example.test. leads to a.other.: this server does not say what that has"},
		{"lame", q, Message{}, VerdictError, "an empty answer of a server that neither has the zone nor asks others (a lame server)"},
		{"refused", q, Message{Rcode: Refused, EDNS: &EDNS{Errors: []ExtendedError{{Code: 20}}}}, VerdictRefused,
			"the server refuses to answer (EDE 20, Not Authoritative)"},
		{"failed", q, Message{Rcode: ServFail, EDNS: &EDNS{Errors: []ExtendedError{{7, "on 1 Feb"}, {999, ""}}}}, VerdictServFail,
			"the server could not find out (EDE 7, Signature Expired: on 1 Feb) (EDE 999, code 999)"},
		{"not implemented", q, Message{Rcode: NotImplemented}, VerdictError, "the server does not know how to answer this (NOTIMP)"},
		{"not read", q, Message{Rcode: FormErr}, VerdictError, "the server could not read the query (FORMERR)"},
		{"not its zone", q, Message{Rcode: NotAuth}, VerdictError, "the server answers NOTAUTH"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			x := Exchange{Question: test.q, Message: &test.m}
			if v, reason := x.Verdict(); v != test.want || reason != test.reason {
				t.Errorf("%v: %s\nwant %v: %s", v, reason, test.want, test.reason)
			}
		})
	}
}

func TestVerdictWithoutMessage(t *testing.T) {
	t.Parallel()
	for status, want := range map[Status]Verdict{
		TimedOut: VerdictTimeout, Unreachable: VerdictError, Insecure: VerdictError, Malformed: VerdictError, LocalError: VerdictError,
	} {
		x := Exchange{Status: status, Err: errors.New("because")}
		if v, reason := x.Verdict(); v != want || reason != "because" {
			t.Errorf("status %d: %v: %s", status, v, reason)
		}
	}
}

func TestVerdictNames(t *testing.T) {
	t.Parallel()
	for v, want := range map[Verdict]string{VerdictAnswer: "answer", VerdictNXDomain: "nxdomain", VerdictError: "error", 99: "verdict 99"} {
		if got := v.String(); got != want {
			t.Errorf("%d is %q", uint8(v), got)
		}
	}
}
