package resolve

import (
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// String returns the type's name, TYPEnnn of one that is not known (RFC 3597 section 5).
func (t Type) String() string {
	// The library has names for what stands for no type at all.
	if name := dns.TypeToString[uint16(t)]; name != "" && uint16(t) != dns.TypeNone && uint16(t) != dns.TypeReserved {
		return name
	}
	return typePrefix + strconv.Itoa(int(t))
}

// String returns the class's name, CLASSnnn of one that is not known (RFC 3597 section 5).
func (c Class) String() string {
	if name := dns.ClassToString[uint16(c)]; name != "" {
		return name
	}
	return classPrefix + strconv.Itoa(int(c))
}

// String returns the code's name, RCODEnnn of one that is not known.
func (r Rcode) String() string {
	if r == BadVers { // as a code of TSIG the same number is BADSIG (RFC 6895 section 2.3)
		return "BADVERS"
	}
	if name := dns.RcodeToString[int(r)]; name != "" {
		return name
	}
	return rcodePrefix + strconv.Itoa(int(r))
}

// What stands before the number of a type, class or code without a name.
const (
	typePrefix  = "TYPE"
	classPrefix = "CLASS"
	rcodePrefix = "RCODE"
)

// ParseType reads a type's name, or TYPEnnn with nnn from 1 to 65535, in any case.
func ParseType(s string) (Type, bool) {
	s = strings.ToUpper(s)
	if n, ok := dns.StringToType[s]; ok && n != dns.TypeNone {
		return Type(n), true
	}
	n, ok := numbered(s, typePrefix)
	return Type(n), ok && n != 0
}

// ParseClass reads a class's name, or CLASSnnn with nnn from 1 to 65535, in any case.
func ParseClass(s string) (Class, bool) {
	s = strings.ToUpper(s)
	if n, ok := dns.StringToClass[s]; ok {
		return Class(n), true
	}
	n, ok := numbered(s, classPrefix)
	return Class(n), ok && n != 0
}

// ParseRcode reads a response code's name, or RCODEnnn with nnn from 0 to 4095, in any case.
func ParseRcode(s string) (Rcode, bool) {
	s = strings.ToUpper(s)
	if s == BadVers.String() {
		return BadVers, true
	}
	if n, ok := dns.StringToRcode[s]; ok {
		return Rcode(n), true
	}
	n, ok := numbered(s, rcodePrefix)
	return Rcode(n), ok && n < 1<<12
}

// numbered reads the decimal digits behind a prefix.
func numbered(s, prefix string) (uint16, bool) {
	digits, ok := strings.CutPrefix(s, prefix)
	if !ok || digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 16)
	return uint16(n), err == nil
}
