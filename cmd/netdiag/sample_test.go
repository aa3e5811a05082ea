package main

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/netdiag/netdiag/internal/render"
)

// sampleCommand is a command with a flag of each kind, which prints what it was given. It
// stands for all others in the tests of the command line.
func sampleCommand() command {
	o := sampleOptions{interval: time.Second, size: 56}
	return command{
		name:     "sample",
		summary:  "print how it was called",
		operands: "HOST...",
		about:    "Shows what a command is made of.",
		examples: []example{{"netdiag sample -c 3 example.com", "three times"}, {"netdiag sample 192.0.2.0/30", "a network"}},
		also:     []string{"specimen"},
		flags: append(group("Sampling",
			integer(&o.count, "c,count", "stop after `N`", 1, math.MaxInt64),
			duration(&o.interval, "i,interval", "wait `SECONDS` between them", time.Millisecond, time.Hour),
			integer(&o.size, "s,size", "`BYTES` each", 0, 65507),
			boolean(&o.quiet, "q,quiet", "only the summary"),
		), group("Ends",
			number(&o.loss, "max-loss", "fail above `PERCENT` of loss", 0, 100),
			text(&o.device, "I,interface", "use interface or address `NAME`"),
			boolean(&o.wait, "wait", "wait for an interrupt"),
			boolean(&o.again, "again", "and for a second one"),
			text(&o.file, "file", "targets from `FILE`, - is standard input"),
		)...),
		run: o.run,
	}
}

type sampleOptions struct {
	count              int64
	interval           time.Duration
	size               int
	quiet, wait, again bool
	loss               float64
	device, file       string
}

func (o *sampleOptions) run(ctx context.Context, c *call) (status, error) {
	w := render.NewWriter(c.out)
	list, err := newTargetList(c.args, o.file, c.in)
	if err != nil {
		return unable, inCommand("sample", err)
	}
	w.Printf("count=%d interval=%v size=%d quiet=%t loss=%v device=%q family=%d json=%t color=%s verbose=%t set=%t\n",
		o.count, o.interval, o.size, o.quiet, o.loss, o.device, c.family(), c.json, c.color.String(), c.verbose, c.isSet("interval"))
	st := yes
	for t, err := range list.all() {
		if err != nil {
			c.fail(err)
			st = unable
			continue
		}
		if err := w.Printf("%s %v\n", t.Text, t.Addr); err != nil {
			return st, err
		}
	}
	if o.wait {
		fmt.Fprintln(c.out, "waiting")
		<-ctx.Done()
		w.Printf("interrupted\n")
		st = no
	}
	if err := w.Flush(); o.again {
		<-time.After(time.Hour)
		return st, err
	}
	return st, w.Flush()
}
