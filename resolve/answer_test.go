package resolve

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/miekg/dns"
)

// record returns a record of class IN on the wire whose owner is that of the question.
func record(typ Type, ttl uint32, data string) string {
	b := binary.BigEndian.AppendUint16([]byte("\xc0\x0c"), uint16(typ))
	b = binary.BigEndian.AppendUint32(append(b, 0, 1), ttl)
	return string(binary.BigEndian.AppendUint16(b, uint16(len(data)))) + data
}

// message returns an answer on the wire to www.example.test. with so many records in its sections.
func message(answers, authority, additional int, records ...string) []byte {
	b := []byte("\x12\x34\x85\xb3\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x07example\x04test\x00\x00\x01\x00\x01")
	b[7], b[9], b[11] = byte(answers), byte(authority), byte(additional)
	return append(b, strings.Join(records, "")...)
}

// TestUnpackRecords reads data of many types, good and bad.
func TestUnpackRecords(t *testing.T) {
	for _, c := range []struct {
		name string
		typ  Type
		data string
		want Record // but for the name, class and TTL
	}{
		{"A", TypeA, "\xc0\x00\x02\x01", Record{Value: "192.0.2.1", Addr: netip.MustParseAddr("192.0.2.1")}},
		{"A too short", TypeA, "\xc0\x00\x02", Record{Value: `\# 3 C00002`}},
		{"A too long", TypeA, "\xc0\x00\x02\x01\x01", Record{Value: `\# 5 C000020101`}},
		{"A empty", TypeA, "", Record{Value: `\# 0`}},
		{"AAAA", TypeAAAA, "\x20\x01\x0d\xb8" + strings.Repeat("\x00", 11) + "\x01", Record{Value: "2001:db8::1", Addr: netip.MustParseAddr("2001:db8::1")}},
		{"AAAA mapped", TypeAAAA, strings.Repeat("\x00", 10) + "\xff\xff\xc0\x00\x02\x01", Record{Value: "::ffff:192.0.2.1", Addr: netip.MustParseAddr("::ffff:192.0.2.1")}},
		{"CNAME", TypeCNAME, "\x01a\xc0\x10", Record{Value: "a.example.test.", Target: "a.example.test."}},
		{"CNAME cut", TypeCNAME, "\x05a", Record{Value: `\# 2 0561`}},
		{"CNAME to itself", TypeCNAME, "\xc0\x2e", Record{Value: `\# 2 C02E`}},
		{"CNAME to the root", TypeCNAME, "\x00", Record{Value: ".", Target: "."}},
		{"CNAME and more", TypeCNAME, "\x00\x00", Record{Value: `\# 2 0000`}},
		{"NS", TypeNS, "\xc0\x0c", Record{Value: "www.example.test.", Target: "www.example.test."}},
		{"PTR with an escape", TypePTR, "\x03a\x1b.\x00", Record{Value: `a\027\..`, Target: `a\027\..`}},
		{"DNAME", TypeDNAME, "\x01b\x00", Record{Value: "b.", Target: "b."}},
		{"MX", TypeMX, "\x00\x0a\x01a\xc0\x10", Record{Value: "10 a.example.test.", Target: "a.example.test."}},
		{"SRV", TypeSRV, "\x00\x01\x00\x02\x00\x50\x01a\x00", Record{Value: "1 2 80 a.", Target: "a."}},
		{"TXT", TypeTXT, "\x02a\"\x04\x1b[31\x00\x02\xe2\x80", Record{Value: `"a\"" "\027[31" "" "\226\128"`}},
		{"TXT cut", TypeTXT, "\x05ab", Record{Value: `\# 3 056162`}},
		{"NAPTR", TypeNAPTR, "\x00\x01\x00\x02\x01u\x03SIP\x02!!\x01a\x00", Record{Value: `1 2 "u" "SIP" "!!" a.`, Target: "a."}},
		{"HTTPS", TypeHTTPS, "\x00\x01\x00\x00\x01\x00\x03\x02h2", Record{Value: `1 . alpn="h2"`, Target: "."}},
		{"HTTPS in full", TypeHTTPS, "\x00\x02\x01a\x00\x00\x00\x00\x02\x00\x03\x00\x01\x00\x03\x02h2\x00\x02\x00\x00\x00\x03\x00\x02\x01\xbb\x00\x04\x00\x08\xc0\x00\x02\x01\xc0\x00\x02\x02\x00\x05\x00\x01\x2d",
			Record{Value: `2 a. mandatory=port alpn="h2" no-default-alpn port=443 ipv4hint=192.0.2.1,192.0.2.2 ech=LQ==`, Target: "a."}},
		{"TLSA", 52, "\x03\x01\x01\xab\xcd", Record{Value: "3 1 1 ABCD"}},
		{"PTR with blanks", TypePTR, "\x04a \\ \x00", Record{Value: `a\032\\\032.`, Target: `a\032\\\032.`}},
		{"TXT with blanks", TypeTXT, "\x04a \\ ", Record{Value: `"a \\ "`}},
		{"SVCB with odd keys", TypeSVCB, "\x00\x01\x01a\x00\xff\x00\x00\x01\x1b", Record{Value: `1 a. key65280="\027"`, Target: "a."}},
		{"SOA", TypeSOA, "\x01a\x00\x01b\x00" + strings.Repeat("\x00\x00\x00\x07", 5), Record{Value: "a. b. 7 7 7 7 7"}},
		{"CAA", 257, "\x00\x05issue\x1bca", Record{Value: `0 issue "\027ca"`}},
		{"CAA with escapes", 257, "\x80\x05issuea\"b\\c\\ \\0", Record{Value: `128 issue "a\"b\\c\\ \\0"`}},
		{"URI", 256, "\x00\x01\x00\x02a\"\\.\xff", Record{Value: `1 2 "a\"\\.\255"`}},
		{"unknown", 65280, "\x0a\x00\x00\x01", Record{Value: `\# 4 0A000001`}},
		{"unknown and empty", 65280, "", Record{Value: `\# 0`}},
		{"HIP", 55, "\x01\x02\x00\x01hk\x01a\x00\x01b\x00", Record{Value: "2 68 aw== a. b."}},
		{"HIP with a pointer", 55, "\x01\x02\x00\x01hk\x01a\x00\xc0\x0c", Record{Value: `\# 11 01020001686B016100C00C`}},
		{"NSEC", 47, "\x01b\x00\x00\x06\x40\x01\x00\x00\x00\x03", Record{Value: "b. A MX RRSIG NSEC"}},
		{"NULL", 10, "\x1b", Record{Value: `\# 1 1B`}},
		{"TSIG", 250, "\x00", Record{Value: `\# 1 00`}},
		{"ANY as a record", TypeANY, "\x01", Record{Value: `\# 1 01`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, trailing, err := unpack(message(1, 0, 0, record(c.typ, 60, c.data)))
			if err != nil || trailing != 0 {
				t.Fatal(err, trailing)
			}
			c.want.Name, c.want.Type, c.want.Class, c.want.TTL = "www.example.test.", c.typ, ClassIN, time.Minute
			if d := cmp.Diff([]Record{c.want}, m.Answer, cmpopts.EquateComparable(netip.Addr{})); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// TestUnpack reads a whole message with EDNS.
func TestUnpack(t *testing.T) {
	opt := "\x00\x00\x29\x10\x00\x01\x03\x80\x00\x00\x45" +
		"\x00\x03\x00\x02n\x1b" + // NSID
		"\x00\x0a\x00\x10client'sserver's" +
		"\x00\x0f\x00\x06\x00\x07old\x00" + // EDE
		"\x00\x0f\x00\x02\x00\x16" +
		"\x00\x0f\x00\x01\x00" + // too short
		"\x00\x08\x00\x07\x00\x01\x18\x16\xc6\x33\x64" + // subnet 198.51.100.0/24, valid for a /22
		"\x00\x0c\x00\x03\x00\x00\x00" + // padding
		"\xfd\xe9\x00\x00" // of local use
	b := message(1, 1, 3, record(TypeA, 1<<31, "\xc0\x00\x02\x01"), record(TypeA, 1<<31-1, "\xc0\x00\x02\x02"),
		record(TypeA, 0, "\xc0\x00\x02\x03"), opt, opt, "trailing")
	got, trailing, err := unpack(b)
	if err != nil || trailing != len("trailing") {
		t.Fatal(err, trailing)
	}
	a := func(ttl time.Duration, addr string) []Record {
		return []Record{{Name: "www.example.test.", Type: TypeA, Class: ClassIN, TTL: ttl, Value: addr, Addr: netip.MustParseAddr(addr)}}
	}
	want := &Message{
		ID: 0x1234, Question: Question{"www.example.test.", TypeA, ClassIN}, Rcode: BadVers | NXDomain,
		Authoritative: true, RecursionDesired: true, RecursionAvailable: true, AuthenticData: true, CheckingDisabled: true,
		Answer: a(0, "192.0.2.1"), Authority: a((1<<31-1)*time.Second, "192.0.2.2"), Additional: a(0, "192.0.2.3"),
		EDNS: &EDNS{
			Version: 3, DO: true, UDPSize: 4096,
			NSID: []byte("n\x1b"), Client: []byte("client's"), Server: []byte("server's"),
			Errors:  []ExtendedError{{7, "old"}, {22, ""}},
			Subnet:  netip.MustParsePrefix("198.51.100.0/22"),
			Padding: 3,
			Other:   []Option{{optError, []byte{0}}, {65001, []byte{}}},
		},
		Size: len(b),
	}
	if d := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestUnpackCut cuts a message at every byte: it is never read as if it were whole.
func TestUnpackCut(t *testing.T) {
	b := message(1, 1, 1, record(TypeA, 60, "\xc0\x00\x02\x01"), record(TypeNS, 60, "\xc0\x0c"), record(TypeTXT, 60, "\x02ab"))
	for n := range b {
		m, _, err := unpack(b[:n])
		if err == nil || (m == nil) != (n < headerSize) {
			t.Errorf("%d bytes: %v, error %v", n, m, err)
		}
	}
	if m, _, err := unpack(b[:len(b)-1]); err == nil || len(m.Answer) != 1 || len(m.Authority) != 1 || m.Additional == nil {
		t.Errorf("what is before the cut: %+v", m)
	}
}

// TestUnpackBomb reads messages that become as large as one can: pointers to the longest name there is.
func TestUnpackBomb(t *testing.T) {
	long := strings.Repeat("\x3f"+strings.Repeat("\x00", 63), 3) + "\x3d" + strings.Repeat("\x00", 61) + "\x00"
	head := func(answers int) []byte {
		b := []byte("\x00\x00\x80\x00\x00\x01\x00\x00\x00\x00\x00\x00" + long + "\x00\x01\x00\x01")
		binary.BigEndian.PutUint16(b[6:], uint16(answers))
		return b
	}
	mx := record(TypeMX, 0, "\x00\x00\xc0\x0c")
	hip := func(n int) string {
		return record(55, 0, "\x00\x02\x00\x00"+strings.Repeat("\xc0\x0c", n))
	}
	// Every type that there can be: 256 windows of 32 bytes.
	var bitmap strings.Builder
	for window := range 256 {
		bitmap.WriteString(string([]byte{byte(window), 32}) + strings.Repeat("\xff", 32))
	}
	for name, b := range map[string][]byte{
		"types of NSEC":  append(head(7), strings.Repeat(record(47, 0, "\x00"+bitmap.String()), 7)...),
		"types of NSEC3": append(head(7), strings.Repeat(record(50, 0, "\x01\x00\x00\x00\x00\x01a"+bitmap.String()), 7)...),
		"types of CSYNC": append(head(7), strings.Repeat(record(62, 0, "\x00\x00\x00\x01\x00\x00"+bitmap.String()), 7)...),
		"names of HIP":   append(head(1), record(55, 0, "\x00\x02\x00\x00"+strings.Repeat("\x00", 60000))...),
		"many records":   append(head(4000), strings.Repeat(mx, 4000)...),
		"one record":     append(head(1), hip(32000)...),
		"many of many":   append(head(60), strings.Repeat(hip(500), 60)...),
		"pointers alone": append(head(65535), strings.Repeat("\xc0\x0c", 32000)...),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		m, _, err := unpack(b)
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 100<<20 {
			t.Errorf("%s: %d MiB to read it", name, used>>20)
		}
		text := 0
		for _, r := range m.Answer {
			text += len(r.Value)
		}
		if len(b) > maxMessage || text > maxText {
			t.Errorf("%s: %d bytes become %d, error %v", name, len(b), text, err)
		}
	}
}

// FuzzUnpack reads anything: all that comes of it is printable, and what the library can read is read.
func FuzzUnpack(f *testing.F) {
	f.Add(message(1, 0, 0, record(TypeA, 60, "\xc0\x00\x02\x01")))
	f.Add(message(1, 1, 1, record(TypeTXT, 60, "\x02a\x1b"), record(TypeSOA, 60, "\x00\x00"+strings.Repeat("\x00", 20)), "\x00\x00\x29\x10\x00\x01\x03\x80\x00\x00\x04\x00\x03\x00\x00"))
	f.Add(message(1, 0, 0, record(TypeHTTPS, 60, "\x00\x01\x00\x00\x01\x00\x03\x02h2")))
	f.Add(message(1, 0, 0, record(55, 60, "\x00\x02\x00\x00\xc0\x0c")))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > maxMessage {
			return
		}
		m, _, err := unpack(b)
		if m == nil {
			if err == nil || len(b) >= headerSize {
				t.Errorf("no message, error %v", err)
			}
			return
		}
		theirs := new(dns.Msg)
		if theirs.Unpack(b) == nil && err != nil && len(b) > headerSize && framed(b) {
			t.Errorf("the library reads what we do not: %v\n%s", err, hex.Dump(b))
		}
		for _, section := range [][]Record{m.Answer, m.Authority, m.Additional} {
			for _, r := range section {
				for _, s := range []string{r.Name, r.Value, r.Target, r.Type.String(), r.Class.String()} {
					if printable(s) != s {
						t.Errorf("%q", s)
					}
				}
				if r.Value == "" || r.TTL < 0 {
					t.Errorf("%+v", r)
				}
			}
		}
	})
}
