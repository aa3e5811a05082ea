package lab

import (
	"errors"
	"os"

	"github.com/netdiag/netdiag/internal/netsim"
)

// requireEnv names the environment variable that, set to "require", makes a test that
// cannot have its lab fail rather than skip.
const requireEnv = "NETDIAG_LAB"

// TB is what Test needs of a testing.TB.
type TB interface {
	Helper()
	Name() string
	Logf(format string, args ...any)
	Skipf(format string, args ...any)
	Fatalf(format string, args ...any)
	Cleanup(f func())
}

// Test gives the test t a lab with a TUN device into n, or without one if n is nil, and
// closes it when the test ends. It must be called on the test's own goroutine, which is in
// the lab from there on.
//
// Where this process may not make a lab (PermissionError, or no Linux) the test is
// skipped with the reason and the remedy, unless the environment has
// NETDIAG_LAB=require: then, as for every other error, it fails.
func Test(t TB, n *netsim.Network) *Lab {
	t.Helper()
	return TestConfig(t, Config{Network: n})
}

// TestConfig is Test with a whole Config.
func TestConfig(t TB, cfg Config) *Lab {
	t.Helper()
	l, err := Open(cfg)
	switch {
	case err == nil:
	case missing(err) && os.Getenv(requireEnv) != "require":
		t.Skipf("no lab for %s: %v", t.Name(), err)
		return nil
	default:
		t.Fatalf("no lab for %s: %v", t.Name(), err)
		return nil
	}
	t.Cleanup(func() {
		t.Helper()
		if err := l.Close(); err != nil {
			t.Fatalf("closing the lab: %v", err)
		}
		if s := l.Stats(); s.Overflowed > 0 || s.Refused > 0 {
			t.Logf("lab: %d packets overflowed the TUN device's queue, %d were refused by it", s.Overflowed, s.Refused)
		}
	})
	return l
}

// missing reports whether err says that labs are not to be had here, rather than that one broke.
func missing(err error) bool {
	if errors.Is(err, errors.ErrUnsupported) {
		return true
	}
	_, denied := errors.AsType[*PermissionError](err)
	return denied
}
