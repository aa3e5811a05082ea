package main

import (
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/netsim"
)

func TestPingInterrupt(t *testing.T) {
	t.Parallel()
	topology := path(netsim.Fault{When: netsim.When{To: netsim.Prefixes("198.51.100.66/32", "2001:db8:ffff::66/128")}, Silent: true})
	l, _ := simulated(t, topology)
	for _, tt := range []struct {
		target, until string
		sig           syscall.Signal
		want          status
	}{
		{"198.51.100.1", "icmp_seq=2", syscall.SIGINT, yes}, {"2001:db8:ffff::1", "icmp_seq=2", syscall.SIGTERM, yes},
		{"198.51.100.66", "Request timeout for icmp_seq 0", syscall.SIGINT, no}, {"2001:db8:ffff::66", "Request timeout for icmp_seq 0", syscall.SIGINT, no},
	} {
		r := begin(t, program(t, l.Namespace, nobody, "ping", "-i.05", "-W.2", tt.target))
		r.await(tt.until)
		r.signal(tt.sig)
		e := r.end()
		e.exits(t, tt.want)
		if !strings.Contains(e.stdout, "\n--- "+tt.target+" ping statistics ---\n") || e.stderr != "" {
			t.Errorf("got\n%son standard error\n%s", e.stdout, e.stderr)
		}
	}
	r := begin(t, program(t, l.Namespace, nobody, "ping", "--json", "-i.05", "-W30", "198.51.100.1", "2001:db8:ffff::66"))
	r.await(`"seq":2`)
	r.signal(syscall.SIGINT)
	e := r.end()
	e.exits(t, no)
	for _, s := range e.report(t).summaries {
		if dead := strings.HasSuffix(s.Target, "66"); s.Lost != 0 || dead && (s.InFlight < 2 || s.InFlight != s.Sent) || !dead && s.Received < 3 {
			t.Errorf("%+v", s)
		}
	}
}

// TestPingSecondInterrupt has nobody take the summaries that the first interrupt leads to, which are more than
// a pipe holds: the second ends the program all the same.
func TestPingSecondInterrupt(t *testing.T) {
	t.Parallel()
	l, _ := simulated(t, path())
	r := begin(t, program(t, l.Namespace, nobody, "ping", "--json", "--alive", "--rate", "10", "198.51.0.0/16"))
	r.await(`"start"`)
	r.signal(syscall.SIGINT)
	r.await(`"summary"`)
	insist(r.cmd.Cmd, syscall.SIGINT)
	if ws := r.cmd.ProcessState.Sys().(syscall.WaitStatus); !ws.Signaled() || ws.Signal() != syscall.SIGINT {
		t.Errorf("ended with %v", r.cmd.ProcessState)
	}
}

func TestPingInterim(t *testing.T) {
	t.Parallel()
	l, _ := simulated(t, path())
	for _, w := range ways() {
		r := begin(t, program(t, l.Namespace, w.user, "ping", "--socket", w.socket, "-i.05", w.target))
		r.await("icmp_seq=1")
		r.signal(syscall.SIGQUIT)
		line := r.awaitError("packets")
		if !strings.HasPrefix(line, "netdiag: "+w.target+": ") || !strings.Contains(line, ", 0.0% loss, min/avg/p50/max = 1") {
			t.Errorf("SIGQUIT shows %q", line)
		}
		r.signal(syscall.SIGINT)
		r.end().exits(t, yes)
	}
}

// stopped stops the program and lets it go on after d. This is the one place where a test waits for
// the clock: a process cannot be stopped for a time otherwise.
func (r *running) stopped(d time.Duration) {
	r.t.Helper()
	r.signal(syscall.SIGSTOP)
	<-time.After(d)
	r.signal(syscall.SIGCONT)
}

// TestPingStopped stops the program for two seconds, the timeout of each probe being half of one.
// No round trip may have the stop in it.
func TestPingStopped(t *testing.T) {
	t.Parallel()
	l, _ := simulated(t, path())
	var all []*running
	for _, w := range ways() {
		r := begin(t, program(t, l.Namespace, w.user, "ping", "--socket", w.socket, "--json", "-i.1", "-W.5", w.target))
		r.await(`"type":"reply"`)
		all = append(all, r)
	}
	for _, r := range all[1:] {
		r.signal(syscall.SIGSTOP)
	}
	all[0].stopped(2 * time.Second)
	for _, r := range all[1:] {
		r.signal(syscall.SIGCONT)
	}
	for _, r := range all {
		r.await(`"type":"pause"`)
		r.await(`"type":"reply"`)
		r.await(`"type":"reply"`)
		r.signal(syscall.SIGINT)
		e := r.end()
		e.exits(t, yes)
		if !strings.Contains(e.stderr, "netdiag: this process did not run for ") {
			t.Errorf("on standard error: %s", e.stderr)
		}
		report := e.report(t)
		if s := report.summary(t); s.Late+s.Lost != 0 || s.RTTMs.Max >= 500 {
			t.Errorf("%+v, round trips %+v", s, *s.RTTMs)
		}
		for _, pause := range report.of("pause") {
			if *pause.PauseMs < 1000 {
				t.Errorf("a pause of %v ms was told of", *pause.PauseMs)
			}
		}
	}
}

// TestPingLocalDrops has a host send more than the receive queue holds while the program is
// stopped.
func TestPingLocalDrops(t *testing.T) {
	t.Parallel()
	const copies = 20_000
	topology := path(netsim.Fault{When: seqs(1), Delay: 700 * time.Millisecond})
	host := topology.Host("target")
	host.Faults = append(host.Faults, slices.Repeat([]netsim.Fault{{When: seqs(1), Copies: 1000}}, copies/1000)...)
	l, _ := simulated(t, topology)
	for _, target := range []string{"198.51.100.1", "2001:db8:ffff::1"} {
		r := begin(t, program(t, l.Namespace, nobody, "ping", "--json", "-l2", "-i.1", "-W5", target))
		r.await(`"reply"`) // the answers to the probe that left with this one come while it is stopped
		r.stopped(1500 * time.Millisecond)
		r.await(`"local_drops"`)
		r.signal(syscall.SIGINT)
		e := r.end()
		e.exits(t, yes)
		report := e.report(t)
		told := 0
		for _, d := range report.of("local_drops") {
			told += *d.LocalDrops
		}
		if s := report.summary(t); s.LocalDrops == 0 || s.LocalDrops != told || s.LocalDrops+s.Duplicates > copies+s.Sent {
			t.Errorf("%d drops were told of, %+v", told, s)
		}
		if !strings.Contains(e.stderr, "netdiag: this machine dropped ") {
			t.Errorf("on standard error: %s", e.stderr)
		}
	}
}

func TestPingClosedPipe(t *testing.T) {
	t.Parallel()
	l, _ := simulated(t, path())
	for _, args := range [][]string{{}, {"--json"}, {"-f"}} {
		reader, writer, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd := program(t, l.Namespace, nobody, append(args, "198.51.100.1", "-i.02")...)
		cmd.Args = append([]string{"netdiag", "ping"}, cmd.Args[1:]...)
		var errs strings.Builder
		cmd.Stdout, cmd.Stderr = writer, &errs
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		writer.Close()
		if _, err := reader.Read(make([]byte, 1)); err != nil {
			t.Error(err)
		}
		reader.Close()
		_ = cmd.Wait() // the state says it
		if ws := cmd.ProcessState.Sys().(syscall.WaitStatus); errs.Len() > 0 || ws.Signal() != syscall.SIGPIPE && ws.ExitStatus() <= 0 {
			t.Errorf("ended with %v, and wrote on standard error %q", cmd.ProcessState, errs.String())
		}
	}
}

// TestPingDownAndUp takes the interface away for a while.
func TestPingDownAndUp(t *testing.T) {
	t.Parallel()
	for _, w := range ways() {
		t.Run(w.name, func(t *testing.T) {
			l, _ := simulated(t, path())
			r := begin(t, program(t, l.Namespace, w.user, "ping", "--socket", w.socket, "--json", "-i.05", "-W.2", w.target))
			r.await(`"reply"`)
			if err := l.Down(); err != nil {
				t.Fatal(err)
			}
			r.await(`"type":"send_error"`)
			if err := l.Up(); err != nil {
				t.Fatal(err)
			}
			r.await(`"reply"`)
			r.signal(syscall.SIGINT)
			e := r.end()
			e.exits(t, yes)
			if s := e.report(t).summary(t); s.SendErrors == 0 || s.Late != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}
