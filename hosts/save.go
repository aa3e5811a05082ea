package hosts

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// ErrChanged is the error of Edit when something that knows nothing of its lock kept changing the file.
var ErrChanged = errors.New("the file changed while it was edited")

// ErrNotRegular is the error of Edit for what is no regular file.
var ErrNotRegular = errors.New("not a regular file")

// ErrNotSafe is the error of Edit when the file is changed, but may be the old one again after a power cut.
// The Result is there, too.
var ErrNotSafe = errors.New("the file is changed, but its folder may not be safe on the disk yet")

// DamagedError is the error of Edit when a file that could only be written in place was written in part,
// and could not be put back. The backup has what it was.
type DamagedError struct {
	Path   string
	Backup string
	Err    error
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("hosts: %s is damaged, its backup is %s: %v", e.Path, e.Backup, e.Err)
}

// Unwrap returns e.Err.
func (e *DamagedError) Unwrap() error { return e.Err }

// Result is what Edit did.
type Result struct {
	Path    string // the file itself, where the path led by symbolic links
	Old     []byte // what it was
	New     []byte // what it is
	Changed bool   // whether anything was written
	Backup  string // the file that has Old; "" without a change
	InPlace bool   // it could not be replaced by another file, and was overwritten
}

// Edit changes the hosts file at path. It passes what the file has to change, and saves what change makes
// of it unless that returns an error or leaves every byte as it was.
//
// While it works Edit holds a lock, the file .NAME.netdiag-lock beside NAME, so that of several edits by this
// package each sees what the one before has written; it waits for the lock until ctx ends. If
// another program changes the file meanwhile, change is called again with what the file has then.
//
// The old content goes to the backup NAME.netdiag-TIME (UTC) beside the file. The new content is written to
// another file in the same folder, with the mode, the owner and the extended attributes of the old one, and then
// takes its place at once. Where it may not, as with a file that is bind-mounted into a container, the file
// is overwritten in place after the backup is safe on the disk, and read again.
//
// The error is that of change, ctx.Err(), one that satisfies errors.Is with fs.ErrPermission,
// fs.ErrNotExist, ErrNotRegular or ErrChanged, a *DamagedError, or what else a file system has to say.
// But for a *DamagedError and ErrNotSafe the file is then as it was.
func Edit(ctx context.Context, path string, change func(*File) error) (Result, error) {
	e := editor{change: change, now: time.Now, step: func(string) {}}
	return e.edit(ctx, path)
}

// editor is one Edit.
type editor struct {
	change func(*File) error
	now    func() time.Time
	step   func(name string) // called between any two changes to the file system

	path string // the file itself
	old  []byte
	new  []byte
	like *os.File    // the file that is there
	info fs.FileInfo // of it
}

// mostTries is how often an edit starts again because another program changed the file.
const mostTries = 5

func (e *editor) edit(ctx context.Context, path string) (Result, error) {
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return Result{}, fmt.Errorf("hosts: %w", err)
	}
	e.path = target
	release, err := acquire(ctx, e.beside("lock"))
	if err != nil {
		return Result{}, fmt.Errorf("hosts: locking %s: %w", target, err)
	}
	defer release()
	e.step("locked")
	for range mostTries {
		if err := ctx.Err(); err != nil {
			return Result{}, err
		}
		r, err := e.try()
		if !errors.Is(err, ErrChanged) {
			return r, err
		}
	}
	return Result{}, fmt.Errorf("hosts: %s: %w", target, ErrChanged)
}

// beside returns the name of a hidden file of ours in the same folder.
func (e *editor) beside(what string) string {
	return filepath.Join(filepath.Dir(e.path), "."+filepath.Base(e.path)+".netdiag-"+what)
}

// try edits the file as it is now. It returns ErrChanged if that was not so to the end.
func (e *editor) try() (Result, error) {
	if err := e.read(); err != nil {
		return Result{}, fmt.Errorf("hosts: %w", err)
	}
	defer e.like.Close()
	f := Parse(e.old)
	if err := e.change(f); err != nil {
		return Result{}, err
	}
	e.new = f.data
	r := Result{Path: e.path, Old: e.old, New: e.new}
	if bytes.Equal(e.old, e.new) {
		return r, nil
	}
	r.Changed = true
	var err error
	if r.Backup, err = e.backup(); err != nil {
		return Result{}, fmt.Errorf("hosts: backup: %w", err)
	}
	r.InPlace, err = e.replace(r.Backup)
	if err == nil || errors.Is(err, ErrNotSafe) {
		return r, err
	}
	if _, damaged := errors.AsType[*DamagedError](err); damaged {
		return Result{}, err
	}
	// The file is as it was: a backup would only be in the way.
	return Result{}, errors.Join(fmt.Errorf("hosts: %w", err), os.Remove(r.Backup))
}

// read opens and reads the file.
func (e *editor) read() error {
	// Opening something else, such as a pipe, might take forever.
	if info, err := os.Stat(e.path); err != nil {
		return err
	} else if !info.Mode().IsRegular() {
		return fmt.Errorf("%s: %w", e.path, ErrNotRegular)
	}
	f, err := os.Open(e.path)
	if err != nil {
		return err
	}
	info, statErr := f.Stat()
	old, readErr := io.ReadAll(f)
	if err := errors.Join(statErr, readErr); err != nil {
		return errors.Join(err, f.Close())
	}
	e.like, e.info, e.old = f, info, old
	return nil
}

// backup writes what was read to a file of its own, and returns its name.
func (e *editor) backup() (string, error) {
	temp, err := e.write(e.old, "backup")
	if errors.Is(err, errAttributes) {
		err = nil // it is the content that is wanted back, and nobody may read more than before
	}
	if err != nil {
		return "", err
	}
	base := e.path + ".netdiag-" + e.now().UTC().Format("20060102T150405Z")
	name := base
	for n := 2; ; n++ {
		if _, err := os.Lstat(name); errors.Is(err, fs.ErrNotExist) {
			break
		}
		name = fmt.Sprintf("%s-%d", base, n)
	}
	if err := errors.Join(os.Chtimes(temp, time.Time{}, e.info.ModTime()), os.Rename(temp, name)); err != nil {
		return "", errors.Join(err, os.Remove(temp))
	}
	e.step("backup named")
	return name, syncFolder(e.path)
}

// errAttributes says that a file could not be given the owner, mode and attributes of another.
var errAttributes = errors.New("owner, mode or extended attributes cannot be kept")

// write writes b to a temporary file like the one that was read, as safe on the disk as that
// gets, and returns its name. With errAttributes the file is there.
func (e *editor) write(b []byte, what string) (temp string, err error) {
	temp = e.beside("tmp")
	// We have the lock: what is there was left by an edit that was killed.
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	e.step(what + " created")
	attributes := keepAttributes(f, e.like, e.info)
	half := len(b) / 2
	_, err = f.Write(b[:half])
	e.step(what + " half written")
	if err == nil {
		_, err = f.Write(b[half:])
	}
	e.step(what + " written")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(temp))
	}
	e.step(what + " safe")
	if attributes != nil {
		return temp, fmt.Errorf("%w: %w", errAttributes, attributes)
	}
	return temp, nil
}
