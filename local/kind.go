package local

import "slices"

// The kinds of routes and decisions, in the words of ip-route(8). A system may have others, by their number.
const (
	KindUnicast     = "unicast"     // to another machine
	KindLocal       = "local"       // an address of this machine
	KindBroadcast   = "broadcast"   // to all machines of a link
	KindMulticast   = "multicast"   // to a group of machines
	KindAnycast     = "anycast"     // an address of this machine and of others
	KindProhibit    = "prohibit"    // refused, and the sender is told that it is forbidden
	KindBlackhole   = "blackhole"   // refused without a word
	KindUnreachable = "unreachable" // refused, and the sender is told that there is no way
	KindThrow       = "throw"       // of routes alone: the next policy rule decides
	KindNone        = "none"        // of decisions alone: no route
)

// refuses reports whether routes of a kind refuse packets.
func refuses(kind string) bool {
	return slices.Contains([]string{KindProhibit, KindBlackhole, KindUnreachable}, kind)
}

// family returns 4 or 6, for what is of IPv4 or not.
func family(is4 bool) int {
	if is4 {
		return 4
	}
	return 6
}
