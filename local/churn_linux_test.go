package local

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"

	"github.com/netdiag/netdiag/internal/lab"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// TestChurn looks while interfaces with addresses and routes come and go: none of them is an error, and what stays is seen
// every time.
func TestChurn(t *testing.T) {
	l := lab.TestConfig(t, lab.Config{Sysctls: quiet()})
	ip(t, "link add stay type veth peer name other\nlink set stay up\nlink set other up\naddr add 10.9.0.1/24 dev stay")
	stop, gone := make(chan struct{}), make(chan error, 1)
	go func() {
		gone <- l.Do(func() error {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return nil
				default:
				}
				if err := comeAndGo(n); err != nil {
					return err
				}
			}
		})
	}()
	for range 200 {
		is, err := Interfaces()
		if err != nil {
			t.Fatal(err)
		}
		stays := false
		for _, i := range is {
			stays = stays || i.Name == "stay" && len(i.Addrs) > 0
		}
		if !stays {
			t.Fatalf("stay is not among %+v", is)
		}
		routes, err := Routes(true)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range routes {
			if r.Interface == "" && len(r.Hops) == 0 {
				t.Fatalf("without an interface: %+v", r)
			}
		}
		_, err = Neighbours()
		d, decideErr := Decide(netip.MustParseAddr("10.9.0.7"), Ask{})
		if err := errors.Join(err, decideErr); err != nil || d.Interface != "stay" {
			t.Fatalf("%+v, %v", d, err)
		}
	}
	close(stop)
	if err := <-gone; err != nil {
		t.Error(err)
	}
}

// comeAndGo makes an interface with an address, a route, and a neighbour, and takes it away.
func comeAndGo(n int) error {
	link := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: fmt.Sprintf("c%d", n%1000)}, PeerName: fmt.Sprintf("p%d", n%1000)}
	if err := netlink.LinkAdd(link); err != nil {
		return err
	}
	addr, err := netlink.ParseAddr("10.8.0.1/24")
	if err != nil {
		return err
	}
	return errors.Join(
		netlink.AddrAdd(link, addr), netlink.LinkSetUp(link),
		netlink.RouteAdd(&netlink.Route{Dst: &net.IPNet{IP: net.IP{10, 7, 0, 0}, Mask: addr.Mask}, LinkIndex: link.Index, Table: 100}),
		netlink.NeighAdd(&netlink.Neigh{
			IP: []byte{10, 8, 0, 2}, LinkIndex: link.Index, State: netlink.NUD_PERMANENT, HardwareAddr: []byte{2, 0, 0, 0, 0, 2},
		}),
		netlink.LinkDel(link),
	)
}

// TestDump has readings disturbed, and fail.
func TestDump(t *testing.T) {
	tests := []struct {
		errs  []error
		reads int
		fails bool
	}{
		{nil, 1, false},
		{[]error{netlink.ErrDumpInterrupted, unix.EINTR, unix.ENOBUFS}, 4, false},
		{[]error{unix.EPERM}, 1, true},
		{repeat(netlink.ErrDumpInterrupted, readings), readings, false},
		{repeat(unix.ENOBUFS, readings), readings, true},
	}
	for _, tt := range tests {
		reads := 0
		got, err := dump("it", func() (int, error) {
			reads++
			if reads <= len(tt.errs) {
				return reads, tt.errs[reads-1]
			}
			return reads, nil
		})
		if reads != tt.reads || (err != nil) != tt.fails || !tt.fails && got != reads {
			t.Errorf("%v: %d readings, %d, %v", tt.errs, reads, got, err)
		}
		if tt.fails && !errors.Is(err, tt.errs[len(tt.errs)-1]) {
			t.Errorf("%v: %v", tt.errs, err)
		}
	}
}

func repeat(err error, n int) (errs []error) {
	for range n {
		errs = append(errs, err)
	}
	return errs
}
