package probe

import (
	"net/netip"
	"slices"
	"testing"
	"time"
)

// BenchmarkClosedPorts probes every port of a host where, but for four, nothing listens.
func BenchmarkClosedPorts(b *testing.B) {
	openLab(b)
	host := []netip.Addr{labFamilies()[0].host}
	every := func(yield func(*Target) bool) {
		for port := range 1<<16 - 1 {
			if !yield(&Target{Addrs: host, Port: uint16(port + 1)}) {
				return
			}
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		var stats Stats
		for e, err := range Run(b.Context(), Config{Targets: every, Timeout: 300 * time.Millisecond}) {
			if err != nil {
				b.Fatal(err)
			}
			stats.Add(e)
		}
		if stats.Sent != 1<<16-1 || stats.Closed < 1<<16-20 || stats.Failed > 0 {
			b.Fatalf("%+v", stats)
		}
	}
	b.ReportMetric(float64(1<<16-1)*float64(b.N)/b.Elapsed().Seconds(), "ports/s")
}

// BenchmarkSilentPorts probes a thousand ports that do not answer, at the default timeout.
func BenchmarkSilentPorts(b *testing.B) {
	openLab(b)
	targets := slices.Repeat([]*Target{{Addrs: []netip.Addr{labFamilies()[0].host}, Port: labDropped}}, 1000)
	for b.Loop() {
		var stats Stats
		for e, err := range Run(b.Context(), Config{Targets: slices.Values(targets)}) {
			if err != nil {
				b.Fatal(err)
			}
			stats.Add(e)
		}
		if stats.Filtered != 1000 {
			b.Fatalf("%+v", stats)
		}
	}
}

// BenchmarkBusy shows, beside the round trip by the kernel, how long a process that does other things takes to see it.
func BenchmarkBusy(b *testing.B) {
	l := openLab(b)
	j := job{
		To: []netip.AddrPort{netip.AddrPortFrom(labFamilies()[0].host, labOpen)}, Count: 101, Interval: 10 * time.Millisecond,
		Timeout: time.Minute, Busy: 16,
	}
	var rtt, took []time.Duration
	for b.Loop() {
		for _, e := range j.runAs(b, l.Namespace, nobody) {
			if e.Kind == Result && e.State == Open {
				rtt, took = append(rtt, e.RTT), append(took, e.Took)
			}
		}
	}
	for name, all := range map[string][]time.Duration{"kernel": rtt, "process": took} {
		slices.Sort(all)
		b.ReportMetric(float64(all[len(all)/2].Microseconds()), name+"-µs/median")
		b.ReportMetric(float64(all[len(all)-1].Microseconds()), name+"-µs/max")
	}
}
