package main

import (
	"bytes"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// testTable is the program's table with the sample in front.
func testTable() []command { return append([]command{sampleCommand()}, commands()...) }

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"netdiag": func() { os.Exit(start(testTable())) }})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script"})
}

// do runs the program with the sample in its table.
func do(t *testing.T, stdin string, args ...string) (st status, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	a := app{commands: testTable(), in: strings.NewReader(stdin), out: &out, errs: &errs}
	st = a.run(t.Context(), args)
	return st, out.String(), errs.String()
}

func TestRun(t *testing.T) {
	var out, errs bytes.Buffer
	if st := run(t.Context(), []string{"--version"}, nil, &out, &errs); st != 0 || !strings.HasPrefix(out.String(), "netdiag ") || errs.Len() != 0 {
		t.Errorf("--version: %d, %q, %q", st, out.String(), errs.String())
	}
}

// TestNamesOfCommandsAndFlagsAsTargets has operands that cli might take for something else.
func TestNamesOfCommandsAndFlagsAsTargets(t *testing.T) {
	for _, name := range []string{"help", "h", "count", "c", "sample", "json", "version"} {
		st, out, errs := do(t, "", "sample", "-c", "3", name, "-q", "b")
		if want := name + " invalid IP\nb invalid IP\n"; st != yes || !strings.HasSuffix(out, want) || !strings.HasPrefix(out, "count=3 ") {
			t.Errorf("target %s: status %d, %q, %q", name, st, out, errs)
		}
	}
}

func TestFlagsBeforeTheCommand(t *testing.T) {
	st, out, errs := do(t, "", "--json", "-v4", "--color", "never", "sample", "--color=always", "a")
	if want := "family=4 json=true color=always verbose=true"; st != yes || !strings.Contains(out, want) {
		t.Errorf("status %d, %q, %q", st, out, errs)
	}
}

// broken is standard output whose reader has gone.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, syscall.EPIPE }

func TestClosedPipe(t *testing.T) {
	if !closedPipe(syscall.EPIPE) {
		t.Skip("another error on this system")
	}
	var errs bytes.Buffer
	for _, args := range [][]string{{"sample", "a"}, {"--version"}, {"help"}, {"sample", "--help"}} {
		a := app{commands: testTable(), out: broken{}, errs: &errs}
		if st := a.run(t.Context(), args); st != unable || errs.Len() > 0 {
			t.Errorf("%v: status %d and %q on standard error", args, st, errs.String())
		}
	}
}
