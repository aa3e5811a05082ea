package lab

import (
	"context"
	"os/exec"
)

// Cmd is a command that runs in a namespace, whichever goroutine starts it. It is used
// as an exec.Cmd is. The embedded exec.Cmd itself runs where it is started; for a Lab
// that is the same on the goroutine that opened it.
type Cmd struct {
	*exec.Cmd
	ns *Namespace
}

// Command returns the command to run the named program with the given arguments in ns,
// killed when ctx ends (see exec.CommandContext).
func (ns *Namespace) Command(ctx context.Context, name string, args ...string) *Cmd {
	return &Cmd{exec.CommandContext(ctx, name, args...), ns}
}

// Start starts the command in its namespace (see exec.Cmd.Start).
func (c *Cmd) Start() error { return c.ns.Do(c.Cmd.Start) }

// Run starts the command in its namespace and waits for it (see exec.Cmd.Run).
func (c *Cmd) Run() error { return c.ns.Do(c.Cmd.Run) }

// Output runs the command in its namespace and returns its standard output (see exec.Cmd.Output).
func (c *Cmd) Output() (out []byte, err error) {
	err = c.ns.Do(func() (err error) {
		out, err = c.Cmd.Output()
		return err
	})
	return out, err
}

// CombinedOutput runs the command in its namespace and returns what it wrote to
// standard output and standard error (see exec.Cmd.CombinedOutput).
func (c *Cmd) CombinedOutput() (out []byte, err error) {
	err = c.ns.Do(func() (err error) {
		out, err = c.Cmd.CombinedOutput()
		return err
	})
	return out, err
}
