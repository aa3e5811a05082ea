package resolve

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"
)

// inGetentLab is set in the environment of the test binary that runs in namespaces of its own, so that it can have
// an /etc of its own and its own port 53.
const inGetentLab = "NETDIAG_RESOLVE_GETENT"

// rerunInLab runs the calling test once more in namespaces of its own, and reports whether this is that second run.
func rerunInLab(t *testing.T) bool {
	t.Helper()
	if os.Getenv(inGetentLab) != "" {
		return true
	}
	for _, program := range []string{"getent", "perl", "ip"} {
		if _, err := exec.LookPath(program); err != nil {
			labMissing(t, err)
		}
	}
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), inGetentLab+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWUTS}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	_, exited := errors.AsType[*exec.ExitError](err)
	switch {
	case err == nil && strings.Contains(string(out), "--- SKIP: "+t.Name()+" "):
		t.Skipf("in its namespaces: %s", out)
	case err == nil:
		t.Logf("%s", out)
	case exited:
		t.Errorf("in its namespaces: %v\n%s", err, out)
	default:
		labMissing(t, err)
	}
	return false
}

// labMissing skips, or fails where the labs are required.
func labMissing(t *testing.T, err error) {
	t.Helper()
	if os.Getenv("NETDIAG_LAB") == "require" {
		t.Fatal(err)
	}
	t.Skip(err)
}

// getentLab is an /etc and three name servers.
type getentLab struct {
	dir     string
	servers [3]*labServer
	log     *queryLog
}

// labServer answers from a zone, or as it is told to.
type labServer struct {
	mu     sync.Mutex
	manner string // "", "silent", "refused", "servfail", "notimp", "nxdomain", "noaaaa", "servfail-aaaa", "formerr", "drops EDNS", ...
}

// queryLog is what was asked, in the order in which it came.
type queryLog struct {
	mu      sync.Mutex
	entries []string
}

// newGetentLab makes the lab in namespaces that are the process's own.
func newGetentLab(t *testing.T) *getentLab {
	t.Helper()
	must(t, unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""))
	must(t, unix.Sethostname([]byte("box.own.test")))
	for _, args := range [][]string{
		{"link", "set", "lo", "up"},
		{"link", "add", "eth0", "type", "veth", "peer", "name", "eth1"}, {"link", "set", "eth0", "up"}, {"link", "set", "eth1", "up"},
		{"addr", "add", "192.0.2.100/24", "dev", "eth0"},
		{"-6", "addr", "add", "2001:db8:1::100/64", "dev", "eth0", "nodad"},
		{"-6", "addr", "add", "fd00:1::100/64", "dev", "eth0", "nodad", "preferred_lft", "0"},
		{"route", "add", "default", "via", "192.0.2.1"},
		{"-6", "route", "add", "2001:db8::/32", "via", "2001:db8:1::1"},
		{"-6", "route", "add", "fd00:1:0:9::/64", "via", "2001:db8:1::1", "src", "fd00:1::100"}, // which is deprecated
	} {
		if out, err := exec.CommandContext(t.Context(), "ip", args...).CombinedOutput(); err != nil {
			labMissing(t, fmt.Errorf("ip %v: %w: %s", args, err, out))
		}
	}
	l := &getentLab{dir: t.TempDir(), log: new(queryLog)}
	for _, name := range []string{"resolv.conf", "nsswitch.conf", "hosts", "host.conf", "gai.conf"} {
		must(t, os.WriteFile(filepath.Join(l.dir, name), nil, 0o644))
	}
	if cache, err := os.ReadFile("/etc/ld.so.cache"); err == nil { // by which programs find their libraries
		must(t, os.WriteFile(filepath.Join(l.dir, "ld.so.cache"), cache, 0o644))
	}
	// The whole folder is another in these namespaces, so that nothing is written to that of the machine.
	must(t, unix.Mount(l.dir, "/etc", "", unix.MS_BIND, ""))
	for i := range l.servers {
		l.servers[i] = new(labServer)
		l.serve(t, i)
	}
	return l
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// serve starts the server with an index, on 127.0.0.1 and those that follow it.
func (l *getentLab) serve(t *testing.T, i int) {
	t.Helper()
	addr := fmt.Sprintf("127.0.0.%d:53", i+1)
	packets, err := net.ListenPacket("udp", addr)
	must(t, err)
	streams, err := net.Listen("tcp", addr)
	must(t, err)
	for _, s := range []*dns.Server{{PacketConn: packets}, {Listener: streams}} {
		s.Handler = dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) { l.answer(i, w, q) })
		ready := make(chan struct{})
		s.NotifyStartedFunc = func() { close(ready) }
		go s.ActivateAndServe()
		<-ready
		t.Cleanup(func() { s.Shutdown() })
	}
}

// answer is what the server with an index says.
func (l *getentLab) answer(i int, w dns.ResponseWriter, q *dns.Msg) {
	question := q.Question[0]
	network := w.LocalAddr().Network()
	l.log.add(fmt.Sprintf("%d %s %s %s", i+1, network, strings.ToLower(question.Name), dns.TypeToString[question.Qtype]))
	s := l.servers[i]
	s.mu.Lock()
	manner := s.manner
	s.mu.Unlock()
	m := new(dns.Msg).SetReply(q)
	m.RecursionAvailable = true
	six := question.Qtype == dns.TypeAAAA
	switch {
	case manner == "silent", manner == "noaaaa" && six, manner == "drops EDNS" && q.IsEdns0() != nil:
		return
	case manner == "refused":
		m.Rcode = dns.RcodeRefused
	case manner == "servfail", manner == "servfail-aaaa" && six, manner == "servfail-a" && !six:
		m.Rcode = dns.RcodeServerFailure
	case manner == "notimp":
		m.Rcode = dns.RcodeNotImplemented
	case manner == "formerr":
		m.Rcode = dns.RcodeFormatError
	case manner == "nxdomain":
		m.Rcode = dns.RcodeNameError
	case manner == "lame":
		m.RecursionAvailable = false
	default:
		answerFromZone(m, question)
	}
	if manner == "truncated" && network == "udp" {
		m.Answer, m.Truncated = nil, true
	}
	_ = w.WriteMsg(m) // an answer that cannot be sent is one that is not answered
}

// labZone is what the servers know, by name in lower case; a name without a record exists.
func labZone() map[string][]string {
	return map[string][]string{
		"both.test.":              {"300 A 192.0.2.7", "300 AAAA 2001:db8:1::7"},
		"four.test.":              {"60 A 192.0.2.4", "60 A 198.51.100.4", "60 A 127.0.0.9"},
		"six.test.":               {"60 AAAA 2001:db8:1::6", "60 AAAA fd00:1::6", "60 AAAA ::1", "60 AAAA 2001:db8:2::6", "60 AAAA fd00:2::6"},
		"none.test.":              {"60 TXT nothing"},
		"alias.test.":             {"60 CNAME middle.test."},
		"middle.test.":            {"60 CNAME both.test."},
		"dangling.test.":          {"60 CNAME gone.test."},
		"noaddr.test.":            {"60 CNAME none.test."},
		"host.a.test.":            {"60 A 192.0.2.11"},
		"host.b.test.":            {"60 A 192.0.2.12", "60 AAAA 2001:db8:1::12"},
		"host.":                   {"60 A 192.0.2.13"},
		"two.dots.b.test.":        {"60 A 192.0.2.14"},
		"exists.a.test.":          {"60 TXT no-address"},
		"exists.b.test.":          {"60 A 192.0.2.15"},
		"box.own.test.":           {"60 A 192.0.2.16"},
		"x.own.test.":             {"60 A 192.0.2.17"},
		"7.2.0.192.in-addr.arpa.": {"60 PTR both.test.", "60 PTR second.own.test."},
		"6.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.": {"60 PTR six.test."},
		"8.2.0.192.in-addr.arpa.":     {"60 CNAME 8.sub.2.0.192.in-addr.arpa."},
		"8.sub.2.0.192.in-addr.arpa.": {"60 PTR classless.test."},
	}
}

// answerFromZone fills in what labZone has for a question.
func answerFromZone(m *dns.Msg, q dns.Question) {
	zone := labZone()
	for name := strings.ToLower(q.Name); ; {
		records, exists := zone[name]
		if !exists {
			m.Rcode = dns.RcodeNameError
			return
		}
		next := ""
		for _, text := range records {
			rr, err := dns.NewRR(name + " " + strings.Replace(text, " ", " IN ", 1))
			if err != nil {
				panic(err)
			}
			if c, is := rr.(*dns.CNAME); is {
				next = c.Target
			}
			if rr.Header().Rrtype == q.Qtype || next != "" {
				m.Answer = append(m.Answer, rr)
			}
		}
		if next == "" {
			return
		}
		name = next
	}
}

func (q *queryLog) add(entry string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.entries = append(q.entries, entry)
}

// take returns what was asked and forgets it. The questions for A and AAAA of one name may arrive in any order, so
// those in a row to one server are sorted.
func (q *queryLog) take() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	entries := q.entries
	q.entries = nil
	for start := 0; start < len(entries); {
		whom := strings.TrimRight(entries[start], "A")
		end := start
		for end < len(entries) && strings.TrimRight(entries[end], "A") == whom {
			end++
		}
		slices.Sort(entries[start:end])
		start = end
	}
	return entries
}

// machineConf is the content of an /etc, the environment, and how the servers behave.
type machineConf struct {
	resolv, nsswitch, hosts, hostConf, gai string
	env                                    map[string]string
	manners                                [3]string
}

// set makes it the machine's.
func (l *getentLab) set(t *testing.T, c machineConf) {
	t.Helper()
	for name, text := range map[string]string{"resolv.conf": c.resolv, "nsswitch.conf": c.nsswitch, "hosts": c.hosts,
		"host.conf": c.hostConf, "gai.conf": c.gai} {
		must(t, os.WriteFile(filepath.Join(l.dir, name), []byte(text), 0o644))
	}
	for i, s := range l.servers {
		s.mu.Lock()
		s.manner = c.manners[i]
		s.mu.Unlock()
	}
	l.log.take()
}

// What getent and perlSix exit with where they find nothing: it is not there, or (perlSix alone) it may be later.
const (
	notFound = 2
	tryAgain = 3
)

// gotten is what getent says.
type gotten struct {
	status    int
	canonical string
	addrs     []netip.Addr
	names     []string
}

// perlSix is a getent that asks getaddrinfo(3) for IPv6 addresses alone.
const perlSix = `my ($err, @found) = getaddrinfo($ARGV[0], "", {family => AF_INET6, socktype => SOCK_STREAM, flags => AI_CANONNAME});
for my $f (@found) { my ($e, $host) = getnameinfo($f->{addr}, NI_NUMERICHOST); print "$host STREAM ", $f->{canonname} // "", "\n" }
exit($err == EAI_AGAIN ? 3 : $err ? 2 : 0)`

// getent runs the real one.
func (l *getentLab) getent(t *testing.T, env map[string]string, database, key string) gotten {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "getent", "-A", database, key)
	if database == "ahostsv6" { // getent has IPv4 addresses mapped, which is another question
		cmd = exec.CommandContext(t.Context(), "perl", "-MSocket=:all", "-e", perlSix, key)
	}
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8"}
	for k, v := range env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	out, err := cmd.Output()
	var g gotten
	if exit, exited := errors.AsType[*exec.ExitError](err); exited {
		g.status = exit.ExitCode()
	}
	if err != nil && g.status != notFound && g.status != tryAgain {
		t.Fatalf("getent %s %s: %v", database, key, err)
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if database == "hosts" {
			g.names = fields[1:]
		}
		if len(fields) < 2 || fields[1] != "STREAM" {
			continue
		}
		if len(fields) > 2 {
			g.canonical = fields[2]
		}
		g.addrs = append(g.addrs, netip.MustParseAddr(fields[0]))
	}
	return g
}

// compare asks getent and a System of the same machine for a name, and compares what they find, in which order, and
// what they asked whom.
func (l *getentLab) compare(t *testing.T, c machineConf, name string) {
	t.Helper()
	for database, family := range map[string]Family{"ahosts": AnyFamily, "ahostsv4": IPv4, "ahostsv6": IPv6} {
		l.set(t, c)
		want := l.getent(t, c.env, database, name)
		wantAsked := l.log.take()
		s, err := LoadSystem(Files{Getenv: func(k string) string { return c.env[k] }})
		must(t, err)
		got, err := s.Addrs(t.Context(), name, family)
		must(t, err)
		gotAsked := l.log.take()
		var addrs []netip.Addr
		for _, a := range got.Addrs {
			addrs = append(addrs, a.Addr)
		}
		if !slices.Equal(addrs, want.addrs) {
			t.Errorf("%s %s: found %v (%v: %s), getent %v", database, name, addrs, got.Verdict, got.Reason, want.addrs)
		}
		if len(addrs) > 0 && got.Canonical != want.canonical {
			t.Errorf("%s %s: canonical name %q, getent %q", database, name, got.Canonical, want.canonical)
		}
		if absent := got.Verdict == VerdictNXDomain || got.Verdict == VerdictNoData; want.status == tryAgain && absent ||
			absent && want.status == 0 {
			t.Errorf("%s %s: %v (%s), getent exits with %d", database, name, got.Verdict, got.Reason, want.status)
		}
		if strings.Contains(c.resolv, "no-aaaa") && family == IPv6 {
			wantAsked = nil // the C library asks for A records, only to find nothing
		}
		if slices.Contains(c.manners[:], "truncated") { // what goes by TCP overtakes what goes by UDP
			slices.Sort(gotAsked)
			slices.Sort(wantAsked)
		}
		if !slices.Equal(gotAsked, wantAsked) {
			t.Errorf("%s %s: asked\n\t%s\ngetent\n\t%s", database, name,
				strings.Join(gotAsked, "\n\t"), strings.Join(wantAsked, "\n\t"))
		}
	}
}
