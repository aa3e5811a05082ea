package resolve

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// noEnv is an environment without variables.
func noEnv(string) string { return "" }

// texts returns what problems say, one a line.
func texts(problems []Problem) string {
	var b strings.Builder
	for _, p := range problems {
		b.WriteString(p.Text + "\n")
	}
	return b.String()
}

func TestParseResolv(t *testing.T) {
	plain := ResolvOptions{NDots: 1, Timeout: 5 * time.Second, Attempts: 2}
	local := []string{"127.0.0.1:53"}
	for _, tt := range []struct {
		name, text string
		env        map[string]string
		servers    []string
		search     []string
		options    ResolvOptions
		problem    string // part of what is said
	}{
		{"empty", "", nil, local, []string{"home.test"}, plain, ""},
		{"comments", "# nameserver 192.0.2.1\n;nameserver 192.0.2.1\n", nil, local, []string{"home.test"}, plain, ""},
		{"indented", " nameserver 192.0.2.1\n", nil, local, []string{"home.test"}, plain, `"" is no setting`},
		{"no blank", "nameserver:192.0.2.1\n", nil, local, []string{"home.test"}, plain, "is no setting"},
		{"servers", "nameserver 192.0.2.1\nnameserver\t2001:db8::1\nnameserver fe80::1%eth0 # x\n", nil,
			[]string{"192.0.2.1:53", "[2001:db8::1]:53", "[fe80::1%eth0]:53"}, []string{"home.test"}, plain, ""},
		{"four", "nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\nnameserver 192.0.2.4", nil,
			[]string{"192.0.2.1:53", "192.0.2.2:53", "192.0.2.3:53"}, []string{"home.test"}, plain, "first three"},
		{"old forms", "nameserver 127.1\nnameserver 0xc0.0.02.1\n", nil, []string{"127.0.0.1:53", "192.0.2.1:53"}, []string{"home.test"}, plain, ""},
		{"zone without use", "nameserver 2001:db8::1%eth0\n", nil, []string{"[2001:db8::1]:53"}, []string{"home.test"}, plain, ""},
		{"port", "nameserver 192.0.2.1:5353\n", nil, local, []string{"home.test"}, plain, "no address"},
		{"windows", "nameserver 192.0.2.1\r\nsearch a.test\r\noptions rotate\r\n", nil, []string{"192.0.2.1:53"}, []string{"a.test\r"},
			ResolvOptions{NDots: 1, Timeout: 5 * time.Second, Attempts: 2, Rotate: true}, "carriage return"},
		{"search", "search a.test b.test.\t.\n", nil, local, []string{"a.test", "b.test", "."}, plain, ""},
		{"last wins", "search a.test b.test\ndomain c.test d.test\nsearch\n", nil, local, []string{"c.test"}, plain, "is no setting"},
		{"options", "options ndots:3 timeout:7 attempts:4 rotate use-vc single-request trust-ad no-aaaa edns0 no-tld-query no-reload inet6\n", nil,
			local, []string{"home.test"}, ResolvOptions{NDots: 3, Timeout: 7 * time.Second, Attempts: 4, Rotate: true, UseVC: true,
				SingleRequest: true, TrustAD: true, NoAAAA: true, EDNS0: true, NoTLDQuery: true}, ""},
		{"too large", "options ndots:16 timeout:31 attempts:99999999999999999999\n", nil, local, []string{"home.test"},
			ResolvOptions{NDots: 15, Timeout: 30 * time.Second, Attempts: 5}, "from 0 to 15"},
		{"too small", "options timeout:0 attempts:0 ndots:0\n", nil, local, []string{"home.test"},
			ResolvOptions{NDots: 0, Timeout: time.Second, Attempts: 0}, "that no name server is ever asked"},
		{"no number", "options ndots:x\n", nil, local, []string{"home.test"},
			ResolvOptions{NDots: 0, Timeout: 5 * time.Second, Attempts: 2}, "a number from 0 to 15"},
		{"reopen", "options single-request-reopen\n", nil, local, []string{"home.test"},
			ResolvOptions{NDots: 1, Timeout: 5 * time.Second, Attempts: 2, SingleRequest: true, reopen: true}, ""},
		{"unknown", "options ndots:2 fast\n", nil, local, []string{"home.test"},
			ResolvOptions{NDots: 2, Timeout: 5 * time.Second, Attempts: 2}, `option "fast" is not known`},
		{"sortlist", "sortlist 192.0.2.0\n", nil, local, []string{"home.test"}, plain, "sortlist is not heeded"},
		{"environment", "search a.test\noptions ndots:2 rotate\n", map[string]string{"LOCALDOMAIN": "x.test y.test\nz.test", "RES_OPTIONS": "ndots:4 what"},
			local, []string{"x.test", "y.test"}, ResolvOptions{NDots: 4, Timeout: 5 * time.Second, Attempts: 2, Rotate: true}, "LOCALDOMAIN"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, problems := parseResolv("/etc/resolv.conf", tt.text, func(k string) string { return tt.env[k] }, "box.home.test")
			var servers []string
			for _, s := range got.Servers {
				servers = append(servers, s.String())
			}
			if diff := cmp.Diff(tt.servers, servers); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.search, got.Search); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.options, got.Options, cmp.AllowUnexported(ResolvOptions{})); diff != "" {
				t.Error(diff)
			}
			if said := texts(problems); !strings.Contains(said, tt.problem) || tt.problem == "" && said != "" {
				t.Errorf("problems %q, want %q", said, tt.problem)
			}
		})
	}
}

func TestParseNsswitch(t *testing.T) {
	for _, tt := range []struct {
		text    string
		want    []Source
		problem string
	}{
		{"", defaultSources(), ""},
		{"passwd: files\n", defaultSources(), ""},
		{"hosts: dns files\n", []Source{{Name: "dns"}, {Name: "files"}}, ""},
		{"  hosts :files\n", []Source{{Name: "files"}}, ""},
		{"hosts files\n", []Source{{Name: "files"}}, ""},
		{"hosts: files\nhosts: dns\n", []Source{{Name: "dns"}}, ""},
		{"hosts: dns", defaultSources(), "no end of line"},
		{"hosts:\n", nil, "no source"},
		{"hosts:   files mdns4_minimal [NOTFOUND=return] dns\n", []Source{{Name: "files"},
			{Name: "mdns4_minimal", Actions: []Action{{Status: "notfound", Do: "return"}}}, {Name: "dns"}}, ""},
		{"hosts: resolve[ !Unavail = Return tryagain=continue]files\n", []Source{{Name: "resolve", Actions: []Action{
			{Status: "unavail", Not: true, Do: "return"}, {Status: "tryagain", Do: "continue"}}}, {Name: "files"}}, ""},
		{"hosts: files [x=return] dns\n", nil, `"x" is no status`},
		{"hosts: files [success=merge\n", nil, "is no status"},
		{"hosts: files [success]\n", nil, "no = behind"},
		{"hosts: files [success=stop]\n", nil, `"stop" is no action`},
		{"netgroup: nis [x=return]\nhosts: files\n", nil, "refuses the whole file"},
		{"sudoers: nis [x=return]\nhosts: files\n", []Source{{Name: "files"}}, ""},
		{"hosts: files # dns\n", []Source{{Name: "files"}, {Name: "#"}, {Name: "dns"}}, "begins no comment"},
	} {
		got, problems := parseNsswitch("n", tt.text)
		if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%q: %s", tt.text, diff)
		}
		if said := texts(problems); !strings.Contains(said, tt.problem) || tt.problem == "" && said != "" {
			t.Errorf("%q: problems %q, want %q", tt.text, said, tt.problem)
		}
	}
}

func TestActions(t *testing.T) {
	s := Source{Actions: []Action{{Status: "unavail", Not: true, Do: "return"}, {Status: "notfound", Do: "continue"}, {Status: "success", Do: "merge"}}}
	for status, want := range map[string]string{"success": "merge", "notfound": "continue", "unavail": "continue", "tryagain": "return"} {
		if got := s.after(status); got != want {
			t.Errorf("after %s: %s, want %s", status, got, want)
		}
	}
	if got := (Source{}).after("success"); got != "return" {
		t.Errorf("after success: %s", got)
	}
}

func TestParseHostConf(t *testing.T) {
	for _, tt := range []struct {
		text    string
		env     map[string]string
		multi   bool
		trim    []string
		problem string
	}{
		{"", nil, false, nil, ""},
		{"multi on\n", nil, true, nil, ""},
		{"# multi on\n  MULTI ON # yes\r\n", nil, true, nil, ""},
		{"multi on\nmulti off\n", nil, false, nil, ""},
		{"multi yes\n", nil, false, nil, "neither on nor off"},
		{"multi on\n", map[string]string{"RESOLV_MULTI": "off"}, false, nil, ""},
		{"order hosts,bind\nreorder on\n", nil, false, nil, "order has no effect"},
		{"trim .a.test, .b.test:.c.test\n", map[string]string{"RESOLV_ADD_TRIM_DOMAINS": ".d.test;.e.test"}, false,
			[]string{".a.test", ".b.test", ".c.test", ".d.test"}, "first four"},
		{"trim .a.test\n", map[string]string{"RESOLV_OVERRIDE_TRIM_DOMAINS": ".x.test"}, false, []string{".x.test"}, ""},
		{"what\n", nil, false, nil, "is no setting"},
	} {
		got, problems := parseHostConf("h", tt.text, func(k string) string { return tt.env[k] })
		if got.multi != tt.multi || !slices.Equal(got.trim, tt.trim) {
			t.Errorf("%q: %+v", tt.text, got)
		}
		if said := texts(problems); !strings.Contains(said, tt.problem) || tt.problem == "" && said != "" {
			t.Errorf("%q: problems %q, want %q", tt.text, said, tt.problem)
		}
	}
	c := hostConf{trim: []string{".a.test", ".test"}}
	for name, want := range map[string]string{"x.A.test": "x", "x.b.test": "x.b", ".test": ".test", "x": "x"} {
		if got := c.cut(name); got != want {
			t.Errorf("%s is cut to %q, want %q", name, got, want)
		}
	}
}

func TestParseGai(t *testing.T) {
	got, problems := parseGai("g", "# all\nprecedence  2001:db8::/32 7 # x\nprecedence ::ffff:0:0/96 100\n"+
		"label 2001:db8::1 3\nscopev4 10.0.0.0/8 5\nscopev4 ::ffff:11.0.0.0/104 6\nreload yes\nfoo ::/0 1\nprecedence ::/129 1\nlabel x 1\nlabel ::/0\n", glibcPolicy())
	want := Policy{
		Precedences: []PolicyEntry{entry(mapped, 100), entry("2001:db8::/32", 7), entry("::/0", 40)},
		Labels:      []PolicyEntry{entry("2001:db8::1/128", 3), entry("::/0", 1)},
		Scopes:      []PolicyEntry{entry("::ffff:10.0.0.0/104", 5), entry("::ffff:11.0.0.0/104", 6), entry(mapped, 14)},
	}
	prefixes := cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })
	if diff := cmp.Diff(want, got, prefixes); diff != "" {
		t.Error(diff)
	}
	if len(problems) != 4 {
		t.Errorf("problems %q", texts(problems))
	}
	same, _ := parseGai("g", "", standardPolicy())
	if diff := cmp.Diff(standardPolicy(), same, prefixes); diff != "" {
		t.Error(diff)
	}
}

func TestLiteral(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "127.1": "127.0.0.1", "1": "0.0.0.1", "0x7f000001": "127.0.0.1", "010.1.257": "8.1.1.1",
		"fe80::1%eth0": "fe80::1%eth0", "::1": "::1", "::ffff:1.2.3.4": "::ffff:1.2.3.4",
		"300.1.2.3": "", "1.2.3.4.5": "", "08.1": "", "1.2.3.": "", "": "", "0x": "", "+1": "", "1_0": "", "example": "", "4294967296": "", "1.16777216": "",
	} {
		got, ok := literal(text)
		if ok != (want != "") || ok && got.String() != want {
			t.Errorf("%q: %v, %t, want %q", text, got, ok, want)
		}
	}
	for name, part := range map[string]string{
		"": "empty", ".": "empty", "a..b": "two dots", ".a": "two dots", "300.1.2.3": "no top-level domain", strings.Repeat("a", 64) + ".test": "63",
		strings.Repeat("a.", 128): "longer", "example.test.": "", "_x-.test": "", "1.2.3": "",
	} {
		if got := impossible(name); (got == "") != (part == "") || !strings.Contains(got, part) {
			t.Errorf("%q: %q, want %q", name, got, part)
		}
	}
}

// A file that the caller names must be there, the system's need not.
func TestLoadSystem(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	files := Files{Hosts: write("hosts", "192.0.2.1 a\n192.0.2.2 a\n"), Resolv: write("resolv.conf", "nameserver 192.0.2.53\n"),
		Nsswitch: write("nsswitch.conf", "hosts: files\n"), HostConf: write("host.conf", "multi on\n"), Gai: write("gai.conf", "what\n"), Getenv: noEnv}
	s, err := LoadSystem(files)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Sources) != 1 || s.Resolv.Servers[0].String() != "192.0.2.53:53" || !strings.Contains(texts(s.Problems), `"what"`) {
		t.Errorf("%+v", s)
	}
	s.routes = noRoutes
	found, err := s.Addrs(t.Context(), "a", IPv4)
	if err != nil || len(found.Addrs) != 2 || found.Addrs[1].Origin.Line != 2 || found.Addrs[0].Origin.Path != files.Hosts {
		t.Errorf("%+v, %v", found, err)
	}
	files.Resolv = filepath.Join(dir, "gone")
	if _, err := LoadSystem(files); err == nil || !strings.Contains(err.Error(), "gone") {
		t.Errorf("error %v of a file that is not there", err)
	}
	files.Resolv = write("large", strings.Repeat("#", mostConfig+1))
	if _, err := LoadSystem(files); err == nil {
		t.Error("no error of a file without end")
	}
}

func FuzzConfiguration(f *testing.F) {
	for _, seed := range []string{"nameserver 192.0.2.1\nsearch a b\noptions ndots:3 timeout:x\n", "hosts: files [!success=return] dns\n",
		"multi on\ntrim .a, .b\n", "label ::/0 1\nprecedence ::ffff:0:0/96 100\nscopev4 10.0.0.0/8 5\n", "hosts: a [", "nameserver fe80::1%\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		conf, _ := parseResolv("r", text, func(string) string { return text }, text)
		if o := conf.Options; len(conf.Servers) == 0 || len(conf.Servers) > 3 || o.NDots < 0 || o.NDots > 15 || o.Attempts < 0 || o.Attempts > 5 ||
			o.Timeout < time.Second || o.Timeout > 30*time.Second {
			t.Errorf("%+v", conf)
		}
		for _, s := range conf.Servers {
			if !s.IsValid() {
				t.Errorf("server %v", s)
			}
		}
		planSearch("a.b", conf)
		sources, problems := parseNsswitch("n", text)
		if sources == nil && problems == nil {
			t.Error("no source and no problem")
		}
		parseHostConf("h", text, func(string) string { return text })
		policy, _ := parseGai("g", text, glibcPolicy())
		for _, addr := range []string{"192.0.2.1", "2001:db8::1", "ff02::1"} {
			a := netip.MustParseAddr(addr)
			if !match(policy.Labels, a).Prefix.IsValid() || a.Is4() && !match(policy.Scopes, a).Prefix.IsValid() {
				t.Errorf("nothing is said of %v", a)
			}
		}
	})
}
