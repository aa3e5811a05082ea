package main

import (
	"context"
	"crypto/tls"
	"net/netip"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/netdiag/netdiag/internal/render"
	"github.com/netdiag/netdiag/serve"
)

// serveCommand is the table's entry of serve.
func serveCommand() command {
	f := newServeFlags()
	return command{
		name:     "serve",
		summary:  "be the other end to probe against: greet every client that connects",
		operands: "[ADDR:PORT]",
		also:     []string{"listen", "server", "ncat"},
		about: `Listens on TCP port 7777 of every IPv4 address, tells which address clients should connect to, greets each with
"Hello, world!" and a newline, closes, and goes on. Many are served at once, and those that hang, reset or never
read do not keep others waiting. ADDR:PORT may also be a port alone (8080, :8080), an address or a name of this
machine alone, [::]:PORT for IPv4 and IPv6 both, which with -6 is IPv6 alone, and port 0 for one that is free.

--message is sent with a newline behind it unless it ends in one or --no-newline is given; \n \r \t \0 \e \\ and
\xNN in it stand for bytes that cannot be typed, and an empty one sends nothing. A client is dropped when it has neither sent nor
taken (on Linux: acknowledged) anything for --idle, or has not closed so long after it took its greeting.

Control-C ends with a summary. The exit status is 0, or 2 if it could not listen.`,
		examples: []example{
			{"netdiag serve", "greet everybody who connects to port 7777"},
			{"netdiag serve 127.0.0.1:8080 --echo", "send back what comes, to this machine alone"},
			{"netdiag serve [::]:7777 --tls", "over TLS, IPv4 and IPv6"},
			{`netdiag serve 25 --message '220 mail.example ESMTP\r\n'`, "look like a mail server"},
			{"netdiag serve --hold", "a server that hangs"},
		},
		flags: f.flags(),
		run:   f.run,
	}
}

// run is netdiag serve.
func (f *serveFlags) run(ctx context.Context, c *call) (status, error) {
	place, err := parsePlace(c.args)
	if err == nil {
		err = f.check(c)
	}
	if err != nil {
		return unable, inCommand("serve", err)
	}
	// The next client is to have its greeting when whoever read the output has gone.
	signal.Ignore(syscall.SIGPIPE)
	defer signal.Reset(syscall.SIGPIPE)
	cfg := f.config(c)
	r := &serveRun{outcome: newOutcome(c.diagnostics), began: time.Now()}
	r.view, r.flush = f.show(c, &cfg)
	r.note(r.view.start())
	r.note(r.flush())
	return r.finish(ctx, f.serve(ctx, r, &cfg, place, c.family()))
}

// serve listens and serves to the end, where and over what it adds to cfg. The error is why there was nothing to serve.
func (f *serveFlags) serve(ctx context.Context, r *serveRun, cfg *serve.Config, place servePlace, family family) error {
	at, err := place.find(ctx, newMachine(), family)
	if err != nil {
		return err
	}
	side := newServeSide()
	reached := side.reached(at)
	start := &serveStart{v6only: at.v6only}
	cfg.Addr, cfg.V6Only = at.AddrPort, at.v6only
	if f.tls {
		if cfg.TLS, start.fingerprint, err = selfSigned(reached.addrs); err != nil {
			return err
		}
	}
	s, err := serve.Listen(ctx, *cfg)
	if err != nil {
		return side.explain(err, at)
	}
	defer s.Close()
	at.AddrPort = s.Addr()
	start.addr, start.backlog = s.Addr(), s.Backlog()
	for _, a := range reached.addrs {
		start.connect = append(start.connect, netip.AddrPortFrom(a, s.Addr().Port()))
	}
	r.begin(start, slices.Concat([]string{reached.note, at.remark(place)}, side.besides(at)))
	return r.run(ctx, s)
}

// show returns the view of a run of what cfg has when it listens, and how to flush what it writes.
func (f *serveFlags) show(c *call, cfg *serve.Config) (serveView, func() error) {
	if c.json {
		out := render.NewJSON(c.out)
		return &serveJSON{out: out, cfg: cfg}, out.Flush
	}
	out := render.NewWriter(c.out)
	return &serveText{out: out, color: render.NewColor(c.color, c.out, os.Getenv), cfg: cfg, verbose: c.verbose}, out.Flush
}

// selfSigned returns a configuration of TLS with a certificate made for this machine, whose other addresses are
// given, and the fingerprint of that.
func selfSigned(addrs []netip.Addr) (*tls.Config, string, error) {
	names := []string{"localhost"}
	if host, err := os.Hostname(); err == nil {
		if t, err := parseHost(host); err == nil && t.Name {
			names = append(names, t.Host)
		}
	}
	all := []netip.Addr{loopback4(), netip.IPv6Loopback()}
	for _, a := range addrs {
		if !slices.Contains(all, a) {
			all = append(all, a)
		}
	}
	cert, fingerprint, err := serve.SelfSigned(time.Now(), names, all)
	if err != nil {
		return nil, "", err
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}}, fingerprint, nil
}
