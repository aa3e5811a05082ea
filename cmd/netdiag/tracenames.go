package main

import (
	"context"
	"net/netip"
	"strconv"
	"strings"

	"github.com/netdiag/netdiag/internal/render"
	"github.com/netdiag/netdiag/trace"
)

// callers knows what those who answer are called.
type callers struct {
	names   *aside[string]   // nil: not asked for
	origins *aside[[]uint32] // numbers of autonomous systems; nil: not asked for
	waits   func()           // called before a wait; may be nil
}

// newCallers returns the callers that look up names and origins until ctx ends, as far as they are wanted.
func newCallers(ctx context.Context, find reverse, names, origins bool) *callers {
	c := &callers{}
	if names {
		c.names = newAside(ctx, find.Name)
	}
	if origins {
		c.origins = newAside(ctx, find.Origins)
	}
	return c
}

// ask has looked up who is behind e, if anybody is.
func (c *callers) ask(e *trace.Event) {
	if e.From.IsValid() {
		c.names.ask(e.From)
		c.origins.ask(e.From)
	}
}

// of returns the name of a, which is not harmless, and the numbers of its autonomous systems. It waits for them no
// longer than aside does.
func (c *callers) of(a netip.Addr) (name string, origins []uint32) {
	return c.names.of(a, c.before), c.origins.of(a, c.before)
}

func (c *callers) before() {
	if c.waits != nil {
		c.waits()
	}
}

// classic returns a as BSD's traceroute shows it: "[AS64496] name (address)", with the address for a name that there is
// not, or if names are not looked up the address alone.
func (c *callers) classic(a netip.Addr) string {
	name, origins := c.of(a)
	addr := render.Harmless(a.String()) // its zone may be anything
	text := addr
	if c.names != nil {
		if name == "" {
			name = addr
		}
		text = render.Harmless(name) + " (" + addr + ")"
	}
	return bracketed(origins) + text
}

// short returns a as tables show it: the name where there is one.
func (c *callers) short(a netip.Addr) string {
	name, origins := c.of(a)
	text := render.Harmless(a.String())
	if name != "" {
		text = render.Harmless(name) + " (" + text + ")"
	}
	return bracketed(origins) + text
}

// bracketed returns numbers of autonomous systems as in "[AS64496/AS64497] ", or nothing for none.
func bracketed(origins []uint32) string {
	if len(origins) == 0 {
		return ""
	}
	texts := make([]string, len(origins))
	for i, n := range origins {
		texts[i] = "AS" + strconv.FormatUint(uint64(n), 10)
	}
	return "[" + strings.Join(texts, "/") + "] "
}
