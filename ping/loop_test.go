package ping

import (
	"errors"
	"math"
	"net/netip"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/netsim"
	"github.com/netdiag/netdiag/internal/rawsock"
)

// refuseProbes returns a WriteError for the probes with the given numbers, from 1.
func refuseProbes(err error, numbers ...int64) func(int64, rawsock.Packet) error {
	return func(n int64, _ rawsock.Packet) error {
		if slices.Contains(numbers, n) {
			return err
		}
		return nil
	}
}

// TestRefusals has this machine refuse to send.
func TestRefusals(t *testing.T) {
	tests := []struct {
		name    string
		err     error
		numbers []int64
		targets []netip.Addr
		want    string
		fails   error
	}{
		{"no route for the only target", syscall.ENETUNREACH, []int64{1}, []netip.Addr{host4}, "", syscall.ENETUNREACH},
		{"no route later", syscall.ENETUNREACH, []int64{2}, []netip.Addr{host4},
			"0s sent 0/0; 10ms reply 0/0 rtt=10ms; 1s send_error 0/1 E; 1s done 0", nil},
		{"no route for one of two", syscall.ENETUNREACH, []int64{1}, []netip.Addr{host4, host6},
			"0s send_error 0/0 E; 1ms sent 1/0; 11ms reply 1/0 rtt=10ms; 1s sent 0/1; 1.001s sent 1/1; " +
				"1.01s reply 0/1 rtt=10ms; 1.011s reply 1/1 rtt=10ms; 1.02s done 0; 1.021s done 1", nil},
		{"no route, and the next target is not known", syscall.ENETUNREACH, []int64{1}, []netip.Addr{host4, {}},
			"0s send_error 0/0 E; 1s sent 0/1; 1.01s reply 0/1 rtt=10ms; 1.02s done 0", nil},
		{"too large", syscall.EMSGSIZE, []int64{1}, []netip.Addr{host6}, "", syscall.EMSGSIZE},
		{"broadcast", syscall.EACCES, []int64{1}, []netip.Addr{host4}, "", syscall.EACCES},
		{"firewall", syscall.EPERM, []int64{1}, []netip.Addr{host4},
			"0s send_error 0/0 E; 1s sent 0/1; 1.01s reply 0/1 rtt=10ms; 1.02s done 0", nil},
		{"no buffers once", syscall.ENOBUFS, []int64{1}, []netip.Addr{host4},
			"1ms sent 0/0; 11ms reply 0/0 rtt=10ms; 1s sent 0/1; 1.01s reply 0/1 rtt=10ms; 1.02s done 0", nil},
		{"no buffers for a while", syscall.ENOBUFS, []int64{2, 3, 4, 5}, []netip.Addr{host4},
			"0s sent 0/0; 10ms reply 0/0 rtt=10ms; 1.01s sent 0/1; 1.02s reply 0/1 rtt=10ms; 1.03s done 0", nil},
		{"no buffers for a while, twice", syscall.ENOBUFS, append(numbersTo(15), numbersTo(31)[16:]...), []netip.Addr{host4},
			"120ms sent 0/0; 130ms reply 0/0 rtt=10ms; 1.12s sent 0/1; 1.13s reply 0/1 rtt=10ms; 1.14s done 0", nil},
		{"no buffers at all", syscall.ENOBUFS, numbersTo(21), []netip.Addr{host4},
			"210ms send_error 0/0 E; 1s sent 0/1; 1.01s reply 0/1 rtt=10ms; 1.02s done 0", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			conn := netsim.ConnConfig{WriteError: refuseProbes(tt.err, tt.numbers...)}
			bubble(t, netsim.Chain(10*ms), conn, func(t *testing.T, s *simulation) {
				s.run(t.Context(), t, Config{Targets: Addrs(tt.targets...), Count: 2}, nil)
				for i := range s.events {
					if e := &s.events[i]; e.Kind == SendError {
						if !errors.Is(e.Err, tt.err) {
							t.Errorf("refused with %v, want %v", e.Err, tt.err)
						}
						e.Err = errors.New("E")
					}
				}
				s.expect(t, tt.want)
				if !errors.Is(s.err, tt.fails) {
					t.Errorf("error %v, want %v", s.err, tt.fails)
				}
			})
		})
	}
}

func numbersTo(n int64) (list []int64) {
	for i := range n {
		list = append(list, i+1)
	}
	return list
}

// TestOpenError is told as it is, and a bad Config before anything is opened.
func TestOpenError(t *testing.T) {
	refused := errors.New("refused")
	open := func(rawsock.Config) (rawsock.Conn, error) { return nil, refused }
	for _, tt := range []struct {
		cfg   Config
		want  error
		field string
	}{
		{Config{Targets: Addrs(host4)}, refused, ""},
		{Config{}, nil, "Targets"},
		{Config{Targets: Addrs(), Count: -1}, nil, "Count"},
		{Config{Targets: Addrs(), Timeout: -1}, nil, "Timeout"},
		{Config{Targets: Addrs(), Deadline: -1}, nil, "Deadline"},
		{Config{Targets: Addrs(), Preload: -1}, nil, "Preload"},
		{Config{Targets: Addrs(), Size: MaxSize + 1}, nil, "Size"},
		{Config{Targets: Addrs(), Pattern: make([]byte, 17)}, nil, "Pattern"},
		{Config{Targets: Addrs(), TTL: 256}, nil, "TTL"},
		{Config{Targets: Addrs(), TOS: -1}, nil, "TOS"},
		{Config{Targets: Addrs(), Rate: math.NaN()}, nil, "Rate"},
		{Config{Targets: Addrs(), Pace: 3}, nil, "Pace"},
		{Config{Targets: Addrs(), PMTU: 4}, nil, "PMTU"},
		{Config{Targets: Addrs(), Mode: 3}, nil, "Mode"},
	} {
		n := 0
		for e, err := range run(t.Context(), tt.cfg, open) {
			n++
			ce, _ := errors.AsType[*ConfigError](err)
			if e != (Event{}) || tt.want != nil && !errors.Is(err, tt.want) || tt.field != "" && (ce == nil || ce.Field != tt.field) {
				t.Errorf("%+v: %+v, %v", tt.cfg, e, err)
			}
		}
		if n != 1 {
			t.Errorf("%+v: %d pairs, want one", tt.cfg, n)
		}
	}
}

// TestLocalDrops lets the receive queue overflow while the consumer is busy.
func TestLocalDrops(t *testing.T) {
	topology := netsim.Direct(10*ms, netsim.Prefixes("10.0.0.0/16")...)
	bubble(t, topology, netsim.ConnConfig{ReceiveQueue: 40}, func(t *testing.T, s *simulation) {
		s.run(t.Context(), t, Config{Targets: addrs("10.0.0.1", 64), Rate: -1, Count: 1}, func(e Event) bool {
			if e.Kind == Sent && e.Index == 63 {
				time.Sleep(100 * ms)
			}
			return true
		})
		var drops uint64
		for _, e := range s.events {
			drops += e.Drops
		}
		if st := &s.check.all; drops != 24 || st.Received != 40 || st.Timeouts != 24 {
			t.Errorf("%d drops, %+v; want 24 of 64", drops, st)
		}
		if got := s.text(LocalDrops); len(got) != 1 || got[0] != "100ms local_drops 24" {
			t.Errorf("told %q", got)
		}
	})
}

// TestPause has the consumer block for two seconds, in which answers arrive.
func TestPause(t *testing.T) {
	tests := []struct {
		name string
		rtt  time.Duration
		cfg  Config
		when Kind
		want string
	}{
		{"at a reply", 10 * ms, Config{Count: 3}, Reply,
			"0s sent 0/0; 10ms reply 0/0 rtt=10ms; 2.01s pause rtt=1.01s; 2.01s sent 0/1; 2.02s reply 0/1 rtt=10ms; " +
				"3.01s sent 0/2; 3.02s reply 0/2 rtt=10ms; 3.03s done 0"},
		{"after sending: the reply is in time", 10 * ms, Config{Count: 3}, Sent,
			"0s sent 0/0; 2s pause rtt=1.999s; 10ms reply 0/0 rtt=10ms; 2s sent 0/1; 2.01s reply 0/1 rtt=10ms; " +
				"3s sent 0/2; 3.01s reply 0/2 rtt=10ms; 3.02s done 0"},
		{"after sending: the reply is late", 1500 * ms, Config{Count: 2}, Sent,
			"0s sent 0/0; 2s pause rtt=1.999s; 1s timeout 0/0; 1.5s late 0/0 rtt=1.5s; 2s sent 0/1; 3s timeout 0/1; 3s done 0"},
		{"nothing was due", 10 * ms, Config{Count: 2, Interval: 10 * sec}, Reply,
			"0s sent 0/0; 10ms reply 0/0 rtt=10ms; 10s sent 0/1; 10.01s reply 0/1 rtt=10ms; 10.02s done 0"},
		{"fast", 10 * ms, Config{Count: 3, Interval: 100 * ms, Timeout: 50 * ms}, Sent,
			"0s sent 0/0; 2s pause rtt=1.999s; 10ms reply 0/0 rtt=10ms; 2s sent 0/1; 2.01s reply 0/1 rtt=10ms; " +
				"2.1s sent 0/2; 2.11s reply 0/2 rtt=10ms; 2.12s done 0"},
		{"nothing was due but a timeout", 5 * sec, Config{Count: 2, Interval: 4 * sec}, Sent,
			"0s sent 0/0; 2s pause rtt=1.999s; 1s timeout 0/0; 4s sent 0/1; 5s late 0/0 rtt=5s; 5s timeout 0/1; 5s done 0"},
		{"at the end", 10 * ms, Config{Count: 1}, Reply, "0s sent 0/0; 10ms reply 0/0 rtt=10ms; 2.01s pause rtt=1.99s; 20ms done 0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, netsim.Chain(tt.rtt), netsim.ConnConfig{Stamps: true}, func(t *testing.T, s *simulation) {
				tt.cfg.Targets = Addrs(host4)
				s.run(t.Context(), t, tt.cfg, func(e Event) bool {
					if e.Kind == tt.when && e.Seq == 0 {
						time.Sleep(2 * sec)
					}
					return true
				})
				s.expect(t, tt.want)
			})
		})
	}
}

// TestSlowReader has many replies, and a send stamp each, wait in the socket while the consumer blocks beyond the timeout:
// none of those that came in time may be told late.
func TestSlowReader(t *testing.T) {
	topology := netsim.Direct(10*ms, netsim.Prefixes("10.0.0.0/16")...)
	bubble(t, topology, netsim.ConnConfig{Stamps: true}, func(t *testing.T, s *simulation) {
		s.run(t.Context(), t, Config{Targets: addrs("10.0.0.1", 500), Rate: -1, Count: 2, Timeout: 200 * ms}, func(e Event) bool {
			if e.Kind == Sent && e.Index == 499 {
				time.Sleep(sec)
			}
			return true
		})
		if st := &s.check.all; st.Sent != 1000 || st.Received != 1000 || st.Timeouts != 0 || st.RTT().Max != 10*ms {
			t.Errorf("%+v, %+v", st, st.RTT())
		}
	})
}

// TestBacklog is a schedule that cannot be held: no pause, as the process does run.
func TestBacklog(t *testing.T) {
	topology := netsim.Direct(10*ms, netsim.Prefixes("10.0.0.0/16")...)
	bubble(t, topology, netsim.ConnConfig{}, func(t *testing.T, s *simulation) {
		s.run(t.Context(), t, Config{Targets: addrs("10.0.0.1", 300), Rate: 100, Interval: 100 * ms, Deadline: 10 * sec}, nil)
		if got := s.text(Pause); len(got) > 0 {
			t.Errorf("told %q", got)
		}
		least, most := int64(math.MaxInt64), int64(0)
		for i := range 300 {
			n := s.check.books[i].stats.Sent
			least, most = min(least, n), max(most, n)
		}
		if sent := s.check.all.Sent; sent != 1001 && sent != 1000 || most-least > 1 {
			t.Errorf("%d probes in 10 s at 100 a second, between %d and %d a target", sent, least, most)
		}
	})
}

// TestRate looks at the exact moments of probes to many targets.
func TestRate(t *testing.T) {
	topology := netsim.Direct(10*ms, netsim.Prefixes("10.0.0.0/16")...)
	bubble(t, topology, netsim.ConnConfig{}, func(t *testing.T, s *simulation) {
		s.run(t.Context(), t, Config{Targets: addrs("10.0.0.1", 500), Rate: 250, Count: 1}, nil)
		n := 0
		for _, e := range s.events {
			if e.Kind == Sent {
				if want := time.Duration(n) * 4 * ms; e.Time.Sub(s.start) != want {
					t.Fatalf("probe %d at %v, want %v", n, e.Time.Sub(s.start), want)
				}
				n++
			}
		}
		if st := &s.check.all; n != 500 || st.Received != 500 {
			t.Errorf("%d sent, %+v", n, st)
		}
	})
}

// TestOutage takes the interface away during a run, and gives it back.
func TestOutage(t *testing.T) {
	down := func(n int64, _ rawsock.Packet) error {
		if n == 3 || n == 4 {
			return syscall.ENETDOWN
		}
		return nil
	}
	topology := netsim.Chain(10 * ms)
	topology.Links[0].Down = []netsim.Window{{From: 900 * ms, To: 1900 * ms}}
	bubble(t, topology, netsim.ConnConfig{WriteError: down}, func(t *testing.T, s *simulation) {
		s.run(t.Context(), t, Config{Targets: Addrs(host6), Count: 5}, nil)
		s.expect(t, "0s sent 0/0; 10ms reply 0/0 rtt=10ms; 1s sent 0/1; 2s timeout 0/1; "+
			"2s send_error 0/2 netsim: send to 2001:db8:ffff::1: network is down; "+
			"3s send_error 0/3 netsim: send to 2001:db8:ffff::1: network is down; 4s sent 0/4; 4.01s reply 0/4 rtt=10ms; 4.02s done 0")
	})
}

// TestIdle is called before each wait, and now and then while there is none.
func TestIdle(t *testing.T) {
	bubble(t, netsim.Chain(10*ms), netsim.ConnConfig{}, func(t *testing.T, s *simulation) {
		var idle []time.Duration
		cfg := Config{Targets: Addrs(host4), Count: 2, Idle: func() { idle = append(idle, time.Since(s.start)) }}
		s.run(t.Context(), t, cfg, nil)
		for _, want := range []time.Duration{0, 10 * ms, sec, 1010 * ms} {
			if !slices.Contains(idle, want) {
				t.Errorf("called at %v, want at %v", idle, want)
			}
		}
	})
}

// TestUnknownTargets waits for addresses, and pings meanwhile.
func TestUnknownTargets(t *testing.T) {
	bubble(t, netsim.Chain(10*ms), netsim.ConnConfig{}, func(t *testing.T, s *simulation) {
		start := time.Now()
		targets := func(yield func(netip.Addr) bool) {
			if !yield(host4) {
				return
			}
			for time.Since(start) < 42*ms {
				if !yield(netip.Addr{}) {
					return
				}
			}
			yield(host6)
		}
		s.run(t.Context(), t, Config{Targets: targets, Count: 1}, nil)
		s.expect(t, "0s sent 0/0; 10ms reply 0/0 rtt=10ms; 20ms done 0; 46ms sent 1/0; 56ms reply 1/0 rtt=10ms; 66ms done 1")
	})
}
