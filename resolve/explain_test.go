package resolve

import (
	"context"
	"slices"
	"strings"
	"testing"
)

// TestExplain has a server say why it failed to who asks with EDNS, of which lookups as the C library makes them have none.
func TestExplain(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		said    string
		explain bool
		edns0   bool
		want    string // at the end of the reason
		asked   []bool // whether with EDNS, of each query
	}{
		{"servfail", true, false, "(EDE 7, Signature Expired: on 1 Feb)", []bool{false, true}},
		{"servfail", false, false, "could not find out", []bool{false}},
		{"nxdomain", true, false, "does not exist", []bool{false, false}},
		{"servfail", true, true, "could not find out", []bool{true}},
	} {
		s := always(tt.said).system("", "dns")
		s.Explain, s.Resolv.Options.EDNS0 = tt.explain, tt.edns0
		s.Resolv.Servers, s.Resolv.Options.Attempts = s.Resolv.Servers[:1], 1
		s.Resolv.Options.SingleRequest = true
		var asked []bool
		answer := s.ask
		s.ask = func(ctx context.Context, c *Client, server Server, q Question) (*Exchange, error) {
			asked = append(asked, !c.Options.NoEDNS)
			x, err := answer(ctx, c, server, q)
			if err == nil && x.Message != nil && !c.Options.NoEDNS && !tt.edns0 {
				x.Message.EDNS = &EDNS{Errors: []ExtendedError{{7, "on 1 Feb"}}}
			}
			return x, err
		}
		got, err := s.Addrs(t.Context(), "www.test", AnyFamily)
		if err != nil || !strings.HasSuffix(got.Reason, tt.want) {
			t.Errorf("%s, %t: %q, %v; want %q", tt.said, tt.explain, got.Reason, err, tt.want)
		}
		if !slices.Equal(asked, tt.asked) {
			t.Errorf("%s, %t: EDNS in %v, want %v", tt.said, tt.explain, asked, tt.asked)
		}
	}
}

// TestExplainOther has a server that fails at first and then, asked for its reason, answers: that is no reason.
func TestExplainOther(t *testing.T) {
	t.Parallel()
	s := always("servfail").system("", "dns")
	s.Explain = true
	answer := s.ask
	s.ask = func(ctx context.Context, c *Client, server Server, q Question) (*Exchange, error) {
		x, err := answer(ctx, c, server, q)
		if err == nil && !c.Options.NoEDNS {
			x.Message.Rcode, x.Message.EDNS = NoError, &EDNS{Errors: []ExtendedError{{Code: 3}}}
		}
		return x, err
	}
	got, err := s.Addrs(t.Context(), "www.test", IPv4)
	if err != nil || strings.Contains(got.Reason, "EDE") {
		t.Errorf("%q, %v", got.Reason, err)
	}
}

// TestDecided has the exchange named that decided, of a search list's names the one that the reason is of.
func TestDecided(t *testing.T) {
	t.Parallel()
	s := fake(func(_ int, q Question) string {
		if q.Name == "gone.a.test." {
			return "nodata"
		}
		return "nxdomain"
	}).system("", "dns")
	s.Resolv.Search = []string{"b.test", "a.test", "c.test"}
	got, err := s.Addrs(t.Context(), "gone", IPv4)
	if err != nil || len(got.Steps) != 1 || got.Steps[0].Decided == nil {
		t.Fatalf("%+v, %v", got, err)
	}
	if name := got.Steps[0].Decided.Question.Name; name != "gone.a.test." || !strings.Contains(got.Reason, name) {
		t.Errorf("%s decided, but: %s", name, got.Reason)
	}
}
