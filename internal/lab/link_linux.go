package lab

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Peer makes a namespace with a real kernel and links it to ns. It is closed with ns. A
// row of routers is a peer of a peer; Connect closes a ring.
func (ns *Namespace) Peer(name string, cfg PeerConfig) (*Namespace, error) {
	peer, err := NewNamespace(name)
	if err != nil {
		return nil, err
	}
	if err := ns.hang(peer, cfg); err != nil {
		return nil, errors.Join(err, peer.Close())
	}
	ns.peers = append(ns.peers, peer)
	return peer, nil
}

// hang links peer to ns and makes it what cfg says.
func (ns *Namespace) hang(peer *Namespace, cfg PeerConfig) error {
	if cfg.Forward {
		for _, name := range []string{"net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"} {
			if err := peer.Sysctl(name, "1"); err != nil {
				return err
			}
		}
	}
	if err := peer.sysctls(cfg.Sysctls); err != nil {
		return err
	}
	link := Link{A: cfg.Near, B: cfg.Far, MTU: cfg.MTU}
	link.A.Name = cmp.Or(link.A.Name, peer.name)
	link.B.Name = cmp.Or(link.B.Name, "up")
	if err := Connect(ns, peer, link); err != nil {
		return err
	}
	for _, p := range cfg.Local {
		if err := peer.AddLocal(p); err != nil {
			return err
		}
	}
	return nil
}

// AddLocal makes every address of p one that ns takes for its own and answers.
func (ns *Namespace) AddLocal(p netip.Prefix) error {
	lo, err := ns.route.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("lab: lo in %s: %w", ns.name, err)
	}
	err = ns.route.RouteReplace(&netlink.Route{
		LinkIndex: lo.Attrs().Index,
		Dst:       ipNet(p.Masked()),
		Type:      unix.RTN_LOCAL,
		Table:     unix.RT_TABLE_LOCAL,
		Scope:     netlink.SCOPE_HOST,
	})
	if err != nil {
		return fmt.Errorf("lab: local prefix %v in %s: %w", p, ns.name, err)
	}
	return nil
}

// Connect joins a and b by a veth pair, which is up and carries packets when Connect
// returns. Beside the addresses of the Link the ends have fe80::a and fe80::b.
func Connect(a, b *Namespace, link Link) error {
	mtu := cmp.Or(link.MTU, 1500)
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU = link.A.Name, mtu
	err := a.route.LinkAdd(&netlink.Veth{
		LinkAttrs:     attrs,
		PeerName:      link.B.Name,
		PeerNamespace: netlink.NsFd(b.fd),
		PeerMTU:       uint32(mtu),
	})
	if err != nil {
		return fmt.Errorf("lab: linking %s of %s to %s of %s: %w", link.A.Name, a.name, link.B.Name, b.name, err)
	}
	near, err := a.raise(link.A, "fe80::a/64")
	if err != nil {
		return err
	}
	far, err := b.raise(link.B, "fe80::b/64")
	if err != nil {
		return err
	}
	if err := errors.Join(awaitCarrier(a, near), awaitCarrier(b, far)); err != nil {
		return err
	}
	return errors.Join(a.addRoutes(near, link.A.Routes), b.addRoutes(far, link.B.Routes))
}

// raise sets one end of a link up with its addresses. The link-local one is given, not the
// kernel's, because the kernel's could be used only a second later.
func (ns *Namespace) raise(e End, linkLocal string) (netlink.Link, error) {
	link, err := ns.route.LinkByName(e.Name)
	if err != nil {
		return nil, fmt.Errorf("lab: %s in %s: %w", e.Name, ns.name, err)
	}
	if err := quiet(ns, link); err != nil {
		return nil, fmt.Errorf("lab: %s in %s: %w", e.Name, ns.name, err)
	}
	if err := ns.route.LinkSetUp(link); err != nil {
		return nil, fmt.Errorf("lab: %s up in %s: %w", e.Name, ns.name, err)
	}
	if err := addAddr(ns, link, netip.MustParsePrefix(linkLocal)); err != nil && !errors.Is(err, unix.EOPNOTSUPP) {
		return nil, err
	}
	for _, p := range e.Addrs {
		if err := addAddr(ns, link, p); err != nil {
			return nil, err
		}
	}
	return link, nil
}

func (ns *Namespace) addRoutes(link netlink.Link, routes []Route) error {
	for _, r := range routes {
		if err := addRoute(ns, link, r); err != nil {
			return err
		}
	}
	return nil
}
