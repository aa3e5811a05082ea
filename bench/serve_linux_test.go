package bench

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/lab"
)

// server is netdiag serve while it runs.
type server struct {
	cmd     *lab.Cmd
	lines   *bufio.Scanner
	summary map[string]any // its last line, nil: there was none
}

// startServer starts it in a namespace, and waits until it listens.
func startServer(b *testing.B, ns *lab.Namespace, path string, args ...string) *server {
	b.Helper()
	s := &server{cmd: ns.Command(b.Context(), path, append([]string{"serve", "--json"}, args...)...)}
	s.cmd.Stderr = os.Stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	s.lines = bufio.NewScanner(out)
	if err := s.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	for s.lines.Scan() {
		if bytes.Contains(s.lines.Bytes(), []byte(`"type":"listening"`)) {
			return s
		}
	}
	b.Fatalf("netdiag serve ended before it listened: %v", s.cmd.Wait())
	return nil
}

// status returns a value in KiB of what the kernel tells of the process, in MiB.
func (s *server) status(b *testing.B, name string) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			kib, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 64)
			if err != nil {
				b.Fatal(err)
			}
			return kib / 1024
		}
	}
	b.Fatalf("no %s in\n%s", name, text)
	return 0
}

// drain reads what it writes until it ends, and keeps the summary.
func (s *server) drain() (done func()) {
	var end sync.WaitGroup
	end.Go(func() {
		for s.lines.Scan() {
			if bytes.Contains(s.lines.Bytes(), []byte(`"type":"summary"`)) {
				_ = json.Unmarshal(s.lines.Bytes(), &s.summary) // or it stays nil
			}
		}
	})
	return end.Wait
}

// connect makes so many connections from a namespace, and returns them once all are there.
func connect(b *testing.B, ns *lab.Namespace, to netip.AddrPort, count int) []*net.TCPConn {
	b.Helper()
	const callers = 8 // threads
	var all sync.WaitGroup
	conns, failed := make([]*net.TCPConn, count), make([]error, callers)
	for caller := range callers {
		all.Go(func() {
			failed[caller] = ns.Do(func() (err error) {
				for i := caller; i < count; i += callers {
					if conns[i], err = net.DialTCP("tcp", nil, net.TCPAddrFromAddrPort(to)); err != nil {
						return err
					}
				}
				return nil
			})
		})
	}
	all.Wait()
	for _, err := range failed {
		if err != nil {
			b.Fatal(err)
		}
	}
	return conns
}

// greet reads a greeting to its end and closes, and returns whether that is what was said.
func greet(conn *net.TCPConn) bool {
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return false
	}
	said, err := io.ReadAll(conn)
	return err == nil && string(said) == "Hello, world!\n"
}

// BenchmarkServe has 2,000 clients at once, which is as many as may be. One half hangs: these read nothing and stay. The
// others read, once all are connected, and another 1,000 come after them, while one half of the places is still taken.
func BenchmarkServe(b *testing.B) {
	ours := netdiag(b)
	l, host := target(b)
	to := netip.MustParseAddrPort("10.9.0.1:7777")
	const clients, good = 2000, 1000
	var connected, greeted, later, rss []float64
	for b.Loop() {
		s := startServer(b, host, ours, "--max-clients", strconv.Itoa(clients), "--idle", "60s", to.String())
		done := s.drain()
		start := time.Now()
		conns := connect(b, l.Namespace, to, clients)
		connected = append(connected, time.Since(start).Seconds()*1e3)
		greeted = append(greeted, greetAll(b, conns[:good]))
		later = append(later, greetAll(b, connect(b, l.Namespace, to, good)))
		rss = append(rss, s.status(b, "VmHWM"))
		for _, conn := range conns[good:] {
			conn.Close()
		}
		if err := s.cmd.Process.Signal(syscall.SIGINT); err != nil {
			b.Fatal(err)
		}
		done()
		if err := s.cmd.Wait(); err != nil {
			b.Errorf("netdiag serve: %v", err)
		}
		if s.summary["greeted"] != float64(clients+good) || s.summary["refused"] != 0.0 {
			b.Errorf("of %d clients at most %d at a time: %v", clients+good, clients, s.summary)
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(connected), "connect-2000-ms")
	b.ReportMetric(median(greeted), "greet-1000-ms")
	b.ReportMetric(median(later), "greet-1000-more-ms")
	b.ReportMetric(median(rss), "peak-MiB")
}

// greetAll has all clients read their greeting at once, and returns how many milliseconds that takes.
func greetAll(b *testing.B, conns []*net.TCPConn) float64 {
	b.Helper()
	start := time.Now()
	var all sync.WaitGroup
	said := make([]bool, len(conns))
	for i, conn := range conns {
		all.Go(func() { said[i] = greet(conn) })
	}
	all.Wait()
	refused := 0
	for _, ok := range said {
		if !ok {
			refused++
		}
	}
	if refused > 0 {
		b.Errorf("%d of %d clients were not greeted", refused, len(conns))
	}
	return time.Since(start).Seconds() * 1e3
}
