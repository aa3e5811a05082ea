package draw

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPlain(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", ""},
		{"ae-1.example", "ae-1.example"},
		{"größe 路由器", "größe 路由器"},
		{"a\x00b\nc\x1b[31m", "a\uFFFDb\uFFFDc\uFFFD[31m"},
		{"\u202eevil\u200b", "\uFFFDevil\uFFFD"},
		{"\xff\xfe", "\uFFFD\uFFFD"},
		{"\uFFFE\uFFFF", "\uFFFD\uFFFD"},
	}
	for _, tt := range tests {
		if got := plain(tt.in); got != tt.want {
			t.Errorf("plain(%q) is %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestElide(t *testing.T) {
	tests := []struct {
		in    string
		limit int
		want  string
	}{
		{"short", 150, "short"},
		{"xe-0-0-1-3.edge-router-17.amsterdam.backbone.example.com", 150, "xe-0-0-1-3…example.com"},
		{"be3187.ccr41.ams03.atlas.example.com", 150, "be3187.ccr…example.com"},
		{"be3187.ccr41.ams03.atlas.example.com", 200, "be3187.ccr41…atlas.example.com"},
		{"averylongnamewithoutanydotsthatgoesonandon", 100, "averylo…onandon"},
		{"路由器路由器路由器路由器路由器路由器", 100, "路由器路…器路由器"},
		{"abc", 1, "…"},
		{"....................................................", 60, "…........"},
	}
	for _, tt := range tests {
		got := elide(tt.in, smallSize, tt.limit)
		if got != tt.want {
			t.Errorf("elide(%q, %d) is %q, want %q", tt.in, tt.limit, got, tt.want)
		}
	}
}

func TestBreakLabel(t *testing.T) {
	tests := []struct {
		in   string
		want []string
	}{
		{"", []string{""}},
		{"203.0.113.80", []string{"203.0.113.80"}},
		{"2001:db8:ffff:ffff::1", []string{"2001:db8:ffff:ffff::1"}},
		{"2001:db8:1234:5678:9abc:def0:1234:5678", []string{"2001:db8:1234:5678:", "9abc:def0:1234:5678"}},
		{"fe80::1234:5678:9abc:def0%enx0123456789ab", []string{"fe80::1234:5678:9abc:", "def0%enx0123456789ab"}},
		{strings.Repeat("é", 40), []string{strings.Repeat("é", 20), strings.Repeat("é", 20)}},
	}
	for _, tt := range tests {
		if got := breakLabel(tt.in); !slices.Equal(got, tt.want) {
			t.Errorf("breakLabel(%q) is %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestWrap(t *testing.T) {
	tests := []struct {
		in   string
		want []string
	}{
		{"", nil},
		{"one", []string{"one"}},
		{"one two three four", []string{"one two", "three four"}},
		{"one extraordinarilylong two", []string{"one", "extr…ylong", "two"}},
	}
	for _, tt := range tests {
		if got := wrap(tt.in, smallSize, 66); !slices.Equal(got, tt.want) {
			t.Errorf("wrap(%q) is %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestListed(t *testing.T) {
	tests := []struct {
		in   []int
		want string
	}{
		{nil, ""},
		{[]int{4}, "4"},
		{[]int{4, 5}, "4, 5"},
		{[]int{4, 5, 6}, "4-6"},
		{[]int{0, 2, 3, 4, 5, 9, 11, 12}, "0, 2-5, 9, 11, 12"},
	}
	for _, tt := range tests {
		if got := listed(tt.in); got != tt.want {
			t.Errorf("listed(%v) is %q, want %q", tt.in, got, tt.want)
		}
	}
	if got := which([]int{0, 1, 2}, 9); got != "3 of 9 flows: 0-2" {
		t.Errorf("which: %q", got)
	}
	if got := which(nil, 9); got != "no flow is known to pass" {
		t.Errorf("which of none: %q", got)
	}
}

// FuzzText looks for texts that come out wider than they may, or broken.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "a.b.c", strings.Repeat("路", 99), strings.Repeat("a.", 99), strings.Repeat("\u0301", 99), strings.Repeat("x", 99) + "路:"} {
		f.Add(s, 100)
	}
	f.Fuzz(func(t *testing.T, s string, limit int) {
		s = plain(s)
		limit = max(20, min(limit, 1000))
		short := elide(s, smallSize, limit)
		if textWidth(short, smallSize) > limit {
			t.Errorf("elide(%q, %d) is %q, which is too wide", s, limit, short)
		}
		head, tail, elided := strings.Cut(short, ellipsis)
		if elided && short != s && (!strings.HasPrefix(s, head) || !strings.HasSuffix(s, tail) || len(head)+len(tail) > len(s)) {
			t.Errorf("elide(%q, %d) is %q", s, limit, short)
		}
		lines := breakLabel(s)
		if len(lines) > 2 || strings.Join(lines, "") != s && !strings.Contains(strings.Join(lines, ""), ellipsis) {
			t.Errorf("breakLabel(%q) is %q", s, lines)
		}
		for _, l := range slices.Concat(lines, wrap(s, smallSize, limit)) {
			if !utf8.ValidString(l) || textWidth(l, labelSize) > max(longestLine, 2*limit) {
				t.Errorf("of %q: the line %q", s, l)
			}
		}
	})
}
