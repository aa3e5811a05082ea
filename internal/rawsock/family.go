package rawsock

import (
	"log/slog"

	"github.com/netdiag/netdiag/internal/packet"
)

const defaultMessageSize = 2048

var families = [...]packet.Family{packet.IPv4, packet.IPv6}

// index is the place of a family's socket in a conn.
func index(f packet.Family) int {
	if f == packet.IPv6 {
		return 1
	}
	return 0
}

// wanted reports whether cfg asks for a socket of family f: its source address may rule one out.
func wanted(cfg Config, f packet.Family) bool {
	if cfg.Source.IsValid() && packet.FamilyOf(cfg.Source) != f {
		return false
	}
	return cfg.Family == 0 || cfg.Family == f
}

// messageSize is the largest message to be received whole.
func (cfg *Config) messageSize() int {
	if cfg.MessageSize == 0 {
		return defaultMessageSize
	}
	return cfg.MessageSize
}

// logSockets tells the logger, if there is one, which sockets c has.
func logSockets(logger *slog.Logger, c Conn) {
	if logger == nil {
		return
	}
	for _, f := range families {
		s := c.Socket(f)
		if s.Err != nil {
			logger.Debug("no ICMP socket", "family", f, "error", s.Err)
			continue
		}
		logger.Debug("ICMP socket open", "family", f, "raw", s.Raw, "identifier", s.ID, "receive_buffer", s.ReceiveBuffer)
	}
}
