package main

import (
	"bytes"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/netdiag/netdiag/serve"
)

// serveFlags are the flags of serve.
type serveFlags struct {
	message           []byte
	noNewline         bool
	echo, hold, reset bool
	tls               bool
	once              bool
	maxClients        int
	idle              time.Duration
}

// newServeFlags returns the defaults.
func newServeFlags() *serveFlags {
	return &serveFlags{maxClients: serve.DefaultMaxClients, idle: serve.DefaultIdle}
}

// flags returns the flags that set f, as help lists them.
func (f *serveFlags) flags() []cli.Flag {
	const (
		mostClients = 1 << 20
		longestIdle = 1000 * 24 * time.Hour
	)
	var flags []cli.Flag
	add := func(heading string, fs ...cli.Flag) { flags = append(flags, group(heading, fs...)...) }
	add("What clients get",
		custom(&escapedValue{&f.message}, "message", "greet with `TEXT` and a newline, default Hello, world!"),
		boolean(&f.noNewline, "no-newline", "do not add a newline to --message"),
		boolean(&f.echo, "echo", "send back what comes, after --message if it is given"),
		boolean(&f.hold, "hold", "accept, and say and read nothing; by itself without --idle"),
		boolean(&f.reset, "reset", "accept and reset"),
		boolean(&f.tls, "tls", "over TLS, with a certificate made at the start; its fingerprint is shown"),
	)
	add("How many, how long",
		boolean(&f.once, "once", "end after the first client"),
		integer(&f.maxClients, "max-clients", "reset further clients while `N` are connected", 1, mostClients),
		duration(&f.idle, "idle", "drop a client that does nothing for `TIME`, 0 for never", 0, longestIdle),
	)
	return flags
}

// check refuses what excludes itself.
func (f *serveFlags) check(c *call) error {
	exclusive := ""
	for _, m := range []struct {
		given bool
		flag  string
	}{{f.echo, "--echo"}, {f.hold, "--hold"}, {f.reset, "--reset"}} {
		switch {
		case !m.given:
		case exclusive != "":
			return usagef("%s and %s exclude each other", exclusive, m.flag)
		default:
			exclusive = m.flag
		}
	}
	switch {
	case c.isSet("message") && (f.hold || f.reset):
		return usagef("%s and --message exclude each other: nothing is said", exclusive)
	case f.tls && f.reset:
		return usagef("--reset and --tls exclude each other: nothing is said before the reset")
	case f.noNewline && !c.isSet("message"):
		return usagef("--no-newline is for --message")
	}
	return nil
}

// config returns what to serve, but where.
func (f *serveFlags) config(c *call) serve.Config {
	cfg := serve.Config{Once: f.once, MaxClients: f.maxClients, Idle: f.idle}
	switch {
	case f.echo:
		cfg.Mode = serve.Echo
	case f.hold:
		cfg.Mode = serve.Hold
	case f.reset:
		cfg.Mode = serve.Reset
	}
	if c.isSet("message") {
		cfg.Message = f.text()
	}
	if cfg.Idle == 0 || f.hold && !c.isSet("idle") { // who asks for a server that hangs wants it to go on hanging
		cfg.Idle = -1
	}
	return cfg
}

// text returns the bytes of --message, never nil, with the newline that it lacks.
func (f *serveFlags) text() []byte {
	text := append([]byte{}, f.message...)
	if len(text) > 0 && !f.noNewline && !bytes.HasSuffix(text, []byte("\n")) {
		text = append(text, '\n')
	}
	return text
}
