//go:build darwin || dragonfly || freebsd || openbsd

package local

import "golang.org/x/sys/unix"

// Flags of routes that NetBSD has not, or not by that name.
const (
	rtfLocal     = unix.RTF_LOCAL
	rtfBroadcast = unix.RTF_BROADCAST
)
