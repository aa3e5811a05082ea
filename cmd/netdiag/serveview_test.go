package main

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/render"
	"github.com/netdiag/netdiag/serve"
)

// clientEvent is something that happened to the client of that number.
func clientEvent(kind serve.Kind, id int64) serve.Event {
	client := netip.AddrPortFrom(netip.MustParseAddr("192.168.0.20"), 50000+uint16(id))
	return serve.Event{Kind: kind, At: eventTime, ID: id, Client: client, Clients: 2, RTT: 412 * time.Microsecond}
}

// gone is the end of a client.
func gone(id int64, end serve.End, err error, change func(*serve.Event)) serve.Event {
	e := clientEvent(serve.Ended, id)
	e.End, e.Err, e.Lasted = end, err, 1204*time.Microsecond
	if change != nil {
		change(&e)
	}
	return e
}

// serveScene is a run to show.
type serveScene struct {
	name   string
	cfg    serve.Config
	start  *serveStart
	events []serve.Event
	err    error
}

func serveScenes() []serveScene {
	where := func(addr string, connect ...string) *serveStart {
		s := &serveStart{addr: netip.MustParseAddrPort(addr), backlog: 4096}
		for _, c := range connect {
			s.connect = append(s.connect, netip.MustParseAddrPort(c))
		}
		return s
	}
	greeted := func(e *serve.Event) { e.Greeted, e.Sent = true, 14 }
	secure := where("[::]:7777", "192.168.0.18:7777", "[2001:db8::1]:7777")
	secure.fingerprint = "12:E0:57"
	refused := clientEvent(serve.Refused, 0)
	refused.RTT = 0
	alone := refused
	alone.Clients = 1
	return []serveScene{
		{name: "greet", cfg: serve.Config{MaxClients: 2, Idle: 10 * time.Second}, start: where("0.0.0.0:7777", "192.168.0.18:7777"), events: []serve.Event{
			clientEvent(serve.Accepted, 1), gone(1, serve.Closed, nil, greeted),
			clientEvent(serve.Accepted, 2), clientEvent(serve.Accepted, 3), refused,
			gone(2, serve.TimedOut, nil, func(e *serve.Event) { greeted(e); e.Lasted = 10 * time.Second }),
			gone(3, serve.TimedOut, nil, func(e *serve.Event) { e.Sent, e.Lasted = 5, 12345*ms }),
			gone(4, serve.Left, &syscallError{syscall.ECONNRESET}, nil), gone(5, serve.Left, syscall.EPIPE, nil),
			gone(6, serve.Broken, errors.New("read: \x1b[31mred"), func(e *serve.Event) { e.RTT = 0 }),
			gone(7, serve.Stopped, nil, greeted), gone(8, serve.Left, &syscallError{syscall.ECONNRESET}, greeted), gone(9, serve.Left, syscall.EPIPE, greeted),
			gone(10, serve.Vanished, &syscallError{syscall.ETIMEDOUT}, greeted), gone(11, serve.Vanished, &syscallError{syscall.EHOSTUNREACH}, nil),
			gone(12, serve.Vanished, &syscallError{syscall.ENETUNREACH}, nil),
		}},
		{name: "tls", cfg: serve.Config{MaxClients: 1000, Idle: 1500 * ms, TLS: &tls.Config{}}, start: secure, events: []serve.Event{
			gone(1, serve.Closed, nil, func(e *serve.Event) { greeted(e); e.TLS, e.Received = "TLS 1.3", 1 }),
			gone(2, serve.TimedOut, nil, nil), gone(3, serve.Left, io.EOF, nil),
			gone(4, serve.Handshake, errors.New("tls: first record does not look like a TLS handshake"), nil),
			gone(5, serve.Handshake, &net.OpError{Op: "local error", Err: errors.New("tls: bad record MAC")}, nil),
			gone(6, serve.Handshake, &net.OpError{Op: "remote error", Err: errors.New("tls: unknown certificate authority")}, nil),
		}},
		{name: "echo", cfg: serve.Config{Mode: serve.Echo, MaxClients: 1000, Idle: 10 * time.Second, Once: true}, start: where("192.168.0.18:80", "192.168.0.18:80"), events: []serve.Event{
			gone(1, serve.Closed, nil, func(e *serve.Event) { e.Sent, e.Received = 1, 1 }), gone(2, serve.TimedOut, nil, nil),
		}},
		{name: "hold", cfg: serve.Config{Mode: serve.Hold, MaxClients: 1000, Idle: 5 * time.Second}, start: where("0.0.0.0:7777", "192.168.0.18:7777"), events: []serve.Event{
			gone(1, serve.Closed, nil, nil), gone(2, serve.TimedOut, nil, nil),
		}},
		{name: "reset", cfg: serve.Config{Mode: serve.Reset, MaxClients: 1000, Idle: -1}, start: where("0.0.0.0:7777", "192.168.0.18:7777"), events: []serve.Event{
			gone(1, serve.WasReset, nil, nil),
		}},
		{name: "unreachable", cfg: serve.Config{MaxClients: 1, Idle: -1}, start: where("[::]:7777"), events: []serve.Event{clientEvent(serve.Accepted, 1), alone}},
		{name: "in-use", err: errors.New("0.0.0.0:7777 is in use")},
	}
}

// syscallError wraps an error as package net does.
type syscallError struct{ err error }

func (e *syscallError) Error() string { return "read tcp: " + e.err.Error() }
func (e *syscallError) Unwrap() error { return e.err }

// play shows a scene in a view.
func (s *serveScene) play(t *testing.T, v serveView) {
	t.Helper()
	counts := serveCounts{took: 12_345 * ms}
	errs := []error{v.start(), v.warning(eventTime, "strained", "a client had to wait: too many open files")}
	if s.start != nil {
		errs = append(errs, v.listening(s.start))
	}
	for _, e := range s.events {
		switch e.Kind {
		case serve.Ended:
			counts.add(e)
		case serve.Refused:
			counts.refused++
		}
		errs = append(errs, v.event(e))
	}
	if err := errors.Join(append(errs, v.finish(&counts, s.err))...); err != nil {
		t.Error(err)
	}
	if n := counts; n.clients != n.closed+n.left+n.reset+n.hung+n.stopped+n.vanished+n.failed {
		t.Errorf("%s: the counts do not add up: %+v", s.name, n)
	}
}

func TestServeText(t *testing.T) {
	for _, s := range serveScenes() {
		var b bytes.Buffer
		out := render.NewWriter(&b)
		s.play(t, &serveText{out: out, cfg: &s.cfg, verbose: s.name != "greet"})
		if err := out.Flush(); err != nil {
			t.Error(err)
		}
		checkGolden(t, "serve/"+s.name+".txt", b.String())
	}
}

func TestServeTextColor(t *testing.T) {
	var b bytes.Buffer
	out := render.NewWriter(&b)
	s := serveScenes()[0]
	s.play(t, &serveText{out: out, cfg: &s.cfg, color: render.NewColor(render.ColorAlways, &b, func(string) string { return "" })})
	if err := out.Flush(); err != nil {
		t.Error(err)
	}
	checkGolden(t, "serve/color.txt", b.String())
}

// now finds the times of lines that say when they were written.
var now = regexp.MustCompile(`"time":"20[^"]*"`)

func TestServeJSON(t *testing.T) {
	for _, s := range serveScenes() {
		var b bytes.Buffer
		out := render.NewJSON(&b)
		s.play(t, &serveJSON{out: out, cfg: &s.cfg})
		if err := out.Flush(); err != nil {
			t.Error(err)
		}
		checkGolden(t, "serve/"+s.name+".json", now.ReplaceAllString(b.String(), `"time":"NOW"`))
	}
}
