package bench

import (
	"bytes"
	"cmp"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/lab"
)

func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }

// run is what one process took.
type run struct {
	wall, cpu time.Duration
	rss       int64 // peak, in bytes; 0: not measured
	out       []byte
}

// netdiag builds the program, as make does, and returns its path.
func netdiag(b *testing.B) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "netdiag")
	if out, err := exec.Command("go", "build", "-tags", "urfave_cli_no_docs", "-o", path, "../cmd/netdiag").CombinedOutput(); err != nil {
		b.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// peer returns the path of another tool, or skips the benchmark.
func peer(b *testing.B, name string) string {
	b.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		b.Skipf("%s is not installed", name)
	}
	return path
}

// measured is measure with the peak memory in it. What the kernel tells of a child includes what
// the parent had when it began, so the small time(1) stands between, and costs about a millisecond.
func measured(b *testing.B, ns *lab.Namespace, name string, args ...string) run {
	b.Helper()
	clock := peer(b, "time")
	file := filepath.Join(b.TempDir(), "rss")
	r := measure(b, ns, clock, append([]string{"-q", "-f", "%M", "-o", file, name}, args...)...)
	text, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	kib, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	r.rss = kib << 10
	return r
}

// measure runs a command in ns to its end. Tools say by their status what they found, so
// only one that cannot be started fails the benchmark.
func measure(b *testing.B, ns *lab.Namespace, name string, args ...string) run {
	b.Helper()
	var out, errs bytes.Buffer
	cmd := ns.Command(b.Context(), name, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	start := time.Now()
	err := cmd.Run()
	wall := time.Since(start)
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		b.Fatal(err)
	}
	if cmd.ProcessState.ExitCode() > 1 {
		b.Fatalf("%s %v: %v\n%s", name, args, err, errs.Bytes())
	}
	return run{
		wall: wall,
		cpu:  cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(),
		out:  append(out.Bytes(), errs.Bytes()...),
	}
}

func median[T cmp.Ordered](vs []T) T { return percentile(vs, 50) }

// percentile is by nearest rank.
func percentile[T cmp.Ordered](vs []T, p int) T {
	sorted := slices.Sorted(slices.Values(vs))
	return sorted[max(0, (len(sorted)*p+99)/100-1)]
}

// pairs collects runs of A and B, one of each at a time.
type pairs struct{ a, b []run }

// report reports medians, and the median of the pairs' ratios.
func (p *pairs) report(b *testing.B, nameA, nameB string) {
	of := func(rs []run, f func(run) float64) (vs []float64) {
		for _, r := range rs {
			vs = append(vs, f(r))
		}
		return vs
	}
	wall := func(r run) float64 { return r.wall.Seconds() * 1e3 }
	cpu := func(r run) float64 { return r.cpu.Seconds() * 1e3 }
	rss := func(r run) float64 { return float64(r.rss) / (1 << 20) }
	b.ReportMetric(0, "ns/op") // an operation is a pair: of no interest
	b.ReportMetric(median(of(p.a, wall)), nameA+"-ms")
	b.ReportMetric(median(of(p.a, cpu)), nameA+"-cpu-ms")
	if p.a[0].rss > 0 {
		b.ReportMetric(median(of(p.a, rss)), nameA+"-MiB")
	}
	if len(p.b) == 0 {
		return
	}
	ratio := func(f func(run) float64) float64 {
		var rs []float64
		for i := range p.a {
			rs = append(rs, f(p.a[i])/f(p.b[i]))
		}
		return median(rs)
	}
	b.ReportMetric(median(of(p.b, wall)), nameB+"-ms")
	b.ReportMetric(median(of(p.b, cpu)), nameB+"-cpu-ms")
	if p.b[0].rss > 0 {
		b.ReportMetric(median(of(p.b, rss)), nameB+"-MiB")
	}
	b.ReportMetric(ratio(wall), "wall-ratio")
	b.ReportMetric(ratio(cpu), "cpu-ratio")
}

// hosts opens a lab next to a real kernel that answers every address of the prefix.
func hosts(b *testing.B, prefix string) *lab.Namespace {
	b.Helper()
	l := lab.TestConfig(b, lab.Config{})
	p := netip.MustParsePrefix(prefix)
	if _, err := l.Peer("hosts", lab.PeerConfig{
		Near: lab.End{
			Addrs:  []netip.Prefix{netip.MustParsePrefix("192.0.2.1/30")},
			Routes: []lab.Route{{Dst: p, Via: netip.MustParseAddr("192.0.2.2")}},
		},
		Far:   lab.End{Addrs: []netip.Prefix{netip.MustParsePrefix("192.0.2.2/30")}},
		Local: []netip.Prefix{p},
	}); err != nil {
		b.Fatal(err)
	}
	return l.Namespace
}
