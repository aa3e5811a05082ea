package probe

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// saying is a server that says parts, so long after what came before.
type saying []struct {
	after time.Duration
	part  string
}

// serve says them, and returns if the last one is empty; otherwise it waits for the client to go.
func (s saying) serve(conn net.Conn) {
	for _, p := range s {
		time.Sleep(p.after) // of the bubble
		if p.part == "" {
			return
		}
		if _, err := io.WriteString(conn, p.part); err != nil {
			return
		}
	}
	idle(conn)
}

func TestHear(t *testing.T) {
	const ms = time.Millisecond
	half, whole := strings.Repeat("x", MaxBanner/2), strings.Repeat("x", MaxBanner)
	expect := func(s string) *Talk { return &Talk{Expect: regexp.MustCompile(s)} }
	for _, c := range []struct {
		name   string
		talk   *Talk
		server saying
		want   Said
		took   time.Duration
	}{
		{"a greeting", &Talk{Banner: true}, saying{{0, "220 hi"}}, Said{Heard: []byte("220 hi")}, 300 * ms},
		{"a late greeting", &Talk{Banner: true}, saying{{2000 * ms, "220 hi"}}, Said{Heard: []byte("220 hi")}, 2300 * ms},
		{"in parts", &Talk{Banner: true}, saying{{0, "220"}, {200 * ms, " hi"}, {299 * ms, "!"}}, Said{Heard: []byte("220 hi!")}, 799 * ms},
		{"with a pause", &Talk{Banner: true}, saying{{0, "220"}, {301 * ms, " hi"}}, Said{Heard: []byte("220")}, 300 * ms},
		{"at the last moment", &Talk{Banner: true}, saying{{3400 * ms, "220"}, {99 * ms, " hi"}}, Said{Heard: []byte("220 hi")}, 3500 * ms},
		{"too late", &Talk{Banner: true, Timeout: time.Second}, saying{{1001 * ms, "220"}}, Said{}, time.Second},
		{"nothing", &Talk{Banner: true}, nil, Said{}, 3500 * ms},
		{"an end", &Talk{Banner: true}, saying{{100 * ms, "bye"}, {100 * ms, ""}}, Said{Heard: []byte("bye"), Ended: true}, 200 * ms},
		{"an end at once", &Talk{Banner: true}, saying{{0, ""}}, Said{Ended: true}, 0},
		{"all that is kept", &Talk{Banner: true}, saying{{0, whole}, {0, ""}}, Said{Heard: []byte(whole), Ended: true}, 0},
		{"more than is kept", &Talk{Banner: true}, saying{{0, half}, {0, half}, {0, "yz"}}, Said{Heard: []byte(whole), More: true}, 0},

		{"no reading", &Talk{}, saying{{0, "220 hi"}}, Said{}, 0},

		{"a match", expect("hi"), saying{{0, "220 hi"}}, Said{Heard: []byte("220 hi"), Matched: true}, 0},
		{"a match over reads", expect("lo wor"), saying{{0, "hel"}, {500 * ms, "lo w"}, {500 * ms, "orld"}},
			Said{Heard: []byte("hello world"), Matched: true}, 1000 * ms},
		{"a match over lines", expect(`(?s)a.*\nb`), saying{{0, "a\r"}, {time.Second, "\nb"}}, Said{Heard: []byte("a\r\nb"), Matched: true}, time.Second},
		{"a match of bytes", expect(`\x00\xff`), saying{{0, "\x00\xff"}}, Said{Heard: []byte("\x00\xff")}, 3500 * ms},
		{"a match of a byte", expect(`^.\x00$`), saying{{0, "\xff\x00"}}, Said{Heard: []byte("\xff\x00"), Matched: true}, 0},
		{"a match before the end", expect("bye"), saying{{0, "bye"}, {0, ""}}, Said{Heard: []byte("bye"), Matched: true}, 0},
		{"no match", expect("hi"), saying{{0, "220 ho"}}, Said{Heard: []byte("220 ho")}, 3500 * ms},
		{"no match and an end", expect("hi"), saying{{0, "220 ho"}, {time.Second, ""}}, Said{Heard: []byte("220 ho"), Ended: true}, time.Second},
		{"no match in much", expect("y"), saying{{0, whole}, {0, "y"}}, Said{Heard: []byte(whole), More: true}, 0},
		{"nothing to match", expect(""), nil, Said{}, 3500 * ms},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				said, took := talked(t.Context(), c.talk, &Target{}, c.server.serve)
				sameSaid(t, said, &c.want)
				if took != c.took {
					t.Errorf("took %v, want %v", took, c.took)
				}
			})
		})
	}
}

// sameSaid compares what was heard.
func sameSaid(t *testing.T, got, want *Said) {
	t.Helper()
	if got.Err != nil {
		t.Errorf("error %v", got.Err)
	}
	if !bytes.Equal(got.Heard, want.Heard) {
		t.Errorf("heard %d bytes %.60q, want %d bytes %.60q", len(got.Heard), got.Heard, len(want.Heard), want.Heard)
	}
	if got.More != want.More || got.Ended != want.Ended || got.Matched != want.Matched {
		t.Errorf("more %v, ended %v, matched %v; want %v, %v, %v", got.More, got.Ended, got.Matched, want.More, want.Ended, want.Matched)
	}
}

func TestSend(t *testing.T) {
	text := []byte("PING\x00\xff\r\n")
	t.Run("exactly", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			taken := make(chan []byte, 1)
			said, _ := talked(t.Context(), &Talk{Send: text}, &Target{}, func(conn net.Conn) {
				b, _ := io.ReadAll(conn)
				taken <- b
			})
			sameSaid(t, said, &Said{})
			if got := <-taken; !bytes.Equal(got, text) {
				t.Errorf("the server took %q", got)
			}
		})
	})
	t.Run("and hear", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			said, took := talked(t.Context(), &Talk{Send: text, Expect: regexp.MustCompile("PONG")}, &Target{}, func(conn net.Conn) {
				b := make([]byte, len(text))
				_, _ = io.ReadFull(conn, b)
				fmt.Fprintf(conn, "PONG %x", b)
			})
			sameSaid(t, said, &Said{Heard: fmt.Appendf(nil, "PONG %x", text), Matched: true})
			if took != 0 {
				t.Errorf("took %v", took)
			}
		})
	})
	t.Run("to an echo", func(t *testing.T) {
		long := bytes.Repeat(text, MaxBanner/4)
		synctest.Test(t, func(t *testing.T) {
			said, _ := talked(t.Context(), &Talk{Send: long, Banner: true}, &Target{}, func(conn net.Conn) { _, _ = io.Copy(conn, conn) })
			sameSaid(t, said, &Said{Heard: long[:MaxBanner], More: true})
		})
	})
}

// TestSendDeaf has servers that take nothing.
func TestSendDeaf(t *testing.T) {
	text := []byte("PING")
	for _, c := range []struct {
		name   string
		banner bool
		says   string
		took   time.Duration
		failed bool
	}{
		{"only send", false, "", DefaultTimeout, true},
		{"and hear", true, "", DefaultTimeout, true},
		{"who speak", true, "hi", lull, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				said, took := talked(t.Context(), &Talk{Send: text, Banner: c.banner}, &Target{}, func(conn net.Conn) {
					_, _ = io.WriteString(conn, c.says)
					time.Sleep(time.Hour) // of the bubble
				})
				if string(said.Heard) != c.says || c.failed != errors.Is(said.Err, os.ErrDeadlineExceeded) {
					t.Errorf("heard %q, error %v", said.Heard, said.Err)
				}
				if took != c.took {
					t.Errorf("took %v, want %v", took, c.took)
				}
			})
		})
	}
}

func TestHearTLS(t *testing.T) {
	config := served(issue(t, nil, "a.example", false))
	config.SessionTicketsDisabled = true
	for name, c := range map[string]struct {
		orderly bool
		behind  string
	}{
		"closed in order": {orderly: true},
		"cut":             {},
		"cut in a record": {behind: "\x17\x03\x03\x00\x20x"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				said, _ := talked(t.Context(), &Talk{TLS: &TLS{}, Send: []byte("PING"), Banner: true}, &Target{}, func(conn net.Conn) {
					secure := tls.Server(conn, config)
					b := make([]byte, 4)
					_, _ = io.ReadFull(secure, b)
					_, _ = fmt.Fprintf(secure, "got %s", b)
					if c.orderly {
						_ = secure.Close()
					}
					_, _ = io.WriteString(conn, c.behind)
				})
				sameSaid(t, said, &Said{Heard: []byte("got PING"), Ended: true})
				if said.TLS == nil || said.TLS.Version != "TLS 1.3" {
					t.Errorf("session %+v", said.TLS)
				}
			})
		})
	}
}

func TestParseText(t *testing.T) {
	for _, c := range []struct{ text, want, err string }{
		{``, "", ""},
		{`PING\r\n`, "PING\r\n", ""},
		{`\t\0\\\x00\xfF\\n`, "\t\x00\\\x00\xff\\n", ""},
		{"ü\xff\n", "ü\xff\n", ""},
		{`\01`, "\x001", ""},
		{`ab\`, "", `probe: the text ends with a single \; write \\ for a backslash`},
		{`ab\q`, "", `probe: \q at byte 3 is no escape; \r \n \t \0 \\ and \xNN are`},
		{`\ü`, "", `probe: \ü at byte 1 is no escape; \r \n \t \0 \\ and \xNN are`},
		{`\x1`, "", `probe: \x at byte 1 needs two hexadecimal digits and has "1"`},
		{`\x`, "", `probe: \x at byte 1 needs two hexadecimal digits and has ""`},
		{`\x+1`, "", `probe: \x at byte 1 needs two hexadecimal digits and has "+1"`},
		{`\x_1`, "", `probe: \x at byte 1 needs two hexadecimal digits and has "_1"`},
	} {
		got, err := ParseText(c.text)
		if text := fmt.Sprint(err); err != nil && text != c.err || err == nil && c.err != "" || string(got) != c.want {
			t.Errorf("%q: %q, %v; want %q, %s", c.text, got, err, c.want, c.err)
		}
	}
}

func FuzzParseText(f *testing.F) {
	f.Add([]byte(`PING\r\n\x00\\`))
	f.Add([]byte("\x00\\\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, err := ParseText(string(b)); err == nil && len(got) > len(b) || err != nil && got != nil {
			t.Errorf("%q: %q, %v", b, got, err)
		}
		var hex strings.Builder
		for _, c := range b {
			fmt.Fprintf(&hex, `\x%02x`, c)
		}
		plain := strings.ReplaceAll(string(b), `\`, `\\`)
		for _, text := range []string{hex.String(), plain} {
			if got, err := ParseText(text); err != nil || !bytes.Equal(got, b) {
				t.Errorf("%q: %q, %v", text, got, err)
			}
		}
	})
}

// FuzzBanner hears whatever a server says.
func FuzzBanner(f *testing.F) {
	f.Add([]byte("220 hello world"), "lo wo", 5, false)
	f.Add([]byte("\x00\xff\n"), "y$", 1, false)
	f.Add([]byte("\x16\x03\x03\x00\x02\x02\x00"), "", 3, true)
	f.Add([]byte("\x15\x03\x01\x00\x02\x02\x46"), "", 9, true)
	f.Fuzz(func(t *testing.T, says []byte, expect string, step int, secure bool) {
		talk := &Talk{Banner: true, Send: []byte("hi")}
		var err error
		if talk.Expect, err = regexp.Compile(expect); err != nil || expect == "" {
			talk.Expect = nil
		}
		if len(expect) > 20 { // regexp bounds its time, but by the product of the lengths
			t.Skip()
		}
		if secure {
			talk.TLS = &TLS{}
		}
		said := converse(t.Context(), &canned{says: says, step: step}, talk, &Target{}, somewhere)
		if secure {
			if said.Err == nil {
				t.Error("a handshake with nobody")
			}
			return
		}
		switch heard := len(said.Heard); {
		case said.Err != nil, !bytes.HasPrefix(says, said.Heard):
			t.Errorf("error %v, heard %q", said.Err, said.Heard)
		case said.Matched:
			if !talk.Expect.Match(said.Heard) {
				t.Errorf("%q is no match of %q", said.Heard, expect)
			}
		case heard != min(len(says), MaxBanner), said.More != (len(says) > MaxBanner), said.Ended == said.More:
			t.Errorf("heard %d of %d bytes, more %v, ended %v", heard, len(says), said.More, said.Ended)
		case talk.Expect != nil && heard > 0 && talk.Expect.Match(said.Heard):
			t.Errorf("%q is a match of %q", said.Heard, expect)
		}
	})
}
