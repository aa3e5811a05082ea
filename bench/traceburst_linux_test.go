package bench

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/lab"
	"github.com/netdiag/netdiag/internal/netsim"
	"golang.org/x/sys/unix"
)

// tap tells when packets leave a lab through its TUN device, by the kernel's time stamps.
type tap struct{ fd int }

// newTap opens one in the namespace of the calling goroutine.
func newTap(b *testing.B) *tap {
	b.Helper()
	const everything = unix.ETH_P_ALL<<8&0xff00 | unix.ETH_P_ALL>>8 // in network order
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, everything)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { unix.Close(fd) })
	device, err := net.InterfaceByName(lab.TUNName)
	if err != nil {
		b.Fatal(err)
	}
	for _, err := range []error{
		unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: everything, Ifindex: device.Index}),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS_NEW, 1),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20),
	} {
		if err != nil {
			b.Fatal(err)
		}
	}
	return &tap{fd}
}

// sent takes what left since it was called last, and returns when.
func (t *tap) sent(b *testing.B) (at []time.Time) {
	b.Helper()
	var packet, control [128]byte
	for {
		_, n, _, from, err := unix.Recvmsg(t.fd, packet[:], control[:], 0)
		if errors.Is(err, unix.EAGAIN) {
			return at
		}
		if err != nil {
			b.Fatal(err)
		}
		if ll, ok := from.(*unix.SockaddrLinklayer); !ok || ll.Pkttype != unix.PACKET_OUTGOING {
			continue
		}
		messages, err := unix.ParseSocketControlMessage(control[:n])
		if err != nil {
			b.Fatal(err)
		}
		for _, m := range messages {
			if m.Header.Type == unix.SO_TIMESTAMPNS_NEW {
				at = append(at, time.Unix(int64(binary.NativeEndian.Uint64(m.Data)), int64(binary.NativeEndian.Uint64(m.Data[8:]))))
			}
		}
	}
}

// most is the largest number of moments within a span.
func most(at []time.Time, span time.Duration) int {
	slices.SortFunc(at, time.Time.Compare)
	n, first := 0, 0
	for i := range at {
		for at[i].Sub(at[first]) >= span {
			first++
		}
		n = max(n, i-first+1)
	}
	return n
}

// BenchmarkBurst counts the most packets that leave within a tenth of a second, with default settings and with a rate that
// is asked for.
func BenchmarkBurst(b *testing.B) {
	ours, theirs := netdiag(b), peer(b, "traceroute")
	long := netsim.Chain(rising(15, 300*time.Millisecond)...)
	long.Host("target").Addrs = netsim.Prefixes("198.51.100.0/24")
	dead := netsim.Chain(rising(15, 300*time.Millisecond)...)
	dead.Host("target").Down = []netsim.Window{{}}
	for _, tt := range []struct {
		name     string
		topology netsim.Topology
		args     []string // behind -n
		peer     bool
	}{
		{"15-hops", long, []string{"198.51.100.1"}, true},
		{"short", netsim.Chain(time.Millisecond, 2*time.Millisecond, 3*time.Millisecond), []string{"198.51.100.1"}, true},
		{"dead-destination", dead, []string{"198.51.100.1"}, false},
		{"many-flows", long, []string{"-q", "20", "198.51.100.1"}, false},
		{"many-targets", long, []string{"198.51.100.0/27"}, false},
		{"every-path", even(netsim.Diamond(1, 1, 16, 1, 5, 1), 80*time.Millisecond, 7), []string{"-M", "198.51.100.1"}, false},
		{"rate-100", long, []string{"--rate", "100", "198.51.100.1"}, false},
		{"rate-50-every-path", even(netsim.Diamond(1, 4, 1), 20*time.Millisecond, 4), []string{"-M", "--rate", "50", "198.51.100.1"}, false},
	} {
		b.Run(tt.name, func(b *testing.B) {
			ns, _ := inLab(b, tt.topology)
			tap := newTap(b)
			worst := make(map[string]int)
			for b.Loop() {
				count := func(name, path string, args ...string) {
					b.Helper()
					if out := measure(b, ns, path, args...).out; !bytes.Contains(out, []byte("198.51.100")) {
						b.Fatalf("%s says\n%s", name, out)
					}
					worst[name] = max(worst[name], most(tap.sent(b), 100*time.Millisecond))
				}
				count("netdiag", ours, append([]string{"trace", "-n"}, tt.args...)...)
				if tt.peer {
					count("traceroute", theirs, append([]string{"-n"}, tt.args...)...)
				}
			}
			b.ReportMetric(0, "ns/op")
			for name, n := range worst {
				b.ReportMetric(float64(n), name+"-in-100ms")
			}
		})
	}
}
