package serve

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"testing"
	"testing/synctest"
)

func TestStop(t *testing.T) {
	play(t, Config{Mode: Hold}, func(s *stage) {
		for range 20 {
			s.connect()
		}
		synctest.Wait()
		s.stop()
		synctest.Wait()
		if !errors.Is(s.err, context.Canceled) || len(s.events) != 41 {
			t.Fatalf("%d events, then %v", len(s.events), s.err)
		}
		for i, e := range s.events[21:] {
			if e.Kind != Ended || e.End != Stopped || e.Clients != 19-i {
				t.Errorf("%+v", e)
			}
		}
	})
}

// TestClose stops listening while a client is served: that is served to its end.
func TestClose(t *testing.T) {
	play(t, Config{}, func(s *stage) {
		conn := s.connect()
		synctest.Wait()
		if err := s.server.Close(); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if s.over {
			t.Error("it does not serve to the end")
		}
		hears(t, conn, DefaultMessage)
		conn.Close()
		s.ends(Closed, 0)
		if !s.over || s.err != nil {
			t.Errorf("over: %v, %v", s.over, s.err)
		}
	})
}

// TestStopWhileBusy ends the context while the consumer is busy: nobody is kept waiting for that.
func TestStopWhileBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		d := newDoor()
		busy, over := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(over)
			for e, err := range newServer(Config{Mode: Hold}.filled(), d).Run(ctx) {
				if err == nil && e.Kind == Accepted {
					<-busy
				}
			}
		}()
		here, there := connection(netip.MustParseAddrPort("192.0.2.9:50000"))
		d.arrivals <- arrival{conn: here}
		cancel()
		synctest.Wait()
		select {
		case <-d.closed:
		default:
			t.Error("still listening")
		}
		if _, err := there.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("the client is kept: %v", err)
		}
		close(busy)
		<-over
	})
}
