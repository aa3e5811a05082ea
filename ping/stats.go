package ping

import (
	"time"

	"github.com/netdiag/netdiag/internal/stats"
)

// Stats adds up the events of one target, or of a whole run. Its zero value is ready. Memory is
// bounded: some hundred bytes for the first replies, less than 64 KiB for any number of them.
//
// At every moment Sent = Received + Late + Lost() + InFlight().
type Stats struct {
	Sent       int64 // probes that left this machine
	Received   int64 // answered in time
	Late       int64 // answered after their timeout
	Timeouts   int64 // not answered
	ICMPErrors int64 // answered by an ICMP error

	// Beside the outcomes:
	Duplicates int64
	Corrupt    int64
	Foreign    int64
	Redirects  int64
	Reordered  int64 // replies in time that came after one to a later probe
	SendErrors int64 // probes that never left

	rtt    stats.RTT
	jitter stats.Jitter
	latest int64 // 1 + the highest sequence number with a reply in time
}

// Add counts e. Events that are not about a probe (Done, Pause, LocalDrops) count for nothing.
func (s *Stats) Add(e Event) {
	switch e.Kind {
	case Sent:
		s.Sent++
	case Reply:
		s.Received++
		s.rtt.Add(e.RTT)
		s.jitter.Add(e.Seq, e.RTT)
		if e.Seq+1 < s.latest {
			s.Reordered++
		}
		s.latest = max(s.latest, e.Seq+1)
	case Late:
		s.Late++
		s.Timeouts--
	case Timeout:
		s.Timeouts++
		s.jitter.Skip(e.Seq)
	case ICMPError:
		s.ICMPErrors++
		s.jitter.Skip(e.Seq)
	case SendError:
		s.SendErrors++
		s.jitter.Skip(e.Seq)
	case Duplicate:
		s.Duplicates++
	case Corrupt:
		s.Corrupt++
	case Foreign:
		s.Foreign++
	case Redirect:
		s.Redirects++
	}
}

// Lost returns the number of probes that were not answered: Timeouts + ICMPErrors.
func (s *Stats) Lost() int64 { return s.Timeouts + s.ICMPErrors }

// InFlight returns the number of probes sent that have no outcome.
func (s *Stats) InFlight() int64 { return s.Sent - s.Received - s.Late - s.Lost() }

// Loss returns how many percent of the probes that have an outcome are lost, from 0 to
// 100. It is false when none has.
func (s *Stats) Loss() (percent float64, ok bool) {
	settled := s.Sent - s.InFlight()
	if settled == 0 {
		return 0, false
	}
	return float64(100*s.Lost()) / float64(settled), true
}

// RTT returns what the round trips of the replies in time add up to.
func (s *Stats) RTT() RTT {
	return RTT{
		N: s.rtt.N(), Min: s.rtt.Min(), Mean: s.rtt.Mean(), Max: s.rtt.Max(), StdDev: s.rtt.StdDev(),
		P50: s.rtt.Percentile(50), P90: s.rtt.Percentile(90), P99: s.rtt.Percentile(99),
	}
}

// Jitter returns the mean absolute difference between the round trips of successive
// replies, in the order in which the probes were sent. It is false for fewer than two replies.
func (s *Stats) Jitter() (mean time.Duration, ok bool) { return s.jitter.Mean(), s.jitter.N() > 0 }

// RTT are the statistics of round trips. All are 0 when N is.
type RTT struct {
	N                      int64
	Min, Mean, Max, StdDev time.Duration
	// Percentiles by nearest rank: exact up to 256 replies, within 1 % of the exact value beyond.
	P50, P90, P99 time.Duration
}
