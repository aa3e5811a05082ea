package main

import (
	"bufio"
	_ "embed"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// servicesTable is the table of common services.
//
//go:embed services.tsv
var servicesTable string

// protocol is a transport that ports belong to, by its name in services(5).
type protocol string

// The protocols.
const (
	overTCP protocol = "tcp"
	overUDP protocol = "udp"
)

// portKey is a port of a protocol.
type portKey struct {
	port  uint16
	proto protocol
}

// service is a line of a services file.
type service struct {
	portKey
	name    string
	aliases []string
}

// services finds the names of ports and the ports of names.
type services struct {
	names map[portKey]string
	ports map[protocol]map[string]uint16 // by name or alias, in lower case
	top   map[protocol][]uint16          // the common ones, those most worth a look first
}

// loadServices returns what the system's services file says, and where it says nothing the table of this program. A file that
// cannot be read says nothing.
func loadServices(file string) *services {
	s := &services{names: make(map[portKey]string), top: make(map[protocol][]uint16),
		ports: map[protocol]map[string]uint16{overTCP: {}, overUDP: {}}}
	if f, err := os.Open(file); err == nil {
		for line := range readServices(f) {
			s.add(line)
		}
		f.Close()
	}
	for line := range readServices(strings.NewReader(servicesTable)) {
		s.top[line.proto] = append(s.top[line.proto], line.port)
		s.add(line)
	}
	return s
}

// systemServices returns the services by this system's file, which is read the first time.
func systemServices() func() *services {
	return sync.OnceValue(func() *services { return loadServices(servicesFile()) })
}

// add makes a line known. What an earlier one said stands.
func (s *services) add(line service) {
	ports, ok := s.ports[line.proto]
	if !ok {
		return // SCTP, DCCP
	}
	if _, known := s.names[line.portKey]; !known {
		s.names[line.portKey] = line.name
	}
	for _, name := range slices.Concat([]string{line.name}, line.aliases) {
		name = strings.ToLower(name)
		if _, known := ports[name]; !known {
			ports[name] = line.port
		}
	}
}

// name returns the name of a port; "" if it has none.
func (s *services) name(port uint16, p protocol) string { return s.names[portKey{port, p}] }

// port returns the port of a service. A name that the registry has for the other transport only is taken, too:
// nearly all ports are assigned for both.
func (s *services) port(name string, p protocol) (uint16, bool) {
	name = strings.ToLower(name)
	if port, ok := s.ports[p][name]; ok {
		return port, true
	}
	for _, other := range [...]protocol{overTCP, overUDP} {
		if port, ok := s.ports[other][name]; ok {
			return port, true
		}
	}
	return 0, false
}

// near returns the name that was probably meant by one that no service has: rather that of a very common one.
func (s *services) near(name string, p protocol) (string, bool) {
	const veryCommon = 50
	var common []string
	for _, port := range s.top[p][:veryCommon] {
		common = append(common, s.name(port, p))
	}
	if near, ok := nearest(name, common); ok {
		return near, true
	}
	return nearest(name, slices.Collect(maps.Keys(s.ports[p])))
}

// readServices yields the lines of a file as services(5) has them: name, port/protocol, aliases, and
// comments behind a #. Lines of another form are left out.
func readServices(r io.Reader) func(yield func(service) bool) {
	return func(yield func(service) bool) {
		lines := bufio.NewReaderSize(r, longestLine)
		for {
			text, err := nextLine(lines)
			if line, ok := parseService(string(text)); ok && !yield(line) {
				return
			}
			if err != nil && err != bufio.ErrBufferFull {
				return
			}
		}
	}
}

// parseService reads a line of a services file.
func parseService(line string) (service, bool) {
	line, _, _ = strings.Cut(line, "#")
	fields := strings.Fields(line)
	if len(fields) < 2 {
		return service{}, false
	}
	digits, proto, ok := strings.Cut(fields[1], "/")
	port, err := strconv.ParseUint(digits, 10, 16)
	if !ok || err != nil || port == 0 || proto == "" {
		return service{}, false
	}
	key := portKey{uint16(port), protocol(strings.ToLower(proto))}
	return service{portKey: key, name: fields[0], aliases: fields[2:]}, true
}
