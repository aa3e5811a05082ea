package render

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestColorMode(t *testing.T) {
	var m ColorMode
	if m.String() != "auto" {
		t.Errorf("the zero mode is %q", m.String())
	}
	for _, s := range []string{"auto", "always", "never"} {
		if err := m.Set(s); err != nil || m.String() != s {
			t.Errorf("Set(%q): %v, and it is %q", s, err, m.String())
		}
	}
	if err := m.Set("sometimes"); err == nil || m != ColorNever {
		t.Errorf("Set of an unknown mode: %v, and it is %q", err, m)
	}
}

func TestColor(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	tests := []struct {
		mode ColorMode
		env  string
		want bool
	}{
		{ColorAuto, "", false}, // a file is no terminal
		{"", "", false},
		{ColorNever, "", false},
		{ColorAlways, "", true},
		{ColorAlways, "NO_COLOR", true}, // who asks for it gets it
	}
	for _, tt := range tests {
		c := NewColor(tt.mode, file, func(name string) string {
			if name == tt.env {
				return "1"
			}
			return ""
		})
		if c.On() != tt.want {
			t.Errorf("mode %q with %q set: on is %t", tt.mode, tt.env, c.On())
		}
	}
	if IsTerminal(new(strings.Builder)) {
		t.Error("a builder is no terminal")
	}
}

func TestColorText(t *testing.T) {
	on := Color{true}
	if got := on.Bad("x"); got != "\x1b[31mx\x1b[0m" {
		t.Errorf("Bad: %q", got)
	}
	for _, paint := range []func(Color, string) string{Color.Good, Color.Bad, Color.Doubtful, Color.Strong, Color.Faint} {
		if got := paint(Color{}, "x"); got != "x" {
			t.Errorf("off, but coloured: %q", got)
		}
		if got := paint(on, ""); got != "" {
			t.Errorf("nothing was coloured: %q", got)
		}
		if Harmless(paint(on, "x")) == paint(on, "x") {
			t.Error("on, but not coloured")
		}
	}
}
