// Command netdiag measures networks: round trips, paths, names, ports.
package main

import (
	"context"
	"io"
	"log"
	"os"
	"os/signal"
	"runtime/debug"
	"time"
)

func main() {
	collectRarely()
	log.SetOutput(io.Discard) // net/http logs what servers do wrong, and has no other way to be quiet
	os.Exit(start(commands()))
}

// collectRarely lets garbage grow further than usual before it is collected, unless the user's
// environment says how far: the program keeps little, so that costs some MiB, and a sweep is faster.
func collectRarely() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
}

// start runs the program with the given subcommands until it is done, and returns its exit
// status. A write to a closed standard output ends it by SIGPIPE, and quietly.
func start(table []command) int {
	ctx, stop := untilSignal(context.Background())
	defer stop()
	a := app{commands: table, in: os.Stdin, out: os.Stdout, errs: os.Stderr}
	return int(a.run(ctx, os.Args[1:]))
}

// sameSignal is how long after a first interrupt others are taken for the same: timeout(1), for one, sends
// its signal to the program and then to the program's group.
const sameSignal = 200 * time.Millisecond

// untilSignal returns a context that ends with the first interrupt, so that the measurement
// ends and prints its summary. A moment later the signals have their default action back: a second one
// ends the program at once.
func untilSignal(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, stopSignals()...)
	go func() {
		select {
		case <-signals:
		case <-ctx.Done():
		}
		cancel()
		<-time.After(sameSignal)
		signal.Stop(signals)
	}()
	return ctx, cancel
}

// run is netdiag with the given arguments and streams. It returns the exit status.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := app{commands: commands(), in: stdin, out: stdout, errs: stderr}
	return int(a.run(ctx, args))
}
