package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestOriginName(t *testing.T) {
	for addr, want := range map[string]string{
		"8.9.10.11":  "11.10.9.8.origin.asn.cymru.com.",
		"2001:4::1a": "a.1" + strings.Repeat(".0", 22) + ".4.0.0.0.1.0.0.2.origin6.asn.cymru.com.",
	} {
		if got := originName(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
}

func TestAnnounced(t *testing.T) {
	for addrs, want := range map[string]bool{
		"8.8.8.8 100.63.255.255 100.128.0.0 172.32.0.1 198.20.0.1 2001:4860::1 2600::1": true,
		"10.0.0.1 172.16.0.1 192.168.1.1 127.0.0.1 169.254.1.1 100.64.0.1 100.127.255.255 192.0.2.1 198.51.100.1 203.0.113.1 198.18.0.1 224.0.0.1 " +
			"240.0.0.1 255.255.255.255 0.0.0.0 0.1.2.3 ::1 :: fe80::1 fe80::1%eth0 fd00::1 ff02::1 2001:db8::1 3fff::1 100::1": false,
	} {
		for addr := range strings.FieldsSeq(addrs) {
			if got := announced(netip.MustParseAddr(addr)); got != want {
				t.Errorf("%s: %t", addr, got)
			}
		}
	}
}

func TestParseOrigins(t *testing.T) {
	for _, tt := range []struct {
		texts []string
		want  string
	}{
		{[]string{"15169 | 8.8.8.0/24 | US | arin | 2023-12-28"}, "[15169]"},
		{[]string{"64496 64497 64496 | 192.0.2.0/24 | ZZ | ripencc |"}, "[64496 64497]"},
		{[]string{"64496 | 192.0.0.0/16 | ZZ", "64497 | 192.0.2.0/24 | ZZ", "64498 | 192.0.2.0/24 | ZZ"}, "[64497 64498]"},
		{[]string{"64497 | 192.0.2.0/24 | ZZ", "64496 | 192.0.0.0/16 | ZZ"}, "[64497]"},
		{[]string{"64496|2001:db8::/32"}, "[64496]"},
		{[]string{"1 2 3 4 5 6 | 192.0.2.0/24"}, "[1 2 3 4]"},
		{[]string{"4294967295 4294967296 -1 0 AS7 \x1b[2J 9 | 192.0.2.0/24"}, "[4294967295 9]"},
		{[]string{"NA | 192.0.2.0/24 | ZZ"}, "[]"},
		{[]string{"64496", "64496 | here | ZZ", "|", "", "\xff\xfe | \x00"}, "[]"},
		{nil, "[]"},
	} {
		if got := fmt.Sprint(parseOrigins(tt.texts)); got != tt.want {
			t.Errorf("%q: %s, want %s", tt.texts, got, tt.want)
		}
	}
}

func FuzzParseOrigins(f *testing.F) {
	f.Add("15169 | 8.8.8.0/24 | US | arin | 2023-12-28", "64496 64497 | 192.0.2.0/24")
	f.Add("|||", "\xff \x1b | ::/0")
	f.Fuzz(func(t *testing.T, a, b string) {
		got := parseOrigins([]string{a, b})
		if len(got) > mostOrigins || slices.Contains(got, 0) {
			t.Fatalf("%v", got)
		}
		for i, n := range got {
			if !strings.Contains(a+b, fmt.Sprint(n)) || slices.Contains(got[:i], n) {
				t.Fatalf("%d of %v", n, got)
			}
		}
		if alone := parseOrigins([]string{a}); len(alone) > 0 && len(got) == 0 {
			t.Fatalf("%v alone, %v with %q", alone, got, b)
		}
	})
}
