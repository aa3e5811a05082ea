package main

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/netdiag/netdiag/internal/render"
	"github.com/netdiag/netdiag/trace"
)

// evidence returns what is shown of an answer beside who sent it and when: with -e what ICMP extensions
// say, with -v everything. Each piece stands in angle brackets, with a space before it.
func (v *traceLines) evidence(p *trace.Probe) string {
	var pieces []string
	if v.extensions || v.verbose {
		pieces = extensions(p)
	}
	if v.verbose {
		pieces = append(pieces, oddities(p)...)
	}
	if len(pieces) == 0 {
		return ""
	}
	return " <" + strings.Join(pieces, "> <") + ">"
}

// changes returns a line about what the way to a hop does to packets, "" if it does nothing.
func changes(all []trace.Change) string {
	if len(all) == 0 {
		return ""
	}
	texts := make([]string, len(all))
	for i, c := range all {
		texts[i] = fmt.Sprintf("%s %s -> %s", c.Field, render.Harmless(c.Sent), render.Harmless(c.Quoted))
	}
	return "    changed on the way here: " + strings.Join(texts, ", ") + "\n"
}

// extensions returns what the ICMP extensions of an answer say.
func extensions(p *trace.Probe) []string {
	var pieces []string
	if len(p.Labels) > 0 {
		pieces = append(pieces, labels(p.Labels))
	}
	for _, i := range p.Interfaces {
		pieces = append(pieces, describeInterface(i))
	}
	for _, o := range p.Objects {
		pieces = append(pieces, fmt.Sprintf("%d/%d:%s", o.Class, o.Type, hex.EncodeToString(o.Data)))
	}
	return pieces
}

// labels returns an MPLS label stack as in "MPLS:L=24015,E=0,S=1,T=1".
func labels(stack []trace.Label) string {
	texts := make([]string, len(stack))
	for i, l := range stack {
		bottom := 0
		if l.Bottom {
			bottom = 1
		}
		texts[i] = fmt.Sprintf("L=%d,E=%d,S=%d,T=%d", l.Label, l.TC, bottom, l.TTL)
	}
	return "MPLS:" + strings.Join(texts, "/")
}

// roles returns what an interface is to a packet (RFC 5837 section 4.2).
func roles() [4]string { return [4]string{"incoming", "incoming sub-IP", "outgoing", "next hop"} }

// describeInterface returns an interface of a router as in "incoming:name=ge-0/0/1,index=7,addr=192.0.2.1,mtu=1500".
func describeInterface(i trace.Interface) string {
	var parts []string
	add := func(format string, arg any) { parts = append(parts, fmt.Sprintf(format, arg)) }
	if i.Name != "" {
		add("name=%s", render.Harmless(i.Name))
	}
	if i.Index != 0 {
		add("index=%d", i.Index)
	}
	if i.Addr.IsValid() {
		add("addr=%v", i.Addr)
	}
	if i.MTU != 0 {
		add("mtu=%d", i.MTU)
	}
	return role(i) + ":" + strings.Join(parts, ",")
}

// role names the role of an interface.
func role(i trace.Interface) string {
	if all := roles(); int(i.Role) < len(all) {
		return all[i.Role]
	}
	return fmt.Sprintf("role %d", i.Role)
}

// oddities returns what else is known of an answer: of its way back, and what is remarkable.
func oddities(p *trace.Probe) []string {
	var pieces []string
	if p.ReplyTTL > 0 {
		piece := fmt.Sprintf("ttl=%d", p.ReplyTTL)
		if p.Back > 0 {
			piece += fmt.Sprintf(",back=%d", p.Back)
		}
		pieces = append(pieces, piece)
	}
	if p.Note != "" {
		pieces = append(pieces, render.Harmless(p.Note))
	}
	return pieces
}
