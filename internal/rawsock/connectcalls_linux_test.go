package rawsock_test

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/lab"
	"github.com/netdiag/netdiag/internal/rawsock"
	"golang.org/x/sys/unix"
)

// TestConnectDrop drops what has ended at once before it was told of, and what there never was.
func TestConnectDrop(t *testing.T) {
	lab.TestConfig(t, lab.Config{})
	c := openConnector(t, rawsock.ConnectConfig{})
	nowhere := netip.AddrPortFrom(addr("192.0.2.1"), 1)
	for id := range int64(3) {
		c.Start(id, nowhere, nil)
	}
	if o := c.Drop(1); o.ID != 1 || o.Err != error(unix.ENETUNREACH) || !o.Local {
		t.Errorf("%+v", o)
	}
	if o := c.Drop(9); o.ID != 9 || o.Err != nil || o.Connected || o.SYNs != 0 {
		t.Errorf("%+v", o)
	}
	c.Start(4, netip.AddrPort{}, nil)
	out := make([]rawsock.Outcome, 2)
	for _, want := range [][]int64{{0, 2}, {4}, nil} {
		n, err := c.Wait(out, time.Now())
		if n != len(want) || err != nil {
			t.Fatalf("Wait = %d, %v", n, err)
		}
		for i, o := range out[:n] {
			if o.ID != want[i] || !o.Local {
				t.Errorf("%+v", o)
			}
		}
	}
}

// TestConnectDropKnown drops what has ended, or is connected, without having been waited for.
func TestConnectDropKnown(t *testing.T) {
	for _, w := range worlds {
		lab.TestConfig(t, lab.Config{})
		l := listen(t, w.loopback, 1000)
		c := openConnector(t, rawsock.ConnectConfig{})
		for range 2 {
			c.Start(1, netip.AddrPortFrom(w.loopback, closedAll), nil)
			if o := c.Drop(1); o.ID != 1 || o.Err != error(unix.ECONNREFUSED) || o.Connected || o.Local || o.SYNs != 1 {
				t.Errorf("%+v", o)
			}
			c.Start(1, l.Addr().(*net.TCPAddr).AddrPort(), nil)
			if o := c.Drop(1); o.ID != 1 || o.Err != nil || !o.Connected || o.RTT <= 0 {
				t.Errorf("%+v", o)
			}
		}
	}
}

// TestConnectSend sends a datagram again, to where nothing answers and to where it is refused.
func TestConnectSend(t *testing.T) {
	routed(t)
	c := openConnector(t, rawsock.ConnectConfig{UDP: true})
	for _, w := range worlds {
		c.Start(1, netip.AddrPortFrom(w.far, dropped), []byte("one"))
		c.Send(1, []byte("two"))
		if o := c.Drop(1); o.SYNs != 2 || o.Err != nil || o.Connected {
			t.Errorf("%+v", o)
		}
		c.Send(1, []byte("three")) // to no attempt
		c.Start(2, netip.AddrPortFrom(w.loopback, closedAll), []byte("one"))
		c.Send(2, []byte("two")) // which is told of the error of the first
		if o := next(t, c); o.ID != 2 || o.Err != error(unix.ECONNREFUSED) || o.ICMP == nil || o.SYNs != 1 || o.Local {
			t.Errorf("%+v", o)
		}
		c.Start(3, netip.AddrPortFrom(w.far, echoUDP), []byte("one"))
		if o := next(t, c); string(o.Answer) != "one" {
			t.Errorf("%+v", o)
		}
		c.Send(3, make([]byte, 1<<16)) // what is refused by then changes nothing
		if o := c.Drop(3); !o.Connected || o.Err != nil || o.SYNs != 1 {
			t.Errorf("%+v", o)
		}
		c.Start(4, netip.AddrPortFrom(w.far, dropped), []byte("one"))
		c.Send(4, make([]byte, 1<<16))
		if o := next(t, c); o.Err != error(unix.EMSGSIZE) || !o.Local || o.SYNs != 1 {
			t.Errorf("%+v", o)
		}
	}
}

// TestConnectWake ends waits, by a call and by the end of the Connector.
func TestConnectWake(t *testing.T) {
	lab.TestConfig(t, lab.Config{})
	before := descriptors(t)
	c := openConnector(t, rawsock.ConnectConfig{})
	out := make([]rawsock.Outcome, 1)
	c.Wake() // the next one
	if n, err := c.Wait(out, time.Time{}); n != 0 || err != nil {
		t.Errorf("Wait = %d, %v", n, err)
	}
	for _, end := range []func(){c.Wake, func() { c.Close() }} {
		ended := make(chan error)
		go func() {
			_, err := c.Wait(out, time.Time{})
			ended <- err
		}()
		end()
		if err := <-ended; err != nil && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	}
	if _, err := c.Wait(out, time.Time{}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Wait after Close: %v", err)
	}
	c.Start(1, netip.AddrPortFrom(addr("127.0.0.1"), 1), nil)
	if _, err := c.Take(1); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Take after Close: %v", err)
	}
	if err := c.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Close after Close: %v", err)
	}
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors, %d before", after, before)
	}
}

// TestConnectMisconfigured has what no attempt could be made with refused at once.
func TestConnectMisconfigured(t *testing.T) {
	lab.TestConfig(t, lab.Config{})
	before := descriptors(t)
	for _, udp := range []bool{false, true} {
		for _, tt := range []struct {
			cfg  rawsock.ConnectConfig
			want error
		}{
			{rawsock.ConnectConfig{Interface: "nosuch0"}, unix.ENODEV},
			{rawsock.ConnectConfig{Source: addr("192.0.2.99")}, unix.EADDRNOTAVAIL},
			{rawsock.ConnectConfig{Source: addr("2001:db8::99")}, unix.EADDRNOTAVAIL},
			{rawsock.ConnectConfig{TTL: 256}, unix.EINVAL},
		} {
			tt.cfg.UDP = udp
			if _, err := rawsock.Connect(tt.cfg); !errors.Is(err, tt.want) {
				t.Errorf("Connect(%+v) = %v, want %v", tt.cfg, err, tt.want)
			}
		}
	}
	unprivileged(t)
	if _, err := rawsock.Connect(rawsock.ConnectConfig{Mark: 7}); !errors.Is(err, unix.EPERM) {
		t.Errorf("Connect with a mark = %v", err)
	}
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors, %d before", after, before)
	}
}
