package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"
)

// parsed is a command line taken apart.
type parsed struct {
	settings      []setting // in the order given
	operands      []string
	help, version bool
}

// setting is a flag with its value.
type setting struct {
	name  string // the first of the flag's names
	value string // "true" of a flag that stands alone
}

// normal returns the command line as the flag package, which ends at the first operand, and
// cli, which dislikes two names of one flag, cannot misread it.
func (p parsed) normal() []string {
	var args []string
	for _, s := range p.settings {
		args = append(args, "--"+s.name+"="+s.value)
	}
	return append(append(args, "--"), p.operands...)
}

// used returns the flags out of a table that the command line sets. What it does not set keeps its
// default, and cli, which looks at every flag that it has for every other one, need not know of it.
func (p parsed) used(flags map[string]spec) []cli.Flag {
	var used []cli.Flag
	for _, s := range p.settings {
		if f := flags[s.name].flag; !slices.Contains(used, f) {
			used = append(used, f)
		}
	}
	return used
}

// isSet reports whether the command line sets the flag of that name, by whichever of its names.
func (p parsed) isSet(flags map[string]spec, name string) bool {
	return slices.ContainsFunc(p.settings, func(s setting) bool { return s.name == flags[name].name })
}

// spec is what a command line needs to know of a flag.
type spec struct {
	flag       cli.Flag
	name       string // the first of its names
	takesValue bool
	check      func(string) error // nil: any value will do
}

// table returns the flags by each of their names.
func table(flags []cli.Flag) map[string]spec {
	t := make(map[string]spec)
	for _, f := range flags {
		names := f.Names()
		s := spec{flag: f, name: names[0]}
		if d, ok := f.(cli.DocGenerationFlag); ok {
			s.takesValue = d.TakesValue()
		}
		if g, ok := f.(*cli.GenericFlag); ok {
			if v, ok := g.Value.(value); ok {
				s.check = v.Check
			}
		}
		if !s.takesValue {
			s.check = checkBool
		}
		for _, name := range names {
			t[name] = s
		}
	}
	return t
}

// checkBool accepts what a flag without a value may be given after an equals sign.
func checkBool(s string) error {
	if _, err := strconv.ParseBool(s); err != nil {
		return errors.New("this flag stands alone, or with true or false")
	}
	return nil
}

// parse takes args apart, whose flags may stand anywhere before a "--". Values stand behind
// their flag, attached (-c3, -c=3, --count=3) or as the next argument. Short flags may be
// grouped (-nq, -nc3). A "-" alone, and a negative number where no flag is called so, is an
// operand. With first set it ends at the first operand: everything from there on is operands.
func parse(flags []cli.Flag, args []string, first bool) (parsed, error) {
	p := parser{flags: table(flags), args: args}
	for len(p.args) > 0 {
		arg := p.args[0]
		p.args = p.args[1:]
		var err error
		switch {
		case arg == "--":
			p.operands = append(p.operands, p.args...)
			return p.parsed, nil
		case p.isOperand(arg):
			p.operands = append(p.operands, arg)
			if first {
				p.operands = append(p.operands, p.args...)
				return p.parsed, nil
			}
		case strings.HasPrefix(arg, "--"):
			err = p.long(arg)
		default:
			err = p.short(arg)
		}
		if err != nil {
			return parsed{}, err
		}
	}
	return p.parsed, nil
}

// parser is the state of parse.
type parser struct {
	parsed
	flags map[string]spec
	args  []string // not looked at yet
}

// isOperand reports whether arg is no flag.
func (p *parser) isOperand(arg string) bool {
	if len(arg) < 2 || arg[0] != '-' {
		return true
	}
	if _, err := strconv.ParseFloat(arg, 64); err != nil || strings.Trim(arg, "-+.0123456789eE") != "" {
		return false
	}
	_, known := p.flags[arg[1:2]]
	return !known
}

// long takes a flag with two dashes.
func (p *parser) long(arg string) error {
	name, value, attached := strings.Cut(arg[2:], "=")
	if name == "help" || name == "version" {
		p.help, p.version = p.help || name == "help", p.version || name == "version"
		return nil
	}
	s, ok := p.flags[name]
	if !ok || utf8.RuneCountInString(name) == 1 {
		return p.unknown("--"+name, name)
	}
	return p.set(s, "--"+name, value, attached)
}

// short takes a flag with one dash, or a group of them.
func (p *parser) short(arg string) error {
	for group := arg[1:]; group != ""; {
		r, size := utf8.DecodeRuneInString(group)
		name := string(r)
		group = group[size:]
		s, ok := p.flags[name]
		switch {
		case !ok && name == "h":
			p.help = true
			continue
		case !ok:
			return p.unknown("-"+name, strings.TrimLeft(arg, "-"))
		}
		value, equals := strings.CutPrefix(group, "=")
		attached := equals || s.takesValue && group != ""
		if attached {
			group = ""
		}
		err := p.set(s, "-"+name, value, attached)
		if _, long := p.flags[arg[1:]]; err != nil && long && len(arg) > 2 {
			return usagef("%v, did you mean -%s?", err, arg)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// set records a flag, written as flag, with the value attached to it or else the next argument's.
func (p *parser) set(s spec, flag, value string, attached bool) error {
	switch {
	case attached:
	case !s.takesValue:
		value = "true"
	case len(p.args) == 0:
		return usagef("%s needs a value", flag)
	case p.isFlag(p.args[0]):
		return usagef("%s needs a value, and %s is a flag", flag, p.args[0])
	default:
		value = p.args[0]
		p.args = p.args[1:]
	}
	if s.check != nil {
		if err := s.check(value); err != nil {
			return usagef("%s %s: %v", flag, value, err)
		}
	}
	p.settings = append(p.settings, setting{s.name, value})
	return nil
}

// isFlag reports whether arg is a flag that there is, and so hardly the value of another.
func (p *parser) isFlag(arg string) bool {
	name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
	if len(arg)-len(strings.TrimLeft(arg, "-")) == 0 {
		return false
	}
	_, ok := p.flags[name]
	return ok
}

// unknownFlag is a flag that there is not.
type unknownFlag struct {
	*usageError
	flag, name string
}

// unknown returns the error about a flag; word is what may have been meant for a long name.
func (p *parser) unknown(flag, word string) error {
	e := &unknownFlag{usagef("unknown flag %s", flag), flag, strings.TrimLeft(flag, "-")}
	word, _, _ = strings.Cut(word, "=")
	if _, ok := p.flags[word]; ok {
		e.text += fmt.Sprintf(", did you mean %s?", dashed(word))
		return e
	}
	if utf8.RuneCountInString(word) == 1 {
		return e // everything is near to one letter
	}
	var words []string
	for name := range p.flags {
		if len(name) > 1 {
			words = append(words, name)
		}
	}
	if near, ok := nearest(word, append(words, "help", "version")); ok {
		e.text += fmt.Sprintf(", did you mean %s?", dashed(near))
	}
	return e
}

// dashed returns a flag's name as it is typed.
func dashed(name string) string {
	if utf8.RuneCountInString(name) == 1 {
		return "-" + name
	}
	return "--" + name
}
