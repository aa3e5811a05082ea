package probe

import (
	"context"
	"errors"
	"math"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netdiag/netdiag/internal/rawsock"
)

// TestConfigErrors names the field, before any socket is opened.
func TestConfigErrors(t *testing.T) {
	some := slices.Values(ports("192.0.2.1", 80))
	for _, c := range []struct {
		field string
		cfg   Config
	}{
		{"Targets", Config{}},
		{"Count", Config{Targets: some, Count: -1}},
		{"Timeout", Config{Targets: some, Timeout: -1}},
		{"Deadline", Config{Targets: some, Deadline: -1}},
		{"Until", Config{Targets: some, Until: UntilClosed + 1}},
		{"Rate", Config{Targets: some, Rate: -1}},
		{"Rate", Config{Targets: some, Rate: math.NaN()}},
		{"Concurrency", Config{Targets: some, Concurrency: -1}},
		{"TOS", Config{Targets: some, TOS: 256}},
		{"TOS", Config{Targets: some, TOS: -1}},
		{"TTL", Config{Targets: some, TTL: 256}},
		{"TTL", Config{Targets: some, TTL: -1}},
		{"Mark", Config{Targets: some, Mark: -1}},
		{"Talk", Config{Targets: some, UDP: true, Talk: &Talk{}}},
		{"Talk.Timeout", Config{Targets: some, Talk: &Talk{Timeout: -1}}},
		{"Payload", Config{Targets: some, Payload: Payload}},
	} {
		w := always(opens)
		for e, err := range run(t.Context(), c.cfg, w.system()) {
			if wrong, ok := errors.AsType[*ConfigError](err); !ok || wrong.Field != c.field || e.Target != nil || wrong.Why == "" {
				t.Errorf("%s: %v", c.field, err)
			}
		}
		if w.conn != nil {
			t.Errorf("%s: sockets were opened", c.field)
		}
	}
}

// TestBadTargets end the run with the reason, as what made them is at fault.
func TestBadTargets(t *testing.T) {
	addr := netip.MustParseAddr("192.0.2.1")
	for _, bad := range []*Target{
		{}, {Port: 80}, {Addrs: []netip.Addr{addr}}, {Addrs: []netip.Addr{addr, {}}, Port: 80},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := always(silent)
			h := w.run(t.Context(), Config{Targets: Targets(append(ports("192.0.2.1", 80), bad)...)})
			if wrong, ok := errors.AsType[*ConfigError](h.err); !ok || wrong.Field != "Targets" || !w.released {
				t.Errorf("%+v: %v", bad, h.err)
			}
		})
	}
}

// TestSockets asks of the sockets what the caller asked for.
func TestSockets(t *testing.T) {
	w := always(closes)
	source := netip.MustParseAddr("192.0.2.7")
	w.in(t, Config{Targets: slices.Values(ports("192.0.2.1", 80)), UDP: true, Interface: "eth0", Source: source, TTL: 5, TOS: 16, Mark: 7, Reset: true})
	want := rawsock.ConnectConfig{UDP: true, Interface: "eth0", Source: source, TTL: 5, TOS: 16, Mark: 7, Reset: true}
	if w.connect != want {
		t.Errorf("%+v, want %+v", w.connect, want)
	}
}

// TestNoSockets is an error that unwraps to the system's.
func TestNoSockets(t *testing.T) {
	sys := always(opens).system()
	refused := errors.New("refused")
	sys.connect = func(rawsock.ConnectConfig) (rawsock.Connector, error) { return nil, refused }
	n := 0
	for e, err := range run(context.Background(), Config{Targets: Targets()}, sys) {
		if n++; !errors.Is(err, refused) || err.Error() != "probe: refused" || e.Target != nil {
			t.Error(err)
		}
	}
	if n != 1 {
		t.Errorf("%d pairs", n)
	}
}

// TestFilled gives zeros their meaning.
func TestFilled(t *testing.T) {
	c := Config{}.filled()
	if c.Count != 1 || c.Interval != time.Second || c.Timeout != 3500*ms || c.Concurrency != 4096 || c.Payload == nil {
		t.Errorf("%+v", c)
	}
	if c := (Config{Until: UntilOpen, Interval: -1}).filled(); c.Count != 0 || c.Interval != 0 {
		t.Errorf("%+v", c)
	}
}

// TestClosing closes the first hundred connections in order and resets the others, or all where that is asked for.
func TestClosing(t *testing.T) {
	for _, reset := range []bool{false, true} {
		w := always(opens)
		w.in(t, Config{Targets: slices.Values(ports("192.0.2.1", upTo(150)...)), Reset: reset, NoMiddleboxes: true, Rate: 1000})
		if len(w.resets) != 150 {
			t.Fatalf("%d connections ended", len(w.resets))
		}
		for i, r := range w.resets {
			if want := reset || i >= 100; r != want {
				t.Errorf("connection %d ends with a reset: %t", i, r)
			}
		}
	}
}

// TestNothing ends at once.
func TestNothing(t *testing.T) {
	w := always(opens)
	if h := w.in(t, Config{Targets: Targets()}); len(h.events) > 0 || h.took > 0 {
		t.Errorf("%+v after %v", h.events, h.took)
	}
}
