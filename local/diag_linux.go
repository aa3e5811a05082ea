package local

import (
	"encoding/binary"
	"net/netip"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// States of a socket in sock_diag(7), which are TCP's (include/net/tcp_states.h). Of UDP one that is not connected is closed.
const (
	stateEstablished    = 1
	stateSynSent        = 2
	stateSynReceived    = 3
	stateTimeWait       = 6
	stateClose          = 7
	stateCloseWait      = 8
	stateListen         = 10
	stateNewSynReceived = 12
	stateBound          = 13 // TCP_BOUND_INACTIVE, since Linux 6.8: bound and nothing else
)

// diagRequest is struct inet_diag_req_v2 of linux/inet_diag.h.
type diagRequest struct {
	family, protocol uint8
	states           uint32 // bits
	port             uint16 // local; 0: all
}

const (
	sizeofDiagRequest = 56
	sizeofDiagMessage = 72
)

// Len returns the length of the request in bytes.
func (r diagRequest) Len() int { return sizeofDiagRequest }

// Serialize returns the request as the kernel reads it.
func (r diagRequest) Serialize() []byte {
	b := make([]byte, sizeofDiagRequest)
	b[0], b[1] = r.family, r.protocol
	binary.NativeEndian.PutUint32(b[4:], r.states)
	binary.BigEndian.PutUint16(b[8:], r.port)
	return b
}

// diagMessage is what is of use in struct inet_diag_msg, and whether the socket is for IPv6 alone.
type diagMessage struct {
	state         uint8
	local, remote netip.AddrPort // without zones
	oif           int            // the interface that it is bound to; 0: none
	uid, inode    uint32
	v6Only        bool
}

// parseDiag reads an answer of sock_diag.
func parseDiag(b []byte) (diagMessage, error) {
	if len(b) < sizeofDiagMessage {
		return diagMessage{}, errShort
	}
	a, err := parseAttributes(b[sizeofDiagMessage:])
	if err != nil {
		return diagMessage{}, err
	}
	addr := func(b []byte, family uint8) netip.Addr {
		if family == unix.AF_INET {
			return netip.AddrFrom4([4]byte(b))
		}
		return netip.AddrFrom16([16]byte(b)).Unmap()
	}
	return diagMessage{
		state:  b[1],
		local:  netip.AddrPortFrom(addr(b[8:], b[0]), binary.BigEndian.Uint16(b[4:])),
		remote: netip.AddrPortFrom(addr(b[24:], b[0]), binary.BigEndian.Uint16(b[6:])),
		oif:    int(binary.NativeEndian.Uint32(b[40:])),
		uid:    binary.NativeEndian.Uint32(b[64:]), inode: binary.NativeEndian.Uint32(b[68:]),
		v6Only: a.u8(netlink.INET_DIAG_SKV6ONLY) != 0,
	}, nil
}

// dumpSockets returns the sockets that r asks for.
func dumpSockets(r diagRequest) ([]diagMessage, error) {
	request := nl.NewNetlinkRequest(nl.SOCK_DIAG_BY_FAMILY, unix.NLM_F_DUMP)
	request.AddData(r)
	raw, disturbed := request.Execute(unix.NETLINK_INET_DIAG, nl.SOCK_DIAG_BY_FAMILY)
	if raw == nil && disturbed != nil {
		return nil, disturbed
	}
	messages := make([]diagMessage, 0, len(raw))
	for _, b := range raw {
		m, err := parseDiag(b)
		if err != nil {
			return nil, err
		}
		if r.port == 0 || m.local.Port() == r.port { // of sockets that are bound alone the kernel lists every port's
			messages = append(messages, m)
		}
	}
	return messages, disturbed
}
