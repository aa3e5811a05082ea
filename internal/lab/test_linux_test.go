package lab

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// fakeTB is a TB that remembers how its test ended.
type fakeTB struct {
	outcome  string // "skip: ..." or "fatal: ..."
	cleanups []func()
}

func (*fakeTB) Helper()             {}
func (*fakeTB) Name() string        { return "TestFake" }
func (*fakeTB) Logf(string, ...any) {}
func (f *fakeTB) Skipf(format string, args ...any) {
	f.outcome = "skip: " + fmt.Sprintf(format, args...)
}
func (f *fakeTB) Fatalf(format string, args ...any) {
	f.outcome = "fatal: " + fmt.Sprintf(format, args...)
}
func (f *fakeTB) Cleanup(c func()) { f.cleanups = append(f.cleanups, c) }

// withoutPrivilege calls f on a thread that has no capability in effect.
func withoutPrivilege(t *testing.T, f func()) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var had [2]unix.CapUserData
	if err := unix.Capget(&header, &had[0]); err != nil {
		t.Fatal(err)
	}
	none := had
	none[0].Effective, none[1].Effective = 0, 0
	if err := unix.Capset(&header, &none[0]); err != nil {
		t.Fatal(err)
	}
	f()
	if err := unix.Capset(&header, &had[0]); err != nil {
		runtime.LockOSThread() // the thread must not run anything else
		t.Fatal(err)
	}
}

// TestVerdict says what becomes of a test without its lab.
func TestVerdict(t *testing.T) {
	tests := []struct {
		name       string
		env        string
		cfg        Config
		privileged bool // needed to come so far
		want       []string
	}{
		{"no privilege", "", Config{}, false, []string{"skip: no lab for TestFake", "creating a network namespace", "run as root"}},
		{"required", "require", Config{}, false, []string{"fatal: no lab for TestFake", "run as root"}},
		{"other value", "1", Config{}, false, []string{"skip: "}},
		{"broken", "", Config{Sysctls: map[string]string{"net.ipv4.nothing": "1"}}, true, []string{"fatal: ", "net.ipv4.nothing"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.privileged {
				Test(t, nil) // skips this test where it must
			}
			t.Setenv(requireEnv, tt.env)
			var tb fakeTB
			try := func() {
				if l := TestConfig(&tb, tt.cfg); l != nil {
					t.Errorf("a lab")
				}
				if strings.Contains(tb.outcome, "leaving") {
					t.Errorf("the goroutine did not get back: %s", tb.outcome)
				}
			}
			if tt.privileged {
				try()
			} else {
				withoutPrivilege(t, try)
			}
			for _, want := range tt.want {
				if !strings.Contains(tb.outcome, want) {
					t.Errorf("outcome %q, want %q in it", tb.outcome, want)
				}
			}
			if len(tb.cleanups) > 0 {
				t.Error("a cleanup for no lab")
			}
		})
	}
}
