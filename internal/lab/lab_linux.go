package lab

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"

	"github.com/netdiag/netdiag/internal/packet"
	"golang.org/x/sys/unix"
)

// Lab is a namespace with, if it was asked for, a TUN device into a simulated network.
type Lab struct {
	*Namespace
	back  func() error // puts the goroutine back
	tun   *device      // nil: none
	pump  *pump        // nil: no device
	mute  func()       // ends what the network injects into the pump; nil: nothing does
	stats Stats        // of the pump, when it has ended
}

// OpenBare opens a lab with nothing but loopback, to hang peers on.
func OpenBare() (*Lab, error) { return Open(Config{}) }

// Open makes a lab and moves the calling goroutine into it, which stays locked to its
// thread until Close. The error is a *PermissionError where this process may not do that;
// the goroutine is then where it was before.
func Open(cfg Config) (*Lab, error) {
	back, err := pin()
	if err != nil {
		return nil, err
	}
	ns, err := unshare("lab")
	if err != nil {
		return nil, errors.Join(err, back())
	}
	l := &Lab{Namespace: ns, back: back}
	if err := l.furnish(cfg); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// furnish makes what cfg asks for in the new namespace, which is the calling thread's.
func (l *Lab) furnish(cfg Config) error {
	if !cfg.NoPingSockets {
		if err := l.openPingSockets(); err != nil {
			return err
		}
	}
	if err := l.sysctls(cfg.Sysctls); err != nil || cfg.Network == nil {
		return err
	}
	var addrs []netip.Addr
	for _, f := range []packet.Family{packet.IPv4, packet.IPv6} {
		if a := cfg.Network.Vantage(f); a.IsValid() {
			addrs = append(addrs, a)
		}
	}
	if err := l.attach(cfg.Network, addrs, cfg); err != nil {
		return err
	}
	l.mute = cfg.Network.Notify(l.pump.deliver)
	return nil
}

// openPingSockets allows ICMP sockets to all groups, or to those that the user namespace knows.
func (l *Lab) openPingSockets() error {
	const name = "net.ipv4.ping_group_range"
	err := l.Sysctl(name, "0 2147483647")
	if errors.Is(err, unix.EINVAL) { // a bound that is no group of this user namespace
		gid := unix.Getegid()
		err = l.Sysctl(name, fmt.Sprint(gid, gid))
	}
	return err
}

// attach makes the TUN device, with the given addresses, and has a pump carry its
// packets to n and back.
func (l *Lab) attach(n sender, addrs []netip.Addr, cfg Config) (err error) {
	l.tun, err = newDevice(l.Namespace, addrs, cmp.Or(cfg.MTU, 1500), cmp.Or(cfg.TxQueue, 100_000))
	if err != nil {
		return err
	}
	if l.pump, err = startPump(n, l.tun.fd, cfg.Spin); err != nil {
		return fmt.Errorf("lab: pump: %w", err)
	}
	return l.Up()
}

// Up sets the TUN device up after Down, with its addresses and routes.
func (l *Lab) Up() error { return l.tun.up(l.Namespace) }

// Down sets the TUN device down. The kernel removes its routes, and answers sends with
// ENETUNREACH until Up; what the network delivers meanwhile is lost.
func (l *Lab) Down() error {
	if err := l.route.LinkSetDown(l.tun.link); err != nil {
		return fmt.Errorf("lab: setting the TUN device down: %w", err)
	}
	return nil
}

// Stats returns the counts of the lab's pump. They are zero before Close, and without a network.
func (l *Lab) Stats() Stats { return l.stats }

// Close ends the lab with its peers and puts the goroutine that opened it, if it is the
// one that calls, back where it was. Another goroutine may call it too: the one in the
// lab then stays in there, and on its thread, to its end. The error tells, too, of what the pump
// could not go on from. Closing again does nothing.
func (l *Lab) Close() error {
	if l.fd < 0 {
		return nil
	}
	var errs []error
	if l.mute != nil {
		l.mute()
	}
	if l.pump != nil {
		errs = append(errs, l.pump.stop())
		l.stats = l.pump.stats
	}
	if l.tun != nil {
		dropped, err := l.tun.dropped(l.Namespace)
		l.stats.Overflowed = dropped
		errs = append(errs, err, unix.Close(l.tun.fd))
	}
	errs = append(errs, l.Namespace.Close(), l.back())
	return errors.Join(errs...)
}

// dropped returns how many packets the kernel had no room for in the device's queue.
func (d *device) dropped(ns *Namespace) (uint64, error) {
	link, err := ns.route.LinkByIndex(d.link.Attrs().Index)
	if err != nil {
		return 0, fmt.Errorf("lab: counters of the TUN device: %w", err)
	}
	if s := link.Attrs().Statistics; s != nil {
		return s.TxDropped, nil
	}
	return 0, nil
}
