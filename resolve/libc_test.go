package resolve

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// recorder records the questions to a network of name servers, with the time since the beginning.
type recorder struct {
	servers fake
	mu      sync.Mutex
	start   time.Time
	asked   []string
}

// ask is an asker.
func (r *recorder) ask(ctx context.Context, c *Client, s Server, q Question) (*Exchange, error) {
	r.mu.Lock()
	via := ""
	if s.Transport != UDP {
		via = s.Transport.String() + " "
	}
	r.asked = append(r.asked, fmt.Sprintf("%v %s%d %v", time.Since(r.start), via, s.Addr.Addr().As4()[3], q.Type))
	r.mu.Unlock()
	return r.servers.ask(ctx, c, s, q)
}

// byServer makes a network in which each server says one thing to all, from the first on. "no X" is silence to a type and
// an address to others.
func byServer(said ...string) fake {
	return func(server int, q Question) string {
		switch s := said[server-1]; {
		case s == "no "+q.Type.String():
			return ""
		case s == "fail "+q.Type.String():
			return "servfail"
		case s == "ok", strings.HasPrefix(s, "no "), strings.HasPrefix(s, "fail "):
			if q.Type == TypeAAAA {
				return "2001:db8::1"
			}
			return "192.0.2.80"
		default:
			return s
		}
	}
}

// When which server is asked, by res_send's rules: the tests against the real library compare the order, these the times.
func TestServerOrder(t *testing.T) {
	for _, tt := range []struct {
		title, options string
		servers        []string
		family         Family
		want           string // times, servers, types
		verdict        Verdict
		elapsed        time.Duration
	}{
		{"first answers", "", []string{"ok", "ok"}, AnyFamily, "0s 1 A, 0s 1 AAAA", VerdictAnswer, 0},
		{"first fails", "", []string{"servfail", "ok"}, IPv4, "0s 1 A, 0s 2 A", VerdictAnswer, 0},
		{"first does not know how", "", []string{"notimp", "ok"}, IPv4, "0s 1 A, 0s 2 A", VerdictAnswer, 0},
		{"first refuses to be asked", "", []string{"unreachable", "ok"}, AnyFamily, "0s 1 A, 0s 1 AAAA, 0s 2 A, 0s 2 AAAA", VerdictAnswer, 0},
		{"first is silent", "", []string{"", "ok"}, IPv4, "0s 1 A, 5s 2 A", VerdictAnswer, 5 * time.Second},
		{"two silent", "", []string{"", ""}, IPv4, "0s 1 A, 5s 2 A, 10s 1 A, 15s 2 A", VerdictTimeout, 20 * time.Second},
		{"three silent", "", []string{"", "", ""}, IPv4, "0s 1 A, 5s 2 A, 8s 3 A, 14s 1 A, 19s 2 A, 22s 3 A", VerdictTimeout, 28 * time.Second},
		{"impatient", "timeout:1 attempts:1", []string{"", "", ""}, IPv4, "0s 1 A, 1s 2 A, 2s 3 A", VerdictTimeout, 3 * time.Second},
		{"patient", "timeout:30 attempts:1", []string{"", ""}, IPv4, "0s 1 A, 30s 2 A", VerdictTimeout, time.Minute},
		{"all fail", "attempts:3", []string{"servfail", "refused"}, IPv4, "0s 1 A, 0s 2 A, 0s 1 A, 0s 2 A, 0s 1 A, 0s 2 A", VerdictRefused, 0},
		{"silence after a failure", "attempts:1", []string{"servfail", ""}, IPv4, "0s 1 A, 0s 2 A", VerdictServFail, 5 * time.Second},
		{"none", "attempts:0", []string{"ok"}, IPv4, "", VerdictError, 0},
		{"lame", "", []string{"lame", "ok"}, IPv4, "0s 1 A, 0s 2 A", VerdictAnswer, 0},
		{"nxdomain counts", "", []string{"nxdomain", "ok"}, IPv4, "0s 1 A", VerdictNXDomain, 0},
		{"one of two fails", "", []string{"fail AAAA", "ok"}, AnyFamily, "0s 1 A, 0s 1 AAAA", VerdictAnswer, 0},
		{"one of two is silent", "timeout:2", []string{"no AAAA", "ok"}, AnyFamily,
			"0s 1 A, 0s 1 AAAA, 2s 1 A, 2s 1 AAAA, 4s 1 A, 4s 1 AAAA", VerdictAnswer, 6 * time.Second},
		{"one by one", "single-request", []string{"ok"}, AnyFamily, "0s 1 A, 0s 1 AAAA", VerdictAnswer, 0},
		{"one by one, first silent", "single-request timeout:2", []string{"no A", "ok"}, AnyFamily, "0s 1 A, 2s 2 A, 2s 2 AAAA", VerdictAnswer, 2 * time.Second},
		{"one by one, first fails", "single-request", []string{"fail A", "ok"}, AnyFamily, "0s 1 A, 0s 2 A, 0s 2 AAAA", VerdictAnswer, 0},
		{"reopen", "single-request-reopen timeout:2", []string{"no AAAA"}, AnyFamily, "0s 1 A, 0s 1 AAAA", VerdictAnswer, 2 * time.Second},
		{"tcp", "use-vc", []string{"servfail", "ok"}, IPv4, "0s tcp 1 A", VerdictServFail, 0},
		{"tcp, once each", "use-vc", []string{"unreachable", "unreachable"}, IPv4, "0s tcp 1 A, 0s tcp 2 A", VerdictError, 0},
		{"no-aaaa", "no-aaaa", []string{"ok"}, AnyFamily, "0s 1 A", VerdictAnswer, 0},
		{"no-aaaa, IPv6", "no-aaaa", []string{"ok"}, IPv6, "", VerdictNoData, 0},
	} {
		t.Run(tt.title, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &recorder{servers: byServer(tt.servers...), start: time.Now()}
				s := r.servers.system("", "dns")
				s.Resolv, _ = parseResolv("", "options "+tt.options+"\n", noEnv, "")
				s.Resolv.Servers = nil
				for i := range tt.servers {
					s.Resolv.Servers = append(s.Resolv.Servers, serverAddr(i+1))
				}
				s.ask = r.ask
				got, err := s.Addrs(t.Context(), "a.b", tt.family)
				if err != nil {
					t.Fatal(err)
				}
				slices.SortStableFunc(r.asked, func(a, b string) int { // A and AAAA leave at the same time
					if strings.TrimRight(a, "A") == strings.TrimRight(b, "A") {
						return len(a) - len(b)
					}
					return 0
				})
				if got := strings.Join(r.asked, ", "); got != tt.want {
					t.Errorf("asked\n%s, want\n%s", got, tt.want)
				}
				if got.Verdict != tt.verdict || got.Reason == "" {
					t.Errorf("%v (%s), want %v", got.Verdict, got.Reason, tt.verdict)
				}
				if elapsed := time.Since(r.start); elapsed != tt.elapsed {
					t.Errorf("took %v, want %v", elapsed, tt.elapsed)
				}
			})
		})
	}
}

func TestRotate(t *testing.T) {
	r := &recorder{servers: byServer("ok", "ok")}
	s := r.servers.system("", "dns")
	s.ask, s.Resolv.Options.Rotate = r.ask, true
	turn := 0
	st := s.stub()
	st.turn = func() int { turn++; return turn }
	var order []byte
	for range 4 {
		if _, err := st.lookup(t.Context(), "a.b.", []Type{TypeA}); err != nil {
			t.Fatal(err)
		}
	}
	for _, a := range r.asked {
		order = append(order, a[len(a)-3])
	}
	if string(order) != "2121" {
		t.Errorf("servers %s", order)
	}
}

// A race takes what comes first of what counts, and leaves nothing behind.
func TestRace(t *testing.T) {
	for _, tt := range []struct {
		title   string
		servers []string
		family  Family
		verdict Verdict
		elapsed time.Duration
		server  int // that answered
	}{
		{"first is silent", []string{"", "ok"}, AnyFamily, VerdictAnswer, 0, 2},
		{"first fails", []string{"servfail", "ok"}, IPv6, VerdictAnswer, 0, 2},
		{"nxdomain counts", []string{"", "nxdomain"}, AnyFamily, VerdictNXDomain, 0, 2},
		{"silence", []string{"", ""}, AnyFamily, VerdictTimeout, 10 * time.Second, 0},
		{"all fail", []string{"servfail", "unreachable"}, IPv4, VerdictServFail, 0, 1},
		{"nobody", []string{"unreachable", "unreachable"}, IPv4, VerdictError, 0, 0},
		{"one for each", []string{"no A", "no AAAA"}, AnyFamily, VerdictAnswer, 0, 0},
		{"only one of two", []string{"no AAAA", "no AAAA"}, AnyFamily, VerdictAnswer, 10 * time.Second, 0},
	} {
		t.Run(tt.title, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := byServer(tt.servers...).system("", "dns")
				s.Race = true
				start := time.Now()
				got, err := s.Addrs(t.Context(), "a.b.", tt.family)
				if err != nil {
					t.Fatal(err)
				}
				if elapsed := time.Since(start); got.Verdict != tt.verdict || elapsed != tt.elapsed {
					t.Errorf("%v (%s) after %v, want %v after %v", got.Verdict, got.Reason, elapsed, tt.verdict, tt.elapsed)
				}
				if final := got.Steps[0].Lookups[0].Final; tt.server > 0 && (final == nil || final.Server.Addr != serverAddr(tt.server)) {
					t.Errorf("decided by %+v", final)
				}
			})
		})
	}
}

func TestCancelled(t *testing.T) {
	for _, race := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := byServer("", "").system("", "files dns")
			s.Race = race
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if _, err := s.Addrs(ctx, "a.b", AnyFamily); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("race %t: %v", race, err)
			}
			if _, err := s.Query(ctx, Question{Name: "a.b"}); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("race %t: %v", race, err)
			}
		})
	}
}

func TestQuery(t *testing.T) {
	s := byServer("servfail", "ok").system("", "files")
	s.Resolv.Search = []string{"x.test"}
	got, err := s.Query(t.Context(), Question{Name: "a"})
	if err != nil {
		t.Fatal(err)
	}
	if got.Verdict != VerdictAnswer || got.Question.Name != "a." || len(got.Exchanges) != 2 || got.Final != got.Exchanges[1] {
		t.Errorf("%+v", got)
	}
	if _, err := s.Query(t.Context(), Question{Name: "a..b"}); err == nil || !strings.HasPrefix(err.Error(), "resolve: ") {
		t.Errorf("error %v of what is no name", err)
	}
	if got, err := s.Query(t.Context(), Question{Name: ".", Type: TypeNS}); err != nil || got.Question.Name != "." {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := always("formerr").system("", "dns").Query(t.Context(), Question{Name: "a"}); err != nil || got.Verdict != VerdictError {
		t.Errorf("%+v, %v", got, err)
	}
}

// A question that cannot be asked is told, and ends the search, as in the C library.
func TestUnaskable(t *testing.T) {
	s := neverAsked(t).system("", "dns")
	s.ask = func(context.Context, *Client, Server, Question) (*Exchange, error) {
		return nil, errors.New("cannot be asked")
	}
	got, err := s.Addrs(t.Context(), "a", IPv4)
	if err != nil || got.Verdict != VerdictError || !strings.Contains(got.Reason, "cannot be asked") {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestPatience has the waits of the C library, in whole seconds, and those of a timeout that it could not have.
func TestPatience(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		timeout time.Duration
		servers int
		want    []time.Duration
	}{
		{5 * time.Second, 3, []time.Duration{5 * time.Second, 3 * time.Second, 6 * time.Second}},
		{time.Second, 3, []time.Duration{time.Second, time.Second, time.Second}},
		{200 * time.Millisecond, 2, []time.Duration{200 * time.Millisecond, 200 * time.Millisecond}},
		{1500 * time.Millisecond, 1, []time.Duration{1500 * time.Millisecond}},
	} {
		st := &stub{conf: ResolvConf{Servers: make([]netip.AddrPort, tt.servers), Options: ResolvOptions{Timeout: tt.timeout}}}
		for i, want := range tt.want {
			if got := st.patience(i); got != want {
				t.Errorf("%v, server %d of %d: %v, want %v", tt.timeout, i, tt.servers, got, want)
			}
		}
	}
}
