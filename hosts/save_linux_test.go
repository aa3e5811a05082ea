package hosts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/netdiag/netdiag/internal/lab"
	"golang.org/x/sys/unix"
)

// editJob is what an edit helper does.
type editJob struct {
	Path   string
	Add    []string // each by an edit of its own, at 192.0.2.7
	Remove string   // by an edit, if it is not empty
	Bind   bool     // the file is a mount point
	KillAt string   // the step before which it kills itself
	Limit  uint64   // bytes that it may write to a file from the step "checked" on; 0: any number
}

// edited is what an edit helper says in the end.
type edited struct {
	Result  Result
	Steps   []string
	Err     string
	Damaged bool
	Denied  bool
}

func editHelper() error {
	var j editJob
	if err := json.Unmarshal([]byte(os.Args[1]), &j); err != nil {
		return err
	}
	if j.Bind {
		if err := bind(map[string]string{j.Path: j.Path}); err != nil {
			return err
		}
	}
	signal.Ignore(unix.SIGXFSZ)
	var out edited
	e := editor{now: time.Now, step: func(name string) {
		out.Steps = append(out.Steps, name)
		if name == j.KillAt {
			_ = unix.Kill(os.Getpid(), unix.SIGKILL)
		}
		if name == "checked" && j.Limit > 0 {
			_ = unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: j.Limit, Max: unix.RLIM_INFINITY})
		}
	}}
	edit := func(change func(f *File) error) (err error) {
		e.change = change
		out.Result, err = e.edit(context.Background(), j.Path)
		return err
	}
	var errs []error
	for _, name := range j.Add {
		errs = append(errs, edit(func(f *File) error {
			_, err := f.Add(netip.MustParseAddr("192.0.2.7"), name)
			return err
		}))
	}
	if j.Remove != "" {
		errs = append(errs, edit(func(f *File) error { f.Remove(j.Remove); return nil }))
	}
	_ = unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY})
	if err := errors.Join(errs...); err != nil {
		_, out.Damaged = errors.AsType[*DamagedError](err)
		out.Denied = errors.Is(err, fs.ErrPermission)
		out.Err = err.Error()
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

// editCommand returns the command for an edit helper.
func editCommand(t testing.TB, j editJob) *exec.Cmd {
	t.Helper()
	arg, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	cmd := helper(t, "edit", string(arg))
	if j.Bind {
		private(cmd)
	}
	return cmd
}

// runEdit runs an edit helper to its end.
func runEdit(t testing.TB, cmd *exec.Cmd) edited {
	t.Helper()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("helper: %v: %s", err, out)
	}
	var e edited
	if err := json.Unmarshal(out, &e); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return e
}

const saveOld = "127.0.0.1\tlocalhost\n192.0.2.1 kept # comment\n192.0.2.2 going gone\n192.0.2.3 gone\n"

// newFile writes a hosts file into a folder of its own.
func newFile(t testing.TB, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func readFile(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// backups returns the names of the backups beside a file, and fails if there is anything else.
func backups(t testing.TB, path string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		switch {
		case e.Name() == "hosts":
		case strings.HasPrefix(e.Name(), "hosts.netdiag-2"):
			names = append(names, filepath.Join(filepath.Dir(path), e.Name()))
		default:
			t.Errorf("%s was left", e.Name())
		}
	}
	return names
}

// inLab makes the test's goroutine one that may start processes with mounts of their own.
func inLab(t *testing.T) { lab.Test(t, nil) }

// TestKilled kills an edit before every step, with a new file that is longer and one that is
// shorter: the file is always whole.
func TestKilled(t *testing.T) {
	inLab(t)
	for _, bound := range []bool{false, true} {
		for _, j := range []editJob{{Bind: bound, Add: []string{"added.example"}}, {Bind: bound, Remove: "gone"}} {
			j.Path = newFile(t, saveOld)
			whole := runEdit(t, editCommand(t, j))
			if whole.Err != "" || whole.Result.InPlace != bound || len(whole.Steps) < 10 {
				t.Fatalf("%+v: %+v", j, whole)
			}
			for _, step := range whole.Steps {
				j.Path, j.KillAt = newFile(t, saveOld), step
				checkKilled(t, j, string(whole.Result.New))
			}
		}
	}
}

// checkKilled runs an edit that kills itself, looks at what it leaves, and edits again.
func checkKilled(t *testing.T, j editJob, want string) {
	t.Helper()
	err := editCommand(t, j).Run()
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("%+v: %v, want it killed", j, err)
	}
	got := readFile(t, j.Path)
	old, changed := got == saveOld, got == want
	if j.KillAt == "overwritten" {
		// Until it is cut, a file that was longer has empty lines at its end.
		changed = strings.TrimRight(got, "\n") == strings.TrimRight(want, "\n") && len(got) >= len(want)
	}
	late := slices.Contains([]string{"renamed", "overwritten", "cut"}, j.KillAt)
	if late && !changed || !late && !old {
		t.Errorf("killed before the step after %q, bound %t:\n%q\nlate %t", j.KillAt, j.Bind, got, late)
	}
	if names, _ := filepath.Glob(j.Path + ".netdiag-*"); len(names) > 0 {
		if b := readFile(t, names[0]); b != saveOld {
			t.Errorf("killed at %q: backup %q", j.KillAt, b)
		}
	} else if late {
		t.Errorf("killed at %q: no backup", j.KillAt)
	}
	step := j.KillAt
	j.KillAt = ""
	again := runEdit(t, editCommand(t, j))
	if got := strings.TrimRight(readFile(t, j.Path), "\n"); again.Err != "" || got != strings.TrimRight(want, "\n") {
		t.Errorf("after a kill at %q: %s, %q", step, again.Err, got)
	}
	backups(t, j.Path)
}

// loopHelper edits a file until it is killed: a name goes in and out again.
func loopHelper() error {
	for {
		for _, change := range []func(f *File) error{
			func(f *File) error { _, err := f.Add(netip.MustParseAddr("192.0.2.7"), "added"); return err },
			func(f *File) error { f.Remove("added"); return nil },
		} {
			r, err := Edit(context.Background(), os.Args[1], change)
			if err != nil {
				return err
			}
			if !r.Changed {
				continue // the one before was killed after that
			}
			if err := os.Remove(r.Backup); err != nil {
				return err
			}
			fmt.Print(".")
		}
	}
}

// TestKilledAnywhere kills edits without looking what they do.
func TestKilledAnywhere(t *testing.T) {
	old := thousand("10.0.0.1 ", "\n10.0.0.2 ")
	path := newFile(t, old)
	r := rand.New(rand.NewPCG(1, 1))
	for range 20 {
		cmd := helper(t, "loop", path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := out.Read(make([]byte, 1+r.IntN(5))); err != nil {
			t.Error(err)
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		_ = cmd.Wait()
		if got := readFile(t, path); got != old && got != old+"192.0.2.7\tadded\n" {
			t.Fatalf("%d bytes, not %d: %q", len(got), len(old), got[max(0, len(got)-100):])
		}
	}
}

// TestEditors lets processes and goroutines add names at once: all are there.
func TestEditors(t *testing.T) {
	path := newFile(t, "127.0.0.1 localhost")
	var want []string
	commands := make([]*exec.Cmd, 6)
	for i := range commands {
		j := editJob{Path: path}
		for n := range 5 {
			j.Add = append(j.Add, fmt.Sprintf("process%d-%d", i, n))
		}
		want = append(want, j.Add...)
		commands[i] = editCommand(t, j)
		if err := commands[i].Start(); err != nil {
			t.Fatal(err)
		}
	}
	errs := make(chan error)
	for i := range 4 {
		name := fmt.Sprint("goroutine", i)
		want = append(want, name)
		go func() {
			_, err := Edit(t.Context(), path, func(f *File) error {
				_, err := f.Add(netip.MustParseAddr("192.0.2.8"), name)
				return err
			})
			errs <- err
		}()
	}
	for range 4 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	for _, c := range commands {
		if err := c.Wait(); err != nil {
			t.Error(err)
		}
	}
	f, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range want {
		if len(f.Lookup(Glibc(true), name, Any)) != 1 {
			t.Errorf("%s is not there", name)
		}
	}
	if n := len(backups(t, path)); n != len(want) {
		t.Errorf("%d backups, want %d", n, len(want))
	}
}

// TestBindMount shows the way in place, and what happens when it goes wrong.
func TestBindMount(t *testing.T) {
	inLab(t)
	j := editJob{Path: newFile(t, saveOld), Bind: true, Add: []string{"added.example"}}
	before, err := os.Stat(j.Path)
	if err != nil {
		t.Fatal(err)
	}
	got := runEdit(t, editCommand(t, j))
	after, err := os.Stat(j.Path)
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("it is another file: %v", err)
	}
	want := saveOld + "192.0.2.7\tadded.example\n"
	if !got.Result.InPlace || got.Err != "" || readFile(t, j.Path) != want || readFile(t, got.Result.Backup) != saveOld {
		t.Errorf("%+v: %q", got, readFile(t, j.Path))
	}

	j.Path, j.Limit = newFile(t, saveOld), uint64(len(saveOld)+10)
	if got := runEdit(t, editCommand(t, j)); got.Err == "" || got.Damaged || readFile(t, j.Path) != saveOld || len(backups(t, j.Path)) != 0 {
		t.Errorf("no room for more: %+v, %q", got, readFile(t, j.Path))
	}
	j.Path, j.Limit = newFile(t, saveOld), 10
	got = runEdit(t, editCommand(t, j))
	names := backups(t, j.Path)
	if !got.Damaged || len(names) != 1 || readFile(t, names[0]) != saveOld {
		t.Errorf("no room for anything: %+v, backups %q", got, names)
	}
}
