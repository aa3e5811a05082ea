package resolve

// thisPlatform is that of macOS, whose resolver has its configuration elsewhere.
func thisPlatform() platform {
	const resolv = "/etc/resolv.conf"
	return platform{
		resolv: resolv, policy: standardPolicy(),
		problems: []Problem{{Path: resolv, Text: "a copy, for programs that ask name servers themselves: other name servers " +
			"may be set for some domains or interfaces (scutil --dns shows them)"}},
	}
}
