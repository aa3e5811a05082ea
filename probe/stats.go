package probe

import "github.com/netdiag/netdiag/internal/stats"

// Stats counts the results of one target or of many. Its zero value is ready to use.
type Stats struct {
	Sent        int64 // probes, those that Failed among them: the sum of the following six
	Open        int64
	Closed      int64
	Rejected    int64
	Unreachable int64
	Filtered    int64
	Failed      int64
	// Lost are the probes whose first SYN had no answer: Filtered, Rejected, Unreachable, and those Open or Closed only
	// after another SYN, but where the server still had an old connection. Of UDP they are those without any answer of
	// the host, as of several datagrams it is not known which was answered.
	Lost int64
	// RTT has the kernel's round trips of the handshakes that took one SYN.
	RTT    stats.RTT
	Jitter stats.Jitter // of them, in the order of Seq; it has no meaning for several targets
}

// Add counts e if it is a Result. What it has in Before is not counted.
func (s *Stats) Add(e Event) {
	if e.Kind != Result {
		return
	}
	s.Sent++
	lost := e.SYNs > 1 && !e.UDP && !e.old()
	switch e.State {
	case Open:
		s.Open++
	case Closed:
		s.Closed++
	case Rejected:
		s.Rejected++
		lost = true
	case Unreachable:
		s.Unreachable++
		lost = true
	case Filtered:
		s.Filtered++
		lost = true
	case Failed:
		s.Failed++
		lost = false
	}
	if lost {
		s.Lost++
	}
	if e.RTT == 0 {
		s.Jitter.Skip(e.Seq)
		return
	}
	s.RTT.Add(e.RTT)
	s.Jitter.Add(e.Seq, e.RTT)
}

// Loss returns Lost in per cent of what was sent without failing here, from 0 to 100, and false if that is nothing.
func (s *Stats) Loss() (percent float64, ok bool) {
	sent := s.Sent - s.Failed
	if sent == 0 {
		return 0, false
	}
	return 100 * float64(s.Lost) / float64(sent), true
}
