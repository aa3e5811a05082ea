//go:build !linux && !darwin && !windows

package resolve

import "github.com/netdiag/netdiag/hosts"

// thisPlatform is that of the BSDs and their kin.
func thisPlatform() platform {
	return platform{resolv: "/etc/resolv.conf", nsswitch: "/etc/nsswitch.conf", policy: standardPolicy(), dialect: allLines}
}

// allLines is how the resolvers of these systems read the hosts file, as far as it is known.
func allLines(bool) hosts.Dialect { return hosts.Glibc(true) }
