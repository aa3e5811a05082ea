package probe

import (
	"fmt"
	"iter"
	"log/slog"
	"net/netip"
	"time"
)

// Target is a port to probe.
type Target struct {
	// Addrs are the addresses that it has, at least one. They are tried in turn until one opens.
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
	// Targets are read as they are needed: they may be many, and are not kept. A nil Target stands for
	// one that is not known yet: a few milliseconds later the next one is asked for.
	Targets iter.Seq[*Target]

	UDP      bool          // UDP instead of TCP
	Count    int64         // probes of each target; 0: 1, or with Until no limit
	Interval time.Duration // between the probes of one target; 0: 1 s; negative: none
	Timeout  time.Duration // an attempt without an answer is Filtered after it; 0: 3.5 s
	Deadline time.Duration // of the whole run; 0: none
	Until    Until

	// Rate bounds the attempts a second; 0: unlimited.
	Rate float64
	// Concurrency is how many attempts may be under way at a time; 0: 4096, or as many as the descriptors of
	// this process allow if those are fewer. Where this machine cannot carry so many, the run lowers it by itself.
	Concurrency int

	Source    netip.Addr
	Interface string // empty: the routes decide
	TOS       int    // 0 to 255
	TTL       int    // 1 to 255; 0: the system's
	Mark      int    // fwmark (Linux, CAP_NET_ADMIN); 0: none
	// Reset ends connections with a reset, which leaves nothing behind on this machine but may be an error in the
	// server's log. Without it they are closed in order, up to a hundred of them, and reset from there on.
	Reset bool

	Talk *Talk // what is said once a port is open; nil: nothing
	// Payload returns what a UDP probe of a port carries; nil: Payload, the function of this package.
	Payload func(port uint16) []byte

	// NoMiddleboxes leaves out the probes that find out whether something between here and a host opens every port.
	NoMiddleboxes bool

	// Idle, if set, is called before each wait: the place to flush what was written about events.
	Idle   func()
	Logger *slog.Logger // nil: silent
}

// ConfigError is a Config that cannot be used.
type ConfigError struct {
	Field string // of Config
	Why   string
}

func (e *ConfigError) Error() string { return fmt.Sprintf("probe: %s %s", e.Field, e.Why) }
