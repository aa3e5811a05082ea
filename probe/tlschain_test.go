package probe

import (
	"bytes"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"net"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// judging is a chain and what is found wrong with it.
type judging struct {
	name              string
	sent              []*x509.Certificate
	roots             *x509.CertPool
	host              string // "": a.example
	problems, remarks []string
	clock             string
}

// run judges it.
func (c judging) run(t *testing.T) {
	t.Run(c.name, func(t *testing.T) {
		host := c.host
		if host == "" {
			host = "a.example"
		}
		j := judge(c.sent, c.roots, host, judged)
		if diff := cmp.Diff(c.problems, j.problems); diff != "" {
			t.Errorf("problems (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(c.remarks, j.remarks); diff != "" {
			t.Errorf("remarks (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(c.clock, j.clock); diff != "" {
			t.Errorf("clock (-want +got):\n%s", diff)
		}
	})
}

func TestJudgeTimes(t *testing.T) {
	root := issue(t, nil, "Root", true)
	between := issue(t, root, "Between", true)
	old := issue(t, nil, "Old Root", true, valid(-4000*day, -10*day))
	oldBetween := issue(t, root, "Old Between", true, valid(-900*day, -25*time.Hour))
	future := issue(t, nil, "Future Root", true, valid(90*day, 4000*day))
	young := issue(t, nil, "Young Root", true, valid(-10*day, 4000*day))
	roots := pool(root, old, future, young)
	for _, c := range []judging{
		{name: "valid", sent: chain(issue(t, between, "a.example", false), between)},
		{name: "with the root", sent: chain(issue(t, between, "a.example", false), between, root)},
		{name: "expired for days", sent: chain(issue(t, between, "a.example", false, valid(-90*day, -3*day)), between),
			problems: []string{"expired 3 days ago (2026-11-19)"}},
		{name: "expired for a day", sent: chain(issue(t, between, "a.example", false, valid(-90*day, -day)), between),
			problems: []string{"expired 1 day ago (2026-11-21)"}},
		{name: "expired for hours", sent: chain(issue(t, between, "a.example", false, valid(-90*day, -5*time.Hour)), between),
			problems: []string{"expired 5 hours ago (2026-11-22)"}},
		{name: "its last second", sent: chain(issue(t, between, "a.example", false, valid(-90*day, 0)), between)},
		{name: "its first second", sent: chain(issue(t, between, "a.example", false, valid(0, day)), between)},
		{name: "one second later", sent: chain(issue(t, between, "a.example", false, valid(-90*day, -time.Second)), between),
			problems: []string{"expired 1 second ago (2026-11-22)"}},
		{name: "not yet", sent: chain(issue(t, between, "a.example", false, valid(40*day, 90*day)), between),
			problems: []string{"not valid before 2027-01-01 (in 40 days)"},
			clock:    "by the clock it is 2026-11-22 12:00 UTC, and a certificate is valid from 2027-01-01 12:00 on: it was made already, so the clock seems to be slow"},
		{name: "never", sent: chain(issue(t, between, "a.example", false, valid(-day, -2*day)), between),
			problems: []string{"never valid: it ends (2026-11-20) before it begins (2026-11-21)"}},
		{name: "an expired authority", sent: chain(issue(t, oldBetween, "a.example", false), oldBetween),
			problems: []string{"the certificate of the authority Old Between expired 1 day ago (2026-11-21)"}},
		{name: "an expired root", sent: chain(issue(t, old, "a.example", false)),
			problems: []string{"the certificate of the authority Old Root expired 10 days ago (2026-11-12)"}},
		{name: "expired, of a young root", sent: chain(issue(t, young, "a.example", false, valid(-90*day, -2*day))),
			problems: []string{"expired 2 days ago (2026-11-20)"}},
		{name: "all expired", sent: chain(issue(t, old, "a.example", false, valid(-90*day, -20*day))),
			problems: []string{"expired 20 days ago (2026-11-02)", "the certificate of the authority Old Root expired 10 days ago (2026-11-12)"},
			clock:    "by the clock it is 2026-11-22 12:00 UTC, and every certificate of the chain has expired, the trusted root's too: the clock seems to be fast"},
		{name: "none valid yet", sent: chain(issue(t, future, "a.example", false, valid(100*day, 190*day))),
			problems: []string{"not valid before 2027-03-02 (in 100 days)", "the certificate of the authority Future Root is not valid before 2027-02-20 (in 90 days)"},
			clock:    "by the clock it is 2026-11-22 12:00 UTC, before any certificate of the chain was valid (the first from 2027-02-20 12:00 on): the clock seems to be slow"},
	} {
		c.roots = roots
		c.run(t)
	}
}

func TestJudgeNames(t *testing.T) {
	root := issue(t, nil, "Root", true)
	own := issue(t, root, "a.example", false, names("a.example", "*.b.example"))
	addrs := issue(t, root, "10.0.0.1", false, with(func(c *x509.Certificate) {
		c.DNSNames, c.IPAddresses = nil, []net.IP{net.IPv4(10, 0, 0, 1), net.ParseIP("2001:db8::1")}
	}))
	many := issue(t, root, "a.example", false, names("n1.example", "n2.example", "n3.example", "n4.example", "n5.example", "n6.example"))
	common := issue(t, root, "a.example", false, names())
	nobody := issue(t, root, "", false, names())
	for _, c := range []judging{
		{name: "name", sent: chain(own), host: "a.example"},
		{name: "another case", sent: chain(own), host: "A.Example"},
		{name: "wildcard", sent: chain(own), host: "x.b.example"},
		{name: "wildcard of one label", sent: chain(own), host: "x.y.b.example", problems: []string{"is for a.example, *.b.example, not for x.y.b.example"}},
		{name: "another name", sent: chain(own), host: "c.example", problems: []string{"is for a.example, *.b.example, not for c.example"}},
		{name: "an address for a name", sent: chain(own), host: "192.0.2.1", problems: []string{"is for a.example, *.b.example, not for 192.0.2.1"}},
		{name: "IPv4", sent: chain(addrs), host: "10.0.0.1"},
		{name: "IPv6", sent: chain(addrs), host: "2001:db8::1"},
		{name: "another address", sent: chain(addrs), host: "10.0.0.2", problems: []string{"is for 10.0.0.1, 2001:db8::1, not for 10.0.0.2"}},
		{name: "many", sent: chain(many), problems: []string{"is for n1.example, n2.example, n3.example, n4.example and 2 more, not for a.example"}},
		{name: "only a common name", sent: chain(common),
			problems: []string{"has no alternative names, only the common name a.example, which does not count (RFC 9525), so it is not for a.example"}},
		{name: "no name", sent: chain(nobody), problems: []string{"has no names, so it is not for a.example"}},
	} {
		c.roots = pool(root)
		c.run(t)
	}
}

func TestJudgeTrust(t *testing.T) {
	root := issue(t, nil, "Root", true)
	between := issue(t, root, "Between", true)
	stranger := issue(t, nil, "Stranger", true)
	strange := issue(t, stranger, "Strange Between", true)
	impostor := issue(t, root, "Between", true)
	plain := issue(t, root, "Plain", false)
	constrained := issue(t, root, "Constrained", true, with(func(c *x509.Certificate) { c.PermittedDNSDomains = []string{"b.example"} }))
	single := issue(t, root, "Single", true, with(func(c *x509.Certificate) { c.MaxPathLenZero = true }))
	below := issue(t, single, "Below", true)
	elsewhere := with(func(c *x509.Certificate) { c.IssuingCertificateURL = []string{"http://ca.example/between.crt"} })
	own := issue(t, nil, "a.example", false)
	for _, c := range []judging{
		{name: "self-signed", sent: chain(own), problems: []string{"self-signed"}},
		{name: "self-signed and trusted", sent: chain(own), roots: pool(own)},
		{name: "unknown, with its root", sent: chain(issue(t, strange, "a.example", false), strange, stranger),
			problems: []string{"signed by an unknown authority: Stranger"}},
		{name: "unknown or missing", sent: chain(issue(t, between, "a.example", false)),
			problems: []string{"signed by an unknown authority: Between, or an intermediate certificate is missing (the server sends only its own)"}},
		{name: "missing", sent: chain(issue(t, between, "a.example", false, elsewhere)),
			problems: []string{"an intermediate certificate is missing (the server sends only its own), or the authority Between is unknown"}},
		{name: "missing further up", sent: chain(issue(t, strange, "a.example", false), strange),
			problems: []string{"signed by an unknown authority: Stranger, or an intermediate certificate is missing (the server sends 2 certificates, the last signed by Stranger)"}},
		{name: "another key of the same name", sent: chain(issue(t, between, "a.example", false), impostor),
			problems: []string{"the server sends a certificate of Between, but another key of that name signed a.example"},
			remarks:  []string{"the server sends a certificate that is not of its chain: Between"}},
		{name: "signed by no authority", sent: chain(issue(t, plain, "a.example", false), plain),
			problems: []string{"signed by Plain, which is no authority"}},
		{name: "not for servers", sent: chain(issue(t, root, "a.example", false, with(func(c *x509.Certificate) {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		}))), problems: []string{"not meant for servers (extended key usage)"}},
		{name: "name constraints", sent: chain(issue(t, constrained, "a.example", false), constrained),
			problems: []string{"its authority may not sign for these names"}},
		{name: "path length", sent: chain(issue(t, below, "a.example", false), below, single),
			problems: []string{"an authority of the chain allows fewer below it"}},
		{name: "all at once", host: "c.example",
			sent: chain(issue(t, strange, "a.example", false, valid(-90*day, -2*day)), strange, stranger),
			problems: []string{"expired 2 days ago (2026-11-20)", "signed by an unknown authority: Stranger",
				"is for a.example, not for c.example"}},
	} {
		if c.roots == nil {
			c.roots = pool(root)
		}
		c.run(t)
	}
}

func TestJudgeWeak(t *testing.T) {
	t.Setenv("GODEBUG", "rsa1024min=0")
	short, tiny := keyed(shortKey(t, 1024)), keyed(shortKey(t, 512))
	sha1 := with(func(c *x509.Certificate) { c.SignatureAlgorithm = x509.ECDSAWithSHA1 })
	root := issue(t, nil, "Root", true)
	between := issue(t, root, "Between", true, sha1)
	shortRoot := issue(t, nil, "Short", true, short)
	tinyBetween := issue(t, root, "Tiny", true, tiny)
	stranger := issue(t, nil, "Stranger", true)
	cases := []judging{
		{name: "SHA-1", sent: chain(issue(t, root, "a.example", false, sha1)),
			problems: []string{"signed with ECDSA-SHA1, which is not trusted any more",
				"signed by an unknown authority: Root, or an intermediate certificate is missing (the server sends only its own)"}},
		{name: "SHA-1 with the root", sent: chain(issue(t, root, "a.example", false, sha1), root),
			problems: []string{"signed with ECDSA-SHA1, which is not trusted any more"}},
		{name: "SHA-1 above, with the root", sent: chain(issue(t, between, "a.example", false), between, root),
			problems: []string{"the certificate of the authority Between is signed with ECDSA-SHA1, which is not trusted any more"}},
		{name: "SHA-1 of a stranger", sent: chain(issue(t, stranger, "a.example", false, sha1), stranger),
			problems: []string{"signed with ECDSA-SHA1, which is not trusted any more", "signed by an unknown authority: Stranger"}},
		{name: "SHA-1 by itself", sent: chain(issue(t, nil, "a.example", false, sha1)),
			problems: []string{"self-signed"}, remarks: []string{"signed with ECDSA-SHA1, which is weak"}},
		{name: "RSA 1024", sent: chain(issue(t, root, "a.example", false, short)),
			remarks: []string{"its key, RSA 1024, is weak: less than 2048 bits"}},
		{name: "RSA 1024 above", sent: chain(issue(t, shortRoot, "a.example", false), shortRoot),
			remarks: []string{"the authority Short's key, RSA 1024, is weak: less than 2048 bits"}},
		{name: "RSA 512 above", sent: chain(issue(t, tinyBetween, "a.example", false), tinyBetween),
			problems: []string{"the key of the authority Tiny, RSA 512, is too short to be trusted"},
			remarks:  []string{"the authority Tiny's key, RSA 512, is weak: less than 2048 bits"}},
	}
	t.Setenv("GODEBUG", "")
	for _, c := range cases {
		c.roots = pool(root, shortRoot)
		c.run(t)
	}
}

func TestJudgeOrder(t *testing.T) {
	root := issue(t, nil, "Root", true)
	upper := issue(t, root, "Upper", true)
	lower := issue(t, upper, "Lower", true)
	own := issue(t, lower, "a.example", false)
	other, another := issue(t, nil, "Other", true), issue(t, nil, "Another", true)
	for _, c := range []judging{
		{name: "in order", sent: chain(own, lower, upper, root)},
		{name: "out of order", sent: chain(own, upper, lower), remarks: []string{"the server sends its chain out of order"}},
		{name: "a foreign one", sent: chain(own, other, lower, upper), remarks: []string{"the server sends a certificate that is not of its chain: Other"}},
		{name: "foreign ones", sent: chain(own, lower, upper, other, another),
			remarks: []string{"the server sends 2 certificates that are not of its chain: Other and others"}},
		{name: "twice", sent: chain(own, own, lower, upper), remarks: []string{"the server sends the certificate of a.example twice"}},
	} {
		c.roots = pool(root)
		c.run(t)
	}
}

func TestNewCertificate(t *testing.T) {
	root := issue(t, nil, "Root", true)
	own := issue(t, root, "a.example", false, with(func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(10, 0, 0, 1)} }))
	got := newCertificate(own.Certificate, judged)
	if len(got.SHA256) != 64 || len(got.Addrs) != 1 || got.Addrs[0].String() != "10.0.0.1" {
		t.Errorf("fingerprint %q, addresses %v", got.SHA256, got.Addrs)
	}
	got.SHA256, got.Addrs = "", nil
	want := Certificate{Subject: "CN=a.example", Issuer: "CN=Root", Names: []string{"a.example"}, Serial: "0234abcd",
		NotBefore: judged.Add(-30 * day), NotAfter: judged.Add(60*day + time.Hour), DaysLeft: 60, Key: "ECDSA P-256", Signature: "ECDSA-SHA256"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if c := newCertificate(root.Certificate, judged); !c.CA || !c.SelfSigned || c.DaysLeft != 1000 {
		t.Errorf("of the root: %+v", c)
	}
}

func TestDaysLeft(t *testing.T) {
	for _, c := range []struct {
		left time.Duration
		want int
	}{{0, 0}, {day - time.Second, 0}, {day, 1}, {-time.Second, -1}, {-day, -1}, {-day - time.Second, -2}} {
		if got := daysLeft(judged.Add(c.left), judged); got != c.want {
			t.Errorf("%v: %d days, want %d", c.left, got, c.want)
		}
	}
	never := time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	if got := daysLeft(never, judged); got != 2912117 {
		t.Errorf("until the end of 9999: %d days", got)
	}
}

// FuzzChain judges what parses as certificates.
func FuzzChain(f *testing.F) {
	// Keys and signatures that are always the same: each process of a fuzzer makes these for itself.
	key := func(n byte) edit { return keyed(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize))) }
	root := issue(f, nil, "Root", true, key(1))
	between := issue(f, root, "Between", true, key(2))
	own := issue(f, between, "a.example", false, key(3))
	add := func(certs ...*holder) {
		var der []byte
		for _, c := range certs {
			der = append(der, c.Raw...)
		}
		f.Add(der, "a.example", int64(1_795_348_800))
	}
	add(own, between)
	add(own, between, root, root)
	add(root)
	f.Fuzz(func(t *testing.T, der []byte, name string, at int64) {
		certs, err := x509.ParseCertificates(der)
		if err != nil || len(certs) == 0 {
			t.Skip()
		}
		now := time.Unix(at%(1<<38), 0)
		roots := certPool(certs[len(certs)-1:])
		s := judgeSession(tls.ConnectionState{Version: tls.VersionTLS13, PeerCertificates: certs}, roots, name, now)
		if s.Verified != (len(s.Problems) == 0) || len(s.Chain) != len(certs) {
			t.Errorf("%+v", s)
		}
		_, err = certs[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: certPool(certs[1:]), CurrentTime: now})
		if good := err == nil && certs[0].VerifyHostname(name) == nil; good != s.Verified && now.Unix() != (time.Time{}).Unix() {
			t.Errorf("verified %v, and crypto/x509 says %v; problems %q", s.Verified, err, s.Problems)
		}
	})
}

// certPool returns certs as a pool.
func certPool(certs []*x509.Certificate) *x509.CertPool {
	p := x509.NewCertPool()
	for _, c := range certs {
		p.AddCert(c)
	}
	return p
}
