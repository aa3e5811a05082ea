//go:build !linux

package lab

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
)

// TUNName is the name of the TUN device in every lab that has a network.
const TUNName = "sim"

// Lab is a namespace with a TUN device. There are none on this system.
type Lab struct{ *Namespace }

// Namespace is a network namespace. There are none on this system.
type Namespace struct{}

func unsupported() error { return fmt.Errorf("lab: needs Linux: %w", errors.ErrUnsupported) }

// Open returns errors.ErrUnsupported, wrapped.
func Open(Config) (*Lab, error) { return nil, unsupported() }

// OpenBare returns errors.ErrUnsupported, wrapped.
func OpenBare() (*Lab, error) { return nil, unsupported() }

// NewNamespace returns errors.ErrUnsupported, wrapped.
func NewNamespace(string) (*Namespace, error) { return nil, unsupported() }

// Connect returns errors.ErrUnsupported, wrapped.
func Connect(_, _ *Namespace, _ Link) error { return unsupported() }

// Main runs the tests of m and returns the exit status.
func Main(m interface{ Run() int }) int { return m.Run() }

// Up returns errors.ErrUnsupported, wrapped.
func (l *Lab) Up() error { return unsupported() }

// Down returns errors.ErrUnsupported, wrapped.
func (l *Lab) Down() error { return unsupported() }

// Stats returns zeros.
func (l *Lab) Stats() Stats { return Stats{} }

// Peer returns errors.ErrUnsupported, wrapped.
func (ns *Namespace) Peer(string, PeerConfig) (*Namespace, error) { return nil, unsupported() }

// AddLocal returns errors.ErrUnsupported, wrapped.
func (ns *Namespace) AddLocal(netip.Prefix) error { return unsupported() }

// Do returns errors.ErrUnsupported, wrapped, and does not call f.
func (ns *Namespace) Do(func() error) error { return unsupported() }

// Sysctl returns errors.ErrUnsupported, wrapped.
func (ns *Namespace) Sysctl(_, _ string) error { return unsupported() }

// CommandAs returns a command that does not start.
func (ns *Namespace) CommandAs(ctx context.Context, _, _ uint32, name string, args ...string) *Cmd {
	return ns.Command(ctx, name, args...)
}

// Close does nothing.
func (ns *Namespace) Close() error { return nil }
