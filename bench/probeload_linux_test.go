package bench

import (
	"net"
	"net/netip"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/netdiag/netdiag/probe"
	"golang.org/x/sys/unix"
)

// probing is what probes of one port found, in microseconds.
type probing struct {
	rtt  []float64 // the kernel's round trips, as package probe gives them
	took []float64 // from the start to the outcome, as this process saw it
}

// probes probes a port so many times in this process.
func probes(b *testing.B, to netip.AddrPort, count int) (p probing) {
	b.Helper()
	targets := slices.Values([]*probe.Target{{Addrs: []netip.Addr{to.Addr()}, Port: to.Port()}})
	for e, err := range probe.Run(b.Context(), probe.Config{Targets: targets, Count: int64(count), Interval: -1}) {
		switch {
		case err != nil:
			b.Fatal(err)
		case e.Kind != probe.Result:
		case e.State != probe.Open || e.RTT == 0:
			b.Fatalf("%v, RTT %v, after %d SYNs: %s", e.State, e.RTT, e.SYNs, e.Reason())
		default:
			p.rtt, p.took = append(p.rtt, micro(e.RTT)), append(p.took, micro(e.Took))
		}
	}
	return p
}

// dial connects with package net, and returns what others take for the round trip, and what the kernel knows of it.
func dial(b *testing.B, to netip.AddrPort) (took, kernel float64) {
	b.Helper()
	start := time.Now()
	conn, err := net.DialTCP("tcp", nil, net.TCPAddrFromAddrPort(to))
	took = micro(time.Since(start))
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	raw, err := conn.SyscallConn()
	if err != nil {
		b.Fatal(err)
	}
	var info *unix.TCPInfo
	if err := control(raw, func(fd int) (err error) {
		info, err = unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		return err
	}); err != nil {
		b.Fatal(err)
	}
	return took, float64(info.Rtt)
}

// control calls f with the descriptor of a connection.
func control(raw syscall.RawConn, f func(fd int) error) (err error) {
	if failed := raw.Control(func(fd uintptr) { err = f(int(fd)) }); failed != nil {
		return failed
	}
	return err
}

// BenchmarkProbeUnderLoad measures the round trip to a neighbour in a process that is busy with 16 goroutines: as package
// probe gives it, as the kernel tells it of a connection made by package net, and the time that the connecting took, which
// others take for it. The error is to the median of the idle process: probe's median and its worst.
func BenchmarkProbeUnderLoad(b *testing.B) {
	_, host := target(b)
	listen(b, host, "10.9.0.1:7777")
	to := netip.MustParseAddrPort("10.9.0.1:7777")
	const each, goroutines = 10, 16 // probes an operation
	var quiet, busy probing
	var quietDial, quietKernel, took, kernel []float64
	dials := func(took, kernel *[]float64) {
		for range each {
			t, k := dial(b, to)
			*took, *kernel = append(*took, t), append(*kernel, k)
		}
	}
	join := func(all *probing, p probing) {
		all.rtt, all.took = append(all.rtt, p.rtt...), append(all.took, p.took...)
	}
	for b.Loop() {
		join(&quiet, probes(b, to, each))
		dials(&quietDial, &quietKernel)
		stop := burn(goroutines)
		join(&busy, probes(b, to, each))
		dials(&took, &kernel)
		stop()
	}
	still := median(quiet.rtt)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(still, "quiet-rtt-µs")
	b.ReportMetric(median(quietKernel), "quiet-kernel-µs")
	b.ReportMetric(median(quietDial), "quiet-dial-µs")
	b.ReportMetric(median(busy.rtt), "rtt-µs")
	b.ReportMetric(median(busy.rtt)-still, "rtt-error-µs")
	b.ReportMetric(slices.Max(busy.rtt)-still, "rtt-worst-error-µs")
	b.ReportMetric(median(kernel), "kernel-µs")
	b.ReportMetric(slices.Max(kernel), "kernel-worst-µs")
	b.ReportMetric(median(busy.took), "connect-µs")
	b.ReportMetric(median(took), "dial-µs")
	b.ReportMetric(slices.Max(took), "dial-worst-µs")
}

// BenchmarkProbeDescriptors probes every port of a host in this process, and counts the descriptors that are left over.
func BenchmarkProbeDescriptors(b *testing.B) {
	target(b)
	var leaked, most int
	states := make(map[probe.State]int)
	targets := func(yield func(*probe.Target) bool) {
		addrs := []netip.Addr{netip.MustParseAddr("10.9.0.1")}
		for port := range 1<<16 - 1 {
			if !yield(&probe.Target{Addrs: addrs, Port: uint16(port + 1)}) {
				return
			}
		}
	}
	runs := 0
	for b.Loop() {
		runs++
		before := descriptors(b)
		for e, err := range probe.Run(b.Context(), probe.Config{Targets: targets}) {
			if err != nil {
				b.Fatal(err)
			}
			if e.Kind != probe.Result {
				continue
			}
			if states[e.State]++; states[e.State]&0xfff == 0 {
				most = max(most, descriptors(b)-before)
			}
		}
		leaked = max(leaked, descriptors(b)-before)
	}
	if states[probe.Closed] != runs*(1<<16-1) || len(states) != 1 || leaked != 0 {
		b.Errorf("%v in %d runs, %d descriptors left", states, runs, leaked)
	}
	b.ReportMetric(float64(leaked), "leaked")
	b.ReportMetric(float64(most), "most-at-a-time")
}
