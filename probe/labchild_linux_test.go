package probe

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/lab"
	"golang.org/x/sys/unix"
)

// childEnv is set in the environment of the test binary where it is to do a job instead of tests.
const childEnv = "NETDIAG_PROBE_JOB"

// job is a run for a process of another user.
type job struct {
	UDP               bool
	TTL               int
	To                []netip.AddrPort
	Count             int64
	Interval, Timeout time.Duration
	Files             int // descriptors that there are left once the run has begun; 0: as they are
	Busy              int // goroutines that do nothing but keep a processor each
}

// found is an event of that run.
type found struct {
	Event
	Reason string
}

// runAs has a process of a user do j in ns.
func (j job) runAs(t testing.TB, ns *lab.Namespace, user uint32) (all []found) {
	t.Helper()
	input, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := ns.CommandAs(ctx, user, user, "/proc/self/exe")
	// Under the race detector a program waits for a second before it exits, unless told not to.
	cmd.Env = append(os.Environ(), childEnv+"=1", "GORACE=atexit_sleep_ms=0")
	cmd.Stdin, cmd.Stderr = bytes.NewReader(input), os.Stderr
	out, err := cmd.Output()
	if (errors.Is(err, unix.EPERM) || errors.Is(err, unix.EINVAL)) && os.Getenv("NETDIAG_LAB") != "require" {
		t.Skip("starting a process as an ordinary user needs root")
	}
	if err != nil {
		t.Fatalf("user %d: %v: %s", user, err, out)
	}
	lines := json.NewDecoder(bytes.NewReader(out))
	for {
		var f found
		if err := lines.Decode(&f); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, f)
	}
}

// child does a job that it reads from its input.
func child() int {
	var j job
	if err := json.NewDecoder(os.Stdin).Decode(&j); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var work atomic.Int64
	for range j.Busy {
		go func() {
			for {
				work.Add(1)
			}
		}()
	}
	cfg := Config{UDP: j.UDP, TTL: j.TTL, Count: j.Count, Interval: j.Interval, Timeout: j.Timeout, Targets: j.targets}
	out := json.NewEncoder(os.Stdout)
	for e, err := range Run(context.Background(), cfg) {
		f := found{Event: e, Reason: e.Reason()}
		f.Err, f.Before = nil, nil
		if err == nil {
			err = out.Encode(f)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return 0
}

// targets are those of j. By when they are read the sockets are there, and their limit.
func (j *job) targets(yield func(*Target) bool) {
	if j.Files > 0 {
		open, err := os.ReadDir("/proc/self/fd")
		limit := unix.Rlimit{Cur: uint64(len(open) + j.Files), Max: uint64(len(open) + j.Files)}
		if err := errors.Join(err, unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)); err != nil {
			panic(err)
		}
	}
	for _, to := range j.To {
		if !yield(&Target{Addrs: []netip.Addr{to.Addr()}, Port: to.Port()}) {
			return
		}
	}
}
