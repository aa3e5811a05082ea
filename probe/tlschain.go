package probe

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// longest is how many certificates of a path are looked at.
const longest = 10

// judgement is what a chain is found to be.
type judgement struct {
	sent  []*x509.Certificate // at least one
	roots *x509.CertPool      // nil: the system's
	now   time.Time
	// path leads from the server's own certificate to the last issuer that it sent.
	path []*x509.Certificate

	problems, remarks []string
	clock             string
}

// judge finds all that is wrong with a chain, as the server of a name sent it, at a time. The error of
// x509.Certificate.Verify would be the first of it.
func judge(sent []*x509.Certificate, roots *x509.CertPool, name string, now time.Time) *judgement {
	j := &judgement{sent: sent, roots: roots, now: now}
	j.walk()
	chain, err := j.verify()
	trusted := chain != nil
	if trusted {
		j.judgeTimes(chain)
	} else {
		chain = j.path
		j.judgeTimes(chain)
		j.judgeTrust(err)
	}
	if err != nil && len(j.problems) == 0 {
		j.problem(strings.TrimPrefix(err.Error(), "x509: "))
	}
	j.judgeName(name)
	j.judgeStrength()
	j.judgeOrder(chain)
	j.judgeClock(chain, trusted)
	return j
}

// problem notes what is wrong, once.
func (j *judgement) problem(format string, args ...any) { note(&j.problems, format, args) }

// remark notes what is no reason to refuse the server, once.
func (j *judgement) remark(format string, args ...any) { note(&j.remarks, format, args) }

func note(list *[]string, format string, args []any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(*list, text) {
		*list = append(*list, text)
	}
}

// whose begins a sentence about a certificate of a chain.
func (j *judgement) whose(cert *x509.Certificate) string {
	if cert.Equal(j.sent[0]) {
		return ""
	}
	return "the certificate of the authority " + subjectOf(cert) + " is "
}

// walk finds the path.
func (j *judgement) walk() {
	checks := 100 // of signatures: the server may have sent hundreds of certificates of one name
	j.path = j.sent[:1:1]
	for len(j.path) < longest {
		last := j.path[len(j.path)-1]
		i := slices.IndexFunc(j.sent, func(cert *x509.Certificate) bool {
			if !bytes.Equal(last.RawIssuer, cert.RawSubject) || slices.ContainsFunc(j.path, cert.Equal) || checks == 0 {
				return false
			}
			checks--
			return signed(last, cert)
		})
		if i < 0 {
			return
		}
		j.path = append(j.path, j.sent[i])
	}
}

// verify returns a chain to a trusted root: nil and why if there is none, a chain and an error if it
// is one at another time than now.
func (j *judgement) verify() ([]*x509.Certificate, error) {
	leaf, between := j.sent[0], x509.NewCertPool()
	for _, cert := range j.sent[1:] {
		between.AddCert(cert)
	}
	options := x509.VerifyOptions{Roots: j.roots, Intermediates: between, CurrentTime: j.now}
	chains, now := leaf.Verify(options)
	if now == nil {
		return chains[0], nil
	}
	// An error about the time hides the others, and so another one takes its place.
	why := now
	for _, at := range j.otherTimes() {
		options.CurrentTime = at
		chains, err := leaf.Verify(options)
		if err == nil {
			return chains[0], now
		}
		if expired(why) {
			why = err
		}
	}
	return nil, why
}

// otherTimes returns times at which the chain may have been valid, or will be: where the validity of one of its
// certificates begins or, as for a root that was not sent and may be younger, ends, as long as that of the server's own lasts.
func (j *judgement) otherTimes() []time.Time {
	from, until := j.sent[0].NotBefore, j.sent[0].NotAfter
	var times []time.Time
	for _, cert := range j.path {
		for _, at := range []time.Time{cert.NotAfter, cert.NotBefore} {
			if !at.IsZero() && !at.Before(from) && !at.After(until) {
				times = append(times, at)
			}
		}
	}
	return times
}

// expired reports whether err says that a certificate is not valid at the time.
func expired(err error) bool {
	invalid, ok := errors.AsType[x509.CertificateInvalidError](err)
	return ok && invalid.Reason == x509.Expired
}

// judgeTimes tells the certificates that are not valid now.
func (j *judgement) judgeTimes(chain []*x509.Certificate) {
	for _, cert := range chain {
		switch from, until := cert.NotBefore.UTC(), cert.NotAfter.UTC(); {
		case until.Before(from):
			j.problem("%snever valid: it ends (%s) before it begins (%s)", j.whose(cert), until.Format(time.DateOnly), from.Format(time.DateOnly))
		case j.now.After(until):
			whose := strings.TrimSuffix(j.whose(cert), "is ")
			j.problem("%sexpired %s ago (%s)", whose, span(until, j.now), until.Format(time.DateOnly))
		case j.now.Before(from):
			j.problem("%snot valid before %s (in %s)", j.whose(cert), from.Format(time.DateOnly), span(j.now, from))
		}
	}
}

// span returns the time between two in words.
func span(from, until time.Time) string {
	seconds := until.Unix() - from.Unix()
	for _, unit := range []struct {
		name    string
		seconds int64
	}{{"day", 24 * 60 * 60}, {"hour", 60 * 60}, {"minute", 60}, {"second", 1}} {
		if n := seconds / unit.seconds; n == 1 {
			return "1 " + unit.name
		} else if n > 1 {
			return fmt.Sprintf("%d %ss", n, unit.name)
		}
	}
	return "less than a second"
}

// judgeName tells if the certificate is for another name.
func (j *judgement) judgeName(name string) {
	const shown = 4
	leaf := j.sent[0]
	if leaf.VerifyHostname(name) == nil {
		return
	}
	names := slices.Clone(leaf.DNSNames)
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	switch {
	case len(names) == 0 && leaf.Subject.CommonName != "":
		j.problem("has no alternative names, only the common name %s, which does not count (RFC 9525), so it is not for %s", subjectOf(leaf), name)
	case len(names) == 0:
		j.problem("has no names, so it is not for %s", name)
	case len(names) > shown:
		j.problem("is for %s and %d more, not for %s", strings.Join(names[:shown], ", "), len(names)-shown, name)
	default:
		j.problem("is for %s, not for %s", strings.Join(names, ", "), name)
	}
}

// judgeStrength remarks on what is weak and still taken.
func (j *judgement) judgeStrength() {
	for i, cert := range j.path {
		if bits, ok := rsaBits(cert); ok && bits < 2048 {
			whose := "its"
			if i > 0 {
				whose = "the authority " + subjectOf(cert) + "'s"
			}
			j.remark("%s key, RSA %d, is weak: less than 2048 bits", whose, bits)
		}
	}
	if own := j.sent[0]; weakSignature(own) && selfSigned(own) {
		j.remark("signed with %s, which is weak", signatureName(own))
	}
}

// judgeOrder remarks on a chain that not every client takes as it is (RFC 5246 section 7.4.2; RFC 8446 section 4.4.2
// lets clients be lenient).
func (j *judgement) judgeOrder(chain []*x509.Certificate) {
	var strange []string
	at, ordered := 0, true
	for i, cert := range j.sent {
		in := func(list []*x509.Certificate) int { return slices.IndexFunc(list, cert.Equal) }
		switch n := in(j.path); {
		case in(j.sent[:i]) >= 0:
			j.remark("the server sends the certificate of %s twice", subjectOf(cert))
		case n >= 0:
			ordered = ordered && n >= at
			at = n
		case in(chain) < 0:
			strange = append(strange, subjectOf(cert))
		}
	}
	if !ordered {
		j.remark("the server sends its chain out of order")
	}
	switch n := len(strange); {
	case n == 1:
		j.remark("the server sends a certificate that is not of its chain: %s", strange[0])
	case n > 1:
		j.remark("the server sends %d certificates that are not of its chain: %s and others", n, strange[0])
	}
}

// judgeClock finds out whether rather the clock is wrong: nobody has a certificate before it is made, and where
// even the root has expired that is remarkable.
func (j *judgement) judgeClock(chain []*x509.Certificate, trusted bool) {
	const layout = "2006-01-02 15:04"
	newest := slices.MaxFunc(chain, func(a, b *x509.Certificate) int { return a.NotBefore.Compare(b.NotBefore) })
	oldest := slices.MinFunc(chain, func(a, b *x509.Certificate) int { return a.NotBefore.Compare(b.NotBefore) })
	ended := !slices.ContainsFunc(chain, func(cert *x509.Certificate) bool { return !j.now.After(cert.NotAfter) })
	now := j.now.UTC().Format(layout)
	switch {
	case len(chain) > 1 && j.now.Before(oldest.NotBefore):
		j.clock = fmt.Sprintf("by the clock it is %s UTC, before any certificate of the chain was valid (the first from %s on): the clock seems to be slow",
			now, oldest.NotBefore.UTC().Format(layout))
	case j.now.Before(newest.NotBefore):
		j.clock = fmt.Sprintf("by the clock it is %s UTC, and a certificate is valid from %s on: it was made already, so the clock seems to be slow",
			now, newest.NotBefore.UTC().Format(layout))
	case trusted && len(chain) > 1 && ended:
		j.clock = fmt.Sprintf("by the clock it is %s UTC, and every certificate of the chain has expired, the trusted root's too: the clock seems to be fast", now)
	}
}
