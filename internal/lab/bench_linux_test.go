package lab

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/netsim"
	"golang.org/x/sys/unix"
)

// BenchmarkOpen opens a lab with a network. What it takes to close it, which is mostly
// the kernel waiting for its own readers, is beside it.
func BenchmarkOpen(b *testing.B) {
	n := network(b, 0)
	var closing time.Duration
	for b.Loop() {
		l, err := Open(Config{Network: n})
		if err != nil {
			b.Skip(err)
		}
		b.StopTimer()
		start := time.Now()
		if err := l.Close(); err != nil {
			b.Fatal(err)
		}
		closing += time.Since(start)
		b.StartTimer()
	}
	b.ReportMetric(b.Elapsed().Seconds()*1e3/float64(b.N), "ms/open")
	b.ReportMetric(closing.Seconds()*1e3/float64(b.N), "ms/close")
}

// mirror is the fastest network: it sends every packet back to its sender as it is,
// with a delay.
type mirror struct{ delay time.Duration }

func (m mirror) AppendSend(ds []netsim.Delivery, now time.Time, packet []byte) []netsim.Delivery {
	p := append([]byte(nil), packet...)
	src, dst := p[12:16], p[16:20]
	for i := range src {
		src[i], dst[i] = dst[i], src[i]
	}
	return append(ds, netsim.Delivery{At: now.Add(m.delay), Packet: p})
}

// BenchmarkPump carries packets from a socket out of the TUN device and back into the
// socket, with a millisecond between, so that many are on their way.
func BenchmarkPump(b *testing.B) {
	l, err := OpenBare()
	if err != nil {
		b.Skip(err)
	}
	defer l.Close()
	here := netip.MustParseAddr("192.0.2.1")
	if err := l.attach(mirror{time.Millisecond}, []netip.Addr{here}, Config{}); err != nil {
		b.Fatal(err)
	}
	// The mirror leaves ports as they are, so both ends have the same.
	const port, flight = 7777, 10_000
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer unix.Close(fd)
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 10}),
		unix.Bind(fd, &unix.SockaddrInet4{Port: port, Addr: here.As4()}),
		unix.Connect(fd, &unix.SockaddrInet4{Port: port, Addr: [4]byte{198, 51, 100, 1}}),
	)
	if err != nil {
		b.Fatal(err)
	}
	payload, buf := make([]byte, 64), make([]byte, 100)
	packets := 0
	for b.Loop() {
		for range flight {
			if _, err := unix.Write(fd, payload); err != nil {
				b.Fatal(err)
			}
		}
		for range flight {
			if _, err := unix.Read(fd, buf); err != nil {
				b.Fatalf("after %d packets: %v", packets, err)
			}
			packets++
		}
	}
	b.ReportMetric(float64(packets)/b.Elapsed().Seconds(), "packets/s")
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	if s := l.Stats(); s.Overflowed > 0 || s.Refused > 0 {
		b.Errorf("Stats = %+v", s)
	}
}
