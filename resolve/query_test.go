package resolve

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// TestPack has the library read what is sent.
func TestPack(t *testing.T) {
	f := form{edns: true, version: 1, cookie: cookie{client: [8]byte([]byte("client's")), server: []byte("server's")}}
	f.NSID, f.DNSSEC, f.CheckingDisabled, f.AuthenticData, f.UDPSize = true, true, true, true, 4000
	f.Subnet = netip.MustParsePrefix("198.51.103.77/21")
	q, err := pack(Question{Name: `a\.b.EXAMPLE.test`, Type: TypeMX}.normal(), f)
	if err != nil {
		t.Fatal(err)
	}
	m := new(dns.Msg)
	if err := m.Unpack(q.bytes); err != nil {
		t.Fatal(err)
	}
	want := `;; opcode: QUERY, status: NOERROR, id: 0
;; flags: rd ad cd; QUERY: 1, ANSWER: 0, AUTHORITY: 0, ADDITIONAL: 1

;; OPT PSEUDOSECTION:
; EDNS: version 1; flags: do; udp: 4000
; NSID: 
; COOKIE: 636c69656e7427737365727665722773
; SUBNET: 198.51.96.0/21/0

;; QUESTION SECTION:
;a\.b.EXAMPLE.test.	IN	 MX
`
	m.Id = 0
	if got := m.String(); strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(want), " ") {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestPackPlain packs with options that leave things out, and what only some transports want.
func TestPackPlain(t *testing.T) {
	for _, c := range []struct {
		name string
		form form
		q    Question
		want string
	}{
		{"plain", form{Options: Options{NoRecursion: true}, zeroID: true}, Question{Name: "a"},
			"\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x00\x00\x01\x00\x01"},
		{"least EDNS", form{Options: Options{NoCookie: true, UDPSize: 100}, zeroID: true, edns: true}, Question{Class: ClassCH, Type: 257},
			"\x00\x00\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01\x00\x01\x01\x00\x03" + "\x00\x00\x29\x02\x00\x00\x00\x00\x00\x00\x00"},
		{"IXFR", form{Options: Options{NoRecursion: true, Serial: 7}, zeroID: true}, Question{Name: "a", Type: TypeIXFR},
			"\x00\x00\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x01a\x00\x00\xfb\x00\x01" +
				"\xc0\x0c\x00\x06\x00\x01\x00\x00\x00\x00\x00\x16\x00\x00\x00\x00\x00\x07" + strings.Repeat("\x00", 16)},
		{"no subnet", form{Options: Options{NoRecursion: true, NoCookie: true, Subnet: netip.MustParsePrefix("::/0")}, zeroID: true, edns: true}, Question{},
			"\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x01\x00\x00\x01\x00\x01" + "\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x08\x00\x08\x00\x04\x00\x02\x00\x00"},
	} {
		q, err := pack(c.q.normal(), c.form)
		if err != nil || string(q.bytes) != c.want {
			t.Errorf("%s: % x, error %v, want % x", c.name, q.bytes, err, c.want)
		}
	}
}

// TestPadding has every query over an encrypted transport be of a whole number of blocks (RFC 8467 section 4.1).
func TestPadding(t *testing.T) {
	for n := 1; n < 250; n++ {
		name := strings.Repeat(strings.Repeat("x", 20)+".", n/21) + strings.Repeat("x", n%21+1)
		if len(name) > 253 {
			break
		}
		q, err := pack(Question{Name: name}.normal(), form{edns: true, pad: true})
		if err != nil {
			t.Fatal(err)
		}
		bare, err := pack(Question{Name: name}.normal(), form{edns: true})
		if err != nil {
			t.Fatal(err)
		}
		if m := new(dns.Msg); len(q.bytes) >= len(bare.bytes)+4+padBlock || len(q.bytes)%padBlock != 0 || m.Unpack(q.bytes) != nil {
			t.Errorf("%d bytes for a name of %d", len(q.bytes), len(name))
		}
	}
}

// TestPackNames packs names that there cannot be.
func TestPackNames(t *testing.T) {
	for _, name := range []string{"a..b", ".a", strings.Repeat("a", 64), strings.Repeat("aaaaaaa.", 32) + "a", `a\`, "..", `\`} {
		if q, err := pack(Question{Name: name}.normal(), form{}); err == nil {
			t.Errorf("%q: % x", name, q.bytes)
		}
	}
	for _, name := range []string{"", ".", "a", "a.", `a\.`, `a\..`, `\097`, `\000`, strings.Repeat("a", 63), strings.Repeat("aaaaaaa.", 31) + "aaaaa", "*.a", "a b"} {
		if _, err := pack(Question{Name: name}.normal(), form{}); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestIdentifiersDiffer packs a question often: the identifiers are as good as all there are (of 4,000 draws
// from 65,536, more than 3,800 differ but for odds below 10^-9).
func TestIdentifiersDiffer(t *testing.T) {
	ids := map[string]bool{}
	for range 4000 {
		q, err := pack(question.normal(), form{})
		if err != nil {
			t.Fatal(err)
		}
		ids[string(q.bytes[:2])] = true
	}
	if len(ids) < 3800 {
		t.Errorf("%d identifiers", len(ids))
	}
}

// TestJudge has answers compared with a question whose name is written in several ways.
func TestJudge(t *testing.T) {
	q, err := pack(Question{Name: `\087ww.ex\.am.test`}.normal(), form{zeroID: true})
	if err != nil {
		t.Fatal(err)
	}
	answer := func(name string, rest string) []byte {
		b := []byte("\x00\x00\x80\x00\x00\x01\x00\x00\x00\x00\x00\x00")
		return append(append(b, name...), rest...)
	}
	const in = "\x00\x01\x00\x01"
	for _, c := range []struct {
		name string
		b    []byte
		want reason
	}{
		{"as it was", answer("\x03Www\x05ex.am\x04test\x00", in), accepted},
		{"capitals", answer("\x03wWW\x05EX.AM\x04TEST\x00", in), accepted},
		{"other labels", answer("\x03www\x02ex\x02am\x04test\x00", in), otherQuestion},
		{"another letter", answer("\x03wwv\x05ex.am\x04test\x00", in), otherQuestion},
		{"not a letter in capitals", answer("\x03www\x05ex\x0eam\x04test\x00", in), otherQuestion},
		{"another type", answer("\x03www\x05ex.am\x04test\x00", "\x00\x02\x00\x01"), otherQuestion},
		{"another class", answer("\x03www\x05ex.am\x04test\x00", "\x00\x01\x00\x03"), otherQuestion},
		{"a pointer", answer("\x03www\x05ex.am\xc0\x00", in), otherQuestion},
		{"cut in the name", answer("\x03www\x05ex.am", ""), garbage},
		{"cut in the type", answer("\x03www\x05ex.am\x04test\x00", "\x00\x01"), garbage},
		{"longer", answer("\x03www\x05ex.am\x04test\x01a\x00", in), otherQuestion},
		{"nothing", nil, garbage},
		{"a header alone, refused", []byte("\x00\x00\x80\x05\x00\x00\x00\x00\x00\x00\x00\x00"), accepted},
		{"a header alone, no name", []byte("\x00\x00\x80\x03\x00\x00\x00\x00\x00\x00\x00\x00"), otherQuestion},
		{"a header with a record, refused", []byte("\x00\x00\x80\x05\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01\x00\x01\x00\x00\x00\x00\x00\x00"), otherQuestion},
	} {
		if got := q.judge(c.b); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

// FuzzJudge has anything judged; what is accepted has the identifier and a question that reads the same.
func FuzzJudge(f *testing.F) {
	q, err := pack(question.normal(), form{zeroID: true})
	if err != nil {
		f.Fatal(err)
	}
	response := bytes.Clone(q.bytes)
	response[2] |= bitQR
	f.Add(response)
	f.Add(q.bytes)
	f.Add([]byte("\x00\x00\x80\x05\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		framed := len(b) >= headerSize && framed(b)
		switch why := q.judge(b); {
		case why == accepted:
			m, _, _ := unpack(b)
			if m.ID != 0 || !strings.EqualFold(m.Question.Name, "www.example.test.") && b[5] != 0 {
				t.Errorf("accepted % x", b)
			}
		case (why == garbage) == framed:
			t.Errorf("% x: %d, framed %v", b, why, framed)
		}
	})
}
