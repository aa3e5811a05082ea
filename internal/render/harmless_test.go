package render

import (
	"strings"
	"testing"
	"unicode/utf8"
	"unsafe"
)

func TestHarmless(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"empty", "", ""},
		{"plain", "router-1.example.net (up) 100%", "router-1.example.net (up) 100%"},
		{"letters of the world", "bücher.例え.مثال 😀", "bücher.例え.مثال 😀"},
		{"escape", "\x1b[2J", `\x1b[2J`},
		{"newline, tab, NUL", "a\nb\tc\x00", `a\x0ab\x09c\x00`},
		{"DEL and C1", "\x7f\u0080\u009b\u009f", `\x7f\x80\x9b\x9f`},
		{"no UTF-8", "\xff\xc3(\xed\xa0\x80", `\xff\xc3(\xed\xa0\x80`},
		{"replacement character itself", "\ufffd", "\ufffd"},
		{"bidi", "\u061c\u200e\u200f\u202a\u202e\u2066\u2069", `\u{061c}\u{200e}\u{200f}\u{202a}\u{202e}\u{2066}\u{2069}`},
		{"zero width", "\u200b\u200c\u200d\u2060\ufeff\u00ad", `\u{200b}\u{200c}\u{200d}\u{2060}\u{feff}\xad`},
		{"separators", "\u2028\u2029", `\u{2028}\u{2029}`},
		{"other spaces", "\u00a0\u2003\u3000\u2800", `\xa0\u{2003}\u{3000}\u{2800}`},
		{"fillers", "\u115f\u1160\u3164\uffa0\u034f", `\u{115f}\u{1160}\u{3164}\u{ffa0}\u{034f}`},
		{"variation selectors, tags", "\ufe0f\U000e0100\U000e0041", `\u{fe0f}\u{e0100}\u{e0041}`},
		{"private, unassigned, noncharacters", "\ue000\u0378\uffff\U0010ffff", `\u{e000}\u{0378}\u{ffff}\u{10ffff}`},
		{"a backslash stays", `a\b \x1b \\`, `a\b \x1b \\`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Harmless(tt.in); got != tt.want {
				t.Errorf("Harmless(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func TestHarmlessReturnsItself(t *testing.T) {
	s := "bücher.example"
	if got := Harmless(s); unsafe.StringData(got) != unsafe.StringData(s) {
		t.Error("a clean string was copied")
	}
}

// forbidden are the ranges that must never reach a terminal, written down a second time and
// without the tables of package unicode.
var forbidden = [][2]rune{
	{0, 0x1f}, {0x7f, 0x9f}, {0xad, 0xad}, {0x61c, 0x61c}, {0x180e, 0x180e}, {0x200b, 0x200f}, {0x2028, 0x202e},
	{0x2060, 0x206f}, {0xfe00, 0xfe0f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xd800, 0xf8ff}, {0xe0000, 0x10ffff},
}

func TestForbidden(t *testing.T) {
	for _, span := range forbidden {
		for r := span[0]; r <= span[1]; r++ {
			if utf8.ValidRune(r) && harmless(r) {
				t.Errorf("%U is let through", r)
			}
		}
	}
}

func FuzzHarmless(f *testing.F) {
	for _, s := range []string{"", "plain", "\x1b]0;x\a", "\u202e\xff", "a\u0301", `\u{202e}`, "\U0001f600\u200d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Harmless(s)
		if !utf8.ValidString(got) {
			t.Fatalf("%q gives %q, which is no UTF-8", s, got)
		}
		for _, r := range got {
			for _, span := range forbidden {
				if span[0] <= r && r <= span[1] {
					t.Fatalf("%q gives %q, with %U", s, got, r)
				}
			}
		}
		if again := Harmless(got); again != got {
			t.Fatalf("%q gives %q, and that gives %q", s, got, again)
		}
		if ascii := strings.Trim(s, printable) == ""; ascii && got != s {
			t.Fatalf("%q was changed to %q", s, got)
		}
	})
}

// printable is every ASCII character that is let through.
const printable = " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"

func BenchmarkHarmless(b *testing.B) {
	for b.Loop() {
		Harmless("ae-1.r20.frnkge13.de.bb.example.net")
	}
}
