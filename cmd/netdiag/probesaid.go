package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/netdiag/netdiag/internal/render"
	"github.com/netdiag/netdiag/probe"
)

// linesShown is how many lines of what a server said are shown without -v.
const linesShown = 20

// said writes, below a result, what was said over the connection.
func (v *probeText) said(b *strings.Builder, r *probeResult) {
	if r.UDP {
		v.heard(b, r.Answer, false, r)
		return
	}
	said := r.Said
	if said == nil {
		return
	}
	if v.flags.banner {
		for line := range strings.Lines(plainText(said.Plain)) {
			fmt.Fprintf(b, "    %s\n", render.Harmless(strings.TrimRight(line, "\r\n")))
		}
	}
	if said.TLS != nil {
		v.session(b, said.TLS)
	}
	v.heard(b, said.Heard, said.More, r)
	if said.Err != nil {
		fmt.Fprintf(b, "    %s\n", v.color.Bad(render.Harmless(talkError(said.Err))))
	}
}

// heard writes what a server said, if that was asked for.
func (v *probeText) heard(b *strings.Builder, heard []byte, more bool, r *probeResult) {
	if r.matched != nil && !*r.matched && !v.flags.banner {
		fmt.Fprintf(b, "    %s\n", v.color.Bad("no match for "+render.Harmless(v.flags.expect.String())))
	}
	if !v.flags.banner || r.State != probe.Open {
		return
	}
	lines := strings.Split(strings.TrimSuffix(string(heard), "\n"), "\n")
	if len(heard) == 0 {
		lines = nil
		if r.Said == nil || r.Said.Err == nil {
			fmt.Fprintf(b, "    %s\n", v.color.Faint("(nothing was said)"))
		}
	}
	shown := lines
	if !v.verbose && len(lines) > linesShown {
		shown = lines[:linesShown]
	}
	for _, line := range shown {
		fmt.Fprintf(b, "    %s\n", render.Harmless(strings.TrimSuffix(line, "\r")))
	}
	switch {
	case len(shown) < len(lines):
		fmt.Fprintf(b, "    %s\n", v.color.Faint(fmt.Sprintf("(and %d lines more, which -v shows)", len(lines)-len(shown))))
	case more:
		fmt.Fprintf(b, "    %s\n", v.color.Faint(fmt.Sprintf("(and more than the %d bytes that are kept)", probe.MaxBanner)))
	}
	if r.matched != nil && !*r.matched {
		fmt.Fprintf(b, "    %s\n", v.color.Bad("no match for "+render.Harmless(v.flags.expect.String())))
	}
}

// session writes what a TLS handshake came to.
func (v *probeText) session(b *strings.Builder, s *probe.Session) {
	alpn := ""
	if s.ALPN != "" {
		alpn = ", " + s.ALPN
	}
	verdict := v.color.Good("verified")
	if !s.Verified {
		verdict = v.color.Bad("not verified")
	}
	fmt.Fprintf(b, "    %s, %s%s, handshake %s ms, %s for %s\n", render.Harmless(s.Version), render.Harmless(s.Cipher),
		render.Harmless(alpn), render.Millis(s.Handshake), verdict, render.Harmless(s.Name))
	for i := range s.Chain {
		v.certificate(b, i, &s.Chain[i])
	}
	for _, problem := range s.Problems {
		fmt.Fprintf(b, "    %s\n", v.color.Bad("problem: "+render.Harmless(problem)))
	}
	for _, remark := range s.Remarks {
		fmt.Fprintf(b, "    %s\n", v.color.Doubtful("remark: "+render.Harmless(remark)))
	}
	if s.ClientAsked {
		b.WriteString("    the server asked for a certificate of the client's, and got none\n")
	}
	if s.Clock != "" {
		fmt.Fprintf(b, "    %s\n", v.color.Doubtful(render.Harmless(s.Clock)))
	}
}

// certificate writes one of a chain.
func (v *probeText) certificate(b *strings.Builder, i int, c *probe.Certificate) {
	issuer := "issued by " + c.Issuer
	if c.SelfSigned {
		issuer = "self-signed"
	}
	fmt.Fprintf(b, "    certificate %d: %s, %s, until %s (%s)\n", i+1, render.Harmless(c.Subject), render.Harmless(issuer),
		c.NotAfter.UTC().Format("2006-01-02"), v.daysLeft(c.DaysLeft))
	if i > 0 && !v.verbose {
		return
	}
	names := append([]string(nil), c.Names...)
	for _, a := range c.Addrs {
		names = append(names, a.String())
	}
	const most = 8
	if n := len(names) - most; n > 0 && !v.verbose {
		names = append(names[:most], fmt.Sprintf("and %d more", n))
	}
	if len(names) > 0 {
		fmt.Fprintf(b, "        for %s\n", render.Harmless(strings.Join(names, ", ")))
	}
	if v.verbose {
		fmt.Fprintf(b, "        %s, %s, SHA-256 %s\n", render.Harmless(c.Key), render.Harmless(c.Signature), render.Harmless(c.SHA256))
	}
}

// daysLeft says how long a certificate is valid, in the colour that it deserves.
func (v *probeText) daysLeft(days int) string {
	const soon = 14
	text := plural(uint64(max(days, 0)), "day") + " left"
	switch {
	case days < 0:
		return v.color.Bad("expired " + plural(uint64(-days), "day") + " ago")
	case days < soon:
		return v.color.Doubtful(text)
	}
	return text
}

// talkError says why a talk ended early.
func talkError(err error) string {
	switch {
	case errors.Is(err, context.Canceled):
		return "interrupted"
	case errors.Is(err, context.DeadlineExceeded):
		return "the time of the run was up"
	}
	return strings.TrimPrefix(err.Error(), "probe: ")
}

// plainText returns what a server said before TLS, if that is text; "": it is not.
func plainText(b []byte) string {
	for _, r := range string(b) {
		if r == utf8.RuneError || unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' {
			return ""
		}
	}
	return string(b)
}

// readable returns b as text: bytes that are not UTF-8 are written as \xNN. It reports whether there were none.
func readable(b []byte) (text string, whole bool) {
	if utf8.Valid(b) {
		return string(b), true
	}
	var t strings.Builder
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		if r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&t, `\x%02x`, b[0])
		} else {
			t.WriteRune(r)
		}
		b = b[size:]
	}
	return t.String(), false
}
