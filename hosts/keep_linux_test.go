package hosts

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestDenied edits what an ordinary user may not.
func TestDenied(t *testing.T) {
	if os.Getuid() != 0 || os.Getenv("NETDIAG_LAB_USERNS") != "" {
		t.Skip("starting processes as another user needs root")
	}
	path := newFile(t, saveOld)
	dir := filepath.Dir(path)
	program := filepath.Join(dir, "hosts.test")
	exe, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(program, exe, 0o755), os.Chmod(dir, 0o755), os.Chmod(filepath.Dir(dir), 0o755)); err != nil {
		t.Fatal(err)
	}
	cmd := editCommand(t, editJob{Path: path, Add: []string{"added"}})
	cmd.Path = program
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if got := runEdit(t, cmd); !got.Denied || readFile(t, path) != saveOld {
		t.Errorf("%+v", got)
	}
}

// TestKeeps looks at what the new file has of the old one, beside its content.
func TestKeeps(t *testing.T) {
	path := newFile(t, saveOld)
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	owner := os.Chown(path, 65534, 65534) // where this process may
	attribute := unix.Setxattr(path, "user.netdiag", []byte("kept\x00"), 0)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	r, err := Edit(t.Context(), link, func(f *File) error { f.Remove("gone"); return nil })
	if err != nil || r.InPlace || r.Path != path || readFile(t, r.Backup) != saveOld || !bytes.Equal(r.New, []byte(readFile(t, path))) {
		t.Fatalf("%+v, %v", r, err)
	}
	if target, err := os.Readlink(link); err != nil || target != path {
		t.Errorf("the link leads to %q, %v", target, err)
	}
	for _, p := range []string{path, r.Backup} {
		info, err := os.Stat(p)
		if err != nil {
			t.Fatal(err)
		}
		s := info.Sys().(*syscall.Stat_t)
		if info.Mode() != 0o640 || owner == nil && (s.Uid != 65534 || s.Gid != 65534) {
			t.Errorf("%s: mode %s, owner %d:%d", p, info.Mode(), s.Uid, s.Gid)
		}
		b := make([]byte, 100)
		if n, err := unix.Getxattr(p, "user.netdiag", b); attribute == nil && (err != nil || string(b[:n]) != "kept\x00") {
			t.Errorf("%s: attribute %q, %v", p, b[:max(n, 0)], err)
		}
	}
	backups(t, path)
}
