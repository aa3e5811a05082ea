package resolve

import (
	"net/netip"
	"strings"
)

// special is a name, with all below it, that RFCs treat otherwise than other names.
type special struct {
	domain string // without a dot at the end
	rfc    string
	// asked tells that name servers are asked all the same, as the C library does. Otherwise the name is
	// answered here: by the loopback addresses if loopback is set, else it does not exist.
	asked    bool
	loopback bool
	// elsewhere tells that DNS has no say about the name: it is not asked merely to compare.
	elsewhere bool
	words     string
}

// specials are the special names that matter to a program that looks up addresses.
func specials() []special {
	return []special{
		{domain: "localhost", rfc: "RFC 6761 section 6.3", loopback: true,
			words: "answered here with the loopback addresses; name servers are never asked"},
		{domain: "invalid", rfc: "RFC 6761 section 6.4", words: "exists nowhere by definition; name servers are not asked"},
		{domain: "onion", rfc: "RFC 7686 section 2", words: "belongs to Tor and is never in DNS; name servers are not asked"},
		{domain: "alt", rfc: "RFC 9476 section 2", words: "belongs to name systems other than DNS; name servers are not asked"},
		{domain: "local", rfc: "RFC 6762 section 3", asked: true, elsewhere: true,
			words: "belongs to multicast DNS, yet the C library asks name servers for it"},
		{domain: "home.arpa", rfc: "RFC 8375 section 4", asked: true,
			words: "is for names of a home network, and only a name server in it can know them"},
		{domain: "test", rfc: "RFC 6761 section 6.2", asked: true, words: "is for tests, and is in no public DNS"},
	}
}

// specialName returns what is special about a name.
func specialName(name string) (special, bool) {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	for _, s := range specials() {
		if name == s.domain || strings.HasSuffix(name, "."+s.domain) {
			return s, true
		}
	}
	return special{}, false
}

// String returns what is special, in words.
func (s special) String() string { return s.domain + " " + s.words + " (" + s.rfc + ")" }

// loopbacks are the addresses of localhost (RFC 6761 section 6.3), IPv6 first as systems have it.
func loopbacks() []netip.Addr {
	return []netip.Addr{netip.IPv6Loopback(), netip.AddrFrom4([4]byte{127, 0, 0, 1})}
}

// answer returns what is answered here for a name that is not asked for.
func (s special) answer(family Family) result {
	r := result{step: Step{Source: "special", Status: nssNotFound, Detail: s.String()},
		verdict: VerdictNXDomain, reason: s.String()}
	if !s.loopback {
		return r
	}
	r.canonical = s.domain
	for _, addr := range loopbacks() {
		if family.has(addr) {
			r.addrs = append(r.addrs, Address{Addr: addr, Canonical: s.domain, Origin: Origin{Source: "special"}})
		}
	}
	r.step.Status, r.verdict = nssSuccess, VerdictAnswer
	return r
}

// specialNames answers here for the addresses of localhost.
func specialNames(addr netip.Addr) (result, bool) {
	s, _ := specialName("localhost")
	for _, loopback := range loopbacks() {
		if addr.Unmap() == loopback {
			words := "the loopback address is " + s.domain + "'s (" + s.rfc + "); name servers are not asked"
			return result{names: []string{s.domain}, verdict: VerdictAnswer, reason: words,
				step: Step{Source: "special", Status: nssSuccess, Detail: words}}, true
		}
	}
	return result{}, false
}
