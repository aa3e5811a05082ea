//go:build !(linux || windows || darwin || dragonfly || freebsd || netbsd || openbsd)

package local

import (
	"errors"
	"fmt"
	"net/netip"
)

// unsupported returns the error of a system that this package does not know.
func unsupported() error { return fmt.Errorf("local: this system: %w", errors.ErrUnsupported) }

func interfaces() ([]Interface, error)         { return nil, unsupported() }
func routes(bool) ([]Route, error)             { return nil, unsupported() }
func rules() ([]Rule, error)                   { return nil, unsupported() }
func neighbours() ([]Neighbour, error)         { return nil, unsupported() }
func decide(netip.Addr, Ask) (Decision, error) { return Decision{}, unsupported() }
func sockets(bool, uint16) ([]Socket, error)   { return nil, unsupported() }
func firstUnprivileged() int                   { return 0 }
