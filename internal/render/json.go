package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// JSON writes objects as JSON, one a line (NDJSON), by the rules of the package.
type JSON struct {
	buffer
	line bytes.Buffer // one object, reused
	enc  *json.Encoder
}

// NewJSON returns a JSON that writes to w.
func NewJSON(w io.Writer) *JSON {
	j := &JSON{buffer: buffer{w: w}}
	j.enc = json.NewEncoder(&j.line)
	j.enc.SetEscapeHTML(false) // a URL stays readable
	return j
}

// Encode writes v as one line. By custom v is a pointer to a struct whose first field is its
// "type". Strings keep their value, but characters that Harmless would replace are written as
// escapes, so that a line may be looked at in a terminal. A value that JSON does not have, such
// as a NaN, is an error, and sticks as one of writing does.
func (j *JSON) Encode(v any) error {
	if j.err != nil {
		return j.err
	}
	j.line.Reset()
	if err := j.enc.Encode(v); err != nil {
		j.err = fmt.Errorf("render: %w", err)
		return j.err
	}
	n := len(j.b)
	j.b = appendEscaped(j.b, j.line.Bytes())
	return j.settle(len(j.b) - n)
}

// appendEscaped appends the JSON text line to b, with what a terminal should not see as
// escapes. encoding/json has done so below U+0020, and outside strings JSON is ASCII, so only
// DEL and what is not ASCII is left.
func appendEscaped(b, line []byte) []byte {
	done := 0
	for i := 0; i < len(line); {
		if line[i] < 0x7f {
			i++
			continue
		}
		r, size := utf8.DecodeRune(line[i:])
		if harmless(r) {
			i += size
			continue
		}
		b = append(b, line[done:i]...)
		if hi, lo := utf16.EncodeRune(r); r > 0xffff {
			b = fmt.Appendf(b, `\u%04x\u%04x`, hi, lo)
		} else {
			b = fmt.Appendf(b, `\u%04x`, r)
		}
		i += size
		done = i
	}
	return append(b, line[done:]...)
}

// Float is a number that may not exist: NaN and the infinities are written as null.
type Float float64

// MarshalJSON implements json.Marshaler.
func (f Float) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(f)) || math.IsInf(float64(f), 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(f))
}

// Ms returns d in milliseconds, in full resolution: for fields whose names end in _ms.
func Ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// Time returns t as RFC 3339 with nanoseconds, always nine digits, in UTC.
func Time(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000000Z") }
