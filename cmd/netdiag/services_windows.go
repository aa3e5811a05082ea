package main

import (
	"os"
	"path/filepath"
)

// servicesFile returns the path of this system's services file.
func servicesFile() string {
	return filepath.Join(os.Getenv("SystemRoot"), "System32", "drivers", "etc", "services")
}
