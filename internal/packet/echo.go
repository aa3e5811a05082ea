package packet

// EchoHeaderLen is the length of an echo message before its data.
const EchoHeaderLen = 8

// Echo is an echo request or reply (RFC 792, RFC 4443 section 4).
type Echo struct {
	Reply   bool
	ID, Seq uint16
	Data    []byte // aliases what was parsed
}

// AppendEcho appends e as an ICMP message of family f to b. The checksum is set on
// IPv4; on IPv6 it is left 0, for the kernel or SetChecksum to fill.
func AppendEcho(b []byte, f Family, e Echo) []byte { panic("stub") }

// ParseEcho parses the ICMP message b of family f. The error wraps ErrShort or, for
// a message of another kind, ErrInvalid. It allocates nothing and does not look at
// the checksum.
func ParseEcho(f Family, b []byte) (Echo, error) { panic("stub") }

// PatchEcho writes identifier and sequence number into the echo message b, which
// AppendEcho made, and mends an IPv4 checksum that was right before.
func PatchEcho(f Family, b []byte, id, seq uint16) { panic("stub") }
