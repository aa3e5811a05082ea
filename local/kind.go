package local

// The kinds of routes and decisions that the code itself asks for.
const (
	kindUnicast     = "unicast"
	kindLocal       = "local"
	kindProhibit    = "prohibit"
	kindBlackhole   = "blackhole"
	kindUnreachable = "unreachable"
	kindThrow       = "throw"
	kindNone        = "none"
	actionLookup    = "lookup"
)

// family returns 4 or 6, for what is of IPv4 or not.
func family(is4 bool) int {
	if is4 {
		return 4
	}
	return 6
}
