package trace

import (
	"fmt"
	"iter"
	"log/slog"
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/netdiag/netdiag/internal/packet"
)

// Method is the kind of probe.
type Method uint8

// The methods.
const (
	UDP  Method = iota // datagrams to a port where nothing should listen; a flow is a source port
	ICMP               // echo requests; a flow is a checksum
	TCP                // SYNs; a flow is a source port
)

// String returns the name in lower case.
func (m Method) String() string {
	if int(m) < len(methods) {
		return methods[m].name()
	}
	return "unknown"
}

// Mode chooses the kind of socket.
type Mode uint8

// The modes.
const (
	Auto         Mode = iota // raw sockets, or those of an ordinary user where raw ones are not permitted
	Unprivileged             // no raw sockets
	Privileged               // raw sockets only
)

// Limits and defaults of Config.
const (
	DefaultFlows      = 3
	DefaultMaxTTL     = 64
	DefaultWait       = 3 * time.Second
	DefaultGap        = 5
	DefaultRate       = 330
	DefaultUDPPort    = 33434
	DefaultTCPPort    = 80
	DefaultConfidence = 0.95
	DefaultAtOnce     = 16
	MaxFlows          = 64
	MaxSize           = 65535
)

// Config says what to trace. Only Targets is required.
type Config struct {
	// Targets are the addresses to trace to, read as they are needed. A link-local IPv6
	// address needs its zone. The zero Addr stands for one that is not known yet: a few milliseconds later the
	// next one is asked for.
	Targets iter.Seq[netip.Addr]
	AtOnce  int // targets traced at the same time; 0: 16

	Method     Method
	Port       int // destination port, 1 to 65535; 0: 33434 (UDP), 80 (TCP)
	SourcePort int // of the first flow, 1 to 65535, the others have those behind it; 0: chosen at random

	Flows    int // flows that probe each TTL, 1 to 64; 0: 3. Not looked at with Multipath.
	FirstTTL int // 1 to 255; 0: 1
	MaxTTL   int // 1 to 255; 0: 64
	Rounds   int // how often everything is probed; 0: once. Not looked at with Multipath.

	Wait     time.Duration // longest wait for an answer; 0: 3 s. It adapts below that to what other hops take.
	Gap      int           // silent hops in a row that end a trace; 0: 5; negative: never
	Deadline time.Duration // of the whole run; 0: none
	Interval time.Duration // between the starts of two rounds; 0: 1 s

	// Rate bounds the probes a second over all targets. 0: bursts of 30, and 330 a second beyond them;
	// negative: unlimited.
	Rate float64

	Size      int // of probes in bytes, with the IP header; 0: 60 (IPv4) or 80 (IPv6); what the method needs at least
	TOS       int // 0 to 255
	Source    netip.Addr
	Interface string // empty: the routes decide
	Mark      int    // fwmark (Linux, CAP_NET_ADMIN); 0: none
	Mode      Mode

	// MTU finds the path MTU, once the destination has been reached.
	MTU bool

	// Multipath finds every path, such that all of it (every node and link of the whole trace) is missed with a
	// probability of at most 1 - Confidence. Confidence is above 0 and below 1; 0: 0.95.
	Multipath  bool
	Confidence float64
	// Others are further destinations, as a rule of the target's own network, that may be
	// probed with Multipath to tell balancers by destination from routers that do not balance.
	// Empty: those are not told apart.
	Others []netip.Addr

	// Idle, if set, is called before each wait: the place to flush what was written about events.
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

func (e *ConfigError) Error() string { return fmt.Sprintf("trace: %s %s", e.Field, e.Why) }

// check returns a *ConfigError for what is out of range.
func (c *Config) check() error {
	port := func(p int) bool { return p < 0 || p > math.MaxUint16 }
	for _, f := range []struct {
		bad        bool
		field, why string
	}{
		{c.Targets == nil, "Targets", "must be set"},
		{c.AtOnce < 0, "AtOnce", "must not be negative"},
		{int(c.Method) >= len(methods), "Method", "is not known"},
		{port(c.Port), "Port", "must be from 1 to 65535"},
		{port(c.SourcePort), "SourcePort", "must be from 1 to 65535"},
		{c.Method != ICMP && c.SourcePort > 0 && c.SourcePort+c.mostPorts() > 1<<16, "SourcePort",
			fmt.Sprintf("must be at most %d for so many flows", 1<<16-c.mostPorts())},
		{c.Flows < 0 || c.Flows > MaxFlows, "Flows", fmt.Sprintf("must be from 1 to %d", MaxFlows)},
		{c.FirstTTL < 0 || c.FirstTTL > 255, "FirstTTL", "must be from 1 to 255"},
		{c.MaxTTL < 0 || c.MaxTTL > 255, "MaxTTL", "must be from 1 to 255"},
		{c.FirstTTL > orDefault(c.MaxTTL, DefaultMaxTTL), "FirstTTL", "must not be above MaxTTL"},
		{c.Rounds < 0, "Rounds", "must not be negative"},
		{c.Wait < 0, "Wait", "must not be negative"},
		{c.Deadline < 0, "Deadline", "must not be negative"},
		{c.Interval < 0, "Interval", "must not be negative"},
		{math.IsNaN(c.Rate), "Rate", "must be a number"},
		{c.Size < 0 || c.Size > MaxSize, "Size", fmt.Sprintf("must be at most %d bytes", MaxSize)},
		{c.TOS < 0 || c.TOS > 255, "TOS", "must be from 0 to 255"},
		{c.Mode > Privileged, "Mode", "is not known"},
		{!(c.Confidence >= 0 && c.Confidence < 1), "Confidence", "must be above 0 and below 1"},
	} {
		if f.bad {
			return &ConfigError{f.field, f.why}
		}
	}
	return nil
}

// mostPorts is how many source ports there must be.
func (c *Config) mostPorts() int {
	if c.Multipath {
		return 1 << 10
	}
	return orDefault(c.Flows, DefaultFlows) + 1 // one for probes that are not the trace's
}

// filled returns c with every zero that has a meaning replaced by it.
func (c Config) filled() Config {
	c.AtOnce = orDefault(c.AtOnce, DefaultAtOnce)
	c.Port = orDefault(c.Port, methods[c.Method].port())
	c.Flows = orDefault(c.Flows, DefaultFlows)
	c.FirstTTL = orDefault(c.FirstTTL, 1)
	c.MaxTTL = orDefault(c.MaxTTL, DefaultMaxTTL)
	c.Rounds = orDefault(c.Rounds, 1)
	c.Wait = orDefault(c.Wait, DefaultWait)
	c.Gap = orDefault(c.Gap, DefaultGap)
	c.Interval = orDefault(c.Interval, time.Second)
	c.Confidence = orDefault(c.Confidence, DefaultConfidence)
	return c
}

// ProbeSize returns the size of the probes to a in bytes, with the IP header.
func (c Config) ProbeSize(a netip.Addr) int {
	f := packet.FamilyOf(a)
	return methods[c.Method].length(ipHeaderLen(f), orDefault(c.Size, defaultSize(f)))
}

// orDefault returns v, or def for zero.
func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}
