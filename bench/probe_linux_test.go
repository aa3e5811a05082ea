package bench

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/lab"
)

// target opens a lab next to a host, which is a real kernel: 10.9.0.1.
func target(b *testing.B) (l *lab.Lab, host *lab.Namespace) {
	b.Helper()
	l = lab.TestConfig(b, lab.Config{})
	host, err := l.Peer("host", lab.PeerConfig{
		Near: lab.End{Addrs: []netip.Prefix{netip.MustParsePrefix("10.9.0.2/24")}},
		Far:  lab.End{Addrs: []netip.Prefix{netip.MustParsePrefix("10.9.0.1/24")}},
	})
	if err != nil {
		b.Fatal(err)
	}
	return l, host
}

// listen takes connections at the given addresses of a namespace and closes each after its other end has, until the
// benchmark ends.
func listen(b *testing.B, ns *lab.Namespace, addrs ...string) {
	b.Helper()
	for _, addr := range addrs {
		var l net.Listener
		err := ns.Do(func() (err error) {
			l, err = net.Listen("tcp", addr)
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { l.Close() })
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				go func() {
					defer conn.Close()
					_, _ = conn.Read(make([]byte, 1))
				}()
			}
		}()
	}
}

// BenchmarkProbeClosed probes every port of a host, all of them closed, and writes a line for each, or only for what
// is open as the peer does. None may be missed.
func BenchmarkProbeClosed(b *testing.B) {
	ours, nmap := netdiag(b), peer(b, "nmap")
	for _, tt := range []struct{ name, flag string }{{"lines", "--color=never"}, {"open", "--open"}, {"json", "--json"}} {
		b.Run(tt.name, func(b *testing.B) {
			l, _ := target(b)
			want := ": 0 open, 65535 closed\n"
			if tt.name == "json" {
				want = `"closed":65535,`
			}
			var p pairs
			for b.Loop() {
				r := measured(b, l.Namespace, ours, "probe", tt.flag, "10.9.0.1:1-65535")
				mustEnd(b, "netdiag", r.out, want)
				p.a = append(p.a, r)
				r = measured(b, l.Namespace, nmap, "-sT", "-T5", "-n", "-Pn", "-p-", "10.9.0.1")
				mustSay(b, "nmap", r.out, "65535 closed")
				p.b = append(p.b, r)
			}
			p.report(b, "netdiag", "nmap")
		})
	}
}

// mustEnd fails the benchmark unless the last line of out has want in it.
func mustEnd(b *testing.B, name string, out []byte, want string) {
	b.Helper()
	last := out[1+bytes.LastIndexByte(bytes.TrimRight(out, "\n"), '\n'):]
	if !bytes.Contains(last, []byte(want)) {
		b.Fatalf("%s ends with\n%s", name, last)
	}
}

// BenchmarkProbeSilent probes 1,000 ports behind a firewall that drops everything. The peer, which takes a minute or two, runs
// once.
func BenchmarkProbeSilent(b *testing.B) {
	ours, nmap, nft := netdiag(b), peer(b, "nmap"), peer(b, "nft")
	l, host := target(b)
	if out, err := host.Command(b.Context(), nft, "add table inet silence; add chain inet silence input "+
		"{ type filter hook input priority 0; }; add rule inet silence input tcp dport 1-1000 drop").CombinedOutput(); err != nil {
		b.Fatalf("nft: %v\n%s", err, out)
	}
	var p pairs
	for b.Loop() {
		r := measured(b, l.Namespace, ours, "probe", "10.9.0.1:1-1000")
		mustEnd(b, "netdiag", r.out, ": 0 open, 1000 filtered\n")
		p.a = append(p.a, r)
	}
	p.report(b, "netdiag", "")
	for _, template := range []string{"-T5", "-T4"} {
		r := measure(b, l.Namespace, nmap, "-sT", template, "-n", "-Pn", "-p1-1000", "10.9.0.1")
		mustSay(b, "nmap", r.out, "1000 filtered")
		b.ReportMetric(r.wall.Seconds()*1e3, "nmap"+template+"-ms")
		b.ReportMetric(r.cpu.Seconds()*1e3, "nmap"+template+"-cpu-ms")
	}
}

// thousand are the addresses from 10.10.0.0 to 10.10.3.231.
func thousand() []netip.Prefix {
	return []netip.Prefix{
		netip.MustParsePrefix("10.10.0.0/23"), netip.MustParsePrefix("10.10.2.0/24"), netip.MustParsePrefix("10.10.3.0/25"),
		netip.MustParsePrefix("10.10.3.128/26"), netip.MustParsePrefix("10.10.3.192/27"), netip.MustParsePrefix("10.10.3.224/29"),
	}
}

// listOf writes a file with a line for each of the thousand, of their last two bytes.
func listOf(b *testing.B, format string) (path string) {
	b.Helper()
	var lines bytes.Buffer
	for i := range 1000 {
		fmt.Fprintf(&lines, format, i>>8, i&0xff)
	}
	path = filepath.Join(b.TempDir(), "list")
	if err := os.WriteFile(path, lines.Bytes(), 0o644); err != nil {
		b.Fatal(err)
	}
	return path
}

// BenchmarkProbeHosts probes one port of 1,000 neighbours, which is open at ten of them. The others are there and refuse, or
// are not there at all, which takes as long as this machine waits for neighbours. All ten must be found each time.
func BenchmarkProbeHosts(b *testing.B) {
	ours, nmap := netdiag(b), peer(b, "nmap")
	var open []string
	for i := range 10 {
		open = append(open, fmt.Sprintf("10.10.%d.%d", i%4, 7+20*i))
	}
	var there []netip.Prefix
	for _, addr := range open {
		there = append(there, netip.MustParsePrefix(addr+"/32"))
	}
	for _, tt := range []struct {
		name  string
		local []netip.Prefix
	}{{"closed", thousand()}, {"absent", there}} {
		b.Run(tt.name, func(b *testing.B) {
			l := lab.TestConfig(b, lab.Config{})
			neighbours, err := l.Peer("neighbours", lab.PeerConfig{
				Near:  lab.End{Addrs: []netip.Prefix{netip.MustParsePrefix("10.10.3.254/22")}},
				Far:   lab.End{Addrs: []netip.Prefix{netip.MustParsePrefix("10.10.3.253/22")}},
				Local: tt.local,
			})
			if err != nil {
				b.Fatal(err)
			}
			for _, addr := range open {
				listen(b, neighbours, addr+":7777")
			}
			list, targets := listOf(b, "10.10.%d.%d\n"), listOf(b, "10.10.%d.%d:7777\n")
			const each = 3 // runs an operation
			var p pairs
			var whole, peers float64
			for b.Loop() {
				for range each {
					r := measured(b, l.Namespace, ours, "probe", "--open", "--file", targets)
					p.a, whole = append(p.a, r), whole+found(r.out, open, "%s:7777 open")
					r = measured(b, l.Namespace, nmap, "-sT", "-T5", "-n", "-Pn", "-p7777", "--open", "-oG", "-", "-iL", list)
					p.b, peers = append(p.b, r), peers+found(r.out, open, "Host: %s ()\tPorts: 7777/open")
				}
			}
			p.report(b, "netdiag", "nmap")
			b.ReportMetric(whole*100/float64(len(p.a)), "netdiag-found-all-%")
			b.ReportMetric(peers*100/float64(len(p.b)), "nmap-found-all-%")
			if int(whole) != len(p.a) {
				b.Errorf("all ten found in %v of %d runs", whole, len(p.a))
			}
		})
	}
}

// found returns 1 if all that is open is named in out, and nothing else.
func found(out []byte, open []string, format string) float64 {
	for _, addr := range open {
		if !bytes.Contains(out, fmt.Appendf(nil, format, addr)) {
			return 0
		}
	}
	if bytes.Count(out, []byte("7777 open"))+bytes.Count(out, []byte("7777/open")) != len(open) {
		return 0
	}
	return 1
}

// descriptors returns how many descriptors this process has open.
func descriptors(b *testing.B) int {
	b.Helper()
	runtime.GC() // closes what was forgotten: not what has leaked
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		b.Fatal(err)
	}
	return len(entries)
}

// burn keeps so many goroutines busy until the function that it returns is called.
func burn(goroutines int) (stop func()) {
	end := make(chan struct{})
	for range goroutines {
		go func() {
			for n := 0; ; n++ {
				if n&0xffff == 0 {
					select {
					case <-end:
						return
					default:
					}
				}
			}
		}()
	}
	return func() { close(end) }
}

// micro is a duration in microseconds.
func micro(d time.Duration) float64 { return float64(d) / 1e3 }
