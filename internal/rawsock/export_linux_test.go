package rawsock

import "time"

// Age makes the SYNs that wait in a Conn of many flows older than they are.
func Age(c Conn, by time.Duration) {
	f := c.(*flows)
	f.busy.Lock()
	defer f.busy.Unlock()
	for _, a := range f.attempts {
		a.sent = a.sent.Add(-by)
	}
}
