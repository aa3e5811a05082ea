package packet

import (
	"net/netip"
	"testing"
)

func TestText(t *testing.T) {
	for _, tt := range []struct {
		e    Error
		want string
	}{
		{Error{Family: IPv4, Type: 3, Code: 0}, "Destination Net Unreachable"},
		{Error{Family: IPv4, Type: 3, Code: 1}, "Destination Host Unreachable"},
		{Error{Family: IPv4, Type: 3, Code: 2}, "Destination Protocol Unreachable"},
		{Error{Family: IPv4, Type: 3, Code: 3}, "Destination Port Unreachable"},
		{Error{Family: IPv4, Type: 3, Code: 4, MTU: 1400}, "Frag needed and DF set (mtu = 1400)"},
		{Error{Family: IPv4, Type: 3, Code: 4}, "Frag needed and DF set"},
		{Error{Family: IPv4, Type: 3, Code: 5}, "Source Route Failed"},
		{Error{Family: IPv4, Type: 3, Code: 13}, "Packet filtered"},
		{Error{Family: IPv4, Type: 3, Code: 15}, "Precedence Cutoff"},
		{Error{Family: IPv4, Type: 3, Code: 16}, "Destination unreachable: unknown code 16"},
		{Error{Family: IPv4, Type: 4}, "Source Quench"},
		{Error{Family: IPv4, Type: 4, Code: 1}, "Source Quench: unknown code 1"},
		{Error{Family: IPv4, Type: 5, Code: 1, Gateway: netip.MustParseAddr("127.0.1.98")},
			"Redirect Host (new nexthop: 127.0.1.98)"},
		{Error{Family: IPv4, Type: 5}, "Redirect Network"},
		{Error{Family: IPv4, Type: 5, Code: 4}, "Redirect: unknown code 4"},
		{Error{Family: IPv4, Type: 11}, "Time to live exceeded"},
		{Error{Family: IPv4, Type: 11, Code: 1}, "Frag reassembly time exceeded"},
		{Error{Family: IPv4, Type: 11, Code: 255}, "Time exceeded: unknown code 255"},
		{Error{Family: IPv4, Type: 12, Pointer: 20}, "Parameter problem: pointer = 20"},
		{Error{Family: IPv4, Type: 12, Code: 2}, "Parameter problem: Bad length: pointer = 0"},
		{Error{Family: IPv6, Type: 1}, "Destination unreachable: No route"},
		{Error{Family: IPv6, Type: 1, Code: 1}, "Destination unreachable: Administratively prohibited"},
		{Error{Family: IPv6, Type: 1, Code: 3}, "Destination unreachable: Address unreachable"},
		{Error{Family: IPv6, Type: 1, Code: 4}, "Destination unreachable: Port unreachable"},
		{Error{Family: IPv6, Type: 1, Code: 9}, "Destination unreachable: unknown code 9"},
		{Error{Family: IPv6, Type: 2, MTU: 1280}, "Packet too big (mtu = 1280)"},
		{Error{Family: IPv6, Type: 3}, "Time exceeded: Hop limit"},
		{Error{Family: IPv6, Type: 4, Code: 1, Pointer: 6}, "Parameter problem: Unknown header at 6"},
		{Error{Family: IPv6, Type: 4, Code: 11, Pointer: 6}, "Parameter problem: unknown code 11 at 6"},
		{Error{Family: IPv6, Type: 137, Gateway: gateway6}, "Redirect (new nexthop: fe80::fe)"},
		{Error{Family: IPv6, Type: 100, Code: 3}, "ICMP type 100, code 3"},
		{Error{Type: 3, Code: 1}, "ICMP type 3, code 1"},
	} {
		if got := tt.e.Text(); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.e, got, tt.want)
		}
	}
}

func TestEveryKindHasTexts(t *testing.T) {
	seen := make(map[string]bool)
	for _, k := range kinds {
		if k.class == 0 || k.name == "" || len(k.codes) == 0 {
			t.Errorf("%+v lacks something", k)
		}
		for code, text := range k.codes {
			id := string('0'+rune(k.family)) + text
			if text == "" || seen[id] {
				t.Errorf("type %d of family %d: text %q of code %d is empty or another's", k.typ, k.family, text, code)
			}
			seen[id] = true
		}
	}
}
