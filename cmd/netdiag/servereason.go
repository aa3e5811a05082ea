package main

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"

	"github.com/netdiag/netdiag/serve"
)

// wasReset reports whether the client reset the connection, rather than having closed it early.
func wasReset(e serve.Event) bool {
	return e.End == serve.Left && errors.Is(e.Err, syscall.ECONNRESET)
}

// endReason says in words how a client ended that was served by cfg.
func endReason(e serve.Event, cfg *serve.Config) string {
	switch e.End {
	case serve.Closed:
		if cfg.Mode == serve.Greet {
			return "greeted"
		}
		return "closed"
	case serve.Left:
		return leftReason(e)
	case serve.TimedOut:
		return "hung: " + hungReason(e, cfg)
	case serve.Stopped:
		return "stopped with the server"
	case serve.WasReset:
		return "reset"
	case serve.Handshake:
		return fmt.Sprintf("TLS failed: %v%s", e.Err, rejection(e.Err))
	case serve.Vanished:
		return "vanished: " + vanishedReason(e)
	}
	return fmt.Sprintf("failed: %v", e.Err)
}

// leftReason says how a client left.
func leftReason(e serve.Event) string {
	switch reset := wasReset(e); {
	case reset && e.Greeted:
		return "reset by the client after the greeting"
	case reset:
		return "reset by the client"
	case e.Greeted:
		return "left after the greeting without closing in order"
	}
	return "left before it was served"
}

// hungReason says what a client did not do for so long.
func hungReason(e serve.Event, cfg *serve.Config) string {
	idle := fmt.Sprintf("%s s", inSeconds(cfg.Idle))
	switch {
	case cfg.TLS != nil && e.TLS == "":
		return "no TLS handshake within " + idle
	case cfg.Mode == serve.Hold:
		return "it did not end the connection within " + idle
	case cfg.Mode == serve.Echo:
		return "it neither sent nor took anything for " + idle
	case e.Greeted:
		return "it did not close within " + idle + " of the greeting"
	}
	return "it took nothing for " + idle
}

// vanishedReason says what is known of a client that is not there any more.
func vanishedReason(e serve.Event) string {
	switch {
	case errors.Is(e.Err, syscall.ETIMEDOUT):
		return "it does not answer any more, neither to what was sent nor to keep-alive probes"
	case errors.Is(e.Err, syscall.EHOSTUNREACH):
		return "its address cannot be reached any more (host unreachable)"
	case errors.Is(e.Err, syscall.ENETUNREACH):
		return "its network cannot be reached any more (network unreachable)"
	}
	return fmt.Sprintf("it cannot be reached any more (%v)", e.Err)
}

// rejection says what an error of a handshake means if the client did not like the certificate; "": that is not so.
func rejection(err error) string {
	op, ok := errors.AsType[*net.OpError](err)
	if !ok || op.Err == nil {
		return ""
	}
	text := op.Err.Error()
	switch {
	// In TLS 1.3 a client that is content encrypts what it says now. Some that are not say so as if nothing had been agreed upon.
	case op.Op == "local error" && text == "tls: bad record MAC":
		return ": this is often a client that rejects the certificate"
	case op.Op == "remote error" && (strings.Contains(text, "certificate") || strings.Contains(text, "unknown CA")):
		return ": the client rejects the certificate"
	}
	return ""
}
