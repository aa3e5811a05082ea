package main

import (
	"encoding/hex"
	"slices"
	"time"

	"github.com/netdiag/netdiag/internal/render"
	"github.com/netdiag/netdiag/resolve"
)

// resolveSummaryJSON is what an inquiry came to. Of several servers what is said is that of the one with the
// worst verdict, but for the addresses, which are those of all.
type resolveSummaryJSON struct {
	Type      string   `json:"type"`
	Time      string   `json:"time"`
	Target    string   `json:"target"`
	QName     string   `json:"qname"`
	QType     *string  `json:"qtype"` // null: this machine's answer
	Rcode     *string  `json:"rcode"`
	Verdict   string   `json:"verdict"`
	Reason    string   `json:"reason"`
	Canonical *string  `json:"canonical"`
	Addrs     []string `json:"addrs"`           // each once
	Names     []string `json:"names,omitempty"` // of an address
	Server    *string  `json:"server"`
	RTT       *float64 `json:"rtt_ms"`
	DNSSEC    *string  `json:"dnssec"` // null: not validated
	exchangeJSON
	Beside  *besideJSON       `json:"beside,omitempty"`
	Servers []serverReplyJSON `json:"servers,omitempty"` // absent: one was asked, or this machine's
	Error   string            `json:"error,omitempty"`
}

// exchangeJSON is what is known of the exchange that decided.
type exchangeJSON struct {
	Via     *string      `json:"via"`
	Flags   []string     `json:"flags"`
	EDE     []edeJSON    `json:"ede"`
	NSID    *nsidJSON    `json:"nsid"`
	Tries   *int         `json:"tries"`
	Ignored *ignoredJSON `json:"ignored"`
}

// serverReplyJSON is what one of several servers said.
type serverReplyJSON struct {
	Server  string    `json:"server"`
	Verdict string    `json:"verdict"`
	Rcode   *string   `json:"rcode"`
	RTT     *float64  `json:"rtt_ms"`
	Reason  string    `json:"reason"`
	Tries   *int      `json:"tries"`
	Via     *string   `json:"via"`
	NSID    *nsidJSON `json:"nsid"`
	Addrs   []string  `json:"addrs"`
}

// besideJSON is what DNS says of a name that the hosts file has.
type besideJSON struct {
	Verdict string   `json:"verdict"`
	Reason  string   `json:"reason"`
	Addrs   []string `json:"addrs"`
}

type edeJSON struct {
	Code uint16 `json:"code"`
	Name string `json:"name"`
	Text string `json:"text"`
}

type nsidJSON struct {
	Hex  string `json:"hex"`
	Text string `json:"text"`
}

type ignoredJSON struct {
	Garbage  int `json:"garbage"`
	ID       int `json:"id"`
	Question int `json:"question"`
	Query    int `json:"query"`
	Cookie   int `json:"cookie"`
}

// summary writes what an inquiry came to, all of whose replies are there.
func (v *resolveJSON) summary(q *inquiry) error {
	r := worstReply(q)
	is, reason := r.verdict()
	j := resolveSummaryJSON{
		Type: "summary", Time: render.Time(time.Now()), Target: q.name.text, QName: q.name.host, Verdict: is.String(), Reason: reason, Addrs: []string{},
		exchangeJSON: exchangeJSON{Flags: []string{}, EDE: []edeJSON{}},
	}
	if j.QName == "" {
		j.QName = q.name.addr.String()
	}
	if !q.ofMachine() {
		j.QType = new(q.question.Type.String())
	}
	if by := r.by(); by != "" {
		j.Server = &by
	}
	j.exchange(r.exchange)
	switch {
	case r.found != nil:
		j.found(r)
	case r.message() != nil:
		j.Canonical = new(r.message().Follow(q.question).Name)
	}
	for _, r := range q.replies {
		for _, a := range repliedAddrs(q, r) {
			if !slices.Contains(j.Addrs, a) {
				j.Addrs = append(j.Addrs, a)
			}
		}
		if len(q.replies) > 1 {
			j.Servers = append(j.Servers, serverReply(q, r))
		}
	}
	if statusOf(is) == unable {
		j.Error = reason
	}
	return v.out.Encode(&j)
}

// found adds what this machine found.
func (j *resolveSummaryJSON) found(r *response) {
	if c := relative(r.found.Canonical); c != "" {
		j.Canonical = &c
	}
	for _, name := range r.found.Names {
		j.Names = append(j.Names, relative(name))
	}
	if b := r.beside; b != nil {
		j.Beside = &besideJSON{b.Verdict.String(), b.Reason, addrTexts(b)}
	}
}

// exchange adds what is known of the exchange that decided, if any did.
func (j *resolveSummaryJSON) exchange(x *resolve.Exchange) {
	if x == nil {
		return
	}
	j.Via, j.Tries, j.Ignored = new(x.Via.String()), &x.Tries, new(ignoredJSON(x.Ignored))
	m := x.Message
	if m == nil {
		return
	}
	j.Rcode, j.RTT, j.Flags = new(m.Rcode.String()), new(render.Ms(x.RTT)), flagsOf(m)
	if m.EDNS == nil {
		return
	}
	for _, e := range m.EDNS.Errors {
		j.EDE = append(j.EDE, edeJSON{e.Code, e.Name(), e.Text})
	}
	if id := m.EDNS.NSID; id != nil {
		j.NSID = &nsidJSON{hex.EncodeToString(id), string(id)}
	}
}

// serverReply returns what one of several servers said.
func serverReply(q *inquiry, r *response) serverReplyJSON {
	var j resolveSummaryJSON
	j.exchange(r.exchange)
	is, reason := r.verdict()
	return serverReplyJSON{Server: r.by(), Verdict: is.String(), Rcode: j.Rcode, RTT: j.RTT, Reason: reason,
		Tries: j.Tries, Via: j.Via, NSID: j.NSID, Addrs: repliedAddrs(q, r)}
}

// repliedAddrs returns the addresses that a reply has for what was asked, in their order.
func repliedAddrs(q *inquiry, r *response) []string {
	addrs := []string{}
	switch {
	case r.found != nil && !r.found.Addr.IsValid():
		return addrTexts(r.found)
	case r.found == nil && r.message() != nil:
		for _, rec := range r.message().Follow(q.question).Records {
			if rec.Addr.IsValid() {
				addrs = append(addrs, rec.Addr.String())
			}
		}
	}
	return addrs
}

// addrTexts returns the addresses that were found, in their order.
func addrTexts(f *resolve.Found) []string {
	addrs := make([]string, len(f.Addrs))
	for i, a := range f.Addrs {
		addrs[i] = a.Addr.String()
	}
	return addrs
}
