package local

// Flags of routes of net/route.h that the package unix has not.
const (
	rtfLocal     = 0x40000
	rtfBroadcast = 0x80000
)
