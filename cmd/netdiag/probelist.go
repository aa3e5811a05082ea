package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"
)

// probeGroup is a host with the ports of it that are to be probed.
type probeGroup struct {
	Target
	ports portList
	typed string // as probeExpression.typed
}

// label returns what a port of the group is called in the output.
func (g *probeGroup) label(port uint16) string {
	if g.typed != "" {
		return g.typed
	}
	return hostPort(g.Text, portText(port))
}

// probeList is all that a user wants probed: expressions on the command line, then those of a file.
type probeList struct {
	expressions []probeExpression
	parser      *probeParser
	file        string // "" is none, "-" is in
	in          io.Reader
}

// newProbeList reads the operands in args. The error tells of every one that is wrong, so that nothing is sent
// of a command line with a mistake.
func newProbeList(args []string, file string, in io.Reader, p *probeParser) (*probeList, error) {
	l := &probeList{parser: p, file: file, in: in}
	if len(args) == 0 && file == "" {
		return nil, usagef("no host given")
	}
	var err error
	if l.expressions, err = p.parse(args); err != nil {
		return nil, err
	}
	return l, (&targetList{file: file}).check()
}

// one reports whether there is exactly one target, and no file where more could be.
func (l *probeList) one() bool {
	return l.file == "" && len(l.expressions) == 1 && l.expressions[0].count() == 1
}

// count returns how many targets there are, as far as a number can say, and false where that is not known before a
// file is read.
func (l *probeList) count() (n uint64, ok bool) {
	for i := range l.expressions {
		more := l.expressions[i].count()
		n = max(n, n+more) // without overflow
	}
	return n, l.file == ""
}

// all returns the hosts in their order, reading files as it goes: its memory does not depend on how many
// there are. A pair is a host and nil, or an error with what it is about in the host's Text.
func (l *probeList) all() iter.Seq2[probeGroup, error] {
	return func(yield func(probeGroup, error) bool) {
		for i := range l.expressions {
			if !l.expressions[i].groups(yield) {
				return
			}
		}
		switch l.file {
		case "":
		case "-":
			l.read(l.in, "standard input", yield)
		default:
			f, err := os.Open(l.file)
			if err != nil {
				yield(probeGroup{Target: Target{Text: l.file}}, err)
				return
			}
			defer f.Close()
			l.read(f, l.file, yield)
		}
	}
}

// groups yields the hosts of e, and returns whether to go on.
func (e *probeExpression) groups(yield func(probeGroup, error) bool) bool {
	for t := range e.expression.all() {
		if !yield(probeGroup{t, e.ports, e.typed}, nil) {
			return false
		}
	}
	return true
}

// read yields the hosts of a file: one expression a line, as on the command line, and comments from a # on.
func (l *probeList) read(r io.Reader, name string, yield func(probeGroup, error) bool) {
	for line, err := range readLines(r, name) {
		text, _, _ := strings.Cut(line.text, "#")
		words := strings.Fields(text)
		var list []probeExpression
		switch {
		case err != nil:
			words = []string{line.place}
		case len(words) > 0:
			if list, err = l.parser.parse(words); err != nil {
				err = fmt.Errorf("%s: %w", line.place, err)
			}
		}
		if err != nil && !yield(probeGroup{Target: Target{Text: strings.Join(words, " ")}}, err) {
			return
		}
		for i := range list {
			if !list[i].groups(yield) {
				return
			}
		}
	}
}

// fileLine is a line of a file, and where it stands: FILE:LINE.
type fileLine struct{ text, place string }

// readLines yields the lines of a file. One that is longer than longestLine is an error and does not end the rest; a
// file that cannot be read further is one, too, and the last.
func readLines(r io.Reader, name string) iter.Seq2[fileLine, error] {
	return func(yield func(fileLine, error) bool) {
		lines := bufio.NewReaderSize(r, longestLine)
		for n := 1; ; n++ {
			text, err := nextLine(lines)
			if n == 1 {
				text = bytes.TrimPrefix(text, []byte("\ufeff")) // a byte order mark
			}
			line := fileLine{string(text), fmt.Sprintf("%s:%d", name, n)}
			switch {
			case errors.Is(err, bufio.ErrBufferFull):
				if !yield(fileLine{place: line.place}, fmt.Errorf("%s: the line is longer than %d bytes", line.place, longestLine)) {
					return
				}
				continue
			case err != nil && !errors.Is(err, io.EOF):
				yield(fileLine{place: name}, fmt.Errorf("%s: %w", name, err))
				return
			}
			if !yield(line, nil) || err != nil {
				return
			}
		}
	}
}
