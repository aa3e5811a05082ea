package resolve

// Verdict is what a question came to.
type Verdict uint8

// The verdicts, from good to bad.
const (
	VerdictAnswer   Verdict = iota // the records asked for exist, and here they are
	VerdictNoData                  // the name exists, but has no records of the type (RFC 2308 section 2.2)
	VerdictNXDomain                // the name does not exist (RFC 2308 section 2.1)
	VerdictBogus                   // the answer's signatures do not hold
	VerdictRefused                 // the server does not want to answer
	VerdictServFail                // the server could not find out
	VerdictTimeout                 // no server answered
	VerdictError                   // anything else: nothing was found out
)

// String returns the verdict's name, in lower case.
func (v Verdict) String() string {
	return [...]string{"answer", "nodata", "nxdomain", "bogus", "refused", "servfail", "timeout", "error"}[v]
}
