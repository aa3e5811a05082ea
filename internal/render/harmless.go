package render

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Harmless returns s as it may be shown in a terminal whoever wrote it. Kept are letters,
// marks, digits, punctuation and symbols that can be seen, and the space. Everything else is
// replaced: control characters (C0, DEL, C1), line and paragraph separators, bidirectional
// controls, zero-width and other invisible characters, spaces other than U+0020, private use,
// what Unicode has not assigned, and bytes that are no UTF-8. A byte, and a character below
// U+0100, becomes \xNN, any other \u{NNNN}.
//
// The result is for eyes, not for decoding: a backslash in s stays as it is, as DNS names have
// their own escapes with it, and so a text that spells \x1b looks like one that had that byte.
// It follows that Harmless(Harmless(s)) is Harmless(s). Where nothing is replaced the result
// is s itself.
func Harmless(s string) string {
	clean := 0
	for clean < len(s) {
		r, size := utf8.DecodeRuneInString(s[clean:])
		if r == utf8.RuneError && size == 1 || !harmless(r) {
			break
		}
		clean += size
	}
	if clean == len(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	b.WriteString(s[:clean])
	for s = s[clean:]; s != ""; {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case harmless(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u{%04x}`, r)
		}
		s = s[size:]
	}
	return b.String()
}

// harmless reports whether r can be seen, or is a space, and does nothing else.
func harmless(r rune) bool {
	if r < 0x7f {
		return r >= ' '
	}
	const brailleBlank = 0x2800 // a symbol by its category, and a space to the eye
	return unicode.IsPrint(r) && r != brailleBlank &&
		// Letters and marks by their category that show nothing: Hangul fillers,
		// variation selectors and the like.
		!unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}
