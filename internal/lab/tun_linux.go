package lab

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// TUNName is the name of the TUN device in every lab that has a network.
const TUNName = "sim"

// device is a TUN device and what stands in the kernel's tables for it.
type device struct {
	fd    int
	link  netlink.Link
	addrs []netip.Addr // its addresses, one a family
}

// newDevice makes the TUN device in ns, which must be the calling thread's namespace. It is down.
func newDevice(ns *Namespace, addrs []netip.Addr, mtu, queue int) (_ *device, err error) {
	fd, err := openTUN()
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, unix.Close(fd))
		}
	}()
	d := &device{fd: fd, addrs: addrs}
	if d.link, err = ns.route.LinkByName(TUNName); err != nil {
		return nil, fmt.Errorf("lab: finding the TUN device: %w", err)
	}
	if err := ns.route.LinkSetMTU(d.link, mtu); err != nil {
		return nil, fmt.Errorf("lab: MTU %d of the TUN device: %w", mtu, err)
	}
	if err := ns.route.LinkSetTxQLen(d.link, queue); err != nil {
		return nil, fmt.Errorf("lab: queue of %d packets of the TUN device: %w", queue, err)
	}
	// No link-local address: the kernel would use it to ask for routers, and a
	// deterministic network should see only what the test sends.
	if err := quiet(ns, d.link); err != nil {
		return nil, fmt.Errorf("lab: no link-local address on the TUN device: %w", err)
	}
	return d, nil
}

// openTUN makes the device in the calling thread's namespace; it is gone when the
// descriptor, which does not block, is closed.
func openTUN() (fd int, err error) {
	const node = "/dev/net/tun"
	fd, err = unix.Open(node, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENXIO) {
		return -1, &PermissionError{Op: "opening " + node, Err: err,
			Remedy: "modprobe tun; in a container: --device " + node}
	}
	if err != nil {
		return -1, denied("opening "+node, err, "run as root, or chmod 666 "+node)
	}
	ifr, err := unix.NewIfreq(TUNName)
	if err != nil {
		return -1, errors.Join(fmt.Errorf("lab: TUN device: %w", err), unix.Close(fd))
	}
	ifr.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, ifr); err != nil {
		return -1, errors.Join(denied("creating a TUN device", err, "run as root"), unix.Close(fd))
	}
	return fd, nil
}

// up sets the device up, with its addresses and the default routes.
func (d *device) up(ns *Namespace) error {
	if err := ns.route.LinkSetUp(d.link); err != nil {
		return fmt.Errorf("lab: setting the TUN device up: %w", err)
	}
	for _, a := range d.addrs {
		if err := addAddr(ns, d.link, netip.PrefixFrom(a, a.BitLen())); err != nil {
			return err
		}
		all := netip.PrefixFrom(a, 0).Masked()
		if err := addRoute(ns, d.link, Route{Dst: all}); err != nil {
			return err
		}
	}
	return nil
}
