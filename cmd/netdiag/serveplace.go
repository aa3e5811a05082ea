package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/netdiag/netdiag/serve"
)

// servePlace is where the user wants to listen.
type servePlace struct {
	host *Target // nil: everywhere
	port uint16  // 0: one that is free
}

// parsePlace reads the operands of serve: none, PORT, :PORT, ADDR, ADDR:PORT, or ADDR PORT.
func parsePlace(args []string) (servePlace, error) {
	switch len(args) {
	case 0:
		return servePlace{port: serve.DefaultPort}, nil
	case 1:
		return parseAddrPort(args[0])
	case 2: // as nc has it
		port, err := parsePort(args[1])
		if err != nil {
			return servePlace{}, err
		}
		return parseListen(args[0], port)
	}
	return servePlace{}, usagef("it listens at one place, ADDR:PORT, not at %d", len(args))
}

// parseAddrPort reads an operand that stands alone.
func parseAddrPort(s string) (servePlace, error) {
	if s != "" && strings.Trim(s, "0123456789") == "" {
		port, err := parsePort(s)
		return servePlace{port: port}, err
	}
	if strings.Contains(s, "://") {
		return servePlace{}, notAHost(s)
	}
	colon := strings.LastIndexByte(s, ':')
	_, noAddr := netip.ParseAddr(s)
	if _, bracketed := unbracket(s); bracketed || noAddr == nil || colon < 0 {
		return parseListen(s, serve.DefaultPort)
	}
	if strings.Contains(s[:colon], ":") && !strings.HasPrefix(s, "[") {
		return servePlace{}, usagef("%s: brackets stand around an IPv6 address with a port, as in [::1]:7777", s)
	}
	port, err := parsePort(s[colon+1:])
	if err != nil {
		return servePlace{}, fmt.Errorf("%s: %w", s, err)
	}
	return parseListen(s[:colon], port)
}

// parseListen returns the place that a host and a port are. An empty host and * are everywhere.
func parseListen(host string, port uint16) (servePlace, error) {
	if host == "" || host == "*" {
		return servePlace{port: port}, nil
	}
	t, err := parseHost(host)
	return servePlace{host: &t, port: port}, err
}

// parsePort reads the number of a port.
func parsePort(s string) (uint16, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return 0, usagef("%s is no port: it takes 1 to 65535, or 0 for one that is free", s)
	case err != nil:
		return 0, usagef("%q is no port: it takes a number, 1 to 65535, or 0 for one that is free", s)
	}
	return uint16(n), nil
}

// listenAddr is what a servePlace comes to on this machine.
type listenAddr struct {
	netip.AddrPort
	v6only bool         // of [::]: without IPv4
	also   []netip.Addr // further addresses of the name that it was given by
}

// find returns the address to listen on.
func (p servePlace) find(ctx context.Context, names lookup, f family) (listenAddr, error) {
	addrs := []netip.Addr{netip.IPv4Unspecified()}
	switch {
	case p.host != nil:
		finder := targetFinder{lookup: names, family: f, scoped: true} // it is said below how to give the scope
		var err error
		if addrs, err = finder.addrs(ctx, *p.host); err != nil {
			return listenAddr{}, err
		}
	case f == ipv6:
		addrs[0] = netip.IPv6Unspecified()
	}
	a := addrs[0]
	if a.Is6() && a.IsLinkLocalUnicast() && a.Zone() == "" {
		return listenAddr{}, &advised{fmt.Errorf("%v: a link-local address needs its interface", a),
			fmt.Sprintf("write the interface behind it, as [%v%%eth0]:%d", a, p.port)}
	}
	return listenAddr{netip.AddrPortFrom(a, p.port), f == ipv6 && a.IsUnspecified(), addrs[1:]}, nil
}

// remark says where else clients of the name might look for the server; "": nowhere.
func (l listenAddr) remark(p servePlace) string {
	if len(l.also) == 0 {
		return ""
	}
	return fmt.Sprintf("%s is %v, too, where this does not listen: clients that use that find nothing", p.host.Text, l.also[0])
}
