package hosts

// Dialect is how a resolver reads hosts files: data, not code. Values can be compared.
//
// The zero Dialect takes every line apart at nothing and finds nothing; use Glibc, Musl, Go,
// Windows or Dialects, and change what differs.
type Dialect struct {
	// Name is what to call it: "glibc", "glibc with multi off", "musl", "Go", "Windows".
	Name string
	// Where is who reads hosts files so, for messages: "Alpine Linux".
	Where string

	// MaxLine is the most bytes that a line may have with its newline; 0: any number.
	MaxLine int
	// LongLine is what happens to a line with more.
	LongLine LongLine
	// Blanks are the bytes that separate the fields of a line, all of them at most ' '.
	Blanks string
	// Indent lets blanks stand before the address. Without it such a line is lost.
	Indent bool
	// NULEnds ends a line at a NUL byte, as a string of C ends. Without it NUL is a byte of a name.
	NULEnds bool
	// IndentRepeats garbles a line with blanks before its address that ends at a NUL byte or with
	// the file: as many of its last bytes as there are blanks follow it once more. (glibc since 2.32
	// moves such a line to the front without its end.)
	IndentRepeats bool
	// NeedsEnd loses a name that ends where the file ends (or a long line is cut), without a
	// blank or a newline after it.
	NeedsEnd bool

	// Zones are the IPv6 zones (RFC 4007, section 11) that an address may have.
	Zones Zones
	// ShortIPv4 takes the old forms of IPv4 addresses as inet_aton does: 127.1, 0x7f000001, 010.0.0.1.
	ShortIPv4 bool
	// Mapped is what an IPv4-mapped IPv6 address (RFC 4291, section 2.5.5.2) counts as.
	Mapped Mapped
	// LoopbackIPv4 makes ::1 count as 127.0.0.1 when IPv4 is asked for.
	LoopbackIPv4 bool

	// FoldCase compares names without regard to the case of ASCII letters.
	FoldCase bool
	// DotOptional makes "a.b." and "a.b" the same name. "a." and "a" are not: they have no other dot.
	DotOptional bool
	// MaxNames is how many names of a line are read; 0: all.
	MaxNames int

	// Multi reads all lines for a name. Without it the first one of the family asked for is all.
	Multi bool
	// MaxAddrs is the most addresses that a name can have; 0: any number.
	MaxAddrs int
	// CanonicalAny takes the canonical name from the first line with the name, even if its
	// address is of another family than was asked for.
	CanonicalAny bool
	// Reverse is which address of a line is the one that a reverse lookup asks for.
	Reverse Reverse
	// ReverseAll returns all lines for an address. Without it the first one is all.
	ReverseAll bool
	// ReverseUnspecified answers for ::, too.
	ReverseUnspecified bool

	// CRLF says that lines end with CR LF as a rule where this dialect is at home.
	CRLF bool
	// KnowsLocalhost says that localhost needs no entry.
	KnowsLocalhost bool
}

// LongLine is what a resolver does with a line that is longer than its buffer.
type LongLine uint8

// What happens to long lines.
const (
	LongLineCut  LongLine = iota // the rest is read as if it were a line of its own
	LongLineEnds                 // the rest of the file is not read
)

// Zones are the zones that a resolver accepts behind IPv6 addresses.
type Zones uint8

// The zones.
const (
	ZonesNone      Zones = iota // a line with a zone is lost
	ZonesLinkLocal              // numbers; names behind link-local addresses only (the interface must exist, which is not looked at here)
	ZonesAny                    // every zone
)

// Mapped is what an IPv4-mapped IPv6 address counts as in a lookup.
type Mapped uint8

// What ::ffff:192.0.2.1 is.
const (
	MappedIPv6  Mapped = iota // always an IPv6 address
	MappedAsked               // the IPv4 address where IPv4 is asked for, otherwise an IPv6 address
	MappedIPv4                // always the IPv4 address
)

// Reverse is how a reverse lookup compares addresses.
type Reverse uint8

// How reverse lookups compare.
const (
	ReverseAsked  Reverse = iota // the address is what a lookup of its family would have made of the line's
	ReverseExact                 // the address is the line's
	ReverseMapped                // an IPv4 address and its mapped IPv6 address are the same
)

// isspace has the bytes that C takes for blanks, but for the newline.
const isspace = " \t\v\f\r"

// Glibc returns how the GNU C library reads hosts files, with "multi on" or off (host.conf(5);
// Debian, Ubuntu and Fedora come with "on", without the file it is off).
func Glibc(multi bool) Dialect {
	d := Dialect{
		Name:          "glibc",
		Where:         "Debian, Ubuntu, Fedora and most others",
		Blanks:        isspace,
		Indent:        true,
		NULEnds:       true,
		IndentRepeats: true,
		Mapped:        MappedAsked,
		LoopbackIPv4:  true,
		FoldCase:      true,
		Multi:         multi,
		Reverse:       ReverseAsked,
	}
	if !multi {
		d.Name, d.Where = "glibc with multi off", "systems without /etc/host.conf"
	}
	return d
}

// Musl returns how musl reads hosts files. It takes a name in the spelling of the file only.
func Musl() Dialect {
	return Dialect{
		Name:               "musl",
		Where:              "Alpine Linux",
		MaxLine:            511,
		LongLine:           LongLineCut,
		Blanks:             isspace,
		NULEnds:            true,
		NeedsEnd:           true,
		Zones:              ZonesLinkLocal,
		ShortIPv4:          true,
		Multi:              true,
		MaxAddrs:           48,
		CanonicalAny:       true,
		Reverse:            ReverseMapped,
		ReverseUnspecified: true,
	}
}

// Go returns how Go's own resolver reads hosts files, which programs built without cgo use.
func Go() Dialect {
	return Dialect{
		Name:               "Go",
		Where:              "Go programs without cgo",
		MaxLine:            64 << 10,
		LongLine:           LongLineEnds,
		Blanks:             " \t\r",
		Indent:             true,
		Zones:              ZonesAny,
		Mapped:             MappedIPv4,
		FoldCase:           true,
		DotOptional:        true,
		Multi:              true,
		CanonicalAny:       true,
		Reverse:            ReverseExact,
		ReverseAll:         true,
		ReverseUnspecified: true,
	}
}

// Windows returns how the DNS client of Windows reads hosts files, as far as it is known: that
// it reads nine names of a line is what users report, the rest is cautious.
func Windows() Dialect {
	return Dialect{
		Name:               "Windows",
		Where:              "Windows",
		Blanks:             " \t\r",
		Indent:             true,
		Zones:              ZonesAny,
		Mapped:             MappedIPv6,
		FoldCase:           true,
		MaxNames:           9,
		Multi:              true,
		Reverse:            ReverseExact,
		ReverseUnspecified: true,
		CRLF:               true,
		KnowsLocalhost:     true,
	}
}

// Dialects returns the dialects, glibc's with "multi on" first.
func Dialects() []Dialect {
	return []Dialect{Glibc(true), Glibc(false), Musl(), Go(), Windows()}
}
