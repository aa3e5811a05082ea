package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/netdiag/netdiag/internal/render"
	"github.com/netdiag/netdiag/resolve"
)

// opinion is what one or more servers say alike.
type opinion struct {
	key     string
	replies []*response
}

// opinions returns the replies to an inquiry grouped by what they say, in their order. Servers that did not
// answer have no opinion: they come last, each by itself.
func opinions(q *inquiry) (said, silent []opinion) {
	for _, r := range q.replies {
		if r.message() == nil {
			silent = append(silent, opinion{replies: []*response{r}})
			continue
		}
		key := contentKey(r)
		i := slices.IndexFunc(said, func(o opinion) bool { return o.key == key })
		if i < 0 {
			i, said = len(said), append(said, opinion{key: key})
		}
		said[i].replies = append(said[i].replies, r)
	}
	return said, silent
}

// contentKey returns the same text for replies that say the same: their order and their TTLs do not matter.
func contentKey(r *response) string {
	v, _ := r.verdict()
	keys := []string{}
	for _, rec := range r.message().Answer {
		if rec.Type == resolve.TypeRRSIG {
			continue // made anew at times by servers that sign as they answer
		}
		value := rec.Value
		if rec.Target != "" {
			value = strings.ToLower(value)
		}
		keys = append(keys, strings.ToLower(rec.Name)+" "+rec.Type.String()+" "+value)
	}
	slices.Sort(keys)
	return fmt.Sprintf("%v %v\n%s", v, r.message().Rcode, strings.Join(keys, "\n"))
}

// fromDNS writes what DNS says.
func (v *resolveText) fromDNS(q *inquiry) error {
	said, silent := opinions(q)
	for i, o := range said {
		if i > 0 {
			_ = v.line("")
		}
		v.opinion(q, o)
	}
	for i, o := range silent {
		r := o.replies[0]
		if i == 0 && len(said) > 0 {
			_ = v.line("")
		}
		is, reason := r.verdict()
		if by := r.by(); by != "" {
			reason = by + ": " + reason
		}
		_ = v.line(v.verdict(is, withName(q, reason)))
	}
	if words, _ := agreement(q, said, silent); words != "" {
		_ = v.line(render.Harmless(words))
	}
	return v.out.Printf("")
}

// opinion writes what servers say alike, and who they are.
func (v *resolveText) opinion(q *inquiry, o opinion) {
	first := o.replies[0]
	m := first.message()
	table := render.NewTable(v.out, make([]render.Column, 4)...)
	for _, row := range answerRows(q.question, m) {
		_ = table.Row(row...)
	}
	_ = table.Flush()
	is, reason := first.verdict()
	if is == resolve.VerdictAnswer {
		reason = answerWords(q, m, reason)
	}
	reason = withName(q, reason)
	_ = v.line(v.verdict(is, reason) + v.idn(q))
	for _, r := range o.replies {
		_ = v.line(v.color.Faint(fromWords(r)))
	}
}

// answerRows returns the records of an answer: the way through aliases, then what was asked for, then the rest.
func answerRows(q resolve.Question, m *resolve.Message) [][]string {
	c := m.Follow(q)
	var rows [][]string
	add := func(r resolve.Record, value, gloss string) {
		if gloss != "" {
			value += "  ; " + gloss
		}
		rows = append(rows, []string{bothForms(r.Name), ttlWords(r.TTL), r.Type.String(), value})
	}
	for _, r := range c.Links {
		add(r, "-> "+bothForms(r.Target), "")
	}
	for _, r := range preferred(c.Records) {
		add(r, render.Harmless(r.Value), gloss(r, m))
	}
	for _, r := range m.Answer {
		if slices.Contains(c.Links, r) || slices.Contains(c.Records, r) {
			continue
		}
		remark := "no part of the answer"
		if r.Type == resolve.TypeRRSIG {
			remark = ""
		}
		add(r, render.Harmless(r.Value), remark)
	}
	return rows
}

// answerWords says that there is an answer, and for which name in the end.
func answerWords(q *inquiry, m *resolve.Message, counted string) string {
	name := relative(q.question.Name)
	if !isASCII(q.name.text) || q.name.addr.IsValid() {
		name = relative(q.name.text)
	}
	if c := m.Follow(q.question); len(c.Links) > 0 {
		return name + " leads to " + relative(c.Name) + ", which has " + counted
	}
	return name + " has " + counted
}

// fromWords says who answered, how, and what else the answer tells about itself.
func fromWords(r *response) string {
	x, m := r.exchange, r.exchange.Message
	words := "from " + r.by()
	if a := x.Server.Addr.Addr().String(); !strings.Contains(words, a) {
		words += " (" + a + ")"
	}
	if x.Server.Transport == resolve.UDP {
		words += " over " + x.Via.String()
	}
	words += " in " + render.Millis(x.RTT) + " ms"
	for _, about := range [...]struct {
		is   bool
		text string
	}{
		{m.Authoritative, "authoritative"}, {m.AuthenticData, "validated by the server"}, {m.Truncated, "cut short"},
		{len(m.Answer) == 0 && m.RecursionDesired && !m.RecursionAvailable && !m.Authoritative, "does not ask others"},
	} {
		if about.is {
			words += ", " + about.text
		}
	}
	if e := m.EDNS; e != nil {
		if e.NSID != nil {
			words += ", it is " + nsidText(e.NSID)
		}
		if e.Subnet.IsValid() {
			words += ", for clients in " + e.Subnet.String()
		}
		if v, _ := r.verdict(); v == resolve.VerdictAnswer {
			for _, ede := range e.Errors {
				words += ", " + ede.String()
			}
		}
	}
	return render.Harmless(words)
}

// nsidText returns a server's identifier as text if it is some, and else in hexadecimal.
func nsidText(id []byte) string {
	for _, c := range id {
		if c < ' ' || c >= 0x7f {
			return fmt.Sprintf("%x", id)
		}
	}
	return fmt.Sprintf("%q", id)
}

// gist returns the verdict of a reply with the first values of an answer.
func gist(q *inquiry, r *response) string {
	const most = 4
	is, _ := r.verdict()
	var values []string
	for _, rec := range r.message().Follow(q.question).Records {
		values = append(values, rec.Value)
	}
	if len(values) == 0 {
		return verdictWord(is)
	}
	if more := len(values) - most; more > 0 {
		values = append(values[:most], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(values, ", ")
}

// disagreement is how the line begins that says how servers disagree.
const disagreement = "SERVERS DISAGREE: "

// agreement says whether the servers that were asked agree, with "" if less than two know something.
func agreement(q *inquiry, said, silent []opinion) (words string, agree bool) {
	total, mute := 0, len(silent)
	var views []string
	for _, o := range said {
		if v, _ := o.replies[0].verdict(); statusOf(v) == unable {
			mute += len(o.replies) // refused, or could not find out
			continue
		}
		total += len(o.replies)
		var names []string
		for _, r := range o.replies {
			names = append(names, r.by())
		}
		views = append(views, strings.Join(names, ", ")+": "+gist(q, o.replies[0]))
	}
	unheard := ""
	if mute > 0 {
		unheard = fmt.Sprintf(", %d did not say", mute)
	}
	switch {
	case total < 2:
		return "", true
	case len(views) > 1:
		return disagreement + strings.Join(views, "; ") + unheard, false
	}
	return fmt.Sprintf("%d servers agree%s", total, unheard), true
}
