package hosts

import (
	"bytes"
	"errors"
	"fmt"
	"os"
)

// replace puts the new content into the place of the old one, and reports whether that was in place.
func (e *editor) replace(backup string) (inPlace bool, err error) {
	temp, err := e.write(e.new, "new")
	if err != nil && !errors.Is(err, errAttributes) {
		return false, err
	}
	// A file that would have another owner is no replacement; overwriting keeps it.
	whole := err == nil
	if err := e.unchanged(); err != nil {
		return false, errors.Join(err, os.Remove(temp))
	}
	e.step("checked")
	e.like.Close() // Windows lets nothing take the place of an open file
	if whole {
		err := os.Rename(temp, e.path)
		if err == nil {
			e.step("renamed")
			if err := syncFolder(e.path); err != nil {
				return false, fmt.Errorf("%w: %w", ErrNotSafe, err)
			}
			return false, nil
		}
		if !renameRefused(err) {
			return false, errors.Join(err, os.Remove(temp))
		}
	}
	if err := os.Remove(temp); err != nil {
		return false, err
	}
	return true, e.overwrite(backup)
}

// unchanged returns ErrChanged if the file no longer has what was read.
func (e *editor) unchanged() error {
	now, err := os.ReadFile(e.path)
	if err == nil && !bytes.Equal(now, e.old) {
		err = ErrChanged
	}
	return err
}

// overwrite writes the new content into the file that is there, and reads it again.
func (e *editor) overwrite(backup string) error {
	f, err := os.OpenFile(e.path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	err = e.put(f, e.new)
	if err != nil {
		if back := e.put(f, e.old); back != nil {
			return errors.Join(&DamagedError{e.path, backup, errors.Join(err, back)}, f.Close())
		}
	}
	return errors.Join(err, f.Close())
}

// put makes b the content of f.
func (e *editor) put(f *os.File, b []byte) error {
	// One call, as long as what it overwrites: whoever reads the file before it is cut finds empty
	// lines at its end, and no rest of the old content.
	padded := b
	if more := len(e.old) - len(b); more > 0 {
		padded = append(bytes.Clone(b), bytes.Repeat([]byte{'\n'}, more)...)
	}
	if _, err := f.WriteAt(padded, 0); err != nil {
		return err
	}
	e.step("overwritten")
	if err := errors.Join(f.Truncate(int64(len(b))), f.Sync()); err != nil {
		return err
	}
	e.step("cut")
	now, err := os.ReadFile(e.path)
	if err == nil && !bytes.Equal(now, b) {
		err = fmt.Errorf("%s does not have what was written to it", e.path)
	}
	return err
}
