package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
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

	over   bool   // nobody wants the hosts any more: they are counted
	unread uint64 // the ports of those that came after it was over
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
	return l, l.checkFile()
}

// checkFile opens the file once, so that one that cannot be read is told of before anything is sent.
func (l *probeList) checkFile() error {
	if info, err := os.Stat(l.file); l.file != "" && l.file != "-" && err == nil && info.IsDir() {
		return usagef("--file %s: it is a directory", l.file).hint("give a file with a target in each line, or - for standard input")
	}
	return (&targetList{file: l.file}).check()
}

// one reports whether there is exactly one target, and no file where more could be.
func (l *probeList) one() bool {
	return l.file == "" && len(l.expressions) == 1 && l.expressions[0].count() == 1
}

// count returns how many targets there are, as far as a number can say, and false where that is not known before a
// file is read.
func (l *probeList) count() (n uint64, ok bool) {
	for i := range l.expressions {
		n = capped(n, l.expressions[i].count())
	}
	return n, l.file == ""
}

// capped returns a+b, or the largest number there is if that is more.
func capped(a, b uint64) uint64 {
	if a > math.MaxUint64-b {
		return math.MaxUint64
	}
	return a + b
}

// all returns the hosts in their order, reading files as it goes: its memory does not depend on how many
// there are. A pair is a host and nil, or an error with what it is about in the host's Text.
func (l *probeList) all() iter.Seq2[probeGroup, error] {
	return func(yield func(probeGroup, error) bool) {
		for i := range l.expressions {
			if !l.groups(&l.expressions[i], yield) {
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

// groups yields the hosts of e, and returns whether to go on. Once the list is over it counts them instead.
func (l *probeList) groups(e *probeExpression, yield func(probeGroup, error) bool) bool {
	yielded := uint64(0)
	for t := range e.expression.all() {
		if l.over {
			break
		}
		yielded++
		if !yield(probeGroup{t, e.ports, e.typed}, nil) {
			return false
		}
	}
	if l.over {
		l.unread = capped(l.unread, e.count()-yielded*e.ports.count())
	}
	return true
}

// left returns how many ports are in what a feed of the list has not yielded: of a file as far as that was read ahead, or
// may soon be.
func (l *probeList) left(next feed[probeGroup], taken uint64) (n uint64) {
	if l.file == "" || regular(l.file) {
		l.over = true
		next()
		return l.unread
	}
	for range mostUnread {
		g, ok, _ := next()
		if !ok {
			break
		}
		n = capped(n, g.value.ports.count())
	}
	if listed, _ := l.count(); listed > capped(taken, n) {
		n = listed - taken
	}
	return n
}

// read yields the hosts of a file: one expression a line, as on the command line, and comments from a # on.
func (l *probeList) read(r io.Reader, name string, yield func(probeGroup, error) bool) {
	most := mostUnread
	for line, err := range readLines(r, name) {
		if l.over {
			if most--; most < 0 {
				return
			}
		}
		text, _, _ := strings.Cut(line.text, "#")
		words := strings.Fields(text)
		var list []probeExpression
		switch {
		case err != nil:
			words = []string{line.place}
		case len(words) > 0:
			if list, err = l.parser.parse(words); err != nil {
				err = placed(line.place, err)
			}
		}
		if err != nil && l.over {
			l.unread = capped(l.unread, 1)
		} else if err != nil && !yield(probeGroup{Target: Target{Text: strings.Join(words, " ")}}, err) {
			return
		}
		for i := range list {
			if !l.groups(&list[i], yield) {
				return
			}
		}
	}
}

// placed says of an error, or of each that it joins, where it is.
func placed(place string, err error) error {
	several, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return fmt.Errorf("%s: %w", place, err)
	}
	var errs []error
	for _, e := range several.Unwrap() {
		errs = append(errs, placed(place, e))
	}
	return joined(errs)
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
