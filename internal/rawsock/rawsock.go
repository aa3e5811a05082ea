// Package rawsock sends and receives probes with what a measurement needs to know of
// each packet: the kernel's time stamps, TTL and TOS of the reply, ICMP errors with the
// packet they quote. It knows sockets and time and no protocol's logic.
//
// Open opens a Conn for ICMP. On Linux that is ping sockets (SOCK_DGRAM, no privilege) or raw
// sockets, one a family, both with the same evidence; what only a raw socket can see says so. On
// other systems it is golang.org/x/net/icmp, with what that allows.
//
// OpenFlows opens a Conn for packets of many flows, UDP, TCP and ICMP.
package rawsock

import (
	"log/slog"
	"net/netip"
	"time"

	"github.com/netdiag/netdiag/internal/packet"
)

// Mode chooses the kind of socket.
type Mode uint8

// The modes.
const (
	Auto         Mode = iota // unprivileged, then privileged
	Unprivileged             // ping sockets
	Privileged               // raw sockets
)

// PMTU is what is done about packets larger than the path allows.
type PMTU uint8

// The values are those of ping -M.
const (
	PMTUDefault PMTU = iota // the system's choice
	PMTUDo                  // never fragment, not even here
	PMTUWant                // fragment here where known to be needed
	PMTUDont                // let routers fragment
)

// Config says how to open a Conn. Its zero value is a Conn for both families.
type Config struct {
	Mode      Mode
	Family    packet.Family // 0: both, as far as the system has them
	Interface string        // bind to this interface; empty: the routes decide
	Source    netip.Addr    // source address; zero: the system chooses
	TTL       int           // of packets with none of their own, 1 to 255; 0: the system's
	TOS       int           // of packets with none of their own, 0 to 255
	PMTU      PMTU
	Mark      int  // fwmark (Linux, needs CAP_NET_ADMIN); 0: none
	Broadcast bool // allow broadcast destinations

	// ReceiveBuffer is the wanted size of each socket's receive queue in bytes; 0: 4 MiB.
	// The kernel may give less.
	ReceiveBuffer int
	// MessageSize is the largest ICMP message to be received whole, in bytes, 0: 2048.
	MessageSize int
	Logger      *slog.Logger // nil: silent
}

// Kind tells what a received Packet is.
type Kind uint8

// The kinds.
const (
	Message Kind = iota // an ICMP message, whole, in Data
	Error               // an ICMP error about a packet of this Conn, in ICMP; Data is its quote's payload
	Sent                // a packet of this Conn has left: its message in Data, the moment in Stamp.Kernel
)

// Packet is a packet to send or one received.
type Packet struct {
	Kind Kind
	// Addr is the destination of a packet to send, and the sender of a received one; of
	// Sent, the destination. A zone names the interface of a link-local address.
	Addr netip.Addr
	// Local is the source address to use, or that a received packet was sent to; zero:
	// none of its own, or not known.
	Local     netip.Addr
	Interface int // index of the interface to leave by, or arrived by; 0: routed, or not known
	// TTL and TOS are the IP header's (hop limit, traffic class). To send: 0 means the
	// Conn's. Received: TTL 0 means not known.
	TTL, TOS int
	// Proto is the protocol of Data, on a Conn of OpenFlows. To send: packet.ProtoUDP, ProtoTCP, or ICMP of either family,
	// which 0 is, too. Received: the number of ICMP is that of the family.
	Proto uint8
	// ID (IPv4, raw sockets only) and Flow (IPv6, 20 bits) are the identification and the flow label to send with on a
	// Conn of OpenFlows, and with Kind Sent those that it left with. A flow label may be 0 on the wire instead where
	// the system wants labels to be asked for first (Linux before 5.3, without privilege).
	ID   uint16
	Flow uint32
	// Data is the ICMP message, or whatever Proto says, with its header. Received data is valid until the next
	// ReadBatch. But for what OpenFlows says, the kernel fills in what it owns: the identifier on a ping socket, the
	// checksum on both but IPv4 raw sockets.
	Data      []byte
	Truncated bool // the message was longer than Config.MessageSize
	// WantStamp asks, of a packet to send, for the kernel's time stamp, where the system has
	// such a thing: a packet of kind Sent follows, which costs one more read.
	WantStamp bool
	// BadChecksum is set on a message whose ICMP checksum is wrong. Only a raw IPv4 socket can
	// see one: the kernel drops it before any other.
	BadChecksum bool
	ICMP        *packet.Error // with Kind Error
	Stamp       Stamp
}

// Stamp is a moment as up to two clocks saw it.
type Stamp struct {
	Time   time.Time // this process, wall and monotonic clock
	Kernel time.Time // the kernel's wall clock when the packet passed it; zero: not known
}

// Socket is what is known of a Conn's socket of one family.
type Socket struct {
	ID  uint16 // ICMP identifier of what it sends
	Raw bool   // a raw socket, not a ping socket
	Err error  // why there is none; nil: it is open
	// ReceiveBuffer is the size of the receive queue that the kernel gave, in bytes (0: not known).
	ReceiveBuffer int
}

// Batch is how many packets ReadBatch returns at most.
const Batch = 64

// Conn sends and receives batches of packets. One goroutine may write and one may read
// at a time; SetReadDeadline, Wake and Close may be called by any.
type Conn interface {
	// WriteBatch sends ps in order and returns how many were sent, with each one's Stamp
	// set. An error is about ps[n], and the packets behind it were not tried; it unwraps to the system's
	// error (syscall.ENOBUFS, EPERM, EMSGSIZE, ENETUNREACH and others).
	WriteBatch(ps []Packet) (n int, err error)
	// ReadBatch waits for packets and fills ps with those that are here, up to len(ps) and Batch. Where
	// it returns fewer, all that the system had when it was called has been read.
	// At the read deadline the error is os.ErrDeadlineExceeded, after Close net.ErrClosed. A deadline
	// that has passed polls: what is here is read all the same.
	ReadBatch(ps []Packet) (n int, err error)
	// SetReadDeadline sets until when ReadBatch waits; the zero Time is for ever.
	SetReadDeadline(t time.Time) error
	// Wake ends the present ReadBatch, or else the next one, as a passed deadline does.
	Wake()
	// Socket tells about the socket of a family.
	Socket(f packet.Family) Socket
	// Drops returns how many packets for this Conn the system dropped because the receive
	// queue was full, as far as it tells (0 where it does not).
	Drops() uint64
	Close() error
}

// maxHeld is how long the kernel may have held a packet back before its send stamp for that time
// to be left out of the RTT. More is no overhead of the send but a wait, for a neighbour's address or in
// a queue, which a round trip includes.
const maxHeld = time.Millisecond

// RTT returns the time from sent to received and whether it rests on the kernel's
// receive stamp. It never mixes clocks: the span itself is monotonic, and the kernel's wall-clock
// stamps only say how long each packet lay between kernel and process, in which they are compared with
// a wall clock read at about the same moment. A stamp that claims the impossible is
// not used, so the result is never negative and never more than the process saw.
func RTT(sent, received Stamp) (rtt time.Duration, kernel bool) {
	rtt = max(0, received.Time.Sub(sent.Time))
	if received.Kernel.IsZero() {
		return rtt, false
	}
	waited := received.Time.Round(0).Sub(received.Kernel)
	if waited < 0 || waited > rtt {
		return rtt, false
	}
	rtt -= waited
	if !sent.Kernel.IsZero() {
		if held := sent.Kernel.Sub(sent.Time.Round(0)); held > 0 && held <= min(rtt, maxHeld) {
			rtt -= held
		}
	}
	return rtt, true
}
