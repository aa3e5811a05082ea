package hosts

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// checkLocalhost looks at where localhost leads (RFC 6761, section 6.3).
func (l *linter) checkLocalhost() {
	known := l.d.KnowsLocalhost || slices.Contains(l.Sources, "myhostname")
	matches := l.index(l.d).Lookup("localhost", Any)
	has4, has6 := false, false
	for _, m := range matches {
		has4 = has4 || m.Addr.Unmap().Is4()
		has6 = has6 || m.Addr.Is6() && !m.Addr.Is4In6()
		if !m.Addr.IsLoopback() {
			l.found(m.Line, KindLocalhost, "localhost leads to %s, which is not this machine's loopback", m.Addr)
		}
	}
	switch {
	case known:
	case len(matches) == 0:
		l.found(0, KindNoLocalhost, "there is no line for localhost: its address is asked of DNS")
	case !has6 && l.d.Multi:
		l.found(0, KindLocalhostIPv6, "localhost has no ::1: servers that listen on it only are not reached by name")
	case !has4 && l.d.Multi:
		l.found(0, KindNoLocalhost, "localhost has no 127.0.0.1: servers that listen on it only are not reached by name")
	}
}

// checkHostname looks at what the machine's own name is.
func (l *linter) checkHostname() {
	if l.Hostname == "" {
		return
	}
	matches := l.index(l.d).Lookup(l.Hostname, Any)
	if len(matches) == 0 {
		if l.Sources != nil && !slices.Contains(l.Sources, "myhostname") {
			l.found(0, KindNoHostname, "there is no line for this machine's own name, %s: programs that look it up ask DNS, and may wait for it", l.Hostname)
		}
		return
	}
	first, _, _ := strings.Cut(lower(matches[0].Canonical), ".")
	if m := matches[0]; first == "localhost" && !strings.HasPrefix(lower(l.Hostname), "localhost") {
		l.found(m.Line, KindHostnameAlias, "this machine's own name, %s, is behind %s in its line: to \"hostname -f\" that is the full name",
			l.Hostname, m.Canonical)
	}
}

// checkSources looks at when this file is asked at all.
func (l *linter) checkSources() {
	if l.Sources == nil {
		return
	}
	files, dns := slices.Index(l.Sources, "files"), slices.Index(l.Sources, "dns")
	switch {
	case files >= 0 && (dns < 0 || files < dns):
	case slices.Contains(l.Sources, "resolve"): // systemd-resolved reads the file by itself
	case files < 0:
		l.found(0, KindSources, "nsswitch.conf does not have \"files\" for hosts: glibc never reads this file")
	default:
		l.found(0, KindSources, "nsswitch.conf has \"dns\" before \"files\" for hosts: what DNS knows is not looked for here")
	}
}

// DNSNames returns the names of the file, in small letters and each once, that it makes sense to compare with
// DNS: with a dot in them, not special (RFC 6761, 6762, 7686 and 9476), and not blocked by 0.0.0.0 or ::.
func (f *File) DNSNames(d Dialect) []string {
	var names []string
	known := make(map[string]bool)
	for e := range f.Entries(d) {
		for _, name := range e.Names {
			key := lower(name)
			if !known[key] && !e.Addr.IsUnspecified() && inDNS(key) {
				known[key] = true
				names = append(names, key)
			}
		}
	}
	return names
}

// inDNS reports whether DNS may be asked for a name.
func inDNS(name string) bool {
	if nameProblem(name) != nil || !strings.Contains(name, ".") {
		return false
	}
	for _, special := range []string{"localhost", "localdomain", "local", "invalid", "onion", "alt"} {
		if strings.HasSuffix(name, "."+special) {
			return false
		}
	}
	return true
}

// checkDNS compares the names with what DNS says.
func (l *linter) checkDNS() {
	if len(l.DNS) == 0 {
		return
	}
	told := make(map[string]bool)
	for _, e := range l.entries {
		for _, name := range e.Names {
			key := lower(name)
			if answer, ok := l.DNS[key]; ok && !told[key] {
				told[key] = true
				l.compareDNS(e.Line, name, answer)
			}
		}
	}
}

func (l *linter) compareDNS(line int, name string, answer DNSAnswer) {
	here, there := sorted(l.lookup(name, Any)), sorted(answer.Addrs)
	switch {
	case len(here) == 0: // only another reader finds it
	case answer.NoName:
		l.found(line, KindNotInDNS, "DNS has no such name as %s", name)
	case len(there) == 0:
		l.found(line, KindShadowsDNS, "DNS has no address for %s, and here it is %s", name, addrList(here))
	case slices.Equal(here, there):
		l.found(line, KindSameAsDNS, "DNS has the same for %s: the entry is not needed", name)
	case slices.Equal(here, of(there, here[0].Is4())):
		l.found(line, KindHidesFamily, "DNS has %s for %s as well, which nobody here sees", addrList(of(there, !here[0].Is4())), name)
	default:
		l.found(line, KindShadowsDNS, "%s is %s here, but DNS says %s", name, addrList(here), addrList(there))
	}
}

// sorted returns addresses in order and each once, IPv4-mapped ones as IPv4.
func sorted(addrs []netip.Addr) []netip.Addr {
	var s []netip.Addr
	for _, a := range addrs {
		s = append(s, a.Unmap())
	}
	slices.SortFunc(s, netip.Addr.Compare)
	return slices.Compact(s)
}

// of returns the addresses of one family.
func of(addrs []netip.Addr, is4 bool) []netip.Addr {
	return slices.DeleteFunc(slices.Clone(addrs), func(a netip.Addr) bool { return a.Is4() != is4 })
}

func addrList(addrs []netip.Addr) string {
	var words []string
	for _, a := range addrs {
		words = append(words, fmt.Sprint(a))
	}
	return enumerate(words)
}
