//go:build darwin || linux

package hosts

import (
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// keepXattrs gives f the extended attributes of the file like: access control lists and
// security labels among them.
func keepXattrs(f, like *os.File) error {
	names, err := sized(func(b []byte) (int, error) { return unix.Flistxattr(int(like.Fd()), b) })
	if errors.Is(err, unix.ENOTSUP) {
		return nil
	}
	if err != nil {
		return os.NewSyscallError("flistxattr", err)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(names), "\x00"), "\x00") {
		// These two are sums of the content, which is another now.
		if name == "" || name == "security.ima" || name == "security.evm" {
			continue
		}
		value, err := sized(func(b []byte) (int, error) { return unix.Fgetxattr(int(like.Fd()), name, b) })
		if err == nil {
			err = unix.Fsetxattr(int(f.Fd()), name, value, 0)
		}
		if err != nil {
			return os.NewSyscallError("extended attribute "+name, err)
		}
	}
	return nil
}

// sized calls read for the size, and then with room for it.
func sized(read func([]byte) (int, error)) ([]byte, error) {
	for {
		n, err := read(nil)
		if err != nil || n == 0 {
			return nil, err
		}
		b := make([]byte, n)
		n, err = read(b)
		if errors.Is(err, unix.ERANGE) {
			continue // it has grown meanwhile
		}
		if err != nil {
			return nil, err
		}
		return b[:n], nil
	}
}
