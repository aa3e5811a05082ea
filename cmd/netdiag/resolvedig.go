package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/netdiag/netdiag/internal/render"
	"github.com/netdiag/netdiag/resolve"
)

// resolveDig is all that servers say, in the form of dig, which other programs read.
type resolveDig struct{ resolveBlocks }

func (v *resolveDig) settled(q *inquiry) error {
	for _, r := range q.replies {
		v.separate()
		v.banner(q, r)
		for _, x := range r.tried() {
			if x.Status != resolve.Answered {
				v.comment("communications error to " + exchangeWords(x))
			} else if x != r.exchange {
				v.comment("passed over " + exchangeWords(x))
			}
		}
		if m := r.message(); m != nil {
			v.message(r.exchange, m)
		} else {
			if r.server != nil && r.exchange != nil {
				v.comment("communications error to " + exchangeWords(r.exchange))
			}
			if !errors.Is(r.err, context.Canceled) {
				v.comment("no servers could be reached")
			}
		}
		is, reason := r.verdict()
		if is == resolve.VerdictAnswer && r.message() != nil {
			reason = answerWords(q, r.message(), reason)
		}
		_ = v.line(";; VERDICT: " + v.verdict(is, withName(q, reason)))
	}
	return v.out.Printf("")
}

// comment writes a line that programs pass over.
func (v *resolveDig) comment(text string) { _ = v.line(";; " + render.Harmless(text)) }

// banner writes what was asked.
func (v *resolveDig) banner(q *inquiry, r *response) {
	words := q.question.Name + " " + q.question.Class.String() + " " + q.question.Type.String()
	if r.server != nil {
		words = "@" + r.server.text + " " + words
	}
	_ = v.line("; <<>> netdiag resolve <<>> " + render.Harmless(words))
	if u := unicodeForm(q.question.Name); u != "" {
		_ = v.line("; in Unicode: " + u)
	}
}

// message writes an answer.
func (v *resolveDig) message(x *resolve.Exchange, m *resolve.Message) {
	additional := len(m.Additional)
	if m.EDNS != nil {
		additional++ // dig counts the record of EDNS
	}
	_ = v.out.Printf(";; Got answer:\n;; ->>HEADER<<- opcode: %s, status: %s, id: %d\n", opcode(m.Opcode), render.Harmless(m.Rcode.String()), m.ID)
	_ = v.out.Printf(";; flags:%s; QUERY: 1, ANSWER: %d, AUTHORITY: %d, ADDITIONAL: %d\n", spaced(flagsOf(m)), len(m.Answer), len(m.Authority), additional)
	if m.RecursionDesired && !m.RecursionAvailable {
		v.comment("WARNING: recursion requested but not available")
	}
	_ = v.line("")
	if m.EDNS != nil {
		v.edns(x, m)
	}
	_ = v.out.Printf(";; QUESTION SECTION:\n;%s\t\t%s\t%s\n\n", render.Harmless(x.Question.Name), x.Question.Class, x.Question.Type)
	for _, section := range [...]resolve.Section{resolve.Answer, resolve.Authority, resolve.Additional} {
		records := m.Section(section)
		if len(records) == 0 {
			continue
		}
		_ = v.line(";; " + strings.ToUpper(section.String()) + " SECTION:")
		for _, r := range records {
			_ = v.out.Printf("%s\t%d\t%s\t%s\t%s\n", render.Harmless(r.Name), r.TTL/time.Second, r.Class, r.Type, render.Harmless(r.Value))
		}
		_ = v.line("")
	}
	v.trailer(x, m)
}

// opcode returns the name of an opcode (RFC 6895 section 2.2).
func opcode(code uint8) string {
	names := [...]string{"QUERY", "IQUERY", "STATUS", "RESERVED3", "NOTIFY", "UPDATE", "DSO"}
	if int(code) < len(names) {
		return names[code]
	}
	return "RESERVED" + strconv.Itoa(int(code))
}

// flagsOf returns the flags of a message that are set, in their order on the wire.
func flagsOf(m *resolve.Message) []string {
	flags := []string{"qr"}
	for _, f := range [...]struct {
		is   bool
		name string
	}{
		{m.Authoritative, "aa"}, {m.Truncated, "tc"}, {m.RecursionDesired, "rd"}, {m.RecursionAvailable, "ra"},
		{m.AuthenticData, "ad"}, {m.CheckingDisabled, "cd"},
	} {
		if f.is {
			flags = append(flags, f.name)
		}
	}
	return flags
}

// spaced returns the words each behind a space.
func spaced(words []string) string {
	if len(words) == 0 {
		return ""
	}
	return " " + strings.Join(words, " ")
}

// edns writes the pseudo-section of EDNS.
func (v *resolveDig) edns(x *resolve.Exchange, m *resolve.Message) {
	e := m.EDNS
	var flags []string
	if e.DO {
		flags = append(flags, "do")
	}
	_ = v.out.Printf(";; OPT PSEUDOSECTION:\n; EDNS: version: %d, flags:%s; udp: %d\n", e.Version, spaced(flags), e.UDPSize)
	if e.NSID != nil {
		_ = v.out.Printf("; NSID: % x (%s)\n", e.NSID, render.Harmless(nsidText(e.NSID)))
	}
	if e.Subnet.IsValid() {
		_ = v.out.Printf("; CLIENT-SUBNET: %v\n", e.Subnet)
	}
	if e.Client != nil || e.Server != nil {
		good := ""
		if e.Server != nil && x.Ignored.Cookie == 0 {
			good = " (good)"
		}
		_ = v.out.Printf("; COOKIE: %x%x%s\n", e.Client, e.Server, good)
	}
	if e.Padding > 0 {
		_ = v.out.Printf("; PAD: (%d bytes)\n", e.Padding)
	}
	for _, ede := range e.Errors {
		text := fmt.Sprintf("; EDE: %d (%s)", ede.Code, ede.Name())
		if ede.Text != "" {
			text += ": (" + ede.Text + ")"
		}
		_ = v.line(render.Harmless(text))
	}
	for _, o := range e.Other {
		_ = v.out.Printf("; OPT=%d: %s\n", o.Code, hex.EncodeToString(o.Data))
	}
}

// trailer writes where the answer came from, when and how.
func (v *resolveDig) trailer(x *resolve.Exchange, m *resolve.Message) {
	addr := x.Server.Addr
	host := x.Server.Host
	if host == "" {
		host = addr.Addr().String()
	}
	_ = v.out.Printf(";; Query time: %d msec\n", x.RTT.Round(time.Millisecond)/time.Millisecond)
	_ = v.out.Printf(";; SERVER: %v#%d(%s) (%s)\n", addr.Addr(), addr.Port(), render.Harmless(host), strings.ToUpper(x.Via.String()))
	_ = v.out.Printf(";; WHEN: %s\n;; MSG SIZE  rcvd: %d\n", x.Sent.Format("Mon Jan 02 15:04:05 MST 2006"), m.Size)
	for _, n := range x.Notes {
		v.comment("NOTE: " + n.Text)
	}
	if n := x.Ignored.Total(); n > 0 {
		v.comment(fmt.Sprintf("IGNORED: %d datagrams that were no answer", n))
	}
}
