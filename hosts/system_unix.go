//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package hosts

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// noFollow refuses to open a symbolic link that somebody has put where the lock should be.
const noFollow = unix.O_NOFOLLOW

// tryLock locks a file for this process, if no other has it locked.
func tryLock(f *os.File) (bool, error) {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, unix.EINTR) {
		return false, nil
	}
	return err == nil, os.NewSyscallError("flock", err)
}

// renameRefused reports whether err says that another file cannot take the place of this one, which may still be
// written: it is a mount point, or the folder belongs to somebody else and is sticky.
func renameRefused(err error) bool {
	return errors.Is(err, unix.EBUSY) || errors.Is(err, unix.EXDEV) || errors.Is(err, unix.EPERM)
}

// syncFolder makes the names in the folder of a file safe on the disk.
func syncFolder(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTSUP) {
		err = nil // this file system has nothing to sync there
	}
	return errors.Join(err, d.Close())
}

// keepAttributes gives f the owner, the mode and the extended attributes of the file like.
func keepAttributes(f, like *os.File, info fs.FileInfo) error {
	var owner error
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		owner = f.Chown(int(s.Uid), int(s.Gid))
	}
	// The mode after the owner, as changing that takes away set-user-ID bits. Who cannot be
	// the owner must not read more than he could, either.
	mode := info.Mode()
	if owner != nil {
		mode &= 0o600
	}
	return errors.Join(owner, f.Chmod(mode), keepXattrs(f, like))
}
