//go:build !linux

package dnslab

import "os/exec"

// dieWithTest does nothing: there are no labs on this system.
func dieWithTest(*exec.Cmd) {}
