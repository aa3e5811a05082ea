package probe

import (
	"errors"
	"net/netip"
	"syscall"
	"time"

	"github.com/netdiag/netdiag/internal/rawsock"
)

// verdict is what an ICMP error says about a probe.
type verdict struct {
	v6        bool
	typ, code uint8
	state     State
	words     string
}

// The ICMP types and codes that are looked at one by one.
const (
	unreachable4     = 3  // of ICMP
	unreachable6     = 1  // of ICMPv6
	portUnreachable4 = 3  // code
	portUnreachable6 = 4  // code
	timeExceeded4    = 11 // of ICMP
	timeExceeded6    = 3  // of ICMPv6
	parameter4       = 12 // of ICMP
	parameter6       = 4  // of ICMPv6
)

// verdicts are the errors of RFC 792, RFC 1122 section 3.2.2, RFC 1812 section 5.2.7 and RFC 4443 section 3, with the codes
// of RFC 6550 and RFC 8883. It is never written to.
var verdicts = [...]verdict{
	{false, unreachable4, 0, Unreachable, "network unreachable"},
	{false, unreachable4, 1, Unreachable, "host unreachable"},
	{false, unreachable4, 2, Rejected, "protocol unreachable"},
	{false, unreachable4, 3, Rejected, "port unreachable"},
	{false, unreachable4, 4, Unreachable, "too large for a link on the way"},
	{false, unreachable4, 5, Unreachable, "source route failed"},
	{false, unreachable4, 6, Unreachable, "network unknown"},
	{false, unreachable4, 7, Unreachable, "host unknown"},
	{false, unreachable4, 8, Unreachable, "source host isolated"},
	{false, unreachable4, 9, Rejected, "network administratively prohibited"},
	{false, unreachable4, 10, Rejected, "host administratively prohibited"},
	{false, unreachable4, 11, Unreachable, "network unreachable for this type of service"},
	{false, unreachable4, 12, Unreachable, "host unreachable for this type of service"},
	{false, unreachable4, 13, Rejected, "administratively prohibited"},
	{false, unreachable4, 14, Rejected, "host precedence violation"},
	{false, unreachable4, 15, Rejected, "precedence cutoff in effect"},
	{false, timeExceeded4, 0, Unreachable, "the TTL ended on the way"},
	{false, timeExceeded4, 1, Unreachable, "the time to put fragments together ended"},
	{false, parameter4, 0, Rejected, "parameter problem in the header"},
	{false, parameter4, 1, Rejected, "a required option is missing"},
	{false, parameter4, 2, Rejected, "bad length"},
	{true, unreachable6, 0, Unreachable, "no route to the destination"},
	{true, unreachable6, 1, Rejected, "administratively prohibited"},
	{true, unreachable6, 2, Unreachable, "beyond the scope of the source address"},
	{true, unreachable6, 3, Unreachable, "address unreachable"},
	{true, unreachable6, 4, Rejected, "port unreachable"},
	{true, unreachable6, 5, Rejected, "source address failed the ingress or egress policy"},
	{true, unreachable6, 6, Rejected, "a reject route to the destination"},
	{true, unreachable6, 7, Unreachable, "error in the source routing header"},
	{true, unreachable6, 8, Rejected, "headers too long"},
	{true, 2, 0, Unreachable, "too large for a link on the way"},
	{true, timeExceeded6, 0, Unreachable, "the hop limit ended on the way"},
	{true, timeExceeded6, 1, Unreachable, "the time to put fragments together ended"},
	{true, parameter6, 0, Rejected, "erroneous header field"},
	{true, parameter6, 1, Rejected, "unrecognized next header"},
	{true, parameter6, 2, Rejected, "unrecognized option"},
}

// verdict returns what i says; without words for a code that is not known, and not ok for a type that is not.
func (i *ICMP) verdict() (v verdict, ok bool) {
	for _, v := range verdicts {
		if v.v6 == i.V6 && v.typ == i.Type && v.code == i.Code {
			return v, true
		}
	}
	v = verdict{v6: i.V6, typ: i.Type, code: i.Code}
	types := [...]uint8{unreachable4, timeExceeded4, parameter4}
	if i.V6 {
		types = [...]uint8{unreachable6, timeExceeded6, parameter6}
	}
	switch i.Type {
	case types[0], types[1]:
		v.state = Unreachable
	case types[2]:
		v.state = Rejected
	default:
		return v, false
	}
	return v, true
}

// port reports whether i says that a port is unreachable.
func (i *ICMP) port() bool {
	if i.V6 {
		return i.Type == unreachable6 && i.Code == portUnreachable6
	}
	return i.Type == unreachable4 && i.Code == portUnreachable4
}

// judge says in e, of which address and protocol are known, what the outcome of an attempt means. One that is
// neither connected nor failed had no answer in time.
func (e *Event) judge(o *rawsock.Outcome) {
	e.At, e.Took, e.SYNs, e.Own, e.Answer = o.At, o.Took, o.SYNs, o.Own, o.Answer
	if o.SYNs == 1 {
		e.RTT = o.RTT
	}
	if i := o.ICMP; i != nil {
		e.ICMP = &ICMP{From: i.From, Type: i.Type, Code: i.Code, V6: i.V6, Own: i.Own, OnLink: i.OnLink, Local: i.Local}
	}
	switch {
	case o.Err == nil && !o.Connected:
		e.State = Filtered
	case o.Err == nil:
		e.State = Open
		if !e.UDP && same(o.Own, e.Addr) {
			e.State, e.Self, e.RTT = Closed, true, 0
		}
	case o.Local:
		e.State, e.Err = Failed, o.Err
	default:
		e.failed(o.Err)
	}
}

// same reports whether both are the same end; zones are compared where both have one.
func same(a, b netip.AddrPort) bool {
	x, y := a.Addr().Unmap(), b.Addr().Unmap()
	if x.Zone() == "" || y.Zone() == "" {
		x, y = x.WithZone(""), y.WithZone("")
	}
	return a.IsValid() && a.Port() == b.Port() && x == y
}

// failed says what err means, which came from the network.
func (e *Event) failed(err error) {
	if e.ICMP != nil {
		v, ok := e.ICMP.verdict()
		switch {
		case e.UDP && e.ICMP.port() && e.ICMP.From.WithZone("") == e.Addr.Addr().Unmap().WithZone(""):
			e.State = Closed
			return
		case ok:
			e.State = v.state
			return
		}
	}
	e.Err = err
	switch errno(err) {
	case syscall.ECONNRESET:
		e.State, e.Reset, e.Err = Open, true, nil
	case syscall.EPIPE: // the server had closed the connection in order before it reset it
		e.State, e.Err = Open, nil
	case syscall.ECONNREFUSED:
		e.State, e.Err = Closed, nil
	case syscall.ETIMEDOUT:
		e.State, e.Err = Filtered, nil
	case syscall.EACCES, syscall.ENOPROTOOPT:
		e.State = Rejected
	case syscall.ENETUNREACH, syscall.EHOSTUNREACH, hostDown:
		e.State = Unreachable
	default:
		e.State = Failed
	}
}

// errno returns the system's error in err by its name in POSIX, 0 if there is none.
func errno(err error) syscall.Errno {
	n, _ := errors.AsType[syscall.Errno](err)
	return posix(n)
}

// The time for which a connection is watched for a reset, once it is there.
const (
	shortestWatch = 3 * time.Millisecond
	longestWatch  = 250 * time.Millisecond
)

// watch returns how long the connection of e is watched for a reset: two round trips.
func (e *Event) watch() time.Duration {
	rtt := e.RTT
	if rtt == 0 {
		rtt = e.Took
	}
	return min(max(2*rtt, shortestWatch), longestWatch)
}

// tells returns how much an outcome that is not Open tells about a target: the more, the higher.
func (e *Event) tells() int { return int(Failed - e.State) }
