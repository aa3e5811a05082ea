package render

import (
	"errors"
	"io"
	"os"
)

// ColorMode says when output is coloured. It is a flag.Value; its zero value is auto.
type ColorMode string

// The modes.
const (
	ColorAuto   ColorMode = "auto" // on a terminal that can, unless NO_COLOR is set
	ColorAlways ColorMode = "always"
	ColorNever  ColorMode = "never"
)

// Set sets the mode by its name.
func (m *ColorMode) Set(s string) error {
	switch ColorMode(s) {
	case ColorAuto, ColorAlways, ColorNever:
		*m = ColorMode(s)
		return nil
	}
	return errors.New("not auto, always or never")
}

// String returns the mode's name.
func (m *ColorMode) String() string {
	if m == nil || *m == "" {
		return string(ColorAuto)
	}
	return string(*m)
}

// Color colours text, or leaves it as it is. Its zero value leaves it.
type Color struct{ on bool }

// NewColor returns a Color for output to w. In mode auto it is on if w is a terminal, and
// neither is the variable NO_COLOR set to anything (no-color.org) nor TERM to "dumb", as
// getenv has them (os.Getenv).
func NewColor(mode ColorMode, w io.Writer, getenv func(string) string) Color {
	switch mode {
	case ColorAlways:
		return Color{true}
	case ColorNever:
		return Color{}
	}
	return Color{getenv("NO_COLOR") == "" && getenv("TERM") != "dumb" && IsTerminal(w)}
}

// IsTerminal reports whether w is a file that is a terminal.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isTerminal(f.Fd())
}

// On reports whether text is coloured.
func (c Color) On() bool { return c.on }

// Good returns s in the colour of what is well: green.
func (c Color) Good(s string) string { return c.sgr("32", s) }

// Bad returns s in the colour of what is not: red.
func (c Color) Bad(s string) string { return c.sgr("31", s) }

// Doubtful returns s in the colour of what needs a look: yellow.
func (c Color) Doubtful(s string) string { return c.sgr("33", s) }

// Strong returns s in bold.
func (c Color) Strong(s string) string { return c.sgr("1", s) }

// Faint returns s in faint.
func (c Color) Faint(s string) string { return c.sgr("2", s) }

// sgr wraps s in the ECMA-48 sequence Select Graphic Rendition, and back to normal.
func (c Color) sgr(code, s string) string {
	if !c.on || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}
