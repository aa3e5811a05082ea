package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/netdiag/netdiag/resolve"
)

func TestGloss(t *testing.T) {
	for _, tt := range []struct{ record, want string }{
		{"a. 60 A 192.0.2.1", ""},
		{"a. 60 MX 0 .", "takes no mail"},
		{"a. 60 MX 5 mail.example.test.", "192.0.2.25"},
		{"a. 60 NS MAIL.example.test.", "192.0.2.25"},
		{"_sip._tcp.a. 60 SRV 10 60 5060 sip.example.test.", "priority 10, weight 60, port 5060"},
		{"_sip._tcp.a. 60 SRV 0 0 0 .", "the service is not there"},
		{`a. 60 CAA 0 issue "ca.example"`, "ca.example may issue certificates"},
		{`a. 60 CAA 128 issuewild ";"`, "nobody may issue wildcard certificates, critical"},
		{`a. 60 CAA 0 issue "ca.example; account=230123"`, "ca.example may issue certificates"},
		{`a. 60 CAA 0 iodef "mailto:sec@example.test"`, "violations are reported to mailto:sec@example.test"},
		{`a. 60 CAA 0 other "x"`, ""},
		{"_443._tcp.a. 60 TLSA 3 1 1 AB12", "DANE-EE: the server's certificate, whoever signed it, its public key, by SHA-256"},
		{"_443._tcp.a. 60 TLSA 9 9 9 AB12", "9: 9, 9, 9"},
		{`a. 60 NAPTR 100 10 "S" "SIP+D2T" "" _sip._tcp.example.test.`, "order 100, preference 10, SIP+D2T: SRV records"},
		{`a. 60 NAPTR 100 10 "u" "E2U+sip" "!^.*$!sip:info@example.test!" .`, "order 100, preference 10, E2U+sip: a URI by the expression"},
		{`a. 60 NAPTR 1 1 "" "" "" b.`, "order 1, preference 1: more NAPTR records"},
		{`a. 60 HTTPS 1 . alpn="h3,h2" port="8443" ipv4hint="192.0.2.1"`, "HTTP/3, HTTP/2, port 8443"},
		{`a. 60 HTTPS 0 b.example.test.`, "leads to b.example.test"},
		{`a. 60 SVCB 0 .`, "the service is not there"},
		{`a. 60 SVCB 1 dns.example.test. alpn="dot" mandatory="port" no-default-alpn=""`, "DNS over TLS, only for who knows port, no other protocol"},
		{`a. 60 SOA ns1.a. john\.doe.example.test. 7 3600 600 86400 300`, "serial 7, contact john.doe@example.test, denials are kept for 5m"},
		{"a. 60 DS 4711 13 2 AB", "key 4711, ECDSA P-256, SHA-256"},
		{"a. 60 DNSKEY 257 3 13 AB==", "entry to the zone (KSK), ECDSA P-256"},
		{"a. 60 DNSKEY 384 3 99 AB==", "signs the zone (ZSK), revoked, 99"},
		{"a. 60 SSHFP 4 2 AB", "Ed25519 key, SHA-256"},
		{"a. 60 CNAME xn--bcher-kva.example.", "bücher.example"},
		{`a. 60 CAA 0 issue "` + hostile + `"`, `\x1b[31m\u{202e}evil\x9b may issue certificates`},
	} {
		m := &resolve.Message{Additional: rrs("mail.example.test. 60 A 192.0.2.25")}
		if got := gloss(rr(tt.record), m); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.record, got, tt.want)
		}
	}
}

func TestPreferred(t *testing.T) {
	records := rrs("a. 1 SRV 20 0 1 d.", "a. 1 SRV 10 5 1 c.", "a. 1 SRV 10 60 1 b.", "a. 1 SRV 10 5 1 e.")
	var got []string
	for _, r := range preferred(records) {
		got = append(got, r.Target)
	}
	if want := "b. c. e. d."; strings.Join(got, " ") != want {
		t.Errorf("%v, want %s", got, want)
	}
	texts := rrs("a. 1 TXT b", "a. 1 TXT a")
	if !slices.Equal(preferred(texts), texts) {
		t.Error("texts have no rank")
	}
}

func TestValueWords(t *testing.T) {
	for value, want := range map[string]string{
		`1 2  3`: `1|2|3`, `"a b" c`: `a b|c`, `"" x`: `|x`, `a\"b c`: `a\"b|c`, `"a\" b" c`: `a\" b|c`, ``: ``, `alpn="h2,h3" x`: `alpn=h2,h3|x`, `a\`: `a\`,
	} {
		if got := strings.Join(valueWords(value), "|"); got != want {
			t.Errorf("%s: %s, want %s", value, got, want)
		}
	}
}

func FuzzGloss(f *testing.F) {
	for _, s := range []string{"", `0 issue ";"`, `1 . alpn="h2"`, `"`, `\`, "1 2 3 4 5 6 7"} {
		f.Add(uint16(257), s)
	}
	f.Fuzz(func(t *testing.T, typ uint16, value string) {
		gloss(resolve.Record{Name: "a.", Type: resolve.Type(typ), Value: value, Target: value}, new(resolve.Message))
	})
}

func TestTTLWords(t *testing.T) {
	for record, want := range map[string]string{"a. 0 A 192.0.2.1": "0 s", "a. 59 A 192.0.2.1": "59 s", "a. 300 A 192.0.2.1": "5m (300 s)", "a. 86461 A 192.0.2.1": "1d1m1s (86461 s)", "a. 2147483647 A 192.0.2.1": "24855d3h14m7s (2147483647 s)"} {
		if got := ttlWords(rr(record).TTL); got != want {
			t.Errorf("%s: %s, want %s", record, got, want)
		}
	}
}
