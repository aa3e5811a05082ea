package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
)

// version returns the line that --version prints, from what the Go tool put into the binary.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{GoVersion: runtime.Version()}
	}
	return versionLine(info, runtime.GOOS+"/"+runtime.GOARCH)
}

// versionLine returns the module's version, the revision it was built from, Go's version and
// the platform.
func versionLine(info *debug.BuildInfo, platform string) string {
	set := make(map[string]string)
	for _, s := range info.Settings {
		set[s.Key] = s.Value
	}
	v := info.Main.Version
	if v == "" {
		v = "(devel)"
	}
	parts := []string{"netdiag", v}
	if rev := set["vcs.revision"]; rev != "" {
		rev = "revision " + rev[:min(12, len(rev))]
		if set["vcs.modified"] == "true" {
			rev += " modified"
		}
		parts = append(parts, fmt.Sprintf("(%s)", rev))
	}
	return strings.Join(append(parts, info.GoVersion, platform), " ") + "\n"
}
