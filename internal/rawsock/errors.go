package rawsock

import (
	"errors"
	"fmt"
	"os"
)

// OpenError says why no ICMP socket could be opened: what each kind of socket
// answered. It unwraps to both errors, so that errors.Is(err, os.ErrPermission) tells a lack
// of privilege from anything else; then Hints has the commands that would help.
type OpenError struct {
	Ping, Raw error // nil: not tried
}

func (e *OpenError) Error() string {
	s := "no ICMP socket can be opened"
	if e.Ping != nil {
		s += fmt.Sprintf("; ping socket: %v", e.Ping)
	}
	if e.Raw != nil {
		s += fmt.Sprintf("; raw socket: %v", e.Raw)
	}
	return s
}

// Unwrap returns the errors of the sockets that were tried.
func (e *OpenError) Unwrap() []error { return []error{e.Ping, e.Raw} }

// Hints says what would help, one remedy a line, with the exact commands; nil where
// the system refused for another reason than a missing permission.
func (e *OpenError) Hints() []string {
	if !errors.Is(e.Ping, os.ErrPermission) && !errors.Is(e.Raw, os.ErrPermission) {
		return nil
	}
	return permissionHints(e.Ping != nil)
}

// markError is the refusal of a mark.
type markError struct{ error }

func (e markError) Unwrap() error { return e.error }
func (e markError) Hints() []string {
	return []string{"a mark takes the capability CAP_NET_ADMIN: use sudo"}
}

// SendError is the system's refusal to send a packet.
type SendError struct {
	Err error // the system's error
	MTU int   // that the packet would have had to respect, with EMSGSIZE where it is known; else 0
}

func (e *SendError) Error() string {
	if e.MTU > 0 {
		return fmt.Sprintf("%v (mtu %d)", e.Err, e.MTU)
	}
	return e.Err.Error()
}

// Unwrap returns the system's error.
func (e *SendError) Unwrap() error { return e.Err }
