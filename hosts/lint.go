package hosts

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// The kinds of findings. They are stable: scripts may rely on them.
const (
	KindBOM           = "bom"                       // a byte order mark before the first address
	KindNUL           = "nul"                       // a NUL byte in an entry
	KindCRLF          = "crlf"                      // lines end as on Windows
	KindBadAddress    = "bad-address"               // what should be an address is none, for anybody
	KindNoNames       = "no-names"                  // an address without a name
	KindZone          = "zone"                      // a zone behind the address, which some skip
	KindShortAddress  = "short-address"             // an old form such as 127.1 or 010.0.0.1, which some skip
	KindMapped        = "mapped-address"            // an IPv4-mapped IPv6 address
	KindIndented      = "indented"                  // blanks before the address, which make some skip the line
	KindLongLine      = "long-line"                 // more bytes than some read
	KindManyNames     = "many-names"                // more names than some read
	KindOddBlank      = "odd-blank"                 // a vertical tab or form feed, which not all take for a blank
	KindNoNewline     = "no-newline"                // the last name ends with the file, where some do not see it
	KindUpperCase     = "upper-case"                // some find the name in this spelling only
	KindTrailingDot   = "trailing-dot"              // a dot at the end of a name, which most compare as it is
	KindWildcard      = "wildcard"                  // a * in a name
	KindNotASCII      = "not-ascii"                 // an international name that is not in its xn-- form
	KindAddrAsName    = "address-as-name"           // an address in the place of a name
	KindBadName       = "bad-name"                  // what cannot be a name: a URL, a port, an empty label
	KindDuplicate     = "duplicate"                 // the same name at the same address once more
	KindSeveral       = "several-addresses"         // addresses of one family, of which not everybody returns all
	KindHidden        = "hidden-line"               // not seen without "multi on"
	KindReverse       = "reverse-differs"           // a reverse lookup does not return this name
	KindBlocked       = "blocked-names"             // names at 0.0.0.0 or ::
	KindLocalhost     = "localhost-not-loopback"    // localhost leads elsewhere
	KindNoLocalhost   = "localhost-missing"         // there is no entry for localhost
	KindLocalhostIPv6 = "localhost-no-ipv6"         // localhost has 127.0.0.1 and not ::1
	KindNoHostname    = "hostname-missing"          // this machine's name has no entry, and nothing else knows it
	KindHostnameAlias = "hostname-behind-localhost" // so that this machine is localhost to itself
	KindSources       = "nsswitch-order"            // nsswitch.conf(5) does not ask this file, or asks DNS before it
	KindLeftover      = "leftover-block"            // what a VPN client or Docker has put there, and has not taken away
	KindShadowsDNS    = "shadows-dns"               // DNS says something else
	KindSameAsDNS     = "same-as-dns"               // DNS says the same
	KindNotInDNS      = "not-in-dns"                // DNS knows no such name
	KindHidesFamily   = "hides-family"              // DNS has addresses of a family that the file has not, and that so is not seen
)

// Finding is something that Lint has found.
type Finding struct {
	Line    int    // 1 for the first; 0: the file as a whole
	Kind    string // one of the kinds above
	Message string // a sentence, with text of the file in it as it is
}

// LintConfig is what Lint knows beside the file. Its zero value is good for the hosts file of any system.
type LintConfig struct {
	// Readers are who is to read the file, first this system. nil: glibc with "multi on", musl and Go.
	Readers []Dialect
	// Hostname is this machine's name; "": not looked at.
	Hostname string
	// Sources are those of nsswitch.conf(5) for hosts, in their order: "files", "dns", ... nil: not looked at.
	Sources []string
	// Addrs are this machine's addresses; nil: not looked at.
	Addrs []netip.Addr
	// DNS is what DNS says about names (see DNSNames), in small letters. What is not there is not looked at.
	DNS map[string]DNSAnswer
}

// DNSAnswer is what DNS says about a name.
type DNSAnswer struct {
	Addrs  []netip.Addr // of both families
	NoName bool         // there is no such name (NXDOMAIN, RFC 8020)
}

// linter is one run of Lint.
type linter struct {
	LintConfig
	f        *File
	d        Dialect // the first of Readers
	entries  []Entry // as d reads them
	indexes  map[Dialect]*Index
	findings []Finding
}

// checks are what Lint looks for.
func checks() []func(*linter) {
	return []func(*linter){
		(*linter).checkBytes,
		(*linter).checkLines,
		(*linter).checkSpelling,
		(*linter).checkDuplicates,
		(*linter).checkSeveral,
		(*linter).checkReverse,
		(*linter).checkBlocked,
		(*linter).checkLocalhost,
		(*linter).checkHostname,
		(*linter).checkSources,
		(*linter).checkLeftovers,
		(*linter).checkDNS,
	}
}

// Lint returns what is wrong with the file, or not the same to everybody who reads it, in the
// order of the lines.
func (f *File) Lint(cfg LintConfig) []Finding {
	if cfg.Readers == nil {
		cfg.Readers = []Dialect{Glibc(true), Musl(), Go()}
	}
	l := &linter{LintConfig: cfg, f: f, indexes: make(map[Dialect]*Index)}
	if len(cfg.Readers) > 0 {
		l.d = cfg.Readers[0]
	}
	l.entries = slices.Collect(f.Entries(l.d))
	for _, check := range checks() {
		check(l)
	}
	slices.SortStableFunc(l.findings, func(a, b Finding) int { return cmp.Compare(a.Line, b.Line) })
	return l.findings
}

func (l *linter) found(line int, kind, format string, args ...any) {
	l.findings = append(l.findings, Finding{line, kind, fmt.Sprintf(format, args...)})
}

// index returns how d reads the file.
func (l *linter) index(d Dialect) *Index {
	if l.indexes[d] == nil {
		l.indexes[d] = l.f.Index(d)
	}
	return l.indexes[d]
}

// lookup returns the addresses that the first reader finds.
func (l *linter) lookup(name string, family Family) []netip.Addr {
	return addrsOf(l.index(l.d).Lookup(name, family))
}

func addrsOf(matches []Match) []netip.Addr {
	var addrs []netip.Addr
	for _, m := range matches {
		addrs = append(addrs, m.Addr)
	}
	return addrs
}

// readerNames joins the names of readers to a part of a sentence.
func readerNames(readers []Dialect) string {
	var words []string
	for _, d := range readers {
		words = append(words, d.Name+" ("+d.Where+")")
	}
	return enumerate(words)
}

// enumerate joins words as a sentence does: a, b and c.
func enumerate(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}

// plural returns one if n is 1, and otherwise many.
func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
