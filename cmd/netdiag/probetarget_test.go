package main

import (
	"io"
	"math"
	"strings"
	"testing"
)

// testParser reads operands with the table of this program alone.
func testParser() *probeParser {
	s := loadServices("testdata/nosuchfile")
	return &probeParser{portReader: portReader{services: func() *services { return s }, proto: overTCP}}
}

// targetsOf returns the targets that args stand for, as "LABEL=HOST:PORT", up to some.
func targetsOf(l *probeList) (all []string) {
	const most = 20
	for g, err := range l.all() {
		if err != nil {
			all = append(all, "error "+g.Text)
			continue
		}
		for port := range g.ports.all() {
			host := g.Host
			if !g.Name {
				host = g.Addr.String()
			}
			if all = append(all, g.label(port)+"="+hostPort(host, portText(port))); len(all) == most {
				return all
			}
		}
	}
	return all
}

func TestProbeOperands(t *testing.T) {
	tests := []struct{ args, want string }{
		{"192.0.2.1:7777", "192.0.2.1:7777=192.0.2.1:7777"},
		{"192.0.2.1 7777", "192.0.2.1:7777=192.0.2.1:7777"},
		{"www.example:https", "www.example:https=www.example:443"},
		{"www.example https", "www.example:https=www.example:443"},
		{"www.example HTTPS", "www.example:HTTPS=www.example:443"},
		{"www.example:22,https,8000-8001", "www.example:22=www.example:22 www.example:443=www.example:443 " +
			"www.example:8000=www.example:8000 www.example:8001=www.example:8001"},
		{"h:80,80,79-81", "h:80=h:80 h:79=h:79 h:81=h:81"},
		{"[::1]:80", "[::1]:80=[::1]:80"},
		{"::1 80", "[::1]:80=[::1]:80"},
		{"[::1] 80", "[::1]:80=[::1]:80"},
		{"::1:80 443", "[::1:80]:443=[::1:80]:443"},
		{"[fe80::1%eth0]:80", "[fe80::1%eth0]:80=[fe80::1%eth0]:80"},
		{"127.1:80", "127.1:80=127.0.0.1:80"},
		{"192.0.2.0/30:22", "192.0.2.1:22=192.0.2.1:22 192.0.2.2:22=192.0.2.2:22"},
		{"192.0.2.0/31 22,23", "192.0.2.0:22=192.0.2.0:22 192.0.2.0:23=192.0.2.0:23 192.0.2.1:22=192.0.2.1:22 192.0.2.1:23=192.0.2.1:23"},
		{"192.0.2.9-10:22", "192.0.2.9:22=192.0.2.9:22 192.0.2.10:22=192.0.2.10:22"},
		{"[2001:db8::/127]:80", "[2001:db8::]:80=[2001:db8::]:80 [2001:db8::1]:80=[2001:db8::1]:80"},
		{"2001:db8::/127 80", "[2001:db8::]:80=[2001:db8::]:80 [2001:db8::1]:80=[2001:db8::1]:80"},
		{"[2001:db8::1-2001:db8::2]:80", "[2001:db8::1]:80=[2001:db8::1]:80 [2001:db8::2]:80=[2001:db8::2]:80"},
		{"a:1 b:2 c 3 d:4", "a:1=a:1 b:2=b:2 c:3=c:3 d:4=d:4"},
		{"bücher.example:80", "bücher.example:80=xn--bcher-kva.example:80"},
	}
	for _, tt := range tests {
		l, err := newProbeList(strings.Fields(tt.args), "", nil, testParser())
		if err != nil {
			t.Errorf("%s: %v", tt.args, err)
			continue
		}
		if got := strings.Join(targetsOf(l), " "); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.args, got, tt.want)
		}
	}
}

func TestProbeOperandErrors(t *testing.T) {
	tests := []struct{ args, want, hint string }{
		{"", "no host given", ""},
		{"h", "h: no port given", "write h:443, h:22,80,8000-8100, or --top 100 for the most common ports"},
		{"2001:db8::1", "2001:db8::1: no port given", "[2001:db8::1]:443"},
		{"[2001:db8::1]", "[2001:db8::1]: no port given", "write [2001:db8::1]:443"},
		{"a b c:1", "a: no port given", "write a:443"},
		{"::1:80", "::1:80: not clear whether :80 is a port or belongs to the address", "write [::1]:80, or [::1:80]:PORT"},
		{"fe80::1%eth0:80", "not clear", "write [fe80::1%eth0]:80"},
		{"::1:https", "::1:https: an IPv6 address with a port needs brackets", "write [::1]:https"},
		{"::1:22,80", "an IPv6 address with a port needs brackets", "write [::1]:22,80"},
		{"2001:db8::/126:80", "an IPv6 address with a port needs brackets", "write [2001:db8::/126]:80"},
		{"a:b:c", "a:b:c: neither HOST:PORT nor an address", ""},
		{"[::1]80", "behind the brackets stands a colon", ""},
		{"[::1]:", "no port behind the colon", ""},
		{"h:", "h:: no port behind the colon", ""},
		{":80", ":80: no host before the colon", "localhost:80"},
		{"srv 7777 7778", "srv 7777 7778: more than one port behind a host", "write srv 7777,7778"},
		{"a:1 srv 22 80-90 443 b:1", "srv 22 80-90 443: more than one port behind a host", "write srv 22,80-90,443"},
		{"h:0", "h:0: port 0 is below 1", ""},
		{"h:65536", "h:65536: port 65536 is above 65535", ""},
		{"h:99999999999999999999", "is above 65535", ""},
		{"h:90-80", "h:90-80: the range of ports 90-80 runs backwards", "write 80-90"},
		{"h:80-", "a range of ports has both ends", ""}, {"h:-80", "a range of ports has both ends", ""}, {"h 80-90-100", "90-100 is not a port", ""},
		{"h:22,,80", "h:22,,80: there is nothing where a port should stand", ""},
		{"h:htps", "h:htps: htps is neither a port nor the name of a service, did you mean https?", ""},
		{"h htps", "h:htps: htps is neither a port nor the name of a service, did you mean https?", ""},
		{"https://www.example/x", "a URL, not HOST:PORT", "write --tls www.example:https"},
		{"http://www.example:8080/x", "a URL", "write www.example:8080"},
		{"tcp://192.0.2.1:7777", "a URL", "write 192.0.2.1:7777"}, {"udp://192.0.2.1:53", "a URL", "write --udp 192.0.2.1:53"},
		{"tls://h", "a URL", "write --tls h:PORT"}, {"http://user:secret@h/", "a URL", "write h:http"},
		{"300.1.1.1:80", "300 is above 255", ""}, {"300.1.1.1:0", "300 is above 255\n300.1.1.1:0: port 0", ""},
		{"300.1.1.1:80 h:0 x", "300 is above 255\nh:0: port 0 is below 1\nx: no port", ""},
		{"10.0.0.0/33:80", "the length of its prefix", ""}, {"192.0.2.9-3:80", "runs backwards", ""},
	}
	for _, tt := range tests {
		_, err := newProbeList(strings.Fields(tt.args), "", nil, testParser())
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: error %v, want one with %q", tt.args, err, tt.want)
		} else if hints := strings.Join(hintsOf(err), "\n"); !strings.Contains(hints, tt.hint) {
			t.Errorf("%q: hint %q, want %q", tt.args, hints, tt.hint)
		}
	}
}

// TestProbeMany counts what no memory could hold.
func TestProbeMany(t *testing.T) {
	for _, tt := range []struct {
		args  string
		count uint64
		first string
	}{
		{"10.0.0.0/8:1-65535", (1<<24 - 2) * 65535, "10.0.0.1:1=10.0.0.1:1"},
		{"[2001:db8::/32]:1-65535", math.MaxUint64, "[2001:db8::]:1=[2001:db8::]:1"},
		{"[::/0]:1 [::/0]:2", math.MaxUint64, "[::]:1=[::]:1"},
	} {
		l, err := newProbeList(strings.Fields(tt.args), "", nil, testParser())
		if err != nil {
			t.Fatal(err)
		}
		if n, known := l.count(); n != tt.count || !known || l.one() {
			t.Errorf("%s: %d, %t", tt.args, n, known)
		}
		if got := targetsOf(l); len(got) != 20 || got[0] != tt.first {
			t.Errorf("%s: %v", tt.args, got)
		}
	}
}

func TestProbeFile(t *testing.T) {
	const file = "\ufeffh:80 # comment\n\n#\n300.1.1.1:80\n\t192.0.2.0/31 22\r\nnothing\na:1 b:0\nlast:9"
	l, err := newProbeList([]string{"first:1"}, "-", strings.NewReader(file), testParser())
	if err != nil {
		t.Fatal(err)
	}
	if _, known := l.count(); known || l.one() {
		t.Error("what a file has is known before it is read")
	}
	want := "first:1=first:1 h:80=h:80 error 300.1.1.1:80 192.0.2.0:22=192.0.2.0:22 192.0.2.1:22=192.0.2.1:22 error nothing error a:1 b:0 a:1=a:1 last:9=last:9"
	if got := strings.Join(targetsOf(l), " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	l.in = io.MultiReader(strings.NewReader(strings.Repeat("x", longestLine+1)+"\nh:1\n"), &unreadable{})
	if got := strings.Join(targetsOf(l), " "); got != "first:1=first:1 error standard input:1 h:1=h:1 error standard input" {
		t.Errorf("got %s", got)
	}
}

// unreadable is a file whose reading fails.
type unreadable struct{}

func (unreadable) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestProbeTop(t *testing.T) {
	p := testParser()
	p.top = portList{{80, 80}, {443, 443}}
	l, err := newProbeList([]string{"h", "::1", "[2001:db8::/127]"}, "", nil, p)
	if err != nil {
		t.Fatal(err)
	}
	want := "h:80=h:80 h:443=h:443 [::1]:80=[::1]:80 [::1]:443=[::1]:443 [2001:db8::]:80=[2001:db8::]:80 " +
		"[2001:db8::]:443=[2001:db8::]:443 [2001:db8::1]:80=[2001:db8::1]:80 [2001:db8::1]:443=[2001:db8::1]:443"
	if got := strings.Join(targetsOf(l), " "); got != want {
		t.Errorf("got %s", got)
	}
	if _, err := newProbeList([]string{"h:80"}, "", nil, p); err == nil || !strings.Contains(err.Error(), "with --top hosts have no ports") {
		t.Errorf("a port with --top: %v", err)
	}
}

func TestExclusion(t *testing.T) {
	reader := testParser().portReader
	x, err := parseExclusion([]string{"192.0.2.0/30", "192.0.2.9-10", "2001:db8::/127", "fe80::1", "25", "6000-6063", "198.51.100.7"}, reader)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{
		"192.0.2.0": true, "192.0.2.3": true, "192.0.2.4": false, "192.0.2.9": true, "192.0.2.10": true, "192.0.2.11": false,
		"2001:db8::1": true, "2001:db8::2": false, "fe80::1%eth0": true, "fe80::2%eth0": false, "198.51.100.7": true, "::": false,
	} {
		host, _ := parseHost(text)
		if got := x.addr(host.Addr); got != want {
			t.Errorf("%s excluded: %t", text, got)
		}
	}
	for port, want := range map[uint16]bool{25: true, 24: false, 6000: true, 6063: true, 6064: false} {
		if got := x.port(port); got != want {
			t.Errorf("port %d excluded: %t", port, got)
		}
	}
	for _, bad := range []string{"www.example", "0", "70000", "9-1", "1.2.3.4.5", "", "10.0.0.0/33"} {
		if _, err := parseExclusion([]string{bad}, reader); err == nil || !strings.HasPrefix(err.Error(), "--exclude ") {
			t.Errorf("--exclude %q: %v", bad, err)
		}
	}
}

// FuzzProbeTarget checks that what is taken for a target can be probed, and is taken for the same once more.
func FuzzProbeTarget(f *testing.F) {
	for _, s := range []string{"h:80", "::1 80", "[::1]:22,80,http", "10.0.0.0/8:1-65535", "https://x:1/", "[fe80::1%e]:1", "::1:80", "a b", "1-2:3-4", "[2001:db8::/126]:80"} {
		f.Add(s)
	}
	p := testParser()
	f.Fuzz(func(t *testing.T, s string) {
		l, err := newProbeList(strings.Fields(s), "", nil, p)
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without words")
			}
			return
		}
		seen := 0
		for g, err := range l.all() {
			if err != nil {
				t.Fatalf("%q: %v of a command line that was taken", s, err)
			}
			if g.ports.count() == 0 || !g.Name && !g.Addr.IsValid() || g.Name && g.Host == "" {
				t.Fatalf("%q: %+v", s, g)
			}
			var ports portSet
			for port := range g.ports.all() {
				if port == 0 || ports.has(port) {
					t.Fatalf("%q: port %d, or it comes twice", s, port)
				}
				ports.add(port)
			}
			first := g.ports[0].first
			again, err := newProbeList([]string{g.label(first)}, "", nil, p)
			if g.typed == "" || !strings.Contains(g.typed, "%") {
				if err != nil {
					t.Fatalf("%q: its label %q is no target: %v", s, g.label(first), err)
				}
				for g2 := range again.all() {
					if g2.Addr != g.Addr || g2.Host != g.Host || g2.ports[0].first != first {
						t.Fatalf("%q: the label %q is another target, %+v", s, g.label(first), g2)
					}
				}
			}
			if seen++; seen == 3 {
				break
			}
		}
	})
}
