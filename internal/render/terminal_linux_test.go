package render

import (
	"os"
	"testing"
)

// TestTerminal opens a pseudo terminal. Its mode auto is what cannot be tested elsewhere.
func TestTerminal(t *testing.T) {
	tty, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no pseudo terminals here:", err)
	}
	defer tty.Close()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if !IsTerminal(tty) || IsTerminal(null) {
		t.Errorf("a pseudo terminal is one: %t; the null device is one: %t", IsTerminal(tty), IsTerminal(null))
	}
	tests := []struct {
		env  map[string]string
		want bool
	}{
		{nil, true},
		{map[string]string{"TERM": "xterm", "NO_COLOR": ""}, true},
		{map[string]string{"TERM": "dumb"}, false},
		{map[string]string{"NO_COLOR": "0"}, false},
	}
	for _, tt := range tests {
		c := NewColor(ColorAuto, tty, func(name string) string { return tt.env[name] })
		if c.On() != tt.want {
			t.Errorf("with %v: on is %t", tt.env, c.On())
		}
	}
}
