package render

import (
	"strconv"
	"time"
)

// Millis returns d in milliseconds as ping prints them: "17.826".
func Millis(d time.Duration) string {
	var b [24]byte
	return string(AppendMillis(b[:0], d))
}

// AppendMillis appends what Millis returns to b.
func AppendMillis(b []byte, d time.Duration) []byte {
	return strconv.AppendFloat(b, Ms(d), 'f', 3, 64)
}
