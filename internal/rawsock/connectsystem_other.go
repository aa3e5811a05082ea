//go:build !unix && !windows

package rawsock

import "syscall"

// control refuses the options that cannot be set here.
func (cfg *ConnectConfig) control(string, string, syscall.RawConn) error {
	switch {
	case cfg.TTL != 0:
		return unsupported("a TTL of TCP or UDP")
	case cfg.TOS != 0:
		return unsupported("a TOS of TCP or UDP")
	}
	return nil
}

// isLocal would report that an error can only be a refusal of this machine.
func isLocal(error) bool { return false }

// descriptorLimit is how many attempts may be asked of a system that does not tell how many there may be.
func descriptorLimit() int { return 1 << 10 }
