package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"golang.org/x/sys/unix"

	"github.com/netdiag/netdiag/internal/lab"
	"github.com/netdiag/netdiag/serve"
)

// TestServeUnread has nobody read standard output: clients are greeted all the same, and an interrupt ends the program.
func TestServeUnread(t *testing.T) {
	t.Parallel()
	l := lab.Test(t, nil)
	r := begin(t, program(t, l.Namespace, nobody, "serve", "--json", "127.0.0.1:7777"))
	r.await("listening")
	const clients = 600 // of whom more is written than the pipe and its reader hold
	for range clients {
		conn := knock(t, "127.0.0.1:7777")
		hear(t, conn, "Hello, world!\n")
		conn.Close()
	}
	r.signal(syscall.SIGINT)
	r.awaitError("standard output is not read: what there was to say is lost")
	e := r.end()
	e.exits(t, unable)
	if strings.Contains(e.stdout, "summary") {
		t.Errorf("it was read: %s", e.stdout)
	}
}

// TestServeQueue has more happen than may wait to be shown.
func TestServeQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		read := make(chan struct{})
		var shown, omitted int64
		q := newServeQueue(func(e queued, _ bool) {
			<-read
			shown++
			omitted += e.omitted
		})
		put := func(n int) {
			for range n {
				q.put(serve.Event{})
			}
		}
		put(1)
		synctest.Wait() // it is being shown
		put(mostQueued + 7)
		read <- struct{}{}
		synctest.Wait()
		put(3)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, ok := q.end(ctx); ok {
			t.Error("it is not read, and ends in order")
		}
		close(read)
		<-q.done
		if shown != mostQueued+2 || omitted != 7 || q.omitted != 2 {
			t.Errorf("%d are shown, %d and %d left out", shown, omitted, q.omitted)
		}
	})
}

// TestServeFull has standard output be a full disk: the program ends before it serves anybody.
func TestServeFull(t *testing.T) {
	t.Parallel()
	l := lab.Test(t, nil)
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	for _, args := range [][]string{{"serve", "--json"}, {"serve"}} {
		cmd := program(t, l.Namespace, nobody, args...)
		var errs strings.Builder
		cmd.Stdout, cmd.Stderr = full, &errs
		_ = cmd.Run() // the state says it
		if code := cmd.ProcessState.ExitCode(); code != int(unable) || !strings.Contains(errs.String(), "no space left on device") {
			t.Errorf("%v: status %d, %s", args, code, errs.String())
		}
	}
}

// TestServeClosedPipe has whoever reads standard output go away: the next client is greeted, and the program ends without a word.
func TestServeClosedPipe(t *testing.T) {
	t.Parallel()
	l := lab.Test(t, nil)
	cmd := program(t, l.Namespace, nobody, "serve", "--json", "127.0.0.1:7777")
	near, far, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	var errs strings.Builder
	cmd.Stdout, cmd.Stderr = far, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	far.Close()
	said := make([]byte, 0, 4096)
	for !strings.Contains(string(said), `"type":"listening"`) {
		n, err := near.Read(said[len(said):cap(said)])
		if err != nil {
			t.Fatal(err)
		}
		said = said[:len(said)+n]
	}
	near.Close()
	conn := knock(t, "127.0.0.1:7777")
	hear(t, conn, "Hello, world!\n")
	conn.Close()
	_ = cmd.Wait() // the state says it
	if code := cmd.ProcessState.ExitCode(); code != int(unable) || errs.Len() > 0 {
		t.Errorf("status %d, %s", code, errs.String())
	}
}

// TestServeHeld has the port held otherwise than by who listens.
func TestServeHeld(t *testing.T) {
	t.Parallel()
	l := lab.Test(t, nil)
	here := fmt.Sprintf("%s (pid %d) ", comm(t, os.Getpid()), os.Getpid())
	// Without SO_REUSEADDR, which package net sets, what a listener has accepted holds its port.
	listener := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var failed error
		err := c.Control(func(fd uintptr) { failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 0) })
		return errors.Join(err, failed)
	}}
	ln, err := listener.Listen(t.Context(), "tcp4", "127.0.0.1:7001")
	if err != nil {
		t.Fatal(err)
	}
	from := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:7002"))}
	client, err := from.Dial("tcp4", "127.0.0.1:7001")
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	accepted, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	bound, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(bound)
	if err := unix.Bind(bound, &unix.SockaddrInet4{Port: 7003, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	refused := func(user uint32, port, want string) {
		t.Helper()
		e := netdiag(t, l.Namespace, user, "serve", port)
		e.exits(t, unable)
		if !strings.HasPrefix(e.stderr, "netdiag: 0.0.0.0:"+port+" is in use") || !strings.Contains(e.stderr, want) {
			t.Errorf("%s: %s, want %s", port, e.stderr, want)
		}
	}
	refused(0, "7001", here+"has a connection between 127.0.0.1:7001 and 127.0.0.1:7002")
	refused(nobody, "7001", "a program of the user with uid 0 has a connection between 127.0.0.1:7001 and 127.0.0.1:7002\nnetdiag: hint: run as root")
	refused(0, "7002", here+"has a connection between 127.0.0.1:7002 and 127.0.0.1:7001")
	side := newServeSide()
	if _, all, err := side.sockets(7003); err != nil {
		t.Error(err)
	} else if all {
		refused(0, "7003", here+"has bound 127.0.0.1:7003, and does not listen")
	} else {
		refused(0, "7003", "one has bound it, and this system does not tell which")
	}
	if err := accepted.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Read(make([]byte, 1)); err != io.EOF {
		t.Fatal(err)
	}
	if _, err := client.Write([]byte{0}); err != nil {
		t.Fatal(err)
	}
	if _, err := accepted.Read(make([]byte, 1)); err != nil { // what came with the byte acknowledges the end
		t.Fatal(err)
	}
	accepted.Close() // the client has not
	refused(0, "7001", "1 connection of which no program knows any more holds it")
}

// TestServeNoIPv6 has IPv6 switched off: there is no address to tell.
func TestServeNoIPv6(t *testing.T) {
	t.Parallel()
	l := lab.Test(t, nil)
	for _, key := range []string{"net.ipv6.conf.all.disable_ipv6", "net.ipv6.conf.lo.disable_ipv6"} {
		if err := l.Sysctl(key, "1"); err != nil {
			t.Fatal(err)
		}
	}
	r := begin(t, program(t, l.Namespace, nobody, "serve", "-6"))
	r.await("No client can connect to: [::]:7777")
	r.awaitError("this machine has no IPv6 address at all")
	r.signal(syscall.SIGINT)
	r.end().exits(t, yes)
}
