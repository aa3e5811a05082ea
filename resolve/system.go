package resolve

import (
	"context"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/netdiag/netdiag/hosts"
)

// Family is a version of the Internet Protocol that is asked for.
type Family uint8

// The families.
const (
	AnyFamily Family = 0
	IPv4      Family = 4
	IPv6      Family = 6
)

// Files say where the configuration of the system's resolver is. An empty field is where the system
// has it.
type Files struct {
	Hosts    string // /etc/hosts
	Resolv   string // /etc/resolv.conf
	Nsswitch string // /etc/nsswitch.conf
	HostConf string // /etc/host.conf
	Gai      string // /etc/gai.conf
	// Getenv returns variables of the environment: LOCALDOMAIN, RES_OPTIONS, RESOLV_MULTI and others that the
	// C library heeds; nil: os.Getenv.
	Getenv func(string) string
}

// System is how this machine finds names and addresses, as its C library does: the order of the
// sources, the hosts file, the name servers with their options.
type System struct {
	Files   Files // with every path that was used
	Sources []Source
	Hosts   *hosts.File
	Dialect hosts.Dialect
	Resolv  ResolvConf
	// Problems are what could not be read or understood, and what was done instead.
	Problems []Problem

	// Client is how name servers are asked, but for what Resolv says of timeouts, of TCP and of EDNS; nil: one of the
	// System's own. Close ends the connections that either keeps.
	Client *Client
	// Race asks all name servers at the same time and takes the first that answers, instead of waiting for
	// each in turn as the C library does.
	Race bool
	// Explain has Addrs ask a server that could not find out, or refused, once more for its reason (RFC 8914), which the
	// C library has no ear for: one query, and up to a second.
	Explain bool
	// Policy is the table by which addresses are put in order.
	Policy Policy

	own      Client
	hostConf hostConf
	turns    *atomic.Uint32 // of the option rotate; nil: each query begins with the first server
	// What a System finds out of the machine and the network; nil and zero are of no use but to tests.
	ask     asker // nil: Client.Exchange
	routes  routes
	machine machine
}

// Source is one of the places that nsswitch.conf(5) lists for hosts.
type Source struct {
	Name string // "files", "dns", "myhostname", ...
	// Actions are what to do at a status, where that is not the usual: return at success, continue at any other.
	Actions []Action
}

// Action is a reaction of nsswitch.conf(5), as [NOTFOUND=return].
type Action struct {
	Status string // "success", "notfound", "unavail", "tryagain"
	Not    bool   // at any other status than Status
	Do     string // "return", "continue", "merge"
}

// ResolvConf is what resolv.conf(5) says, with the environment applied.
type ResolvConf struct {
	Path    string
	Servers []netip.AddrPort // three at most, as libc reads them; the loopback address if none is given
	Search  []string         // domains, without a dot at the end
	Options ResolvOptions
}

// ResolvOptions are the options of resolv.conf(5).
type ResolvOptions struct {
	NDots         int           // 0 to 15; the default is 1
	Timeout       time.Duration // up to 30 s; the default is 5 s
	Attempts      int           // up to 5; the default is 2; at 0 no server is ever asked
	Rotate        bool
	UseVC         bool // TCP only
	SingleRequest bool // A and AAAA one after the other; single-request-reopen too, as every query has a socket of its own
	TrustAD       bool
	NoAAAA        bool
	EDNS0         bool
	NoTLDQuery    bool

	reopen bool // single-request-reopen: a server that leaves one of two questions without an answer is not asked again
}

// Problem is something about a configuration file.
type Problem struct {
	Path string
	Line int // 0: the whole file
	Text string
	Err  error // why the file cannot be read; nil: it was
}

// Found is what this machine finds for a name or an address, and how.
type Found struct {
	Name   string // as asked for
	Addr   netip.Addr
	Family Family // that was asked for
	// Canonical is the name that the answer is for in the end; "" if there is none.
	Canonical string
	Addrs     []Address // in the order in which a program tries them (RFC 6724)
	Names     []string  // of an address, in the order found
	Origin    Origin    // of Names
	Steps     []Step    // in the order taken
	Verdict   Verdict
	Reason    string // why, in words; may hold text from the network
}

// Address is an address that was found.
type Address struct {
	Addr      netip.Addr
	Canonical string
	Origin    Origin
	// Rule is the rule of RFC 6724 section 6 that put this address before the next one, 1 to 10; 0 for the last. Why says it
	// in words. From is the source address that the system would use for it; invalid: it has no route.
	Rule int
	Why  string
	From netip.Addr
}

// Origin is where an answer comes from.
type Origin struct {
	Source string // "files", "dns", "myhostname", "special"
	Path   string // of "files"
	Line   int
	Server Server        // of "dns"
	TTL    time.Duration // of "dns"
	RTT    time.Duration // of "dns"
}

// Step is one source that was asked, or skipped.
type Step struct {
	Source string
	// Status is what the source came to, in the words of nsswitch.conf(5), and "skipped" for a source that this
	// program cannot ask.
	Status  string
	Detail  string    // in words; may hold text from the network
	Lookups []Lookup  // of "dns", each name that was tried
	Decided *Exchange // of "dns", what decided; nil: nothing did
}

// Lookup is a question to the system's name servers, and what each of them said.
type Lookup struct {
	Question  Question
	Exchanges []*Exchange // in the order in which they ended
	Final     *Exchange   // that decided; nil: none could be made
	Verdict   Verdict
	Reason    string
}

// Close ends the connections to name servers that are kept. The System may be used again.
func (s *System) Close() error {
	if s.Client != nil {
		return s.Client.Close()
	}
	return s.own.Close()
}

// Addrs finds the addresses of a name as getaddrinfo(3) does. The error is ctx's.
//
// Some special names are never asked for in DNS, whatever the C library does (RFC 6761 section 6.3 and others).
func (s *System) Addrs(ctx context.Context, name string, family Family) (*Found, error) {
	f := &Found{Name: name, Family: family}
	if addr, ok := literal(name); ok {
		f.literal(addr, family)
		return f, nil
	}
	if wrong := impossible(name); wrong != "" {
		f.Verdict, f.Reason = VerdictError, wrong
		return f, nil
	}
	err := s.walk(f, func(from source) (result, error) { return from.addrs(s, ctx, name, family) })
	if err != nil {
		return nil, err
	}
	if sp, ok := specialName(name); ok && sp.loopback && len(f.Addrs) == 0 && f.Verdict != VerdictError {
		r := sp.answer(family) // where no source is dns
		f.Addrs, f.Canonical, f.Verdict, f.Reason = r.addrs, r.canonical, r.verdict, r.reason
		f.Steps = append(f.Steps, r.step)
	}
	f.Addrs = s.rank(f.Addrs)
	return f, nil
}

// literal takes an address that stands in the place of a name.
func (f *Found) literal(addr netip.Addr, family Family) {
	f.Addr, f.Reason = addr, "an address, which needs no lookup"
	if family == IPv4 && addr.Is4In6() {
		addr = addr.Unmap()
	}
	if !family.has(addr) {
		f.Verdict, f.Reason = VerdictNoData, fmt.Sprintf("%v is not an %v address", addr, family)
		return
	}
	f.Canonical = f.Name
	f.Addrs = []Address{{Addr: addr, Canonical: f.Name, Origin: Origin{Source: "special"}}}
}

// rank puts addresses in order.
func (s *System) rank(addrs []Address) []Address {
	ways := s.routes
	if ways == nil {
		ways = systemRoutes
	}
	return rank(addrs, ways, s.Policy)
}
