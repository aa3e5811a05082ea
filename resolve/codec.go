package resolve

import "github.com/miekg/dns"

// String returns the type's name, TYPEnnn of one that is not known (RFC 3597 section 5).
func (t Type) String() string { return dns.Type(t).String() }

// String returns the class's name, CLASSnnn of one that is not known.
func (c Class) String() string { return dns.Class(c).String() }

// String returns the code's name, RCODEnnn of one that is not known.
func (r Rcode) String() string { return dns.RcodeToString[int(r)] }

// ParseType reads a type's name, in any case, or TYPEnnn.
func ParseType(s string) (Type, bool) { return Type(dns.StringToType[s]), dns.StringToType[s] != 0 }

// ParseClass reads a class's name, in any case, or CLASSnnn.
func ParseClass(s string) (Class, bool) {
	return Class(dns.StringToClass[s]), dns.StringToClass[s] != 0
}
