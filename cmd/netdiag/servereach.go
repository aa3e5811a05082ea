package main

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/netdiag/netdiag/local"
)

// loopback4 returns how this machine alone reaches itself over IPv4.
func loopback4() netip.Addr { return netip.AddrFrom4([4]byte{127, 0, 0, 1}) }

// serveSide is what serve needs to know of this machine. What the system does not tell is left out.
type serveSide struct {
	interfaces []local.Interface
	v4, v6     local.Way
	sockets    func(port uint16) (list []local.Socket, all bool, err error) // local.Holders
	first      int                                                          // the first port that is free for all; 0: every one
	pid, uid   int                                                          // of this process
	program    string                                                       // its file
}

// newServeSide returns this machine's.
func newServeSide() *serveSide {
	s := &serveSide{
		sockets: local.Holders,
		first:   local.FirstUnprivileged(), pid: os.Getpid(), uid: os.Geteuid(), program: "netdiag",
	}
	// Without these clients are told less.
	s.interfaces, _ = local.Interfaces()
	s.v4, s.v6, _ = local.World()
	if file, err := os.Executable(); err == nil {
		s.program = file
	}
	return s
}

// reached is where clients reach a server.
type reached struct {
	addrs []netip.Addr // first the one to tell; none: nobody reaches it
	note  string       // what is to be known about it; "": nothing
}

// reached returns how clients reach a server that listens on an address: on a certain one by that; otherwise by the one by which this
// machine reaches the world, or if it does not by the best that it has on an interface that leads to other machines.
func (s *serveSide) reached(at listenAddr) reached {
	bound := at.Addr()
	if !bound.IsUnspecified() {
		return reached{addrs: []netip.Addr{bound}}
	}
	var r reached
	families := []family{ipv4}
	if bound.Is6() {
		families = []family{ipv4, ipv6}
	}
	if at.v6only {
		families = []family{ipv6}
	}
	for _, f := range families {
		if a, ok := s.outside(f); ok {
			r.addrs = append(r.addrs, a)
		}
	}
	if len(r.addrs) == 0 {
		only := loopback4()
		if at.v6only {
			only = netip.IPv6Loopback()
		}
		if len(s.interfaces) > 0 && !s.has(only) {
			return reached{note: fmt.Sprintf("this machine has no %v address at all: neither others nor programs on it reach this server", family4(only))}
		}
		r = reached{[]netip.Addr{only}, fmt.Sprintf("this machine has no address that others could connect to: only programs on it reach %v", only)}
	}
	return r
}

// has reports whether a is an address of an interface that is up.
func (s *serveSide) has(a netip.Addr) bool {
	return slices.ContainsFunc(s.interfaces, func(i local.Interface) bool {
		return i.Up && slices.ContainsFunc(i.Addrs, func(o local.Addr) bool { return o.Prefix.Addr() == a })
	})
}

// outside returns the address of a family by which others reach this machine best.
func (s *serveSide) outside(f family) (netip.Addr, bool) {
	own := newOwnSide(s.interfaces, s.v4, s.v6, f)
	way := own.v4
	if f == ipv6 {
		way = own.v6
	}
	if way.Source.IsValid() {
		return s.lasting(way), true
	}
	found := own.having(f, func(a sideAddr) bool {
		return classOf(a.addr) != linkAddr && !insideNetwork(a.dev) && !s.flagged(a.addr, "deprecated", "tentative", "temporary")
	})
	if f == ipv4 && len(found) == 0 { // better than none: it is reached on its link
		found = own.having(f, func(a sideAddr) bool { return classOf(a.addr) == linkAddr })
	}
	if len(found) == 0 {
		return netip.Addr{}, false
	}
	best := slices.MinFunc(found, func(a, b sideAddr) int { return own.rank(a) - own.rank(b) })
	return best.addr, true
}

// lasting returns the address of a way out. A temporary one (RFC 8981), which is for connections that begin here, is
// soon another: then it is a lasting one of the same interface.
func (s *serveSide) lasting(way local.Way) netip.Addr {
	if !s.flagged(way.Source, "temporary") {
		return way.Source
	}
	for _, i := range s.interfaces {
		for _, a := range i.Addrs {
			addr := a.Prefix.Addr()
			if i.Name == way.Interface && addr.Is6() && classOf(addr) == classOf(way.Source) &&
				!s.flagged(addr, "temporary", "deprecated", "tentative", "dadfailed") {
				return addr
			}
		}
	}
	return way.Source
}

// flagged reports whether this machine's address a has one of some flags.
func (s *serveSide) flagged(a netip.Addr, flags ...string) bool {
	return slices.ContainsFunc(s.interfaces, func(i local.Interface) bool {
		return slices.ContainsFunc(i.Addrs, func(o local.Addr) bool {
			return o.Prefix.Addr() == a && slices.ContainsFunc(flags, func(flag string) bool { return slices.Contains(o.Flags, flag) })
		})
	})
}

// insideNetwork reports whether an interface is, by its name, one to which container engines and hypervisors connect
// what runs on this machine. They are mostly bridges, as are others that do lead to other machines.
func insideNetwork(name string) bool {
	return slices.ContainsFunc([]string{
		"docker", "br-", "podman", "cni", "flannel", "cali", "cilium", "weave", "kube-", "nerdctl",
		"virbr", "vmnet", "vboxnet", "lxcbr", "lxdbr", "incusbr",
	}, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}
