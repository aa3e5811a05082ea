// Package lab puts a goroutine into a network namespace of its own, with a TUN
// device into a simulated network (package netsim) and, where a real kernel says
// more, further namespaces behind veth pairs. It opens in milliseconds and many labs live
// side by side, so every test can have its own:
//
//	func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }
//
//	func TestPing(t *testing.T) {
//		t.Parallel()
//		lab.Test(t, network)
//		conn, err := icmp.ListenPacket("udp4", "0.0.0.0") // in the lab
//	}
//
// A namespace belongs to a thread, so what is in the lab is the goroutine that called
// Open or Test, which is locked to its thread, with the sockets it opens and the
// processes it starts. Sockets stay where they were opened and may be used by any goroutine.
// Other goroutines are not in the lab: not those that the caller starts, nor subtests,
// nor what net.Dial starts to try several addresses. They enter it by Namespace.Do.
// Also, /proc/net is that of the process's first thread; /proc/thread-self/net is the lab's.
//
// It needs Linux and CAP_SYS_ADMIN with CAP_NET_ADMIN, which Main finds in a user
// namespace where it can, and access to /dev/net/tun. Nothing that it does reaches the
// network of the machine.
package lab

import (
	"fmt"
	"math"
	"net/netip"
	"time"

	"github.com/netdiag/netdiag/internal/netsim"
)

// SpinAlways as Config.Spin keeps the pump from ever sleeping, at the cost of a processor.
const SpinAlways = time.Duration(math.MaxInt64)

// Config says what a lab has. Its zero value is a namespace with nothing but loopback.
type Config struct {
	// Network is the network behind the TUN device; nil: no TUN device. Its vantage
	// addresses become those of the device, and both default routes lead into it.
	Network *netsim.Network
	// Spin is how long before a packet is due the pump stops sleeping and watches the
	// clock: for measurements that need microseconds, as a sleeping thread wakes some
	// tens of them late. 0: it only sleeps.
	Spin time.Duration
	// TxQueue is how many packets may wait in the TUN device for the pump before the
	// kernel drops them (Stats.Overflowed); 0: 100,000.
	TxQueue int
	// MTU is that of the TUN device in bytes, 68 to 65,535 (1280 at least for IPv6); 0: 1500.
	MTU int
	// NoPingSockets leaves ICMP sockets without privilege (SOCK_DGRAM) as closed as
	// they are in a fresh namespace, by net.ipv4.ping_group_range. Otherwise they are
	// open to every group that there is.
	NoPingSockets bool
	// Sysctls are set in the namespace before its devices exist (see Namespace.Sysctl).
	Sysctls map[string]string
}

// Stats counts the packets of a lab's pump.
type Stats struct {
	Read       uint64 // taken from the TUN device, into the simulated network
	Written    uint64 // delivered to the TUN device
	Refused    uint64 // due, but refused by the TUN device: it was down, or they are no IP packets
	Overflowed uint64 // dropped by the kernel before they were read: Config.TxQueue was full
	Pending    uint64 // not yet due when the lab was closed
	// MaxLate is the longest time by which a packet was written after it was due. What it
	// waited before it was read is not in it.
	MaxLate time.Duration
}

// PermissionError says that this process may not make a lab: a privilege is missing, or
// a device or file system that its surroundings withhold.
type PermissionError struct {
	Op     string // what was refused, as "creating a network namespace"
	Remedy string // what would allow it
	Err    error  // the system's
}

// Error returns what was refused, why, and the remedy.
func (e *PermissionError) Error() string {
	return fmt.Sprintf("lab: %s: %v (%s)", e.Op, e.Err, e.Remedy)
}

// Unwrap returns the system's error.
func (e *PermissionError) Unwrap() error { return e.Err }

// Link joins two namespaces by a veth pair.
type Link struct {
	A, B End
	MTU  int // of both ends, in bytes; 0: 1500
}

// End is one end of a Link.
type End struct {
	Name   string         // of the interface, at most 15 bytes
	Addrs  []netip.Prefix // addresses with the length of their subnet; usable at once (no DAD)
	Routes []Route        // through this end
}

// Route is a route to Dst through an interface.
type Route struct {
	Dst netip.Prefix
	Via netip.Addr // gateway; zero: Dst is on the link
}

// PeerConfig says how a peer hangs on a namespace and what it does.
type PeerConfig struct {
	Near, Far End // of the link; empty names: the peer's name, and "up"
	MTU       int // of the link, in bytes; 0: 1500
	// Local are prefixes of which the peer answers every address as its own.
	Local []netip.Prefix
	// Forward makes the peer a router, of both families.
	Forward bool
	// Sysctls are set in the peer before its interfaces exist (see Namespace.Sysctl).
	Sysctls map[string]string
}
