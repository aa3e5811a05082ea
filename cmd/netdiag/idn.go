package main

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"github.com/netdiag/netdiag/internal/render"
)

// acePrefix is what every A-label begins with (RFC 5890 section 2.3.2.1).
const acePrefix = "xn--"

// isASCII reports whether s has no byte above 0x7f.
func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}

// unicodeForm returns the form for people of a name that has A-labels, harmless; "" if it has none. A label
// that does not come from its Unicode form by the rules, and so may be made to deceive, stays as it is.
func unicodeForm(name string) string {
	if !strings.Contains(strings.ToLower(name), acePrefix) {
		return ""
	}
	labels := strings.Split(strings.TrimSuffix(name, "."), ".")
	found := false
	for i, label := range labels {
		if !strings.HasPrefix(strings.ToLower(label), acePrefix) {
			continue
		}
		text, err := idna.Lookup.ToUnicode(strings.ToLower(label))
		if err != nil || isASCII(text) {
			continue
		}
		if back, err := idna.Lookup.ToASCII(text); err != nil || !strings.EqualFold(back, label) {
			continue
		}
		labels[i], found = text, true
	}
	if !found {
		return ""
	}
	return render.Harmless(strings.Join(labels, "."))
}

// bothForms returns a name from the network as it is shown: harmless, and behind it in brackets its Unicode form
// if it has one.
func bothForms(name string) string {
	if u := unicodeForm(name); u != "" {
		return render.Harmless(name) + " (" + u + ")"
	}
	return render.Harmless(name)
}
