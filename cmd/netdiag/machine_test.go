package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/netdiag/netdiag/resolve"
)

// fakeSystem answers from tables, and knows what was asked.
type fakeSystem struct {
	addrs map[string]string // addresses between spaces, by name
	names map[string]string // by address
	texts map[string][]string
	other resolve.Found // for what is not in them
	asked []string
}

func (f *fakeSystem) Addrs(ctx context.Context, name string, family resolve.Family) (*resolve.Found, error) {
	f.asked = append(f.asked, fmt.Sprintf("%d %s", family, name))
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	found := &resolve.Found{}
	all, known := f.addrs[name]
	for word := range strings.FieldsSeq(all) {
		a := netip.MustParseAddr(word)
		if family == resolve.AnyFamily || a.Unmap().Is4() == (family == resolve.IPv4) {
			found.Addrs = append(found.Addrs, resolve.Address{Addr: a})
		}
	}
	switch {
	case len(found.Addrs) > 0:
		return found, nil
	case known:
		return &resolve.Found{Verdict: resolve.VerdictNoData}, nil
	case f.other.Verdict != resolve.VerdictAnswer:
		return &f.other, nil
	}
	return &resolve.Found{Verdict: resolve.VerdictNXDomain}, nil
}

func (f *fakeSystem) Names(_ context.Context, addr netip.Addr) (*resolve.Found, error) {
	if f.names == nil {
		return nil, errors.New("no answer")
	}
	return &resolve.Found{Names: strings.Fields(f.names[addr.String()])}, nil
}

func (f *fakeSystem) Query(_ context.Context, q resolve.Question) (*resolve.Lookup, error) {
	f.asked = append(f.asked, q.String())
	if f.texts == nil {
		return &resolve.Lookup{}, nil
	}
	m := &resolve.Message{}
	for _, text := range f.texts[q.Name] {
		m.Answer = append(m.Answer, resolve.Record{Name: q.Name, Type: resolve.TypeTXT, Value: text})
	}
	return &resolve.Lookup{Final: &resolve.Exchange{Message: m}}, nil
}

func (f *fakeSystem) machine() *machine {
	return &machine{system: func() (systemNames, error) { return f, nil }}
}

func TestMachineAddrs(t *testing.T) {
	for _, tt := range []struct {
		name   string
		family family
		want   string // addresses, or what the error says
	}{
		{"both.example", anyFamily, "2001:db8::1 192.0.2.1"},
		{"both.example", ipv4, "192.0.2.1"},
		{"both.example", ipv6, "2001:db8::1"},
		{"twice.example", anyFamily, "192.0.2.1"},
		{"four.example", ipv6, "four.example: the name has no IPv6 address, only 192.0.2.4"},
		{"six.example", ipv4, "six.example: the name has no IPv4 address, only 2001:db8::6"},
		{"empty.example", ipv4, "empty.example: the name has no address"},
		{"none.example", anyFamily, "none.example: name not known"},
		{"none.example", ipv6, "none.example: name not known"},
	} {
		system := &fakeSystem{addrs: map[string]string{
			"both.example": "2001:db8::1 192.0.2.1", "twice.example": "192.0.2.1 ::ffff:192.0.2.1", "four.example": "192.0.2.4",
			"six.example": "2001:db8::6", "empty.example": "",
		}}
		addrs, err := system.machine().Addrs(t.Context(), tt.name, tt.family)
		got := strings.Trim(fmt.Sprint(addrs), "[]")
		if err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s of %v: %s, want %s", tt.name, tt.family, got, tt.want)
		}
	}
}

func TestMachineErrors(t *testing.T) {
	for _, tt := range []struct {
		found resolve.Found
		want  string
		hints int
	}{
		{resolve.Found{Verdict: resolve.VerdictTimeout}, "x.example: the name servers did not answer", 1},
		{resolve.Found{Verdict: resolve.VerdictServFail, Reason: "because"}, "x.example: looking up the name: because", 1},
	} {
		system := &fakeSystem{other: tt.found}
		_, err := system.machine().Addrs(t.Context(), "x.example", ipv4)
		if len(system.asked) != 1 {
			t.Errorf("asked for %v: what nobody can tell is asked for once", system.asked)
		}
		if err == nil || err.Error() != tt.want || len(hintsOf(err)) != tt.hints {
			t.Errorf("got %v with %d hints, want %s with %d", err, len(hintsOf(err)), tt.want, tt.hints)
		}
	}
}

func TestMachineEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := new(fakeSystem).machine().Addrs(ctx, "x.example", ipv4)
	if !errors.Is(err, context.Canceled) || !strings.HasPrefix(err.Error(), "x.example: ") {
		t.Errorf("error %v, want the context's with the name", err)
	}
}

func TestMachineWithoutConfiguration(t *testing.T) {
	broken := errors.New("no configuration")
	m := &machine{system: func() (systemNames, error) { return nil, broken }}
	if _, err := m.Addrs(t.Context(), "x.example", ipv4); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	if name := m.Name(t.Context(), netip.IPv6Loopback()); name != "" {
		t.Errorf("name %q", name)
	}
	if origins := m.Origins(t.Context(), netip.MustParseAddr("8.8.8.8")); origins != nil {
		t.Errorf("origins %v", origins)
	}
}

func TestMachineName(t *testing.T) {
	for names, want := range map[string]string{"a.example. b.example.": "a.example", "a.example": "a.example", ".": "", "": ""} {
		m := (&fakeSystem{names: map[string]string{"192.0.2.1": names}}).machine()
		if got := m.Name(t.Context(), netip.MustParseAddr("192.0.2.1")); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := new(fakeSystem).machine().Name(t.Context(), netip.MustParseAddr("192.0.2.1")); got != "" {
		t.Errorf("%q without an answer", got)
	}
}

func TestMachineOrigins(t *testing.T) {
	system := &fakeSystem{texts: map[string][]string{
		"8.8.8.8.origin.asn.cymru.com.":            {`"15169 | 8.8.8.0/24 | US | arin | 2023-12-28"`},
		"1.0.128.9.origin.asn.cymru.com.":          {`"64496 | 9.128.0.0/9 | ZZ"`, `"64497 64498 | 9.128.0.0/16 | ZZ | \027[2J"`},
		originName(netip.MustParseAddr("2600::1")): {`"64499 | 2600::/20 | ZZ"`},
	}}
	for addr, want := range map[string]string{
		"8.8.8.8": "[15169]", "9.128.0.1": "[64497 64498]", "2600::1": "[64499]", "8.8.4.4": "[]", "192.0.2.1": "[]",
	} {
		if got := fmt.Sprint(system.machine().Origins(t.Context(), netip.MustParseAddr(addr))); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
	if asked := strings.Join(system.asked, " "); strings.Contains(asked, "1.2.0.192.") {
		t.Errorf("an address for documentation was asked for: %s", asked)
	}
	if got := new(fakeSystem).machine().Origins(t.Context(), netip.MustParseAddr("8.8.8.8")); got != nil {
		t.Errorf("%v without an answer", got)
	}
}
