package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// usernsEnv is set in the environment of a process that Main has started in a user namespace.
const usernsEnv = "NETDIAG_LAB_USERNS"

// Main runs the tests of m and returns the exit status; TestMain should be
//
//	func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }
//
// A process without the privilege to make labs is started once more as root of a new
// user namespace, with the same arguments, environment, input and output, and its exit status
// is returned. It also has a network namespace, with a loopback, as it may return from a lab only to one
// that belongs to its user namespace. Where the system refuses that the tests run as they are.
func Main(m interface{ Run() int }) int {
	if os.Getenv(usernsEnv) != "" {
		// Tests of other things than labs expect a loopback. If there is none, they say so.
		if lo, err := netlink.LinkByName("lo"); err == nil {
			_ = netlink.LinkSetUp(lo)
		}
		return m.Run()
	}
	if privileged() {
		return m.Run()
	}
	status, err := rerun()
	if err != nil {
		return m.Run()
	}
	return status
}

// privileged reports whether this process has the capabilities that a lab needs.
func privileged() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return false
	}
	const needed = 1<<unix.CAP_SYS_ADMIN | 1<<unix.CAP_NET_ADMIN
	return data[0].Effective&needed == needed
}

// rerun runs this program in a user namespace and returns its exit status, or an error
// if it could not be started.
func rerun() (status int, err error) {
	// Pdeathsig looks at the thread that started the process.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), usernsEnv+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
	}
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("lab: user namespace: %w", err)
	}
	err = cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		if s, ok := exit.Sys().(syscall.WaitStatus); ok && s.Signaled() {
			return 128 + int(s.Signal()), nil // as a shell has it
		}
		return exit.ExitCode(), nil
	}
	if err != nil {
		return 1, nil // it has run: its tests must not run again
	}
	return 0, nil
}
