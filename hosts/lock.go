package hosts

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// lockPause is between two attempts to get a lock that another process has.
const lockPause = 10 * time.Millisecond

// acquire waits for the lock that the file at path stands for, and returns what gives it back. The
// system gives it back when the process ends, however it does. The file is there only while
// somebody has or wants the lock, where it can be removed.
func acquire(ctx context.Context, path string) (release func(), err error) {
	for {
		f, locked, err := tryAcquire(path)
		if err != nil {
			return nil, err
		}
		if locked {
			return func() {
				// Removed first: who waits for this file sees that it is another one by then.
				_ = os.Remove(path)
				_ = f.Close()
			}, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(lockPause):
		}
	}
}

// tryAcquire opens the file and locks it, if nobody else has it locked.
func tryAcquire(path string) (f *os.File, locked bool, err error) {
	// Only the owner may open it, so that nobody else can keep him waiting.
	f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|noFollow, 0o600)
	if err != nil {
		return nil, false, err
	}
	locked, err = tryLock(f)
	if err == nil && locked {
		locked, err = current(f, path)
	}
	if err != nil || !locked {
		return nil, false, errors.Join(err, f.Close())
	}
	return f, true, nil
}

// current reports whether path still leads to f, which whoever had the lock before may have removed.
func current(f *os.File, path string) (bool, error) {
	mine, err := f.Stat()
	if err != nil {
		return false, err
	}
	there, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("lock: %w", err)
	}
	return os.SameFile(mine, there), nil
}
