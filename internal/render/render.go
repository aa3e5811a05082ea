// Package render writes what measurements found: JSON lines, text, columns, colour, and
// text from the network made harmless for a terminal. It knows no measurement.
//
// A JSON and a Writer keep what is written in memory and pass it on when it is 32 KiB, when
// Flush is called, and when something is written while older output has waited for 10 ms. A loop calls
// Flush before each wait; then nothing stays behind, and a burst costs few system calls. The
// first error sticks and is returned from then on, so only the last call needs a look. Neither may be
// used by two goroutines at once.
package render

import (
	"fmt"
	"io"
	"time"
)

const (
	// full is how many bytes wait at most before they are written.
	full = 32 << 10
	// oldest is how long output waits at most while more comes.
	oldest = 10 * time.Millisecond
)

// buffer holds output back for a while, by the rules of the package.
type buffer struct {
	w     io.Writer
	b     []byte
	since time.Time // when the first of b was written
	err   error     // the first, for ever
}

// Write takes p over for output.
func (b *buffer) Write(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	b.b = append(b.b, p...)
	return len(p), b.settle(len(p))
}

// settle writes out what is due after n bytes were appended.
func (b *buffer) settle(n int) error {
	if n == 0 || b.err != nil {
		return b.err
	}
	now := time.Now()
	if len(b.b) == n {
		b.since = now
	}
	if len(b.b) < full && now.Sub(b.since) < oldest {
		return nil
	}
	return b.Flush()
}

// Flush writes out everything that waits, and returns the first error there ever was.
func (b *buffer) Flush() error {
	if b.err != nil || len(b.b) == 0 {
		return b.err
	}
	n, err := b.w.Write(b.b)
	if err == nil && n < len(b.b) {
		err = io.ErrShortWrite
	}
	b.b, b.err = b.b[:0], err
	return err
}

// Writer writes text, by the rules of the package. What came from the network goes
// through Harmless first.
type Writer struct{ buffer }

// NewWriter returns a Writer to w.
func NewWriter(w io.Writer) *Writer { return &Writer{buffer{w: w}} }

// Printf writes as fmt.Printf does, with no newline of its own.
func (w *Writer) Printf(format string, args ...any) error {
	if w.err != nil {
		return w.err
	}
	n := len(w.b)
	w.b = fmt.Appendf(w.b, format, args...)
	return w.settle(len(w.b) - n)
}

// WriteString writes s.
func (w *Writer) WriteString(s string) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	w.b = append(w.b, s...)
	return len(s), w.settle(len(s))
}
