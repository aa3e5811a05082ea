package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/netdiag/netdiag/internal/render"
	"github.com/netdiag/netdiag/serve"
)

// serveText is serve as text.
type serveText struct {
	out     *render.Writer
	color   render.Color
	cfg     *serve.Config
	verbose bool
	what    string // listened on; "": not yet
}

func (v *serveText) start() error { return nil }

func (v *serveText) listening(s *serveStart) error {
	v.what = s.addr.String()
	for i, a := range s.connect {
		if i == 0 {
			_ = v.out.Printf("Clients should connect to: %v\n", a) // the first error sticks
			continue
		}
		_ = v.out.Printf("or, over %v, to: %v\n", family4(a.Addr()), a) // likewise
	}
	if len(s.connect) == 0 {
		_ = v.out.Printf("No client can connect to: %v\n", s.addr) // likewise
	}
	if s.fingerprint != "" {
		_ = v.out.Printf("SHA-256 fingerprint of the certificate: %s\n", s.fingerprint) // likewise
	}
	if !v.verbose {
		return nil
	}
	line := "listening on " + v.what + scopeOf(s)
	if s.backlog > 0 {
		line += fmt.Sprintf("; %d may wait to be accepted", s.backlog)
	}
	return v.out.Printf("%s\n", line)
}

// scopeOf says what an address that is none of a machine's stands for.
func scopeOf(s *serveStart) string {
	switch {
	case !s.addr.Addr().IsUnspecified():
		return ""
	case s.addr.Addr().Is4():
		return ", every IPv4 address"
	case s.v6only:
		return ", every IPv6 address"
	}
	return ", every IPv4 and IPv6 address"
}

func (v *serveText) event(e serve.Event) error {
	switch e.Kind {
	case serve.Accepted:
		return v.line(e, "connected", nil)
	case serve.Refused:
		return v.out.Printf("%v %s: %s connected\n", e.Client, v.color.Bad("refused"), counted(int64(e.Clients), "client is", "clients are"))
	}
	reason := render.Harmless(endReason(e, v.cfg))
	switch e.End {
	case serve.Closed, serve.WasReset:
		reason = v.color.Good(reason)
	case serve.Stopped:
	default:
		reason = v.color.Bad(reason)
	}
	details := []string{span(e.Lasted)}
	if e.Sent > 0 || e.Received > 0 {
		details = append(details, counted(e.Sent, "byte", "bytes")+" sent", fmt.Sprintf("%d received", e.Received))
	}
	if e.TLS != "" {
		details = append(details, e.TLS)
	}
	return v.line(e, reason, details)
}

// line writes what there is to say of a client, with the details.
func (v *serveText) line(e serve.Event, text string, details []string) error {
	if e.RTT > 0 {
		details = append(details, "RTT "+render.Millis(e.RTT)+" ms")
	}
	if len(details) > 0 {
		text += " (" + strings.Join(details, ", ") + ")"
	}
	return v.out.Printf("%s %v %s\n", v.color.Faint(fmt.Sprintf("#%d", e.ID)), e.Client, text)
}

// warning shows nothing: standard error has it.
func (v *serveText) warning(time.Time, string, string) error { return nil }

func (v *serveText) finish(n *serveCounts, _ error) error {
	if v.what == "" {
		return nil
	}
	parts := []string{fmt.Sprintf("%d closed", n.closed), fmt.Sprintf("%d hung", n.hung), fmt.Sprintf("%d reset", n.reset)}
	for _, more := range []struct {
		n    int64
		word string
	}{{n.left, "left early"}, {n.stopped, "stopped"}, {n.vanished, "vanished"}, {n.failed, "failed"}} {
		if more.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", more.n, more.word))
		}
	}
	line := strings.Join(parts, ", ")
	if v.cfg.Mode == serve.Greet || n.greeted > 0 {
		line += fmt.Sprintf("; %d greeted", n.greeted)
	}
	return v.out.Printf("\n--- %s serve statistics ---\n%s in %s: %s; %d refused\n%s sent, %d received\n", v.what,
		counted(n.clients, "client", "clients"), span(n.took), line, n.refused, counted(n.sent, "byte", "bytes"), n.received)
}

// span returns how long something took, in the unit that suits it.
func span(d time.Duration) string {
	if d < time.Second {
		return render.Millis(d) + " ms"
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}
