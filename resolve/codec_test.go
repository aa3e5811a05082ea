package resolve

import "testing"

// TestTypeNames writes and reads every type, class and response code that there can be.
func TestTypeNames(t *testing.T) {
	for n := range 1 << 16 {
		if s := Type(n).String(); n > 0 {
			if got, ok := ParseType(s); !ok || got != Type(n) {
				t.Errorf("type %d is %s, which is %d", n, s, got)
			}
		}
		if s := Class(n).String(); n > 0 {
			if got, ok := ParseClass(s); !ok || got != Class(n) {
				t.Errorf("class %d is %s, which is %d", n, s, got)
			}
		}
		if s := Rcode(n).String(); n < 1<<12 {
			if got, ok := ParseRcode(s); !ok || got != Rcode(n) {
				t.Errorf("code %d is %s, which is %d", n, s, got)
			}
		}
	}
}

// TestParseType reads names as users write them.
func TestParseType(t *testing.T) {
	for s, want := range map[string]Type{
		"a": TypeA, "AAAA": TypeAAAA, "https": TypeHTTPS, "any": TypeANY, "Type65": TypeHTTPS, "TYPE1": TypeA,
		"type65280": 65280, "TYPE65535": 65535, "nsap-ptr": 23, "TYPE00001": TypeA,
		"": 0, "TYPE": 0, "TYPE0": 0, "TYPE65536": 0, "TYPE-1": 0, "TYPE+1": 0, "TYPE1x": 0, "none": 0, "reserved": 0, "bogus": 0, "1": 0,
	} {
		if got, ok := ParseType(s); got != want && ok || ok != (want != 0) {
			t.Errorf("%q: %d, %v, want %d", s, got, ok, want)
		}
	}
	for s, want := range map[string]Class{"in": ClassIN, "Ch": ClassCH, "class3": ClassCH, "CLASS65535": 65535, "ANY": ClassANY, "CLASS0": 0, "X": 0} {
		if got, ok := ParseClass(s); got != want && ok || ok != (want != 0) {
			t.Errorf("%q: %d, %v, want %d", s, got, ok, want)
		}
	}
	for s, want := range map[string]Rcode{"nxdomain": NXDomain, "BADVERS": BadVers, "rcode4095": 4095, "badcookie": BadCookie, "NOTIMP": NotImplemented} {
		if got, ok := ParseRcode(s); got != want || !ok {
			t.Errorf("%q: %d, %v, want %d", s, got, ok, want)
		}
	}
	for _, s := range []string{"", "RCODE", "RCODE4096", "none"} {
		if got, ok := ParseRcode(s); ok {
			t.Errorf("%q: %d", s, got)
		}
	}
}
