package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/lab"
	"github.com/netdiag/netdiag/internal/netsim"
)

// nobody is the ordinary user of the tests, and the group of the same number.
const nobody = 65534

// patience ends a program that hangs.
const patience = time.Minute

// ended is a run of the program that has ended.
type ended struct {
	stdout, stderr string
	state          syscall.WaitStatus
}

// program returns netdiag with the given arguments, to be run in ns by root or by an ordinary user. It is
// the test's own binary (see TestMain), which by this path everybody may start, wherever it is.
func program(t *testing.T, ns *lab.Namespace, user uint32, args ...string) *lab.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	t.Cleanup(cancel)
	cmd := ns.CommandAs(ctx, user, user, "/proc/self/exe")
	cmd.Args = append([]string{"netdiag"}, args...)
	// Under the race detector a program waits for a second before it exits, unless told not to.
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	return cmd
}

// netdiag runs the program to its end.
func netdiag(t *testing.T, ns *lab.Namespace, user uint32, args ...string) ended {
	t.Helper()
	return finish(t, program(t, ns, user, args...))
}

// finish runs cmd to its end.
func finish(t *testing.T, cmd *lab.Cmd) ended {
	t.Helper()
	return started(t, cmd)()
}

// started starts cmd, and returns what waits for its end.
func started(t *testing.T, cmd *lab.Cmd) (wait func() ended) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return func() ended {
		t.Helper()
		err := cmd.Wait()
		if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
			t.Fatal(err)
		}
		e := ended{out.String(), errs.String(), cmd.ProcessState.Sys().(syscall.WaitStatus)}
		e.checkStderr(t)
		return e
	}
}

// checkStderr fails for a line on standard error that does not say who writes.
func (e ended) checkStderr(t *testing.T) {
	t.Helper()
	for line := range strings.Lines(e.stderr) {
		if !strings.HasPrefix(line, "netdiag: ") {
			t.Errorf("on standard error: %q", line)
		}
	}
}

// exits fails the test if the program did not exit with the given status.
func (e ended) exits(t *testing.T, want status) {
	t.Helper()
	if !e.state.Exited() || e.state.ExitStatus() != int(want) {
		t.Errorf("ended with exit status %d, signal %v, want %d\n%s%s", e.state.ExitStatus(), e.state.Signal(), want, e.stdout, e.stderr)
	}
}

// report reads the JSON lines and holds the events against the summaries.
func (e ended) report(t *testing.T) *pingReport {
	t.Helper()
	r := readReport(t, e.stdout)
	r.checkCounts(t)
	return r
}

// running is the program while it runs.
type running struct {
	t      *testing.T
	cmd    *lab.Cmd
	lines  *bufio.Scanner // of standard output
	errs   *bufio.Scanner // of standard error
	stdout strings.Builder
	stderr strings.Builder
}

// begin starts the program.
func begin(t *testing.T, cmd *lab.Cmd) *running {
	t.Helper()
	pipe := func(r io.ReadCloser, err error) *bufio.Scanner {
		if err != nil {
			t.Fatal(err)
		}
		return bufio.NewScanner(r)
	}
	r := &running{t: t, cmd: cmd, lines: pipe(cmd.StdoutPipe()), errs: pipe(cmd.StderrPipe())}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGCONT)
		_ = cmd.Process.Kill() // if the test has not seen its end
	})
	return r
}

// await reads standard output up to a line that contains text.
func (r *running) await(text string) string {
	r.t.Helper()
	return r.read(r.lines, &r.stdout, text)
}

// awaitError reads standard error likewise.
func (r *running) awaitError(text string) string {
	r.t.Helper()
	return r.read(r.errs, &r.stderr, text)
}

func (r *running) read(from *bufio.Scanner, seen *strings.Builder, text string) string {
	r.t.Helper()
	for from.Scan() {
		seen.WriteString(from.Text() + "\n")
		if strings.Contains(from.Text(), text) {
			return from.Text()
		}
	}
	r.t.Fatalf("ended without %q, after\n%s%s", text, r.stdout.String(), r.stderr.String())
	return ""
}

func (r *running) signal(sig syscall.Signal) {
	r.t.Helper()
	if err := r.cmd.Process.Signal(sig); err != nil {
		r.t.Fatal(err)
	}
}

// end reads what is left and waits for the program to end.
func (r *running) end() ended {
	r.t.Helper()
	for r.lines.Scan() {
		r.stdout.WriteString(r.lines.Text() + "\n")
	}
	for r.errs.Scan() {
		r.stderr.WriteString(r.errs.Text() + "\n")
	}
	_ = r.cmd.Wait() // the state says it
	e := ended{r.stdout.String(), r.stderr.String(), r.cmd.ProcessState.Sys().(syscall.WaitStatus)}
	e.checkStderr(r.t)
	return e
}

// simulated gives the test a lab with a network.
func simulated(t *testing.T, topology netsim.Topology) (*lab.Lab, *netsim.Network) {
	t.Helper()
	return simulatedIn(t, topology, lab.Config{})
}

func simulatedIn(t *testing.T, topology netsim.Topology, cfg lab.Config) (*lab.Lab, *netsim.Network) {
	t.Helper()
	network, err := netsim.New(topology)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Network = network
	return lab.TestConfig(t, cfg), network
}

// path is a network with a router r1 2 ms away and behind it, 10 ms away, the host "target" with many addresses and
// the given faults.
func path(faults ...netsim.Fault) netsim.Topology {
	topology := netsim.Chain(2*time.Millisecond, 10*time.Millisecond)
	host := topology.Host("target")
	host.Addrs, host.Faults = netsim.Prefixes("198.51.100.0/24", "2001:db8:ffff::/64"), faults
	return topology
}

// seqs selects echo requests by sequence number.
func seqs(n ...uint16) netsim.When { return netsim.When{Seqs: n} }

// way is one of the four ways to ping.
type way struct {
	name   string
	user   uint32
	socket string
	target string // an address of its own: what the kernel learns of a path is not the others'
}

func (w way) ipv6() bool { return strings.HasPrefix(w.name, "IPv6") }

func ways() []way {
	return []way{
		{"IPv4 raw", 0, "raw", "198.51.100.1"}, {"IPv6 raw", 0, "raw", "2001:db8:ffff::1"},
		{"IPv4 unprivileged", nobody, "ping", "198.51.100.2"}, {"IPv6 unprivileged", nobody, "ping", "2001:db8:ffff::2"},
	}
}

// everyWay pings in each of the four ways, all at once, and has check look at each. Its target stands before
// the other arguments: flags may stand behind targets.
func everyWay(t *testing.T, ns *lab.Namespace, args string, check func(t *testing.T, w way, e ended)) {
	t.Helper()
	waits := make(map[way]func() ended)
	for _, w := range ways() {
		line := append([]string{"ping", "--socket", w.socket, w.target}, strings.Fields(args)...)
		waits[w] = started(t, program(t, ns, w.user, line...))
	}
	for w, wait := range waits {
		e := wait()
		t.Run(w.name, func(t *testing.T) { check(t, w, e) })
	}
}
