package main

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/netdiag/netdiag/local"
	"github.com/netdiag/netdiag/serve"
)

// nameTable is a lookup of the names that it has.
type nameTable map[string][]netip.Addr

// Addrs implements lookup.
func (n nameTable) Addrs(_ context.Context, name string, f family) ([]netip.Addr, error) {
	found := having(n[name], f.has)
	if len(found) == 0 {
		return nil, &lookupError{name: name, reason: "name not known"}
	}
	return found, nil
}

func TestServePlace(t *testing.T) {
	names := nameTable{"localhost": {loopback4(), netip.IPv6Loopback()}, "six.example": {netip.MustParseAddr("2001:db8::1")}}
	tests := []struct {
		args   string
		family family
		want   string // what it listens on
		err    string // contained
	}{
		{"", anyFamily, "0.0.0.0:7777", ""},
		{"", ipv4, "0.0.0.0:7777", ""},
		{"", ipv6, "[::]:7777 only", ""},
		{"8080", anyFamily, "0.0.0.0:8080", ""},
		{":8080", anyFamily, "0.0.0.0:8080", ""},
		{"*:8080", ipv6, "[::]:8080 only", ""},
		{"0", anyFamily, "0.0.0.0:0", ""},
		{"192.0.2.1", anyFamily, "192.0.2.1:7777", ""},
		{"192.0.2.1:80", anyFamily, "192.0.2.1:80", ""},
		{"192.0.2.1 80", anyFamily, "192.0.2.1:80", ""},
		{"[::]:7777", anyFamily, "[::]:7777", ""},
		{"[::]:7777", ipv6, "[::]:7777 only", ""},
		{"[::]", anyFamily, "[::]:7777", ""},
		{"::", anyFamily, "[::]:7777", ""},
		{"::1", anyFamily, "[::1]:7777", ""},
		{"[fe80::1%eth0]:80", anyFamily, "[fe80::1%eth0]:80", ""},
		{"localhost:80", anyFamily, "127.0.0.1:80 also ::1", ""},
		{"localhost", ipv6, "[::1]:7777", ""},
		{"six.example", anyFamily, "[2001:db8::1]:7777", ""},
		{"six.example", ipv4, "", "name not known"},
		{"192.0.2.1", ipv6, "", "192.0.2.1 is no IPv6 address"},
		{"[::]:80", ipv4, "", ":: is no IPv4 address"},
		{"fe80::1", anyFamily, "", "needs its interface"},
		{"65536", anyFamily, "", "65536 is no port"},
		{"host:http", anyFamily, "", `"http" is no port`},
		{"host:", anyFamily, "", `"" is no port`},
		{"host:-1", anyFamily, "", `"-1" is no port`},
		{"::1:x", anyFamily, "", "brackets"},
		{"[192.0.2.1]:80", anyFamily, "", "brackets stand around an IPv6 address"},
		{"300.1.1.1:80", anyFamily, "", "300"},
		{"a b c", anyFamily, "", "not at 3"},
		{"192.0.2.1 x", anyFamily, "", `"x" is no port`},
		{"http://a:80", anyFamily, "", "a URL"},
	}
	for _, tt := range tests {
		place, err := parsePlace(strings.Fields(tt.args))
		var at listenAddr
		if err == nil {
			at, err = place.find(t.Context(), names, tt.family)
		}
		if tt.err != "" || err != nil {
			if err == nil || tt.err == "" || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%q: %v, want %q", tt.args, err, tt.err)
			}
			continue
		}
		got := at.String()
		if at.v6only {
			got += " only"
		}
		if remark := at.remark(place); remark != "" {
			got += " also " + at.also[0].String()
		}
		if got != tt.want {
			t.Errorf("%q with %v: %s, want %s", tt.args, tt.family, got, tt.want)
		}
	}
}

// card returns an interface that is up, with addresses of which each may have flags behind it.
func card(name, kind string, addrs ...string) local.Interface {
	i := local.Interface{Name: name, Kind: kind, Up: true, Signal: local.CarrierYes}
	for _, text := range addrs {
		prefix, flags, _ := strings.Cut(text, " ")
		i.Addrs = append(i.Addrs, local.Addr{Prefix: netip.MustParsePrefix(prefix), Flags: strings.Fields(flags)})
	}
	return i
}

func out(dev, source string) local.Way {
	return local.Way{Interface: dev, Source: netip.MustParseAddr(source)}
}

func TestServeReached(t *testing.T) {
	lo := card("lo", "loopback", "127.0.0.1/8", "::1/128")
	eth := card("eth0", "ethernet", "192.168.0.18/24", "2001:db8::9/64 temporary", "2001:db8::1/64", "fe80::1/64")
	docker := card("docker0", "bridge", "172.17.0.1/16", "fd00::1/64")
	down := card("eth9", "ethernet", "10.9.9.9/8")
	down.Up = false
	tests := []struct {
		name   string
		side   serveSide
		bound  string
		v6only bool
		want   string // with " alone" where a note says that nobody else reaches it
	}{
		{"a certain address", serveSide{interfaces: []local.Interface{lo, eth}, v4: out("eth0", "192.168.0.18")}, "172.17.0.1", false, "172.17.0.1"},
		{"the default route's", serveSide{interfaces: []local.Interface{lo, docker, eth}, v4: out("eth0", "192.168.0.18")}, "0.0.0.0", false, "192.168.0.18"},
		{"public", serveSide{interfaces: []local.Interface{lo, docker, card("eth0", "ethernet", "203.0.113.5/24")}, v4: out("eth0", "203.0.113.5")}, "0.0.0.0", false, "203.0.113.5"},
		{"in a container", serveSide{interfaces: []local.Interface{lo, card("eth0", "veth", "172.17.0.2/16")}, v4: out("eth0", "172.17.0.2")}, "0.0.0.0", false, "172.17.0.2"},
		{"both families", serveSide{interfaces: []local.Interface{lo, eth}, v4: out("eth0", "192.168.0.18"), v6: out("eth0", "2001:db8::9")}, "::", false, "192.168.0.18 2001:db8::1"},
		{"IPv6 alone", serveSide{interfaces: []local.Interface{lo, eth}, v4: out("eth0", "192.168.0.18"), v6: out("eth0", "2001:db8::9")}, "::", true, "2001:db8::1"},
		{"no default route", serveSide{interfaces: []local.Interface{lo, docker, down, eth}}, "0.0.0.0", false, "192.168.0.18"},
		{"no default route, both", serveSide{interfaces: []local.Interface{lo, docker, down, eth}}, "::", false, "192.168.0.18 2001:db8::1"},
		{"a bridge of a network", serveSide{interfaces: []local.Interface{lo, docker, card("br0", "bridge", "192.168.1.1/24")}}, "0.0.0.0", false, "192.168.1.1"},
		{"a link alone", serveSide{interfaces: []local.Interface{lo, docker, card("eth0", "ethernet", "169.254.3.4/16")}}, "0.0.0.0", false, "169.254.3.4"},
		{"containers alone", serveSide{interfaces: []local.Interface{lo, docker, down}}, "0.0.0.0", false, "127.0.0.1 alone"},
		{"loopback alone", serveSide{interfaces: []local.Interface{lo}}, "::", false, "127.0.0.1 alone"},
		{"loopback alone, IPv6", serveSide{interfaces: []local.Interface{lo}}, "::", true, "::1 alone"},
		{"no IPv6", serveSide{interfaces: []local.Interface{card("lo", "loopback", "127.0.0.1/8")}}, "::", true, " alone"},
		{"nothing known", serveSide{}, "0.0.0.0", false, "127.0.0.1 alone"},
	}
	for _, tt := range tests {
		r := tt.side.reached(listenAddr{AddrPort: netip.AddrPortFrom(netip.MustParseAddr(tt.bound), 7777), v6only: tt.v6only})
		var got []string
		for _, a := range r.addrs {
			got = append(got, a.String())
		}
		if r.note != "" {
			got = append(got, "alone")
		}
		if len(r.addrs) == 0 {
			got = slices.Insert(got, 0, "")
		}
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, s, tt.want)
		}
	}
}

// held returns a socket that listens.
func held(addr string, pid, uid int, program string) local.Socket {
	return local.Socket{Addr: netip.MustParseAddrPort(addr), PID: pid, UID: uid, Program: program}
}

// doing returns a socket of that kind instead, with the other side that it has.
func doing(state local.SocketState, s local.Socket) local.Socket {
	s.State = state
	if state >= local.SocketConnects {
		s.Remote = netip.MustParseAddrPort("192.0.2.7:5000")
	}
	return s
}

func TestServeExplain(t *testing.T) {
	here := []local.Interface{card("lo", "loopback", "127.0.0.1/8"), card("eth0", "ethernet", "192.168.0.18/24", "2001:db8::5/64 tentative")}
	waiting := local.Socket{Addr: netip.MustParseAddrPort("192.168.0.18:80"), State: local.SocketTimeWait, TimeWait: true, UID: -1}
	only6 := held("[::]:80", 7, 0, "six")
	only6.V6Only = true
	tests := []struct {
		err     syscall.Errno
		addr    string
		uid     int
		sockets []local.Socket
		want    string
		hints   string // contained, of all
		partly  bool   // sockets that are bound are not told
	}{
		{syscall.EADDRINUSE, "0.0.0.0:80", 0, []local.Socket{held("127.0.0.1:80", 42, 0, "nginx"), waiting}, "0.0.0.0:80 is in use: nginx (pid 42) listens on 127.0.0.1:80", "others are free: netdiag serve 192.168.0.18:80|or take another port: netdiag serve 0.0.0.0:81", false},
		{syscall.EADDRINUSE, "192.168.0.18:80", 0, []local.Socket{held("0.0.0.0:80", 42, 0, "nginx")}, "192.168.0.18:80 is in use: nginx (pid 42) listens on 0.0.0.0:80", "take another port: netdiag serve 192.168.0.18:81", false},
		{syscall.EADDRINUSE, "0.0.0.0:80", 1000, []local.Socket{held("[::]:80", 0, 33, "")}, "0.0.0.0:80 is in use: a program of the user with uid 33 listens on [::]:80", "run as root to see which program that is|or take another port", false},
		{syscall.EADDRINUSE, "0.0.0.0:80", 0, []local.Socket{only6, held("0.0.0.0:80", 8, 0, "four"), held("0.0.0.0:80", 8, 0, "four")}, "0.0.0.0:80 is in use: four (pid 8) listens on 0.0.0.0:80", "take another port", false},
		{syscall.EADDRINUSE, "127.0.0.1:80", 0, []local.Socket{held("127.0.0.2:80", 9, 0, "other"), held("127.0.0.1:80", -1, -1, "")}, "127.0.0.1:80 is in use: a program listens on 127.0.0.1:80", "take another port", false},
		{syscall.EADDRINUSE, "0.0.0.0:80", 0, []local.Socket{waiting}, "0.0.0.0:80 is in use: no program has it, but 1 connection that has ended holds it for up to a minute more (TIME_WAIT)", "take another port", false},
		{syscall.EADDRINUSE, "0.0.0.0:65535", 0, nil, "0.0.0.0:65535 is in use, but by now no program has it: try again", "take another port: netdiag serve 0.0.0.0:7777", false},
		{syscall.EADDRINUSE, "0.0.0.0:80", 0, []local.Socket{waiting}, "0.0.0.0:80 is in use: no program listens on it or is connected from it, but 1 connection that has ended holds it for up to a minute more (TIME_WAIT), or a program has bound it, which this system does not tell", "take another port", true},
		{syscall.EADDRINUSE, "0.0.0.0:80", 0, nil, "0.0.0.0:80 is in use, but no program listens on it or is connected from it: one has bound it, and this system does not tell which", "take another port", true},
		{syscall.EADDRINUSE, "0.0.0.0:80", 0, []local.Socket{waiting, doing(local.SocketConnected, held("192.168.0.18:80", 5, 0, "nc"))}, "0.0.0.0:80 is in use: nc (pid 5) has a connection between 192.168.0.18:80 and 192.0.2.7:5000", "it is free when that has ended: ss -tnp sport = :80|or take another port", false},
		{syscall.EADDRINUSE, "0.0.0.0:80", 0, []local.Socket{waiting, doing(local.SocketCloses, held("192.168.0.18:80", 0, -1, ""))}, "0.0.0.0:80 is in use: no program has it, but 1 connection of which no program knows any more holds it until the other side has closed, too, or is given up, and 1 connection that has ended holds", "take another port", false},
		{syscall.EADDRINUSE, "0.0.0.0:80", 0, []local.Socket{waiting, doing(local.SocketBound, held("127.0.0.1:80", 5, 0, "bad\nnetdiag: name"))}, "0.0.0.0:80 is in use: bad\\x0anetdiag: name (pid 5) has bound 127.0.0.1:80, and does not listen", "take another port", false},
		{syscall.EADDRINUSE, "0.0.0.0:80", 0, []local.Socket{doing(local.SocketConnected, held("192.168.0.18:80", 5, 0, "nginx")), held("0.0.0.0:80", 6, 0, "nginx")}, "0.0.0.0:80 is in use: nginx (pid 6) listens on 0.0.0.0:80", "take another port", false},
		{syscall.EACCES, "0.0.0.0:80", 1000, nil, "0.0.0.0:80: permission denied: on this system ports below 1024 need a privilege", "take a port above: netdiag serve 0.0.0.0:8080|or ", false},
		{syscall.EACCES, "0.0.0.0:8080", 1000, nil, "0.0.0.0:8080: permission denied, though ports from 1024 on are free for every program here: a security module forbids it", "", false},
		{syscall.EADDRNOTAVAIL, "192.0.2.1:80", 0, nil, "192.0.2.1 is not an address of this machine", "this machine has 127.0.0.1 (lo), 192.168.0.18 (eth0)|or listen on all of them: netdiag serve 0.0.0.0:80", false},
		{syscall.EADDRNOTAVAIL, "[2001:db8::5]:80", 0, nil, "2001:db8::5 cannot be used", "listen on all of them: netdiag serve [::]:80", false},
		{syscall.EAFNOSUPPORT, "[::]:80", 0, nil, "[::]:80: this machine has no IPv6", "netdiag serve 0.0.0.0:80", false},
		{syscall.ENOMEM, "[::]:80", 0, nil, syscall.ENOMEM.Error(), "", false},
	}
	for _, tt := range tests {
		side := &serveSide{interfaces: here, first: 1024, uid: tt.uid, program: "/bin/netdiag",
			sockets: func(uint16) ([]local.Socket, bool, error) { return tt.sockets, !tt.partly, nil }}
		err := side.explain(tt.err, listenAddr{AddrPort: netip.MustParseAddrPort(tt.addr)})
		hints := strings.Join(hintsOf(err), "|")
		if !strings.HasPrefix(err.Error(), tt.want) || !errors.Is(err, tt.err) || !strings.Contains(hints, tt.hints) || tt.hints == "" && hints != "" {
			t.Errorf("%v of %s: %v (%s), want %s (%s)", tt.err, tt.addr, err, hints, tt.want, tt.hints)
		}
	}
}

func TestServeBesides(t *testing.T) {
	const self = 99
	for _, tt := range []struct {
		addr   string
		v6only bool
		other  local.Socket
		want   string
	}{
		{"0.0.0.0:80", false, held("[::1]:80", 5, 0, "six"), "six (pid 5) listens on [::1]:80: clients that use IPv6, as for the name localhost they may, reach that"},
		{"[::]:80", true, held("127.0.0.1:80", 5, 0, "four"), "four (pid 5) listens on 127.0.0.1:80: clients that use IPv4, as for the name localhost they may, reach that"},
		{"192.0.2.1:80", false, held("[::1]:80", 5, 0, "six"), ""},
		{"192.0.2.1:80", false, held("192.0.2.2:80", 5, 0, "other"), ""},
		{"0.0.0.0:80", false, held("127.0.0.1:80", 5, 0, "special"), "special (pid 5) listens on 127.0.0.1:80: clients of that address reach that"},
		{"0.0.0.0:80", false, held("0.0.0.0:80", self, 0, "netdiag"), ""},
		{"0.0.0.0:80", false, held("0.0.0.0:80", 0, 0, ""), ""},
	} {
		side := &serveSide{pid: self, sockets: func(uint16) ([]local.Socket, bool, error) { return []local.Socket{tt.other, tt.other}, true, nil }}
		got := side.besides(listenAddr{AddrPort: netip.MustParseAddrPort(tt.addr), v6only: tt.v6only})
		if strings.Join(got, "|") != tt.want {
			t.Errorf("%s beside %v: %q, want %q", tt.addr, tt.other.Addr, got, tt.want)
		}
	}
}

func TestServeConfig(t *testing.T) {
	base := serve.Config{MaxClients: 1000, Idle: 10 * time.Second}
	with := func(change func(*serve.Config)) serve.Config {
		c := base
		change(&c)
		return c
	}
	says := func(text string) serve.Config { return with(func(c *serve.Config) { c.Message = []byte(text) }) }
	for _, tt := range []struct {
		args string
		want serve.Config
		err  string // contained
	}{
		{"", base, ""},
		{"--message=hi", says("hi\n"), ""},
		{`--message=hi\r\n`, says("hi\r\n"), ""},
		{"--message=hi --no-newline", says("hi"), ""},
		{"--message=", says(""), ""},
		{`--message=\x00\xff\\ --no-newline`, says("\x00\xff\\"), ""},
		{"--echo", with(func(c *serve.Config) { c.Mode = serve.Echo }), ""},
		{"--echo --message=hi", with(func(c *serve.Config) { c.Mode, c.Message = serve.Echo, []byte("hi\n") }), ""},
		{"--hold", with(func(c *serve.Config) { c.Mode, c.Idle = serve.Hold, -1 }), ""},
		{"--hold --idle 3", with(func(c *serve.Config) { c.Mode, c.Idle = serve.Hold, 3*time.Second }), ""},
		{"--reset --once --max-clients 5", with(func(c *serve.Config) { c.Mode, c.Once, c.MaxClients = serve.Reset, true, 5 }), ""},
		{"--idle 0", with(func(c *serve.Config) { c.Idle = -1 }), ""},
		{"--idle 200ms --tls", with(func(c *serve.Config) { c.Idle = 200 * ms }), ""},
		{"--echo --reset", base, "--echo and --reset exclude each other"},
		{"--hold --message x", base, "--hold and --message exclude each other"},
		{"--reset --message x", base, "--reset and --message exclude each other"},
		{"--reset --tls", base, "--reset and --tls exclude each other"},
		{"--no-newline", base, "--no-newline is for --message"},
		{`--message \q`, base, "not known"},
		{"--max-clients 0", base, "out of range"},
		{"--idle -1", base, "out of range"},
	} {
		f := newServeFlags()
		c, err := parsedBy(t, f.flags(), f.check, strings.Fields(tt.args)...)
		if tt.err != "" || err != nil {
			if err == nil || tt.err == "" || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%s: %v, want %q", tt.args, err, tt.err)
			}
			continue
		}
		if diff := cmp.Diff(tt.want, f.config(c), cmpopts.EquateComparable(netip.AddrPort{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.args, diff)
		}
	}
}
