package main

import (
	"net/netip"
	"strings"
)

// probeExpression is a word, or two, that stand for ports of one host or of many.
type probeExpression struct {
	expression
	ports portList
	typed string // how the user wrote a single port of a single host; "": otherwise
}

// count returns how many targets e has, as far as a number can say.
func (e *probeExpression) count() uint64 {
	hosts, ports := e.expression.count(), e.ports.count()
	if ports > 0 && hosts > ^uint64(0)/ports {
		return ^uint64(0)
	}
	return hosts * ports
}

// probeParser reads what is to be probed.
type probeParser struct {
	portReader
	top portList // these ports of every host, which then stands without; nil: hosts have ports of their own
}

// parse reads operands: HOST:PORTS, or HOST and PORTS as two words. The error tells of every one that is wrong.
func (p *probeParser) parse(args []string) (list []probeExpression, err error) {
	var errs []error
	for len(args) > 0 {
		e, used, err := p.next(args)
		if more := morePorts(args[used:]); used == 2 && more > 0 {
			e, err = probeExpression{}, usagef("%s: more than one port behind a host", strings.Join(args[:used+more], " ")).
				hint("write "+args[0]+" "+strings.Join(args[1:used+more], ","))
			used += more
		}
		if args = args[used:]; err != nil {
			errs = append(errs, err)
			continue
		}
		list = append(list, e)
	}
	return list, joined(errs)
}

// morePorts returns how many of the words that args begin with are numbers, and so rather ports than hosts.
func morePorts(args []string) int {
	for i, word := range args {
		if strings.Trim(word, "0123456789,-") != "" {
			return i
		}
	}
	return len(args)
}

// next reads the expression that args begin with, and returns how many of them it takes.
func (p *probeParser) next(args []string) (e probeExpression, used int, err error) {
	host, ports, has, err := splitPort(args[0])
	switch {
	case p.top != nil && err == nil && has:
		return e, 1, usagef("%s: with --top hosts have no ports of their own", args[0]).hint("give the host alone: " + host)
	case p.top != nil: // nothing in it can be a port
		e, err = p.hosts(unbracketed(args[0]))
		e.ports = p.top
		return e, 1, err
	case err == nil && has:
		e, err = p.expression(args[0], host, ports)
		return e, 1, err
	case len(args) > 1 && p.isPorts(args[1], len(args) == 2):
		host := unbracketed(args[0])
		e, err = p.expression(hostPort(host, args[1]), host, args[1])
		return e, 2, err
	case err == nil:
		err = p.noPort(args[0])
	}
	return e, 1, err
}

// isPorts reports whether the word behind a host without a port is its port, as nc has it. The last word of
// two is, too, if it could only be a misspelt one.
func (p *probeParser) isPorts(word string, last bool) bool {
	first, _, _ := strings.Cut(word, ",")
	if startsAsNumber(first) {
		return true
	}
	if _, known := p.services().port(first, p.proto); known && first != "" {
		return true
	}
	return last && !looksLikeHost(word) && !strings.ContainsAny(word, "/[")
}

// expression puts hosts and ports together, which the user typed so.
func (p *probeParser) expression(typed, host, ports string) (e probeExpression, err error) {
	e, err = p.hosts(host)
	list, bad := p.portReader.parse(ports)
	if bad != nil {
		wrong := usagef("%s: %v", typed, bad)
		wrong.hints = hintsOf(bad)
		bad = wrong
	}
	if err != nil || bad != nil {
		return e, joined(nonNil(err, bad))
	}
	if e.ports = list; e.count() == 1 {
		e.typed = typed
	}
	return e, nil
}

// hosts reads the hosts of an expression, whose IPv6 address, network or range may have lost its brackets.
func (p *probeParser) hosts(host string) (e probeExpression, err error) {
	e.expression, err = parseExpression(host)
	return e, err
}

// nonNil returns those of errs that are errors.
func nonNil(errs ...error) (some []error) {
	for _, err := range errs {
		if err != nil {
			some = append(some, err)
		}
	}
	return some
}

// unbracketed returns s without the brackets around it, if what is within is of IPv6.
func unbracketed(s string) string {
	if inner, ok := unbracket(s); ok && strings.Contains(inner, ":") && strings.ContainsAny(inner, "/-") {
		return inner
	}
	return s
}

// splitPort takes HOST:PORTS apart; has tells whether there are ports. An IPv6 address has brackets then.
func splitPort(s string) (host, ports string, has bool, err error) {
	if scheme, rest, ok := strings.Cut(s, "://"); ok {
		return "", "", false, notAURL(s, scheme, rest)
	}
	if i := strings.LastIndex(s, "]"); i >= 0 {
		host, rest := s[:i+1], s[i+1:]
		ports, has = strings.CutPrefix(rest, ":")
		switch {
		case rest != "" && !has:
			return "", "", false, usagef("%s: behind the brackets stands a colon and the port, as [::1]:80", s)
		case has && ports == "":
			return "", "", false, usagef("%s: no port behind the colon", s)
		}
		return unbracketed(host), ports, has, nil
	}
	i := strings.LastIndexByte(s, ':')
	switch {
	case i < 0:
		return s, "", false, nil
	case strings.Count(s, ":") > 1:
		return s, "", false, bareIPv6(s, i)
	case i == 0:
		return "", "", false, usagef("%s: no host before the colon", s).hint("for this machine write localhost" + s)
	case i == len(s)-1:
		return "", "", false, usagef("%s: no port behind the colon", s)
	}
	return s[:i], s[i+1:], true, nil
}

// bareIPv6 returns nil for an IPv6 address, network or range that has no port, and otherwise, or where that is not
// clear, the error about s, whose last colon is at i.
func bareIPv6(s string, i int) error {
	_, err := parseExpression(s)
	address, behind := s[:i], s[i+1:]
	_, bad := parseExpression(address)
	switch {
	case err == nil && (bad != nil || !couldBePort(behind)):
		return nil
	case err == nil:
		return usagef("%s: not clear whether :%s is a port or belongs to the address", s, behind).
			hint("write [" + address + "]:" + behind + ", or [" + s + "]:PORT")
	case bad == nil:
		return usagef("%s: an IPv6 address with a port needs brackets", s).hint("write [" + address + "]:" + behind)
	}
	return usagef("%s: neither HOST:PORT nor an address", s)
}

// couldBePort reports whether the last group of an IPv6 address could be a port.
func couldBePort(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// notAURL returns the error about a URL, with what was meant.
func notAURL(s, scheme, rest string) error {
	host, _, _ := strings.Cut(rest, "/")
	host = host[strings.LastIndexByte(host, '@')+1:]
	err := usagef("%s: a URL, not HOST:PORT", s)
	if host == "" {
		return err
	}
	flag := ""
	switch strings.ToLower(scheme) {
	case "udp":
		flag = "--udp "
	case "tls", "ssl", "https":
		flag = "--tls "
	}
	if _, _, has, bad := splitPort(host); bad == nil && !has {
		host += map[string]string{"tcp": ":PORT", "udp": ":PORT", "tls": ":PORT"}[strings.ToLower(scheme)]
		if !strings.HasSuffix(host, ":PORT") {
			host += ":" + strings.ToLower(scheme)
		}
	}
	return err.hint("write " + flag + host)
}

// noPort returns the error about a host without a port.
func (p *probeParser) noPort(s string) error {
	if _, err := parseExpression(unbracketed(s)); err != nil {
		return err
	}
	host := s
	if _, err := netip.ParseAddr(s); err == nil && strings.Contains(s, ":") {
		host = "[" + s + "]"
	}
	return usagef("%s: no port given", s).hint("write " + host + ":443, " + host + ":22,80,8000-8100, or --top 100 for the most common ports")
}

// hostPort returns HOST:PORT, with brackets around an IPv6 address.
func hostPort(host, port string) string {
	if strings.Contains(host, ":") && !strings.HasPrefix(host, "[") {
		host = "[" + host + "]"
	}
	return host + ":" + port
}
