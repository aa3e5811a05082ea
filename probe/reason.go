package probe

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/netdiag/netdiag/internal/packet"
)

// Reason says in words, with the evidence, why e is in its state; "" where the state says all. Of Narrowed it says
// what this machine is short of. There is nothing from the network in it but addresses.
func (e *Event) Reason() string { return e.reason(tellsICMP) }

// reason is Reason on a system that tells ICMP errors, or on one that does not.
func (e *Event) reason(tells bool) string {
	switch {
	case e.Kind == Narrowed:
		return e.local()
	case e.Kind == Middlebox:
		return "ports that nobody asked for open as well, and none was seen to refuse: something may answer for the host, be it there or not"
	case e.Kind != Result:
		return ""
	}
	switch e.State {
	case Open:
		if e.Reset {
			return e.lost("reset after the connection was accepted")
		}
		return e.lost("")
	case Closed:
		return e.lost(e.closed(tells))
	case Rejected, Unreachable:
		if e.ICMP == nil {
			return e.unsaid()
		}
		return e.icmp()
	case Filtered:
		return e.silence()
	case Failed:
		return e.local()
	}
	return ""
}

// lost puts what was lost before e in front of a reason.
func (e *Event) lost(reason string) string {
	if e.SYNs < 2 {
		return reason
	}
	sent, unknown := "after "+count(e.SYNs-1, "lost SYN"), "the connect time has the wait for another try in it, the round trip is not known"
	switch {
	case e.UDP && e.State == Open:
		sent = "answered after " + count(e.SYNs, "datagram")
		unknown = "to which of them, and so the round trip, is not known"
	case e.UDP:
		sent = "after " + count(e.SYNs, "datagram")
	case e.old():
		sent = "after " + count(e.SYNs, "SYN") + ", as the server still had an old connection between the same ports"
		unknown = "the round trip is not known"
	}
	if reason == "" {
		reason = unknown
	}
	return sent + ": " + reason
}

// firstResend is less than what a system waits before it sends a SYN once more because nothing came back: a second
// (RFC 6298 section 2).
const firstResend = 900 * time.Millisecond

// old reports whether it was no loss that took e more than one SYN: the server answered the first one with an acknowledgment
// of an old connection (RFC 9293 section 3.10.7.4), which this machine reset, to send another SYN within milliseconds.
func (e *Event) old() bool { return !e.UDP && e.SYNs > 1 && e.Took < firstResend }

// unit is what is sent to probe.
func (e *Event) unit() string {
	if e.UDP {
		return "datagram"
	}
	return "SYN"
}

// count returns n things, in words.
func count(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return strconv.Itoa(n) + " " + thing
}

// closed says why e is.
func (e *Event) closed(tells bool) string {
	switch {
	case e.Self:
		return "connected to itself: nobody listens there, and the system chose that very port for this end"
	case e.ICMP != nil:
		return "port unreachable, says the host itself: nothing listens there"
	case !tells:
		return "connection refused: nothing listens there, or a firewall says so, which this system does not tell apart"
	case e.UDP:
		return "connection refused: port unreachable"
	}
	return "connection refused: a machine answered with a reset, and nothing listens there"
}

// icmp says what the ICMP error of e means.
func (e *Event) icmp() string {
	switch {
	case e.ICMP.Own && e.ICMP.OnLink:
		return "nobody at that address answers on this link (no ARP or neighbour discovery answer)"
	case e.ICMP.Own:
		return "neither it nor the router towards it answered ARP or neighbour discovery"
	}
	v, _ := e.ICMP.verdict()
	words := v.words
	if words == "" {
		f := packet.IPv4
		if e.ICMP.V6 {
			f = packet.IPv6
		}
		words = (&packet.Error{Family: f, Type: e.ICMP.Type, Code: e.ICMP.Code}).Text()
	}
	if e.ICMP.From.IsValid() {
		words += ", says " + e.ICMP.From.String()
	}
	switch {
	case e.ICMP.Local:
		words += ", an address of this machine: its own firewall"
	case !e.ICMP.port():
	case e.UDP:
		words += ", which is not the host that was asked: a firewall"
	default:
		words += ": a firewall, as a host where nothing listens sends a reset"
	}
	return words
}

// unsaid says what an error of the system means that came from the network, where the ICMP error behind it is not known.
func (e *Event) unsaid() string {
	words := map[syscall.Errno]string{
		syscall.EACCES:       "administratively prohibited",
		syscall.ENOPROTOOPT:  "protocol unreachable",
		syscall.ENETUNREACH:  "network unreachable",
		syscall.EHOSTUNREACH: "host unreachable",
		hostDown:             "host down",
	}[errno(e.Err)]
	if words == "" {
		words = e.State.String()
	}
	return words + ", says the system: the ICMP error behind that, and who sent it, are not known"
}

// silence says what was not answered.
func (e *Event) silence() string {
	var b strings.Builder
	if e.UDP {
		b.WriteString("open or filtered: ")
	}
	b.WriteString("no answer")
	if e.SYNs > 0 {
		b.WriteString(" to " + count(e.SYNs, e.unit()))
	}
	b.WriteString(" in " + seconds(e.Took))
	if e.Cut {
		b.WriteString(", when the time of the run was up")
	}
	return b.String()
}

// seconds returns d in seconds, or in milliseconds where it is less than one, with at most one decimal.
func seconds(d time.Duration) string {
	unit, name := time.Second, " s"
	if d < time.Second {
		unit, name = time.Millisecond, " ms"
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", float64(d)/float64(unit)), ".0") + name
}

// local says why this machine could not try.
func (e *Event) local() string {
	if e.Err == nil {
		return "this machine could not try"
	}
	if x, ok := errors.AsType[explainedError](e.Err); ok {
		return x.why
	}
	switch errno(e.Err) {
	case syscall.ENETUNREACH:
		return "no route to it on this machine"
	case syscall.EHOSTUNREACH:
		return "a route of this machine says unreachable"
	case syscall.EACCES:
		return "a route of this machine says prohibit, or it is a broadcast address"
	case syscall.EPERM:
		return "a firewall of this machine does not let it out"
	case syscall.EINVAL:
		if a := e.Addr.Addr(); a.IsLinkLocalUnicast() && a.Is6() && a.Zone() == "" {
			return "a link-local address needs its interface, as in fe80::1%eth0"
		}
		return "a route of this machine says blackhole"
	case syscall.EADDRNOTAVAIL:
		return "no source port is left for it"
	case syscall.EADDRINUSE:
		return "no source port is left for it with that source address"
	case syscall.EMFILE:
		return "this process has no descriptor left (ulimit -n)"
	case syscall.ENFILE:
		return "this machine has no descriptor left (sysctl fs.file-max)"
	case syscall.ENOBUFS, syscall.ENOMEM, syscall.EAGAIN:
		return "this machine has no memory left for it"
	case syscall.ENOSPC:
		return "this user has no watch left (sysctl fs.epoll.max_user_watches)"
	case syscall.ENETDOWN:
		return "the interface is down"
	case syscall.ENODEV:
		return "there is no such interface"
	case syscall.EAFNOSUPPORT:
		if e.Addr.Addr().Is6() {
			return "this machine has no IPv6"
		}
		return "this machine has no IPv4"
	case syscall.EMSGSIZE:
		return "the datagram is larger than the way to it allows"
	}
	return e.Err.Error()
}
