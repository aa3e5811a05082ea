package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/lab"
	"github.com/netdiag/netdiag/internal/netsim"
)

// BenchmarkAlive finds 65,534 answering hosts, at unlimited rate.
func BenchmarkAlive(b *testing.B) {
	ours, theirs := netdiag(b), peer(b, "fping")
	ns := hosts(b, "10.9.0.0/16")
	var p pairs
	for b.Loop() {
		p.a = append(p.a, measured(b, ns, ours, "ping", "--alive", "--rate", "0", "--retries", "0", "10.9.0.0/16"))
		p.b = append(p.b, measured(b, ns, theirs, "-i", "0", "-r", "0", "-g", "10.9.0.0/16"))
		for _, r := range []run{p.a[len(p.a)-1], p.b[len(p.b)-1]} {
			if n := bytes.Count(r.out, []byte(" is alive")); n != 65534 {
				b.Logf("%d of 65534 hosts are alive", n)
			}
		}
	}
	p.report(b, "netdiag", "fping")
}

// BenchmarkRange walks ranges of answering and of silent addresses, the larger 16 times
// the smaller: memory should be the same.
func BenchmarkRange(b *testing.B) {
	ours := netdiag(b)
	for _, bits := range []int{16, 12} {
		b.Run(fmt.Sprintf("answering/%d", 1<<(32-bits)), func(b *testing.B) {
			prefix := fmt.Sprintf("10.16.0.0/%d", bits)
			ns := hosts(b, prefix)
			var p pairs
			for b.Loop() {
				r := measured(b, ns, ours, "ping", "--alive", "--rate", "0", "--retries", "0", prefix)
				if n := bytes.Count(r.out, []byte(" is alive")); n != 1<<(32-bits)-2 {
					b.Errorf("%d hosts are alive", n)
				}
				p.a = append(p.a, r)
			}
			p.report(b, "netdiag", "")
		})
	}
}

// BenchmarkProcess is one echo on loopback, the whole process.
func BenchmarkProcess(b *testing.B) {
	ours, theirs := netdiag(b), peer(b, "ping")
	ns := lab.TestConfig(b, lab.Config{}).Namespace
	var p pairs
	for b.Loop() {
		for range 10 {
			p.a = append(p.a, measure(b, ns, ours, "ping", "-c", "1", "127.0.0.1"))
			p.b = append(p.b, measure(b, ns, theirs, "-c", "1", "127.0.0.1"))
		}
	}
	p.report(b, "netdiag", "iputils")
}

var bsdTime = regexp.MustCompile(`time=([0-9.]+) ms`)
var fpingTime = regexp.MustCompile(`\[\d+\], 64 bytes, ([0-9.]+) ms`)

// roundTrips returns the round trips in milliseconds that a tool printed.
func roundTrips(b *testing.B, out []byte, re *regexp.Regexp) (ms []float64) {
	b.Helper()
	for _, m := range re.FindAllSubmatch(out, -1) {
		v, err := strconv.ParseFloat(string(m[1]), 64)
		if err != nil {
			b.Fatal(err)
		}
		ms = append(ms, v)
	}
	return ms
}

// jsonRoundTrips returns those of netdiag's replies, unrounded.
func jsonRoundTrips(b *testing.B, out []byte) (ms []float64) {
	b.Helper()
	for line := range bytes.Lines(out) {
		var e struct {
			Type string
			RTT  json.RawMessage `json:"rtt_ms"`
		}
		if err := json.Unmarshal(line, &e); err != nil {
			b.Fatalf("%v: %s", err, line)
		}
		if e.Type != "reply" {
			continue
		}
		v, err := strconv.ParseFloat(string(e.RTT), 64)
		if err != nil {
			b.Fatal(err)
		}
		ms = append(ms, v)
	}
	return ms
}

var iputilsMean = regexp.MustCompile(`min/avg/max/mdev = [0-9.]+/([0-9.]+)/`)

// BenchmarkRTTError pings over paths of exactly known round trips, and reports by how many
// microseconds what each tool found is off. What the path itself is off by (the TUN device,
// waking its far side) is in all of them. The peers print three digits of each round trip, so an error below
// that does not show in their medians: netdiag's as they would print it stands beside them, and the
// means, of which iputils prints more.
func BenchmarkRTTError(b *testing.B) {
	ours, iputils, fping := netdiag(b), peer(b, "ping"), peer(b, "fping")
	errors := make(map[string][]float64)
	for _, delay := range []time.Duration{1, 10, 20, 50, 100} {
		delay *= time.Millisecond
		b.Run(delay.String(), func(b *testing.B) {
			network, err := netsim.New(netsim.Chain(delay))
			if err != nil {
				b.Fatal(err)
			}
			l := lab.TestConfig(b, lab.Config{Network: network, Spin: lab.SpinAlways})
			target := network.Addr("target", 4).String()
			var netdiagMs, iputilsMs, iputilsMeans, fpingMs []float64
			for b.Loop() {
				const n = "10"
				netdiagMs = append(netdiagMs, jsonRoundTrips(b, measure(b, l.Namespace, ours, "ping", "--json", "-c", n, "-i", "0.11", target).out)...)
				out := measure(b, l.Namespace, iputils, "-c", n, "-i", "0.2", target).out
				iputilsMs = append(iputilsMs, roundTrips(b, out, bsdTime)...)
				iputilsMeans = append(iputilsMeans, roundTrips(b, out, iputilsMean)...)
				fpingMs = append(fpingMs, roundTrips(b, measure(b, l.Namespace, fping, "-c", n, "-p", "110", target).out, fpingTime)...)
			}
			b.ReportMetric(0, "ns/op")
			exact := delay.Seconds() * 1e3
			for name, found := range map[string]float64{
				"netdiag-median":         median(netdiagMs),
				"netdiag-median-3digits": threeDigits(median(netdiagMs)),
				"netdiag-mean":           mean(netdiagMs),
				"iputils-median-3digits": median(iputilsMs),
				"iputils-mean":           mean(iputilsMeans),
				"fping-median-3digits":   median(fpingMs),
			} {
				off := math.Abs(found-exact) * 1e3
				errors[name] = append(errors[name], off)
				b.ReportMetric(off, name+"-µs")
			}
		})
	}
	b.Run("median", func(b *testing.B) {
		for b.Loop() {
		}
		b.ReportMetric(0, "ns/op")
		for name, off := range errors {
			b.ReportMetric(median(off), name+"-µs")
		}
	})
}

// threeDigits rounds to three significant digits, as the peers print.
func threeDigits(ms float64) float64 {
	v, err := strconv.ParseFloat(strconv.FormatFloat(ms, 'g', 3, 64), 64)
	if err != nil {
		return math.NaN()
	}
	return v
}

func mean(vs []float64) (sum float64) {
	for _, v := range vs {
		sum += v / float64(len(vs))
	}
	return sum
}

// BenchmarkManyAtOnce probes 200 loopback hosts at once, 5 times each, and reports the
// percentiles of the round trips: of each run, and of those the median.
func BenchmarkManyAtOnce(b *testing.B) {
	ours, fping := netdiag(b), peer(b, "fping")
	l := lab.TestConfig(b, lab.Config{})
	var targets []string
	for a, i := netip.MustParseAddr("127.0.1.1"), 0; i < 200; a, i = a.Next(), i+1 {
		targets = append(targets, a.String())
	}
	tools := []struct {
		name     string
		run      func() []float64
		p50, p99 []float64 // of each run, in microseconds
	}{
		{name: "netdiag", run: func() []float64 {
			args := append([]string{"ping", "--json", "-c", "5", "-i", "0.2", "--rate", "0"}, targets...)
			return jsonRoundTrips(b, measure(b, l.Namespace, ours, args...).out)
		}},
		{name: "fping", run: func() []float64 {
			args := append([]string{"-c", "5", "-p", "200", "-i", "0"}, targets...)
			return roundTrips(b, measure(b, l.Namespace, fping, args...).out, fpingTime)
		}},
	}
	for b.Loop() {
		for i := range tools {
			tool := &tools[i]
			ms := tool.run()
			tool.p50 = append(tool.p50, percentile(ms, 50)*1e3)
			tool.p99 = append(tool.p99, percentile(ms, 99)*1e3)
		}
	}
	b.ReportMetric(0, "ns/op")
	for _, tool := range tools {
		b.ReportMetric(median(tool.p50), tool.name+"-p50-µs")
		b.ReportMetric(median(tool.p99), tool.name+"-p99-µs")
		b.ReportMetric(slices.Max(tool.p99), tool.name+"-worst-p99-µs")
	}
}
