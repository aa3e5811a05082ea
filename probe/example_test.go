package probe_test

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/netdiag/netdiag/probe"
)

// One port, once. It needs a network, so it is not run as a test.
func Example() {
	target := &probe.Target{Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.1")}, Port: 7777}
	for event, err := range probe.Run(context.Background(), probe.Config{Targets: probe.Targets(target)}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		if event.Kind == probe.Result {
			fmt.Println(event.Addr, event.State, event.RTT, event.Reason())
		}
	}
}

// Every port of a host, made as they are needed, with those that are open told as they are found.
func Example_scan() {
	addrs := []netip.Addr{netip.MustParseAddr("192.0.2.1")}
	every := func(yield func(*probe.Target) bool) {
		for port := range 65535 {
			if !yield(&probe.Target{Addrs: addrs, Port: uint16(port + 1)}) {
				return
			}
		}
	}
	var stats probe.Stats
	for event, err := range probe.Run(context.Background(), probe.Config{Targets: every, Reset: true}) {
		switch {
		case err != nil:
			fmt.Println(err)
			return
		case event.Kind == probe.Middlebox, event.Kind == probe.Narrowed:
			fmt.Println(event.Addr, event.Reason())
		case event.State == probe.Open:
			fmt.Println(event.Addr)
		}
		stats.Add(event)
	}
	fmt.Println(stats.Open, "of", stats.Sent, "are open")
}

// Wait until a server is there, for half a minute at most.
func ExampleRun_wait() {
	config := probe.Config{
		Targets:  probe.Targets(&probe.Target{Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.1")}, Port: 5432}),
		Until:    probe.UntilOpen,
		Interval: 200 * time.Millisecond,
		Deadline: 30 * time.Second,
	}
	for event, err := range probe.Run(context.Background(), config) {
		if err == nil && event.Kind == probe.Result && event.State == probe.Open {
			fmt.Println("it is there")
		}
	}
}
