package main

import (
	"context"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/netdiag/netdiag/local"
)

// routing is what this machine's kernel tells about where packets go. Package local does it.
type routing struct {
	routes func(all bool) ([]local.Route, error)
	rules  func() ([]local.Rule, error)
	decide func(netip.Addr, local.Ask) (local.Decision, error)
}

// routesFlags are the flags of routes.
type routesFlags struct {
	source netip.Addr
	from   string // an interface, or an address
	mark   uint32
	uid    uint32 // of c.isSet("uid")
}

// routesCommand is the table's entry of routes.
func routesCommand() command {
	f := &routesFlags{}
	return command{
		name:     "routes",
		summary:  "show the routing table, or which way packets to a destination take",
		operands: "[DEST...]",
		also:     []string{"route", "netstat"},
		about: `Without a DEST it shows the main routing tables as netstat -nr does, with -v all tables and the policy rules that choose
between them. Names are never looked up there. A route over several gateways has a line for each. The flags:
` + routeLettersHelp() + `
A DEST is a name, an address or a network, which stands for its address. For each the kernel itself says what it does with a
packet to it, rules, marks, metrics and all; none is sent there. It is a packet of UDP without a port: rules for other
protocols or for ports do not apply to it. A link-local address needs its interface: fe80::1%eth0.

The exit status is 0 if the kernel has a way to every DEST (to one address of a name at least), 1 if it takes none: no route,
or one that prohibits it, says that it is unreachable or lets it vanish. It is 2 if that could not be asked.`,
		examples: []example{
			{"netdiag routes", "the routing table"},
			{"netdiag routes 192.0.2.7", "which interface, gateway and source address a packet takes"},
			{"netdiag routes --from 10.0.0.5 --uid 1000 example.net", "which way those of a user take from an address"},
			{"netdiag routes -v -6", "all IPv6 tables, and the rules"},
		},
		flags: f.flags(),
		run:   func(ctx context.Context, c *call) (status, error) { return f.run(ctx, c, newOwnKernel(), newMachine()) },
	}
}

// flags returns the flags that set f.
func (f *routesFlags) flags() []cli.Flag {
	return group("Packets to DEST",
		custom(&addrValue{&f.source}, "from", "that come from this `ADDRESS`"),
		text(&f.from, "I,interface", "that leave by this `INTERFACE`, or come from this address"),
		integer(&f.mark, "m,mark", "that have the fwmark `N` (Linux)", 1, math.MaxUint32),
		integer(&f.uid, "uid", "that a program of the user with the number `N` sends (Linux)", 0, math.MaxUint32-1),
	)
}

// run is netdiag routes over a kernel.
func (f *routesFlags) run(ctx context.Context, c *call, kernel *ownKernel, names lookup) (status, error) {
	ask, err := f.check(c)
	if err != nil {
		return unable, inCommand("routes", err)
	}
	if len(c.args) == 0 {
		return showRoutes(c, kernel)
	}
	list, err := newDestinations(c.args)
	if err == nil {
		err = joined([]error{f.fits(c, ask, list), kernel.has(ask.Interface)})
	}
	if err != nil {
		return unable, inCommand("routes", err)
	}
	finder := &targetFinder{lookup: names, family: f.family(c, ask), flag: "-I", scoped: ask.Interface != "" || ask.Source.Zone() != ""}
	return decideAll(ctx, c, kernel, finder, ask, list)
}

// check returns what the flags ask of the kernel, and refuses what does not go together.
func (f *routesFlags) check(c *call) (local.Ask, error) {
	ask := local.Ask{Source: f.source, Mark: f.mark}
	if c.isSet("uid") {
		ask.User = &f.uid
	}
	addr, err := netip.ParseAddr(f.from)
	switch {
	case err != nil:
		ask.Interface = f.from
	case f.source.IsValid():
		return ask, usagef("-I %s and --from exclude each other: -I takes an interface beside it", f.from)
	default:
		ask.Source = addr.Unmap()
	}
	for _, flag := range []string{"from", "I", "mark", "uid"} {
		if c.isSet(flag) && len(c.args) == 0 {
			return ask, usagef("%s is about packets to a destination, and none is given", dashed(flag))
		}
	}
	switch {
	case c.isSet("I") && f.from == "":
		return ask, usagef("-I needs the name of an interface")
	case ask.Source.IsValid() && ask.Source.IsUnspecified():
		return ask, usagef("%s: not the address of a machine", f.sourceFlag(ask)).hint("leave it out for the address that the kernel chooses")
	case ask.Source.IsValid() && !c.family().has(ask.Source):
		return ask, usagef("%s: not an %v address", f.sourceFlag(ask), c.family())
	}
	return ask, nil
}

// sourceFlag returns the flag that says where packets come from, as it was given.
func (f *routesFlags) sourceFlag(ask local.Ask) string {
	if f.source.IsValid() {
		return fmt.Sprintf("--from %v", ask.Source)
	}
	return fmt.Sprintf("-I %v", ask.Source)
}

// fits returns an error if packets from the address that was given cannot go to one of the destinations, as they are of different families.
func (f *routesFlags) fits(c *call, ask local.Ask, list []*destination) error {
	of := f.family(c, ask)
	for _, d := range list {
		if ask.Source.IsValid() && !d.Name && !of.has(d.Addr) {
			return usagef("%s: not an %v address, as %s is", d.Text, of, f.sourceFlag(ask))
		}
	}
	return nil
}

// family returns the family that destinations must have: what the user asked for, or that of the source address.
func (f *routesFlags) family(c *call, ask local.Ask) family {
	switch {
	case !ask.Source.IsValid():
		return c.family()
	case ask.Source.Is4():
		return ipv4
	}
	return ipv6
}

// routeLetter is a flag of a route in the table.
type routeLetter struct {
	letter string
	means  string
	has    func(local.Route) bool
}

// routeLetters is the table of flags, in the order in which they are shown: those of netstat, as far as systems agree.
func routeLetters() []routeLetter {
	kind := func(kinds ...string) func(local.Route) bool {
		return func(r local.Route) bool { return slices.Contains(kinds, r.Kind) }
	}
	by := func(protocols ...string) func(local.Route) bool {
		return func(r local.Route) bool { return slices.Contains(protocols, r.Protocol) }
	}
	return []routeLetter{
		{"U", "it can be used", func(r local.Route) bool {
			return !slices.Contains(r.Flags, "dead") && !slices.Contains(r.Flags, "linkdown")
		}},
		{"G", "by a gateway", func(r local.Route) bool { return r.Gateway.IsValid() }},
		{"c", "for some packets alone: of a type of service, or from some senders (-v says which)", func(r local.Route) bool { return r.TOS != 0 || r.From.IsValid() }},
		{"H", "to one host", func(r local.Route) bool { return r.Dst.IsSingleIP() }},
		{"P", "one of several paths", func(r local.Route) bool { return len(r.Hops) > 1 }},
		{"S", "set by hand or by a program, DHCP among them", func(r local.Route) bool { return !by("", "kernel", "ra", "redirect")(r) }},
		{"A", "set by a router's advertisement", by("ra")},
		{"D", "set by a redirect", by("redirect")},
		{"!", "refused: prohibit or unreachable", kind(local.KindProhibit, local.KindUnreachable)},
		{"B", "vanishes: blackhole", kind(local.KindBlackhole)},
		{"T", "looked for in the next table: throw", kind(local.KindThrow)},
		{"l", "an address of this machine", kind(local.KindLocal, local.KindAnycast)},
		{"b", "a broadcast address", kind(local.KindBroadcast)},
		{"m", "multicast", kind(local.KindMulticast)},
	}
}

// lettersOf returns the flags of a route.
func lettersOf(r local.Route) string {
	var b strings.Builder
	for _, l := range routeLetters() {
		if l.has(r) {
			b.WriteString(l.letter)
		}
	}
	return b.String()
}

// routeLettersHelp lists the flags for the help.
func routeLettersHelp() string {
	var b strings.Builder
	for _, l := range routeLetters() {
		fmt.Fprintf(&b, "  %s  %s\n", l.letter, l.means)
	}
	return b.String()
}
