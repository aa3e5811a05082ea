package resolve

import (
	"strings"
)

// hostConf is what host.conf(5) says that has an effect today: the order that it may give has none.
type hostConf struct {
	multi bool     // every line of the hosts file that has a name counts, instead of the first
	trim  []string // domains, with a dot before them, that are cut off names of addresses
}

// mostTrim is how many domains the C library cuts off.
const mostTrim = 4

// parseHostConf reads the text of a host.conf and what the environment changes about it.
func parseHostConf(path, text string, getenv func(string) string) (hostConf, []Problem) {
	var c hostConf
	var problems []Problem
	add := func(path string, line int, wrong string) {
		if wrong != "" {
			problems = append(problems, Problem{Path: path, Line: line, Text: wrong})
		}
	}
	number := 0
	for line := range strings.Lines(text) {
		number++
		add(path, number, c.line(strings.TrimFunc(line, isSpace)))
	}
	if v := getenv("RESOLV_MULTI"); v != "" {
		add("$RESOLV_MULTI", 0, setBool(&c.multi, v))
	}
	if v := getenv("RESOLV_ADD_TRIM_DOMAINS"); v != "" {
		add("$RESOLV_ADD_TRIM_DOMAINS", 0, c.trimList(v))
	}
	if v := getenv("RESOLV_OVERRIDE_TRIM_DOMAINS"); v != "" {
		c.trim = nil
		add("$RESOLV_OVERRIDE_TRIM_DOMAINS", 0, c.trimList(v))
	}
	return c, problems
}

// line reads one line, without white space around it, and says what is wrong with it.
func (c *hostConf) line(line string) (wrong string) {
	end := strings.IndexFunc(line, func(r rune) bool { return r == '#' || r == ',' || isSpace(r) })
	if end < 0 {
		end = len(line)
	}
	command, rest := line[:end], strings.TrimLeftFunc(line[end:], isSpace)
	switch strings.ToLower(command) {
	case "":
		return ""
	case "order":
		return "order has no effect: nsswitch.conf says where names are looked for"
	case "multi":
		return setBool(&c.multi, rest)
	case "trim":
		return c.trimList(rest)
	case "reorder", "nospoof", "spoof", "spoofalert":
		return "" // of no effect on getaddrinfo(3)
	}
	return quote(command) + " is no setting"
}

// trimList adds a list of domains, which commas, semicolons, colons or blanks keep apart.
func (c *hostConf) trimList(list string) (wrong string) {
	list, _, _ = strings.Cut(list, "#")
	for d := range strings.FieldsFuncSeq(list, func(r rune) bool { return isSpace(r) || strings.ContainsRune(",;:", r) }) {
		if len(c.trim) == mostTrim {
			return "only the first four domains are cut off"
		}
		c.trim = append(c.trim, d)
	}
	return ""
}

// cut returns a name of an address without the first of the domains that it ends with.
func (c hostConf) cut(name string) string {
	for _, d := range c.trim {
		if at := len(name) - len(d); at > 0 && strings.EqualFold(name[at:], d) {
			return name[:at]
		}
	}
	return name
}

// setBool reads "on" or "off", and says what is wrong with it.
func setBool(to *bool, s string) (wrong string) {
	lower := strings.ToLower(s)
	switch {
	case strings.HasPrefix(lower, "on"):
		*to = true
	case strings.HasPrefix(lower, "off"):
		*to = false
	default:
		return quote(s) + " is neither on nor off"
	}
	return ""
}
