//go:build unix

package main

import (
	"bufio"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// startSample starts the program in a process of its own and returns it when it waits.
func startSample(t *testing.T, args ...string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Args = append([]string{"netdiag", "sample", "--wait"}, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	until(t, lines, "waiting")
	return cmd, lines
}

// until reads lines up to and including the one wanted.
func until(t *testing.T, lines *bufio.Scanner, want string) {
	t.Helper()
	for lines.Scan() {
		if lines.Text() == want {
			return
		}
	}
	t.Fatalf("the program ended without the line %q", want)
}

func TestFirstSignal(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		cmd, lines := startSample(t, "localhost")
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		until(t, lines, "interrupted")
		cmd.Wait()
		if got := cmd.ProcessState.ExitCode(); got != int(no) {
			t.Errorf("%v: exit status %d, want what the command gave, %d", sig, got, no)
		}
	}
}

func TestSecondSignal(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		cmd, lines := startSample(t, "--again", "localhost")
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		until(t, lines, "interrupted")
		insist(cmd, sig)
		if ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !ws.Signaled() || ws.Signal() != sig {
			t.Errorf("after a second %v: %v", sig, cmd.ProcessState)
		}
	}
}

// insist sends sig to a process until it ends: what comes within a moment of the first counts for the same.
func insist(cmd *exec.Cmd, sig os.Signal) {
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // the state says it
		close(ended)
	}()
	again := time.NewTicker(sameSignal / 4)
	defer again.Stop()
	for {
		select {
		case <-ended:
			return
		case <-again.C:
			_ = cmd.Process.Signal(sig) // it may have ended just now
		}
	}
}

func TestClosedStandardOutput(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	defer w.Close()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Args = []string{"netdiag", "sample", "10.0.0.0/8"}
	cmd.Stdout = w
	errs, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(errs); lines.Scan(); {
		t.Errorf("on standard error: %s", lines.Text())
	}
	cmd.Wait()
	if ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !ws.Signaled() || ws.Signal() != syscall.SIGPIPE {
		t.Errorf("ended with %v, want SIGPIPE", cmd.ProcessState)
	}
}

func TestSignals(t *testing.T) {
	if len(stopSignals()) != 2 || stopSignals()[0] != os.Interrupt {
		t.Errorf("stop signals: %v", stopSignals())
	}
	for _, s := range snapshotSignals() {
		if s == syscall.SIGINT || s == syscall.SIGTERM {
			t.Errorf("%v both stops and shows", s)
		}
	}
}
