package ping

import (
	"net/netip"
	"time"
)

// Kind says what an Event tells.
type Kind uint8

// The kinds of events. A probe gets one of Reply, Timeout and ICMPError; Late
// replaces a Timeout told before.
const (
	Sent       Kind = iota + 1 // a probe has left
	Reply                      // it was answered in time
	Late                       // it was answered after its timeout, whose event came before
	Timeout                    // no answer within Config.Timeout
	ICMPError                  // an ICMP error about it came instead of an answer
	SendError                  // this machine refused to send it; it never was Sent
	Duplicate                  // a further answer to a probe that has one, be it an ICMP error
	Corrupt                    // an answer to it whose contents were damaged on the way; it goes on waiting
	Foreign                    // a reply that looks like ours and is not: another's, or from elsewhere
	Redirect                   // a router named a better way for it; it goes on waiting
	Pause                      // this process did not run for the time in RTT; the schedule moves on by what it missed
	LocalDrops                 // this machine dropped Drops packets since the last such event: its receive queue was full
	Done                       // nothing more is sent to or awaited from the target; not told of those that the end of the run cut off
)

var kinds = [...]string{Sent: "sent", Reply: "reply", Late: "late", Timeout: "timeout", ICMPError: "icmp_error",
	SendError: "send_error", Duplicate: "duplicate", Corrupt: "corrupt", Foreign: "foreign", Redirect: "redirect",
	Pause: "pause", LocalDrops: "local_drops", Done: "done"}

// String returns the kind in lower case with underscores, such as "icmp_error".
func (k Kind) String() string {
	if int(k) < len(kinds) && kinds[k] != "" {
		return kinds[k]
	}
	return "unknown"
}

// Event is something that happened to a probe, to a target (Done) or to the whole run (Pause,
// LocalDrops, whose Index is -1). Fields that its kind does not have are zero.
type Event struct {
	Kind   Kind
	Index  int        // of the target in Config.Targets, from 0; -1: of none
	Target netip.Addr // that the probe was sent to
	Seq    int64      // number of the probe to this target, from 0; -1: not known (Foreign)
	Time   time.Time  // when it happened: sent, received, expired

	From   netip.Addr    // who answered
	Size   int           // of the ICMP message received, in bytes with its header; of an error without its extensions
	TTL    int           // of the answer as it arrived; 0: not known
	TOS    int           // likewise
	RTT    time.Duration // Reply, Late, Duplicate: round trip; Pause: how long
	Kernel bool          // RTT rests on the kernel's receive time stamp

	ICMPType, ICMPCode uint8      // ICMPError, Redirect
	Message            string     // what the error means, in words
	MTU                int        // that an ICMPError or a SendError names, in bytes; 0: none
	Gateway            netip.Addr // that a Redirect names

	Err   error  // SendError: the system's error
	Drops uint64 // LocalDrops
}
