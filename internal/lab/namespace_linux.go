package lab

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Namespace is a network namespace that lives until it is closed. Its methods may be
// called on any goroutine, in any namespace, but for Close one at a time.
type Namespace struct {
	name  string
	fd    int // keeps the namespace and leads into it; -1 when closed
	route *netlink.Handle
	peers []*Namespace // made by Peer, closed with this
}

// NewNamespace makes a network namespace whose loopback is up. The name is for errors.
// The error is a *PermissionError where that may not be done. The calling goroutine
// stays where it is.
func NewNamespace(name string) (ns *Namespace, err error) {
	back, err := pin()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, back()) }()
	return unshare(name)
}

// unshare moves the calling thread, which must be locked, into a new namespace.
func unshare(name string) (*Namespace, error) {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return nil, denied("creating a network namespace", err,
			"run as root, or where unprivileged user namespaces are allowed")
	}
	fd, err := openCurrent()
	if err != nil {
		return nil, err
	}
	ns := &Namespace{name: name, fd: fd}
	if err := ns.loopback(); err != nil {
		return nil, errors.Join(fmt.Errorf("lab: namespace %s: %w", name, err), ns.Close())
	}
	return ns, nil
}

// loopback opens the way to the kernel's tables, which must be done in the namespace,
// and sets its loopback up.
func (ns *Namespace) loopback() (err error) {
	if ns.route, err = netlink.NewHandle(unix.NETLINK_ROUTE); err != nil {
		return fmt.Errorf("netlink: %w", err)
	}
	lo, err := ns.route.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("lo: %w", err)
	}
	if err := ns.route.LinkSetUp(lo); err != nil {
		return fmt.Errorf("lo up: %w", err)
	}
	return nil
}

// Close closes the namespace and its peers. The kernel takes it away with its
// interfaces as soon as no socket and no process is in it any more.
func (ns *Namespace) Close() error {
	if ns.fd < 0 {
		return nil
	}
	var errs []error
	for _, p := range slices.Backward(ns.peers) {
		errs = append(errs, p.Close())
	}
	if ns.route != nil {
		ns.route.Close()
	}
	errs = append(errs, unix.Close(ns.fd))
	ns.fd = -1
	return errors.Join(errs...)
}

// Do calls f in the namespace, on the calling goroutine, which is back where it was
// when Do returns. Sockets that f opens and processes that it starts are in the namespace.
func (ns *Namespace) Do(f func() error) (err error) {
	back, err := pin()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, back()) }()
	if err := unix.Setns(ns.fd, unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("lab: entering namespace %s: %w", ns.name, err)
	}
	return f()
}

// Sysctl sets the kernel parameter name, such as "net.ipv4.ip_forward", in the
// namespace. An interface whose name has dots is written as in /proc/sys, with slashes
// throughout. Names outside "net." are refused: they are the whole machine's.
func (ns *Namespace) Sysctl(name, value string) error {
	file := name
	if !strings.Contains(file, "/") {
		file = strings.ReplaceAll(file, ".", "/")
	}
	if file = path.Clean(file); !strings.HasPrefix(file, "net/") {
		return fmt.Errorf("lab: sysctl %s: not a parameter of a network namespace", name)
	}
	// What is in /proc/sys/net is decided by the thread that opens it.
	err := ns.Do(func() error {
		f, err := os.OpenFile("/proc/sys/"+file, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		_, err = f.WriteString(value)
		return errors.Join(err, f.Close())
	})
	if err != nil {
		return denied("setting "+name+" to "+value, err, "run where /proc/sys is mounted writable")
	}
	return nil
}

// sysctls sets parameters in the order of their names.
func (ns *Namespace) sysctls(values map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if err := ns.Sysctl(name, values[name]); err != nil {
			return err
		}
	}
	return nil
}

// openCurrent opens the namespace of the calling thread.
func openCurrent() (fd int, err error) {
	fd, err = unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("lab: opening /proc/thread-self/ns/net: %w", err)
	}
	return fd, nil
}

// pin locks the calling goroutine to its thread and returns the function that puts the
// thread back into the namespace that it is in now and unlocks it. If that fails the
// thread stays locked, and ends with its goroutine rather than run others in the wrong
// place. On another thread the function has nothing to put back.
func pin() (back func() error, err error) {
	runtime.LockOSThread()
	home, err := openCurrent()
	if err != nil {
		runtime.UnlockOSThread()
		return nil, err
	}
	thread := unix.Gettid()
	return func() error {
		defer unix.Close(home)
		if unix.Gettid() != thread {
			return nil
		}
		// Without privilege a thread may not even go where it is.
		if !current(home) {
			if err := unix.Setns(home, unix.CLONE_NEWNET); err != nil {
				return fmt.Errorf("lab: leaving the namespace: %w", err)
			}
		}
		runtime.UnlockOSThread()
		return nil
	}, nil
}

// current reports whether the calling thread is in the namespace of fd.
func current(fd int) bool {
	var here, there unix.Stat_t
	err := errors.Join(unix.Stat("/proc/thread-self/ns/net", &here), unix.Fstat(fd, &there))
	return err == nil && here.Dev == there.Dev && here.Ino == there.Ino
}

// denied returns a PermissionError if err is one of privilege or of surroundings that
// withhold something, and a plain error otherwise.
func denied(op string, err error, remedy string) error {
	for _, e := range []error{unix.EPERM, unix.EACCES, unix.EROFS} {
		if errors.Is(err, e) {
			return &PermissionError{Op: op, Remedy: remedy, Err: err}
		}
	}
	return fmt.Errorf("lab: %s: %w", op, err)
}
