package main

import (
	"cmp"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/netdiag/netdiag/internal/render"
	"github.com/netdiag/netdiag/local"
)

func (v *routesText) decided(d *destination, w decision) error {
	if v.begun {
		_ = v.out.Printf("\n") // as what follows, it returns the first error
	}
	v.begun = true
	text := render.Harmless(sentence(d, w))
	if w.Taken() {
		text = v.color.Strong(text)
	} else {
		text = v.color.Bad(text)
	}
	if err := v.out.Printf("%s\n", text); err != nil {
		return err
	}
	table := render.NewTable(v.out, render.Column{}, render.Column{Width: len("neighbour")}, render.Column{})
	row := func(label, text string) {
		if text != "" {
			_ = table.Row("  ", label, text) // Flush returns the error
		}
	}
	row("matched", render.Harmless(matchedText(w)))
	if w.dev != nil && w.Kind != local.KindLocal {
		row("interface", render.Harmless(kindWord(w.dev))+", "+stateText(w.dev, v.color))
	}
	if w.MTU > 0 {
		row("MTU", strconv.Itoa(w.MTU))
	}
	for _, h := range w.Hops {
		row("way", render.Harmless(hopText(h)))
	}
	row("neighbour", render.Harmless(neighbourText(w.Hop)))
	if v.verbose {
		if w.Rule != nil {
			row("rule", render.Harmless(fmt.Sprintf("%d: %s", w.Rule.Priority, ruleText(*w.Rule))))
		}
		if w.Matched.IsValid() {
			row("metric", strconv.Itoa(w.Metric))
		}
		row("protocol", render.Harmless(w.Protocol))
	}
	return table.Flush()
}

// finish adds nothing: what went wrong is on standard error.
func (v *routesText) finish(*destination, error) error { return nil }

// sentence says what the kernel does with a packet.
func sentence(d *destination, w decision) string {
	to := d.Text
	if d.Name || to != w.Dst.String() {
		to = fmt.Sprintf("%s (%v)", d.Text, w.Dst)
	}
	from := ""
	if w.Source.IsValid() && w.Source != w.Dst {
		from = fmt.Sprintf(", from %v", w.Source)
	}
	switch w.Kind {
	case local.KindLocal, local.KindAnycast:
		return fmt.Sprintf("%s stays on this machine%s%s", to, devText(" (%s)", w.Interface), from)
	case local.KindBroadcast:
		return fmt.Sprintf("%s is a broadcast%s%s", to, devText(" out of %s", w.Interface), from)
	case local.KindMulticast:
		return fmt.Sprintf("%s is a multicast%s%s", to, devText(" out of %s", w.Interface), from)
	case local.KindProhibit:
		return to + " is prohibited by " + culprit(w)
	case local.KindBlackhole:
		return to + " vanishes in a blackhole, by " + culprit(w)
	case local.KindUnreachable:
		return to + " is said to be unreachable, by " + culprit(w)
	case local.KindNone:
		return "no route to " + to
	}
	by := devText(" by %s", w.Interface)
	if w.Gateway.IsValid() {
		return fmt.Sprintf("%s goes%s through the gateway %v%s%s", to, by, w.Gateway, oneOf(w.Hops), from)
	}
	return fmt.Sprintf("%s goes%s, on the link%s%s", to, by, oneOf(w.Hops), from)
}

// devText returns what format makes of an interface's name, nothing if there is none.
func devText(format, name string) string {
	if name == "" {
		return ""
	}
	return fmt.Sprintf(format, name)
}

// culprit says who keeps a packet from its way.
func culprit(w decision) string {
	switch {
	case w.Rule != nil && w.Rule.Action == w.Kind:
		return "the policy rule " + strconv.Itoa(w.Rule.Priority)
	case w.Matched.IsValid():
		return "the route to " + w.Matched.String()
	}
	return "a route or a policy rule"
}

// matchedText says which route was taken, and how it was come to.
func matchedText(w decision) string {
	if w.Unrouted {
		return "no route: the kernel takes it to be on the link of " + w.Interface
	}
	var words []string
	if w.Matched.IsValid() {
		words = append(words, prefixText(w.Matched))
	}
	if w.Table != 0 {
		name := cmp.Or(w.TableName, strconv.Itoa(w.Table))
		words = append(words, "table "+name)
	}
	if w.Rule != nil {
		words = append(words, "by rule "+strconv.Itoa(w.Rule.Priority))
	}
	return strings.Join(words, ", ")
}

// hopText says where one of several ways leads.
func hopText(h local.Hop) string {
	words := []string{strings.TrimSpace(devText("by %s ", h.Interface) + "on the link")}
	if h.Gateway.IsValid() {
		words[0] = strings.TrimSpace(devText("by %s ", h.Interface) + fmt.Sprintf("through the gateway %v", h.Gateway))
	}
	return strings.Join(append(append(words, fmt.Sprintf("weight %d", h.Weight)), h.Flags...), ", ")
}

// prefixText returns a prefix with the word for the one that has all addresses.
func prefixText(p netip.Prefix) string {
	if p.Bits() == 0 {
		return p.String() + " (default)"
	}
	return p.String()
}

// neighbourText says what the kernel knows of the machine that it gives a packet to.
func neighbourText(n *local.Neighbour) string {
	if n == nil {
		return ""
	}
	who := n.Addr.String()
	if len(n.MAC) > 0 {
		who += " is " + n.MAC.String()
	}
	switch n.State {
	case "":
		return who
	case "failed":
		return who + " did not answer when it was last looked for (failed)"
	case "incomplete":
		return who + " is being looked for and has not answered yet (incomplete)"
	}
	return who + ", " + n.State
}
