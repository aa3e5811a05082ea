package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"strings"

	"github.com/netdiag/netdiag/hosts"
)

// hostsRun is one use of hosts.
type hostsRun struct {
	outcome
	flags  *hostsFlags
	family hosts.Family
	view   hostsView
}

// newHostsRun returns a run with the view that c asks for.
func newHostsRun(f *hostsFlags, c *call, a hostsAction) *hostsRun {
	r := &hostsRun{outcome: newOutcome(c.diagnostics), flags: f, family: hosts.Family(c.family())}
	r.view, r.flush = newHostsView(f, c)
	r.note(r.view.start(a.name))
	return r
}

// end finishes the view after an action, and returns the exit status.
func (r *hostsRun) end(st status, err error) (status, error) {
	r.status = worst(r.status, st)
	if err != nil {
		r.unable(hostsAdvice(r.flags.file, err))
	}
	r.note(r.view.finish(err))
	r.note(r.flush())
	return r.status, r.broken
}

// hostsAdvice adds to an error of reading or changing a file what would help.
func hostsAdvice(file string, err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission) && os.Geteuid() > 0:
		return &advised{err, "the file belongs to somebody else: run the same with sudo"}
	case errors.Is(err, fs.ErrNotExist):
		return &advised{err, "--file says which file, without it " + hosts.DefaultPath()}
	}
	return err
}

// load reads the file.
func (r *hostsRun) load() (*hosts.File, hosts.Dialect, error) {
	d, err := r.flags.dialect.dialect()
	if err != nil {
		return nil, d, err
	}
	f, err := hosts.Load(r.flags.file)
	return f, d, err
}

func (r *hostsRun) list(context.Context, []string) (status, error) {
	f, d, err := r.load()
	if err != nil {
		return unable, err
	}
	for e := range f.Entries(d) {
		r.note(r.view.entry(e))
	}
	return yes, nil
}

func (r *hostsRun) lookup(_ context.Context, args []string) (status, error) {
	f, d, err := r.load()
	if err != nil {
		return unable, err
	}
	keys := make([]hostsKey, len(args))
	for i, arg := range args {
		if keys[i], err = parseHostsKey(arg); err != nil {
			return unable, err
		}
	}
	st := yes
	for i, key := range keys {
		found := f.Lookup(d, key.name, r.family)
		if key.addr.IsValid() {
			found = f.Reverse(d, key.addr)
		}
		for _, m := range found {
			r.note(r.view.match(args[i], m))
		}
		if len(found) == 0 {
			st = no
			r.note(r.flush())
			r.diag.warn("%s: not in %s", args[i], r.flags.file)
		}
	}
	return st, nil
}

// hostsKey is what can be looked up in a hosts file: a name, or an address.
type hostsKey struct {
	name string
	addr netip.Addr // invalid: the name
}

// parseHostsKey reads what is to be looked up. A name may have any characters, as hosts files have names that DNS has
// not.
func parseHostsKey(s string) (hostsKey, error) {
	if addr, err := netip.ParseAddr(s); err == nil {
		return hostsKey{addr: addr}, nil
	}
	if s == "" {
		return hostsKey{}, usagef("an empty name")
	}
	if strings.Trim(s, "0123456789.") == "" {
		addr, err := parseIPv4(s)
		return hostsKey{addr: addr}, err
	}
	return hostsKey{name: s}, nil
}

func (r *hostsRun) lint(ctx context.Context, _ []string) (status, error) {
	f, d, err := r.load()
	if err != nil {
		return unable, err
	}
	cfg, err := r.lintConfig(ctx, f, d)
	if err != nil {
		return unable, err
	}
	findings := make(chan []hosts.Finding, 1)
	go func() { findings <- f.Lint(cfg) }()
	var found []hosts.Finding
	select {
	case found = <-findings:
	case <-ctx.Done():
		return unable, ctx.Err()
	}
	st := yes
	for _, finding := range found {
		st = no
		r.note(r.view.finding(finding))
	}
	return st, nil
}

func (r *hostsRun) add(ctx context.Context, args []string) (status, error) {
	addr, err := parseHostsAddr(args[0])
	if err != nil {
		return unable, err
	}
	said := fmt.Sprintf("%s has %v for %s", r.flags.file, addr, strings.Join(args[1:], " "))
	return yes, r.change(ctx, said, func(f *hosts.File) error {
		_, err := f.Add(addr, args[1:]...)
		return err
	})
}

// parseHostsAddr reads the address of a new line.
func parseHostsAddr(s string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(s)
	switch {
	case err == nil:
		return addr, nil
	case strings.Contains(s, "/"):
		return addr, usagef("%s: a hosts file has addresses, not networks", s)
	}
	return addr, usagef("%s: not an address", s).hint("the address stands first: netdiag hosts add 192.0.2.7 build.example")
}

func (r *hostsRun) remove(ctx context.Context, args []string) (status, error) {
	missing := make(map[string]bool)
	said := fmt.Sprintf("%s has no %s any more", r.flags.file, strings.Join(args, " "))
	err := r.change(ctx, said, func(f *hosts.File) error {
		for _, arg := range args {
			if !hostsRemove(f, arg) {
				missing[arg] = true
			}
		}
		return nil
	})
	st := yes
	for _, arg := range args {
		if err == nil && missing[arg] {
			st = no
			r.note(r.flush())
			r.diag.warn("%s: not in %s", arg, r.flags.file)
		}
	}
	return st, err
}

// hostsRemove takes a name, or an address, out of f, and reports whether it was there.
func hostsRemove(f *hosts.File, arg string) bool {
	if addr, err := netip.ParseAddr(arg); err == nil {
		return f.RemoveAddr(addr)
	}
	return f.Remove(arg)
}

// change changes the file, or shows how it would change. What it says afterwards is said.
func (r *hostsRun) change(ctx context.Context, said string, edit func(*hosts.File) error) error {
	c := hostsChange{done: said, dry: r.flags.dry}
	var before, after []byte
	edited := func(f *hosts.File) error {
		before = f.Bytes()
		err := edit(f)
		after = f.Bytes()
		return err
	}
	var err error
	if c.dry {
		var f *hosts.File
		if f, err = hosts.Load(r.flags.file); err == nil {
			err = edited(f)
		}
	} else {
		c.result, err = hosts.Edit(ctx, r.flags.file, edited)
	}
	if err != nil && !errors.Is(err, hosts.ErrNotSafe) {
		return err
	}
	c.any, c.diff = !bytes.Equal(before, after), hosts.Diff(before, after, r.flags.file)
	if !c.any {
		c.done = "nothing to change in " + r.flags.file
	}
	r.note(r.view.change(c))
	return err // what was changed may not be safe yet
}
