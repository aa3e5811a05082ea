package resolve

import (
	"strings"
	"testing"
)

func TestToASCII(t *testing.T) {
	for _, tt := range []struct{ name, want string }{ // "": it is none
		{"", ""},
		{".", "."},
		{"www.example.test", "www.example.test"},
		{"WWW.example.test.", "WWW.example.test."},
		{"münchen.test", "xn--mnchen-3ya.test"},
		{"MÜNCHEN.Test.", "xn--mnchen-3ya.Test."},
		{"mu\u0308nchen.test", "xn--mnchen-3ya.test"}, // of two characters
		{"_sip._tcp.münchen.test", "_sip._tcp.xn--mnchen-3ya.test"},
		{"*.münchen.test", "*.xn--mnchen-3ya.test"},
		{`a b.a\.b.ü.test`, `a b.a\.b.xn--tda.test`},
		{"straße.test", "xn--strae-oqa.test"},
		{"xn--mnchen-3ya.test", "xn--mnchen-3ya.test"},
		{"xn--.test", "xn--.test"},
		{"xn--a.ü.test", "xn--a.xn--tda.test"},
		{"ü\u3002test", "xn--tda.test"},
		{"ü\uff0etest\uff61", "xn--tda.test."},
		{"www\u3002test", "www.test"},
		{"ａｂｃ.test", "abc.test"}, // full width
		{"ü..test", "xn--tda..test"},
		{"\xff.test", ""},
		{"ü\xff.test", ""},
		{"www.\xc3", ""},
		{"a.\u00ad.test", ""}, // a hyphen that is not there
		{"ü_.test", ""},
		{"-ü.test", ""},
		{"\u0301a.test", ""}, // begins with what belongs to the character before it
		{"xn--mnchen-3yaü.test", ""},
	} {
		got, err := ToASCII(tt.name)
		if got != tt.want || (err != nil) != (tt.want == "" && tt.name != "") {
			t.Errorf("%q: %q, %v, want %q", tt.name, got, err, tt.want)
		}
	}
	if _, err := ToASCII("ok.ü_.test"); err == nil || !strings.Contains(err.Error(), `"ü_"`) {
		t.Errorf("error %v, which does not say what is wrong", err)
	}
}

// FuzzToASCII makes what it takes ASCII, which then stays as it is, and what is ASCII already no other.
func FuzzToASCII(f *testing.F) {
	for _, seed := range []string{"", "a.b", "_sip.ü.test.", "xn--a.ü", "ü\u3002a\uff0eb\uff61", "\xff", "ａ。", "\u200d", "א1.test", "ß\u0323"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got, err := ToASCII(name)
		if err != nil {
			if got != "" || isASCII(name) {
				t.Errorf("%q: %q, %v", name, got, err)
			}
			return
		}
		again, err := ToASCII(got)
		if !isASCII(got) || again != got || err != nil || isASCII(name) && got != name {
			t.Errorf("%q: %q, then %q, %v", name, got, again, err)
		}
	})
}
