package resolve_test

import (
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/netdiag/netdiag/resolve"
)

// asked is a question as dig and kdig take it.
type asked struct{ name, kind string }

func (q asked) String() string { return q.name + " " + q.kind }

// reply is what a tool makes of an answer, in a form that does not depend on the tool.
type reply struct {
	rcode    string
	flags    []string // those of aa, tc, ra, ad that are set, in this order
	sections [3][]line
}

// line is a record of a reply.
type line struct {
	owner, kind, value string
	ttl                time.Duration
}

func (l line) String() string { return fmt.Sprintf("%s %v %s %s", l.owner, l.ttl, l.kind, l.value) }

// byText orders lines.
func byText(a, b line) int { return strings.Compare(a.String(), b.String()) }

// tool runs dig or kdig for all questions and returns what it says, by question.
func tool(t *testing.T, name string, args []string, questions []asked) map[asked]reply {
	t.Helper()
	for _, q := range questions {
		args = append(args, q.name, q.kind)
	}
	out, err := exec.CommandContext(t.Context(), name, args...).Output()
	if exit, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		t.Fatal(err)
	} else if exited && exit.ExitCode() > 1 {
		t.Fatalf("%s: %v\n%s%s", name, err, out, exit.Stderr)
	}
	blocks := strings.Split(string(out), ";; ->>HEADER<<- ")[1:]
	if len(blocks) != len(questions) {
		t.Fatalf("%s has %d answers to %d questions", name, len(blocks), len(questions))
	}
	replies := make(map[asked]reply)
	for i, b := range blocks {
		r, err := parseReply(b)
		if err != nil {
			t.Fatalf("%s: %v: %v", name, questions[i], err)
		}
		replies[questions[i]] = r
	}
	return replies
}

// parseReply reads what dig or kdig print behind the mark of a header.
func parseReply(text string) (r reply, err error) {
	section := -1
	for l := range strings.Lines(text) {
		l = strings.TrimRight(l, "\n")
		switch bare := strings.ToLower(strings.TrimLeft(l, "; ")); {
		case strings.HasPrefix(bare, "opcode:"):
			_, status, _ := strings.Cut(l, "status: ")
			r.rcode = status[:strings.IndexAny(status, ",;")]
		case strings.HasPrefix(l, ";;") && strings.HasPrefix(bare, "flags:") && r.flags == nil:
			set, _, _ := strings.Cut(strings.TrimPrefix(bare, "flags:"), ";")
			r.flags = wanted(strings.Fields(set))
		case strings.HasSuffix(l, " SECTION:"):
			section = slices.Index([]string{"answer", "authority", "additional"}, strings.Fields(bare)[0])
		case l == "" || l[0] == ';' || section < 0:
		default:
			record, err := parseLine(l)
			if err != nil {
				return reply{}, err
			}
			r.sections[section] = append(r.sections[section], record)
		}
	}
	r.sort()
	return r, nil
}

// wanted returns which of the flags that are compared are set.
func wanted(set []string) []string {
	return slices.DeleteFunc([]string{"aa", "tc", "ra", "ad"}, func(f string) bool { return !slices.Contains(set, f) })
}

// parseLine reads a record.
func parseLine(l string) (line, error) {
	fields := strings.Fields(l)
	if len(fields) < 4 {
		return line{}, fmt.Errorf("no record: %q", l)
	}
	ttl, err := strconv.ParseUint(fields[1], 10, 32)
	if err != nil {
		return line{}, fmt.Errorf("no record: %q", l)
	}
	value := l
	for _, f := range fields[:4] {
		value = strings.TrimLeft(value[strings.Index(value, f)+len(f):], " \t")
	}
	owner, _ := cutWord(fields[0])
	return line{owner, fields[3], plain(fields[3], value), time.Duration(ttl) * time.Second}, nil
}

// ours puts a message into the form of a reply.
func ours(m *resolve.Message) reply {
	r := reply{rcode: m.Rcode.String()}
	for _, f := range []struct {
		name string
		set  bool
	}{{"aa", m.Authoritative}, {"tc", m.Truncated}, {"ra", m.RecursionAvailable}, {"ad", m.AuthenticData}} {
		if f.set {
			r.flags = append(r.flags, f.name)
		}
	}
	for i, s := range []resolve.Section{resolve.Answer, resolve.Authority, resolve.Additional} {
		for _, record := range m.Section(s) {
			kind := record.Type.String()
			owner, _ := cutWord(record.Name)
			r.sections[i] = append(r.sections[i], line{owner, kind, plain(kind, record.Value), record.TTL})
		}
	}
	r.sort()
	return r
}

// sort puts each section into an order of its own: those of a server vary.
func (r *reply) sort() {
	for _, s := range r.sections {
		slices.SortFunc(s, byText)
	}
}

// plain puts the text of a record's data into the one form that all tools' texts have in common. They differ in
// where they put quotes that need not be there, what they escape, the case of hexadecimal digits and the spaces in them.
func plain(kind, value string) string {
	var words []string
	for rest := strings.TrimLeft(value, " \t"); rest != ""; rest = strings.TrimLeft(rest, " \t") {
		var word string
		word, rest = cutWord(rest)
		words = append(words, word)
	}
	text := strings.Join(words, " ")
	switch kind {
	case "DS", "CDS", "SSHFP", "TLSA", "SMIMEA", "ZONEMD", "EUI48", "EUI64":
		return strings.ToLower(text)
	case "NID", "L64": // groups of digits, with and without the zeros at their beginning
		return zeros.ReplaceAllString(strings.ToLower(text), "$1$2")
	case "LOC": // the same, and zeros behind the point
		return zeros.ReplaceAllString(fraction.ReplaceAllString(text, "$1"), "$1$2")
	case "CERT": // numbers, or their names
		return strings.NewReplacer("PKIX", "1", "RSASHA256", "8").Replace(text)
	}
	if strings.HasPrefix(text, "# ") {
		return strings.ToLower(text)
	}
	return text
}

var (
	zeros    = regexp.MustCompile(`(^|[ :])0+([0-9a-f])`)
	fraction = regexp.MustCompile(`\.0+([^0-9]|$)`)
)

// cutWord cuts the first word off text, without quotes, and with all that is not plain escaped by number.
func cutWord(text string) (word, rest string) {
	var out strings.Builder
	quoted := false
	i := 0
	for ; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '"':
			quoted = !quoted
			if !quoted && out.Len() == 0 {
				out.WriteString(`""`) // a word, though an empty one
			}
			continue
		case (c == ' ' || c == '\t') && !quoted:
			return out.String(), text[i:]
		case c == '\\' && i+3 < len(text) && text[i+1] >= '0' && text[i+1] <= '9':
			n, err := strconv.Atoi(text[i+1 : i+4])
			if err != nil {
				n = '?'
			}
			c = byte(n)
			i += 3
		case c == '\\' && i+1 < len(text):
			i++
			if c = text[i]; c == '.' && !quoted {
				out.WriteString(`\046`) // no end of a label
				continue
			}
		}
		if c <= ' ' || c >= 0x7f || c == '"' || c == '\\' {
			fmt.Fprintf(&out, `\%03d`, c)
		} else {
			out.WriteByte(c)
		}
	}
	return out.String(), ""
}
