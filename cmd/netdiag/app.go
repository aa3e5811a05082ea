package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/urfave/cli/v2"
)

// commands is the table of subcommands, in the order in which help lists them.
func commands() []command {
	return []command{
		pingCommand(),
		traceCommand(),
		resolveCommand(),
		hostsCommand(),
		probeCommand(),
		serveCommand(),
		interfacesCommand(),
		routesCommand(),
	}
}

// command is a subcommand.
type command struct {
	name     string
	summary  string // what it does, in one line
	operands string // as usage shows them, "HOST..."
	about    string // paragraphs of its help, separated by an empty line
	examples []example
	flags    []cli.Flag // its own; those of all commands are added to them
	also     []string   // what people know it as, for suggestions only

	// run measures. Its error is printed, with its hints, and makes the exit status at
	// least unable; but a closed pipe and an interrupt are no news.
	run func(ctx context.Context, c *call) (status, error)
}

// example is a command line and what it does.
type example struct{ line, does string }

// call is one use of a command.
type call struct {
	common
	diagnostics
	args  []string // the operands in their order
	in    io.Reader
	out   io.Writer
	isSet func(flag string) bool // the user gave this flag
}

// app is the program: its subcommands and its streams.
type app struct {
	commands  []command
	in        io.Reader
	out, errs io.Writer
}

// run does what args (without the program's name) say.
func (a *app) run(ctx context.Context, args []string) status {
	st, err := a.dispatch(ctx, args)
	if err == nil {
		return st
	}
	if !closedPipe(err) && !interrupted(ctx, err) {
		a.diagnostics().fail(err)
	}
	return worst(st, unable)
}

func (a *app) diagnostics() diagnostics { return diagnostics{a.errs} }

// dispatch finds the command and runs it.
func (a *app) dispatch(ctx context.Context, args []string) (status, error) {
	var shared common
	front, err := parse(shared.flags(), args, true)
	switch {
	case err != nil:
		return unable, a.misplaced(err)
	case front.version:
		return yes, a.print(version())
	case front.help:
		return yes, a.print(a.help())
	case len(front.operands) == 0:
		_, err := io.WriteString(a.errs, a.help())
		return unable, err
	}
	name, rest := front.operands[0], front.operands[1:]
	if name == "help" {
		return a.helpOn(rest)
	}
	cmd, err := a.find(name)
	if err != nil {
		return unable, err
	}
	own := slices.Concat(cmd.flags, shared.flags())
	line, err := parse(own, rest, false)
	switch {
	case err != nil:
		return unable, inCommand(cmd.name, err)
	case line.version:
		return yes, a.print(version())
	case line.help:
		return yes, a.print(cmd.help())
	}
	line.settings = slices.Concat(front.settings, line.settings)
	return a.call(ctx, cmd, &shared, own, line)
}

// call has cli set the flags, in a form that it cannot misread, and runs the command.
func (a *app) call(ctx context.Context, cmd command, shared *common, flags []cli.Flag, line parsed) (status, error) {
	st, known := unable, table(flags)
	usage := func(_ *cli.Context, err error, _ bool) error { return inCommand(cmd.name, err) }
	program := &cli.App{
		Name: "netdiag", Reader: a.in, Writer: a.errs, ErrWriter: a.errs,
		HideHelp: true, HideVersion: true, OnUsageError: usage,
		ExitErrHandler: func(*cli.Context, error) {}, // the exit is main's
		Commands: []*cli.Command{{
			Name: cmd.name, Flags: line.used(known), HideHelp: true, OnUsageError: usage,
			Action: func(c *cli.Context) (err error) {
				if err := shared.check(); err != nil {
					return inCommand(cmd.name, err)
				}
				st, err = cmd.run(ctx, &call{common: *shared, diagnostics: a.diagnostics(),
					args: c.Args().Slice(), in: a.in, out: a.out, isSet: func(name string) bool { return line.isSet(known, name) }})
				return err
			},
		}},
	}
	err := program.RunContext(ctx, slices.Concat([]string{"netdiag", cmd.name}, line.normal()))
	return st, err
}

// find returns the command of that name.
func (a *app) find(name string) (command, error) {
	var words []string
	for _, c := range a.commands {
		if c.name == name {
			return c, nil
		}
		if slices.Contains(c.also, name) {
			return command{}, usagef("unknown command %s, did you mean netdiag %s?", name, c.name).hint(helpHint(""))
		}
		words = append(words, c.name)
	}
	if near, ok := nearest(name, append(words, "help")); ok {
		return command{}, usagef("unknown command %s, did you mean netdiag %s?", name, near).hint(helpHint(""))
	}
	err := usagef("unknown command %s", name)
	if len(a.commands) > 0 && looksLikeHost(name) {
		err.hint(fmt.Sprintf("a command stands before the host: netdiag %s %s", a.commands[0].name, name))
	}
	return command{}, err.hint(helpHint(""))
}

// misplaced adds to the error about a flag before the command which command has that flag.
func (a *app) misplaced(err error) error {
	unknown, ok := err.(*unknownFlag)
	if !ok {
		return inCommand("", err)
	}
	for _, c := range a.commands {
		if _, ok := table(c.flags)[unknown.name]; ok {
			return usagef("flag %s stands before the command, did you mean netdiag %s %s?", unknown.flag, c.name, unknown.flag).hint(helpHint(c.name))
		}
	}
	return inCommand("", err)
}

// print writes text to standard output.
func (a *app) print(text string) error {
	_, err := io.WriteString(a.out, text)
	return err
}
