package main

import (
	"slices"
	"strings"
)

// inOneLine returns an error that joins several as one of one line, in which each is said once. It unwraps to err.
func inOneLine(err error) error {
	if !strings.Contains(err.Error(), "\n") {
		return err
	}
	var lines []string
	for line := range strings.SplitSeq(err.Error(), "\n") {
		if line = strings.TrimPrefix(line, "probe: "); !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return &plainError{strings.Join(lines, "; "), err}
}

// plainError is an error in other words.
type plainError struct {
	text string
	err  error
}

func (e *plainError) Error() string { return e.text }

// Unwrap returns the error as it was.
func (e *plainError) Unwrap() error { return e.err }
