package lab

import (
	"context"
	"syscall"
)

// CommandAs is Command run by user uid and group gid, with no other groups and so no
// privilege unless uid is 0. The program must be within reach of that user: a test's
// binary and its temporary directories are not, as a rule. In the user namespace that Main
// makes there is one user only, and Start fails for others.
func (ns *Namespace) CommandAs(ctx context.Context, uid, gid uint32, name string, args ...string) *Cmd {
	c := ns.Command(ctx, name, args...)
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}}
	return c
}
