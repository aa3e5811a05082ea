package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/netdiag/netdiag/internal/render"
	"github.com/netdiag/netdiag/local"
)

// interfacesText is interfaces as text: a block each.
type interfacesText struct {
	out     *render.Writer
	color   render.Color
	verbose bool
	whole   bool // all are shown, and first where the machine stands
	blocks  int
}

func (v *interfacesText) start([]string) error { return nil }

func (v *interfacesText) own(o *ownSide) error {
	if !v.whole {
		return nil
	}
	for _, line := range o.lines() {
		if err := v.out.Printf("%s\n", v.color.Strong(render.Harmless(line))); err != nil {
			return err
		}
		v.blocks = 1
	}
	return nil
}

func (v *interfacesText) one(i *local.Interface, o *ownSide, f family) error {
	if v.blocks++; v.blocks > 1 {
		if err := v.out.Printf("\n"); err != nil {
			return err
		}
	}
	head := v.color.Strong(render.Harmless(i.Name)) + ": " + render.Harmless(kindWord(i)) + ", " + stateText(i, v.color)
	if o.isDefault(i.Name) {
		head += ", " + v.color.Strong("default")
	}
	if err := v.out.Printf("%s\n", head); err != nil {
		return err
	}
	table := render.NewTable(v.out, render.Column{}, render.Column{Width: len("received")}, render.Column{})
	before := ""
	row := func(label, text string) {
		shown := label
		if label == before {
			shown = ""
		}
		before = label
		_ = table.Row("  ", shown, text) // Flush returns the error
	}
	v.addrs(i, f, row)
	v.link(i, row)
	if i.Counters != nil {
		c := i.Counters
		row("received", v.counted(c.RxBytes, c.RxPackets, c.RxErrors, c.RxDropped))
		row("sent", v.counted(c.TxBytes, c.TxPackets, c.TxErrors, c.TxDropped))
	}
	return table.Flush()
}

// kindWord returns what an interface is.
func kindWord(i *local.Interface) string {
	if i.Kind == "" {
		return "unknown kind"
	}
	return i.Kind
}

// stateText says whether an interface can be used.
func stateText(i *local.Interface, color render.Color) string {
	switch {
	case !i.Up:
		return color.Faint("down")
	case i.Signal == local.CarrierNo:
		return color.Doubtful("up, no carrier")
	}
	switch i.State {
	case "", "up", "unknown":
		return color.Good("up")
	}
	return color.Doubtful("up, " + render.Harmless(i.State))
}

// addrs shows the addresses of a family.
func (v *interfacesText) addrs(i *local.Interface, f family, row func(label, text string)) {
	for _, a := range i.Addrs {
		addr := a.Prefix.Addr()
		if !f.has(addr) {
			continue
		}
		label := ipv6
		if addr.Is4() {
			label = ipv4
		}
		row(label.String(), v.addr(&a, i.Name))
	}
}

// addr is an address with what is special about it.
func (v *interfacesText) addr(a *local.Addr, dev string) string {
	words := []string{a.Prefix.String()}
	if a.Peer.IsValid() {
		words[0] += " to " + a.Peer.String()
	}
	if a.Scope != "" && a.Scope != "global" {
		words = append(words, render.Harmless(a.Scope))
	}
	for _, flag := range a.Flags {
		word := render.Harmless(flag)
		switch flag {
		case "permanent", "noprefixroute", "mngtmpaddr":
			if !v.verbose {
				continue // of interest to who configures it
			}
		case "tentative", "deprecated", "optimistic":
			word = v.color.Doubtful(word)
		case "dadfailed":
			word = v.color.Bad("dadfailed: another machine has it")
		}
		words = append(words, word)
	}
	if v.verbose && a.Label != "" && a.Label != dev {
		words = append(words, "label "+render.Harmless(a.Label))
	}
	return strings.Join(words, ", ")
}

// link shows what an interface is beneath its addresses.
func (v *interfacesText) link(i *local.Interface, row func(label, text string)) {
	if len(i.MAC) > 0 {
		row("MAC", i.MAC.String())
	}
	if i.MTU > 0 {
		row("MTU", strconv.Itoa(i.MTU))
	}
	if !v.verbose {
		return
	}
	if i.Master != "" {
		row("part of", render.Harmless(i.Master))
	}
	switch {
	case i.Parent == "":
	case i.Kind == "veth":
		row("other end", render.Harmless(i.Parent))
	default:
		row("made on", render.Harmless(i.Parent))
	}
	if len(i.AltNames) > 0 {
		row("also", render.Harmless(strings.Join(i.AltNames, " ")))
	}
	if i.State != "" {
		row("state", render.Harmless(i.State))
	}
	if len(i.Flags) > 0 {
		row("flags", render.Harmless(strings.Join(i.Flags, " ")))
	}
	row("index", strconv.Itoa(i.Index))
}

// counted says what an interface counted in one direction.
func (v *interfacesText) counted(bytes, packets, errors, dropped uint64) string {
	text := inBytes(bytes)
	if v.verbose {
		text += fmt.Sprintf(" in %d packets", packets)
	}
	if errors > 0 || v.verbose {
		text += ", " + v.unless(errors, "errors")
	}
	if v.verbose {
		text += ", " + v.unless(dropped, "dropped")
	}
	return text
}

// unless is a count that should be zero.
func (v *interfacesText) unless(n uint64, what string) string {
	text := fmt.Sprintf("%d %s", n, what)
	if n > 0 {
		text = v.color.Doubtful(text)
	}
	return text
}

// finish adds nothing: what went wrong is on standard error.
func (v *interfacesText) finish(*ownSide, error) error { return nil }

// inBytes returns n bytes in the unit in which it has up to three digits before the point: "1.2 GB", a thousand MB.
func inBytes(n uint64) string {
	if n < 1000 {
		return strconv.FormatUint(n, 10) + " B"
	}
	units := []string{"kB", "MB", "GB", "TB", "PB", "EB"}
	value, at := float64(n)/1000, 0
	for value >= 999.95 && at < len(units)-1 { // which would be shown as 1000.0
		value /= 1000
		at++
	}
	return strconv.FormatFloat(value, 'f', 1, 64) + " " + units[at]
}
