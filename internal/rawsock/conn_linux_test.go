package rawsock_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/lab"
	"github.com/netdiag/netdiag/internal/packet"
	"github.com/netdiag/netdiag/internal/rawsock"
)

func TestEcho(t *testing.T) {
	for _, kind := range kinds {
		for _, to := range []string{"127.0.0.1", "::1", "10.9.1.2", "fd99::5", "fe80::b%peer"} {
			t.Run(kind.name+"/"+to, func(t *testing.T) {
				neighbour(t)
				c := open(t, rawsock.Config{Mode: kind.mode})
				p := request(c, to, 7)
				p.TOS, p.WantStamp = 0x28, true
				sent, got := exchange(t, c, p, rawsock.Message)
				f := packet.FamilyOf(p.Addr)
				e, err := packet.ParseEcho(f, got.Data)
				if err != nil || !e.Reply || e.Seq != 7 || e.ID != c.Socket(f).ID || string(e.Data) != "0123456789abcdef" {
					t.Errorf("reply %+v, %v", e, err)
				}
				if c.Socket(f).Raw != kind.raw {
					t.Errorf("Raw = %v", !kind.raw)
				}
				if got.Addr != p.Addr || got.TTL != 64 || got.TOS != 0x28 || got.BadChecksum || got.Truncated {
					t.Errorf("from %v ttl %d tos %#x, bad checksum %v", got.Addr, got.TTL, got.TOS, got.BadChecksum)
				}
				if rtt, kernel := rawsock.RTT(sent.Stamp, got.Stamp); !kernel || rtt <= 0 {
					t.Errorf("RTT = %v, kernel %v", rtt, kernel)
				}
			})
		}
	}
}

// TestSendStamp waits for the kernel's stamp of a packet that nobody answers.
func TestSendStamp(t *testing.T) {
	for _, kind := range kinds {
		for _, to := range []string{"10.77.0.2", "fd77::2"} {
			t.Run(kind.name+"/"+to, func(t *testing.T) {
				neighbour(t)
				c := open(t, rawsock.Config{Mode: kind.mode})
				p := request(c, to, 9)
				p.WantStamp = true
				sent, got := exchange(t, c, p, rawsock.Sent)
				e, err := packet.ParseEcho(packet.FamilyOf(sent.Addr), got.Data)
				if err != nil || e.Reply || e.Seq != 9 {
					t.Errorf("stamp of %+v, %v", e, err)
				}
				if got.Stamp.Kernel.Before(sent.Stamp.Time.Round(0)) || got.Stamp.Kernel.After(got.Stamp.Time.Round(0)) {
					t.Errorf("stamp %v is not between %v and %v", got.Stamp.Kernel, sent.Stamp.Time, got.Stamp.Time)
				}
			})
		}
	}
}

// TestICMPError has a router refuse, and let TTLs end, on both kinds of socket.
func TestICMPError(t *testing.T) {
	for _, kind := range kinds {
		for _, tt := range []struct {
			to, from  string
			ttl       int
			class     packet.Class
			typ, code uint8
		}{
			{"10.8.0.1", "10.77.0.2", 0, packet.Unreachable, 3, 0},
			{"10.10.0.1", "10.77.0.2", 1, packet.TimeExceeded, 11, 0},
			{"fd98::1", "fd77::2", 0, packet.Unreachable, 1, 0},
			{"fd9a::1", "fd77::2", 1, packet.TimeExceeded, 3, 0},
		} {
			t.Run(kind.name+"/"+tt.to, func(t *testing.T) {
				neighbour(t)
				c := open(t, rawsock.Config{Mode: kind.mode})
				p := request(c, tt.to, 0x1234)
				p.TTL = tt.ttl
				sent, got := exchange(t, c, p, rawsock.Error)
				if got.Addr.String() != tt.from || got.ICMP.Type != tt.typ || got.ICMP.Code != tt.code || got.ICMP.Class != tt.class {
					t.Errorf("from %v: %+v", got.Addr, got.ICMP)
				}
				e, err := packet.ParseEcho(got.ICMP.Family, got.ICMP.Quote.Payload)
				if err != nil || e.Reply || e.Seq != 0x1234 || got.ICMP.Quote.Header.Dst != sent.Addr {
					t.Errorf("quotes %+v to %v, %v", e, got.ICMP.Quote.Header.Dst, err)
				}
				if got.TTL != 64 {
					t.Errorf("TTL of the error = %d", got.TTL)
				}
				if _, kernel := rawsock.RTT(sent.Stamp, got.Stamp); !kernel {
					t.Errorf("no kernel time stamp: %+v", got.Stamp)
				}
			})
		}
	}
}

// TestOnlyOwn sends from two Conns: neither gets the other's replies, nor a third
// party's requests, though every raw socket sees everybody's.
func TestOnlyOwn(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			neighbour(t)
			a, b := open(t, rawsock.Config{Mode: kind.mode}), open(t, rawsock.Config{Mode: kind.mode})
			for range 20 { // the kernel's limit for ICMP errors allows a burst of 50, of which each takes up to two
				exchange(t, a, request(a, "10.9.0.1", 1), rawsock.Message)
				exchange(t, a, request(a, "fd99::1", 1), rawsock.Message)
				expiring := request(a, "10.10.0.1", 1)
				expiring.TTL = 1
				exchange(t, a, expiring, rawsock.Error)
			}
			if err := b.SetReadDeadline(time.Now()); err != nil {
				t.Fatal(err)
			}
			in := make([]rawsock.Packet, 4)
			if n, err := b.ReadBatch(in); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("ReadBatch = %d, %v: %+v", n, err, in[:n])
			}
			if n := a.Drops() + b.Drops(); n != 0 {
				t.Errorf("what is not ours counts as %d drops", n)
			}
		})
	}
}

func TestDrops(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			neighbour(t)
			c := open(t, rawsock.Config{Mode: kind.mode, ReceiveBuffer: 4096})
			const count = 1000
			for i := range count {
				if _, err := c.WriteBatch([]rawsock.Packet{request(c, "127.0.0.1", uint16(i))}); err != nil {
					t.Fatal(err)
				}
			}
			received := 0
			in := make([]rawsock.Packet, 64)
			if err := c.SetReadDeadline(time.Now()); err != nil {
				t.Fatal(err)
			}
			for {
				n, err := c.ReadBatch(in)
				if received += n; err != nil {
					break
				}
			}
			drops, missing := c.Drops(), uint64(count-received)
			if kind.raw && drops > 0 && drops < missing {
				drops = missing // a raw socket's is a lower bound
			}
			if received == 0 || received == count || drops != missing {
				t.Errorf("%d of %d received, %d dropped", received, count, c.Drops())
			}
		})
	}
}

func TestSendErrors(t *testing.T) {
	for _, kind := range kinds {
		for _, tt := range []struct {
			name, to string
			cfg      rawsock.Config
			size     int
			want     error
			text     string
		}{
			{"no route", "172.16.0.1", rawsock.Config{}, 16, syscall.ENETUNREACH, "unreachable"},
			{"no route", "2001:db8::1", rawsock.Config{}, 16, syscall.ENETUNREACH, "unreachable"},
			{"too long", "10.77.0.2", rawsock.Config{PMTU: rawsock.PMTUDo}, 2000, syscall.EMSGSIZE, "(mtu 1500)"},
			{"too long", "fd77::2", rawsock.Config{PMTU: rawsock.PMTUDo}, 2000, syscall.EMSGSIZE, "(mtu 1500)"},
			{"broadcast", "10.77.0.255", rawsock.Config{}, 16, syscall.EACCES, "permission denied"},
			{"zone", "fe80::1%nosuch", rawsock.Config{}, 16, syscall.ENODEV, "nosuch"},
		} {
			t.Run(kind.name+"/"+tt.name, func(t *testing.T) {
				neighbour(t)
				tt.cfg.Mode = kind.mode
				c := open(t, tt.cfg)
				p, good := request(c, tt.to, 1), request(c, "10.9.0.1", 2)
				p.Data = append(p.Data, make([]byte, tt.size-16)...)
				n, err := c.WriteBatch([]rawsock.Packet{good, p, good})
				if n != 1 || !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
					t.Errorf("WriteBatch = %d, %v; want 1, %v", n, err, tt.want)
				}
				exchange(t, c, good, rawsock.Message) // and it goes on working
			})
		}
	}
}

// TestErrorOfAnother makes ICMP errors arrive between sends on one socket: they are
// not taken for errors of what is sent next.
func TestErrorOfAnother(t *testing.T) {
	neighbour(t)
	c := open(t, rawsock.Config{Mode: rawsock.Unprivileged})
	for range 100 {
		n, err := c.WriteBatch([]rawsock.Packet{
			request(c, "10.8.0.1", 1), request(c, "fd98::1", 1), request(c, "10.9.0.1", 2), request(c, "fd99::1", 2),
		})
		if n != 4 || err != nil {
			t.Fatalf("WriteBatch = %d, %v", n, err)
		}
	}
}

// TestErrorsBehindReplies has many hosts reply before a router tells of as many other packets, and reads
// only then: every reply comes before the errors.
func TestErrorsBehindReplies(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			neighbour(t)
			c := open(t, rawsock.Config{Mode: kind.mode})
			// The kernel has a limit for ICMP errors with a burst of 50, of which each takes up to two.
			const count, errors = 100, 20
			var ps []rawsock.Packet
			for i := range count {
				ps = append(ps, request(c, "10.9.0.1", uint16(i)))
			}
			for i := range errors {
				expiring := request(c, "10.10.0.1", uint16(i))
				expiring.TTL = 1
				ps = append(ps, expiring)
			}
			if n, err := c.WriteBatch(ps); n != len(ps) || err != nil {
				t.Fatalf("WriteBatch = %d, %v", n, err)
			}
			if err := c.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
				t.Fatal(err)
			}
			replies, errs := 0, 0
			in := make([]rawsock.Packet, rawsock.Batch)
			for replies < count || errs < errors {
				n, err := c.ReadBatch(in)
				if err != nil {
					t.Fatalf("%d replies, %d errors: %v", replies, errs, err)
				}
				for _, p := range in[:n] {
					if p.Kind == rawsock.Message {
						replies++
					} else if errs++; replies < count {
						t.Fatalf("error %d comes after %d replies of %d", errs, replies, count)
					}
				}
			}
		})
	}
}

func TestOpenRefused(t *testing.T) {
	lab.TestConfig(t, lab.Config{NoPingSockets: true})
	_, err := rawsock.Open(rawsock.Config{Mode: rawsock.Unprivileged})
	if !errors.Is(err, os.ErrPermission) {
		t.Fatalf("Open = %v", err)
	}
	open, ok := errors.AsType[*rawsock.OpenError](err)
	if !ok {
		t.Fatalf("Open = %T", err)
	}
	hints := strings.Join(open.Hints(), "\n")
	for _, want := range []string{`sysctl -w net.ipv4.ping_group_range="0 2147483647"`, "setcap cap_net_raw+ep /"} {
		if !strings.Contains(hints, want) {
			t.Errorf("%q is not in the hints %q", want, hints)
		}
	}
	if _, err := rawsock.Open(rawsock.Config{Interface: "nosuch0"}); err == nil || errors.Is(err, os.ErrPermission) {
		t.Errorf("an unknown interface is blamed on permissions: %v", err)
	}
}

func TestWake(t *testing.T) {
	lab.TestConfig(t, lab.Config{})
	wakes(t, open(t, rawsock.Config{}))
}

// wakes checks what ends a wait of c, and closes it.
func wakes(t *testing.T, c rawsock.Conn) {
	t.Helper()
	in := make([]rawsock.Packet, 1)
	c.Wake() // before the read
	if n, err := c.ReadBatch(in); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("ReadBatch after Wake = %d, %v", n, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	context.AfterFunc(ctx, c.Wake) // during it, or before: either must end it
	cancel()
	if n, err := c.ReadBatch(in); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("ReadBatch during Wake = %d, %v", n, err)
	}
	done := make(chan error)
	go func() {
		_, err := c.ReadBatch(in)
		done <- err
	}()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; err == nil {
		t.Error("ReadBatch survived Close")
	}
	if _, err := c.WriteBatch(make([]rawsock.Packet, 1)); err == nil {
		t.Error("WriteBatch after Close succeeded")
	}
	c.Wake() // after Close: nothing
}

// BenchmarkEcho is one echo in the steady state, sent and received in batches of 16.
func BenchmarkEcho(b *testing.B) {
	for _, kind := range kinds {
		for _, to := range []string{"127.0.0.1", "::1"} {
			b.Run(kind.name+"/"+to, func(b *testing.B) {
				lab.TestConfig(b, lab.Config{})
				c := open(b, rawsock.Config{Mode: kind.mode})
				out, in := make([]rawsock.Packet, 16), make([]rawsock.Packet, 64)
				for i := range out {
					out[i] = request(c, to, uint16(i))
				}
				if err := c.SetReadDeadline(time.Now().Add(time.Hour)); err != nil {
					b.Fatal(err)
				}
				b.ReportAllocs()
				for done := 0; b.Loop(); done++ {
					if done%16 != 0 {
						continue // an operation is one echo
					}
					if _, err := c.WriteBatch(out); err != nil {
						b.Fatal(err)
					}
					for got := 0; got < 16; {
						n, err := c.ReadBatch(in)
						if got += n; err != nil {
							b.Fatal(err)
						}
					}
				}
			})
		}
	}
}
