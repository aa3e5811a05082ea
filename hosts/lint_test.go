package hosts

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// stock are the hosts files that systems come with, or write.
var stock = map[string]struct {
	hosts string
	cfg   LintConfig
}{
	"Debian": {"127.0.0.1\tlocalhost\n127.0.1.1\tdebian.example.org\tdebian\n\n# The following lines are desirable for IPv6 capable hosts\n" +
		"::1     localhost ip6-localhost ip6-loopback\nff02::1 ip6-allnodes\nff02::2 ip6-allrouters\n",
		LintConfig{Hostname: "debian", Sources: []string{"files", "dns"}}},
	"Ubuntu": {"127.0.0.1 localhost\n127.0.1.1 ubuntu\n\n# The following lines are desirable for IPv6 capable hosts\n" +
		"::1     ip6-localhost ip6-loopback localhost\nfe00::0 ip6-localnet\nff00::0 ip6-mcastprefix\nff02::1 ip6-allnodes\nff02::2 ip6-allrouters\n",
		LintConfig{Hostname: "ubuntu", Sources: []string{"files", "mdns4_minimal", "dns"}}},
	"Docker": {"127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::\tip6-localnet\nff00::\tip6-mcastprefix\n" +
		"ff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n172.17.0.2\t0a1b2c3d4e5f\n",
		LintConfig{Hostname: "0a1b2c3d4e5f", Sources: []string{"files", "dns"}, Addrs: parseList("127.0.0.1 172.17.0.2")}},
	"Fedora": {"# Loopback entries; do not change.\n# For historical reasons, localhost precedes localhost.localdomain:\n" +
		"127.0.0.1   localhost localhost.localdomain localhost4 localhost4.localdomain4\n" +
		"::1         localhost localhost.localdomain localhost6 localhost6.localdomain6\n" +
		"# See hosts(5) for proper format and other examples:\n# 192.168.1.10 foo.example.org foo\n",
		LintConfig{Hostname: "fedora", Sources: []string{"files", "myhostname", "resolve", "dns"}}},
	"Alpine": {"127.0.0.1\tlocalhost localhost.localdomain\n::1\t\tlocalhost localhost.localdomain\n",
		LintConfig{Readers: []Dialect{Musl(), Glibc(true), Go()}, Hostname: "localhost"}},
	"Kubernetes": {"# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::0\tip6-localnet\n" +
		"10.244.0.5\tweb-0.web.default.svc.cluster.local\tweb-0\n\n# Entries added by HostAliases.\n192.0.2.10\tfoo.example\tbar.example\n",
		LintConfig{Hostname: "web-0", Sources: []string{"files", "dns"}}},
	"Docker Desktop": {"127.0.0.1 localhost\n::1 localhost\n# Added by Docker Desktop\n192.0.2.20 host.docker.internal\n192.0.2.20 gateway.docker.internal\n" +
		"# To allow the same kube context to work on the host and the container:\n127.0.0.1 kubernetes.docker.internal\n# End of section\n",
		LintConfig{Addrs: parseList("192.0.2.20")}},
	"Windows": {"# Copyright (c) 1993-2009 Microsoft Corp.\r\n#\r\n# localhost name resolution is handled within DNS itself.\r\n#\t127.0.0.1       localhost\r\n",
		LintConfig{Readers: []Dialect{Windows()}}},
}

func parseList(s string) []netip.Addr { return parseAddrs(strings.Fields(s)) }

func parseAddrs(texts []string) []netip.Addr {
	var addrs []netip.Addr
	for _, s := range texts {
		addrs = append(addrs, netip.MustParseAddr(s))
	}
	return addrs
}

// TestLintStock finds nothing in what everybody has, but for a reverse lookup that cannot be otherwise.
func TestLintStock(t *testing.T) {
	for name, s := range stock {
		findings := Parse([]byte(s.hosts)).Lint(s.cfg)
		if name == "Docker Desktop" {
			findings = slices.DeleteFunc(findings, func(f Finding) bool { return f.Kind == KindReverse })
		}
		if len(findings) > 0 {
			t.Errorf("%s: %+v", name, findings)
		}
	}
}

// localhost is what a file must have to be without findings.
const localhost = "127.0.0.1 localhost\n::1 localhost\n"

// findings are files with what Lint finds: lines and kinds, and a part of the first message.
var findings = map[string]struct {
	hosts string
	cfg   LintConfig
	want  string
	says  string
}{
	"bom":            {hosts: "\ufeff192.0.2.1 a\n" + localhost, want: "1:bom", says: "everybody skip"},
	"crlf":           {hosts: localhost + "192.0.2.1 a\r\n192.0.2.2 b\r\n", want: "3:crlf", says: "2 lines end"},
	"nul":            {hosts: localhost + "192.0.2.1 a\x00b\n", want: "3:nul", says: "Go (Go programs without cgo) names end elsewhere"},
	"bad address":    {hosts: localhost + "192.0.2.256 a\n192.0.2.1,192.0.2.2 b\nfoo\n", want: "3:bad-address 4:bad-address 5:bad-address", says: `"192.0.2.256" is not an address`},
	"no names":       {hosts: localhost + "192.0.2.1 # a\n", want: "3:no-names", says: "192.0.2.1 has no name"},
	"zone":           {hosts: localhost + "fe80::1%lo0 a\n", want: "3:zone", says: "glibc (Debian, Ubuntu, Fedora and most others) skips this line, as the address fe80::1%lo0 has a zone; musl (Alpine Linux) and Go"},
	"named zone":     {hosts: localhost + "2001:db8::1%eth0 a\n", want: "3:zone", says: "and musl (Alpine Linux) skip this line"},
	"short":          {hosts: localhost + "127.1 a\n", want: "3:short-address", says: "musl (Alpine Linux) reads it, as 127.0.0.1"},
	"octal":          {hosts: localhost + "010.0.0.1 a\n", want: "3:short-address", says: "as 8.0.0.1"},
	"mapped":         {hosts: localhost + "::ffff:192.0.2.1 a\n", want: "3:mapped-address", says: "write 192.0.2.1"},
	"indented":       {hosts: localhost + "  192.0.2.1 a\n", want: "3:indented", says: "musl (Alpine Linux) skips this line, as it begins with a blank; glibc"},
	"indented junk":  {hosts: localhost + "  junk a\n", want: "3:bad-address"},
	"long line":      {hosts: localhost + "192.0.2.1" + strings.Repeat(" ", 500) + "long last\n", want: "3:long-line", says: "musl (Alpine Linux) reads no line as long as this one, of 518 bytes"},
	"long comment":   {hosts: localhost + "192.0.2.1 a # " + strings.Repeat("x", 600) + "\n#" + strings.Repeat("x", 600) + "\n", want: ""},
	"comment entry":  {hosts: localhost + "#" + strings.Repeat("x", 510) + "192.0.2.1 a\n", want: "3:long-line"},
	"endless":        {hosts: localhost + "#" + strings.Repeat("x", 70000) + "\n", want: "3:long-line", says: "Go (Go programs without cgo) reads no line"},
	"many names":     {hosts: localhost + "192.0.2.1 a b c d e f g h i j\n", cfg: LintConfig{Readers: Dialects()[:1:1]}, want: ""},
	"many, Windows":  {hosts: localhost + "192.0.2.1 a b c d e f g h i j\n", cfg: LintConfig{Readers: []Dialect{Windows(), Go()}}, want: "3:many-names", says: "fewer names than this line has, 10; Go"},
	"odd blank":      {hosts: localhost + "192.0.2.1 a\vb\n", want: "3:odd-blank", says: "to Go"},
	"no newline":     {hosts: localhost + "192.0.2.1 a b", want: "3:no-newline", says: "musl (Alpine Linux) does not find the last name"},
	"only name":      {hosts: localhost + "192.0.2.1 a", want: "3:no-newline", says: "musl (Alpine Linux) does not"},
	"comment at end": {hosts: localhost + "192.0.2.1 a b # c", want: ""},
	"both at end":    {hosts: localhost + " 192.0.2.1 a b", want: "3:no-newline 3:indented", says: "glibc"},
	"upper case":     {hosts: localhost + "192.0.2.1 Web\n", want: "3:upper-case", says: `musl (Alpine Linux) finds "Web" in this spelling only`},
	"trailing dot":   {hosts: localhost + "192.0.2.1 web.example.\n", want: "3:trailing-dot", says: "glibc (Debian, Ubuntu, Fedora and most others) and musl (Alpine Linux), and without by Go"},
	"wildcard":       {hosts: localhost + "192.0.2.1 *.example\n", want: "3:wildcard", says: "no wildcards"},
	"not ascii":      {hosts: localhost + "192.0.2.1 münchen.example\n", want: "3:not-ascii", says: "xn--"},
	"address":        {hosts: localhost + "192.0.2.1 192.0.2.2 127.1\n", want: "3:address-as-name 3:address-as-name"},
	"bad name":       {hosts: localhost + "192.0.2.1 http://a.example a.example:80 a..example -a\n", want: "3:bad-name 3:bad-name 3:bad-name 3:bad-name"},
	"duplicate":      {hosts: localhost + "192.0.2.1 a b a\n192.0.2.1 B a\n", cfg: LintConfig{Readers: []Dialect{Glibc(true)}}, want: "3:duplicate 4:duplicate 4:duplicate", says: "a is twice in this line"},
	"several": {hosts: localhost + "192.0.2.1 a\n192.0.2.2 a\n2001:db8::1 a\n", want: "4:several-addresses",
		says: "a has 192.0.2.1 (line 3) and 192.0.2.2 (line 4): glibc (Debian, Ubuntu, Fedora and most others), musl (Alpine Linux) and Go (Go programs without cgo) return 192.0.2.1 and 192.0.2.2; " +
			"glibc with multi off (systems without /etc/host.conf) returns 192.0.2.1"},
	"hidden": {hosts: localhost, cfg: LintConfig{Readers: []Dialect{Glibc(false)}}, want: "2:hidden-line", says: "returns only 127.0.0.1 (line 1) to programs that ask for both families, not ::1"},
	"reverse": {hosts: localhost + "192.0.2.1 a b\n192.0.2.1 b c\n192.0.2.1 d\n127.0.0.1 app\n", want: "4:duplicate 4:reverse-differs",
		says: "b is at 192.0.2.1 already in line 3"},
	"blocked":       {hosts: localhost + "0.0.0.0 0.0.0.0\n0.0.0.0 ads.example\n:: ads.example more.example\n", want: "4:blocked-names", says: "3 names are blocked by 0.0.0.0 or ::, ads.example first"},
	"not loopback":  {hosts: "127.0.0.1 localhost\n::1 localhost\n192.0.2.1 LOCALHOST\n", cfg: LintConfig{Readers: []Dialect{Glibc(true)}}, want: "3:several-addresses 3:localhost-not-loopback"},
	"no localhost":  {hosts: "192.0.2.1 a\n", want: "0:localhost-missing"},
	"myhostname":    {hosts: "192.0.2.1 a\n", cfg: LintConfig{Sources: []string{"files", "myhostname"}, Hostname: "x"}, want: ""},
	"no ::1":        {hosts: "127.0.0.1 localhost\n", want: "0:localhost-no-ipv6"},
	"no 127.0.0.1":  {hosts: "::1 localhost\n", want: "0:localhost-missing"},
	"no hostname":   {hosts: localhost, cfg: LintConfig{Hostname: "me", Sources: []string{"files", "dns"}}, want: "0:hostname-missing", says: "me"},
	"alias":         {hosts: "127.0.0.1 localhost me\n::1 localhost\n", cfg: LintConfig{Hostname: "me"}, want: "1:hostname-behind-localhost"},
	"no files":      {hosts: localhost, cfg: LintConfig{Sources: []string{"dns"}}, want: "0:nsswitch-order", says: "never"},
	"dns first":     {hosts: localhost, cfg: LintConfig{Sources: []string{"dns", "files"}}, want: "0:nsswitch-order", says: "before"},
	"resolve":       {hosts: localhost, cfg: LintConfig{Sources: []string{"resolve", "dns", "files"}}, want: ""},
	"VPN":           {hosts: localhost + "###Cisco AnyConnect VPN client modified this file. Please do not modify contents\n192.0.2.1 vpn\n", want: "3:leftover-block", says: "Cisco AnyConnect was here"},
	"Docker":        {hosts: localhost + "192.0.2.20 host.docker.internal\n", cfg: LintConfig{Addrs: parseList("192.0.2.1")}, want: "3:leftover-block", says: "192.0.2.20"},
	"DNS differs":   {hosts: localhost + "192.0.2.1 a.example\n", cfg: dns("192.0.2.2"), want: "3:shadows-dns", says: "a.example is 192.0.2.1 here, but DNS says 192.0.2.2"},
	"DNS same":      {hosts: localhost + "192.0.2.2 A.example\n192.0.2.1 a.example\n", cfg: withReaders(dns("192.0.2.1 192.0.2.2"), Glibc(true)), want: "3:same-as-dns 4:several-addresses"},
	"DNS has IPv6":  {hosts: localhost + "192.0.2.1 a.example\n", cfg: dns("192.0.2.1 2001:db8::1"), want: "3:hides-family", says: "DNS has 2001:db8::1 for a.example as well"},
	"DNS has none":  {hosts: localhost + "192.0.2.1 a.example\n", cfg: dns(""), want: "3:shadows-dns", says: "no address"},
	"not in DNS":    {hosts: localhost + "192.0.2.1 a.example\n", cfg: LintConfig{DNS: map[string]DNSAnswer{"a.example": {NoName: true}}}, want: "3:not-in-dns"},
	"DNS not asked": {hosts: localhost + "192.0.2.1 b.example\n", cfg: dns("192.0.2.1"), want: ""},
}

func dns(addrs string) LintConfig {
	return LintConfig{DNS: map[string]DNSAnswer{"a.example": {Addrs: parseList(addrs)}}}
}

func withReaders(cfg LintConfig, d ...Dialect) LintConfig {
	cfg.Readers = d
	return cfg
}

func TestLint(t *testing.T) {
	for name, c := range findings {
		t.Run(name, func(t *testing.T) {
			got := Parse([]byte(c.hosts)).Lint(c.cfg)
			var kinds []string
			for _, f := range got {
				kinds = append(kinds, fmt.Sprintf("%d:%s", f.Line, f.Kind))
			}
			if strings.Join(kinds, " ") != c.want {
				t.Fatalf("%q, want %s\n%+v", kinds, c.want, got)
			}
			if len(got) > 0 && !strings.Contains(got[0].Message, c.says) {
				t.Errorf("%q, want %q in it", got[0].Message, c.says)
			}
		})
	}
}

func TestDNSNames(t *testing.T) {
	f := Parse([]byte(localhost + "192.0.2.1 A.example short b.example\n192.0.2.2 a.example x.localhost printer.local a.example. *.example\n0.0.0.0 ads.example\n"))
	if got := f.DNSNames(Glibc(true)); !slices.Equal(got, []string{"a.example", "b.example"}) {
		t.Errorf("%q", got)
	}
}

// TestLintLarge has so many lines that nothing may be compared with everything.
func TestLintLarge(t *testing.T) {
	var b strings.Builder
	b.WriteString(localhost)
	for i := range 10_000 {
		fmt.Fprintf(&b, "0.0.0.0 ads%d.example\n192.0.2.%d n%d.example n%d.example\n", i, i%256, i, i/2)
	}
	got := Parse([]byte(b.String())).Lint(LintConfig{})
	count := make(map[string]int)
	for _, f := range got {
		count[f.Kind]++
	}
	if count[KindBlocked] != 1 || count[KindReverse] != 256 || count[KindSeveral] == 0 {
		t.Errorf("%v", count)
	}
}
