package resolve

// thisPlatform is that of Windows, whose resolver has its configuration in the registry.
func thisPlatform() platform {
	return platform{
		policy: standardPolicy(),
		problems: []Problem{{Path: "Windows", Text: "its name servers, search list and policy of names are not known here: " +
			"name a server to ask it"}},
	}
}
