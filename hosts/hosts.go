// Package hosts reads, explains and edits hosts files.
package hosts

import "net/netip"

// Family is a version of the Internet Protocol that is asked for.
type Family uint8

// The families.
const (
	Any  Family = 0
	IPv4 Family = 4
	IPv6 Family = 6
)

// Dialect is how a resolver reads hosts files: data, not code.
type Dialect struct {
	Name string
}

// Match is an address that a hosts file has for a name, or a name that it has for an address.
type Match struct {
	Line      int // 1 for the first
	Addr      netip.Addr
	Canonical string   // the first name of the first line that matches
	Names     []string // all names of this line
}

// File is a hosts file, with every byte of it.
type File struct{}

// Glibc returns how the GNU C library reads hosts files, with "multi on" or off (host.conf(5)).
func Glibc(multi bool) Dialect { return Dialect{Name: "glibc"} }

// Load reads a hosts file.
func Load(path string) (*File, error) { return &File{}, nil }

// Parse reads the bytes of a hosts file. It takes any bytes.
func Parse(b []byte) *File { return &File{} }

// DefaultPath returns where this system has its hosts file.
func DefaultPath() string { return "/etc/hosts" }

// Lookup returns what the file has for a name, in the order of its lines, as d reads it.
func (f *File) Lookup(d Dialect, name string, family Family) []Match { return nil }

// Reverse returns the lines that the file has for an address, as d reads it.
func (f *File) Reverse(d Dialect, addr netip.Addr) []Match { return nil }
