package resolve

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// rr returns a record written as "owner type target-or-value".
func rr(text string) Record {
	f := strings.SplitN(text, " ", 3)
	types := map[string]Type{"A": TypeA, "AAAA": TypeAAAA, "CNAME": TypeCNAME, "DNAME": TypeDNAME, "NS": TypeNS, "SOA": TypeSOA, "MX": TypeMX, "TXT": TypeTXT}
	r := Record{Name: f[0], Type: types[f[1]], Class: ClassIN, TTL: 60e9, Value: f[2]}
	if r.Type == TypeA || r.Type == TypeAAAA {
		r.Addr, _ = netip.ParseAddr(f[2])
	}
	if r.Type == TypeCNAME || r.Type == TypeDNAME || r.Type == TypeNS {
		r.Target = f[2]
	}
	return r
}

func rrs(texts ...string) []Record {
	var records []Record
	for _, t := range texts {
		records = append(records, rr(t))
	}
	return records
}

func TestFollow(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		q      Question
		answer []Record
		links  []string // owners of the links
		end    string
		values []string
		loop   bool
	}{
		{name: "records", q: Question{Name: "www.example.test"}, answer: rrs("www.example.test. A 192.0.2.1", "WWW.example.TEST. A 192.0.2.2"),
			end: "www.example.test.", values: []string{"192.0.2.1", "192.0.2.2"}},
		{name: "others' records", q: Question{Name: "www.example.test"}, answer: rrs("evil.example.test. A 192.0.2.66", "www.example.test. AAAA 2001:db8::1"),
			end: "www.example.test."},
		{name: "aliases in any order", q: Question{Name: "a.test"}, answer: rrs("c.test. A 192.0.2.1", "b.test. CNAME c.test.", "A.test. CNAME B.test."),
			links: []string{"A.test.", "b.test."}, end: "c.test.", values: []string{"192.0.2.1"}},
		{name: "the alias itself", q: Question{Name: "a.test", Type: TypeCNAME}, answer: rrs("a.test. CNAME b.test.", "b.test. CNAME c.test."),
			end: "a.test.", values: []string{"b.test."}},
		{name: "any", q: Question{Name: "a.test", Type: TypeANY}, answer: rrs("a.test. A 192.0.2.1", "a.test. TXT x", "b.test. A 192.0.2.2"),
			end: "a.test.", values: []string{"192.0.2.1", "x"}},
		{name: "a loop", q: Question{Name: "a.test"}, answer: rrs("a.test. CNAME b.test.", "b.test. CNAME a.test."),
			links: []string{"a.test.", "b.test."}, end: "a.test.", loop: true},
		{name: "to itself", q: Question{Name: "a.test"}, answer: rrs("a.test. CNAME A.TEST."), links: []string{"a.test."}, end: "A.TEST.", loop: true},
		{name: "a tree of aliases", q: Question{Name: "x.y.old.test"},
			answer: rrs("old.test. DNAME new.test.", "x.y.old.test. CNAME x.y.new.test.", "x.y.new.test. A 192.0.2.1"),
			links:  []string{"old.test.", "x.y.old.test."}, end: "x.y.new.test.", values: []string{"192.0.2.1"}},
		{name: "a tree without the alias", q: Question{Name: "x.old.test"}, answer: rrs("old.test. DNAME new.test.", "x.new.test. A 192.0.2.1"),
			links: []string{"old.test."}, end: "x.new.test.", values: []string{"192.0.2.1"}},
		{name: "a tree to the root", q: Question{Name: "x.old.test"}, answer: rrs("old.test. DNAME .", "x. A 192.0.2.1"),
			links: []string{"old.test."}, end: "x.", values: []string{"192.0.2.1"}},
		{name: "the root as a tree", q: Question{Name: "x"}, answer: rrs(". DNAME new.test.", "x.new.test. A 192.0.2.1"),
			links: []string{"."}, end: "x.new.test.", values: []string{"192.0.2.1"}},
		{name: "the tree's own name", q: Question{Name: "old.test"}, answer: rrs("old.test. DNAME new.test."), end: "old.test."},
		{name: "a transfer", q: Question{Name: "test", Type: TypeAXFR}, answer: rrs("test. SOA s", "a.test. A 192.0.2.1", "test. SOA s"),
			end: "test.", values: []string{"s", "192.0.2.1", "s"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := (&Message{Answer: test.answer}).Follow(test.q)
			var links, values []string
			for _, r := range c.Links {
				links = append(links, r.Name)
			}
			for _, r := range c.Records {
				values = append(values, r.Value)
			}
			if diff := cmp.Diff(test.links, links); diff != "" {
				t.Errorf("links (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.values, values); diff != "" {
				t.Errorf("records (-want +got):\n%s", diff)
			}
			if c.Name != test.end || c.Loop != test.loop {
				t.Errorf("ends at %s, loop %t; want %s, %t", c.Name, c.Loop, test.end, test.loop)
			}
		})
	}
}

// A server may send as many aliases as a message holds.
func TestFollowLong(t *testing.T) {
	t.Parallel()
	var answer []Record
	for i := range 4000 {
		answer = append(answer, rr(fmt.Sprintf("n%d.test. CNAME n%d.test.", i, i+1)))
	}
	slices.Reverse(answer)
	if c := (&Message{Answer: answer}).Follow(Question{Name: "n0.test"}); !c.Loop || len(c.Links) != mostLinks+1 {
		t.Errorf("loop %t after %d links", c.Loop, len(c.Links))
	}
}

// A tree may grow with every step.
func TestFollowGrowing(t *testing.T) {
	t.Parallel()
	c := (&Message{Answer: rrs("test. DNAME a.test.")}).Follow(Question{Name: "x.test"})
	if !c.Loop {
		t.Errorf("ends at %s without a loop", c.Name)
	}
}

func TestWithin(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, zone string
		want       bool
	}{
		{"a.test.", "test.", true}, {"a.TEST.", "tesT.", true}, {"test.", "test.", true}, {"test.", ".", true}, {".", ".", true},
		{"atest.", "test.", false}, {`a\.test.`, "test.", false}, {`a\\.test.`, "test.", true}, {"test.", "a.test.", false},
		{"a.b.", "test.", false}, {".", "test.", false},
	} {
		if got := Within(test.name, test.zone); got != test.want {
			t.Errorf("Within(%q, %q) = %t", test.name, test.zone, got)
		}
	}
}
