package main

import (
	"encoding/base64"
	"errors"
	"time"

	"github.com/netdiag/netdiag/probe"
)

// probeSaidJSON is what was said over a connection, with what was asked for.
type probeSaidJSON struct {
	TLS       *probeTLSJSON `json:"tls,omitempty"`
	Greeting  string        `json:"greeting,omitempty"`      // before STARTTLS, with the banner asked for
	Banner    **string      `json:"banner,omitempty"`        // absent: not asked for, or not open; null: nothing was said
	Base64    string        `json:"banner_base64,omitempty"` // of a banner that is not UTF-8
	Truncated bool          `json:"banner_truncated,omitempty"`
	Matched   *bool         `json:"matched,omitempty"`
	TalkError string        `json:"talk_error,omitempty"`
}

type probeTLSJSON struct {
	Version   *string         `json:"version"`
	Cipher    *string         `json:"cipher"`
	ALPN      *string         `json:"alpn"`
	Handshake *float64        `json:"handshake_ms"`
	Name      *string         `json:"name"`
	Verified  bool            `json:"verified"`
	Problems  []string        `json:"problems"`
	Clock     *string         `json:"clock"`
	Remarks   []string        `json:"remarks"`
	Asked     bool            `json:"client_cert_requested"`
	Error     string          `json:"error,omitempty"` // why the handshake failed, or the server ended the session
	Chain     []probeCertJSON `json:"chain"`
}

type probeCertJSON struct {
	Subject    string   `json:"subject"`
	Issuer     string   `json:"issuer"`
	Names      []string `json:"names"`
	Addrs      []string `json:"addrs"`
	Serial     string   `json:"serial"`
	NotBefore  string   `json:"not_before"`
	NotAfter   string   `json:"not_after"`
	DaysLeft   int      `json:"days_left"`
	Key        string   `json:"key"`
	Signature  string   `json:"signature"`
	SHA256     string   `json:"sha256"`
	CA         bool     `json:"ca"`
	SelfSigned bool     `json:"self_signed"`
}

// said sets what was said, as far as it was asked for.
func (j *probeSaidJSON) said(r *probeResult, f *probeFlags) {
	j.Matched = r.matched
	if r.State != probe.Open {
		return
	}
	heard := r.Answer
	if said := r.Said; said != nil {
		heard, j.Truncated = said.Heard, said.More
		if said.Err != nil {
			j.TalkError = talkError(said.Err)
		}
		if f.banner {
			j.Greeting = plainText(said.Plain)
		}
	}
	if f.secure() {
		j.TLS = tlsJSON(r)
	}
	if !f.banner && f.expect == nil {
		return
	}
	j.Banner = new(*string)
	if len(heard) == 0 {
		return
	}
	text, whole := readable(heard)
	if *j.Banner = &text; !whole {
		j.Base64 = base64.StdEncoding.EncodeToString(heard)
	}
}

// tlsJSON is what came of the TLS that was asked for over an open connection.
func tlsJSON(r *probeResult) *probeTLSJSON {
	switch said := r.Said; {
	case said == nil:
		j := sessionJSON(&probe.Session{})
		j.Error = "there was no TLS handshake"
		return j
	case said.TLS == nil:
		j := sessionJSON(&probe.Session{})
		if j.Error = "there was no TLS handshake"; said.Err != nil {
			j.Error = talkError(said.Err)
		}
		return j
	default:
		j := sessionJSON(said.TLS)
		if e, ok := errors.AsType[*probe.TLSError](said.Err); ok {
			j.Error = talkError(e)
		}
		return j
	}
}

// sessionJSON is what a TLS handshake came to.
func sessionJSON(s *probe.Session) *probeTLSJSON {
	j := &probeTLSJSON{
		Version: filled(s.Version), Cipher: filled(s.Cipher), ALPN: filled(s.ALPN), Handshake: millis(s.Handshake), Name: filled(s.Name),
		Verified: s.Verified, Problems: append([]string{}, s.Problems...), Clock: filled(s.Clock), Chain: []probeCertJSON{},
		Remarks: append([]string{}, s.Remarks...), Asked: s.ClientAsked,
	}
	for i := range s.Chain {
		c := &s.Chain[i]
		cert := probeCertJSON{
			Subject: c.Subject, Issuer: c.Issuer, Names: append([]string{}, c.Names...), Addrs: []string{}, Serial: c.Serial,
			NotBefore: c.NotBefore.UTC().Format(time.RFC3339), NotAfter: c.NotAfter.UTC().Format(time.RFC3339), DaysLeft: c.DaysLeft,
			Key: c.Key, Signature: c.Signature, SHA256: c.SHA256, CA: c.CA, SelfSigned: c.SelfSigned,
		}
		for _, a := range c.Addrs {
			cert.Addrs = append(cert.Addrs, a.String())
		}
		j.Chain = append(j.Chain, cert)
	}
	return j
}
