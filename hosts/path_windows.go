package hosts

import (
	"cmp"
	"os"
	"path/filepath"
)

// DefaultPath returns where this system has its hosts file.
func DefaultPath() string {
	return filepath.Join(cmp.Or(os.Getenv("SystemRoot"), `C:\Windows`), "System32", "drivers", "etc", "hosts")
}
