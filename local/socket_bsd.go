//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package local

import (
	"errors"
	"fmt"
)

// sockets is not offered: what these systems tell of their sockets are the kernel's own structures, which change.
func sockets(bool, uint16) ([]Socket, error) {
	return nil, fmt.Errorf("local: sockets: %w", errors.ErrUnsupported)
}

// holders is not offered, as sockets is not.
func holders(uint16) ([]Socket, bool, error) {
	list, err := sockets(false, 0)
	return list, false, err
}
