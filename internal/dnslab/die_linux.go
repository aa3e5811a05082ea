package dnslab

import (
	"os/exec"
	"syscall"
)

// dieWithTest has the kernel kill a process when the thread that starts it ends: that of the lab, which
// stays until the test has ended, or was killed.
func dieWithTest(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
