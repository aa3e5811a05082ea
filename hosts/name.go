package hosts

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// Errors that say why Add refuses a name or an address. They come in a *NameError or an *AddrError.
var (
	ErrEmptyName    = errors.New("a name, or a part of one between dots, is empty")
	ErrLongName     = errors.New("names have at most 253 bytes, and 63 between dots")
	ErrTrailingDot  = errors.New("resolvers disagree about names that end with a dot: leave it away")
	ErrWildcard     = errors.New("hosts files have no wildcards")
	ErrNotASCII     = errors.New("resolvers look for international names in their xn-- form")
	ErrBadCharacter = errors.New("names have letters, digits, dots, underscores and inner hyphens")
	ErrAddrAsName   = errors.New("this is an address, and nobody looks it up as a name")
	ErrNumbers      = errors.New("names are not of numbers alone")
	ErrNoAddr       = errors.New("there is no address")
	ErrZone         = errors.New("the GNU C library ignores lines whose address has a zone")
	ErrNoNames      = errors.New("hosts: there are no names to add")
)

// NameError is a name that does not belong into a hosts file, or would not be found there.
type NameError struct {
	Name string
	Err  error // one of the errors above
}

func (e *NameError) Error() string { return fmt.Sprintf("hosts: name %q: %v", e.Name, e.Err) }

// Unwrap returns e.Err.
func (e *NameError) Unwrap() error { return e.Err }

// AddrError is an address that does not belong into a hosts file.
type AddrError struct {
	Addr netip.Addr
	Err  error // ErrNoAddr or ErrZone
}

func (e *AddrError) Error() string {
	if !e.Addr.IsValid() {
		return fmt.Sprintf("hosts: %v", e.Err)
	}
	return fmt.Sprintf("hosts: address %s: %v", e.Addr, e.Err)
}

// Unwrap returns e.Err.
func (e *AddrError) Unwrap() error { return e.Err }

// checkName returns a *NameError if name is not one that every resolver finds in a hosts file.
func checkName(name string) error {
	if err := nameProblem(name); err != nil {
		return &NameError{name, err}
	}
	return nil
}

func nameProblem(name string) error {
	if _, ok := numeric(name); ok {
		return ErrAddrAsName
	}
	if len(name) > 1 && strings.HasSuffix(name, ".") {
		return ErrTrailingDot
	}
	for _, c := range name {
		switch {
		case c > '~':
			return ErrNotASCII
		case c == '*':
			return ErrWildcard
		case !nameByte(c):
			return ErrBadCharacter
		}
	}
	for label := range strings.SplitSeq(name, ".") {
		switch {
		case label == "":
			return ErrEmptyName
		case len(label) > 63:
			return ErrLongName
		case label[0] == '-' || label[len(label)-1] == '-':
			return ErrBadCharacter
		}
	}
	if len(name) > 253 {
		return ErrLongName
	}
	if strings.Trim(name, "0123456789.") == "" {
		return ErrNumbers
	}
	return nil
}

func nameByte(c rune) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.'
}

// numeric returns the address that resolvers take a name for.
func numeric(name string) (netip.Addr, bool) {
	if a, err := netip.ParseAddr(name); err == nil {
		return a, true
	}
	return ParseShort(name)
}

func checkAddr(addr netip.Addr) error {
	switch {
	case !addr.IsValid():
		return &AddrError{addr, ErrNoAddr}
	case addr.Zone() != "":
		return &AddrError{addr, ErrZone}
	}
	return nil
}
