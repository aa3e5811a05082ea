package serve

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestGreet(t *testing.T) {
	play(t, Config{}, func(s *stage) {
		conn := s.connect()
		if e := s.last(); e.Kind != Accepted || e.ID != 1 || e.Clients != 1 || e.Client.String() != "192.0.2.9:50001" {
			t.Errorf("%+v", e)
		}
		hears(t, conn, DefaultMessage)
		conn.Close()
		if e := s.ends(Closed, 0); !e.Greeted || e.Sent != 14 || e.Received != 0 || e.Clients != 0 || e.Err != nil {
			t.Errorf("%+v", e)
		}
	})
}

// TestGreetReads has clients that send before they read: what they send is taken, and the greeting not lost.
func TestGreetReads(t *testing.T) {
	play(t, Config{Message: []byte("hi")}, func(s *stage) {
		conn := s.connect()
		heard := make(chan struct{})
		go func() {
			hears(t, conn, "hi")
			close(heard)
		}()
		if _, err := conn.Write(make([]byte, 3*bufferSize)); err != nil {
			t.Error(err)
		}
		<-heard
		conn.Close()
		if e := s.ends(Closed, 0); e.Sent != 2 || e.Received != 3*bufferSize {
			t.Errorf("%+v", e)
		}
	})
}

// TestIdle has clients that hang in every way that there is.
func TestIdle(t *testing.T) {
	const idle = 10 * time.Second
	tests := []struct {
		name    string
		cfg     Config
		client  func(t *testing.T, conn *duplex)
		end     End
		after   time.Duration
		greeted bool
	}{
		{"never reads", Config{}, nil, TimedOut, idle, false},
		{"never closes", Config{}, func(t *testing.T, conn *duplex) { hears(t, conn, DefaultMessage) }, TimedOut, idle, true},
		{"never ends sending", Config{}, func(t *testing.T, conn *duplex) {
			hears(t, conn, DefaultMessage)
			for {
				if _, err := conn.Write([]byte("x")); err != nil {
					return
				}
				<-time.After(time.Second)
			}
		}, TimedOut, idle, true},
		{"reads slowly", Config{Message: []byte("0123456789")}, func(t *testing.T, conn *duplex) {
			for range 10 {
				<-time.After(idle - time.Second)
				if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
					t.Error(err)
				}
			}
			conn.Close()
		}, Closed, 10 * (idle - time.Second), true},
		{"stops reading", Config{Message: []byte("0123456789")}, func(t *testing.T, conn *duplex) {
			<-time.After(idle / 2)
			if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
				t.Error(err)
			}
		}, TimedOut, 2 * idle, false}, // the deadline finds that a byte was taken since, and gives as long again
		{"echo never sends", Config{Mode: Echo}, nil, TimedOut, idle, false},
		{"echo never reads", Config{Mode: Echo}, func(t *testing.T, conn *duplex) { _, _ = conn.Write([]byte("x")) }, TimedOut, idle, false},
		{"echo goes on", Config{Mode: Echo}, func(t *testing.T, conn *duplex) {
			for range 3 {
				<-time.After(idle - time.Second)
				exchange(t, conn, "ping")
			}
		}, TimedOut, 3*(idle-time.Second) + idle, false},
		{"hold", Config{Mode: Hold}, nil, TimedOut, idle, false},
		{"hold, sends", Config{Mode: Hold}, func(t *testing.T, conn *duplex) {
			<-time.After(time.Second)
			if _, err := conn.Write([]byte("x")); err != nil {
				t.Error(err)
			}
		}, TimedOut, idle, false},
		{"no handshake", Config{TLS: &tls.Config{}}, nil, TimedOut, idle, false},
		{"slow handshake", Config{TLS: &tls.Config{}}, func(t *testing.T, conn *duplex) {
			for _, b := range []byte{22, 3, 1, 1, 0, 1, 0, 0, 252} { // a record of TLS that comes byte by byte
				_, _ = conn.Write([]byte{b})
				<-time.After(2 * time.Second)
			}
		}, TimedOut, idle, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			play(t, tt.cfg, func(s *stage) {
				conn := s.connect()
				if tt.client != nil {
					go tt.client(t, conn)
				}
				<-time.After(time.Hour)
				if e := s.ends(tt.end, tt.after); e.Greeted != tt.greeted || e.Lasted != tt.after {
					t.Errorf("%+v", e)
				}
			})
		})
	}
}

// exchange sends text and reads it back.
func exchange(t *testing.T, conn io.ReadWriter, text string) {
	t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Error(err)
	}
	got := make([]byte, len(text))
	if _, err := io.ReadFull(conn, got); string(got) != text || err != nil {
		t.Errorf("%q came back as %q, %v", text, got, err)
	}
}

// TestPatience has clients hang on a server that waits for ever.
func TestPatience(t *testing.T) {
	for _, mode := range []Mode{Greet, Echo, Hold} {
		play(t, Config{Mode: mode, Idle: -1}, func(s *stage) {
			conn := s.connect()
			<-time.After(1000 * time.Hour)
			if mode == Hold {
				if _, err := conn.Write([]byte("x")); err != nil {
					t.Error(err)
				}
				<-time.After(1000 * time.Hour)
			}
			if e := s.last(); e.Kind != Accepted {
				t.Errorf("%+v", e)
			}
			s.stop()
			if e := s.last(); e.End != Stopped || e.Err != nil {
				t.Errorf("%+v", e)
			}
		})
	}
}

func TestEcho(t *testing.T) {
	play(t, Config{Mode: Echo, Message: []byte("ready\n")}, func(s *stage) {
		conn := s.connect()
		if _, err := io.ReadFull(conn, make([]byte, 6)); err != nil {
			t.Error(err)
		}
		exchange(t, conn, "one")
		exchange(t, conn, "two")
		conn.CloseWrite()
		hears(t, conn, "")
		if e := s.ends(Closed, 0); !e.Greeted || e.Sent != 12 || e.Received != 6 {
			t.Errorf("%+v", e)
		}
	})
}

func TestHoldUntilTheClientEnds(t *testing.T) {
	play(t, Config{Mode: Hold}, func(s *stage) {
		s.connect().Close()
		s.ends(Closed, 0)
	})
}

func TestReset(t *testing.T) {
	play(t, Config{Mode: Reset}, func(s *stage) {
		hears(t, s.connect(), "")
		if e := s.ends(WasReset, 0); e.Greeted || e.Sent != 0 {
			t.Errorf("%+v", e)
		}
	})
}

func TestLeft(t *testing.T) {
	play(t, Config{}, func(s *stage) {
		s.connect().Close()
		if e := s.ends(Left, 0); e.Greeted || !errors.Is(e.Err, syscall.EPIPE) {
			t.Errorf("%+v", e)
		}
	})
}

// TestVanished has the system give a client up.
func TestVanished(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.ETIMEDOUT, syscall.EHOSTUNREACH, syscall.ENETUNREACH} {
		if end := endOf(&net.OpError{Op: "read", Net: "tcp4", Err: os.NewSyscallError("read", errno)}); end != Vanished {
			t.Errorf("%v: %v", errno, end)
		}
	}
}

// TestBreak leaves the loop with clients connected and arriving: play fails where anything is left.
func TestBreak(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for last := range 5 {
			d := newDoor()
			server := newServer(Config{Mode: Hold}.filled(), d)
			go func() {
				for {
					here, _ := connection(server.Addr())
					select {
					case d.arrivals <- arrival{conn: here}:
					case <-d.closed:
						return
					}
				}
			}()
			n := 0
			for range server.Run(t.Context()) {
				if n++; n > last {
					break
				}
			}
			for _, err := range server.Run(t.Context()) {
				if err == nil {
					t.Error("a second run")
				}
			}
		}
	})
}

func TestOnce(t *testing.T) {
	play(t, Config{Once: true}, func(s *stage) {
		conn := s.connect()
		synctest.Wait()
		select {
		case <-s.door.closed:
		default:
			t.Error("still listening")
		}
		hears(t, conn, DefaultMessage)
		conn.Close()
		s.ends(Closed, 0)
		if !s.over || s.err != nil {
			t.Errorf("over: %v, %v", s.over, s.err)
		}
	})
}

func TestMaxClients(t *testing.T) {
	play(t, Config{MaxClients: 2, Mode: Hold}, func(s *stage) {
		first := s.connect()
		s.connect()
		hears(t, s.connect(), "")
		if e := s.last(); e.Kind != Refused || e.ID != 0 || e.Clients != 2 || e.Client.Port() != 50003 {
			t.Errorf("%+v", e)
		}
		first.Close()
		s.ends(Closed, 0)
		s.connect()
		if e := s.last(); e.Kind != Accepted || e.ID != 3 || e.Clients != 2 {
			t.Errorf("%+v", e)
		}
	})
}

// TestStrained has the system run out of something for a while.
func TestStrained(t *testing.T) {
	play(t, Config{Mode: Hold}, func(s *stage) {
		conn := s.connect()
		fail := func(err error) { s.door.arrivals <- arrival{err: &net.OpError{Op: "accept", Err: err}} }
		var at []time.Duration
		for range 12 {
			fail(syscall.EMFILE)
			at = append(at, time.Since(s.begun))
		}
		want := []time.Duration{0, 5, 15, 35, 75, 155, 315, 635, 1275, 2275, 3275, 4275}
		for i := range want {
			want[i] *= time.Millisecond
		}
		if !slices.Equal(at, want) {
			t.Errorf("it accepts after %v, want %v", at, want)
		}
		fail(syscall.ENFILE)
		synctest.Wait()
		before := time.Now()
		conn.Close() // which frees a descriptor
		s.connect()
		if took := time.Since(before); took != 0 {
			t.Errorf("after a client has gone it waits for %v", took)
		}
		for range 100 { // and so does each client that it can have now, and the next one not
			fail(syscall.EMFILE)
			s.connect()
		}
		<-time.After(quietSpell)
		fail(syscall.EMFILE)
		synctest.Wait()
		var told []string
		for _, e := range s.events {
			if e.Kind == Strained {
				told = append(told, fmt.Sprintf("%v %d", e.Err.(*net.OpError).Err, e.Times))
			}
		}
		texts := []string{"too many open files 1", "too many open files in system 1", "too many open files 112"}
		if !slices.Equal(told, texts) {
			t.Errorf("told: %q, want %q", told, texts)
		}
	})
}

func TestTLS(t *testing.T) {
	cert, fingerprint, err := SelfSigned(time.Now(), []string{"localhost"}, nil)
	if err != nil || strings.Count(fingerprint, ":") != 31 {
		t.Fatal(fingerprint, err)
	}
	cfg := Config{TLS: &tls.Config{Certificates: []tls.Certificate{cert}}}
	tests := []struct {
		name   string
		mode   Mode
		client func(t *testing.T, conn *duplex)
		end    End
		after  time.Duration
		tls    string
	}{
		{"greets", Greet, func(t *testing.T, conn *duplex) {
			secure := tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
			hears(t, secure, DefaultMessage)
			secure.Close()
		}, Closed, 0, "TLS 1.3"},
		{"older", Greet, func(t *testing.T, conn *duplex) {
			secure := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12})
			hears(t, secure, DefaultMessage)
			conn.Close() // without a word
		}, Closed, 0, "TLS 1.2"},
		{"echoes", Echo, func(t *testing.T, conn *duplex) {
			secure := tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
			exchange(t, secure, "over TLS")
			secure.CloseWrite()
			hears(t, secure, "")
		}, Closed, 0, "TLS 1.3"},
		{"holds", Hold, func(t *testing.T, conn *duplex) {
			secure := tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
			if err := secure.Handshake(); err != nil {
				t.Error(err)
			}
		}, TimedOut, DefaultIdle, "TLS 1.3"},
		{"not TLS", Greet, func(t *testing.T, conn *duplex) {
			go io.Copy(io.Discard, conn)
			_, _ = io.WriteString(conn, "GET / HTTP/1.0\r\n\r\n")
		}, Handshake, 0, ""},
		{"leaves", Greet, func(t *testing.T, conn *duplex) { conn.Close() }, Left, 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg.Mode = tt.mode
			play(t, cfg, func(s *stage) {
				tt.client(t, s.connect())
				<-time.After(time.Hour)
				if e := s.ends(tt.end, tt.after); e.TLS != tt.tls || (e.Err != nil) != (tt.end == Handshake || tt.end == Left) {
					t.Errorf("%+v", e)
				}
			})
		})
	}
}

func TestConfig(t *testing.T) {
	for _, cfg := range []Config{{V6Only: true}, {Mode: 9}, {MaxClients: -1}, {Mode: Hold, Message: []byte("x")}, {Mode: Reset, TLS: &tls.Config{}}} {
		if _, err := Listen(t.Context(), cfg); err == nil {
			t.Errorf("%+v is taken", cfg)
		} else if _, ok := errors.AsType[*ConfigError](err); !ok {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
}
