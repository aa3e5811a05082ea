// Command netdiag measures networks: round trips, paths, names, ports.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
)

func main() {
	os.Exit(start(commands()))
}

// start runs the program with the given subcommands until it is done, and returns its exit
// status. The first interrupt ends the measurement, which still prints its summary; by then the
// signals have their default action back, and a second one ends the program at once. A write
// to a closed standard output ends it too, by SIGPIPE, and quietly.
func start(table []command) int {
	ctx, stop := signal.NotifyContext(context.Background(), stopSignals()...)
	defer stop()
	context.AfterFunc(ctx, stop)
	a := app{commands: table, in: os.Stdin, out: os.Stdout, errs: os.Stderr}
	return int(a.run(ctx, os.Args[1:]))
}

// run is netdiag with the given arguments and streams. It returns the exit status.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := app{commands: commands(), in: stdin, out: stdout, errs: stderr}
	return int(a.run(ctx, args))
}
