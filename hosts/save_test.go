package hosts

import (
	"context"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

var testAddr = netip.MustParseAddr("192.0.2.7")

func tempHosts(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func files(t *testing.T, path string) int {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// TestEditNothing makes no change, or none that is wanted: nothing is written.
func TestEditNothing(t *testing.T) {
	path := tempHosts(t, "192.0.2.7 a\n")
	r, err := Edit(t.Context(), path, func(f *File) error { _, err := f.Add(testAddr, "A"); return err })
	if err != nil || r.Changed || r.Backup != "" || string(r.New) != "192.0.2.7 a\n" {
		t.Errorf("no change: %+v, %v", r, err)
	}
	_, err = Edit(t.Context(), path, func(f *File) error { f.Remove("a"); return errors.ErrUnsupported })
	if err != errors.ErrUnsupported {
		t.Errorf("error of change: %v", err)
	}
	if n := files(t, path); n != 1 {
		t.Errorf("%d files", n)
	}
}

// TestEditWhat edits what is no hosts file.
func TestEditWhat(t *testing.T) {
	never := func(*File) error { t.Error("change was called"); return nil }
	dir := t.TempDir()
	if _, err := Edit(t.Context(), filepath.Join(dir, "missing"), never); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	if _, err := Edit(t.Context(), dir, never); !errors.Is(err, ErrNotRegular) {
		t.Errorf("folder: %v", err)
	}
	if _, err := Load(filepath.Join(dir, "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Load: %v", err)
	}
}

// TestEditMeanwhile has another program change the file, once and always.
func TestEditMeanwhile(t *testing.T) {
	path := tempHosts(t, "192.0.2.1 a\n")
	calls := 0
	change := func(most int) func(*File) error {
		return func(f *File) error {
			if calls++; calls <= most {
				other := append(f.Bytes(), "192.0.2.2 other\n"...)
				if err := os.WriteFile(path, other, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			_, err := f.Add(testAddr, "added")
			return err
		}
	}
	r, err := Edit(t.Context(), path, change(1))
	if want := "192.0.2.1 a\n192.0.2.2 other\n192.0.2.7\tadded\n"; err != nil || string(r.New) != want || calls != 2 || files(t, path) != 2 {
		t.Errorf("once: %+v, %v, %d calls, %d files", r, err, calls, files(t, path))
	}
	path = tempHosts(t, "192.0.2.1 a\n")
	calls = 0
	if _, err := Edit(t.Context(), path, change(100)); !errors.Is(err, ErrChanged) || files(t, path) != 1 {
		t.Errorf("always: %v, %d files", err, files(t, path))
	}
}

// TestEditWaits holds the lock until the context ends.
func TestEditWaits(t *testing.T) {
	path := tempHosts(t, "")
	e := editor{path: path}
	release, err := acquire(t.Context(), e.beside("lock"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := Edit(ctx, path, func(*File) error { t.Error("it has the lock"); return nil })
		done <- err
	}()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want it canceled", err)
	}
	release()
	if _, err := Edit(t.Context(), path, func(f *File) error { _, err := f.Add(testAddr, "a"); return err }); err != nil {
		t.Error(err)
	}
}

// TestBackupNames makes several backups in the same second.
func TestBackupNames(t *testing.T) {
	path := tempHosts(t, "")
	now := time.Date(2026, 11, 22, 18, 0, 1, 0, time.FixedZone("", 3600))
	for _, want := range []string{"20261122T170001Z", "20261122T170001Z-2", "20261122T170001Z-3"} {
		e := editor{
			now: func() time.Time { return now }, step: func(string) {},
			change: func(f *File) error { _, err := f.Add(testAddr, "n"+want); return err },
		}
		if r, err := e.edit(t.Context(), path); err != nil || filepath.Base(r.Backup) != "hosts.netdiag-"+want {
			t.Errorf("%s, %v, want %s", r.Backup, err, want)
		}
	}
	if n := files(t, path); n != 4 && runtime.GOOS != "windows" {
		t.Errorf("%d files", n)
	}
}
