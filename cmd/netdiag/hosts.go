package main

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/netdiag/netdiag/hosts"
	"github.com/netdiag/netdiag/resolve"
)

// hostsFlags are the flags of hosts.
type hostsFlags struct {
	file    string
	dry     bool
	dns     bool
	dialect hostsDialect
}

// hostsActions is the table of what hosts does, by the word that asks for it. The first is what it does without one.
func hostsActions() []hostsAction {
	return []hostsAction{
		{name: "list", operands: "", most: 0, run: (*hostsRun).list},
		{name: "lookup", operands: "NAME|ADDR", least: 1, most: manyOperands, run: (*hostsRun).lookup},
		{name: "lint", operands: "", most: 0, run: (*hostsRun).lint},
		{name: "add", operands: "ADDR NAME...", least: 2, most: manyOperands, run: (*hostsRun).add},
		{name: "remove", operands: "NAME|ADDR", least: 1, most: manyOperands, run: (*hostsRun).remove},
	}
}

// manyOperands is no limit.
const manyOperands = 1 << 20

// hostsAction is something that hosts does.
type hostsAction struct {
	name        string
	operands    string
	least, most int // operands
	run         func(r *hostsRun, ctx context.Context, args []string) (status, error)
}

// hostsCommand is the table's entry of hosts.
func hostsCommand() command {
	f := &hostsFlags{file: hosts.DefaultPath(), dialect: hostsDialect{systemDialect}}
	return command{
		name:     "hosts",
		summary:  "read, check and change the hosts file",
		operands: "[list | lookup NAME|ADDR... | lint | add ADDR NAME... | remove NAME|ADDR...]",
		also:     []string{"getent", "hostess", "hostctl"},
		about: `list shows the entries, lookup what a name or an address has, as the C library of this system reads the file (and as getent
ahosts shows it), with --dialect as another would: glibc (with "multi on" in host.conf, and glibc-single without), musl, go,
windows. Lines that this reader skips are not shown; lint says which, and why.

lint finds what is wrong, what another system would read otherwise, and what surprises; with --dns also where DNS says
something else. It exits with 1 if it found something.

add and remove change no byte of the lines that they need not touch, keep mode and owner, leave the file as it was beside
it under a name with the time, and replace it at once: whatever happens, there is always one whole file. Where the file
cannot be replaced, as in a container, it is written in place once the copy is safe. --dry-run shows
the change and makes none.`,
		examples: []example{
			{"netdiag hosts", "what the hosts file has"},
			{"netdiag hosts lookup localhost ::1", "what it has for a name, and for an address"},
			{"netdiag hosts lint --file ./hosts", "what is wrong with a file"},
			{"netdiag hosts add --dry-run 192.0.2.7 build.example build", "how it would change"},
			{"sudo netdiag hosts remove build.example", "forget a name"},
		},
		flags: f.flags(),
		run:   f.run,
	}
}

// flags returns the flags that set f.
func (f *hostsFlags) flags() []cli.Flag {
	return group("Hosts",
		text(&f.file, "file", "read and change `FILE`"),
		boolean(&f.dns, "dns", "with lint: ask the name servers of this machine for the names, and compare"),
		boolean(&f.dry, "dry-run", "show how the file would change, and leave it"),
		custom(&f.dialect, "dialect", "read the file as `RESOLVER` does"),
	)
}

// run is netdiag hosts.
func (f *hostsFlags) run(ctx context.Context, c *call) (status, error) {
	action, args, err := hostsActionOf(c.args)
	if err == nil {
		err = f.check(action)
	}
	if err != nil {
		return unable, inCommand("hosts", err)
	}
	r := newHostsRun(f, c, action)
	st, err := action.run(r, ctx, args)
	return r.end(st, err)
}

// hostsActionOf returns what the operands ask for, and the rest of them.
func hostsActionOf(args []string) (hostsAction, []string, error) {
	actions := hostsActions()
	if len(args) == 0 {
		return actions[0], nil, nil
	}
	word, rest := args[0], args[1:]
	at := slices.IndexFunc(actions, func(a hostsAction) bool { return a.name == word })
	if at < 0 {
		var words []string
		for _, a := range actions {
			words = append(words, a.name)
		}
		if near, ok := nearest(word, words); ok {
			return hostsAction{}, nil, usagef("unknown word %s, did you mean netdiag hosts %s?", word, near)
		}
		err := usagef("unknown word %s, it takes %s", word, strings.Join(words, ", "))
		return hostsAction{}, nil, err.hint("to look something up: netdiag hosts lookup " + word)
	}
	a := actions[at]
	switch {
	case len(rest) < a.least:
		return a, nil, usagef("%s needs %s", a.name, a.operands)
	case len(rest) > a.most:
		return a, nil, usagef("%s takes nothing more, not %s", a.name, rest[a.most])
	}
	return a, rest, nil
}

// check refuses flags that the action has no use for.
func (f *hostsFlags) check(a hostsAction) error {
	changes := a.name == "add" || a.name == "remove"
	if f.dry && !changes {
		return usagef("--dry-run is for add and remove, %s changes nothing", a.name)
	}
	if f.dns && a.name != "lint" {
		return usagef("--dns is for lint, %s asks no name server", a.name)
	}
	if f.file == "" {
		return usagef("--file needs the name of a file")
	}
	return nil
}

// hostsDialect makes the name of a dialect a flag's value.
type hostsDialect struct{ name string }

// systemDialect is the name of what this system's own resolver reads.
const systemDialect = "system"

// hostsDialects is the table of dialects that can be asked for beside it.
func hostsDialects() []struct {
	name    string
	dialect hosts.Dialect
} {
	return []struct {
		name    string
		dialect hosts.Dialect
	}{
		{"glibc", hosts.Glibc(true)}, {"glibc-single", hosts.Glibc(false)}, {"musl", hosts.Musl()}, {"go", hosts.Go()}, {"windows", hosts.Windows()},
	}
}

// dialect returns the dialect of that name.
func (d hostsDialect) dialect() (hosts.Dialect, error) {
	if d.name == systemDialect {
		system, err := resolve.LoadSystem(resolve.Files{})
		if err != nil {
			return hosts.Dialect{}, err
		}
		return system.Dialect, nil
	}
	for _, known := range hostsDialects() {
		if known.name == strings.ToLower(d.name) {
			return known.dialect, nil
		}
	}
	return hosts.Dialect{}, errors.New("not known, it takes " + hostsDialectNames())
}

// hostsDialectNames lists the dialects.
func hostsDialectNames() string {
	names := []string{systemDialect}
	for _, known := range hostsDialects() {
		names = append(names, known.name)
	}
	return strings.Join(names, ", ")
}

// Check implements value.
func (hostsDialect) Check(s string) error {
	if s == systemDialect {
		return nil
	}
	_, err := hostsDialect{s}.dialect()
	return err
}

// Set implements cli.Generic.
func (d *hostsDialect) Set(s string) error {
	d.name = s
	return d.Check(s)
}

func (d *hostsDialect) String() string { return d.name }

// Limits implements value.
func (d *hostsDialect) Limits() string { return hostsDialectNames() + ", default " + d.name }
