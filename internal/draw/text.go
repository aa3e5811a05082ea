package draw

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Sizes of text in pixels.
const (
	labelSize   = 13
	smallSize   = 11
	badgeSize   = 10
	titleSize   = 18
	ellipsis    = "…"
	labelBreak  = 160 // width from which a label takes two lines
	longestName = 150 // width that a name may take
	longestLine = 320 // width that any other text may take, much more than it should
)

// plain returns s with U+FFFD for everything that cannot be seen. What is left is text in XML 1.0, too.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return utf8.RuneError
	}, s)
}

// textWidth returns about how wide s is in pixels: in one of the wider fonts that systems use, so that
// others leave some room.
func textWidth(s string, size int) int { return (textEm(s)*size + 999) / 1000 }

// textEm returns about how wide s is in thousandths of the size of the font.
func textEm(s string) (em int) {
	for _, r := range s {
		em += runeWidth(r)
	}
	return em
}

// runeWidth returns about how wide r is in thousandths of the size of the font.
func runeWidth(r rune) int {
	switch {
	case unicode.Is(unicode.Mn, r):
		return 0
	case strings.ContainsRune(".,:;'|!ijlI()[] ", r):
		return 340
	case strings.ContainsRune("mwMW@%…", r):
		return 920
	case 'A' <= r && r <= 'Z':
		return 690
	case r >= 0x1100: // Hangul, Han and what stands between
		return 1000
	}
	return 590
}

// elide returns s with so much taken out of its middle that it is at most as wide as limit, or no more than an
// ellipsis is left. Of a domain name whole labels stay at the end: it says the interface first, and the operator last.
func elide(s string, size, limit int) string {
	if textWidth(s, size) <= limit {
		return s
	}
	room := limit * 1000 / size             // in thousandths of the size, as runeWidth
	half, label, width := len(s), len(s), 0 // where the end begins: near the middle, and behind a dot
	for at := len(s); at > 0; {
		r, n := utf8.DecodeLastRuneInString(s[:at])
		if width += runeWidth(r); width > room*3/5 {
			break
		}
		if r == '.' {
			label = at
		}
		if at -= n; width <= room/2 {
			half = at
		}
	}
	tail := label
	if label == len(s) {
		tail = half
	}
	head, width := 0, textEm(s[tail:])+textEm(ellipsis)
	for i, r := range s[:tail] {
		if width += runeWidth(r); width > room {
			break
		}
		head = i + utf8.RuneLen(r)
	}
	if head == 0 {
		return ellipsis
	}
	return strings.TrimRight(s[:head], ".-") + ellipsis + s[tail:]
}

// breakLabel returns a label in one line or, if it is long, in two. It breaks behind the colon
// or dot nearest to the middle, as addresses are read in groups.
func breakLabel(s string) []string {
	if textWidth(s, labelSize) <= labelBreak {
		return []string{s}
	}
	at := len(s) / 2
	for d := range at {
		if i := at - d; strings.ContainsRune(":.", rune(s[i-1])) {
			at = i
			break
		}
		if i := at + d; strings.ContainsRune(":.", rune(s[i-1])) {
			at = i
			break
		}
	}
	for at < len(s) && !utf8.RuneStart(s[at]) {
		at++
	}
	return []string{elide(s[:at], labelSize, longestLine), elide(s[at:], labelSize, longestLine)}
}

// wrap breaks s at spaces into lines that are at most as wide as limit, where the words are.
func wrap(s string, size, limit int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(s) {
		word = elide(word, size, limit)
		if line != "" && textWidth(line+" "+word, size) > limit {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// counted returns n with the noun in the singular or the plural.
func counted(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return strconv.Itoa(n) + " " + noun
}

// listed returns numbers in order as text, runs of three and more as "4-9".
func listed(flows []int) string {
	var b strings.Builder
	for i := 0; i < len(flows); {
		end := i
		for end+1 < len(flows) && flows[end+1] == flows[end]+1 {
			end++
		}
		if end == i+1 {
			end = i
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(strconv.Itoa(flows[i]))
		if end > i {
			b.WriteString("-" + strconv.Itoa(flows[end]))
		}
		i = end + 1
	}
	return b.String()
}
