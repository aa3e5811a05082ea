package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/netdiag/netdiag/internal/render"
)

// diagnostics writes everything that is no data. Each line begins with "netdiag: ", what could
// be done about it follows in lines with "netdiag: hint: ". Texts begin in lower case and have
// no full stop. Text that came from the network may be in them: it is made harmless here.
type diagnostics struct{ errs io.Writer }

// warn writes a line.
func (d diagnostics) warn(format string, args ...any) {
	d.lines("netdiag: ", fmt.Sprintf(format, args...))
}

// hint writes what would help.
func (d diagnostics) hint(text string) { d.lines("netdiag: hint: ", text) }

// fail writes err, and the hints of every error within it.
func (d diagnostics) fail(err error) {
	d.warn("%v", err)
	for _, h := range hintsOf(err) {
		d.hint(h)
	}
}

// lines writes each line of text. An error of writing has nowhere to go.
func (d diagnostics) lines(prefix, text string) {
	for line := range strings.Lines(text) {
		fmt.Fprintf(d.errs, "%s%s\n", prefix, render.Harmless(strings.TrimSuffix(line, "\n")))
	}
}

// hinter is an error that knows what would help: exact commands, or other words.
type hinter interface {
	error
	Hints() []string
}

// hintsOf returns the hints of err and of all that it wraps, each once.
func hintsOf(err error) []string {
	var hints []string
	add := func(more []string) {
		for _, h := range more {
			if !slices.Contains(hints, h) {
				hints = append(hints, h)
			}
		}
	}
	if h, ok := err.(hinter); ok {
		add(h.Hints())
	}
	switch err := err.(type) {
	case interface{ Unwrap() error }:
		add(hintsOf(err.Unwrap()))
	case interface{ Unwrap() []error }:
		for _, e := range err.Unwrap() {
			add(hintsOf(e))
		}
	}
	return hints
}

// usageError is a command line that cannot be meant.
type usageError struct {
	text  string
	hints []string
}

// usagef returns a usageError with that text.
func usagef(format string, args ...any) *usageError {
	return &usageError{text: fmt.Sprintf(format, args...)}
}

// hint adds what would help, and returns e.
func (e *usageError) hint(text string) *usageError {
	e.hints = append(e.hints, text)
	return e
}

func (e *usageError) Error() string   { return e.text }
func (e *usageError) Hints() []string { return e.hints }

// helpHint tells where the flags of a command are listed, or with "" the commands.
func helpHint(command string) string {
	if command == "" {
		return "netdiag help lists the commands"
	}
	return fmt.Sprintf("netdiag help %s lists its flags", command)
}

// inCommand says of a usage error in which command it was, "" before any, and where to find help.
func inCommand(command string, err error) error {
	e := &usageError{text: err.Error(), hints: hintsOf(err)}
	if command != "" {
		e.text = command + ": " + e.text
	}
	return e.hint(helpHint(command))
}

// joined returns the error that all of errs are, or nil.
func joined(errs []error) error {
	if len(errs) == 1 {
		return errs[0]
	}
	return errors.Join(errs...)
}
