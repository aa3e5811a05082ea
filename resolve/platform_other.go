//go:build !linux && !darwin && !windows

package resolve

// thisPlatform is that of the BSDs and their kin.
func thisPlatform() platform {
	return platform{resolv: "/etc/resolv.conf", nsswitch: "/etc/nsswitch.conf", policy: standardPolicy()}
}
