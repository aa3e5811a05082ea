package hosts

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

const noFollow = 0

// tryLock locks a file for this process, if no other has it locked.
func tryLock(f *os.File) (bool, error) {
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, new(windows.Overlapped))
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return false, nil
	}
	return err == nil, os.NewSyscallError("LockFileEx", err)
}

// renameRefused reports whether err says that another file cannot take the place of this one, which may still be
// written: a program has it open.
func renameRefused(err error) bool {
	return errors.Is(err, windows.ERROR_SHARING_VIOLATION) || errors.Is(err, windows.ERROR_ACCESS_DENIED)
}

// syncFolder does nothing: folders cannot be synced here.
func syncFolder(string) error { return nil }

// keepAttributes gives f the read-only bit of the file like. Its access control list comes from the folder.
func keepAttributes(f, _ *os.File, info fs.FileInfo) error { return f.Chmod(info.Mode()) }
