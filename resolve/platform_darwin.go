package resolve

import "github.com/netdiag/netdiag/hosts"

// thisPlatform is that of macOS, whose resolver has its configuration elsewhere.
func thisPlatform() platform {
	const resolv = "/etc/resolv.conf"
	return platform{
		resolv: resolv, policy: standardPolicy(), dialect: allLines,
		problems: []Problem{{Path: resolv, Text: "a copy, for programs that ask name servers themselves: other name servers " +
			"may be set for some domains or interfaces (scutil --dns shows them)"}},
	}
}

// allLines is how the resolvers of these systems read the hosts file, as far as it is known.
func allLines(bool) hosts.Dialect { return hosts.Glibc(true) }
