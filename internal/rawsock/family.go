package rawsock

import "github.com/netdiag/netdiag/internal/packet"

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
