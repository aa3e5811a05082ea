package probe

import (
	"errors"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/rawsock"
)

// Who sends ICMP errors, and who is asked.
var (
	router4, router6 = netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("2001:db8::1")
	host4, host6     = netip.MustParseAddrPort("192.0.2.1:80"), netip.MustParseAddrPort("[2001:db8:1::1]:80")
)

func icmp4(code uint8) *rawsock.ICMPError {
	return &rawsock.ICMPError{From: router4, Type: unreachable4, Code: code}
}

// TestICMP has every code of RFC 792, RFC 1812 and RFC 4443, with its state and words.
func TestICMP(t *testing.T) {
	firewall := ": a firewall, as a host where nothing listens sends a reset"
	for _, c := range []struct {
		v6        bool
		typ, code uint8
		state     State
		words     string // before the sender
		after     string
	}{
		{false, 3, 0, Unreachable, "network unreachable", ""},
		{false, 3, 1, Unreachable, "host unreachable", ""},
		{false, 3, 2, Rejected, "protocol unreachable", ""},
		{false, 3, 3, Rejected, "port unreachable", firewall},
		{false, 3, 4, Unreachable, "too large for a link on the way", ""},
		{false, 3, 5, Unreachable, "source route failed", ""},
		{false, 3, 6, Unreachable, "network unknown", ""},
		{false, 3, 7, Unreachable, "host unknown", ""},
		{false, 3, 8, Unreachable, "source host isolated", ""},
		{false, 3, 9, Rejected, "network administratively prohibited", ""},
		{false, 3, 10, Rejected, "host administratively prohibited", ""},
		{false, 3, 11, Unreachable, "network unreachable for this type of service", ""},
		{false, 3, 12, Unreachable, "host unreachable for this type of service", ""},
		{false, 3, 13, Rejected, "administratively prohibited", ""},
		{false, 3, 14, Rejected, "host precedence violation", ""},
		{false, 3, 15, Rejected, "precedence cutoff in effect", ""},
		{false, 3, 16, Unreachable, "Destination unreachable: unknown code 16", ""},
		{false, 11, 0, Unreachable, "the TTL ended on the way", ""},
		{false, 11, 1, Unreachable, "the time to put fragments together ended", ""},
		{false, 12, 0, Rejected, "parameter problem in the header", ""},
		{false, 12, 1, Rejected, "a required option is missing", ""},
		{false, 12, 2, Rejected, "bad length", ""},
		{true, 1, 0, Unreachable, "no route to the destination", ""},
		{true, 1, 1, Rejected, "administratively prohibited", ""},
		{true, 1, 2, Unreachable, "beyond the scope of the source address", ""},
		{true, 1, 3, Unreachable, "address unreachable", ""},
		{true, 1, 4, Rejected, "port unreachable", firewall},
		{true, 1, 5, Rejected, "source address failed the ingress or egress policy", ""},
		{true, 1, 6, Rejected, "a reject route to the destination", ""},
		{true, 1, 7, Unreachable, "error in the source routing header", ""},
		{true, 1, 8, Rejected, "headers too long", ""},
		{true, 1, 9, Unreachable, "Destination unreachable: unknown code 9", ""},
		{true, 2, 0, Unreachable, "too large for a link on the way", ""},
		{true, 3, 0, Unreachable, "the hop limit ended on the way", ""},
		{true, 3, 1, Unreachable, "the time to put fragments together ended", ""},
		{true, 4, 0, Rejected, "erroneous header field", ""},
		{true, 4, 1, Rejected, "unrecognized next header", ""},
		{true, 4, 2, Rejected, "unrecognized option", ""},
	} {
		from, host := router4, host4
		if c.v6 {
			from, host = router6, host6
		}
		e := Event{Addr: host}
		e.judge(&rawsock.Outcome{Err: syscall.EHOSTUNREACH, ICMP: &rawsock.ICMPError{From: from, Type: c.typ, Code: c.code, V6: c.v6}})
		want := c.words + ", says " + from.String() + c.after
		for _, tells := range []bool{true, false} {
			if got := e.reason(tells); e.State != c.state || got != want || e.Err != nil || e.ICMP.From != from {
				t.Errorf("%d/%d: %v %q, want %v %q", c.typ, c.code, e.State, got, c.state, want)
			}
		}
		e.ICMP.From = netip.Addr{}
		if got, want := e.Reason(), c.words+c.after; got != want {
			t.Errorf("%d/%d of nobody: %q, want %q", c.typ, c.code, got, want)
		}
	}
}

// TestOwnICMP is a neighbour that does not answer.
func TestOwnICMP(t *testing.T) {
	e := Event{Addr: host4}
	i := icmp4(1)
	i.From, i.Own = netip.MustParseAddr("192.0.2.99"), true
	for onLink, want := range map[bool]string{
		true:  "nobody at that address answers on this link (no ARP or neighbour discovery answer)",
		false: "neither it nor the router towards it answered ARP or neighbour discovery",
	} {
		i.OnLink = onLink
		e.judge(&rawsock.Outcome{Err: syscall.EHOSTUNREACH, ICMP: i})
		if got := e.Reason(); e.State != Unreachable || got != want {
			t.Errorf("%v %q, want %q", e.State, got, want)
		}
	}
}

// TestOwnFirewall refuses for this machine.
func TestOwnFirewall(t *testing.T) {
	for _, udp := range []bool{false, true} {
		e := Event{Addr: host4, UDP: udp}
		e.judge(&rawsock.Outcome{Err: syscall.ECONNREFUSED, ICMP: &rawsock.ICMPError{From: router4, Type: 3, Code: 3, Local: true}})
		const want = "port unreachable, says 10.0.0.1, an address of this machine: its own firewall"
		if got := e.Reason(); e.State != Rejected || got != want {
			t.Errorf("%v %q", e.State, got)
		}
	}
}

// TestJudge has what is no ICMP error.
func TestJudge(t *testing.T) {
	own := netip.MustParseAddrPort("192.0.2.99:40000")
	port := func(from netip.Addr, v6 bool) *rawsock.ICMPError {
		if v6 {
			return &rawsock.ICMPError{From: from, Type: 1, Code: 4, V6: true}
		}
		return &rawsock.ICMPError{From: from, Type: 3, Code: 3}
	}
	wrapped := func(n syscall.Errno) error { return os.NewSyscallError("connect", n) }
	const unsaid = ", says the system: the ICMP error behind that, and who sent it, are not known"
	const either = "connection refused: nothing listens there, or a firewall says so, which this system does not tell apart"
	for _, c := range []struct {
		name   string
		udp    bool
		tells  bool
		o      rawsock.Outcome
		state  State
		err    bool
		reason string
	}{
		{"open", false, true, rawsock.Outcome{Connected: true, SYNs: 1, Own: own}, Open, false, ""},
		{"open after two", false, true, rawsock.Outcome{Connected: true, SYNs: 3, Took: 3 * time.Second}, Open, false,
			"after 2 lost SYNs: the connect time has the wait for another try in it, the round trip is not known"},
		{"reset after two", false, true, rawsock.Outcome{Connected: true, SYNs: 2, Took: time.Second, Err: syscall.ECONNRESET}, Open, false,
			"after 1 lost SYN: reset after the connection was accepted"},
		{"closed and then reset", false, true, rawsock.Outcome{Connected: true, SYNs: 1, Err: syscall.EPIPE}, Open, false, ""},
		{"old connection", false, true, rawsock.Outcome{Connected: true, SYNs: 2, Took: 13 * ms}, Open, false,
			"after 2 SYNs, as the server still had an old connection between the same ports: the round trip is not known"},
		{"old connection and refused", false, true, rawsock.Outcome{Err: wrapped(syscall.ECONNREFUSED), SYNs: 2, Took: 13 * ms}, Closed, false,
			"after 2 SYNs, as the server still had an old connection between the same ports: " +
				"connection refused: a machine answered with a reset, and nothing listens there"},
		{"self", false, true, rawsock.Outcome{Connected: true, SYNs: 1, Own: host4}, Closed, false,
			"connected to itself: nobody listens there, and the system chose that very port for this end"},
		{"refused", false, true, rawsock.Outcome{Err: wrapped(syscall.ECONNREFUSED), SYNs: 1}, Closed, false,
			"connection refused: a machine answered with a reset, and nothing listens there"},
		{"refused late", false, true, rawsock.Outcome{Err: wrapped(syscall.ECONNREFUSED), SYNs: 2, Took: time.Second}, Closed, false,
			"after 1 lost SYN: connection refused: a machine answered with a reset, and nothing listens there"},
		{"refused elsewhere", false, false, rawsock.Outcome{Err: wrapped(syscall.ECONNREFUSED)}, Closed, false, either},
		{"kernel gave up", false, true, rawsock.Outcome{Err: wrapped(syscall.ETIMEDOUT), SYNs: 7, Took: 127 * time.Second}, Filtered, false,
			"no answer to 7 SYNs in 127 s"},
		{"silence", false, true, rawsock.Outcome{SYNs: 1, Took: 900 * ms}, Filtered, false, "no answer to 1 SYN in 900 ms"},
		{"silence elsewhere", false, false, rawsock.Outcome{Took: 3500 * ms}, Filtered, false, "no answer in 3.5 s"},
		{"prohibited", false, false, rawsock.Outcome{Err: wrapped(syscall.EACCES)}, Rejected, true, "administratively prohibited" + unsaid},
		{"protocol", false, false, rawsock.Outcome{Err: wrapped(syscall.ENOPROTOOPT)}, Rejected, true, "protocol unreachable" + unsaid},
		{"network", false, false, rawsock.Outcome{Err: wrapped(syscall.ENETUNREACH)}, Unreachable, true, "network unreachable" + unsaid},
		{"host", false, false, rawsock.Outcome{Err: wrapped(syscall.EHOSTUNREACH)}, Unreachable, true, "host unreachable" + unsaid},
		{"host down", false, false, rawsock.Outcome{Err: wrapped(syscall.EHOSTDOWN)}, Unreachable, true, "host down" + unsaid},
		{"other ICMP", false, true, rawsock.Outcome{Err: wrapped(syscall.ECONNREFUSED), ICMP: &rawsock.ICMPError{Type: 5}}, Closed, false,
			"port unreachable, says the host itself: nothing listens there"},

		{"answered", true, true, rawsock.Outcome{Connected: true, SYNs: 1, Own: own, Answer: []byte("x")}, Open, false, ""},
		{"answered late", true, true, rawsock.Outcome{Connected: true, SYNs: 2}, Open, false,
			"answered after 2 datagrams: to which of them, and so the round trip, is not known"},
		{"refused late", true, true, rawsock.Outcome{Err: wrapped(syscall.ECONNREFUSED), ICMP: port(host4.Addr(), false), SYNs: 2}, Closed, false,
			"after 2 datagrams: port unreachable, says the host itself: nothing listens there"},
		{"port", true, true, rawsock.Outcome{Err: wrapped(syscall.ECONNREFUSED), ICMP: port(host4.Addr(), false), SYNs: 1}, Closed, false,
			"port unreachable, says the host itself: nothing listens there"},
		{"port of a router", true, true, rawsock.Outcome{Err: wrapped(syscall.ECONNREFUSED), ICMP: port(router4, false)}, Rejected, false,
			"port unreachable, says 10.0.0.1, which is not the host that was asked: a firewall"},
		{"port of a router by IPv6", true, true, rawsock.Outcome{Err: wrapped(syscall.ECONNREFUSED), ICMP: port(router6, true)}, Rejected, false,
			"port unreachable, says 2001:db8::1, which is not the host that was asked: a firewall"},
		{"refused", true, true, rawsock.Outcome{Err: wrapped(syscall.ECONNREFUSED)}, Closed, false, "connection refused: port unreachable"},
		{"silence", true, true, rawsock.Outcome{SYNs: 3, Took: 3500 * ms}, Filtered, false,
			"open or filtered: no answer to 3 datagrams in 3.5 s"},
	} {
		e := Event{Addr: host4, UDP: c.udp}
		e.judge(&c.o)
		if got := e.reason(c.tells); e.State != c.state || got != c.reason || (e.Err != nil) != c.err {
			t.Errorf("%s: %v %q %v, want %v %q", c.name, e.State, got, e.Err, c.state, c.reason)
		}
	}
}

// TestLocal has what this machine refuses by itself.
func TestLocal(t *testing.T) {
	linkLocal := netip.MustParseAddrPort("[fe80::1]:80")
	for _, c := range []struct {
		err  error
		to   netip.AddrPort
		want string
	}{
		{syscall.ENETUNREACH, host4, "no route to it on this machine"},
		{syscall.EHOSTUNREACH, host4, "a route of this machine says unreachable"},
		{syscall.EACCES, host4, "a route of this machine says prohibit, or it is a broadcast address"},
		{syscall.EPERM, host4, "a firewall of this machine does not let it out"},
		{syscall.EINVAL, host4, "a route of this machine says blackhole"},
		{syscall.EINVAL, linkLocal, "a link-local address needs its interface, as in fe80::1%eth0"},
		{syscall.EADDRNOTAVAIL, host4, "no source port is left for it"},
		{explainedError{syscall.EADDRNOTAVAIL, "this machine has no source address for it"}, host4, "this machine has no source address for it"},
		{syscall.ENOSPC, host4, "this user has no watch left (sysctl fs.epoll.max_user_watches)"},
		{syscall.EADDRINUSE, host4, "no source port is left for it with that source address"},
		{syscall.EMFILE, host4, "this process has no descriptor left (ulimit -n)"},
		{syscall.ENFILE, host4, "this machine has no descriptor left (sysctl fs.file-max)"},
		{syscall.ENOBUFS, host4, "this machine has no memory left for it"},
		{syscall.ENOMEM, host4, "this machine has no memory left for it"},
		{syscall.EAGAIN, host4, "this machine has no memory left for it"},
		{syscall.ENETDOWN, host4, "the interface is down"},
		{syscall.ENODEV, host4, "there is no such interface"},
		{syscall.EAFNOSUPPORT, host6, "this machine has no IPv6"},
		{syscall.EAFNOSUPPORT, host4, "this machine has no IPv4"},
		{syscall.EMSGSIZE, host4, "the datagram is larger than the way to it allows"},
		{errors.New("something else"), host4, "something else"},
		{syscall.EIO, host4, "connect: " + syscall.EIO.Error()},
	} {
		err := c.err
		if n, ok := err.(syscall.Errno); ok {
			err = os.NewSyscallError("connect", n)
		}
		e := Event{Addr: c.to}
		e.judge(&rawsock.Outcome{Local: true, Err: err})
		if got := e.Reason(); e.State != Failed || e.Err != err || got != c.want {
			t.Errorf("%v: %v %q, want %q", c.err, e.State, got, c.want)
		}
	}
}

// TestWords has an end to every one of them: no state is without a name, and no other kind says anything of a port.
func TestWords(t *testing.T) {
	for s := Open; s <= Failed; s++ {
		if s.String() == "unknown" || s.String() == "none" {
			t.Errorf("state %d has no name", s)
		}
	}
	if Failed.String() != "error" || State(99).String() != "unknown" || Kind(99).String() != "unknown" {
		t.Error("the names are not what they were")
	}
	for k, name := range map[Kind]string{Result: "result", Done: "done", Middlebox: "middlebox", Narrowed: "narrowed"} {
		if k.String() != name {
			t.Errorf("%v, want %v", k, name)
		}
	}
	if r := (&Event{Kind: Done, State: Filtered}).Reason(); r != "" {
		t.Error(r)
	}
	if r := (&Event{Kind: Middlebox}).Reason(); !strings.Contains(r, "nobody asked for") {
		t.Error(r)
	}
	for d, want := range map[time.Duration]string{
		3500 * ms: "3.5 s", time.Second: "1 s", 1250 * ms: "1.2 s", 250 * ms: "250 ms", 1500 * time.Microsecond: "1.5 ms", 0: "0 ms",
	} {
		if got := seconds(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}
