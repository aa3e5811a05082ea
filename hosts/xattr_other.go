//go:build !darwin && !linux

package hosts

import "os"

// keepXattrs does nothing: hosts files have no extended attributes here that matter.
func keepXattrs(_, _ *os.File) error { return nil }
