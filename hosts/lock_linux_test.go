package hosts

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestOneHolder has many want the lock all the time: none has it while another does, although its file goes and
// another comes.
func TestOneHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	once, cancel := context.WithCancel(t.Context()) // acquire tries once then
	cancel()
	var holders atomic.Int32
	var wanting sync.WaitGroup
	for range 4 {
		wanting.Go(func() {
			for range 10000 {
				release, err := acquire(once, path)
				if err != nil {
					if !errors.Is(err, context.Canceled) {
						t.Error(err)
					}
					continue
				}
				if n := holders.Add(1); n != 1 {
					t.Errorf("%d have the lock", n)
				}
				holders.Add(-1)
				release()
			}
		})
	}
	wanting.Wait()
}

// TestNotTheOwner edits a file of somebody else's in a folder of its own: nobody may read more of the backup than before.
func TestNotTheOwner(t *testing.T) {
	if os.Getuid() != 0 || os.Getenv("NETDIAG_LAB_USERNS") != "" {
		t.Skip("starting processes as another user needs root")
	}
	path := newFile(t, saveOld)
	dir := filepath.Dir(path)
	programs := filepath.Join(dir, "..", "programs")
	program := filepath.Join(programs, "hosts.test")
	exe, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Mkdir(programs, 0o755), os.WriteFile(program, exe, 0o755), os.Chmod(path, 0o666), os.Chmod(dir, 0o755),
		os.Chmod(filepath.Dir(dir), 0o755), os.Chown(dir, 65534, 65534)); err != nil {
		t.Fatal(err)
	}
	cmd := editCommand(t, editJob{Path: path, Add: []string{"added.example"}})
	cmd.Path = program
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	got := runEdit(t, cmd)
	if want := saveOld + "192.0.2.7\tadded.example\n"; got.Err != "" || !got.Result.InPlace || readFile(t, path) != want {
		t.Fatalf("%+v: %q", got, readFile(t, path))
	}
	for p, want := range map[string]uint32{path: 0o666, got.Result.Backup: 0o600} {
		var s unix.Stat_t
		if err := unix.Stat(p, &s); err != nil || s.Mode&0o7777 != want {
			t.Errorf("%s: mode %o, %v, want %o", p, s.Mode, err, want)
		}
	}
}
