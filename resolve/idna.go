package resolve

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// ToASCII returns a name in A-labels (RFC 5891 section 4). Labels that are ASCII stay as they are, so that names of DNS
// that no host may have, as _sip._tcp.example, can have others beside them. What other scripts have for a dot is one
// (Unicode Technical Standard 46 section 2.3). The error says which label is none.
func ToASCII(name string) (string, error) {
	if isASCII(name) {
		return name, nil
	}
	labels := strings.Split(strings.NewReplacer("\u3002", ".", "\uff0e", ".", "\uff61", ".").Replace(name), ".")
	for i, label := range labels {
		if isASCII(label) {
			continue
		}
		ascii, err := idna.Lookup.ToASCII(label)
		if err != nil || ascii == "" || !utf8.ValidString(label) {
			return "", fmt.Errorf("%q is no label of a name", label)
		}
		labels[i] = ascii
	}
	return strings.Join(labels, "."), nil
}

// isASCII reports whether s has no byte above 0x7f.
func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}
