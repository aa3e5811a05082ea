//go:build !linux

package probe

// tellsICMP says whether this system tells which ICMP error ended an attempt, and who sent it.
const tellsICMP = false
