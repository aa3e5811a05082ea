package bench

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"github.com/netdiag/netdiag/internal/dnslab"
)

// inDNSLab opens a lab with name servers.
func inDNSLab(b *testing.B) (l *dnslab.Lab, t tools) {
	b.Helper()
	l = dnslab.Test(b)
	t = tools{b: b, ns: l.Namespace}
	return l, t
}

// ratio is the median of the ratios of two tools' runs, one of each at a time.
func (t *tools) ratio(a, b string) float64 {
	var rs []float64
	for i, ms := range t.ms[a] {
		rs = append(rs, ms/t.ms[b][i])
	}
	return median(rs)
}

// difference is the median of the differences of two tools' runs, one of each at a time.
func (t *tools) difference(a, b string) float64 {
	var ds []float64
	for i, ms := range t.ms[a] {
		ds = append(ds, ms-t.ms[b][i])
	}
	return median(ds)
}

// mustSay fails the benchmark unless out has want in it.
func mustSay(b *testing.B, name string, out []byte, want string) {
	b.Helper()
	if !bytes.Contains(out, []byte(want)) {
		b.Fatalf("%s says\n%s", name, out)
	}
}

// BenchmarkResolve has a name server that knows the answer asked for it, by the whole program from start to end. The
// ratio is to kdig, the fastest.
func BenchmarkResolve(b *testing.B) {
	ours := netdiag(b)
	for _, tt := range []struct {
		name   string
		scheme string // ours, q's and doggo's
		how    string // dig's and kdig's
		others bool   // q and doggo, too: no certificate is needed
	}{
		{"udp", "", "+notls", true},
		{"tcp", "tcp://", "+tcp", true},
		{"tls", "tls://", "+tls", false},
		{"https", "https://", "+https", false},
	} {
		b.Run(tt.name, func(b *testing.B) {
			l, t := inDNSLab(b)
			const name, want, each = "www.example.test", "192.0.2.80", 20 // runs an operation
			server := l.Named.V4.String()
			paths := map[string]string{"netdiag": ours}
			args := map[string][]string{
				"netdiag": {"resolve", "--insecure", "@" + tt.scheme + server, name, "A"},
				"kdig":    {"@" + server, tt.how, name, "A"},
				"dig":     {"@" + server, tt.how, name, "A"},
				"q":       {"@" + tt.scheme + server, name, "A"},
				"doggo":   {"@" + tt.scheme + server, name, "A"},
			}
			tools := []string{"netdiag"}
			for _, tool := range []string{"kdig", "dig", "q", "doggo"} {
				if path, err := exec.LookPath(tool); err == nil && (tt.others || strings.HasSuffix(tool, "dig")) {
					paths[tool], tools = path, append(tools, tool)
				}
			}
			for b.Loop() {
				for range each {
					for _, tool := range tools {
						mustSay(b, tool, t.run(tool, paths[tool], args[tool]...), want)
					}
				}
			}
			t.report()
			if len(t.ms["kdig"]) > 0 {
				b.ReportMetric(t.ratio("netdiag", "kdig"), "ratio-to-kdig")
			}
		})
	}
}

// BenchmarkResolveServers has this machine's first name server refuse, or say nothing, and its second answer: what
// that costs beside one good server, for us and for the C library's getent, which stands behind a shell that
// gives it the same files.
func BenchmarkResolveServers(b *testing.B) {
	ours, unshare := netdiag(b), peer(b, "unshare")
	for _, tt := range []struct {
		name, option string // of ours
		first        func(*dnslab.Lab) dnslab.Host
		options      string // of resolv.conf
		getent       bool
	}{
		{"refusing", "", func(l *dnslab.Lab) dnslab.Host { return l.Dead }, "timeout:1 attempts:2", true},
		{"refusing-race", "--race", func(l *dnslab.Lab) dnslab.Host { return l.Dead }, "timeout:1 attempts:2", false},
		{"lame", "", func(l *dnslab.Lab) dnslab.Host { return l.Lame }, "timeout:1 attempts:2", true},
		{"silent", "", func(l *dnslab.Lab) dnslab.Host { return l.Silent }, "timeout:1 attempts:2", true},
		{"silent-race", "--race", func(l *dnslab.Lab) dnslab.Host { return l.Silent }, "timeout:1 attempts:2", false},
	} {
		b.Run(tt.name, func(b *testing.B) {
			l, t := inDNSLab(b)
			file := func(name string, lines ...string) string {
				path, err := l.WriteFile(name, lines...)
				if err != nil {
					b.Fatal(err)
				}
				return path
			}
			options, second := "options "+tt.options, "nameserver "+l.Recursor.V4.String()
			good := file("good.conf", options, second)
			bad := file("bad.conf", options, "nameserver "+tt.first(l).V4.String(), second)
			hosts, nsswitch := file("hosts", "127.0.0.1 localhost"), file("nsswitch.conf", "hosts: files dns")
			const name, want = "www.example.test", "192.0.2.80"
			ask := func(tool, conf string) {
				args := []string{"resolve", "--hosts-file", hosts, "--nsswitch-conf", nsswitch, "--resolv-conf", conf, name}
				if tt.option != "" {
					args = append(args, tt.option)
				}
				mustSay(b, tool, t.run(tool, ours, args...), want)
			}
			libc := func(tool, conf string) {
				mounts := "mount --bind " + conf + " /etc/resolv.conf && mount --bind " + hosts + " /etc/hosts && mount --bind " + nsswitch + " /etc/nsswitch.conf"
				mustSay(b, tool, t.run(tool, unshare, "--mount", "sh", "-c", mounts+" && exec getent ahosts "+name), want)
			}
			for b.Loop() {
				ask("netdiag-good", good)
				ask("netdiag", bad)
				if tt.getent {
					libc("getent-good", good)
					libc("getent", bad)
				}
			}
			t.report()
			for tool := range t.ms {
				if _, ok := t.ms[tool+"-good"]; ok {
					b.ReportMetric(t.difference(tool, tool+"-good"), tool+"-extra-ms")
				}
			}
		})
	}
}
