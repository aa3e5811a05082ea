package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/netdiag/netdiag/internal/render"
	"github.com/netdiag/netdiag/local"
)

// interfacesCommand is the table's entry of interfaces.
func interfacesCommand() command {
	return command{
		name:     "interfaces",
		summary:  "show this machine's addresses, and which of them the world is reached by",
		operands: "[NAME...]",
		also:     []string{"ifconfig", "ipconfig", "ip", "addr", "address", "link"},
		about: `The first line says which address of this machine the world is reached by: the one that the kernel takes for packets to it,
not the first in the list, which may be a container bridge's. No packet is sent to find out. Then follows each interface, or
those that are named, by their name, an alternative one or their index: its kind and state, its addresses with what is special about them, and what it has sent and received.

"no carrier" means that an interface is up, but that there is no signal on its line: a cable that is not plugged in, a
wireless network that is not joined, a bridge without members. Bytes are counted in thousands, with --json exactly.

The exit status is 0, and 2 if an interface is not known or the system does not tell.`,
		examples: []example{
			{"netdiag interfaces", "this machine's private address, and all its interfaces"},
			{"netdiag interfaces -4 eth0", "the IPv4 addresses of one"},
			{"netdiag interfaces -v", "with flags, packets and drops, and what belongs to what"},
			{"netdiag interfaces --json", "for a program to read"},
		},
		run: func(_ context.Context, c *call) (status, error) { return showInterfaces(c, newOwnKernel()) },
	}
}

// ownKernel is what this machine's kernel tells about its own side of the network. Package local does it.
type ownKernel struct {
	interfaces func() ([]local.Interface, error)
	world      func() (v4, v6 local.Way, err error)
	routing
}

// newOwnKernel returns the kernel of this machine.
func newOwnKernel() *ownKernel {
	return &ownKernel{local.Interfaces, local.World, routing{local.Routes, local.Rules, local.Decide}}
}

// has returns an error if there is no interface of that name; "" is none. Who cannot list them finds out otherwise.
func (k *ownKernel) has(name string) error {
	all, err := k.interfaces()
	if _, ok := local.Named(all, name); ok || name == "" || err != nil {
		return nil
	}
	return noInterface(all, name)
}

// interfacesView shows interfaces. Its methods return the first error of writing.
type interfacesView interface {
	start(names []string) error                         // once, first
	own(o *ownSide) error                               // once, next, if interfaces could be read
	one(i *local.Interface, o *ownSide, f family) error // each that was asked for
	finish(o *ownSide, failure error) error             // once, last; o is empty if nothing could be read
}

// newInterfacesView returns the view that c asks for, and how to flush what it writes.
func newInterfacesView(c *call) (view interfacesView, flush func() error) {
	if c.json {
		out := render.NewJSON(c.out)
		return &interfacesJSON{out: out}, out.Flush
	}
	out := render.NewWriter(c.out)
	color := render.NewColor(c.color, c.out, os.Getenv)
	return &interfacesText{out: out, color: color, verbose: c.verbose, whole: len(c.args) == 0}, out.Flush
}

// showInterfaces is netdiag interfaces over a kernel.
func showInterfaces(c *call, kernel *ownKernel) (status, error) {
	if slices.Contains(c.args, "") {
		return unable, inCommand("interfaces", usagef("an empty name"))
	}
	r := newOutcome(c.diagnostics)
	view, flush := newInterfacesView(c)
	r.flush = flush
	r.note(view.start(c.args))
	all, failure := kernel.interfaces()
	failure = inWords(failure)
	o := &ownSide{family: c.family()}
	if failure != nil {
		r.unable(failure)
	} else {
		v4, v6, err := kernel.world()
		if err != nil {
			failure = inWords(err)
			r.unable(failure)
		}
		o = newOwnSide(all, v4, v6, c.family())
		o.unknown = err != nil
		r.note(view.own(o))
		shown, unknown := chosen(all, c.args)
		for i := range shown {
			r.note(view.one(&shown[i], o, c.family()))
		}
		if unknown != nil {
			r.unable(unknown)
			failure = unknown
		}
	}
	r.note(view.finish(o, failure))
	r.note(r.flush())
	return r.status, r.broken
}

// chosen returns the interfaces with the given names, in the order in which they were given and each once, or all of
// them if there is no name. The error tells of the names that none has; the others are returned all the same.
func chosen(all []local.Interface, names []string) ([]local.Interface, error) {
	if len(names) == 0 {
		return all, nil
	}
	var found []local.Interface
	var errs []error
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			continue
		}
		one, ok := local.Named(all, name)
		switch {
		case !ok:
			errs = append(errs, noInterface(all, name))
		case !slices.ContainsFunc(found, func(i local.Interface) bool { return i.Index == one.Index }):
			found = append(found, *one)
		}
	}
	return found, joined(errs)
}

// noInterface returns the error about a name that no interface has.
func noInterface(all []local.Interface, name string) error {
	var names []string
	for _, i := range all {
		names = append(names, i.Name)
	}
	text := fmt.Sprintf("no interface %s", name)
	err := usagef("%s", text)
	if of, ok := labelled(all, name); ok {
		return usagef("%s: it is the label of an address of %s", text, of).hint("netdiag interfaces " + of)
	}
	if looksLikeHost(name) {
		return err.hint("for the way to an address: netdiag routes " + name)
	}
	if near, ok := nearest(name, slices.Clone(names)); ok {
		return usagef("%s, did you mean %s?", text, near)
	}
	return err.hint("there are " + strings.Join(names, ", "))
}

// labelled returns the interface that has an address with a label, the names of what once were interfaces of their own.
func labelled(all []local.Interface, label string) (name string, ok bool) {
	for _, i := range all {
		if label != "" && slices.ContainsFunc(i.Addrs, func(a local.Addr) bool { return a.Label == label }) {
			return i.Name, true
		}
	}
	return "", false
}

// wordedError is an error of package local in the words of a command, which do not tell where it comes from.
type wordedError struct{ error }

func (e *wordedError) Error() string { return strings.TrimPrefix(e.error.Error(), "local: ") }

// Unwrap returns the error.
func (e *wordedError) Unwrap() error { return e.error }

// inWords returns an error of package local, or nil, in the words of a command.
func inWords(err error) error {
	if err == nil {
		return nil
	}
	return &wordedError{err}
}
