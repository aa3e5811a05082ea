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
