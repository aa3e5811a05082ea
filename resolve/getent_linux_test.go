package resolve

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

const (
	threeServers = "nameserver 127.0.0.1\nnameserver 127.0.0.2\nnameserver 127.0.0.3\n"
	oneServer    = "nameserver 127.0.0.1\n"
	quick        = "options timeout:1 attempts:1\n"
	filesDNS     = "hosts: files dns\n"
)

// The C library itself is the oracle: what getent finds, in which order, and what it asks whom.
func TestAsGetent(t *testing.T) {
	if !rerunInLab(t) {
		return
	}
	l := newGetentLab(t)
	local := "127.0.0.1 localhost\n::1 localhost ip6-localhost\n192.0.2.50 both.test\n10.0.0.9 only.test other.test\n"
	for _, tt := range []struct {
		title string
		conf  machineConf
		names []string
	}{
		{"zone", machineConf{resolv: oneServer, nsswitch: filesDNS},
			[]string{"both.test", "both.test.", "four.test", "six.test", "none.test", "alias.test", "dangling.test", "noaddr.test",
				"gone.test", "BOTH.test"}},
		{"files first", machineConf{resolv: oneServer, nsswitch: filesDNS, hosts: local, hostConf: "multi on\n"},
			[]string{"localhost", "both.test", "only.test", "other.test", "four.test", "both.test."}},
		{"not multi", machineConf{resolv: oneServer, nsswitch: filesDNS, hosts: local}, []string{"localhost", "both.test"}},
		{"dns first", machineConf{resolv: oneServer, nsswitch: "hosts: dns files\n", hosts: local}, []string{"both.test", "only.test"}},
		{"files only", machineConf{resolv: oneServer, nsswitch: "hosts: files\n", hosts: local}, []string{"both.test", "four.test"}},
		{"no nsswitch.conf", machineConf{resolv: oneServer, hosts: local}, []string{"both.test", "four.test", "gone.test"}},
		{"notfound returns", machineConf{resolv: oneServer, nsswitch: "hosts: files [NOTFOUND=return] dns\n", hosts: local},
			[]string{"both.test", "four.test"}},
		{"not success returns", machineConf{resolv: oneServer, nsswitch: "hosts: files [!SUCCESS=return] dns\n", hosts: local},
			[]string{"both.test", "four.test"}},
		{"success goes on", machineConf{resolv: oneServer, nsswitch: "hosts: files [ success = continue ] dns\n", hosts: local},
			[]string{"both.test", "only.test"}},
		{"merge", machineConf{resolv: oneServer, nsswitch: "hosts: files [success=merge] dns\n", hosts: local},
			[]string{"both.test", "four.test"}},
		{"several actions", machineConf{resolv: oneServer,
			nsswitch: "hosts: files [!UNAVAIL=return NotFound=continue] dns\n", hosts: local}, []string{"both.test", "four.test", "gone.test"}},
		{"unavail returns", machineConf{resolv: oneServer, nsswitch: "hosts: nowhere [UNAVAIL=return] files\n", hosts: local},
			[]string{"both.test"}},
		{"unknown source", machineConf{resolv: oneServer, nsswitch: "hosts: nowhere files dns\n", hosts: local},
			[]string{"both.test", "four.test"}},
		{"dns unavail returns", machineConf{resolv: oneServer + quick, nsswitch: "hosts: dns [UNAVAIL=return] files\n", hosts: local,
			manners: [3]string{"servfail"}}, []string{"both.test"}},
		{"dns unavail goes on", machineConf{resolv: oneServer + quick, nsswitch: "hosts: dns [!UNAVAIL=return] files\n", hosts: local,
			manners: [3]string{"servfail"}}, []string{"both.test"}},
		{"dns notfound returns", machineConf{resolv: oneServer + quick, nsswitch: "hosts: dns [!UNAVAIL=return] files\n", hosts: local},
			[]string{"only.test"}},
		{"bad action", machineConf{resolv: oneServer, nsswitch: "hosts: files [GONE=return] dns\n", hosts: local}, []string{"both.test", "four.test"}},
		{"bad line elsewhere", machineConf{resolv: oneServer, nsswitch: "passwd: files [GONE=return]\nhosts: files dns\n", hosts: local},
			[]string{"both.test", "four.test"}},
		{"two lines, a comment", machineConf{resolv: oneServer, nsswitch: "hosts: dns\n  hosts : files # dns\n", hosts: local},
			[]string{"both.test", "four.test"}},
		{"unfinished", machineConf{resolv: oneServer, nsswitch: "hosts: files [notfound=return\n", hosts: local}, []string{"both.test"}},
		{"no end of line", machineConf{resolv: oneServer, nsswitch: "passwd: files\nhosts: dns", hosts: local}, []string{"both.test", "only.test"}},
		{"no source", machineConf{resolv: oneServer, nsswitch: "hosts:\n", hosts: local}, []string{"both.test", "four.test"}},
		{"literals", machineConf{resolv: oneServer, nsswitch: filesDNS},
			[]string{"192.0.2.1", "127.1", "0x7f.1", "010.0.0.1", "2001:db8::1", "::1", "::ffff:192.0.2.1"}},
	} {
		t.Run(tt.title, func(t *testing.T) {
			for _, name := range tt.names {
				l.compare(t, tt.conf, name)
			}
		})
	}
}

func TestSearchAsGetent(t *testing.T) {
	if !rerunInLab(t) {
		return
	}
	l := newGetentLab(t)
	search := "search a.test b.test\n"
	for _, tt := range []struct {
		title string
		conf  machineConf
		names []string
	}{
		{"search", machineConf{resolv: oneServer + search}, []string{"host", "host.", "host.a", "exists", "nowhere", "two.dots", "both.test", "nowhere.test"}},
		{"ndots 0", machineConf{resolv: oneServer + search + "options ndots:0\n"}, []string{"host", "nowhere", "two.dots"}},
		{"ndots 2", machineConf{resolv: oneServer + search + "options ndots:2\n"}, []string{"host", "two.dots", "both.test", "exists", "no.where"}},
		{"ndots 99", machineConf{resolv: oneServer + search + "options ndots:99\n"}, []string{"both.test", "both.test."}},
		{"last wins", machineConf{resolv: oneServer + search + "domain b.test c.test\n"}, []string{"host", "nowhere"}},
		{"root in the list", machineConf{resolv: oneServer + "search . b.test\n"}, []string{"host", "exists", "nowhere"}},
		{"dots at ends", machineConf{resolv: oneServer + "search a.test. b.test.\n"}, []string{"exists", "nowhere"}},
		{"no-tld-query", machineConf{resolv: oneServer + search + "options no-tld-query\n"}, []string{"nowhere", "no.where"}},
		{"of the hostname", machineConf{resolv: oneServer}, []string{"x", "box", "nowhere"}},
		{"environment", machineConf{resolv: oneServer + search, env: map[string]string{"LOCALDOMAIN": "b.test own.test", "RES_OPTIONS": "ndots:3"}},
			[]string{"host", "two.dots", "x"}},
		{"no-aaaa", machineConf{resolv: oneServer + search + "options no-aaaa\n"}, []string{"both.test", "exists", "nowhere"}},
		{"servfail goes on", machineConf{resolv: oneServer + search + quick, manners: [3]string{"servfail"}}, []string{"host", "no.where"}},
		{"refused stops", machineConf{resolv: oneServer + search + quick, manners: [3]string{"refused"}}, []string{"host", "no.where"}},
		{"formerr stops", machineConf{resolv: oneServer + search + quick, manners: [3]string{"formerr"}}, []string{"host", "no.where"}},
		{"unreachable stops", machineConf{resolv: "nameserver 127.0.0.77\n" + search}, []string{"host", "no.where"}},
		{"silence stops", machineConf{resolv: oneServer + search + quick, manners: [3]string{"silent"}}, []string{"host"}},
		{"long name", machineConf{resolv: oneServer + search}, []string{
			"a23456789012345678901234567890123456789012345678901234567890123456789.test",
			"a234567890123456789012345678901234567890.a234567890123456789012345678901234567890.a234567890123456789012345678901234567890." +
				"a234567890123456789012345678901234567890.a234567890123456789012345678901234567890.a2345678901234567890123456789.b"}},
	} {
		t.Run(tt.title, func(t *testing.T) {
			tt.conf.nsswitch = filesDNS
			for _, name := range tt.names {
				l.compare(t, tt.conf, name)
			}
		})
	}
}

func TestServersAsGetent(t *testing.T) {
	if !rerunInLab(t) {
		return
	}
	l := newGetentLab(t)
	for _, tt := range []struct {
		title  string
		resolv string
		manner [3]string
		name   string
	}{
		{"first answers", threeServers, [3]string{}, "both.test"},
		{"servfail", threeServers, [3]string{"servfail", "", ""}, "both.test"},
		{"refused", threeServers, [3]string{"refused", "notimp", ""}, "both.test"},
		{"nxdomain counts", threeServers, [3]string{"nxdomain", "", ""}, "both.test"},
		{"formerr counts", threeServers, [3]string{"formerr", "", ""}, "both.test"},
		{"lame", threeServers, [3]string{"lame", "", ""}, "both.test"},
		{"nobody there", "nameserver 127.0.0.99\nnameserver 127.0.0.2\n", [3]string{}, "both.test"},
		{"no route", "nameserver 3fff::1\nnameserver 127.0.0.1\n", [3]string{}, "both.test"},
		{"silent", threeServers + quick, [3]string{"silent", "", ""}, "both.test"},
		{"all fail, twice", threeServers, [3]string{"servfail", "refused", "servfail"}, "both.test"},
		{"attempts 4", oneServer + "options attempts:4\n", [3]string{"servfail", "", ""}, "both.test"},
		{"attempts 0", oneServer + "options attempts:0\n", [3]string{}, "both.test"},
		{"four servers", "nameserver 127.0.0.99\nnameserver 127.0.0.98\nnameserver 127.0.0.97\nnameserver 127.0.0.1\n", [3]string{}, "both.test"},
		{"odd lines", " nameserver 127.0.0.3\nnameserver\t127.0.0.2 # x\nnameserver x\n;nameserver 127.0.0.1\nnameserver 127.1\n",
			[3]string{"", "servfail", ""}, "both.test"},
		{"no server", "", [3]string{}, "both.test"},
		{"aaaa servfail", threeServers, [3]string{"servfail-aaaa", "", ""}, "both.test"},
		{"a servfail", threeServers, [3]string{"servfail-a", "", ""}, "both.test"},
		{"aaaa servfail, no a", threeServers, [3]string{"servfail-aaaa", "", ""}, "none.test"},
		{"single request", threeServers + "options single-request\n", [3]string{}, "both.test"},
		{"truncated", oneServer, [3]string{"truncated", "", ""}, "four.test"},
		{"use-vc", threeServers + "options use-vc\n", [3]string{}, "both.test"},
		{"use-vc servfail", threeServers + "options use-vc\n", [3]string{"servfail", "", ""}, "both.test"},
		{"use-vc nobody there", "nameserver 127.0.0.99\nnameserver 127.0.0.2\noptions use-vc\n", [3]string{}, "both.test"},
		{"drops EDNS", oneServer + quick, [3]string{"drops EDNS", "", ""}, "both.test"},
		{"drops EDNS, edns0", oneServer + quick + "options edns0\n", [3]string{"drops EDNS", "", ""}, "both.test"},
		{"aaaa silent", threeServers + quick, [3]string{"noaaaa", "", ""}, "both.test"},
	} {
		t.Run(tt.title, func(t *testing.T) {
			l.compare(t, machineConf{resolv: tt.resolv, nsswitch: filesDNS, manners: tt.manner}, tt.name)
		})
	}
}

func TestOrderAsGetent(t *testing.T) {
	if !rerunInLab(t) {
		return
	}
	l := newGetentLab(t)
	var many strings.Builder
	for _, addr := range []string{"192.0.2.7", "198.51.100.7", "127.0.0.5", "169.254.1.1", "10.0.0.1", "2001:db8:1::7", "2001:db8:2::7",
		"2001:db8:1:ffff::1", "fd00:1::7", "fd00:2::7", "fd00:1:0:9::7", "fec0::1", "fe80::7", "2002:c000:201::1", "2001:0:1::1", "::1", "::ffff:192.0.2.9",
		"::192.0.2.1", "ff02::1", "ff05::2", "3ffe::1", "192.0.2.101", "240.0.0.1"} {
		many.WriteString(addr + " many\n")
	}
	for title, gai := range map[string]string{
		"default":    "",
		"ipv4 first": "precedence ::ffff:0:0/96 100\n",
		"tables": "label ::1/128 0\nlabel ::/0 1\nlabel 2002::/16 2\nlabel ::/96 3\nlabel ::ffff:0:0/96 4 # four\n" +
			"precedence ::1/128 50\nprecedence ::/0 40\nprecedence fd00:2::/32 60\nprecedence ::ffff:0:0/96 10\n",
		"scopes":   "scopev4 ::ffff:169.254.0.0/112 2\nscopev4 192.0.2.0/24 5\nscopev4 ::ffff:0.0.0.0/96 14\nreload yes\n",
		"nonsense": "precedence 192.0.2.0/24 5\nlabel\nprecedence ::/200 3\nwhat ever 3\nlabel ::/0 x\n",
	} {
		t.Run(title, func(t *testing.T) {
			l.compare(t, machineConf{nsswitch: "hosts: files\n", hosts: many.String(), hostConf: "multi on\n", gai: gai}, "many")
			for _, name := range []string{"six.test", "four.test", "both.test"} {
				l.compare(t, machineConf{nsswitch: filesDNS, resolv: oneServer, gai: gai}, name)
			}
		})
	}
}

func TestNamesAsGetent(t *testing.T) {
	if !rerunInLab(t) {
		return
	}
	l := newGetentLab(t)
	hosts := "192.0.2.7 first.own.test alias\n192.0.2.7 second\n::1 localhost\n127.0.0.1 localhost\n"
	for _, tt := range []struct {
		title string
		conf  machineConf
	}{
		{"dns", machineConf{resolv: oneServer, nsswitch: filesDNS}},
		{"files", machineConf{resolv: oneServer, nsswitch: filesDNS, hosts: hosts}},
		{"trimmed", machineConf{resolv: oneServer, nsswitch: filesDNS, hosts: hosts, hostConf: "multi on\ntrim .own.test, .test\n"}},
		{"trimmed by the environment", machineConf{resolv: oneServer, nsswitch: filesDNS, env: map[string]string{"RESOLV_ADD_TRIM_DOMAINS": ".test"}}},
		{"fails", machineConf{resolv: threeServers, nsswitch: "hosts: dns files\n", hosts: hosts, manners: [3]string{"servfail", "refused", ""}}},
	} {
		t.Run(tt.title, func(t *testing.T) {
			for _, addr := range []string{"192.0.2.7", "192.0.2.8", "192.0.2.9", "2001:db8:1::6", "::", "::1"} {
				if addr == "::1" && (tt.conf.hosts == "" || tt.title == "fails") {
					continue // never asked for in DNS here
				}
				l.set(t, tt.conf)
				want := l.getent(t, tt.conf.env, "hosts", addr)
				wantAsked := l.log.take()
				s, err := LoadSystem(Files{Getenv: func(k string) string { return tt.conf.env[k] }})
				must(t, err)
				got, err := s.Names(t.Context(), netip.MustParseAddr(addr))
				must(t, err)
				if gotAsked := l.log.take(); !slices.Equal(gotAsked, wantAsked) {
					t.Errorf("%s: asked %q, getent %q", addr, gotAsked, wantAsked)
				}
				if len(want.names) == 1 && len(got.Names) > 1 {
					got.Names = got.Names[:1] // of names in DNS the C library tells the first
				}
				if !slices.Equal(got.Names, want.names) {
					t.Errorf("%s: %q (%v: %s), getent %q", addr, got.Names, got.Verdict, got.Reason, want.names)
				}
			}
		})
	}
}
