package resolve

import (
	"slices"
	"strings"
)

// defaultSources are where the GNU C library looks if nsswitch.conf has no line for hosts, or is not there.
func defaultSources() []Source { return []Source{{Name: "files"}, {Name: "dns"}} }

// databases are the names that nsswitch.conf knows. A line for any of them that cannot be read makes the C library
// refuse the whole file.
func nssDatabases() []string {
	return []string{"aliases", "ethers", "group", "gshadow", "hosts", "initgroups", "netgroup", "networks",
		"passwd", "protocols", "publickey", "rpc", "services", "shadow", "group_compat", "initgroups_compat",
		"passwd_compat", "shadow_compat"}
}

// parseNsswitch reads the text of an nsswitch.conf and returns the sources for hosts. The last line for hosts
// counts.
func parseNsswitch(path, text string) ([]Source, []Problem) {
	sources := defaultSources()
	var problems []Problem
	number := 0
	for line := range strings.Lines(text) {
		number++
		line, ended := strings.CutSuffix(line, "\n")
		line = strings.TrimFunc(line, isSpace)
		if !ended {
			if line != "" {
				problems = append(problems, Problem{Path: path, Line: number,
					Text: "the C library does not heed the last line, as it has no end of line"})
			}
			break
		}
		end := strings.IndexFunc(line, func(r rune) bool { return r == ':' || isSpace(r) })
		if end <= 0 {
			continue // empty, or nothing behind the database
		}
		database := line[:end]
		if !slices.Contains(nssDatabases(), database) {
			continue
		}
		list := strings.TrimLeftFunc(line[end:], func(r rune) bool { return r == ':' || isSpace(r) })
		found, wrong := parseSources(list)
		if wrong != "" {
			return nil, append(problems, Problem{Path: path, Line: number,
				Text: wrong + "; the C library then refuses the whole file, and finds no name at all"})
		}
		if database == "hosts" {
			sources = found
			if strings.Contains(list, "#") {
				problems = append(problems, Problem{Path: path, Line: number,
					Text: "# begins no comment behind a source: the C library takes it, and every word after it, for sources"})
			}
			if len(found) == 0 {
				problems = append(problems, Problem{Path: path, Line: number, Text: "no source is given for hosts"})
			}
		}
	}
	return sources, problems
}

// parseSources reads a list of sources with their actions. If it cannot, it says why.
func parseSources(list string) (sources []Source, wrong string) {
	for {
		list = strings.TrimLeftFunc(list, isSpace)
		end := strings.IndexFunc(list, func(r rune) bool { return r == '[' || isSpace(r) })
		if end < 0 {
			end = len(list)
		}
		if end == 0 {
			return sources, "" // the end, or actions without a source, behind which nothing is read
		}
		source := Source{Name: list[:end]}
		list = strings.TrimLeftFunc(list[end:], isSpace)
		if strings.HasPrefix(list, "[") {
			if source.Actions, list, wrong = parseActions(list[1:]); wrong != "" {
				return nil, wrong
			}
		}
		sources = append(sources, source)
	}
}

// parseActions reads actions up to the closing bracket, and returns what is behind it.
func parseActions(s string) (actions []Action, rest, wrong string) {
	for s = strings.TrimLeftFunc(s, isSpace); ; {
		var a Action
		s, a.Not = strings.CutPrefix(s, "!")
		a.Status, s = nssWord(s)
		if !slices.Contains([]string{"success", "notfound", "unavail", "tryagain"}, a.Status) {
			return nil, "", quote(a.Status) + " is no status of nsswitch.conf(5)"
		}
		s = strings.TrimLeftFunc(s, isSpace)
		if !strings.HasPrefix(s, "=") {
			return nil, "", "no = behind " + a.Status
		}
		a.Do, s = nssWord(strings.TrimLeftFunc(s[1:], isSpace))
		if !slices.Contains([]string{"return", "continue", "merge"}, a.Do) {
			return nil, "", quote(a.Do) + " is no action of nsswitch.conf(5)"
		}
		actions = append(actions, a)
		s = strings.TrimLeftFunc(s, isSpace)
		if rest, closed := strings.CutPrefix(s, "]"); closed {
			return actions, rest, ""
		}
	}
}

// nssWord cuts a word of an action off s, and returns it in lower case.
func nssWord(s string) (word, rest string) {
	end := strings.IndexFunc(s, func(r rune) bool { return r == '=' || r == ']' || isSpace(r) })
	if end < 0 {
		end = len(s)
	}
	return strings.ToLower(s[:end]), s[end:]
}

// after returns what to do when the source came to a status: "return", "continue" or "merge". A later action
// takes precedence over an earlier one.
func (s Source) after(status string) string {
	do := "continue"
	if status == nssSuccess {
		do = "return"
	}
	for _, a := range s.Actions {
		if (a.Status == status) != a.Not {
			do = a.Do
		}
	}
	return do
}
