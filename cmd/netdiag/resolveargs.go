package main

import (
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/netdiag/netdiag/resolve"
)

// resolvePlan is what a command line of resolve asks for.
type resolvePlan struct {
	dns       bool // of DNS; else of this machine
	inquiries []*inquiry
	servers   []*givenServer // none: those of this machine
	family    family         // of this machine's addresses, and of servers that are given by name
	class     resolve.Class
	types     []resolve.Type
	serial    uint32 // of the zone that the asker has, of IXFR
}

// inquiry is one thing to find out.
type inquiry struct {
	index    int // in the plan
	name     resolveName
	question resolve.Question // to DNS; its Name is "" if this machine's answer is wanted
	replies  []*response      // one for each server, or one; nil: not yet
	missing  int              // replies that have not come
}

// put takes in a reply.
func (q *inquiry) put(place int, r *response) {
	q.replies[place] = r
	q.missing--
}

// ofMachine reports whether this machine's answer is wanted.
func (q *inquiry) ofMachine() bool { return q.question.Name == "" }

// resolveName is a name, or an address, to find out about.
type resolveName struct {
	text  string     // as the user wrote it
	host  string     // of a name, in A-labels
	addr  netip.Addr // of an address, else invalid
	doubt string     // what it was perhaps meant to be, as a hint; or ""
}

// givenServer is a server that the user named.
type givenServer struct {
	text string // as the user wrote it, without the @
	resolve.Server
}

// named reports whether the address of s has yet to be looked up.
func (s *givenServer) named() bool { return !s.Addr.Addr().IsValid() }

// plan takes the command line apart. Everything that cannot be meant is refused at once.
func (f *resolveFlags) plan(c *call) (*resolvePlan, error) {
	if err := f.check(c); err != nil {
		return nil, err
	}
	types := f.types.clone()
	words, err := parseWords(c.args, &types)
	if err != nil {
		return nil, err
	}
	p := &resolvePlan{class: f.class, family: c.family(), types: types.list, serial: types.serial}
	p.dns = len(types.list) > 0 || len(words.servers) > 0 || f.reverse || f.dig || c.isSet("class")
	switch {
	case f.reverse && len(types.list) > 0:
		return nil, usagef("-x asks for PTR records, %v for others", types.list[0])
	case !p.dns && f.onlyDNS(c) != "":
		return nil, usagef("--%s is for questions to DNS, which have a TYPE or a @SERVER", f.onlyDNS(c))
	case f.port > 0 && len(words.servers) == 0:
		return nil, usagef("--port is for servers that are given as @SERVER, and none is")
	}
	for _, text := range words.servers {
		s, err := f.parseServer(text, c.family(), len(types.list) > 0)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(p.servers, func(o *givenServer) bool { return o.Server == s.Server }) {
			p.servers = append(p.servers, s)
		}
	}
	if err := p.ask(words.names, f.reverse); err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(p.inquiries, func(q *inquiry) bool { return q.name.addr.IsValid() }); c.numeric && i >= 0 {
		return nil, usagef("%s: an address is looked up in reverse, and -n is for no reverse lookups", p.inquiries[i].name.text)
	}
	return p, nil
}

// onlyDNS returns the first flag that the user gave and that only a question to DNS can heed; "" if there is none.
func (f *resolveFlags) onlyDNS(c *call) string {
	for _, flag := range []string{"do", "nsid", "subnet", "bufsize"} {
		if c.isSet(flag) {
			return flag
		}
	}
	return ""
}

// parseServer returns the server that a word behind @ names. With typed set the family says how it is reached.
func (f *resolveFlags) parseServer(text string, family family, typed bool) (*givenServer, error) {
	s, err := resolve.ParseServerPort(text, uint16(f.port))
	if err != nil {
		if plain := errors.Unwrap(err); plain != nil {
			err = plain // the server stands in front already
		}
		return nil, usagef("@%s: not a name server: %v", text, err).hint("a server is given as @192.0.2.53, @[2001:db8::53]:5353, @dns.example or @tls://dns.example")
	}
	g := &givenServer{text, f.server(s)}
	if a := g.Addr.Addr(); typed && a.IsValid() && !family.has(a) {
		return nil, usagef("@%s is no %v address", text, family)
	}
	if a := g.Addr.Addr(); f.source.IsValid() && a.IsValid() && a.Is4() != f.source.Is4() {
		return nil, usagef("--source %v is of another family than @%s", f.source, text)
	}
	return g, nil
}

// ask adds what is to be found out about the names.
func (p *resolvePlan) ask(names []resolveWord, reverse bool) error {
	if len(names) == 0 {
		return usagef("no name given")
	}
	var errs []error
	for _, w := range names {
		name, err := p.parse(w.text)
		if err == nil && reverse && !name.addr.IsValid() {
			err = usagef("%s: no address, and -x takes addresses", w.text)
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		name.doubt = w.doubt
		p.add(name)
	}
	return joined(errs)
}

// parse reads a name, or an address, as the mode allows.
func (p *resolvePlan) parse(s string) (resolveName, error) {
	if p.dns {
		return parseQueryName(s)
	}
	target, err := parseHost(s)
	if err != nil {
		if e, ok := err.(*usageError); ok && len(e.hints) == 0 && mayBeDNSName(s) {
			return resolveName{}, e.hint("to ask DNS for it all the same give a TYPE, such as A")
		}
		return resolveName{}, err
	}
	return resolveName{text: s, host: target.Host, addr: target.Addr}, nil
}

// add adds the inquiries about a name: one for each type.
func (p *resolvePlan) add(name resolveName) {
	replies := max(1, len(p.servers))
	put := func(q resolve.Question) {
		p.inquiries = append(p.inquiries, &inquiry{index: len(p.inquiries), name: name, question: q, replies: make([]*response, replies), missing: replies})
	}
	if !p.dns {
		put(resolve.Question{})
		return
	}
	q := resolve.Question{Name: name.host, Class: p.class}
	types := p.types
	switch {
	case len(types) > 0:
	case name.addr.IsValid():
		types = []resolve.Type{resolve.TypePTR}
	case p.family == ipv6:
		types = []resolve.Type{resolve.TypeAAAA}
	default:
		types = []resolve.Type{resolve.TypeA}
	}
	for _, q.Type = range types {
		put(q)
	}
}

// resolveWords are the operands of resolve by what they are.
type resolveWords struct {
	names   []resolveWord // each once
	servers []string      // without the @
}

// resolveWord is an operand that stands for a name.
type resolveWord struct{ text, doubt string }

// parseWords tells names, types and servers apart, and adds the types to types. The first that is no server is a
// name, whatever it looks like.
func parseWords(args []string, types *recordTypes) (w resolveWords, err error) {
	for _, arg := range args {
		server, at := strings.CutPrefix(arg, "@")
		t, typed := parseTypeWord(arg)
		switch {
		case at && server == "":
			return w, usagef("@ needs a server behind it").hint("a server is given as @192.0.2.53")
		case at:
			w.servers = append(w.servers, server)
		case strings.HasPrefix(arg, "+"):
			return w, plusOption(arg)
		case typed && len(w.names) > 0:
			if err := types.add(t); err != nil {
				return w, usagef("%s: %v", arg, err)
			}
		case slices.ContainsFunc(w.names, func(o resolveWord) bool { return o.text == arg }):
		case len(w.names) > 0:
			w.names = append(w.names, resolveWord{arg, doubtOf(arg)})
		default:
			w.names = append(w.names, resolveWord{text: arg})
		}
	}
	return w, nil
}

// doubtOf returns a hint for a word that is taken for a name but was perhaps meant to be something else, or "".
func doubtOf(word string) string {
	if strings.Contains(word, ".") {
		return ""
	}
	upper := strings.ToUpper(word)
	if slices.Contains([]string{"IN", "CH", "HS"}, upper) {
		return word + " was taken for a name; a class is given as --class " + upper
	}
	if near, ok := nearType(word); ok {
		return word + " was taken for a name; if you mean a type of records: " + near
	}
	return ""
}

// nearType returns the type that was perhaps meant by a word that is none.
func nearType(word string) (string, bool) {
	upper := strings.ToUpper(word)
	if number, ok := strings.CutPrefix(upper, "TYPE"); ok && number != "" && strings.Trim(number, "0123456789") == "" {
		return "TYPE1 to TYPE65535", true
	}
	if near, ok := map[string]string{"SPF": "TXT", "DMARC": "TXT", "DKIM": "TXT", "MAIL": "MX", "IPV4": "A", "IPV6": "AAAA", "ALL": "ANY", "REVERSE": "PTR", "NAME": "CNAME"}[upper]; ok {
		return near, true
	}
	near, least := "", 2
	if len(upper) < 3 {
		return "", false // everything is near to two letters
	}
	for _, known := range typeWords() {
		if d := slips(upper, known); d < least && len(known) > 1 {
			near, least = known, d
		}
	}
	return near, near != ""
}

// typeWords are the types that people ask for, the ones that they ask for most in front.
func typeWords() []string {
	return []string{
		"A", "AAAA", "MX", "TXT", "NS", "SOA", "CNAME", "PTR", "SRV", "CAA", "HTTPS", "SVCB", "DS", "DNSKEY", "TLSA", "NAPTR", "SSHFP", "DNAME",
		"LOC", "HINFO", "RRSIG", "NSEC", "NSEC3", "NSEC3PARAM", "CDS", "CDNSKEY", "CSYNC", "OPENPGPKEY", "SMIMEA", "URI", "ZONEMD", "AXFR", "IXFR", "ANY",
	}
}

// plusOption returns the error about an option of dig's, with the flag that does the same.
func plusOption(arg string) error {
	err := usagef("%s: flags begin with a hyphen here", arg)
	name, value, _ := strings.Cut(strings.TrimPrefix(arg, "+"), "=")
	if flag := map[string]string{
		"short": "--short", "tcp": "--tcp", "vc": "--tcp", "notcp": "", "norecurse": "--norecurse", "norec": "--norecurse", "nordflag": "--norecurse",
		"cd": "--cd", "cdflag": "--cd", "cdflg": "--cd", "ad": "--ad", "adflag": "--ad", "dnssec": "--do", "do": "--do", "nsid": "--nsid",
		"subnet": "--subnet", "bufsize": "--bufsize", "noedns": "--no-edns", "nocookie": "--no-cookie", "time": "--timeout", "timeout": "--timeout",
		"tries": "--tries", "all": "--dig", "multiline": "--dig", "json": "--json",
		"tls": "@tls://SERVER", "https": "@https://SERVER", "quic": "@quic://SERVER",
	}[strings.ToLower(name)]; flag != "" {
		if value != "" && strings.HasPrefix(flag, "--") {
			flag += " " + value
		}
		return err.hint("for " + arg + " give " + flag)
	}
	if strings.EqualFold(name, "retry") {
		if n, bad := strconv.Atoi(value); bad == nil && n >= 0 && n < 100 {
			return err.hint("for " + arg + " give --tries " + strconv.Itoa(n+1))
		}
	}
	return err
}
