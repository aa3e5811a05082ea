package serve

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/netip"
	"time"
)

// Mode is what is done with a client.
type Mode uint8

// The modes.
const (
	// Greet sends the message and closes, but not before the client has closed, too, or Idle has passed since: what the
	// client sends is read and dropped, as closing over it would reset the connection, and take the greeting away.
	Greet Mode = iota
	Echo       // sends back what the client sends, after the message if there is one, as fast as the client takes it
	Hold       // accepts, and says and reads nothing, until the client ends the connection
	Reset      // accepts and resets
)

// Defaults of Config.
const (
	DefaultPort       = 7777
	DefaultMessage    = "Hello, world!\n"
	DefaultIdle       = 10 * time.Second
	DefaultMaxClients = 1000
)

// Config says what to serve. Its zero value greets on 0.0.0.0:7777.
type Config struct {
	Addr       netip.AddrPort // zero: 0.0.0.0:7777; port 0: one that the system chooses
	V6Only     bool           // with [::]: of IPv6 alone
	Mode       Mode
	Message    []byte // nil: DefaultMessage with Greet, otherwise nothing
	Once       bool   // ends after the first client; no other is accepted
	MaxClients int    // at a time, further ones are reset at once; 0: 1000
	// Idle is how long a client may do nothing before it is dropped: neither send nor take anything, and after a greeting not close.
	// On Linux it has taken what it has acknowledged, and is dropped after Idle and an eighth of that at most (or a second, if that
	// is less); elsewhere it has taken what this system's buffers took over. 0: 10 s; negative: never.
	Idle   time.Duration
	TLS    *tls.Config  // nil: without. The handshake may take Idle
	Logger *slog.Logger // nil: silent
}

// ConfigError is a Config that cannot be used.
type ConfigError struct {
	Field string // of Config
	Why   string
}

func (e *ConfigError) Error() string { return fmt.Sprintf("serve: %s %s", e.Field, e.Why) }

// filled returns c with what its zero values stand for.
func (c Config) filled() Config {
	if c.Addr == (netip.AddrPort{}) {
		c.Addr = netip.AddrPortFrom(netip.IPv4Unspecified(), DefaultPort)
	}
	c.Addr = netip.AddrPortFrom(c.Addr.Addr().Unmap(), c.Addr.Port())
	if c.Message == nil && c.Mode == Greet {
		c.Message = []byte(DefaultMessage)
	}
	if c.MaxClients == 0 {
		c.MaxClients = DefaultMaxClients
	}
	switch {
	case c.Idle == 0:
		c.Idle = DefaultIdle
	case c.Idle < 0:
		c.Idle = 0
	}
	return c
}

// check returns the error about a Config that is filled.
func (c Config) check() error {
	switch {
	case !c.Addr.Addr().IsValid():
		return &ConfigError{"Addr", "has a port without an address"}
	case c.V6Only && !c.Addr.Addr().Is6():
		return &ConfigError{"V6Only", "is for an IPv6 address"}
	case c.Mode > Reset:
		return &ConfigError{"Mode", fmt.Sprintf("%d is none", c.Mode)}
	case c.MaxClients < 0:
		return &ConfigError{"MaxClients", "is negative"}
	case len(c.Message) > 0 && c.Mode != Greet && c.Mode != Echo:
		return &ConfigError{"Message", "is for Greet and Echo"}
	case c.TLS != nil && c.Mode == Reset:
		return &ConfigError{"TLS", "has no place before a reset"}
	}
	return nil
}

// network returns the network of package net that listens on Addr and nothing else.
func (c Config) network() string {
	switch a := c.Addr.Addr(); {
	case a.Is4():
		return "tcp4" // "tcp" would make of 0.0.0.0 both families
	case c.V6Only || a != netip.IPv6Unspecified():
		return "tcp6"
	}
	return "tcp"
}
