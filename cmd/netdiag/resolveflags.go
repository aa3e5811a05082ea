package main

import (
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/netdiag/netdiag/resolve"
)

// resolveFlags are the flags of resolve.
type resolveFlags struct {
	types   recordTypes
	reverse bool
	class   resolve.Class

	tcp, insecure bool
	port          int
	source        netip.Addr
	timeout       time.Duration
	tries         int
	race          bool
	options       resolve.Options
	bufsize       int
	short, dig    bool
	hostsFile     string
	resolvConf    string
	nsswitchConf  string
}

// flags returns the flags that set f, as help lists them.
func (f *resolveFlags) flags() []cli.Flag {
	var flags []cli.Flag
	add := func(heading string, fs ...cli.Flag) { flags = append(flags, group(heading, fs...)...) }
	add("Question",
		custom(&typeValue{&f.types}, "t,type", "records of `TYPE`, as MX or TYPE65; more by commas"),
		custom(&classValue{&f.class}, "class", "records of `CLASS`: IN, CH or HS"),
		boolean(&f.reverse, "x,reverse", "the names of addresses, from DNS alone"),
		boolean(&f.options.NoRecursion, "norecurse", "only what the server itself knows (RD clear)"),
		boolean(&f.options.CheckingDisabled, "cd", "also what the server finds bogus (CD)"),
		boolean(&f.options.AuthenticData, "ad", "ask whether the server validated the answer (AD)"),
		boolean(&f.options.DNSSEC, "do", "ask for signatures, too (DO)"),
		boolean(&f.options.NSID, "nsid", "ask which server of several it is (NSID)"),
		custom(&prefixValue{&f.options.Subnet}, "subnet", "tell the server that the question is for `PREFIX` (ECS)"),
		integer(&f.bufsize, "bufsize", "answers by UDP of `BYTES` at most, default 1232", 512, math.MaxUint16),
		boolean(&f.options.NoEDNS, "no-edns", "a query without EDNS"),
		boolean(&f.options.NoCookie, "no-cookie", "a query without a cookie"),
	)
	add("Servers",
		boolean(&f.tcp, "tcp", "ask by TCP where UDP would be used"),
		integer(&f.port, "p,port", "`PORT` of servers that are given without one", 1, math.MaxUint16),
		custom(&addrValue{&f.source}, "source", "ask from this `ADDRESS`"),
		duration(&f.timeout, "timeout", "wait for `TIME` before asking once more, default 2 or as resolv.conf says", time.Millisecond, 5*time.Minute),
		integer(&f.tries, "tries", "ask a server `N` times, default 3 or as resolv.conf says", 1, 100),
		boolean(&f.insecure, "insecure", "do not verify certificates"),
		boolean(&f.race, "race", "ask all name servers of this machine at once, the first answer wins"),
	)
	add("This machine",
		text(&f.hostsFile, "hosts-file", "`FILE` in place of the hosts file"),
		text(&f.resolvConf, "resolv-conf", "`FILE` in place of resolv.conf"),
		text(&f.nsswitchConf, "nsswitch-conf", "`FILE` in place of nsswitch.conf"),
	)
	add("Output",
		boolean(&f.short, "short", "values only, as dig +short"),
		boolean(&f.dig, "dig", "all that the server says, in dig's form"),
	)
	return flags
}

// check refuses flags that do not go together.
func (f *resolveFlags) check(c *call) error {
	switch {
	case f.short && f.dig:
		return usagef("--short and --dig exclude each other")
	case c.json && (f.short || f.dig):
		return usagef("--json excludes --short and --dig")
	case f.options.NoEDNS && (f.options.DNSSEC || f.options.NSID || f.options.Subnet.IsValid() || f.bufsize > 0):
		return usagef("--no-edns excludes --do, --nsid, --subnet and --bufsize, which are EDNS")
	case f.reverse && len(f.types.list) > 0:
		return usagef("-x asks for PTR records, --type for others")
	}
	for _, file := range [...]struct{ flag, path string }{
		{"hosts-file", f.hostsFile}, {"resolv-conf", f.resolvConf}, {"nsswitch-conf", f.nsswitchConf},
	} {
		if file.path == "" && c.isSet(file.flag) { // which would mean the system's own
			return usagef("--%s takes the path of a file", file.flag)
		}
	}
	return nil
}

// client returns how servers are asked.
func (f *resolveFlags) client(plan *resolvePlan) *resolve.Client {
	o := f.options
	o.UDPSize, o.Serial = uint16(f.bufsize), plan.serial
	return &resolve.Client{Timeout: f.timeout, Tries: f.tries, Options: o, Source: f.source, SkipVerify: f.insecure}
}

// adapt has the system's resolver heed the flags, which go before what its files say.
func (f *resolveFlags) adapt(s *resolve.System, client *resolve.Client, plan *resolvePlan) error {
	s.Client, s.Race, s.Explain = client, f.race, true
	if f.timeout > 0 {
		s.Resolv.Options.Timeout = f.timeout
	}
	if f.tries > 0 {
		s.Resolv.Options.Attempts = f.tries
	}
	if f.tcp {
		s.Resolv.Options.UseVC = true
	}
	if len(plan.types) == 0 || len(plan.servers) > 0 {
		return nil // the family is that of the addresses, or of servers that are given
	}
	s.Resolv.Servers = slices.DeleteFunc(s.Resolv.Servers, func(a netip.AddrPort) bool { return !plan.family.has(a.Addr()) })
	if len(s.Resolv.Servers) == 0 {
		return usagef("%s has no name server with an %v address", s.Resolv.Path, plan.family)
	}
	return nil
}

// server returns a server that the user gave, as --tcp would have it.
func (f *resolveFlags) server(s resolve.Server) resolve.Server {
	if f.tcp && s.Transport == resolve.UDP {
		s.Transport = resolve.TCP
	}
	return s
}
