package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"testing"
)

func TestFail(t *testing.T) {
	a := usagef("a").hint("do this").hint("or that")
	b := usagef("b").hint("or that").hint("or a third")
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"plain", errors.New("no luck"), "netdiag: no luck\n"},
		{"hints", a, "netdiag: a\nnetdiag: hint: do this\nnetdiag: hint: or that\n"},
		{"wrapped", fmt.Errorf("ping: %w", a), "netdiag: ping: a\nnetdiag: hint: do this\nnetdiag: hint: or that\n"},
		{"each hint once", errors.Join(a, fmt.Errorf("c: %w", b)),
			"netdiag: a\nnetdiag: c: b\nnetdiag: hint: do this\nnetdiag: hint: or that\nnetdiag: hint: or a third\n"},
		{"harmless", errors.New("\x1b[2J\u202e\xff"), `netdiag: \x1b[2J\u{202e}\xff` + "\n"},
	}
	for _, tt := range tests {
		var out bytes.Buffer
		diagnostics{&out}.fail(tt.err)
		if out.String() != tt.want {
			t.Errorf("%s: got\n%swant\n%s", tt.name, out.String(), tt.want)
		}
	}
}

func TestWorst(t *testing.T) {
	all := []status{yes, no, unable}
	for _, a := range all {
		for _, b := range all {
			if got := worst(a, b); got != slices.Max([]status{a, b}) {
				t.Errorf("worst(%d, %d) = %d", a, b, got)
			}
		}
	}
}

// TestInterruptedIsNoNews has a command that returns its context's error.
func TestInterruptedIsNoNews(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	sleeper := command{name: "sleep", run: func(ctx context.Context, _ *call) (status, error) {
		cancel()
		<-ctx.Done()
		return no, fmt.Errorf("sleep: %w", ctx.Err())
	}}
	var errs bytes.Buffer
	a := app{commands: []command{sleeper}, errs: &errs}
	if st := a.run(ctx, []string{"sleep"}); st != unable || errs.Len() > 0 {
		t.Errorf("status %d and %q on standard error", st, errs.String())
	}
	if interrupted(t.Context(), context.Canceled) {
		t.Error("an error of cancellation is no interrupt while the program's context goes on")
	}
}

func TestVersionLine(t *testing.T) {
	tests := []struct {
		info debug.BuildInfo
		want string
	}{
		{debug.BuildInfo{GoVersion: "go1.26.0", Main: debug.Module{Version: "v0.1.0"}}, "netdiag v0.1.0 go1.26.0 os/arch\n"},
		{debug.BuildInfo{GoVersion: "go1.26.0"}, "netdiag (devel) go1.26.0 os/arch\n"},
		{debug.BuildInfo{GoVersion: "go1.26.0", Settings: []debug.BuildSetting{
			{Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.modified", Value: "true"},
		}}, "netdiag (devel) (revision 0123456789ab modified) go1.26.0 os/arch\n"},
	}
	for _, tt := range tests {
		if got := versionLine(&tt.info, "os/arch"); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}
