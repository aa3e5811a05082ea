package main

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// fakeNames answers lookups from a table, and knows what was asked.
type fakeNames struct {
	table map[string]string // addresses between spaces
	err   error             // for every name that is not in it
	asked []string
}

func (f *fakeNames) addrs(ctx context.Context, network, name string) ([]netip.Addr, error) {
	f.asked = append(f.asked, network+" "+name)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var addrs []netip.Addr
	for word := range strings.FieldsSeq(f.table[name]) {
		a := netip.MustParseAddr(word)
		if network == "ip" || a.Is4() == (network == "ip4") {
			if a.Is4() {
				a = netip.AddrFrom16(a.As16()) // as package net gives it
			}
			addrs = append(addrs, a)
		}
	}
	if len(addrs) > 0 {
		return addrs, nil
	}
	if f.err != nil {
		return nil, f.err
	}
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

func TestLookup(t *testing.T) {
	tests := []struct {
		name   string
		family family
		want   string // addresses, or what the error says
		asked  bool
	}{
		{"both.example", anyFamily, "2001:db8::1 192.0.2.1", true},
		{"both.example", ipv4, "192.0.2.1", true},
		{"both.example", ipv6, "2001:db8::1", true},
		{"twice.example", anyFamily, "192.0.2.1", true},
		{"four.example", ipv6, "four.example: the name has no IPv6 address, only 192.0.2.4", true},
		{"six.example", ipv4, "six.example: the name has no IPv4 address, only 2001:db8::6", true},
		{"none.example", anyFamily, "none.example: name not known", true},
		{"none.example", ipv6, "none.example: name not known", true},
		{"nosuch.invalid", anyFamily, "nosuch.invalid: name not known", false},
		{"INVALID.", ipv4, "INVALID.: name not known", false},
		{"notinvalid", anyFamily, "192.0.2.5", true},
		{"localhost", ipv4, "127.0.0.1", false},
		{"localhost", ipv6, "::1", false},
		{"LocalHost.", ipv4, "127.0.0.1", false},
		{"a.b.localhost", ipv6, "::1", false},
		{"app.localhost", anyFamily, "127.0.0.7", false}, // the hosts file has it
		{"app.localhost", ipv6, "::1", false},
	}
	for _, tt := range tests {
		all := &fakeNames{table: map[string]string{
			"both.example": "2001:db8::1 192.0.2.1", "twice.example": "192.0.2.1 192.0.2.1", "four.example": "192.0.2.4",
			"six.example": "2001:db8::6", "notinvalid": "192.0.2.5",
		}}
		hosts := &fakeNames{table: map[string]string{"app.localhost": "127.0.0.7"}}
		l := &systemLookup{hosts: hosts.addrs, all: all.addrs}
		addrs, err := l.Addrs(t.Context(), tt.name, tt.family)
		var texts []string
		for _, a := range addrs {
			texts = append(texts, a.String())
		}
		got := strings.Join(texts, " ")
		if err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s of %v: %s, want %s", tt.name, tt.family, got, tt.want)
		}
		if asked := len(all.asked) > 0; asked != tt.asked {
			t.Errorf("%s of %v: DNS was asked: %q", tt.name, tt.family, all.asked)
		}
	}
}

func TestLookupLocalhostAnyFamily(t *testing.T) {
	nothing := new(fakeNames)
	l := &systemLookup{hosts: nothing.addrs, all: nothing.addrs}
	addrs, err := l.Addrs(t.Context(), "localhost", anyFamily)
	slices.SortFunc(addrs, netip.Addr.Compare)
	if want := []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback()}; err != nil || !slices.Equal(addrs, want) {
		t.Errorf("%v, %v; want %v in some order", addrs, err, want)
	}
}

func TestLookupErrors(t *testing.T) {
	cause := errors.New("no socket")
	tests := []struct {
		err   error
		want  string
		hints int
	}{
		{&net.DNSError{Err: "i/o timeout", IsTimeout: true}, "x.example: the name servers did not answer", 1},
		{&net.DNSError{Err: "server misbehaving"}, "x.example: looking up the name: server misbehaving", 0},
		{cause, "x.example: looking up the name: no socket", 0},
	}
	for _, tt := range tests {
		l := &systemLookup{all: (&fakeNames{err: tt.err}).addrs}
		_, err := l.Addrs(t.Context(), "x.example", anyFamily)
		if err == nil || err.Error() != tt.want || len(hintsOf(err)) != tt.hints || !errors.Is(err, tt.err) {
			t.Errorf("got %v with %d hints, want %s with %d", err, len(hintsOf(err)), tt.want, tt.hints)
		}
	}
}

func TestLookupEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	l := &systemLookup{all: new(fakeNames).addrs}
	if _, err := l.Addrs(ctx, "x.example", ipv4); !errors.Is(err, context.Canceled) || !strings.HasPrefix(err.Error(), "x.example: ") {
		t.Errorf("error %v, want the context's with the name", err)
	}
}

// TestSystemLookup asks this machine for names that it answers itself.
func TestSystemLookup(t *testing.T) {
	l := newSystemLookup()
	for _, name := range []string{"localhost", "netdiag-test.localhost"} {
		addrs, err := l.Addrs(t.Context(), name, ipv4)
		if err != nil || !slices.ContainsFunc(addrs, netip.Addr.IsLoopback) {
			t.Errorf("%s: %v, %v", name, addrs, err)
		}
	}
	if addrs, err := l.Addrs(t.Context(), "netdiag-test.invalid", anyFamily); err == nil {
		t.Errorf("a name under invalid has the addresses %v", addrs)
	}
}
