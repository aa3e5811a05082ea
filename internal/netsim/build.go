package netsim

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
)

// defaultVantage is the vantage's name where it has none.
const defaultVantage = "vantage"

// New makes the Network that t describes. The error names the node or link and the field
// that it cannot be made with. The topology must not be changed afterwards.
func New(t Topology) (*Network, error) {
	n := &Network{
		givenEpoch: t.Epoch,
		injections: t.Injections,
		names:      make(map[string]*node),
		owners: owners{
			exact:    make(map[netip.Addr]*node),
			prefixes: make(map[netip.Prefix]*node),
		},
		distances: make(map[*node][]int32),
	}
	b := builder{n: n, t: &t, links: make(map[pair][]*edge)}
	for _, step := range []func() error{
		t.validate, b.addVantage, b.addRouters, b.addHosts, b.addLinks, b.addRoutes,
	} {
		if err := step(); err != nil {
			return nil, fmt.Errorf("netsim: %w", err)
		}
	}
	n.Reseed(t.Seed)
	return n, nil
}

// builder makes the nodes of a Network.
type builder struct {
	n     *Network
	t     *Topology
	links map[pair][]*edge
}

// node adds a node of the given name.
func (b *builder) node(name string) (*node, error) {
	if name == "" {
		return nil, fmt.Errorf("a node has no name")
	}
	if b.n.names[name] != nil {
		return nil, fmt.Errorf("%s: name: there are two nodes of this name", name)
	}
	nd := &node{id: len(b.n.nodes), name: name, quote: &Quote{}}
	nd.rng = rand.New(&nd.pcg)
	b.n.nodes = append(b.n.nodes, nd)
	b.n.names[name] = nd
	return nd, nil
}

// own gives nd the addresses of prefix p, which it shares with other nodes if shared is set.
func (b *builder) own(nd *node, p netip.Prefix, shared bool) error {
	if !p.IsValid() {
		return fmt.Errorf("%s: addrs: not a valid address or prefix", nd.name)
	}
	if p.Addr().Is4In6() {
		return fmt.Errorf("%s: addrs: %v: an IPv4-mapped address", nd.name, p)
	}
	p = p.Masked()
	owner := nd
	if shared {
		owner = b.group(p, nd)
	}
	if had := b.n.owners.add(p, owner); had != nil && had != owner {
		return fmt.Errorf("%s: addrs: %v is also %s's", nd.name, p, had.name)
	}
	nd.addrs = append(nd.addrs, p.Addr())
	return nil
}

// group returns what stands for the hosts that share p, nd among them.
func (b *builder) group(p netip.Prefix, nd *node) *node {
	group := b.n.owners.get(p)
	if group == nil || len(group.members) == 0 {
		group = &node{name: nd.name}
	}
	if !slices.Contains(group.members, nd) {
		group.members = append(group.members, nd)
	}
	return group
}

func (b *builder) ownAddrs(nd *node, as []netip.Addr) error {
	for _, a := range as {
		if a.Zone() != "" {
			return fmt.Errorf("%s: addrs: %v: an address has no zone here", nd.name, a)
		}
		if err := b.own(nd, netip.PrefixFrom(a, a.BitLen()), false); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) addVantage() error {
	v := &b.t.Vantage
	if v.Name == "" {
		v.Name = defaultVantage
	}
	nd, err := b.node(v.Name)
	if err != nil {
		return err
	}
	if len(v.Addrs) == 0 {
		return fmt.Errorf("%s: addrs: the vantage needs an address", v.Name)
	}
	nd.balance, nd.ttl = v.Balance, 64
	return b.ownAddrs(nd, v.Addrs)
}

func (b *builder) addRouters() error {
	for i := range b.t.Routers {
		r := &b.t.Routers[i]
		nd, err := b.node(r.Name)
		if err != nil {
			return err
		}
		nd.router = &router{Router: r, nat: newNAT(r.NAT), faults: newFaults(r.ErrorFaults)}
		nd.balance, nd.hash, nd.down = r.Balance, r.Hash, r.Down
		nd.ttl = orDefault(r.TTL, 255)
		nd.limit = newLimiter(r.ErrorLimit)
		nd.faults = newFaults(r.Faults)
		nd.saltText = r.Salt
		if err := b.ownAddrs(nd, r.Addrs); err != nil {
			return err
		}
		if r.NAT != nil {
			if err := b.ownAddrs(nd, r.NAT.Outside); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *builder) addHosts() error {
	for i := range b.t.Hosts {
		h := &b.t.Hosts[i]
		nd, err := b.node(h.Name)
		if err != nil {
			return err
		}
		nd.down, nd.tos, nd.udpSilent = h.Down, h.TOS, h.UDPSilent
		nd.udpEcho, nd.udpOpen, nd.tcpOpen = h.UDPEcho, h.UDPOpen, h.TCPOpen
		nd.ttl = orDefault(h.TTL, 64)
		nd.limit = newLimiter(h.ErrorLimit)
		nd.faults = newFaults(h.Faults)
		nd.quote = &h.Quote
		for _, p := range h.Addrs {
			if err := b.own(nd, p, h.Anycast); err != nil {
				return err
			}
		}
	}
	return nil
}

func orDefault(ttl, def int) uint8 {
	if ttl == 0 {
		ttl = def
	}
	return uint8(ttl)
}

func newFaults(fs []Fault) (faults []fault) {
	for i := range fs {
		faults = append(faults, fault{Fault: &fs[i]})
	}
	return faults
}

func (b *builder) addLinks() error {
	for i := range b.t.Links {
		l := &b.t.Links[i]
		from, to := b.n.names[l.From], b.n.names[l.To]
		switch {
		case from == nil:
			return fmt.Errorf("link %d: from: there is no node %q", i, l.From)
		case to == nil:
			return fmt.Errorf("link %d: to: there is no node %q", i, l.To)
		case from == to:
			return fmt.Errorf("link %d: %q is linked to itself", i, l.From)
		}
		back := l.Back
		if back == nil {
			back = &l.Line
		}
		there := b.edge(from, to, l.Line, l.ToAddrs)
		here := b.edge(to, from, *back, l.FromAddrs)
		there.reverse, here.reverse = here, there
		if err := b.ownAddrs(from, l.FromAddrs); err != nil {
			return fmt.Errorf("link %d: %w", i, err)
		}
		if err := b.ownAddrs(to, l.ToAddrs); err != nil {
			return fmt.Errorf("link %d: %w", i, err)
		}
	}
	for _, nd := range b.n.nodes {
		if len(nd.edges) == 0 && len(b.n.nodes) > 1 {
			return fmt.Errorf("%s: no link leads to it", nd.name)
		}
		if len(nd.edges) == 1 {
			nd.inbound = []candidate{{nd.edges[0].reverse, 1}}
		}
	}
	return nil
}

// edge adds a line.
func (b *builder) edge(from, to *node, l Line, toAddrs []netip.Addr) *edge {
	between := pair{from.id, to.id}
	e := &edge{Line: l, from: from, to: to, toAddrs: toAddrs, number: uint64(len(b.links[between]))}
	e.rng = rand.New(&e.pcg)
	from.edges = append(from.edges, e)
	b.links[between] = append(b.links[between], e)
	return e
}

func (b *builder) addRoutes() error {
	all := map[string][]Route{b.t.Vantage.Name: b.t.Vantage.Routes}
	for _, r := range b.t.Routers {
		all[r.Name] = r.Routes
	}
	for _, h := range b.t.Hosts {
		all[h.Name] = h.Routes
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if err := b.nodeRoutes(b.n.names[name], all[name]); err != nil {
			return err
		}
	}
	return nil
}

// nodeRoutes gives nd its routes.
func (b *builder) nodeRoutes(nd *node, routes []Route) error {
	for i := range routes {
		r := route{Route: &routes[i]}
		if r.Balance == "" {
			copied := routes[i]
			copied.Balance = nd.balance
			r.Route = &copied
		}
		for _, hop := range r.Via {
			neighbour := b.n.names[hop.Node]
			if neighbour == nil {
				return fmt.Errorf("%s: routes[%d].via: there is no node %q", nd.name, i, hop.Node)
			}
			es := b.links[pair{nd.id, neighbour.id}]
			if len(es) == 0 {
				return fmt.Errorf("%s: routes[%d].via: no link leads to %q", nd.name, i, hop.Node)
			}
			for _, e := range es {
				r.via = append(r.via, candidate{e, uint64(max(hop.Weight, 1))})
			}
		}
		if r.Back {
			nd.backRoutes = append(nd.backRoutes, r)
		} else {
			nd.routes = append(nd.routes, r)
		}
	}
	longest := func(a, b route) int { return b.To.Bits() - a.To.Bits() }
	slices.SortStableFunc(nd.routes, longest)
	slices.SortStableFunc(nd.backRoutes, longest)
	return nil
}
