package resolve

import (
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// text returns a record's data in presentation format, as the library writes it but where other programs
// agree on something else. There is none of pseudo-records.
func text(rr dns.RR, header dns.RR_Header) (string, bool) {
	switch rr := rr.(type) {
	case *dns.SVCB:
		return serviceText(rr), true
	case *dns.HTTPS:
		return serviceText(&rr.SVCB), true
	case *dns.CAA: // of this type and the next the library takes backslashes in the data for escapes
		return strconv.Itoa(int(rr.Flag)) + " " + rr.Tag + " " + quoted(rr.Value), true
	case *dns.URI:
		return strconv.Itoa(int(rr.Priority)) + " " + strconv.Itoa(int(rr.Weight)) + " " + quoted(rr.Target), true
	}
	list := takeList(rr)
	s, ok := strings.CutPrefix(rr.String(), header.String())
	s += list
	switch rr.(type) {
	case *dns.TLSA, *dns.SMIMEA, *dns.ZONEMD:
		s = strings.ToUpper(s) // all of it is numbers
	}
	return s, ok
}

// takeList takes the list at the end of a record out of it and returns its text: the library would copy the text so
// far for each entry, of which a message may have a hundred thousand.
func takeList(rr dns.RR) string {
	var b strings.Builder
	types := func(list *[]uint16) {
		for _, t := range *list {
			b.WriteString(" " + Type(t).String())
		}
		*list = nil
	}
	switch rr := rr.(type) {
	case *dns.NSEC:
		types(&rr.TypeBitMap)
	case *dns.NXT:
		types(&rr.TypeBitMap)
	case *dns.NSEC3:
		types(&rr.TypeBitMap)
	case *dns.CSYNC:
		types(&rr.TypeBitMap)
	case *dns.HIP:
		for _, name := range rr.RendezvousServers {
			b.WriteString(" " + name)
		}
		rr.RendezvousServers = nil
	}
	return b.String()
}

// serviceText returns the data of SVCB and HTTPS (RFC 9460 section 2.1), with quotes where they are needed.
func serviceText(rr *dns.SVCB) string {
	var b strings.Builder
	b.WriteString(strconv.Itoa(int(rr.Priority)) + " " + rr.Target)
	for _, kv := range rr.Value {
		b.WriteString(" " + kv.Key().String())
		switch value := kv.String(); kv.(type) {
		case *dns.SVCBMandatory, *dns.SVCBPort, *dns.SVCBIPv4Hint, *dns.SVCBIPv6Hint, *dns.SVCBECHConfig:
			b.WriteString("=" + value)
		default:
			if value != "" {
				b.WriteString(`="` + value + `"`)
			}
		}
	}
	return b.String()
}

// target returns the name that a record leads to.
func target(rr dns.RR) string {
	switch rr := rr.(type) {
	case *dns.CNAME:
		return rr.Target
	case *dns.DNAME:
		return rr.Target
	case *dns.NS:
		return rr.Ns
	case *dns.PTR:
		return rr.Ptr
	case *dns.MX:
		return rr.Mx
	case *dns.SRV:
		return rr.Target
	case *dns.NAPTR:
		return rr.Replacement
	case *dns.SVCB:
		return rr.Target
	case *dns.HTTPS:
		return rr.Target
	}
	return ""
}

// unknown returns data as RFC 3597 section 5 writes it.
func unknown(data []byte) string {
	s := `\# ` + strconv.Itoa(len(data))
	if len(data) > 0 {
		s += " " + strings.ToUpper(hex.EncodeToString(data))
	}
	return s
}

// quoted returns bytes as a character string (RFC 1035 section 5.1), but for what printable escapes.
func quoted(s string) string {
	return `"` + strings.NewReplacer(`"`, `\"`, `\`, `\\`).Replace(s) + `"`
}

// printable escapes what is not printable ASCII as RFC 1035 section 5.1 does. A blank that has a backslash
// before it becomes a number, too, so that text can be parted at blanks outside of quotes.
func printable(s string) string {
	const blank = `\ `
	harmful := func(r rune) bool { return r < ' ' || r > '~' }
	if strings.IndexFunc(s, harmful) < 0 && !strings.Contains(s, blank) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case strings.HasPrefix(s[i:], blank):
			b.WriteString(`\032`)
			i++
		case harmful(rune(c)):
			b.Write([]byte{'\\', '0' + c/100, '0' + c/10%10, '0' + c%10})
		case c == '\\' && i+1 < len(s) && !harmful(rune(s[i+1])):
			b.WriteString(s[i : i+2])
			i++
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
