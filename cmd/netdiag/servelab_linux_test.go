package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/netdiag/netdiag/internal/lab"
)

// homely gives the test a lab in which the world is reached from 192.168.0.18, beside a network of containers.
func homely(t *testing.T) *lab.Lab {
	t.Helper()
	l := lab.Test(t, nil)
	prefix := netip.MustParsePrefix
	_, err := l.Peer("containers", lab.PeerConfig{
		Near: lab.End{Name: "docker0", Addrs: []netip.Prefix{prefix("172.17.0.1/16")}},
		Far:  lab.End{Addrs: []netip.Prefix{prefix("172.17.0.2/16")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = l.Peer("router", lab.PeerConfig{
		Near: lab.End{Name: "eth0", Addrs: []netip.Prefix{prefix("192.168.0.18/24"), prefix("2001:db8::18/64")}, Routes: []lab.Route{
			{Dst: prefix("0.0.0.0/0"), Via: netip.MustParseAddr("192.168.0.1")}, {Dst: prefix("::/0"), Via: netip.MustParseAddr("2001:db8::1")},
		}},
		Far: lab.End{Addrs: []netip.Prefix{prefix("192.168.0.1/24"), prefix("2001:db8::1/64")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// knock connects to addr from the test, which is in a lab.
func knock(t *testing.T, addr string) *net.TCPConn {
	t.Helper()
	conn, err := net.DialTCP("tcp", nil, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(addr)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// hear reads all that a server says.
func hear(t *testing.T, conn io.Reader, want string) {
	t.Helper()
	if got, err := io.ReadAll(conn); string(got) != want || err != nil {
		t.Errorf("the client got %q, %v, want %q", got, err, want)
	}
}

// offered returns the address that the program tells clients.
func (r *running) offered() string {
	r.t.Helper()
	_, addr, _ := strings.Cut(r.await("Clients should connect to: "), ": ")
	return addr
}

// TestServeWalk is the walk of the user's document, as root and as an ordinary user.
func TestServeWalk(t *testing.T) {
	t.Parallel()
	l := homely(t)
	for _, user := range []uint32{0, nobody} {
		r := begin(t, program(t, l.Namespace, user, "serve"))
		if addr := r.offered(); addr != "192.168.0.18:7777" {
			t.Errorf("clients should connect to %s", addr)
		}
		for range 2 {
			conn := knock(t, "192.168.0.18:7777")
			hear(t, conn, "Hello, world!\n")
			conn.Close()
			r.await(" greeted (")
		}
		hung := knock(t, "127.0.0.1:7777")
		r.await("#3 " + hung.LocalAddr().String() + " connected")
		if _, err := io.ReadFull(hung, make([]byte, 14)); err != nil {
			t.Error(err)
		}
		r.signal(syscall.SIGINT)
		e := r.end()
		e.exits(t, yes)
		if !strings.Contains(e.stdout, "stopped with the server (") || e.stderr != "" ||
			!strings.Contains(e.stdout, "\n--- 0.0.0.0:7777 serve statistics ---\n3 clients in ") ||
			!strings.HasSuffix(e.stdout, ": 2 closed, 0 hung, 0 reset, 1 stopped; 3 greeted; 0 refused\n42 bytes sent, 0 received\n") {
			t.Errorf("%s%s", e.stdout, e.stderr)
		}
	}
}

// TestServeTells has the program say where clients find it.
func TestServeTells(t *testing.T) {
	t.Parallel()
	l, bare := homely(t), lab.Test(t, nil)
	tests := []struct {
		ns     *lab.Namespace
		args   string
		lines  string
		stderr string // contained; "": nothing; "*": what this machine's hosts file leads to
	}{
		{l.Namespace, "8080", "Clients should connect to: 192.168.0.18:8080\n", ""},
		{l.Namespace, "[::]:8080", "Clients should connect to: 192.168.0.18:8080\nor, over IPv6, to: [2001:db8::18]:8080\n", ""},
		{l.Namespace, "-6", "Clients should connect to: [2001:db8::18]:7777\n", ""},
		{l.Namespace, "-4", "Clients should connect to: 192.168.0.18:7777\n", ""},
		{l.Namespace, "172.17.0.1:8080", "Clients should connect to: 172.17.0.1:8080\n", ""},
		{l.Namespace, "localhost:8080", "Clients should connect to: 127.0.0.1:8080\n", "*"},
		{l.Namespace, "-6 localhost:8080", "Clients should connect to: [::1]:8080\n", ""},
		{bare.Namespace, "", "Clients should connect to: 127.0.0.1:7777\n", "only programs on it reach 127.0.0.1"},
	}
	for _, tt := range tests {
		r := begin(t, program(t, tt.ns, nobody, append([]string{"serve"}, strings.Fields(tt.args)...)...))
		r.await("Clients should connect to: ")
		if tt.stderr != "" && tt.stderr != "*" {
			r.awaitError(tt.stderr)
		}
		r.signal(syscall.SIGTERM)
		e := r.end()
		e.exits(t, yes)
		if !strings.HasPrefix(e.stdout, tt.lines+"\n--- ") || tt.stderr == "" && e.stderr != "" {
			t.Errorf("%s: %s%s", tt.args, e.stdout, e.stderr)
		}
	}
}

// TestServeRefusals has the system refuse the port.
func TestServeRefusals(t *testing.T) {
	t.Parallel()
	l := homely(t)
	holder := begin(t, program(t, l.Namespace, 0, "serve", "127.0.0.1:7777"))
	holder.await("Clients")
	own := begin(t, program(t, l.Namespace, nobody, "serve", "8888"))
	own.await("Clients")
	bound, err := net.Listen("tcp6", "[::1]:9999")
	if err != nil {
		t.Fatal(err)
	}
	defer bound.Close()
	pid := holder.cmd.Process.Pid
	for _, tt := range []struct {
		user   uint32
		args   string
		stderr string // contained
	}{
		{0, "7777", fmt.Sprintf("netdiag: 0.0.0.0:7777 is in use: %s (pid %d) listens on 127.0.0.1:7777\nnetdiag: hint: that is one address alone, and others are free: netdiag serve 192.168.0.18:7777\n", comm(t, pid), pid)},
		{nobody, "7777", "netdiag: 0.0.0.0:7777 is in use: a program of the user with uid 0 listens on 127.0.0.1:7777\nnetdiag: hint: run as root to see which program that is\n"},
		{nobody, "192.168.0.18:8888", fmt.Sprintf("(pid %d) listens on 0.0.0.0:8888\nnetdiag: hint: take another port: netdiag serve 192.168.0.18:8889\n", own.cmd.Process.Pid)},
		{nobody, "80", "netdiag: 0.0.0.0:80: permission denied: on this system ports below 1024 need a privilege\nnetdiag: hint: take a port above: netdiag serve 0.0.0.0:8080\nnetdiag: hint: or allow ports from 80 on to every program: sudo sysctl -w net.ipv4.ip_unprivileged_port_start=80\nnetdiag: hint: or allow them to this one: sudo setcap cap_net_bind_service+ep /"},
		{nobody, "192.0.2.1:7777", "netdiag: 192.0.2.1 is not an address of this machine\nnetdiag: hint: this machine has 127.0.0.1 (lo), "},
	} {
		e := netdiag(t, l.Namespace, tt.user, append([]string{"serve"}, strings.Fields(tt.args)...)...)
		e.exits(t, unable)
		if e.stdout != "" || !strings.Contains(e.stderr, tt.stderr) {
			t.Errorf("%s: %s%s\nwant %s", tt.args, e.stdout, e.stderr, tt.stderr)
		}
	}
	beside := begin(t, program(t, l.Namespace, 0, "serve", "9999"))
	beside.awaitError(fmt.Sprintf("(pid %d) listens on [::1]:9999: clients that use IPv6", os.Getpid()))
	if err := l.Sysctl("net.ipv4.ip_unprivileged_port_start", "80"); err != nil {
		t.Fatal(err)
	}
	begin(t, program(t, l.Namespace, nobody, "serve", "80")).await("Clients should connect to: 192.168.0.18:80")
}

// comm returns the name of a process as the kernel has it.
func comm(t *testing.T, pid int) string {
	t.Helper()
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(name))
}

// TestServeModes has the program treat clients as its flags say. Each ends by --once.
func TestServeModes(t *testing.T) {
	t.Parallel()
	l := lab.Test(t, nil)
	for _, tt := range []struct {
		args   string
		client func(conn *net.TCPConn)
		end    string // contained in the line about the client
	}{
		{`--message 220\x20ready\r\n`, func(conn *net.TCPConn) { hear(t, conn, "220 ready\r\n") }, " greeted ("},
		{"--message hi --no-newline", func(conn *net.TCPConn) { hear(t, conn, "hi") }, "2 bytes sent"},
		{"--echo", func(conn *net.TCPConn) {
			_, _ = io.WriteString(conn, "text")
			conn.CloseWrite()
			hear(t, conn, "text")
		}, " closed ("},
		{"--hold", func(*net.TCPConn) {}, " closed ("},
		{"--hold --idle .05", nil, " hung: it did not end the connection within 0.05 s ("},
		{"--idle .05", nil, " hung: it did not close within 0.05 s of the greeting ("},
		{"--tls --idle .05", nil, " hung: no TLS handshake within 0.05 s ("},
		{"--tls", func(conn *net.TCPConn) { _, _ = io.WriteString(conn, "no TLS at all\n") }, " TLS failed: "},
		{"--reset", func(conn *net.TCPConn) {
			if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("--reset: the client sees %v", err)
			}
		}, " reset ("},
	} {
		r := begin(t, program(t, l.Namespace, nobody, append([]string{"serve", "--once", "127.0.0.1:0"}, strings.Fields(tt.args)...)...))
		addr := r.offered()
		conn, err := net.DialTCP("tcp", nil, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(addr)))
		switch {
		case err != nil && !(tt.args == "--reset" && errors.Is(err, syscall.ECONNRESET)):
			t.Fatal(err)
		case err == nil && tt.client != nil:
			tt.client(conn)
			conn.Close()
		}
		e := r.end()
		e.exits(t, yes)
		if !strings.Contains(e.stdout, tt.end) || !strings.Contains(e.stdout, "\n1 client in ") || e.stderr != "" {
			t.Errorf("%s: %s%s", tt.args, e.stdout, e.stderr)
		}
		if conn != nil {
			conn.Close()
		}
	}
}

// TestServeJSONLines has the lines of a run read as a program would.
func TestServeJSONLines(t *testing.T) {
	t.Parallel()
	l := homely(t)
	r := begin(t, program(t, l.Namespace, nobody, "serve", "--json", "--max-clients=1", "--hold", "[::]:7777"))
	r.await(`"type":"listening"`)
	first := knock(t, "[2001:db8::18]:7777")
	r.await(`"type":"accepted"`)
	second, err := net.DialTCP("tcp", nil, net.TCPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:7777")))
	if err == nil {
		defer second.Close()
	} else if !errors.Is(err, syscall.ECONNRESET) {
		t.Fatal(err)
	}
	r.await(`"type":"refused"`)
	first.Close()
	r.await(`"type":"client"`)
	r.signal(syscall.SIGINT)
	e := r.end()
	e.exits(t, yes)
	var types []string
	for line := range strings.Lines(e.stdout) {
		var j struct {
			Type, Schema, Time, Addr, End string
			ConnectTo                     []string `json:"connect_to"`
			RTT                           *float64 `json:"rtt_ms"`
			Clients, Refused, ID          int
			Seconds                       *float64
		}
		if err := json.Unmarshal([]byte(line), &j); err != nil || j.Time == "" {
			t.Errorf("%v: %s", err, line)
		}
		types = append(types, j.Type)
		var ok bool
		switch j.Type {
		case "start":
			ok = j.Schema == "netdiag.serve/1"
		case "listening":
			ok = j.Addr == "[::]:7777" && strings.Join(j.ConnectTo, " ") == "192.168.0.18:7777 [2001:db8::18]:7777"
		case "accepted":
			ok = j.Addr == first.LocalAddr().String() && j.ID == 1 && j.RTT != nil && *j.RTT > 0
		case "refused":
			ok = strings.HasPrefix(j.Addr, "127.0.0.1:") && j.Clients == 1
		case "client":
			ok = j.Addr == first.LocalAddr().String() && j.End == "closed" && j.Seconds != nil && j.RTT != nil
		case "summary":
			ok = j.Clients == 1 && j.Refused == 1 && j.Seconds != nil
		}
		if !ok {
			t.Errorf("%s", line)
		}
	}
	if got := strings.Join(types, " "); got != "start listening accepted refused client summary" || e.stderr != "" {
		t.Errorf("%s\n%s", got, e.stderr)
	}
}

// TestServeStrained has the program run out of descriptors: it says so, and greets whoever had to wait when it has one again.
func TestServeStrained(t *testing.T) {
	t.Parallel()
	l := lab.Test(t, nil)
	r := begin(t, program(t, l.Namespace, 0, "serve", "--hold"))
	r.await("Clients")
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", r.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	few := unix.Rlimit{Cur: uint64(len(open)) + 2, Max: uint64(len(open)) + 2}
	if err := unix.Prlimit(r.cmd.Process.Pid, unix.RLIMIT_NOFILE, &few, nil); err != nil {
		t.Fatal(err)
	}
	const clients = 6
	var conns []*net.TCPConn
	for range clients {
		conns = append(conns, knock(t, "127.0.0.1:7777"))
	}
	r.awaitError("a client had to wait: accept tcp4 0.0.0.0:7777: accept4: too many open files")
	r.awaitError("hint: more descriptors: ulimit -n, or fewer clients at a time: --max-clients")
	for _, conn := range conns {
		conn.Close()
	}
	for i := range clients {
		r.await(fmt.Sprintf("#%d ", i+1))
	}
	r.signal(syscall.SIGINT)
	e := r.end()
	e.exits(t, yes)
	if !strings.Contains(e.stdout, fmt.Sprintf("\n%d clients in ", clients)) {
		t.Errorf("%s", e.stdout)
	}
}
