package probe

import (
	"net/netip"
	"syscall"

	"github.com/netdiag/netdiag/internal/rawsock"
)

// explainedError is an error of the system that means more here than its number says.
type explainedError struct {
	error
	why string
}

func (e explainedError) Unwrap() error { return e.error }

// explain puts into o what this machine's refusal of a means, where that takes more than the error to know: Linux
// gives the same one to a loopback source for another host as to a blackhole route, and to a connection to many hosts
// as to a lack of routes.
func (s *session) explain(a *attempt, o *rawsock.Outcome) {
	if !o.Local {
		return
	}
	to, source, why := a.to.Addr(), s.cfg.Source.Unmap(), ""
	switch n := errno(o.Err); {
	case n == syscall.EAFNOSUPPORT && source.IsValid() && source.Is4() != to.Is4():
		why = "the source address is of the other family"
	case n == syscall.EINVAL && source.IsLoopback() && !to.IsLoopback():
		why = "from a loopback source address only this machine can be reached"
	case n == syscall.ENETUNREACH && !s.cfg.UDP && s.many(to):
		why = "a multicast or broadcast address cannot be connected to: TCP is between two hosts"
	default:
		return
	}
	o.Err = explainedError{o.Err, why}
}

// many reports whether a stands for many hosts. That it is the broadcast address of a link, only the routes know.
func (s *session) many(a netip.Addr) bool {
	if a.IsMulticast() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return true
	}
	return a.Is4() && errno(s.route(a)) == syscall.EACCES
}
