package resolve

import "strconv"

// Name returns the meaning of the code as RFC 8914 section 4 and the registry of IANA have it, and its number
// where they have none.
func (e ExtendedError) Name() string {
	names := [...]string{
		"Other Error", "Unsupported DNSKEY Algorithm", "Unsupported DS Digest Type", "Stale Answer", "Forged Answer",
		"DNSSEC Indeterminate", "DNSSEC Bogus", "Signature Expired", "Signature Not Yet Valid", "DNSKEY Missing",
		"RRSIGs Missing", "No Zone Key Bit Set", "NSEC Missing", "Cached Error", "Not Ready", "Blocked", "Censored",
		"Filtered", "Prohibited", "Stale NXDOMAIN Answer", "Not Authoritative", "Not Supported",
		"No Reachable Authority", "Network Error", "Invalid Data", "Signature Expired before Valid", "Too Early",
		"Unsupported NSEC3 Iterations Value", "Unable to conform to policy", "Synthesized", "Invalid Query Type",
	}
	if int(e.Code) < len(names) {
		return names[e.Code]
	}
	return "code " + strconv.Itoa(int(e.Code))
}

// String returns the code with its meaning and its text, as "EDE 7, Signature Expired: 2020-02-01". It is not harmless.
func (e ExtendedError) String() string {
	s := "EDE " + strconv.Itoa(int(e.Code)) + ", " + e.Name()
	if e.Text != "" {
		s += ": " + e.Text
	}
	return s
}
