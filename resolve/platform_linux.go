package resolve

import "github.com/netdiag/netdiag/hosts"

// thisPlatform is the GNU C library's. Others read some of its files.
func thisPlatform() platform {
	return platform{
		resolv: "/etc/resolv.conf", nsswitch: "/etc/nsswitch.conf", hostConf: "/etc/host.conf", gai: "/etc/gai.conf",
		policy: glibcPolicy(), dialect: hosts.Glibc,
	}
}
