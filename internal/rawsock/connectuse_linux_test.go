package rawsock_test

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/lab"
	"github.com/netdiag/netdiag/internal/rawsock"
	"golang.org/x/sys/unix"
)

// next waits for one Outcome.
func next(t *testing.T, c rawsock.Connector) rawsock.Outcome {
	t.Helper()
	out := make([]rawsock.Outcome, 1)
	if n, err := c.Wait(out, time.Now().Add(patience)); n != 1 || err != nil {
		t.Fatalf("Wait = %d, %v", n, err)
	}
	return out[0]
}

// listen opens a listener in a lab.
func listen(t *testing.T, at netip.Addr, port uint16) *net.TCPListener {
	t.Helper()
	l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(at, port)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// TestConnectTake talks over a connection that is handed over.
func TestConnectTake(t *testing.T) {
	for _, w := range worlds {
		lab.TestConfig(t, lab.Config{})
		before := descriptors(t)
		l := listen(t, w.loopback, 0)
		c := openConnector(t, rawsock.ConnectConfig{})
		if _, err := c.Take(1); err == nil {
			t.Error("an attempt that is none was taken")
		}
		c.Start(1, l.Addr().(*net.TCPAddr).AddrPort(), nil)
		o := next(t, c)
		if !o.Connected || o.Err != nil {
			t.Fatalf("%+v", o)
		}
		conn, err := c.Take(1)
		if err != nil {
			t.Fatal(err)
		}
		c.Close() // which leaves it be
		peer, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := peer.Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		peer.Close()
		if heard, err := io.ReadAll(conn); err != nil || string(heard) != "hello" {
			t.Errorf("%q, %v", heard, err)
		}
		if conn.LocalAddr().String() != o.Own.String() || peer.RemoteAddr().String() != o.Own.String() {
			t.Errorf("own %v: %v, %v", o.Own, conn.LocalAddr(), peer.RemoteAddr())
		}
		conn.Close()
		l.Close()
		if after := descriptors(t); after != before {
			t.Errorf("%d descriptors, %d before", after, before)
		}
	}
}

// TestConnectEnd ends connections in order, and with a reset.
func TestConnectEnd(t *testing.T) {
	for _, w := range worlds {
		for _, tt := range []struct {
			name string
			end  func(c rawsock.Connector)
			want error // of the peer's read
		}{
			{"drop", func(c rawsock.Connector) { c.Drop(1) }, io.EOF},
			{"close", func(c rawsock.Connector) { c.Close() }, io.EOF},
			{"drop with reset", func(c rawsock.Connector) { c.SetReset(true); c.Drop(1) }, unix.ECONNRESET},
			{"close with reset", func(c rawsock.Connector) { c.SetReset(true); c.Close() }, unix.ECONNRESET},
			{"taken with reset", func(c rawsock.Connector) {
				c.SetReset(true)
				if conn, err := c.Take(1); err == nil {
					conn.Close()
				}
			}, unix.ECONNRESET},
		} {
			lab.TestConfig(t, lab.Config{})
			l := listen(t, w.loopback, 0)
			c := openConnector(t, rawsock.ConnectConfig{})
			c.Start(1, l.Addr().(*net.TCPAddr).AddrPort(), nil)
			if o := next(t, c); !o.Connected {
				t.Fatalf("%+v", o)
			}
			peer, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			tt.end(c)
			if _, err := peer.Read(make([]byte, 1)); !errors.Is(err, tt.want) {
				t.Errorf("%s: the peer read %v, want %v", tt.name, err, tt.want)
			}
			peer.Close()
		}
	}
}

// TestConnectReset is accepted and then reset, before the Connector looks, and after, which is no reset of the connection
// where the peer has closed it before.
func TestConnectReset(t *testing.T) {
	for _, w := range worlds {
		for _, tt := range []struct {
			late, closed bool
			want         error
		}{{want: unix.ECONNRESET}, {late: true, want: unix.ECONNRESET}, {late: true, closed: true}, {closed: true, want: unix.EPIPE}} {
			lab.TestConfig(t, lab.Config{})
			l := listen(t, w.loopback, 0)
			c := openConnector(t, rawsock.ConnectConfig{})
			c.Start(1, l.Addr().(*net.TCPAddr).AddrPort(), nil)
			var o rawsock.Outcome
			if tt.late {
				if o = next(t, c); !o.Connected || o.Err != nil {
					t.Fatalf("%+v", o)
				}
			}
			peer, err := l.AcceptTCP()
			if err != nil {
				t.Fatal(err)
			}
			if tt.closed {
				if err := peer.CloseWrite(); err != nil {
					t.Fatal(err)
				}
			}
			if err := errors.Join(peer.SetLinger(0), peer.Close()); err != nil {
				t.Fatal(err)
			}
			rawsock.AwaitReset(t, c, 1)
			if tt.late {
				o = c.Drop(1)
			} else {
				o = next(t, c)
			}
			if !o.Connected || o.Err != tt.want || o.RTT <= 0 || o.SYNs != 1 || o.Local {
				t.Errorf("%+v: %+v", tt, o)
			}
		}
	}
}

// TestConnectSelf has one source port only, which is the destination.
func TestConnectSelf(t *testing.T) {
	for _, w := range worlds {
		lab.TestConfig(t, lab.Config{Sysctls: map[string]string{"net.ipv4.ip_local_port_range": "40000 40000"}})
		c := openConnector(t, rawsock.ConnectConfig{})
		to := netip.AddrPortFrom(w.loopback, 40000)
		c.Start(1, to, nil)
		if o := next(t, c); !o.Connected || o.Own != to {
			t.Errorf("%+v", o)
		}
	}
}

// TestConnectOld has the server still have a connection between the same ports, of which this machine does not know: it takes
// a second SYN, though none is lost.
func TestConnectOld(t *testing.T) {
	for _, w := range worlds {
		lab.TestConfig(t, lab.Config{Sysctls: map[string]string{"net.ipv4.ip_local_port_range": "40000 40000"}})
		l := listen(t, w.loopback, 1000)
		old, err := net.DialTCP("tcp", nil, l.Addr().(*net.TCPAddr))
		if err != nil {
			t.Fatal(err)
		}
		raw, err := old.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		var failed error
		err = raw.Control(func(fd uintptr) { failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_REPAIR, 1) })
		if err := errors.Join(err, failed, old.Close()); err != nil { // without a word to the server
			t.Fatal(err)
		}
		c := openConnector(t, rawsock.ConnectConfig{})
		c.Start(1, l.Addr().(*net.TCPAddr).AddrPort(), nil)
		if o := next(t, c); !o.Connected || o.SYNs < 2 {
			t.Errorf("%+v", o)
		}
	}
}

// TestConnectPorts uses up the source ports: it is told as that, and they serve another destination still.
func TestConnectPorts(t *testing.T) {
	for _, w := range worlds {
		for _, source := range []netip.Addr{{}, w.loopback} {
			lab.TestConfig(t, lab.Config{Sysctls: map[string]string{"net.ipv4.ip_local_port_range": "40000 40003"}})
			l, other := listen(t, w.loopback, 1000), listen(t, w.loopback, 1001)
			c := openConnector(t, rawsock.ConnectConfig{Source: source})
			for id := range int64(4) {
				c.Start(id, l.Addr().(*net.TCPAddr).AddrPort(), nil)
				if o := next(t, c); !o.Connected {
					t.Fatalf("%+v", o)
				}
			}
			c.Start(5, l.Addr().(*net.TCPAddr).AddrPort(), nil)
			if o := next(t, c); !o.Local || o.Err != error(unix.EADDRNOTAVAIL) || o.ID != 5 || o.SYNs != 0 {
				t.Errorf("%+v", o)
			}
			c.Start(6, other.Addr().(*net.TCPAddr).AddrPort(), nil)
			if o := next(t, c); !o.Connected || o.ID != 6 {
				t.Errorf("%+v", o)
			}
			c.SetReset(true)
			c.Drop(0)
			c.Start(7, l.Addr().(*net.TCPAddr).AddrPort(), nil)
			if o := next(t, c); !o.Connected || o.ID != 7 {
				t.Errorf("%+v", o)
			}
		}
	}
}

// TestConnectDescriptors uses up the descriptors, of processes of their own.
func TestConnectDescriptors(t *testing.T) {
	l := routed(t)
	for _, w := range worlds {
		for _, user := range []uint32{0, 65534} {
			for _, udp := range []bool{false, true} {
				got := runAs(t, l.Namespace, user, []job{{To: netip.AddrPortFrom(w.far, dropped), Ends: true, Files: 40, UDP: udp}})
				if o := got[0].Outcome; !got[0].Told || got[0].Errno != unix.EMFILE || !o.Local || o.SYNs != 0 {
					t.Errorf("user %d, udp %t: %v %+v", user, udp, got[0].Errno, o)
				}
			}
		}
	}
}

// TestConnectLossy has the first SYN lost, which is told from the count of SYNs.
func TestConnectLossy(t *testing.T) {
	routed(t)
	c := openConnector(t, rawsock.ConnectConfig{})
	for id, w := range worlds {
		c.Start(int64(id), netip.AddrPortFrom(w.far, lossy), nil)
	}
	for range worlds {
		if o := next(t, c); !o.Connected || o.SYNs < 2 {
			t.Errorf("%+v", o)
		}
	}
}

// TestConnectAgain has the same sockets serve attempts of all ends, one after the other.
func TestConnectAgain(t *testing.T) {
	routed(t)
	c := openConnector(t, rawsock.ConnectConfig{})
	before := descriptors(t)
	for range 2 {
		for _, w := range worlds {
			for _, tr := range w.trials(false) {
				_, route := w.closed[tr.name+" "+tr.job.To.Addr().String()] // there is none here
				if route || tr.job.TTL != 0 || tr.job.Source.IsValid() || tr.job.Interface != "" {
					continue
				}
				r, err := tr.job.on(c)
				if err != nil {
					t.Fatalf("%s, %v: %v", tr.name, tr.job.To, err)
				}
				tr.check(t, "again", r)
			}
		}
	}
	if after := descriptors(t); after > before {
		t.Errorf("%d descriptors, %d before", after, before)
	}
}

// TestConnectMany has thousands of attempts under way that nothing comes of, and one that is open among them.
func TestConnectMany(t *testing.T) {
	routed(t)
	before := descriptors(t)
	fewFiles(t, 4096)
	c := openConnector(t, rawsock.ConnectConfig{})
	limit, most := c.Limit(), int64(3000)
	for id := range most {
		w := worlds[id%2]
		c.Start(id, netip.AddrPortFrom(w.far, dropped), nil)
	}
	if now := c.Limit(); now != limit || limit > 4096-64 || limit < 3000 {
		t.Errorf("a limit of %d, and of %d with %d under way", limit, now, most)
	}
	c.Start(most, netip.AddrPortFrom(worlds[0].far, openTCP), nil)
	if o := next(t, c); o.ID != most || !o.Connected {
		t.Errorf("%+v", o)
	}
	for id := range most {
		if o := c.Drop(id); o.ID != id || o.Err != nil || o.Connected || o.SYNs < 1 {
			t.Fatalf("%+v", o)
		}
	}
	if left := descriptors(t) - before; left > 600 {
		t.Errorf("%d descriptors are left", left)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors, %d before", after, before)
	}
}

// fewFiles limits the descriptors of this process to so many, or less, for the test.
func fewFiles(t *testing.T, most uint64) {
	t.Helper()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	few := unix.Rlimit{Cur: min(limit.Cur, most), Max: limit.Max}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Setrlimit(unix.RLIMIT_NOFILE, &limit) })
}

// TestConnectAllocations has attempts that come to nothing leave the memory alone.
func TestConnectAllocations(t *testing.T) {
	neighbour(t)
	c := openConnector(t, rawsock.ConnectConfig{})
	const ports = 2000
	scan(t, c, addr("10.9.0.1"), ports)
	if n := testing.AllocsPerRun(3, func() { scan(t, c, addr("10.9.0.1"), ports) }); n > ports/20 {
		t.Errorf("%v allocations for %d attempts", n, ports)
	}
}
