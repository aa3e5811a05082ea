package probe

import (
	"fmt"
	"iter"
	"log/slog"
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/netdiag/netdiag/internal/rawsock"
)

// Target is a port to probe.
type Target struct {
	// Addrs are the addresses that it has, at least one. They are tried in turn until one opens. A link-local IPv6
	// address needs its zone. An unspecified address (0.0.0.0, ::) stands for loopback, as it does when it is connected to.
	Addrs []netip.Addr
	Port  uint16 // 1 to 65535
	// Name is the host's name, for TLS; empty: it has none.
	Name string
	// Text is a label of the caller's, which is passed on.
	Text string
}

// Until says when the probing of a target has its end.
type Until uint8

// The ends.
const (
	UntilCount  Until = iota // after Config.Count probes
	UntilOpen                // with the first that finds it Open
	UntilClosed              // with the first that finds it Closed
)

// Defaults of Config.
const (
	DefaultInterval    = time.Second
	DefaultTimeout     = 3500 * time.Millisecond // by then Linux has sent at least three SYNs
	DefaultConcurrency = 4096
)

// Config says what to probe. Only Targets is required.
type Config struct {
	// Targets are read as they are needed: they may be many. With a Count of 1 each is forgotten when it has its result;
	// with more, those that are not done are kept, and the next are read whenever none of them is due. A nil Target stands
	// for one that is not known yet: a few milliseconds later the next one is asked for. One that cannot be probed ends them
	// with a *ConfigError, which is yielded when those before it are done; those that would never be get one probe more.
	Targets iter.Seq[*Target]

	UDP bool // UDP instead of TCP
	// Count is how many probes each target gets; 0: 1, or with Until no limit; math.MaxInt64: no limit.
	Count int64
	// Interval is between the starts of two probes of one target, whether the first has its outcome or not, on an absolute
	// schedule; 0: 1 s; negative: none, the next one starts when the last has its outcome.
	Interval time.Duration
	Timeout  time.Duration // an attempt without an answer is Filtered after it; 0: 3.5 s
	Deadline time.Duration // of the whole run; 0: none
	Until    Until
	// Enough, if set, says of each result that Until asks for whether it ends the target: what was said may not have been right yet.
	Enough func(*Event) bool

	// Rate bounds the attempts a second; 0: unlimited.
	Rate float64
	// Concurrency is how many attempts may be under way at a time; 0: 4096, or as many as the descriptors of
	// this process allow if those are fewer. Where this machine cannot carry so many, the run lowers it by itself.
	Concurrency int

	Source    netip.Addr // zero: the system chooses
	Interface string     // empty: the routes decide
	TOS       int        // 0 to 255
	TTL       int        // 1 to 255; 0: the system's
	Mark      int        // fwmark (Linux, CAP_NET_ADMIN); 0: none
	// Reset ends connections with a reset, which leaves nothing behind on this machine but may be an error in the
	// server's log. Without it they are closed in order, up to a hundred of them, and reset from there on.
	Reset bool

	Talk *Talk // what is said once a port is open, by TCP only; nil: nothing
	// Payload returns what a UDP probe of a port carries; nil: Payload, the function of this package.
	Payload func(port uint16) []byte

	// NoMiddleboxes leaves out the probes that find out whether something between here and a host opens every port.
	NoMiddleboxes bool

	// Idle, if set, is called before each wait, and every few milliseconds while there is none: the place to flush what
	// was written about events.
	Idle   func()
	Logger *slog.Logger // nil: silent
}

// ConfigError is a Config that cannot be used.
type ConfigError struct {
	Field string // of Config
	Why   string
}

func (e *ConfigError) Error() string { return fmt.Sprintf("probe: %s %s", e.Field, e.Why) }

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
		{c.Until > UntilClosed, "Until", "is not known"},
		{math.IsNaN(c.Rate), "Rate", "must be a number"},
		{c.Rate < 0, "Rate", "must not be negative"},
		{c.Concurrency < 0, "Concurrency", "must not be negative"},
		{c.TOS < 0 || c.TOS > 255, "TOS", "must be from 0 to 255"},
		{c.TTL < 0 || c.TTL > 255, "TTL", "must be from 1 to 255"},
		{c.Mark < 0, "Mark", "must not be negative"},
		{c.UDP && c.Talk != nil, "Talk", "needs TCP; by UDP a Payload is sent"},
		{!c.UDP && c.Payload != nil, "Payload", "is for UDP; by TCP a Talk sends"},
	} {
		if f.bad {
			return &ConfigError{f.field, f.why}
		}
	}
	if c.Talk != nil {
		return c.Talk.check()
	}
	return nil
}

// check returns a *ConfigError for what cannot be probed.
func (t *Target) check() error {
	for _, a := range t.Addrs {
		if !a.IsValid() {
			return &ConfigError{"Targets", fmt.Sprintf("has a target with an address that is none: %q", t.Text)}
		}
	}
	if len(t.Addrs) == 0 || t.Port == 0 {
		return &ConfigError{"Targets", fmt.Sprintf("has a target without an address or a port: %q", t.Text)}
	}
	return nil
}

// filled returns c with every zero that has a meaning replaced by it. A Count of 0 is then no limit, an Interval
// of 0 is none.
func (c Config) filled() Config {
	if c.Count == 0 && c.Until == UntilCount {
		c.Count = 1
	}
	if c.Interval == 0 {
		c.Interval = DefaultInterval
	}
	c.Interval = max(c.Interval, 0)
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	if c.Concurrency == 0 {
		c.Concurrency = DefaultConcurrency
	}
	if c.Payload == nil {
		c.Payload = Payload
	}
	return c
}

// sockets is what c asks of the sockets.
func (c *Config) sockets() rawsock.ConnectConfig {
	return rawsock.ConnectConfig{
		UDP: c.UDP, Interface: c.Interface, Source: c.Source, TTL: c.TTL, TOS: c.TOS, Mark: c.Mark, Reset: c.Reset, Logger: c.Logger,
	}
}

// way is what c asks of the way to a target.
func (c *Config) way() rawsock.Config {
	return rawsock.Config{Interface: c.Interface, Source: c.Source, TTL: c.TTL, TOS: c.TOS, Mark: c.Mark}
}

// Targets makes Config.Targets of some.
func Targets(t ...*Target) iter.Seq[*Target] { return slices.Values(t) }
