package ping

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/packet"
)

// step is a moment of a table test: what arrives, and the events it has.
type step struct {
	at   time.Duration
	do   func(*driver) // before anything expires or is sent; nil: nothing
	want string        // events, separated by "; "
}

// both does one after the other.
func both(fs ...func(*driver)) func(*driver) {
	return func(d *driver) {
		for _, f := range fs {
			f(d)
		}
	}
}

// refuseNext refuses the probes that are sent in this turn.
func refuseNext(err error) func(*driver) {
	return func(d *driver) {
		at := d.now
		d.refuse = func(int64) error {
			if d.now.Equal(at) {
				return err
			}
			return nil
		}
	}
}

// overslept says that the step comes later than the session wanted.
func overslept(d *driver) { d.late = true }

var errRefused = errors.New("refused")

// TestSession runs the session through moments. It must not want to run between them.
func TestSession(t *testing.T) {
	h := [3]netip.Addr{host4, other4, host6}
	zero := netip.Addr{}
	tests := []struct {
		name    string
		cfg     Config
		targets []netip.Addr
		steps   []step
	}{
		{"schedule without drift", Config{Count: 4}, h[:1], []step{
			{0, nil, "0s sent 0/0"},
			{10 * ms, reply(0), "10ms reply 0/0 rtt=10ms"},
			{1007 * ms, overslept, "1.007s sent 0/1"},
			{1010 * ms, reply(1), "1.01s reply 0/1 rtt=3ms"},
			{2000 * ms, nil, "2s sent 0/2"}, // and yet on time
			{2999 * ms, reply(2), "2.999s reply 0/2 rtt=999ms"},
			{3000 * ms, nil, "3s sent 0/3"},
			{3001 * ms, reply(3), "3.001s reply 0/3 rtt=1ms"},
			// Listened to for 100 ms after reply 2, which took longest.
			{3099 * ms, nil, "3.099s done 0"},
		}},
		{"timeout of each probe", Config{Count: 2, Interval: 300 * ms, Timeout: sec}, h[:1], []step{
			{0, nil, "0s sent 0/0"},
			{300 * ms, nil, "300ms sent 0/1"},
			{sec, nil, "1s timeout 0/0"},
			{1300 * ms, nil, "1.3s timeout 0/1; 1.3s done 0"},
		}},
		{"reply at the very end of the timeout", Config{Count: 1}, h[:1], []step{
			{0, nil, "0s sent 0/0"},
			{sec, reply(0), "1s reply 0/0 rtt=1s"},
			{1100 * ms, nil, "1.1s done 0"},
		}},
		{"late reply read before its timeout was told", Config{Count: 1}, h[:1], []step{
			{0, nil, "0s sent 0/0"},
			{1200 * ms, both(overslept, reply(0)), "1s timeout 0/0; 1.2s late 0/0 rtt=1.2s; 1.2s done 0"},
		}},
		{"late reply, then a copy", Config{Count: 3}, h[:1], []step{
			{0, nil, "0s sent 0/0"},
			{sec, nil, "1s timeout 0/0; 1s sent 0/1"},
			{1500 * ms, reply(0), "1.5s late 0/0 rtt=1.5s"},
			{1600 * ms, both(reply(0), reply(1)), "1.6s duplicate 0/0 rtt=1.6s; 1.6s reply 0/1 rtt=600ms"},
			{2000 * ms, nil, "2s sent 0/2"},
			{3000 * ms, nil, "3s timeout 0/2; 3s done 0"},
		}},
		{"preload", Config{Count: 5, Preload: 3}, h[:1], []step{
			{0, nil, "0s sent 0/0; 0s sent 0/1; 0s sent 0/2"},
			{4 * ms, both(reply(2), reply(1), reply(0)), "4ms reply 0/2 rtt=4ms; 4ms reply 0/1 rtt=4ms; 4ms reply 0/0 rtt=4ms"},
			{sec, nil, "1s sent 0/3"},
			{2 * sec, nil, "2s timeout 0/3; 2s sent 0/4"},
			{3 * sec, nil, "3s timeout 0/4; 3s done 0"},
		}},
		{"adaptive", Config{Count: 3, Pace: Adaptive, Timeout: 2 * sec}, h[:1], []step{
			{0, nil, "0s sent 0/0"},
			{20 * ms, reply(0), "20ms reply 0/0 rtt=20ms; 20ms sent 0/1"},
			{1020 * ms, nil, "1.02s sent 0/2"},
			{1030 * ms, reply(2), "1.03s reply 0/2 rtt=10ms"},
			{1040 * ms, reply(1), "1.04s reply 0/1 rtt=1.02s"},
			{1140 * ms, nil, "1.14s done 0"},
		}},
		{"flood", Config{Count: 4, Pace: Flood}, h[:1], []step{
			{0, nil, "0s sent 0/0"},
			{ms, reply(0), "1ms reply 0/0 rtt=1ms; 1ms sent 0/1"},
			{11 * ms, nil, "11ms sent 0/2"}, // no answer for 10 ms
			{12 * ms, reply(2), "12ms reply 0/2 rtt=1ms; 12ms sent 0/3"},
			{13 * ms, both(reply(1), reply(3)), "13ms reply 0/1 rtt=12ms; 13ms reply 0/3 rtt=1ms"},
			{25 * ms, nil, "25ms done 0"},
		}},
		{"until the first reply", Config{Until: true, Interval: 200 * ms}, h[:1], []step{
			{0, nil, "0s sent 0/0"},
			{200 * ms, nil, "200ms sent 0/1"},
			{400 * ms, nil, "400ms sent 0/2"},
			// The probes in flight stay so: their answers are no news.
			{410 * ms, reply(1), "410ms reply 0/1 rtt=210ms"},
			{420 * ms, both(reply(0), reply(2)), ""},
			{430 * ms, reply(1), "430ms duplicate 0/1 rtt=230ms"},
			{510 * ms, nil, "510ms done 0"},
		}},
		{"until: a late reply does not count", Config{Until: true, Count: 2}, h[:1], []step{
			{0, nil, "0s sent 0/0"},
			{sec, nil, "1s timeout 0/0; 1s sent 0/1"},
			{1100 * ms, reply(0), "1.1s late 0/0 rtt=1.1s"},
			{2 * sec, nil, "2s timeout 0/1; 2s done 0"},
		}},
		{"many targets at a rate", Config{Count: 2, Rate: 100, Interval: 50 * ms}, h[:], []step{
			{0, nil, "0s sent 0/0"},
			{10 * ms, nil, "10ms sent 1/0"},
			{20 * ms, nil, "20ms sent 2/0"},
			{30 * ms, nil, ""}, // asks for more targets
			{50 * ms, nil, "50ms sent 0/1"},
			{60 * ms, nil, "60ms sent 1/1"},
			{70 * ms, both(reply(0), reply(1), reply(2), reply(3), reply(4)),
				"70ms reply 0/0 rtt=70ms; 70ms reply 1/0 rtt=60ms; 70ms reply 2/0 rtt=50ms; " +
					"70ms reply 0/1 rtt=20ms; 70ms reply 1/1 rtt=10ms; 70ms sent 2/1"},
			{130 * ms, nil, "130ms done 1"},
			{140 * ms, nil, "140ms done 0"},
			{1070 * ms, nil, "1.07s timeout 2/1; 1.07s done 2"},
		}},
		{"more targets than the rate allows, without end", Config{Rate: 10, Interval: 100 * ms}, h[:], []step{
			{0, nil, "0s sent 0/0"},
			{100 * ms, nil, "100ms sent 1/0"}, // not 0/1 again and again
			{200 * ms, nil, "200ms sent 2/0"},
			{300 * ms, nil, "300ms sent 0/1"},
			{400 * ms, nil, "400ms sent 1/1"},
			{500 * ms, nil, "500ms sent 2/1"},
		}},
		{"more targets than the rate allows, with an end", Config{Count: 2, Rate: 10, Interval: 100 * ms, Timeout: 10 * sec}, h[:2], []step{
			{0, nil, "0s sent 0/0"},
			{100 * ms, nil, "100ms sent 0/1"},
			{200 * ms, nil, "200ms sent 1/0"},
			{300 * ms, nil, "300ms sent 1/1"},
			{400 * ms, both(reply(0), reply(1), reply(2), reply(3)),
				"400ms reply 0/0 rtt=400ms; 400ms reply 0/1 rtt=300ms; 400ms reply 1/0 rtt=200ms; 400ms reply 1/1 rtt=100ms"},
			{500 * ms, nil, "500ms done 0; 500ms done 1"},
		}},
		{"a target done while others wait for their turn", Config{Count: 1, Rate: 1, Until: true}, h[:2], []step{
			{0, nil, "0s sent 0/0"},
			{10 * ms, reply(0), "10ms reply 0/0 rtt=10ms"},
			{20 * ms, nil, "20ms done 0"},
			{sec, nil, "1s sent 1/0"},
			{1010 * ms, unreachable(1), `1.01s icmp_error 1/0 "Destination Host Unreachable"; 1.01s done 1`},
			{2 * sec, nil, ""},
		}},
		{"targets that are not known yet", Config{Count: 1, Rate: -1}, []netip.Addr{h[0], zero, zero, h[1], zero}, []step{
			{0, nil, "0s sent 0/0"},
			{2 * ms, reply(0), "2ms reply 0/0 rtt=2ms"},
			{5 * ms, nil, "5ms done 0"}, // and asks again
			{10 * ms, nil, "10ms sent 1/0"},
			{11 * ms, reply(1), "11ms reply 1/0 rtt=1ms"},
			{14 * ms, nil, "14ms done 1"},
			{15 * ms, nil, ""},
		}},
		{"refused", Config{Count: 3}, h[:1], []step{
			{0, nil, "0s sent 0/0"},
			{ms, reply(0), "1ms reply 0/0 rtt=1ms"},
			{sec, refuseNext(errRefused), "1s send_error 0/1 refused"},
			{2 * sec, refuseNext(errRefused), "2s send_error 0/2 refused; 2s done 0"},
		}},
		{"refused while listening", Config{Count: 2, Interval: 2 * ms}, h[:1], []step{
			{0, nil, "0s sent 0/0"},
			{ms, reply(0), "1ms reply 0/0 rtt=1ms"},
			{2 * ms, refuseNext(errRefused), "2ms send_error 0/1 refused"},
			{3 * ms, reply(0), "3ms duplicate 0/0 rtt=3ms"},
			{4 * ms, nil, "4ms done 0"},
		}},
		{"postponed", Config{Count: 3, Interval: 100 * ms}, h[:1], []step{
			{0, refuseNext(errPostpone), ""},
			{5 * ms, nil, "5ms sent 0/0"},
			{100 * ms, nil, "100ms sent 0/1"}, // the schedule stays
			{200 * ms, refuseNext(errPostpone), ""},
			{205 * ms, nil, "205ms sent 0/2"},
			{206 * ms, both(reply(0), reply(1), reply(2)),
				"206ms reply 0/0 rtt=201ms; 206ms reply 0/1 rtt=106ms; 206ms reply 0/2 rtt=1ms"},
			{306 * ms, nil, "306ms done 0"},
		}},
		{"an answer while the last one is postponed", Config{Count: 2, Interval: 100 * ms}, h[:1], []step{
			{0, nil, "0s sent 0/0"},
			{100 * ms, refuseNext(errPostpone), ""},
			{102 * ms, reply(0), "102ms reply 0/0 rtt=102ms"},
			{105 * ms, nil, "105ms sent 0/1"},
			{106 * ms, reply(1), "106ms reply 0/1 rtt=1ms"},
			{202 * ms, nil, "202ms done 0"},
		}},
		{"postponed with others", Config{Count: 1, Rate: -1}, h[:], []step{
			{0, func(d *driver) {
				d.refuse = func(n int64) error {
					if n == 1 && d.now.Equal(t0) {
						return errPostpone
					}
					return nil
				}
			}, "0s sent 0/0"},
			{5 * ms, nil, "5ms sent 1/0; 5ms sent 2/0"},
			{6 * ms, both(reply(0), reply(1), reply(2)), "6ms reply 0/0 rtt=6ms; 6ms reply 1/0 rtt=1ms; 6ms reply 2/0 rtt=1ms"},
			{9 * ms, nil, "9ms done 1; 9ms done 2"},
			{12 * ms, nil, "12ms done 0"},
		}},
		{"a pause moves the schedule", Config{Rate: -1, Interval: sec}, h[:2], []step{
			{0, nil, "0s sent 0/0; 0s sent 1/0"},
			{ms, both(reply(0), reply(1)), "1ms reply 0/0 rtt=1ms; 1ms reply 1/0 rtt=1ms"},
			{10500 * ms, both(overslept, func(d *driver) { d.s.paused(9500*ms, d.now) }), "10.5s pause rtt=9.5s; 10.5s sent 0/1; 10.5s sent 1/1"},
			{11500 * ms, both(reply(2), reply(3)), "11.5s reply 0/1 rtt=1s; 11.5s reply 1/1 rtt=1s; 11.5s sent 0/2; 11.5s sent 1/2"},
		}},
		{"missed turns are not made up for", Config{Interval: 100 * ms, Timeout: 10 * sec}, h[:1], []step{
			{0, nil, "0s sent 0/0"},
			{450 * ms, overslept, "450ms sent 0/1"},
			{550 * ms, nil, "550ms sent 0/2"},
			{650 * ms, nil, "650ms sent 0/3"},
		}},
		{"ICMP errors", Config{Count: 3}, h[:1], []step{
			{0, nil, "0s sent 0/0"},
			{ms, unreachable(0), `1ms icmp_error 0/0 "Destination Host Unreachable"`},
			{2 * ms, unreachable(0), ""},                    // has an outcome
			{3 * ms, reply(0), "3ms duplicate 0/0 rtt=3ms"}, // likewise
			{sec, nil, "1s sent 0/1"},
			{1001 * ms, both(reply(1), unreachable(1)), "1.001s reply 0/1 rtt=1ms"},
			{2 * sec, nil, "2s sent 0/2"},
			{3001 * ms, both(overslept, unreachable(2)), "3s timeout 0/2; 3s done 0"}, // too late
		}},
		{"redirects", Config{Count: 1}, h[:1], []step{
			{0, nil, "0s sent 0/0"},
			{ms, func(d *driver) { d.s.receive(d.icmp(packet.Redirect, 0, 1000)) }, `1ms redirect 0/0 "Redirect Host"`},
			{2 * ms, func(d *driver) { d.s.receive(d.icmp(packet.SourceQuench, 0, 0)) }, `2ms redirect 0/0 "Source Quench: unknown code 1"`},
			{3 * ms, reply(0), "3ms reply 0/0 rtt=3ms"},
			{4 * ms, func(d *driver) { d.s.receive(d.icmp(packet.Redirect, 0, 1000)) }, ""},
			{6 * ms, nil, "6ms done 0"},
		}},
		{"nothing is told after the end", Config{Count: 1, Rate: 1000}, h[:2], []step{
			{0, nil, "0s sent 0/0"},
			{ms, nil, "1ms sent 1/0"},
			{2 * ms, nil, ""},
			{sec, nil, "1s timeout 0/0; 1s done 0"},
			{1000*ms + 1, both(reply(0), unreachable(0), func(d *driver) {
				p := d.echo(0)
				p.Data[20] ^= 1
				d.s.receive(p)
			}), ""},
			{1001 * ms, nil, "1.001s timeout 1/0; 1.001s done 1"},
		}},
		{"a stranger's reply", Config{Count: 1, Rate: 10}, []netip.Addr{h[0], zero, zero}, []step{
			{0, nil, "0s sent 0/0"},
			{ms, func(d *driver) { d.s.receive(d.packet(other4, packet.Echo{Reply: true, Seq: 7})) }, "1ms foreign 0/-1"},
			{2 * ms, reply(0), "2ms reply 0/0 rtt=2ms"},
			{5 * ms, nil, "5ms done 0"},
			// Of no target, as that is done.
			{6 * ms, func(d *driver) { d.s.receive(d.packet(other4, packet.Echo{Reply: true, Seq: 7})) }, "6ms foreign"},
			{100 * ms, nil, ""},
			{105 * ms, nil, ""},
			{110 * ms, nil, ""},
		}},
		{"no targets", Config{}, nil, []step{{0, nil, ""}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.cfg.Rate == 0 {
				tt.cfg.Rate = -1
			}
			d := newDriver(t, tt.cfg, list(tt.targets...))
			var wake time.Time
			for _, st := range tt.steps {
				d.text, d.late = nil, false
				if st.do == nil {
					d.step(st.at)
				} else {
					d.step(st.at, st.do)
				}
				if got := strings.Join(d.text, "; "); got != st.want {
					t.Errorf("at %v:\n got %s\nwant %s", st.at, got, st.want)
				}
				if !d.late && !wake.IsZero() && wake.Before(d.now) {
					t.Errorf("at %v: it wanted to run at %v", st.at, wake.Sub(t0))
				}
				wake = d.s.wake(d.now)
			}
			ends := tt.cfg.Count > 0 || tt.cfg.Until || len(tt.targets) == 0
			if got := d.s.finished(); got != ends {
				t.Errorf("finished = %t, want %t", got, ends)
			}
		})
	}
}
