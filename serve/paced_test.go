package serve

import (
	"errors"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// buffered is a connection of which this system takes over more than the other side has taken.
type buffered struct {
	net.Conn
	room atomic.Int64 // bytes that are still taken over
}

func (b *buffered) Write(p []byte) (int, error) {
	if n := min(b.room.Load(), int64(len(p))); n > 0 {
		b.room.Add(-n)
		if n == int64(len(p)) {
			return int(n), nil
		}
		_, err := b.Conn.Write([]byte{0}) // waits for the deadline: nobody reads
		return int(n), err
	}
	_, err := b.Conn.Write([]byte{0})
	return 0, err
}

// TestAcknowledged has time count from what the other side acknowledged, not from what the system took over.
func TestAcknowledged(t *testing.T) {
	const idle = 8 * time.Second
	const step = idle / stepsOfIdle
	for _, tt := range []struct {
		name     string
		takes    []time.Duration // when the other side acknowledges something
		finished bool            // nothing is left to write
		after    time.Duration   // when it is late
	}{
		{"never", nil, false, idle},
		{"at once", []time.Duration{step / 2}, false, idle + step/2},
		{"in between", []time.Duration{step / 2, 5*step + step/2}, false, idle + 5*step + step/2},
		{"within idle each", []time.Duration{7*step + step/2, 14*step + step/2}, false, idle + 14*step + step/2},
		{"while nothing is written", []time.Duration{step / 2, 6*step + step/2}, true, idle + 6*step + step/2},
	} {
		synctest.Test(t, func(t *testing.T) {
			begun := time.Now()
			near, far := net.Pipe()
			defer far.Close()
			b := &buffered{Conn: near}
			b.room.Store(100)
			c := newPacedConn(b, idle)
			c.progress = func(net.Conn) (progress, bool) {
				p := progress{pending: true}
				for _, at := range tt.takes {
					if since := time.Since(begun) - at; since >= 0 {
						p.acked++
						p.heard = since
					}
				}
				return p, true
			}
			var err error
			if tt.finished {
				c.finish()
				_, err = c.Read(make([]byte, 1))
			} else {
				go func() { // the system takes over a little for long
					for range 30 {
						<-time.After(step)
						b.room.Add(1)
					}
				}()
				_, err = c.Write(make([]byte, 1000))
			}
			if took := time.Since(begun); !errors.Is(err, os.ErrDeadlineExceeded) || took != tt.after {
				t.Errorf("%s: %v after %v, want %v", tt.name, err, took, tt.after)
			}
			<-time.After(time.Minute)
		})
	}
}
