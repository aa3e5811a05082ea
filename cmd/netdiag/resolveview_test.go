package main

import (
	"bytes"
	"context"
	"errors"
	"hash/crc32"
	"iter"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netdiag/netdiag/resolve"
)

// resolveScene is a run of resolve over a network that a test makes up.
type resolveScene struct {
	args     []string
	found    map[string]*resolve.Found               // what this machine finds for a name or an address
	beside   map[string]*resolve.Found               // what DNS says of a name
	lookups  map[string]*resolve.Lookup              // what the servers of this machine say to a question, "NAME TYPE"
	servers  map[string]map[string]*resolve.Exchange // what a server says; one that is not there does not answer
	slow     map[string]time.Duration                // how long a server, or what DNS says of a name, takes
	problems []resolve.Problem
	mute     string        // nothing at all comes back about this server
	ends     time.Duration // the user interrupts then; 0: never
}

// wait takes as long as the scene says, and else differently long for each, so that no two end at the same moment.
func (s *resolveScene) wait(ctx context.Context, who string) error {
	delay, ok := s.slow[who]
	if !ok {
		delay = time.Duration(crc32.ChecksumIEEE([]byte(who)) >> 8) // up to 17 ms
	}
	select {
	case <-time.After(delay):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// find returns what a table has for a key.
func find[T any](s *resolveScene, ctx context.Context, table map[string]*T, key string) (*T, error) {
	if err := s.wait(ctx, key); err != nil {
		return nil, err
	}
	if v, ok := table[key]; ok {
		return v, nil
	}
	return nil, errors.New("the test has nothing for " + key)
}

func (s *resolveScene) Addrs(ctx context.Context, name string, _ resolve.Family) (*resolve.Found, error) {
	return find(s, ctx, s.found, name)
}

func (s *resolveScene) Names(ctx context.Context, addr netip.Addr) (*resolve.Found, error) {
	return find(s, ctx, s.found, addr.String())
}

func (s *resolveScene) Query(ctx context.Context, q resolve.Question) (*resolve.Lookup, error) {
	return find(s, ctx, s.lookups, q.Name+" "+q.Type.String())
}

func (s *resolveScene) Beside(ctx context.Context, name string, _ resolve.Family) (*resolve.Found, error) {
	if err := s.wait(ctx, "beside "+name); err != nil {
		return nil, err
	}
	return s.beside[name], nil
}

func (s *resolveScene) Ask(ctx context.Context, servers []resolve.Server, questions []resolve.Question) iter.Seq2[*resolve.Exchange, error] {
	return func(yield func(*resolve.Exchange, error) bool) {
		for _, server := range servers {
			for _, q := range questions {
				addr := server.Addr.Addr().String()
				if addr == s.mute {
					return
				}
				if err := s.wait(ctx, addr); err != nil {
					yield(nil, err)
					return
				}
				x := &resolve.Exchange{Status: resolve.TimedOut, Err: errors.New("no answer to 3 queries in 6 s"), Tries: 3, Elapsed: 6 * time.Second}
				if known, ok := s.servers[addr][q.Name+" "+q.Type.String()]; ok {
					copied := *known
					x = &copied
				}
				x.Server, x.Question, x.Sent = server, q, eventTime
				if server.Transport != resolve.UDP {
					x.Via = server.Transport
				}
				if !yield(x, nil) {
					return
				}
			}
		}
	}
}

// show has the command show the scene, and returns what it writes and the exit status. It runs in a bubble.
func (s *resolveScene) show(t *testing.T) (stdout, stderr string, st status) {
	t.Helper()
	var out, errs bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		f := &resolveFlags{class: resolve.ClassIN}
		c, err := parsedBy(t, f.flags(), f.check, s.args...)
		if err != nil {
			t.Fatal(err)
		}
		c.out, c.diagnostics = &out, diagnostics{&errs}
		plan, err := f.plan(c)
		if err != nil {
			t.Fatal(err)
		}
		ctx := t.Context()
		if s.ends > 0 {
			interrupted, cancel := context.WithCancel(ctx)
			defer cancel()
			time.AfterFunc(s.ends, cancel)
			ctx = interrupted
		}
		if st, err = f.resolve(ctx, c, plan, s, s, s.problems); err != nil {
			t.Error(err)
		}
	})
	for line := range strings.Lines(errs.String()) {
		if !strings.HasPrefix(line, "netdiag: ") {
			t.Errorf("on standard error: %q", line)
		}
	}
	return out.String(), errs.String(), st
}

// rr makes a record from the text that a zone file has for it.
func rr(text string) resolve.Record {
	w := strings.SplitN(text, " ", 4)
	ttl, err := time.ParseDuration(w[1] + "s")
	if err != nil {
		panic(err)
	}
	t, _ := resolve.ParseType(w[2])
	r := resolve.Record{Name: w[0], TTL: ttl, Type: t, Class: resolve.ClassIN, Value: w[3]}
	fields := strings.Fields(w[3])
	switch t {
	case resolve.TypeA, resolve.TypeAAAA:
		r.Addr = netip.MustParseAddr(w[3])
	case resolve.TypeCNAME, resolve.TypeDNAME, resolve.TypeNS, resolve.TypePTR, resolve.TypeMX, resolve.TypeSRV, resolve.TypeNAPTR:
		r.Target = fields[len(fields)-1]
	case resolve.TypeSVCB, resolve.TypeHTTPS:
		r.Target = fields[1]
	}
	return r
}

// rrs makes records.
func rrs(texts ...string) (all []resolve.Record) {
	for _, text := range texts {
		all = append(all, rr(text))
	}
	return all
}

// saying makes an exchange that a name server with the zone has answered.
func saying(records ...string) *resolve.Exchange {
	return replyWith(resolve.Message{Authoritative: true, RecursionDesired: true, Answer: rrs(records...)})
}

// replyWith makes an exchange that was answered by m.
func replyWith(m resolve.Message) *resolve.Exchange {
	m.ID, m.Size = 4711, 120
	return &resolve.Exchange{Message: &m, RTT: 412 * time.Microsecond, Elapsed: 412 * time.Microsecond, Tries: 1, Sent: eventTime}
}

// withNote adds a note to an exchange.
func withNote(kind string, x *resolve.Exchange) *resolve.Exchange {
	x.Notes = append(x.Notes, resolve.Note{Kind: kind, Text: "a note of the kind " + kind})
	return x
}

// denied makes an exchange in which example.test denies a name or a type.
func denied(code resolve.Rcode) *resolve.Exchange {
	return replyWith(resolve.Message{Authoritative: true, RecursionDesired: true, Rcode: code,
		Authority: rrs("example.test. 3600 SOA ns1.example.test. hostmaster.example.test. 7 3600 600 86400 60")})
}

// serverAt is the server at an address, by UDP.
func serverAt(addr string) resolve.Server {
	return resolve.Server{Addr: netip.AddrPortFrom(netip.MustParseAddr(addr), 53)}
}

// asking makes a lookup in which servers of this machine were tried in turn, the last of which decided.
func asking(q resolve.Question, tried ...*resolve.Exchange) *resolve.Lookup {
	l := &resolve.Lookup{Question: q, Exchanges: tried}
	for i, x := range tried {
		x.Question = q
		x.Server = serverAt([]string{"192.0.2.52", "192.0.2.53", "192.0.2.54"}[i])
		l.Final = x
	}
	l.Verdict, l.Reason = l.Final.Verdict()
	return l
}

// unanswered is an exchange that came to nothing.
func unanswered(status resolve.Status, why string) *resolve.Exchange {
	return &resolve.Exchange{Status: status, Err: errors.New(why), Tries: 3, Elapsed: 5 * time.Second}
}

// sceneAt returns the servers of a scene: by address, what they say to questions.
func sceneAt(pairs ...any) map[string]map[string]*resolve.Exchange {
	all := make(map[string]map[string]*resolve.Exchange)
	for p := range slices.Chunk(pairs, 3) {
		addr := p[0].(string)
		if all[addr] == nil {
			all[addr] = make(map[string]*resolve.Exchange)
		}
		all[addr][p[1].(string)] = p[2].(*resolve.Exchange)
	}
	return all
}
