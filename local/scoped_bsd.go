//go:build dragonfly || freebsd || netbsd || openbsd

package local

// scopedFlag returns none: these systems look among the routes of all interfaces.
func scopedFlag(int) int { return 0 }
