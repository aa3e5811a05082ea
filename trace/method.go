package trace

import (
	"github.com/netdiag/netdiag/internal/packet"
	"github.com/netdiag/netdiag/internal/rawsock"
)

// method is a kind of probe: how it is made, and how what answers it is recognised. The files udp.go,
// icmp.go and tcp.go have one each.
type method interface {
	name() string
	port() int // destination port, by default
	proto(packet.Family) uint8
	// append appends the upper layer of p, with its checksum, and says what that is.
	append(id *identity, b []byte, p *probe) (upper []byte, sum uint16)
	// length is the size in bytes of a packet for which size is wanted, behind an IP header of so many bytes.
	length(ip, size int) int
	// quoted recognises a probe in the upper layer that an ICMP error quotes, or that the kernel
	// hands back with a send stamp.
	quoted(s *session, q *packet.Quote) claim
	// reply recognises an answer that is no ICMP error.
	reply(s *session, p *rawsock.Packet) claim
	// reached reports whether an ICMP error means that a probe got where it was to go.
	reached(e *packet.Error) bool
}

// methods are the kinds of probes: a further one is a file, and a line here.
var methods = [...]method{
	UDP:  udp{},
	ICMP: icmp{},
	TCP:  tcp{},
}

// verdict says whose a packet is.
type verdict uint8

const (
	nobodys   verdict = iota // nothing that looks like ours
	foreign                  // it looks like ours, and is not
	ambiguous                // an answer to one of several probes of a flow; which, it does not say
	genuine
)

// claim is what a packet says that it is about.
type claim struct {
	verdict
	probe *probe // with genuine; with foreign the probe that it pretends to be about, or nil
	// With ambiguous, one of whose probes it is.
	target *target
	flow   int
	note   string // what is odd
}

// smallest is how many bytes an upper layer needs beside its header for all that a probe says: the
// token, and the word that holds an echo's checksum.
const smallest = 10

// length is the size of p's packet in bytes, and data what is behind its headers.
func (p *probe) length() int {
	f := p.target.family
	return methods[p.method].length(ipHeaderLen(f), orDefault(p.size, defaultSize(f)))
}

func (p *probe) data(header int) int { return p.length() - ipHeaderLen(p.target.family) - header }

// defaultSize is that of a probe's packet in bytes.
func defaultSize(f packet.Family) int { return ipHeaderLen(f) + 40 }

func ipHeaderLen(f packet.Family) int {
	if f == packet.IPv6 {
		return 40
	}
	return 20
}
