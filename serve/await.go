package serve

import (
	"io"
	"net"
	"os"
	"time"
)

// awaitByte waits, as awaitEnd does, until the client has closed a connection on which that can be found out by
// reading alone. Once the client has sent a byte its end cannot be seen any more: then until idle has passed, or stop.
func awaitByte(conn net.Conn, idle time.Duration, stop <-chan struct{}) error {
	started := time.Now()
	_, err := conn.Read(make([]byte, 1))
	switch {
	case err == io.EOF:
		return nil
	case err != nil:
		return err
	}
	var late <-chan time.Time // nil: never
	if idle > 0 {
		timer := time.NewTimer(idle - time.Since(started))
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-late:
		return os.ErrDeadlineExceeded
	case <-stop:
		return net.ErrClosed
	}
}
