package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/netdiag/netdiag/internal/render"
	"github.com/netdiag/netdiag/resolve"
)

// preferred returns records in the order in which a program uses them: those of a type that ranks itself
// by their rank, all others, and those of several types, as they came.
func preferred(records []resolve.Record) []resolve.Record {
	if slices.ContainsFunc(records, func(r resolve.Record) bool { return r.Type != records[0].Type }) {
		return records
	}
	sorted := slices.Clone(records)
	slices.SortStableFunc(sorted, func(a, b resolve.Record) int { return slices.Compare(rank(a), rank(b)) })
	return sorted
}

// rank returns the numbers by which records of a type are sorted, the least first.
func rank(r resolve.Record) []int {
	words := valueWords(r.Value)
	switch r.Type {
	case resolve.TypeMX, resolve.TypeSVCB, resolve.TypeHTTPS:
		return []int{number16(words, 0)}
	case resolve.TypeSRV:
		return []int{number16(words, 0), -number16(words, 1)} // of a priority the heaviest first
	case resolve.TypeNAPTR:
		return []int{number16(words, 0), number16(words, 1)}
	}
	return nil
}

// number16 returns the number that a word is, 0 if it is none.
func number16(words []string, i int) int {
	if i >= len(words) {
		return 0
	}
	n, err := strconv.ParseUint(words[i], 10, 16)
	if err != nil {
		return 0
	}
	return int(n)
}

// valueWords takes the data of a record apart where there are spaces. Quotes go, and keep what they enclose together.
func valueWords(value string) []string {
	var words []string
	var word strings.Builder
	inside, quoted := false, false
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '\\' && i+1 < len(value):
			word.WriteString(value[i : i+2])
			inside = true
			i++
		case c == '"':
			quoted, inside = !quoted, true
		case c == ' ' && !quoted:
			if inside {
				words = append(words, word.String())
				word.Reset()
			}
			inside = false
		default:
			word.WriteByte(c)
			inside = true
		}
	}
	if inside {
		words = append(words, word.String())
	}
	return words
}

// gloss explains a record in a few words, with the addresses of its target if m has them; "" if there is
// nothing to explain. It is harmless.
func gloss(r resolve.Record, m *resolve.Message) string {
	words := valueWords(r.Value)
	var parts []string
	if text := glossWords(r, words); text != "" {
		parts = append(parts, text)
	}
	if u := unicodeForm(r.Target); u != "" {
		parts = append(parts, u)
	}
	if addrs := targetAddrsIn(r, m); addrs != "" {
		parts = append(parts, addrs)
	}
	return render.Harmless(strings.Join(parts, "; "))
}

// glossWords explains the words of a record's data.
func glossWords(r resolve.Record, w []string) string {
	switch name := r.Type.String(); {
	case r.Type == resolve.TypeMX && r.Target == ".":
		return "takes no mail" // RFC 7505
	case r.Type == resolve.TypeSRV && r.Target == ".":
		return "the service is not there" // RFC 2782
	case r.Type == resolve.TypeSRV && len(w) == 4:
		return fmt.Sprintf("priority %s, weight %s, port %s", w[0], w[1], w[2])
	case r.Type == resolve.TypeSOA && len(w) == 7:
		return soaGloss(w)
	case r.Type == resolve.TypeNAPTR && len(w) == 6:
		return naptrGloss(w)
	case (r.Type == resolve.TypeSVCB || r.Type == resolve.TypeHTTPS) && len(w) >= 2:
		return svcbGloss(w)
	case name == "CAA" && len(w) >= 3:
		return caaGloss(w)
	case (name == "TLSA" || name == "SMIMEA") && len(w) >= 4:
		return tlsaGloss(w)
	case name == "SSHFP" && len(w) >= 3:
		return listed(w[0], "reserved", "RSA", "DSA", "ECDSA", "Ed25519", "", "Ed448") + " key, " + listed(w[1], "reserved", "SHA-1", "SHA-256")
	case (name == "DNSKEY" || name == "CDNSKEY") && len(w) >= 4:
		return dnskeyGloss(w)
	case (name == "DS" || name == "CDS") && len(w) >= 4:
		return fmt.Sprintf("key %s, %s, %s", w[0], algorithm(w[1]), listed(w[2], "", "SHA-1", "SHA-256", "GOST", "SHA-384"))
	}
	return ""
}

// listed returns the meaning of a small number, or the number itself.
func listed(number string, meanings ...string) string {
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 || n >= len(meanings) || meanings[n] == "" {
		return number
	}
	return meanings[n]
}

// algorithm returns the name of a DNSSEC algorithm (RFC 8624 section 3.1).
func algorithm(number string) string {
	return listed(number, "delete", "RSA/MD5", "", "DSA/SHA-1", "", "RSA/SHA-1", "DSA-NSEC3-SHA1", "RSA/SHA-1-NSEC3", "RSA/SHA-256", "",
		"RSA/SHA-512", "", "GOST", "ECDSA P-256", "ECDSA P-384", "Ed25519", "Ed448")
}

// soaGloss explains a SOA record (RFC 1035 section 3.3.13, RFC 2308 section 4).
func soaGloss(w []string) string {
	contact := relative(w[1])
	for i := 0; i < len(contact); i++ {
		if contact[i] == '\\' {
			i++
		} else if contact[i] == '.' { // the first that is not escaped stands for an @
			contact = strings.ReplaceAll(contact[:i], `\.`, ".") + "@" + contact[i+1:]
			break
		}
	}
	negative, err := strconv.ParseUint(w[6], 10, 32)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("serial %s, contact %s, denials are kept for %s", w[2], contact, shortTime(time.Duration(negative)*time.Second))
}

// naptrGloss explains a NAPTR record (RFC 3403 section 4.1, RFC 3404 section 4.1).
func naptrGloss(w []string) string {
	words := fmt.Sprintf("order %s, preference %s", w[0], w[1])
	if w[3] != "" {
		words += ", " + w[3]
	}
	return words + ": " + cmp.Or(map[string]string{
		"": "more NAPTR records", "s": "SRV records", "a": "addresses", "u": "a URI by the expression", "p": "as the protocol has it",
	}[strings.ToLower(w[2])], "flags "+w[2])
}

// svcbGloss explains a SVCB or HTTPS record (RFC 9460).
func svcbGloss(w []string) string {
	if w[0] == "0" {
		if w[1] == "." {
			return "the service is not there"
		}
		return "leads to " + relative(w[1])
	}
	var parts []string
	for _, param := range w[2:] {
		key, value, _ := strings.Cut(param, "=")
		switch key {
		case "alpn":
			parts = append(parts, alpnWords(value))
		case "no-default-alpn":
			parts = append(parts, "no other protocol")
		case "port":
			parts = append(parts, "port "+value)
		case "ech":
			parts = append(parts, "encrypted client hello")
		case "mandatory":
			parts = append(parts, "only for who knows "+value)
		}
	}
	return strings.Join(parts, ", ")
}

// alpnWords names protocols as people know them.
func alpnWords(list string) string {
	var names []string
	for id := range strings.SplitSeq(list, ",") {
		names = append(names, cmp.Or(map[string]string{
			"h3": "HTTP/3", "h2": "HTTP/2", "http/1.1": "HTTP/1.1", "dot": "DNS over TLS", "doq": "DNS over QUIC",
		}[id], id))
	}
	return strings.Join(names, ", ")
}

// caaGloss explains a CAA record (RFC 8659 section 4).
func caaGloss(w []string) string {
	who, _, _ := strings.Cut(w[2], ";")
	who = cmp.Or(strings.TrimSpace(who), "nobody")
	var words string
	switch strings.ToLower(w[1]) {
	case "issue":
		words = who + " may issue certificates"
	case "issuewild":
		words = who + " may issue wildcard certificates"
	case "issuemail":
		words = who + " may issue certificates for mail"
	case "iodef":
		return "violations are reported to " + w[2]
	default:
		return ""
	}
	if number16(w, 0)&128 != 0 {
		words += ", critical"
	}
	return words
}

// tlsaGloss explains a TLSA record (RFC 6698 section 2.1, with the words of RFC 7218).
func tlsaGloss(w []string) string {
	return fmt.Sprintf("%s: %s, %s, %s", listed(w[0], "PKIX-TA", "PKIX-EE", "DANE-TA", "DANE-EE"),
		listed(w[0], "a public authority, constrained", "the server's certificate, publicly signed", "an authority of the domain's own", "the server's certificate, whoever signed it"),
		listed(w[1], "all of it", "its public key"), listed(w[2], "as it is", "by SHA-256", "by SHA-512"))
}

// dnskeyGloss explains a DNSKEY record (RFC 4034 section 2.1, RFC 5011 section 7).
func dnskeyGloss(w []string) string {
	flags := number16(w, 0)
	kind := "no zone key"
	switch {
	case flags&0x100 != 0 && flags&1 != 0:
		kind = "entry to the zone (KSK)"
	case flags&0x100 != 0:
		kind = "signs the zone (ZSK)"
	}
	if flags&0x80 != 0 {
		kind += ", revoked"
	}
	return kind + ", " + algorithm(w[2])
}

// targetAddrsIn returns the addresses that an answer has along with the name that a record leads to.
func targetAddrsIn(r resolve.Record, m *resolve.Message) string {
	if r.Target == "" || r.Target == "." {
		return ""
	}
	var addrs []string
	for _, a := range slices.Concat(m.Additional, m.Answer) {
		if a.Addr.IsValid() && resolve.SameName(a.Name, r.Target) && !slices.Contains(addrs, a.Addr.String()) {
			addrs = append(addrs, a.Addr.String())
		}
	}
	return strings.Join(addrs, ", ")
}
