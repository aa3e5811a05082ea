package probe

import (
	"net/netip"
	"time"
)

// Browser returns which address of a name a program that follows RFC 8305 (section 5, with its 250 ms between attempts)
// would be connected to, and when, by the results of probing each of them, in the order of the name's addresses. It
// is not ok if none opened.
func Browser(results []Event) (addr netip.Addr, after time.Duration, ok bool) {
	return netip.Addr{}, 0, false
}
