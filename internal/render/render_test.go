package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"
)

// chunks records each call of Write, and fails from the call number failAt (counted from 1) on.
type chunks struct {
	got    []string
	failAt int
	calls  int
}

func (c *chunks) Write(p []byte) (int, error) {
	c.calls++
	if c.failAt > 0 && c.calls >= c.failAt {
		return 0, syscall.EPIPE
	}
	c.got = append(c.got, string(p))
	return len(p), nil
}

func TestWriterHoldsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out chunks
		w := NewWriter(&out)
		w.Printf("a%d\n", 1)
		time.Sleep(9 * time.Millisecond)
		w.WriteString("b\n")
		if out.calls != 0 {
			t.Errorf("written after 9 ms: %q", out.got)
		}
		time.Sleep(time.Millisecond)
		io.WriteString(w, "c\n") // a1 has waited for 10 ms
		time.Sleep(time.Second)
		io.WriteString(w, "d\n") // a new wait begins
		if len(out.got) != 1 || out.got[0] != "a1\nb\nc\n" {
			t.Errorf("written by age: %q", out.got)
		}
		if err := w.Flush(); err != nil || len(out.got) != 2 || out.got[1] != "d\n" {
			t.Errorf("written by Flush: %q, %v", out.got, err)
		}
		if err := w.Flush(); err != nil || out.calls != 2 {
			t.Errorf("an empty Flush wrote, or failed: %v", err)
		}
	})
}

func TestWriterIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out chunks
		w := NewWriter(&out)
		line := strings.Repeat("x", 99) + "\n"
		for range 1000 {
			w.WriteString(line)
		}
		w.Flush()
		if out.calls != 4 {
			t.Errorf("100,000 bytes were written in %d calls, want 4", out.calls)
		}
		if cap(w.b) > 2*full {
			t.Errorf("the buffer took %d bytes", cap(w.b))
		}
	})
}

func TestFirstErrorSticks(t *testing.T) {
	out := chunks{failAt: 1}
	w := NewWriter(&out)
	w.Printf("a\n")
	if err := w.Flush(); !errors.Is(err, syscall.EPIPE) {
		t.Fatalf("Flush: %v", err)
	}
	if err := w.Printf("b\n"); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("Printf: %v", err)
	}
	if _, err := w.Write([]byte("c")); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("Write: %v", err)
	}
	if _, err := w.WriteString("d"); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("WriteString: %v", err)
	}
	if err := w.Flush(); !errors.Is(err, syscall.EPIPE) || out.calls != 1 {
		t.Errorf("Flush: %v after %d writes", err, out.calls)
	}

	j := NewJSON(&chunks{failAt: 1})
	j.Encode(struct{}{})
	if err := j.Flush(); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("JSON.Flush: %v", err)
	}
	if err := j.Encode(struct{}{}); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("Encode: %v", err)
	}
}

// short writes less than it is given, against io.Writer's contract.
type short struct{}

func (short) Write(p []byte) (int, error) { return len(p) - 1, nil }

func TestShortWrite(t *testing.T) {
	w := NewWriter(short{})
	w.Printf("abc")
	if err := w.Flush(); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("Flush: %v", err)
	}
}

func TestJSON(t *testing.T) {
	type object struct {
		Type string  `json:"type"`
		Text string  `json:"text"`
		RTT  float64 `json:"rtt_ms"`
		Loss Float   `json:"loss_percent"`
		Time string  `json:"time"`
	}
	at := time.Date(2026, 3, 1, 1, 2, 3, 400, time.FixedZone("", 3600))
	tests := []struct {
		in   object
		want string
	}{
		{object{"reply", "<a&b>", Ms(17_826_123), 100.0 / 3, Time(at)},
			`{"type":"reply","text":"<a&b>","rtt_ms":17.826123,"loss_percent":33.333333333333336,"time":"2026-03-01T00:02:03.000000400Z"}`},
		{object{"x", "\x1b\u0085\x7f\u202e\u2028\u200b\U000e0041é", Ms(1), Float(math.NaN()), ""},
			`{"type":"x","text":"\u001b\u0085\u007f\u202e\u2028\u200b\udb40\udc41é","rtt_ms":0.000001,"loss_percent":null,"time":""}`},
		{object{"x", "", 0, Float(math.Inf(-1)), ""}, `{"type":"x","text":"","rtt_ms":0,"loss_percent":null,"time":""}`},
	}
	for _, tt := range tests {
		var out bytes.Buffer
		j := NewJSON(&out)
		if err := errors.Join(j.Encode(&tt.in), j.Flush()); err != nil {
			t.Fatal(err)
		}
		if out.String() != tt.want+"\n" {
			t.Errorf("got  %s want %s", out.String(), tt.want)
		}
		var back object
		if err := json.Unmarshal(out.Bytes(), &back); err != nil || back.Text != tt.in.Text {
			t.Errorf("read back %q (%v), want %q", back.Text, err, tt.in.Text)
		}
	}
}

func TestJSONHasNoNaN(t *testing.T) {
	var out bytes.Buffer
	j := NewJSON(&out)
	if err := j.Encode(math.NaN()); err == nil {
		t.Error("a NaN was encoded")
	}
	if err := j.Encode(1); err == nil || j.Flush() == nil || out.Len() != 0 {
		t.Errorf("the error did not stick: %v, %q", err, out.String())
	}
}

func FuzzJSON(f *testing.F) {
	f.Add("plain")
	f.Add("\xd5\xd5\xd5")
	f.Add("\x00\x7f\u0085\u202e\ue000\U0010ffff\xff\\\"")
	f.Fuzz(func(t *testing.T, s string) {
		var out bytes.Buffer
		j := NewJSON(&out)
		if err := errors.Join(j.Encode(s), j.Flush()); err != nil {
			t.Fatal(err)
		}
		var back string
		if err := json.Unmarshal(out.Bytes(), &back); err != nil {
			t.Fatalf("%q: %v", out.String(), err)
		}
		if utf8.ValidString(s) && back != s {
			t.Errorf("%q came back as %q", s, back)
		}
		line := strings.TrimSuffix(out.String(), "\n")
		if Harmless(line) != line {
			t.Errorf("%q is written as %q, which is not harmless", s, line)
		}
	})
}

func TestDurations(t *testing.T) {
	tests := []struct {
		d    time.Duration
		want string
	}{
		{0, "0.000"}, {1, "0.000"}, {499, "0.000"}, {501, "0.001"}, {17_826 * time.Microsecond, "17.826"},
		{time.Hour, "3600000.000"}, {-1500 * time.Microsecond, "-1.500"},
	}
	for _, tt := range tests {
		if got := Millis(tt.d); got != tt.want {
			t.Errorf("Millis(%d) = %q, want %q", tt.d, got, tt.want)
		}
	}
}

func TestEncodeDoesNotAllocate(t *testing.T) {
	j := NewJSON(io.Discard)
	v := &struct {
		Type string  `json:"type"`
		RTT  float64 `json:"rtt_ms"`
	}{"reply", 17.826}
	if n := testing.AllocsPerRun(10_000, func() { j.Encode(v) }); n > 0 {
		t.Errorf("%v allocations a line", n)
	}
}

func BenchmarkEncode(b *testing.B) {
	j := NewJSON(io.Discard)
	v := &struct {
		Type   string  `json:"type"`
		Target string  `json:"target"`
		Addr   string  `json:"addr"`
		Seq    int64   `json:"seq"`
		RTT    float64 `json:"rtt_ms"`
	}{"reply", "192.0.2.1", "192.0.2.1", 5, 17.826}
	b.ReportAllocs()
	for b.Loop() {
		j.Encode(v)
	}
}
