package packet

// UDP is a UDP header (RFC 768).
type UDP struct {
	SrcPort, DstPort uint16
	Length, Checksum uint16
}

// ParseUDP parses the UDP header at the start of b; 8 bytes are needed.
func ParseUDP(b []byte) (UDP, error) { panic("stub") }

// Append appends u with the given payload to b, with its length and a zero checksum
// (see SetChecksum).
func (u UDP) Append(b, payload []byte) []byte { panic("stub") }

// TCP is a TCP header (RFC 9293) without its options.
type TCP struct {
	SrcPort, DstPort uint16
	Seq, Ack         uint32
	Flags            TCPFlags
	Window           uint16
	Checksum         uint16
	HeaderLen        int // in bytes; 0 where a quote ended before that field
}

// TCPFlags are the control bits of a TCP header.
type TCPFlags uint8

// The control bits.
const (
	FIN TCPFlags = 1 << iota
	SYN
	RST
	PSH
	ACK
	URG
	ECE
	CWR
)

// ParseTCP parses the TCP header at the start of b. The 8 bytes that a quote has at
// least give ports and sequence number, the rest stays 0.
func ParseTCP(b []byte) (TCP, error) { panic("stub") }

// Append appends t with the given options (padded to a multiple of 4 bytes) and
// payload to b, with a zero checksum (see SetChecksum).
func (t TCP) Append(b, options, payload []byte) []byte { panic("stub") }
