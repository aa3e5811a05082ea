package probe

import "github.com/netdiag/netdiag/internal/stats"

// Stats counts the results of one target or of many. Its zero value is ready to use.
type Stats struct {
	Sent        int64 // probes
	Open        int64
	Closed      int64
	Rejected    int64
	Unreachable int64
	Filtered    int64
	Failed      int64
	// Lost are the probes whose first SYN had no answer: Filtered, Rejected, Unreachable, and those Open or Closed only
	// after another SYN.
	Lost int64
	// RTT has the kernel's round trips of the handshakes that took one SYN.
	RTT    stats.RTT
	Jitter stats.Jitter // of them
}

// Add counts e if it is a Result.
func (s *Stats) Add(e Event) {}

// Loss returns Lost in per cent of what was sent without failing here, and false if that is nothing.
func (s *Stats) Loss() (percent float64, ok bool) { return 0, false }
