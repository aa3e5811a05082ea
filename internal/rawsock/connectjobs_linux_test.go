package rawsock_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/lab"
	"github.com/netdiag/netdiag/internal/rawsock"
	"golang.org/x/sys/unix"
)

// patience is for what never comes.
const patience = 20 * time.Second

// job is an attempt to connect, for this process or for one of another user.
type job struct {
	UDP       bool
	TTL       int
	Interface string
	Source    netip.Addr
	To        netip.AddrPort
	Payload   []byte
	Ends      bool // the attempt comes to something; else it is dropped after a moment
	Files     int  // the limit on descriptors from here on; 0: as it is
}

// report is what a job came to.
type report struct {
	Errno   syscall.Errno
	Told    bool // by Wait
	Outcome rawsock.Outcome
}

// run does a job.
func (j *job) run() (report, error) {
	if j.Files != 0 {
		limit := unix.Rlimit{Cur: uint64(j.Files), Max: uint64(j.Files)}
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			return report{}, err
		}
	}
	c, err := rawsock.Connect(rawsock.ConnectConfig{UDP: j.UDP, TTL: j.TTL, Interface: j.Interface, Source: j.Source})
	if err != nil {
		return report{}, err
	}
	defer c.Close()
	return j.on(c)
}

// on does a job by a Connector that is as the job says.
func (j *job) on(c rawsock.Connector) (report, error) {
	const id = 7
	c.Start(id, j.To, j.Payload)
	for i := range j.Files { // each keeps a descriptor, as nothing comes of it
		c.Start(id+1+int64(i), j.To, j.Payload)
	}
	until := time.Now().Add(30 * time.Millisecond)
	if j.Ends {
		until = time.Now().Add(patience)
	}
	out := make([]rawsock.Outcome, 1)
	n, err := c.Wait(out, until)
	if err != nil {
		return report{}, err
	}
	r := report{Told: n == 1, Outcome: out[0]}
	if !r.Told || r.Outcome.Err == nil {
		last := c.Drop(id)
		if !r.Told {
			r.Outcome = last
		}
	}
	if r.Outcome.ID != id && j.Files == 0 {
		return r, fmt.Errorf("ID %d", r.Outcome.ID)
	}
	if r.Outcome.Err != nil {
		errno, ok := errors.AsType[syscall.Errno](r.Outcome.Err)
		if !ok {
			return r, fmt.Errorf("no errno: %w", r.Outcome.Err)
		}
		r.Errno, r.Outcome.Err = errno, nil
	}
	return r, nil
}

// connectMode is the helper process that does jobs, read from its input as JSON, and writes reports.
const connectMode = "connect"

func doJobs() int {
	var jobs []job
	if err := json.NewDecoder(os.Stdin).Decode(&jobs); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	enc := json.NewEncoder(os.Stdout)
	for _, j := range jobs {
		r, err := j.run()
		if err == nil {
			err = enc.Encode(r)
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "%v: %v\n", j.To, err)
			return 1
		}
	}
	return 0
}

// runAs has jobs done by a process of a user in ns.
func runAs(t *testing.T, ns *lab.Namespace, user uint32, jobs []job) []report {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	in, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if err := json.NewEncoder(in).Encode(jobs); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Seek(0, 0); err != nil {
		t.Fatal(err)
	}
	cmd := ns.CommandAs(ctx, user, user, "/proc/self/exe")
	cmd.Env = append(os.Environ(), helperEnv+"="+connectMode, "GORACE=atexit_sleep_ms=0")
	cmd.Stdin, cmd.Stderr = in, os.Stderr
	out, err := cmd.Output()
	if (errors.Is(err, unix.EPERM) || errors.Is(err, unix.EINVAL)) && os.Getenv("NETDIAG_LAB") != "require" {
		t.Skip("starting a process as an ordinary user needs root")
	}
	if err != nil {
		t.Fatalf("user %d: %v: %s", user, err, out)
	}
	reports := make([]report, len(jobs))
	lines := json.NewDecoder(bytes.NewReader(out))
	for i := range reports {
		if err := lines.Decode(&reports[i]); err != nil {
			t.Fatal(err)
		}
	}
	return reports
}
