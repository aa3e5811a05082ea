package resolve

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/netip"
	"os"
	"sync/atomic"

	"github.com/netdiag/netdiag/hosts"
)

// platform is where a system has the files of its C library's resolver, and what is to be said of them.
type platform struct {
	resolv, nsswitch, hostConf, gai string // "": there is no such file
	policy                          Policy
	dialect                         func(multi bool) hosts.Dialect // multi: as host.conf has it
	problems                        []Problem
	// What is known without a resolv.conf.
	servers []netip.AddrPort
	search  []string
}

// mostConfig is how much of a configuration file is read.
const mostConfig = 1 << 20

// LoadSystem reads how this machine finds names. What it cannot read or understand becomes a Problem; the
// error is about files that the caller named and that cannot be read.
func LoadSystem(files Files) (*System, error) {
	here := thisPlatform()
	s := &System{Files: files, Client: &Client{}, machine: thisMachine(), routes: systemRoutes, turns: new(atomic.Uint32)}
	s.turns.Store(rand.Uint32N(mostServers * 2)) // several processes shall not all begin with the same server
	s.Problems = append(s.Problems, here.problems...)
	if s.Files.Getenv == nil {
		s.Files.Getenv = os.Getenv
	}
	getenv := s.Files.Getenv
	if path := getenv("RESOLV_HOST_CONF"); path != "" {
		here.hostConf = path
	}
	l := loader{system: s}
	resolv := l.read(&s.Files.Resolv, here.resolv)
	nsswitch := l.read(&s.Files.Nsswitch, here.nsswitch)
	hostConf := l.read(&s.Files.HostConf, here.hostConf)
	gai := l.read(&s.Files.Gai, here.gai)
	l.hosts()

	hostname, _ := s.self().hostname() // without one there is no domain to take from it
	var problems []Problem
	s.Resolv, problems = parseResolv(s.Files.Resolv, resolv, getenv, hostname)
	s.Problems = append(s.Problems, problems...)
	if s.Files.Resolv == "" {
		s.Resolv.Servers, s.Resolv.Search = here.servers, here.search
	}
	s.Sources, problems = parseNsswitch(s.Files.Nsswitch, nsswitch)
	s.Problems = append(s.Problems, problems...)
	s.hostConf, problems = parseHostConf(s.Files.HostConf, hostConf, getenv)
	s.Problems = append(s.Problems, problems...)
	s.Policy, problems = parseGai(s.Files.Gai, gai, here.policy)
	s.Problems = append(s.Problems, problems...)
	s.Dialect = here.dialect(s.hostConf.multi)
	if getenv("HOSTALIASES") != "" {
		s.Problems = append(s.Problems, Problem{Path: "$HOSTALIASES", Text: "aliases of this file are not heeded"})
	}
	return s, errors.Join(l.errs...)
}

// loader reads configuration files.
type loader struct {
	system *System
	errs   []error
}

// read reads the file that path names, or else the system's, which path then names. A file of the system that
// is not there is an empty one.
func (l *loader) read(path *string, usual string) string {
	named := *path != ""
	if !named {
		*path = usual
	}
	if *path == "" {
		return ""
	}
	text, err := readConfig(*path)
	l.report(*path, named, err)
	return text
}

// hosts reads the hosts file.
func (l *loader) hosts() {
	s := l.system
	named := s.Files.Hosts != ""
	if !named {
		s.Files.Hosts = hosts.DefaultPath()
	}
	file, err := hosts.Load(s.Files.Hosts)
	if err != nil || file == nil {
		file = hosts.Parse(nil)
	}
	s.Hosts = file
	l.report(s.Files.Hosts, named, err)
}

// report makes an error of what the caller named, and a Problem of the rest.
func (l *loader) report(path string, named bool, err error) {
	switch {
	case err == nil:
	case named:
		l.errs = append(l.errs, fmt.Errorf("resolve: %w", err))
	case !errors.Is(err, fs.ErrNotExist):
		l.system.Problems = append(l.system.Problems, Problem{Path: path, Err: err,
			Text: "cannot be read, and is taken as empty: " + err.Error()})
	}
}

// readConfig reads a file up to what a configuration may be long.
func readConfig(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, mostConfig+1))
	if err != nil {
		return "", err
	}
	if len(text) > mostConfig {
		return "", fmt.Errorf("%s: longer than %d bytes", path, mostConfig)
	}
	return string(text), nil
}

// self returns what the names of this machine are told by.
func (s *System) self() machine {
	if s.machine.hostname == nil {
		return thisMachine()
	}
	return s.machine
}

// turn returns the server that a query begins with where they take turns.
func (s *System) turn() int {
	if s.turns == nil {
		return 0
	}
	return int(s.turns.Add(1) % (1 << 30)) // never negative, whatever an int holds
}
