package local

import (
	"errors"
	"fmt"
	"net/netip"
	"os"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// decide asks the kernel twice: for what becomes of the packet, with the cached MTU of the path and the source address;
// and for the route that matched. Only the first answer says what is done.
func decide(dst netip.Addr, ask Ask) (Decision, error) {
	q, err := newQuestion(dst, ask)
	if err != nil {
		return Decision{}, err
	}
	m, err := q.route(0)
	if err != nil {
		return q.refused(err)
	}
	link, err := linkOf(m.number(unix.RTA_OIF))
	if err != nil {
		return Decision{}, err
	}
	d := Decision{
		Dst: dst, Interface: link.Attrs().Name, Gateway: m.gateway(), Source: m.addr(unix.RTA_PREFSRC), MTU: m.mtu(),
		Kind: kindName(m.Type),
	}
	if ask.Source.IsValid() {
		d.Source = ask.Source
	}
	// IPv6 looks at a loopback source only when the packet is there. Without another address it even chooses that.
	if ask.Source.IsLoopback() && link.Attrs().RawFlags&unix.IFF_LOOPBACK == 0 && dst.Is6() {
		return Decision{}, errLoopback(d.Source, dst)
	}
	if d.MTU == 0 {
		d.MTU = link.Attrs().MTU
	}
	d.Unrouted = d.Kind == KindUnicast && q.oif != 0 && dst.Is4() && m.table() == unix.RT_TABLE_UNSPEC
	if match, err := q.route(unix.RTM_F_FIB_MATCH); err == nil && match.table() == m.table() {
		if err := q.locate(&d, match); err != nil {
			return Decision{}, err
		}
	}
	if d.Kind == KindUnicast {
		hop := dst
		if d.Gateway.IsValid() {
			hop = d.Gateway
		}
		d.Hop = neighbour(link, hop)
	}
	return d, nil
}

// locate fills in what is known of the route that matched, its table, and the rule that led there.
func (q question) locate(d *Decision, m routeMessage) error {
	table := m.table()
	// As long as nobody has made a rule, IPv4's tables local and main are one, and the kernel says main of both. What it
	// adds to main itself is unicast.
	if table == unix.RT_TABLE_MAIN && m.Type != unix.RTN_UNICAST && m.Protocol == unix.RTPROT_KERNEL && q.dst.Is4() {
		table = unix.RT_TABLE_LOCAL
	}
	tables := tableNames()
	d.describe(m, table, tables)
	r, err := newReader(m)
	if err != nil {
		return err
	}
	// One that is gone meanwhile leaves the way that was chosen.
	if route, there := r.route(m); there {
		d.Hops = route.Hops
	}
	rules, err := readRules(q.family())
	if err != nil {
		return err
	}
	if r := q.leading(rules, table, int(m.Dst_len)); r != nil {
		d.Rule = new(r.rule(tables))
	}
	return nil
}

// describe fills in a route of a table.
func (d *Decision) describe(m routeMessage, table uint32, tables names) {
	d.Matched = m.prefix(unix.RTA_DST, m.Dst_len, m.Family)
	d.Table, d.TableName = number(table), tables.of(table)
	d.Protocol, d.Metric = protocolNames().of(uint32(m.Protocol)), m.number(unix.RTA_PRIORITY)
}

// refused returns the decision that is no route, with what has refused the packet if that is not in doubt.
func (q question) refused(err error) (Decision, error) {
	d := Decision{Dst: q.dst, Kind: KindNone}
	switch {
	case errors.Is(err, unix.EACCES):
		d.Kind = KindProhibit
	case errors.Is(err, unix.EINVAL):
		if invalid := q.invalid(); invalid != nil {
			return Decision{}, invalid
		}
		d.Kind = KindBlackhole
	case errors.Is(err, unix.EHOSTUNREACH):
		d.Kind = KindUnreachable
	case absent(err):
		return d, nil
	case errors.Is(err, unix.ENETUNREACH):
	default:
		return Decision{}, q.failed(err)
	}
	rules, err := readRules(q.family())
	if err != nil {
		return Decision{}, err
	}
	routes, err := dump("routes", func() ([]routeMessage, error) { return dumpRoutes(q.family()) })
	if err != nil {
		return Decision{}, err
	}
	c, kind := q.refusing(rules, routes)
	switch {
	case c != nil && d.Kind == KindBlackhole && kind != KindBlackhole:
		return Decision{}, q.failed(unix.EINVAL) // there is certainly none
	// To a packet that a rule calls unreachable the kernel's answer is that of no route.
	case c == nil, kind != d.Kind && (d.Kind != KindNone || kind != KindUnreachable || c.route != nil):
		return d, nil
	}
	d.Kind = kind
	tables := tableNames()
	if c.rule != nil {
		d.Rule = new(c.rule.rule(tables))
	}
	if m := c.route; m != nil {
		d.describe(*m, m.table(), tables)
	}
	return d, nil
}

// failed returns the error of a question that the kernel has not answered.
func (q question) failed(err error) error {
	return fmt.Errorf("local: asking the kernel for the way to %v: %w", q.dst, err)
}

// invalid returns what is wrong with a packet that the kernel calls invalid, which is also its word for a blackhole; nil: nothing.
func (q question) invalid() error {
	if !q.ask.Source.IsLoopback() {
		return nil
	}
	from := q.ask.Source
	q.ask.Source = netip.Addr{}
	if _, err := q.route(0); errors.Is(err, unix.EINVAL) { // from no address would it get there
		return nil
	}
	return errLoopback(from, q.dst)
}

// question is what the kernel is asked.
type question struct {
	dst netip.Addr
	ask Ask // its interface is a name
	oif int // the index of that interface; 0: none
}

// newQuestion returns the question for the way to dst, or an error if the kernel's answer would mislead.
func newQuestion(dst netip.Addr, ask Ask) (question, error) {
	q := question{dst: dst, ask: ask}
	if ask.Interface != "" {
		link, err := linkNamed(ask.Interface)
		if err != nil {
			return question{}, err
		}
		q.ask.Interface, q.oif = link.Attrs().Name, link.Attrs().Index
	}
	if q.ask.User == nil { // a socket is of the effective user
		q.ask.User = new(uint32(os.Geteuid()))
	}
	if q.ask.Protocol == 0 {
		q.ask.Protocol = unix.IPPROTO_UDP
	}
	return q, own(ask.Source)
}

// family returns the kernel's name of the family.
func (q question) family() uint8 {
	if q.dst.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// route asks for the route (RTM_GETROUTE of rtnetlink(7)).
func (q question) route(flags uint32) (routeMessage, error) {
	header := unix.RtMsg{Family: q.family(), Dst_len: uint8(q.dst.BitLen()), Flags: unix.RTM_F_LOOKUP_TABLE | flags}
	if q.ask.Source.IsValid() {
		header.Src_len = header.Dst_len
	}
	request := nl.NewNetlinkRequest(unix.RTM_GETROUTE, 0)
	request.AddData(&nl.RtMsg{RtMsg: header})
	request.AddData(nl.NewRtAttr(unix.RTA_DST, q.dst.AsSlice()))
	if q.ask.Source.IsValid() {
		request.AddData(nl.NewRtAttr(unix.RTA_SRC, q.ask.Source.AsSlice()))
	}
	if q.oif != 0 {
		request.AddData(nl.NewRtAttr(unix.RTA_OIF, nl.Uint32Attr(uint32(q.oif))))
	}
	if q.ask.Mark != 0 {
		request.AddData(nl.NewRtAttr(unix.RTA_MARK, nl.Uint32Attr(q.ask.Mark)))
	}
	request.AddData(nl.NewRtAttr(unix.RTA_UID, nl.Uint32Attr(*q.ask.User)))
	request.AddData(nl.NewRtAttr(unix.RTA_IP_PROTO, []byte{q.ask.Protocol}))
	messages, err := request.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWROUTE)
	if err != nil {
		return routeMessage{}, err
	}
	if len(messages) == 0 {
		return routeMessage{}, errShort
	}
	return parseRouteMessage(messages[0])
}

// linkNamed returns the link of a name, or as zones may be of an index.
func linkNamed(name string) (netlink.Link, error) {
	all, err := readLinks()
	if err != nil {
		return nil, err
	}
	list := make([]Interface, 0, len(all))
	for _, link := range all {
		a := link.Attrs()
		list = append(list, Interface{Index: a.Index, Name: a.Name, AltNames: a.AltNames})
	}
	i, ok := Named(list, name)
	if !ok {
		return nil, fmt.Errorf("local: there is no interface %q", name)
	}
	return all[i.Index], nil
}

// linkOf returns the link of an index.
func linkOf(index int) (netlink.Link, error) {
	link, err := netlink.LinkByIndex(index)
	if err != nil {
		return nil, fmt.Errorf("local: the interface of index %d: %w", index, err)
	}
	return link, nil
}

// own returns an error if source is no address of this machine: to the kernel's answer that would be no difference, or
// one that looks like a route which drops packets.
func own(source netip.Addr) error {
	if !source.IsValid() {
		return nil
	}
	addrs, err := dump("addresses", func() ([]netlink.Addr, error) { return netlink.AddrList(nil, netlink.FAMILY_ALL) })
	if err != nil {
		return err
	}
	for _, a := range addrs {
		if p, ok := prefixOf(a.IPNet); ok && p.Addr() == source {
			return nil
		}
	}
	// A whole prefix may be local, as 127.0.0.0/8 is.
	q, err := newQuestion(source, Ask{})
	if err != nil {
		return err
	}
	if m, err := q.route(0); err == nil && m.Type == unix.RTN_LOCAL {
		return nil
	}
	return fmt.Errorf("local: the source %v is no address of this machine", source)
}
