// Package hosts reads, explains and edits hosts files.
//
// A File keeps every byte that it was parsed from. What those bytes mean depends on who reads
// them, so every question names a Dialect: how the GNU C library, musl, Go or Windows reads hosts
// files, as data.
//
//	f, err := hosts.Load(hosts.DefaultPath())
//	...
//	for _, m := range f.Lookup(hosts.Glibc(true), "db.example.test", hosts.Any) {
//		fmt.Println(m.Addr, m.Line)
//	}
//
// Lint says what is wrong with a file, or means something else to another resolver. Edit changes
// the file of a system: under a lock, after a backup, and so that it is never half written.
//
//	result, err := hosts.Edit(ctx, hosts.DefaultPath(), func(f *hosts.File) error {
//		_, err := f.Add(addr, "db.example.test")
//		return err
//	})
//
// The package asks no DNS server and sends nothing.
package hosts

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
)

// Family is a version of the Internet Protocol that is asked for.
type Family uint8

// The families.
const (
	Any  Family = 0
	IPv4 Family = 4
	IPv6 Family = 6
)

// Entry is a line that gives names to an address.
type Entry struct {
	Line  int        // 1 for the first
	Addr  netip.Addr // as the line has it: an IPv4-mapped IPv6 address stays one
	Names []string   // one at least, as they are spelled
}

// Match is an address that a hosts file has for a name, or a name that it has for an address.
type Match struct {
	Line      int        // 1 for the first
	Addr      netip.Addr // of the family that was asked for
	Canonical string     // the first name of the first line that matches
	Names     []string   // all names of this line
}

// File is a hosts file, with every byte of it. Add, Remove and RemoveAddr change it; everything
// else may be called by several goroutines at once.
type File struct {
	data []byte
}

// Parse reads the bytes of a hosts file. It takes any bytes, and keeps a copy.
func Parse(b []byte) *File { return &File{data: bytes.Clone(b)} }

// Load reads a hosts file. Its errors are those of os.ReadFile, so that errors.Is knows
// fs.ErrNotExist and fs.ErrPermission among them.
func Load(path string) (*File, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("hosts: %w", err)
	}
	return &File{data: b}, nil
}

// Bytes returns a copy of the file as it is now. Without a change it is what was parsed.
func (f *File) Bytes() []byte { return bytes.Clone(f.data) }
