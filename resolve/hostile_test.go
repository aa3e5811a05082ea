package resolve

import (
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// hostile is a name server on the loopback that does what a test tells it to, and counts what it was asked.
type hostile struct {
	addr  netip.AddrPort
	asked atomic.Int32 // queries by UDP
	conns atomic.Int32 // connections by TCP
	// script is locked while a query by UDP is answered, for tests that look at what a script wrote.
	script sync.Mutex
}

// udpScript answers the n-th query by UDP, from 0, with any number of datagrams.
type udpScript func(n int, q *dns.Msg, send func([]byte))

// tcpScript talks to the n-th connection, from 0, which is closed when it returns.
type tcpScript func(n int, conn net.Conn)

// newHostile starts a server; a script that is nil leaves its port closed.
func newHostile(t testing.TB, udp udpScript, tcp tcpScript) *hostile {
	t.Helper()
	return newHostileAt(t, "127.0.0.1", udp, tcp)
}

func newHostileAt(t testing.TB, ip string, udp udpScript, tcp tcpScript) *hostile {
	t.Helper()
	l, u := bothPorts(t, netip.MustParseAddr(ip))
	h := &hostile{addr: l.Addr().(*net.TCPAddr).AddrPort()}
	var all sync.WaitGroup
	t.Cleanup(func() { l.Close(); u.Close(); all.Wait() })
	if udp == nil {
		u.Close()
	} else {
		all.Go(func() { h.serveUDP(u, udp) })
	}
	if tcp == nil {
		l.Close()
	} else {
		all.Go(func() { h.serveTCP(t, l, tcp) })
	}
	return h
}

// bothPorts listens on a port that is free for UDP and TCP.
func bothPorts(t testing.TB, ip netip.Addr) (*net.TCPListener, *net.UDPConn) {
	t.Helper()
	for {
		l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip, 0)))
		if err != nil {
			t.Fatal(err)
		}
		u, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(l.Addr().(*net.TCPAddr).AddrPort()))
		if err == nil {
			return l, u
		}
		l.Close()
	}
}

func (h *hostile) serveUDP(u *net.UDPConn, script udpScript) {
	buf := make([]byte, maxMessage)
	for {
		n, from, err := u.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		q := new(dns.Msg)
		if q.Unpack(buf[:n]) != nil {
			continue
		}
		h.script.Lock()
		script(int(h.asked.Add(1))-1, q, func(b []byte) { u.WriteToUDPAddrPort(b, from) })
		h.script.Unlock()
	}
}

func (h *hostile) serveTCP(t testing.TB, l *net.TCPListener, script tcpScript) {
	var all sync.WaitGroup
	defer all.Wait()
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		t.Cleanup(func() { conn.Close() }) // before the one that waits for us
		n := int(h.conns.Add(1)) - 1
		all.Go(func() { defer conn.Close(); script(n, conn) })
	}
}

// server returns how the server is asked.
func (h *hostile) server(t Transport) Server { return Server{Transport: t, Addr: h.addr} }

// readQuery reads a query from a connection; nil at its end.
func readQuery(conn net.Conn) *dns.Msg {
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return nil
	}
	b := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(conn, b); err != nil {
		return nil
	}
	q := new(dns.Msg)
	if q.Unpack(b) != nil {
		return nil
	}
	return q
}

// frame returns a message behind its length.
func frame(b []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
}

// eachQuery answers every query on a connection.
func eachQuery(answer func(q *dns.Msg) []byte) tcpScript {
	return func(_ int, conn net.Conn) {
		for q := readQuery(conn); q != nil; q = readQuery(conn) {
			conn.Write(frame(answer(q)))
		}
	}
}

// reply returns the packed answer to q with an address that tells answers apart, after it was changed.
func reply(q *dns.Msg, change ...func(m *dns.Msg)) []byte {
	m := new(dns.Msg).SetReply(q)
	if opt := q.IsEdns0(); opt != nil {
		m.SetEdns0(1232, opt.Do())
	}
	if len(q.Question) == 1 {
		m.Answer = []dns.RR{&dns.A{
			Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60},
			A:   net.IPv4(192, 0, 2, 1),
		}}
	}
	for _, f := range change {
		f(m)
	}
	b, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return b
}

// with returns b after a change.
func with(b []byte, change func(b []byte)) []byte {
	change(b)
	return b
}

// testClient is patient, so that only what a test does not expect takes long.
func testClient(t testing.TB) *Client {
	c := &Client{Timeout: 20 * time.Second, Tries: 2}
	t.Cleanup(func() { c.Close() })
	return c
}

// hasty is a client whose first queries are soon followed by others; only for what is never answered at once.
func hasty(t testing.TB, tries int) *Client {
	c := testClient(t)
	c.Timeout, c.Tries = 20*time.Millisecond, tries
	return c
}

// notes returns the kinds of notes.
func notes(x *Exchange) []string {
	kinds := []string{}
	for _, n := range x.Notes {
		kinds = append(kinds, n.Kind)
	}
	return kinds
}

// newEcho starts a server for benchmarks, which returns every query as an answer without records.
func newEcho(t testing.TB) *hostile {
	l, u := bothPorts(t, netip.MustParseAddr("127.0.0.1"))
	h := &hostile{addr: l.Addr().(*net.TCPAddr).AddrPort()}
	var all sync.WaitGroup
	t.Cleanup(func() { l.Close(); u.Close(); all.Wait() })
	all.Go(func() {
		buf := make([]byte, maxMessage)
		for {
			n, from, err := u.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			buf[2] |= bitQR
			u.WriteToUDPAddrPort(buf[:n], from)
		}
	})
	all.Go(func() {
		h.serveTCP(t, l, func(_ int, conn net.Conn) {
			buf := make([]byte, 2+maxMessage)
			for {
				if _, err := io.ReadFull(conn, buf[:2]); err != nil {
					return
				}
				n := 2 + int(binary.BigEndian.Uint16(buf))
				if _, err := io.ReadFull(conn, buf[2:n]); err != nil {
					return
				}
				buf[4] |= bitQR
				conn.Write(buf[:n])
			}
		})
	})
	return h
}
