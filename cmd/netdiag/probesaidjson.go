package main

import (
	"encoding/base64"
	"time"

	"github.com/netdiag/netdiag/probe"
)

// probeSaidJSON is what was said over a connection, with what was asked for.
type probeSaidJSON struct {
	TLS       *probeTLSJSON `json:"tls,omitempty"`
	Banner    *string       `json:"banner,omitempty"`
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
		if said.TLS != nil {
			j.TLS = sessionJSON(said.TLS)
		}
	}
	if !f.banner && f.expect == nil {
		return
	}
	text, whole := readable(heard)
	if j.Banner = &text; !whole {
		j.Base64 = base64.StdEncoding.EncodeToString(heard)
	}
}

// sessionJSON is what a TLS handshake came to.
func sessionJSON(s *probe.Session) *probeTLSJSON {
	j := &probeTLSJSON{
		Version: filled(s.Version), Cipher: filled(s.Cipher), ALPN: filled(s.ALPN), Handshake: millis(s.Handshake), Name: filled(s.Name),
		Verified: s.Verified, Problems: append([]string{}, s.Problems...), Clock: filled(s.Clock), Chain: []probeCertJSON{},
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
