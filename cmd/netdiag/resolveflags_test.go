package main

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/netdiag/netdiag/resolve"
)

// adapted returns what flags make of a system with two name servers, and of the client.
func adapted(t *testing.T, args ...string) (*resolve.System, *resolve.Client, error) {
	t.Helper()
	f := &resolveFlags{class: resolve.ClassIN}
	c, err := parsedBy(t, f.flags(), f.check, args...)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := f.plan(c)
	if err != nil {
		t.Fatal(err)
	}
	s := &resolve.System{Resolv: resolve.ResolvConf{
		Path:    "/etc/resolv.conf",
		Servers: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.53:53"), netip.MustParseAddrPort("[2001:db8::53]:53")},
		Options: resolve.ResolvOptions{Timeout: 5 * time.Second, Attempts: 2},
	}}
	client := f.client(plan)
	return s, client, f.adapt(s, client, plan)
}

// TestResolveAdapts has flags go before what resolv.conf says, and only those that are given.
func TestResolveAdapts(t *testing.T) {
	for _, tt := range []struct {
		args    string
		options resolve.ResolvOptions
		servers int
		race    bool
	}{
		{"www.example.test", resolve.ResolvOptions{Timeout: 5 * time.Second, Attempts: 2}, 2, false},
		{"--tries 4 www.example.test", resolve.ResolvOptions{Timeout: 5 * time.Second, Attempts: 4}, 2, false},
		{"--timeout 1 www.example.test", resolve.ResolvOptions{Timeout: time.Second, Attempts: 2}, 2, false},
		{"--tcp www.example.test a", resolve.ResolvOptions{Timeout: 5 * time.Second, Attempts: 2, UseVC: true}, 2, false},
		{"--race -4 www.example.test", resolve.ResolvOptions{Timeout: 5 * time.Second, Attempts: 2}, 2, true},
		{"-4 www.example.test a", resolve.ResolvOptions{Timeout: 5 * time.Second, Attempts: 2}, 1, false},
	} {
		s, client, err := adapted(t, strings.Fields(tt.args)...)
		if err != nil || s.Client != client || s.Race != tt.race || s.Resolv.Options != tt.options || len(s.Resolv.Servers) != tt.servers {
			t.Errorf("%s: %+v, %d servers, race %v, error %v", tt.args, s.Resolv.Options, len(s.Resolv.Servers), s.Race, err)
		}
	}
}

// TestResolveClient has flags in the queries.
func TestResolveClient(t *testing.T) {
	_, client, err := adapted(t, strings.Fields("example.test mx IXFR=2026010101 @192.0.2.54 --bufsize 512 --tries 7 --timeout 2")...)
	if err != nil || client.Options != (resolve.Options{Serial: 2026010101, UDPSize: 512}) || client.Tries != 7 || client.Timeout != 2*time.Second {
		t.Errorf("%+v, tries %d, timeout %v, error %v", client.Options, client.Tries, client.Timeout, err)
	}
}

// TestRecordTypes has types from flags and words together, each once.
func TestRecordTypes(t *testing.T) {
	p, err := planned(t, strings.Fields("-t mx,IXFR=5,mx -t txt example.test ixfr=5 TXT ns")...)
	if err != nil {
		t.Fatal(err)
	}
	if want := []resolve.Type{resolve.TypeMX, resolve.TypeIXFR, resolve.TypeTXT, resolve.TypeNS}; !slices.Equal(p.types, want) || p.serial != 5 {
		t.Errorf("%v, serial %d, want %v", p.types, p.serial, want)
	}
}
