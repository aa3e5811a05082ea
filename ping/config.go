package ping

import (
	"fmt"
	"iter"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"github.com/netdiag/netdiag/internal/packet"
	"github.com/netdiag/netdiag/internal/rawsock"
)

// Mode chooses the kind of socket.
type Mode uint8

// The modes.
const (
	Auto         Mode = iota // ping sockets, or raw ones where those are not permitted
	Unprivileged             // ping sockets only
	Privileged               // raw sockets only
)

// Pace says when the next probe to a target is due.
type Pace uint8

// The paces.
const (
	Steady   Pace = iota // every Config.Interval, on an absolute schedule
	Adaptive             // when the last one was answered, at the latest after Config.Interval
	Flood                // when the last one was answered, at the latest after 10 ms
)

// PMTU says what becomes of probes larger than the path allows.
type PMTU uint8

// The choices of Config.PMTU, by their names in ping -M.
const (
	PMTUDefault PMTU = iota // as the system is set up
	PMTUDo                  // never fragmented
	PMTUWant                // fragmented here where that is known to be needed
	PMTUDont                // fragmented by routers
)

// Limits of Config.
const (
	DefaultInterval = time.Second
	DefaultTimeout  = time.Second
	DefaultSize     = 56
	DefaultRate     = 1000
	// MaxSize is the most data in bytes that an IPv4 echo request holds: 65,535 less
	// the headers of IP and ICMP.
	MaxSize = 65507
	// cookieSize bytes of data are needed to tell this run's replies from another's for sure, and
	// numberedSize to tell all its probes apart for sure.
	cookieSize   = 8
	numberedSize = 16
)

// Config says what to measure. Only Targets is required.
type Config struct {
	// Targets are the addresses to probe, read as they are needed: they may be many, and are
	// not kept. A link-local IPv6 address needs its zone. The zero Addr stands for one that is not
	// known yet: a few milliseconds later the next one is asked for.
	Targets iter.Seq[netip.Addr]

	Count    int64         // probes to each target; 0: without end
	Interval time.Duration // between probes to one target; 0: 1 s; negative: none
	Timeout  time.Duration // a reply later than this is Late; 0: 1 s
	Deadline time.Duration // of the whole run; 0: none
	Pace     Pace
	Preload  int  // probes to each target that do not wait for the interval; 0: one
	Until    bool // a target is done with its first reply in time

	// Rate bounds the probes a second over all targets. 0: 1000; negative: unlimited.
	Rate float64

	// Size is the number of data bytes in a probe, up to MaxSize. 0: 56; negative: none. Of
	// fewer than 8, replies of another process that uses the same identifier cannot be told
	// from ours (see Matching above).
	Size    int
	Pattern []byte // fills the data behind the first 16 bytes, repeated; empty: bytes counting up

	TTL       int // 1 to 255; 0: the system's
	TOS       int // 0 to 255
	Source    netip.Addr
	Interface string // empty: the routes decide
	PMTU      PMTU
	Mark      int  // fwmark (Linux, CAP_NET_ADMIN); 0: none
	Broadcast bool // allow broadcast addresses as targets; answers from any source count for them
	Mode      Mode

	// Idle, if set, is called before each wait, and every few milliseconds while there is none: the
	// place to flush what was written about events.
	Idle   func()
	Logger *slog.Logger // nil: silent
}

// Addrs makes Targets of addresses.
func Addrs(a ...netip.Addr) iter.Seq[netip.Addr] { return slices.Values(a) }

// ConfigError is a Config that cannot be used.
type ConfigError struct {
	Field string // of Config
	Why   string
}

func (e *ConfigError) Error() string { return fmt.Sprintf("ping: %s %s", e.Field, e.Why) }

// check returns a *ConfigError for what is out of range.
func (c *Config) check() error {
	for _, f := range []struct {
		bad        bool
		field, why string
	}{
		{c.Targets == nil, "Targets", "must be set"},
		{c.Count < 0, "Count", "must not be negative"},
		{c.Timeout < 0, "Timeout", "must not be negative"},
		{c.Deadline < 0, "Deadline", "must not be negative"},
		{c.Preload < 0, "Preload", "must not be negative"},
		{c.Size > MaxSize, "Size", fmt.Sprintf("must be at most %d bytes", MaxSize)},
		{len(c.Pattern) > 16, "Pattern", "must be at most 16 bytes"},
		{c.TTL < 0 || c.TTL > 255, "TTL", "must be from 1 to 255"},
		{c.TOS < 0 || c.TOS > 255, "TOS", "must be from 0 to 255"},
		{c.Rate != c.Rate, "Rate", "must be a number"},
		{c.Pace > Flood, "Pace", "is not known"},
		{c.PMTU > PMTUDont, "PMTU", "is not known"},
		{c.Mode > Privileged, "Mode", "is not known"},
	} {
		if f.bad {
			return &ConfigError{f.field, f.why}
		}
	}
	return nil
}

// filled returns c with every zero that has a meaning replaced by it.
func (c Config) filled() Config {
	c.Interval = orDefault(c.Interval, DefaultInterval)
	c.Timeout = orDefault(c.Timeout, DefaultTimeout)
	c.Rate = orDefault(c.Rate, DefaultRate)
	c.Size = orDefault(c.Size, DefaultSize)
	c.Preload = max(c.Preload, 1)
	return c
}

// orDefault returns v, or def for zero, or zero for what is negative.
func orDefault[T ~int | ~int64 | ~float64](v, def T) T {
	if v == 0 {
		return def
	}
	return max(v, 0)
}

// socketConfig is what a filled c asks of the sockets.
func (c *Config) socketConfig() rawsock.Config {
	return rawsock.Config{
		Mode:        rawsock.Mode(c.Mode),
		Interface:   c.Interface,
		Source:      c.Source,
		TTL:         c.TTL,
		TOS:         c.TOS,
		PMTU:        rawsock.PMTU(c.PMTU),
		Mark:        c.Mark,
		Broadcast:   c.Broadcast,
		MessageSize: max(2048, packet.EchoHeaderLen+c.Size),
		Logger:      c.Logger,
	}
}
