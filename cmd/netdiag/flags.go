package main

import (
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/netdiag/netdiag/internal/render"
)

// common are the flags of all commands.
type common struct {
	v4, v6  bool
	numeric bool // no reverse lookups
	json    bool
	verbose bool
	color   render.ColorMode
}

// flags returns the flags that set o.
func (o *common) flags() []cli.Flag {
	return group("Common",
		boolean(&o.v4, "4", "IPv4 only"),
		boolean(&o.v6, "6", "IPv6 only"),
		boolean(&o.numeric, "n,numeric", "show addresses, do not look up their names"),
		boolean(&o.json, "json", "print one JSON object a line"),
		custom(choice{&o.color}, "color", "colour the output: `WHEN` is auto, always or never"),
		boolean(&o.verbose, "v,verbose", "say more"),
	)
}

// check refuses what excludes itself.
func (o *common) check() error {
	if o.v4 && o.v6 {
		return usagef("-4 and -6 exclude each other")
	}
	return nil
}

// family returns the family that the user asked for.
func (o *common) family() family {
	switch {
	case o.v4:
		return ipv4
	case o.v6:
		return ipv6
	}
	return anyFamily
}

// choice makes a render.ColorMode a flag's value.
type choice struct{ *render.ColorMode }

// Check implements value.
func (choice) Check(s string) error { return new(render.ColorMode).Set(s) }

// Limits implements value.
func (c choice) Limits() string { return "default " + c.String() }

// The functions below make flags. Their names are given as "i,interval", shortest first, and
// a word of the usage in backquotes names the value.

// boolean returns a flag that stands alone.
func boolean(to *bool, names, usage string) cli.Flag {
	name, aliases := split(names)
	return &cli.BoolFlag{Name: name, Aliases: aliases, Usage: usage, Destination: to}
}

// duration returns a flag for a time from lo to hi. What to holds is its default.
func duration(to *time.Duration, names, usage string, lo, hi time.Duration) cli.Flag {
	return custom(&seconds{to, lo, hi}, names, usage)
}

// integer returns a flag for a whole number from lo to hi. What to holds is its default.
func integer[T whole](to *T, names, usage string, lo, hi T) cli.Flag {
	return custom(&wholeValue[T]{to, lo, hi}, names, usage)
}

// number returns a flag for a number from lo to hi. What to holds is its default.
func number(to *float64, names, usage string, lo, hi float64) cli.Flag {
	return custom(&numberValue{to, lo, hi}, names, usage)
}

// text returns a flag for any text. What to holds is its default.
func text(to *string, names, usage string) cli.Flag {
	name, aliases := split(names)
	return &cli.StringFlag{Name: name, Aliases: aliases, Usage: usage, Value: *to, Destination: to}
}

// custom returns a flag for a value of another kind.
func custom(v value, names, usage string) cli.Flag {
	name, aliases := split(names)
	return &cli.GenericFlag{Name: name, Aliases: aliases, Usage: usage, Value: v}
}

// group puts flags under one heading of the help.
func group(heading string, flags ...cli.Flag) []cli.Flag {
	for _, f := range flags {
		switch f := f.(type) {
		case *cli.BoolFlag:
			f.Category = heading
		case *cli.StringFlag:
			f.Category = heading
		case *cli.GenericFlag:
			f.Category = heading
		}
	}
	return flags
}

// split takes the names of a flag apart.
func split(names string) (string, []string) {
	all := strings.Split(names, ",")
	return all[0], all[1:]
}
