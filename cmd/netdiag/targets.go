package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/netip"
	"os"
	"strings"
)

// longestLine is how many bytes a line of a file of targets may have.
const longestLine = 64 << 10

// Target is one host to measure.
type Target struct {
	// Text is what the user typed; for an address out of a network or a range, that address.
	Text string
	Addr netip.Addr // zero if Name
	Name bool       // to be looked up
	Host string     // with Name: what to look up, in ASCII
}

// targetList is all that a user wants measured: expressions on the command line (see
// parseExpression), then those of a file.
type targetList struct {
	expressions []expression
	file        string // "" is none, "-" is in
	in          io.Reader
}

// newTargetList reads the expressions in args. The error tells of every one that cannot be a
// target, so that nothing is measured of a command line with a mistake.
func newTargetList(args []string, file string, in io.Reader) (*targetList, error) {
	l := &targetList{file: file, in: in}
	if len(args) == 0 && file == "" {
		return nil, usagef("no host given")
	}
	var errs []error
	for _, arg := range args {
		e, err := parseExpression(arg)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		l.expressions = append(l.expressions, e)
	}
	return l, joined(errs)
}

// check returns an error if the list's file cannot be opened.
func (l *targetList) check() error {
	if l.file == "" || l.file == "-" {
		return nil
	}
	f, err := os.Open(l.file)
	if err != nil {
		return err
	}
	return f.Close()
}

// one reports whether there is exactly one target, and no file where more could be.
func (l *targetList) one() bool {
	return l.file == "" && len(l.expressions) == 1 && l.expressions[0].count() == 1
}

// all returns the targets in their order, reading files as it goes: its memory does not depend
// on how many there are. A pair is a target and nil, or an error with what it is about in the
// target's Text. A word of a file that cannot be a target is such an error and does not end
// the rest; a file that cannot be read does. A file that cannot be opened is the first pair,
// before any target.
func (l *targetList) all() iter.Seq2[Target, error] {
	return func(yield func(Target, error) bool) {
		r := l.in
		if l.file != "" && l.file != "-" {
			f, err := os.Open(l.file)
			if err != nil {
				yield(Target{Text: l.file}, err)
				return
			}
			defer f.Close()
			r = f
		}
		for _, e := range l.expressions {
			for t := range e.all() {
				if !yield(t, nil) {
					return
				}
			}
		}
		switch l.file {
		case "":
		case "-":
			readTargets(r, "standard input", yield)
		default:
			readTargets(r, l.file, yield)
		}
	}
}

// readTargets yields the targets in a file: one or more expressions a line, between white
// space, and comments from a # to the end of the line. It returns whether to go on.
func readTargets(r io.Reader, name string, yield func(Target, error) bool) bool {
	lines := bufio.NewReaderSize(r, longestLine)
	for n := 1; ; n++ {
		line, err := nextLine(lines)
		if n == 1 {
			line = bytes.TrimPrefix(line, []byte("\ufeff")) // a byte order mark
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			err := fmt.Errorf("%s:%d: the line is longer than %d bytes", name, n, longestLine)
			if !yield(Target{Text: fmt.Sprintf("%s:%d", name, n)}, err) {
				return false
			}
			continue
		case err != nil && !errors.Is(err, io.EOF):
			return yield(Target{Text: name}, fmt.Errorf("%s: %w", name, err))
		}
		if !lineTargets(line, fmt.Sprintf("%s:%d", name, n), yield) {
			return false
		}
		if err != nil {
			return true
		}
	}
}

// nextLine returns the next line, valid until the next call. Of one that is too long it
// returns bufio.ErrBufferFull, and has skipped the rest.
func nextLine(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return line, err
	}
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = r.ReadSlice('\n')
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return nil, bufio.ErrBufferFull
}

// lineTargets yields the targets of one line, which is at place, and returns whether to go on.
func lineTargets(line []byte, place string, yield func(Target, error) bool) bool {
	line, _, _ = bytes.Cut(line, []byte("#"))
	for word := range strings.FieldsSeq(string(line)) {
		e, err := parseExpression(word)
		if err != nil {
			if !yield(Target{Text: word}, fmt.Errorf("%s: %w", place, err)) {
				return false
			}
			continue
		}
		for t := range e.all() {
			if !yield(t, nil) {
				return false
			}
		}
	}
	return true
}
