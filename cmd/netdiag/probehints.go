package main

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"

	"github.com/netdiag/netdiag/local"
	"github.com/netdiag/netdiag/probe"
)

// mostProbeHints is how many results of a run get a hint, and how many may have this machine looked at for it.
const mostProbeHints = 8

// probeHints finds what would help where a port is not open.
type probeHints struct {
	udp     bool
	sockets func(udp bool, port uint16) ([]local.Socket, error)
	own     func(netip.Addr) bool // the address is this machine's
	asked   int
}

// newProbeHints returns the hints that this machine gives.
func newProbeHints(udp bool) *probeHints {
	return &probeHints{udp: udp, sockets: local.Sockets, own: isOwnAddr}
}

// isOwnAddr reports whether an address is this machine's.
func isOwnAddr(a netip.Addr) bool {
	if a.IsLoopback() || a.IsUnspecified() {
		return true
	}
	interfaces, _ := local.Interfaces()
	return slices.ContainsFunc(interfaces, func(i local.Interface) bool {
		return slices.ContainsFunc(i.Addrs, func(o local.Addr) bool { return o.Prefix.Addr() == a.WithZone("") })
	})
}

// advice returns an error with what would help about a result; nil: nothing is known.
func (h *probeHints) advice(r *probeResult) error {
	addr := r.Addr.Addr()
	switch {
	case h.asked >= mostProbeHints:
	case r.State == probe.Open:
		return startTLSAdvice(r)
	case r.State == probe.Failed:
		h.asked++
		return failureAdvice(r.Err, addr)
	case r.State == probe.Closed && !r.Self:
		h.asked++
		if !h.own(addr) {
			return nil
		}
		if text := h.listeners(addr, r.port); text != "" {
			return &advised{errors.New("closed"), text}
		}
	case r.State == probe.Unreachable && r.ICMP != nil && r.ICMP.Own:
		h.asked++
		return &advised{errors.New("unreachable"),
			fmt.Sprintf("the machine is off, or in another network than this one takes it to be: netdiag routes %v", addr)}
	}
	return nil
}

// startTLSAdvice says in which protocol a server that does not begin with TLS takes it; nil: that is not so.
func startTLSAdvice(r *probeResult) error {
	if r.Said == nil {
		return nil
	}
	if e, ok := errors.AsType[*probe.TLSError](r.Said.Err); ok && e.StartTLS != "" {
		return &advised{e, "at this port TLS is asked for first: --starttls " + e.StartTLS}
	}
	return nil
}

// listeners says where this machine listens on a port that is closed at addr; "": nowhere.
func (h *probeHints) listeners(addr netip.Addr, port uint16) string {
	sockets, err := h.sockets(h.udp, port)
	if err != nil {
		return ""
	}
	var places []string
	for _, s := range sockets {
		if s.TimeWait || s.Addr.Addr().WithZone("") == addr.WithZone("") {
			continue
		}
		place := s.Addr.String()
		switch {
		case s.Program != "" && s.PID > 0:
			place += fmt.Sprintf(" (%s, pid %d)", s.Program, s.PID)
		case s.Program != "":
			place += " (" + s.Program + ")"
		}
		if !slices.Contains(places, place) {
			places = append(places, place)
		}
	}
	if len(places) == 0 {
		return ""
	}
	return fmt.Sprintf("on this machine something listens on %s only", strings.Join(places, " and "))
}

// failureAdvice returns what would help where this machine could not try.
func failureAdvice(err error, addr netip.Addr) error {
	switch {
	case err == nil:
		return nil
	case noRoute(err):
		return &advised{err, fmt.Sprintf("which way this machine sees to it: netdiag routes %v", addr)}
	case errors.Is(err, syscall.EINVAL) && addr.Is6() && addr.IsLinkLocalUnicast():
		return &advised{err, "write the interface behind a link-local address, as [fe80::1%eth0]:80, or give it with -I"}
	}
	if shortage := shortageAdvice(err); shortage != nil {
		return shortage
	}
	return advise(err, fmt.Sprintf("a route of this machine prohibits it, or the address is a broadcast address: netdiag routes %v", addr))
}

// shortageAdvice returns what would help where this machine is short of something; nil where that is not so.
func shortageAdvice(err error) error {
	switch {
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return &advised{err, "more descriptors for this process: ulimit -n, or fewer attempts at a time: --concurrency"}
	case errors.Is(err, syscall.EADDRNOTAVAIL), errors.Is(err, syscall.EADDRINUSE):
		return &advised{err, "the source ports are used up: see sysctl net.ipv4.ip_local_port_range, or try fewer at a time: --concurrency, --rate"}
	}
	return nil
}
