package resolve

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestCourse has questions asked without a network: what a server answers to each form in turn, and which
// forms follow.
func TestCourse(t *testing.T) {
	edns := func(rcode Rcode) *Message { return &Message{Rcode: rcode, EDNS: &EDNS{}} }
	plain := func(rcode Rcode) *Message { return &Message{Rcode: rcode} }
	cookie := &Message{Rcode: BadCookie, EDNS: &EDNS{Server: []byte("server's")}}
	version := func(v uint8) *Message { return &Message{Rcode: BadVers, EDNS: &EDNS{Version: v}} }
	cut := &Message{Truncated: true}
	for _, c := range []struct {
		name    string
		options Options
		stream  bool
		answers []*Message // nil: silence
		steps   []step
		notes   []string
	}{
		{"an answer", Options{}, false, []*Message{edns(NoError)}, []step{finish}, nil},
		{"an answer without EDNS", Options{}, false, []*Message{plain(NoError)}, []step{finish}, nil},
		{"an answer that refuses", Options{}, false, []*Message{plain(Refused)}, []step{finish}, nil},
		{"EDNS is understood, the query is not", Options{}, false, []*Message{edns(FormErr)}, []step{finish}, nil},
		{"no EDNS", Options{}, false, []*Message{plain(FormErr), plain(NoError)}, []step{again, finish}, []string{NoteNoEDNS}},
		{"no EDNS and no answer", Options{}, false, []*Message{plain(NotImplemented), plain(NotImplemented)},
			[]step{again, finish}, []string{NoteNoEDNS}},
		{"no EDNS was sent", Options{NoEDNS: true}, false, []*Message{plain(FormErr)}, []step{finish}, nil},
		{"EDNS 0 is not known", Options{}, false, []*Message{version(0), plain(NoError)}, []step{again, finish}, []string{NoteVersion}},
		{"EDNS 1 is not known", Options{Version: 1}, false, []*Message{version(0), edns(NoError)}, []step{again, finish}, []string{NoteVersion}},
		{"no EDNS is known", Options{Version: 255}, false, []*Message{version(255), version(254), version(253), edns(BadVers)},
			[]step{again, again, again, finish}, []string{NoteVersion, NoteVersion, NoteVersion}},
		{"a cookie is wanted", Options{}, false, []*Message{cookie, edns(NoError)}, []step{again, finish}, []string{NoteCookie}},
		{"a cookie is wanted, none is given", Options{}, false, []*Message{edns(BadCookie)}, []step{finish}, nil},
		{"another cookie is wanted", Options{}, false, []*Message{cookie, cookie}, []step{again, byTCP}, []string{NoteCookie, NoteCookie}},
		{"cookies are wanted without end", Options{}, true, []*Message{cookie, cookie}, []step{again, finish}, []string{NoteCookie}},
		{"no cookie was sent", Options{NoCookie: true}, false, []*Message{cookie}, []step{finish}, nil},
		{"truncated", Options{}, false, []*Message{cut}, []step{byTCP}, nil},
		{"truncated over TCP", Options{}, true, []*Message{cut}, []step{finish}, []string{NoteTruncatedTCP}},
		{"EDNS is dropped", Options{}, false, []*Message{nil, nil, plain(NoError)}, []step{again, again, finish}, []string{NoteEDNSDropped}},
	} {
		t.Run(c.name, func(t *testing.T) {
			way := newCourse(c.options, transports(UDP), cookieOf("client's"))
			way.stream = c.stream
			var steps []step
			for i, m := range c.answers {
				if m == nil {
					way.silent(len(c.answers) - i - 2)
					steps = append(steps, again)
					continue
				}
				q, err := pack(question.normal(), way.form)
				if err != nil {
					t.Fatal(err)
				}
				steps = append(steps, way.answered(q, m))
			}
			var kinds []string
			for _, n := range way.notes {
				kinds = append(kinds, n.Kind)
			}
			if !slices.Equal(steps, c.steps) {
				t.Errorf("steps %v, want %v", steps, c.steps)
			}
			if d := cmp.Diff(c.notes, kinds); d != "" {
				t.Errorf("notes (-want +got):\n%s", d)
			}
		})
	}
}

// cookieOf returns a cookie without a server's part.
func cookieOf(client string) cookie { return cookie{client: [clientCookie]byte([]byte(client))} }

// TestLateComplaint has two queries with EDNS refused, of which one answer comes too late to matter.
func TestLateComplaint(t *testing.T) {
	for _, m := range []*Message{{Rcode: FormErr}, {Rcode: BadVers, EDNS: &EDNS{}}} {
		way := newCourse(Options{}, transports(UDP), cookieOf("client's"))
		q, err := pack(question.normal(), way.form)
		if err != nil {
			t.Fatal(err)
		}
		if first, second := way.answered(q, m), way.answered(q, m); first != again || second != stale {
			t.Errorf("%v: steps %v, %v", m.Rcode, first, second)
		}
	}
}
