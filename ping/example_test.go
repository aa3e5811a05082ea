package ping_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/netdiag/netdiag/ping"
)

// One host, four times. Needs permission to ping, so it is not run as a test.
func Example() {
	addr := netip.MustParseAddr("192.0.2.1")
	var stats ping.Stats
	for event, err := range ping.Run(context.Background(), ping.Config{Targets: ping.Addrs(addr), Count: 4}) {
		switch {
		case errors.Is(err, os.ErrPermission):
			fmt.Println("may not ping:", err) // says what would help
			return
		case err != nil:
			fmt.Println(err)
			return
		}
		stats.Add(event)
		switch event.Kind {
		case ping.Reply:
			fmt.Println("reply from", event.From, "after", event.RTT)
		case ping.Timeout:
			fmt.Println("no reply to probe", event.Seq)
		case ping.ICMPError:
			fmt.Println(event.From, "says:", event.Message)
		}
	}
	if loss, ok := stats.Loss(); ok {
		fmt.Printf("%.1f%% lost, mean %v\n", loss, stats.RTT().Mean)
	}
}

// Which hosts of a network are there: one probe to each and two more to those that are silent, a
// thousand a second.
func Example_sweep() {
	network := netip.MustParsePrefix("192.0.2.0/24")
	cfg := ping.Config{
		Targets: func(yield func(netip.Addr) bool) {
			for a := network.Addr(); network.Contains(a) && yield(a); a = a.Next() {
			}
		},
		Count:    3,
		Interval: 500 * time.Millisecond,
		Timeout:  500 * time.Millisecond,
		Until:    true,
	}
	for event, err := range ping.Run(context.Background(), cfg) {
		if err != nil {
			fmt.Println(err)
			return
		}
		if event.Kind == ping.Reply {
			fmt.Println(event.Target, "is alive")
		}
	}
}

// A summary of events that came from anywhere.
func ExampleStats() {
	addr := netip.MustParseAddr("192.0.2.1")
	var stats ping.Stats
	for _, event := range []ping.Event{
		{Kind: ping.Sent, Target: addr, Seq: 0},
		{Kind: ping.Reply, Target: addr, Seq: 0, RTT: 10 * time.Millisecond},
		{Kind: ping.Sent, Target: addr, Seq: 1},
		{Kind: ping.Timeout, Target: addr, Seq: 1},
		{Kind: ping.Sent, Target: addr, Seq: 2},
		{Kind: ping.Reply, Target: addr, Seq: 2, RTT: 14 * time.Millisecond},
		{Kind: ping.Sent, Target: addr, Seq: 3},
	} {
		stats.Add(event)
	}
	loss, _ := stats.Loss()
	jitter, _ := stats.Jitter()
	fmt.Printf("%d sent, %d received, %d in flight, %.0f%% lost\n", stats.Sent, stats.Received, stats.InFlight(), loss)
	fmt.Println("mean", stats.RTT().Mean, "jitter", jitter)
	// Output:
	// 4 sent, 2 received, 1 in flight, 33% lost
	// mean 12ms jitter 4ms
}
