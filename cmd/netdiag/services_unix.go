//go:build !windows

package main

// servicesFile returns the path of this system's services file.
func servicesFile() string { return "/etc/services" }
