package resolve

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/netdiag/netdiag/hosts"
)

// The limits of the C library's resolver (resolv.h), and what it does unless told otherwise.
const (
	mostServers     = 3
	mostDots        = 15
	mostTimeout     = 30
	mostAttempts    = 5
	defaultTimeout  = 5 * time.Second
	defaultAttempts = 2
	dnsPort         = 53
)

// resolvParser reads resolv.conf(5) as res_init does. What the C library passes over in silence becomes a
// Problem, as it is mostly a mistake.
type resolvParser struct {
	conf     ResolvConf
	env      bool // LOCALDOMAIN is set: search and domain do not count
	extra    int  // name servers beyond the third
	problems []Problem
}

// parseResolv reads the text of a resolv.conf and what the environment changes about it. The hostname is what
// the search list comes from if nothing else says one.
func parseResolv(path, text string, getenv func(string) string, hostname string) (ResolvConf, []Problem) {
	p := &resolvParser{conf: ResolvConf{Path: path, Options: ResolvOptions{
		NDots: 1, Timeout: defaultTimeout, Attempts: defaultAttempts,
	}}}
	if local := getenv("LOCALDOMAIN"); local != "" {
		p.env = true
		local, _, _ = strings.Cut(local, "\n")
		p.conf.Search = domains(local)
	}
	line := 0
	for l := range strings.Lines(text) {
		line++
		p.line(line, strings.TrimSuffix(l, "\n"))
	}
	if p.extra > 0 {
		p.problem(0, "only the first three name servers are asked")
	}
	if len(p.conf.Servers) == 0 {
		p.conf.Servers = []netip.AddrPort{netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), dnsPort)}
	}
	if _, domain, ok := strings.Cut(hostname, "."); ok && len(p.conf.Search) == 0 && domain != "" {
		p.conf.Search = []string{bareDomain(domain)}
	}
	if options := getenv("RES_OPTIONS"); options != "" {
		p.options("$RES_OPTIONS", 0, options)
	}
	return p.conf, p.problems
}

// line reads one line. A keyword counts only at its beginning, and with a blank behind it.
func (p *resolvParser) line(n int, line string) {
	if line == "" || line[0] == ';' || line[0] == '#' {
		return
	}
	keyword, rest, ok := cutBlank(line)
	if !ok {
		if strings.TrimSpace(line) != "" {
			p.problem(n, quote(line)+" is no setting")
		}
		return
	}
	switch keyword {
	case "nameserver":
		p.server(n, rest)
	case "search":
		p.search(n, domains(rest))
	case "domain":
		first, _, _ := cutBlank(rest)
		p.search(n, domains(first))
	case "options":
		p.options(p.conf.Path, n, rest)
	case "sortlist":
		p.problem(n, "sortlist is not heeded: getaddrinfo(3) takes no notice of it")
	default:
		p.problem(n, quote(keyword)+" is no setting")
	}
}

// search takes over a list of domains, which replaces the one before.
func (p *resolvParser) search(n int, list []string) {
	switch {
	case p.env:
		p.problem(n, "LOCALDOMAIN in the environment takes the place of this line")
	case len(list) > 0:
		p.conf.Search = list
		for _, d := range list {
			if strings.Contains(d, "\r") {
				p.problem(n, "the line ends as in Windows, and the carriage return is part of the domain "+quote(d))
			}
		}
	}
}

// server takes over a name server.
func (p *resolvParser) server(n int, rest string) {
	addr, ok := nameserver(rest)
	switch {
	case !ok:
		p.problem(n, quote(rest)+" is no address of a name server")
	case len(p.conf.Servers) == mostServers:
		p.extra++
	default:
		p.conf.Servers = append(p.conf.Servers, netip.AddrPortFrom(addr, dnsPort))
	}
}

// nameserver reads an address as the C library does: of IPv4 in all forms of inet_aton(3), with anything behind
// a blank, of IPv6 with a zone, which counts where an address needs one.
func nameserver(s string) (netip.Addr, bool) {
	word, _, _ := cutSpace(s)
	if addr, ok := hosts.ParseShort(word); ok {
		return addr, true
	}
	bare, zone, _ := strings.Cut(word, "%")
	addr, err := netip.ParseAddr(bare)
	if err != nil || !addr.Is6() {
		return netip.Addr{}, false
	}
	if addr.IsLinkLocalUnicast() || addr.IsLinkLocalMulticast() {
		addr = addr.WithZone(zone)
	}
	return addr, true
}

// resolvFlag is an option without a value.
type resolvFlag struct {
	name string
	set  func(*ResolvOptions)
}

// resolvFlags are the options without a value. The C library compares beginnings: "rotated" is "rotate" to it, so that
// of two of which one begins with the other the longer stands first.
func resolvFlags() []resolvFlag {
	ignore := func(*ResolvOptions) {}
	return []resolvFlag{
		{"rotate", func(o *ResolvOptions) { o.Rotate = true }},
		{"edns0", func(o *ResolvOptions) { o.EDNS0 = true }},
		{"single-request-reopen", func(o *ResolvOptions) { o.SingleRequest, o.reopen = true, true }},
		{"single-request", func(o *ResolvOptions) { o.SingleRequest = true }},
		{"no_tld_query", func(o *ResolvOptions) { o.NoTLDQuery = true }},
		{"no-tld-query", func(o *ResolvOptions) { o.NoTLDQuery = true }},
		{"use-vc", func(o *ResolvOptions) { o.UseVC = true }},
		{"trust-ad", func(o *ResolvOptions) { o.TrustAD = true }},
		{"no-aaaa", func(o *ResolvOptions) { o.NoAAAA = true }},
		{"no-reload", ignore},    // a program that runs once reads the file once
		{"strict-error", ignore}, // changes what is said of an error, not what is found
		{"debug", ignore},
		{"inet6", ignore}, // of no effect on getaddrinfo(3)
	}
}

// options reads a list of options. Any that is not known is passed over.
func (p *resolvParser) options(path string, n int, list string) {
	for word := range strings.FieldsFuncSeq(list, isBlank) {
		if word = strings.TrimRight(word, "\r\n"); word == "" {
			continue
		}
		if wrong := p.conf.Options.set(word); wrong != "" {
			p.problems = append(p.problems, Problem{Path: path, Line: n, Text: "option " + quote(word) + " " + wrong})
		}
	}
}

// set takes over one option, and says what is wrong with it.
func (o *ResolvOptions) set(word string) (wrong string) {
	name, value, valued := strings.Cut(word, ":")
	var most int
	switch {
	case valued && name == "ndots":
		most = mostDots
		o.NDots = bounded(value, most)
	case valued && name == "timeout":
		most = mostTimeout
		o.Timeout = max(1, time.Duration(bounded(value, most))) * time.Second // the library waits no less
	case valued && name == "attempts":
		most = mostAttempts
		o.Attempts = bounded(value, most)
	default:
		for _, f := range resolvFlags() {
			if strings.HasPrefix(word, f.name) {
				f.set(o)
				return ""
			}
		}
		return "is not known"
	}
	switch got, err := strconv.Atoi(value); {
	case err != nil || got < 0 || got > most:
		return "should have a number from 0 to " + strconv.Itoa(most)
	case name == "attempts" && got == 0:
		return "says that no name server is ever asked"
	}
	return ""
}

func (p *resolvParser) problem(line int, text string) {
	p.problems = append(p.problems, Problem{Path: p.conf.Path, Line: line, Text: text})
}

// bounded reads a number as atoi(3) does, whatever stands behind it, and keeps it in 0 to most.
func bounded(s string, most int) int {
	end := 0
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	n, err := strconv.Atoi(s[:end])
	if err != nil && end > 0 {
		return most // too large for a number
	}
	return min(n, most)
}

// domains splits a list of domains.
func domains(list string) []string {
	var found []string
	for d := range strings.FieldsFuncSeq(list, isBlank) {
		found = append(found, bareDomain(d))
	}
	return found
}

// bareDomain returns a domain without the dot at its end, and the root as a dot.
func bareDomain(d string) string {
	if bare := strings.TrimSuffix(d, "."); bare != "" {
		return bare
	}
	return "."
}

// isBlank reports whether r separates words in resolv.conf: a carriage return does not.
func isBlank(r rune) bool { return r == ' ' || r == '\t' }

// cutBlank cuts s at its first run of blanks.
func cutBlank(s string) (before, after string, found bool) {
	i := strings.IndexFunc(s, isBlank)
	if i < 0 {
		return s, "", false
	}
	return s[:i], strings.TrimLeft(s[i:], " \t"), true
}

// cutSpace cuts s at its first white space of C's isspace.
func cutSpace(s string) (before, after string, found bool) {
	i := strings.IndexFunc(s, isSpace)
	if i < 0 {
		return s, "", false
	}
	return s[:i], strings.TrimLeftFunc(s[i:], isSpace), true
}

// isSpace is C's isspace in the locale that programs start in.
func isSpace(r rune) bool { return r == ' ' || r >= '\t' && r <= '\r' }

// quote returns text from a file as a message shows it.
func quote(s string) string {
	const most = 60
	if len(s) > most {
		s = s[:most] + "..."
	}
	return strconv.Quote(s)
}
