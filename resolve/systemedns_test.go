package resolve

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

// systemOf returns a System without files that asks servers of this machine. They have so much time that only what a
// test does not expect takes it.
func systemOf(client *Client, options string, servers ...*hostile) *System {
	conf, _ := parseResolv("", "options "+options+" timeout:20\n", noEnv, "")
	conf.Servers = nil
	for _, h := range servers {
		conf.Servers = append(conf.Servers, h.addr)
	}
	return &System{Sources: []Source{{Name: "dns"}}, Resolv: conf, Client: client, routes: noRoutes}
}

// TestSystemEDNS has names and addresses asked for as the C library does, without EDNS unless it is told to.
func TestSystemEDNS(t *testing.T) {
	t.Parallel()
	addrs := func(ctx context.Context, s *System) error {
		_, err := s.Addrs(ctx, "www.test.", AnyFamily)
		return err
	}
	names := func(ctx context.Context, s *System) error {
		_, err := s.Names(ctx, netip.MustParseAddr("192.0.2.1"))
		return err
	}
	query := func(ctx context.Context, s *System) error {
		_, err := s.Query(ctx, question)
		return err
	}
	for _, tt := range []struct {
		title, options string
		ask            func(context.Context, *System) error
		client         Options
		edns           bool
	}{
		{"addresses", "", addrs, Options{}, false},
		{"addresses, edns0", "edns0", addrs, Options{}, true},
		{"addresses, edns0, but the client", "edns0", addrs, Options{NoEDNS: true}, false},
		{"names", "", names, Options{}, false},
		{"names, edns0", "edns0", names, Options{}, true},
		{"query", "", query, Options{}, true},
		{"query, but the client", "", query, Options{NoEDNS: true}, false},
	} {
		t.Run(tt.title, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			var seen []bool
			h := newHostile(t, func(_ int, q *dns.Msg, send func([]byte)) {
				mu.Lock()
				defer mu.Unlock()
				seen = append(seen, q.IsEdns0() != nil)
				send(reply(q))
			}, nil)
			c := testClient(t)
			c.Options = tt.client
			if err := tt.ask(t.Context(), systemOf(c, tt.options, h)); err != nil {
				t.Fatal(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if len(seen) == 0 || slices.Contains(seen, !tt.edns) {
				t.Errorf("queries with EDNS: %t", seen)
			}
		})
	}
}

// deaf makes an asker of a network in which nothing with EDNS reaches the servers with these numbers.
func (f fake) deaf(servers ...int) asker {
	return func(ctx context.Context, c *Client, s Server, q Question) (*Exchange, error) {
		return fake(func(server int, q Question) string {
			if slices.Contains(servers, server) && !c.Options.NoEDNS {
				return ""
			}
			return f(server, q)
		}).ask(ctx, c, s, q)
	}
}

// TestSystemDroppedEDNS has servers behind something that drops queries with EDNS. Who asks as the C library does
// waits for nothing; Query finds them in its last attempt, if that is not its first.
func TestSystemDroppedEDNS(t *testing.T) {
	both := byServer("ok", "ok")
	for _, tt := range []struct {
		title, options string
		servers        fake
		deaf           []int
		race, addrs    bool
		verdict        Verdict
		elapsed        time.Duration
		asked          string   // numbers of the servers
		notes          []string // of the exchange that decides
	}{
		{"addresses", "", both, []int{1, 2}, false, true, VerdictAnswer, 0, "11", nil},
		{"addresses, edns0", "edns0", both, []int{1, 2}, false, true, VerdictTimeout, 20 * time.Second, "11221122", nil},
		{"query", "", both, []int{1, 2}, false, false, VerdictAnswer, 10 * time.Second, "121", []string{NoteEDNSDropped}},
		{"three attempts", "attempts:3", both, []int{1, 2}, false, false, VerdictAnswer, 20 * time.Second, "12121", []string{NoteEDNSDropped}},
		{"one attempt", "attempts:1", both, []int{1, 2}, false, false, VerdictTimeout, 10 * time.Second, "12", nil},
		{"another server", "", both, []int{1}, false, false, VerdictAnswer, 5 * time.Second, "12", nil},
		{"one that fails is not mute", "", byServer("servfail", "ok"), []int{2}, false, false, VerdictAnswer, 5 * time.Second, "1212",
			[]string{NoteEDNSDropped}},
		{"mute with and without", "", byServer("", ""), nil, false, false, VerdictTimeout, 20 * time.Second, "1212", nil},
	} {
		t.Run(tt.title, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := tt.servers.system("", "dns")
				servers := s.Resolv.Servers
				s.Resolv, _ = parseResolv("", "options "+tt.options+"\n", noEnv, "")
				s.Resolv.Servers, s.Race = servers, tt.race
				var mu sync.Mutex
				var asked strings.Builder
				network := tt.servers.deaf(tt.deaf...)
				s.ask = func(ctx context.Context, c *Client, server Server, q Question) (*Exchange, error) {
					mu.Lock()
					n := server.Addr.Addr().As4()[3]
					asked.WriteByte('0' + n)
					mu.Unlock()
					if n == 1 && c.Options.NoEDNS && !tt.addrs && !slices.Contains(tt.deaf, 1) && len(tt.deaf) > 0 {
						t.Error("a server that was not mute is asked without EDNS")
					}
					return network(ctx, c, server, q)
				}
				start := time.Now()
				final, verdict := lookedUp(t, s, tt.addrs)
				if elapsed := time.Since(start); verdict != tt.verdict || elapsed != tt.elapsed || asked.String() != tt.asked {
					t.Errorf("%v after %v, asked %s, want %v after %v, asked %s", verdict, elapsed, asked.String(), tt.verdict, tt.elapsed, tt.asked)
				}
				if final != nil && !slices.Equal(notes(final), tt.notes) {
					t.Errorf("notes %v, want %v", final.Notes, tt.notes)
				}
			})
		})
	}
}

// lookedUp asks a System for the addresses of a name, or by Query, and returns what decided.
func lookedUp(t *testing.T, s *System, addrs bool) (*Exchange, Verdict) {
	t.Helper()
	if addrs {
		found, err := s.Addrs(t.Context(), "www.test.", AnyFamily)
		if err != nil {
			t.Fatal(err)
		}
		return found.Steps[0].Lookups[0].Final, found.Verdict
	}
	l, err := s.Query(t.Context(), question)
	if err != nil {
		t.Fatal(err)
	}
	return l.Final, l.Verdict
}
