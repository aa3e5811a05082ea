package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/netdiag/netdiag/internal/lab"
)

// listening opens the sockets of the tests: over IPv4, over IPv6 alone, over both, link-local, and UDP.
func listening(t *testing.T) *lab.Lab {
	t.Helper()
	l := lab.TestConfig(t, lab.Config{Sysctls: quiet()})
	ip(t, "link add v0 type veth peer name v1\nlink set v0 up\nlink set v1 up\n-6 addr add fe80::1/64 dev v0 nodad")
	settle(t, []string{"v0", "v1"}, "fe80::1")
	for _, s := range []struct{ network, addr string }{
		{"tcp4", "127.0.0.1:7777"}, {"tcp6", "[::1]:7777"}, {"tcp", ":8888"}, {"tcp6", "[::]:9999"}, {"tcp6", "[fe80::1%v0]:7777"},
	} {
		listener, err := net.Listen(s.network, s.addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { listener.Close() })
	}
	for _, s := range []struct{ network, addr string }{{"udp4", "127.0.0.1:7777"}, {"udp6", "[::]:7777"}} {
		conn, err := net.ListenPacket(s.network, s.addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
	}
	return l
}

func TestSockets(t *testing.T) {
	listening(t)
	self := Socket{UID: os.Getuid(), PID: os.Getpid(), Program: program("/proc/self")}
	on := func(addr string, v6Only bool) Socket {
		s := self
		s.Addr, s.V6Only = netip.MustParseAddrPort(addr), v6Only
		return s
	}
	tests := []struct {
		udp  bool
		port uint16
		want []Socket
	}{
		{false, 7777, []Socket{on("127.0.0.1:7777", false), on("[::1]:7777", true), on("[fe80::1%v0]:7777", true)}},
		{false, 8888, []Socket{on("[::]:8888", false)}},
		{false, 9999, []Socket{on("[::]:9999", true)}},
		{false, 7, nil},
		{true, 7777, []Socket{on("127.0.0.1:7777", false), on("[::]:7777", true)}},
		{true, 8888, nil},
	}
	byAddr := func(a, b Socket) int { return a.Addr.Compare(b.Addr) }
	for _, tt := range tests {
		got, err := Sockets(tt.udp, tt.port)
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(got, byAddr)
		if diff := cmp.Diff(tt.want, got, unordered(), cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" {
			t.Errorf("port %d, UDP %t:\n%s", tt.port, tt.udp, diff)
		}
	}
	for _, udp := range []bool{false, true} {
		all, err := Sockets(udp, 0)
		if want := ss(t, udp); err != nil || !slices.Equal(sockLines(all), want) {
			t.Errorf("all sockets, UDP %t: %q, %v; ss has %q", udp, sockLines(all), err, want)
		}
	}
}

// sockLines returns address and process of listening sockets, in order.
func sockLines(all []Socket) []string {
	var lines []string
	for _, s := range all {
		addr := s.Addr.String()
		if s.Addr.Addr() == netip.IPv6Unspecified() && !s.V6Only {
			addr = fmt.Sprintf("*:%d", s.Addr.Port()) // in the words of ss
		}
		lines = append(lines, fmt.Sprintf("%s %q %d", addr, s.Program, s.PID))
	}
	slices.Sort(lines)
	return lines
}

// ss returns what ss has of the same.
func ss(t *testing.T, udp bool) []string {
	t.Helper()
	flags := map[bool]string{false: "-Htlnp", true: "-Hulnp"}[udp]
	out, err := exec.CommandContext(t.Context(), "ss", flags).Output()
	if errors.Is(err, exec.ErrNotFound) {
		t.Skip("needs ss of iproute2")
	}
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		_, users, _ := strings.Cut(line, `users:(("`)
		name, rest, _ := strings.Cut(users, `",pid=`)
		pid, _, _ := strings.Cut(rest, ",")
		addr := fields[3]
		// ss writes the interface of a link-local address behind its bracket.
		if before, zone, ok := strings.Cut(addr, "]%"); ok {
			iface, port, _ := strings.Cut(zone, ":")
			addr = before + "%" + iface + "]:" + port
		}
		lines = append(lines, fmt.Sprintf("%s %q %s", addr, name, pid))
	}
	slices.Sort(lines)
	return lines
}

// TestTimeWait has the side that closes a connection first keep it.
func TestTimeWait(t *testing.T) {
	lab.Test(t, nil)
	for _, addr := range []string{"127.0.0.1:7777", "[::1]:7777"} {
		listener, err := net.Listen("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		client, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		server, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(listener.Close(), server.(*net.TCPConn).CloseWrite()); err != nil {
			t.Fatal(err)
		}
		if _, err := client.Read(make([]byte, 1)); err != io.EOF {
			t.Fatal(err)
		}
		own := client.LocalAddr().(*net.TCPAddr).AddrPort()
		client.Close()
		if _, err := server.Read(make([]byte, 1)); err != io.EOF { // both sides are closed
			t.Fatal(err)
		}
		server.Close()
		got, err := Sockets(false, 7777)
		want := Socket{Addr: netip.MustParseAddrPort(addr), Remote: own, State: SocketTimeWait, TimeWait: true, UID: -1}
		if err != nil || !slices.Contains(got, want) {
			t.Errorf("Sockets = %+v, %v; want %+v among them", got, err, want)
		}
	}
}

// TestHolders has a port held in every way that does not end by itself.
func TestHolders(t *testing.T) {
	lab.Test(t, nil)
	self := Socket{UID: os.Getuid(), PID: os.Getpid(), Program: program("/proc/self")}
	for _, host := range []string{"127.0.0.1", "::1"} {
		on := func(port uint16) netip.AddrPort { return netip.AddrPortFrom(netip.MustParseAddr(host), port) }
		listener, err := net.Listen("tcp", on(7777).String())
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		from := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(on(6666))}
		client, err := from.Dial("tcp", on(7777).String())
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		server, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		family, addr := unix.AF_INET, unix.Sockaddr(&unix.SockaddrInet4{Port: 5555, Addr: [4]byte{127, 0, 0, 1}})
		if on(0).Addr().Is6() {
			family, addr = unix.AF_INET6, &unix.SockaddrInet6{Port: 5555, Addr: on(0).Addr().As16()}
		}
		bound, err := unix.Socket(family, unix.SOCK_STREAM, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(bound)
		if err := unix.Bind(bound, addr); err != nil {
			t.Fatal(err)
		}
		check := func(port uint16, state SocketState, remote netip.AddrPort, owned bool) {
			t.Helper()
			want := self
			want.Addr, want.State, want.Remote = on(port), state, remote
			if want.V6Only = on(0).Addr().Is6(); !owned {
				want.UID, want.PID, want.Program = -1, 0, ""
			}
			got, all, err := Holders(port)
			if i := slices.IndexFunc(got, func(s Socket) bool { return s.Addr.Port() != port }); i >= 0 {
				t.Errorf("on port %d: %+v", port, got[i])
			}
			if state == SocketBound && !all {
				return // the kernel does not tell
			}
			i := slices.IndexFunc(got, func(s Socket) bool { return s.State == state && s.Addr == want.Addr })
			if err != nil || i < 0 {
				t.Errorf("%v: %+v, %v; want state %d", want.Addr, got, err, state)
				return
			}
			got[i].V6Only = want.V6Only // of listeners and bound ones alone
			if got[i] != want {
				t.Errorf("%+v, want %+v", got[i], want)
			}
		}
		var none netip.AddrPort
		check(7777, SocketListens, none, true)
		check(7777, SocketConnected, on(6666), true)
		check(6666, SocketConnected, on(7777), true)
		check(5555, SocketBound, none, true)
		listener.Close()
		check(7777, SocketConnected, on(6666), true)
		if err := server.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if _, err := client.Read(make([]byte, 1)); err != io.EOF {
			t.Fatal(err)
		}
		if _, err := client.Write([]byte{0}); err != nil {
			t.Fatal(err)
		}
		if _, err := server.Read(make([]byte, 1)); err != nil { // what came with the byte acknowledges the end
			t.Fatal(err)
		}
		check(7777, SocketCloses, on(6666), true)
		server.Close() // the client has not: that keeps the port, and belongs to nobody
		check(7777, SocketCloses, on(6666), false)
	}
}

// TestSocketsOfOthers has an ordinary user look at root's sockets, and at one of its own.
func TestSocketsOfOthers(t *testing.T) {
	l := listening(t)
	needOthers(t)
	cmd := l.CommandAs(t.Context(), nobody, nobody, "/proc/self/exe")
	cmd.Env = append(os.Environ(), helperEnv+"=own")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got snapshot
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	owners := map[int]int{}
	for _, s := range slices.Concat(got.TCP, got.UDP) {
		owners[s.UID]++
		switch known := s.PID != 0 && s.Program != ""; {
		case s.UID == 0 && (s.PID != 0 || s.Program != ""), s.UID == nobody && !known:
			t.Errorf("%+v", s)
		}
	}
	if owners[0] != 7 || owners[nobody] != 1 || len(owners) != 2 {
		t.Errorf("sockets by user: %v", owners)
	}
}

func TestFirstUnprivileged(t *testing.T) {
	l := lab.Test(t, nil)
	for _, want := range []int{1024, 80, 0} {
		if err := l.Sysctl("net.ipv4.ip_unprivileged_port_start", strconv.Itoa(want)); err != nil {
			t.Fatal(err)
		}
		if got := FirstUnprivileged(); got != want {
			t.Errorf("FirstUnprivileged = %d, want %d", got, want)
		}
	}
}
