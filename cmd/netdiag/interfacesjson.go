package main

import (
	"time"

	"github.com/netdiag/netdiag/internal/render"
	"github.com/netdiag/netdiag/local"
)

// interfacesJSON is interfaces as JSON lines, by the schema netdiag.interfaces/1.
type interfacesJSON struct {
	out   *render.JSON
	shown int
}

type interfacesStartJSON struct {
	Type   string   `json:"type"`
	Schema string   `json:"schema"`
	Time   string   `json:"time"`
	Names  []string `json:"names,omitempty"` // absent: all
}

type ownInterfaceJSON struct {
	Type    string         `json:"type"`
	Name    string         `json:"name"`
	Index   int            `json:"index"`
	Also    []string       `json:"altnames,omitempty"` // further names
	Kind    *string        `json:"kind"`
	Up      bool           `json:"up"`
	Carrier *bool          `json:"carrier"` // null: not known
	State   *string        `json:"state"`
	MAC     *string        `json:"mac"`
	MTU     *int           `json:"mtu"`
	Default bool           `json:"default"` // the world is reached by it, over one family at least
	Master  *string        `json:"master"`
	Parent  *string        `json:"parent"`
	Flags   []string       `json:"flags"`
	Addrs   []sideAddrJSON `json:"addrs"`
	countersJSON
}

type sideAddrJSON struct {
	Addr   string   `json:"addr"`
	Len    int      `json:"prefix_len"`
	Peer   *string  `json:"peer"`
	Scope  *string  `json:"scope"`
	Flags  []string `json:"flags"`
	Label  *string  `json:"label"`
	Source bool     `json:"default"` // the world is reached by it
}

// countersJSON are null where the system does not tell.
type countersJSON struct {
	RxBytes   *uint64 `json:"rx_bytes"`
	TxBytes   *uint64 `json:"tx_bytes"`
	RxPackets *uint64 `json:"rx_packets"`
	TxPackets *uint64 `json:"tx_packets"`
	RxErrors  *uint64 `json:"rx_errors"`
	TxErrors  *uint64 `json:"tx_errors"`
	RxDropped *uint64 `json:"rx_dropped"`
	TxDropped *uint64 `json:"tx_dropped"`
}

// interfacesSummaryJSON is where the machine stands. private_addr is the address by which the world is reached if that
// is private, and else another private one.
type interfacesSummaryJSON struct {
	Type         string         `json:"type"`
	Time         string         `json:"time"`
	Interfaces   int            `json:"interfaces"` // shown
	PrivateAddr  *string        `json:"private_addr"`
	PrivateAddr6 *string        `json:"private_addr6"`
	WorldAddr    *string        `json:"world_addr"`
	WorldAddr6   *string        `json:"world_addr6"`
	Default      *string        `json:"default_interface"` // over IPv4, or else over IPv6
	Default6     *string        `json:"default_interface6"`
	Gateway      *string        `json:"gateway"`
	Gateway6     *string        `json:"gateway6"`
	Ways         []routeHopJSON `json:"ways,omitempty"` // of several over IPv4, of which Default and Gateway are one
	Ways6        []routeHopJSON `json:"ways6,omitempty"`
	Error        string         `json:"error,omitempty"`
}

func (v *interfacesJSON) start(names []string) error {
	return v.out.Encode(&interfacesStartJSON{"start", "netdiag.interfaces/1", render.Time(time.Now()), names})
}

func (v *interfacesJSON) own(*ownSide) error { return nil }

func (v *interfacesJSON) one(i *local.Interface, o *ownSide, f family) error {
	v.shown++
	j := ownInterfaceJSON{
		Type: "interface", Name: i.Name, Index: i.Index, Also: i.AltNames, Kind: known(i.Kind), Up: i.Up, Carrier: carrierJSON(i.Signal), State: known(i.State), MAC: known(i.MAC.String()),
		MTU: known(i.MTU), Default: o.isDefault(i.Name), Master: known(i.Master), Parent: known(i.Parent),
		Flags: wordsJSON(i.Flags), Addrs: []sideAddrJSON{},
	}
	for _, a := range i.Addrs {
		addr := a.Prefix.Addr()
		if !f.has(addr) {
			continue
		}
		j.Addrs = append(j.Addrs, sideAddrJSON{
			addr.String(), a.Prefix.Bits(), addrJSON(a.Peer), known(a.Scope), wordsJSON(a.Flags), known(a.Label), o.isSource(addr),
		})
	}
	if c := i.Counters; c != nil {
		j.countersJSON = countersJSON{&c.RxBytes, &c.TxBytes, &c.RxPackets, &c.TxPackets, &c.RxErrors, &c.TxErrors, &c.RxDropped, &c.TxDropped}
	}
	return v.out.Encode(&j)
}

func (v *interfacesJSON) finish(o *ownSide, failure error) error {
	j := interfacesSummaryJSON{
		Type: "summary", Time: render.Time(time.Now()), Interfaces: v.shown,
		PrivateAddr: addrJSON(o.privateAddr(ipv4)), PrivateAddr6: addrJSON(o.privateAddr(ipv6)),
		WorldAddr: addrJSON(o.v4.Source), WorldAddr6: addrJSON(o.v6.Source),
		Default: known(o.v4.Interface), Default6: known(o.v6.Interface), Gateway: addrJSON(o.v4.Gateway), Gateway6: addrJSON(o.v6.Gateway),
		Ways: hopsJSON(o.v4.Hops), Ways6: hopsJSON(o.v6.Hops),
	}
	if j.Default == nil {
		j.Default = j.Default6
	}
	if failure != nil {
		j.Error = failure.Error()
	}
	return v.out.Encode(&j)
}

// carrierJSON returns whether there is a signal, null if that is not known.
func carrierJSON(c local.Carrier) *bool {
	if c == local.CarrierUnknown {
		return nil
	}
	return new(c == local.CarrierYes)
}

// known returns what v points JSON to: null for the zero value, which stands for what is not there.
func known[T comparable](v T) *T {
	var none T
	if v == none {
		return nil
	}
	return &v
}

// wordsJSON returns words as JSON has them, an empty list rather than null.
func wordsJSON(words []string) []string {
	if words == nil {
		return []string{}
	}
	return words
}
