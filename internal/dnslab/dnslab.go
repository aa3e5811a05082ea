// Package dnslab gives a test real name servers, in a network namespace of its own: BIND and Knot with the
// root, test. and zones below it, Unbound to search them, and what goes wrong in the world. They run in
// half a second, and any number of labs live side by side:
//
//	func TestMain(m *testing.M) { os.Exit(lab.Main(m)) }
//
//	func TestResolve(t *testing.T) {
//		t.Parallel()
//		dnslab.Inside(t, func(t *testing.T, s *dnslab.Servers) {
//			conn, err := net.Dial("udp", s.Recursor.Port(53).String())
//		})
//	}
//
// The zones are in testdata. All servers are on loopback addresses, of both families, and
// on the ports that the protocols have by default:
//
//	Recursor  Unbound, validating; by UDP, TCP, TLS and HTTPS
//	Root      the root
//	TLD       test., and the reverse zones of 192.0.2.0/24 and 2001:db8::/32
//	Knot      example.test, which anybody may transfer; signed.test and bogus.test
//	Named     example.test, the same, which nobody may transfer; by UDP, TCP, TLS and HTTPS
//	Lame      refuses everything; lame.test is delegated to it
//	Dead      nothing is there: the kernel refuses; dead.test is delegated to it
//	Silent    takes everything and says nothing; silent.test is delegated to it
package dnslab

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/netdiag/netdiag/internal/lab"
)

// CertificateName is a name that the certificate of Recursor and of Named is for, beside their addresses.
const CertificateName = "dns.example.test"

// TB is what Test needs of a testing.TB.
type TB interface {
	lab.TB
	Context() context.Context
}

// Host is where a server is: one address of each family.
type Host struct{ V4, V6 netip.Addr }

// Port returns the host's IPv4 address with a port.
func (h Host) Port(port uint16) netip.AddrPort { return netip.AddrPortFrom(h.V4, port) }

// Servers are the name servers of a lab, by their role (see the package). Their addresses are the same in
// every lab.
type Servers struct {
	Recursor, Root, TLD, Knot, Named, Lame, Dead, Silent Host

	// Dir is a directory with the configuration and the zones. It is gone after the test.
	Dir string
	// Roots has the certificate that those of Recursor and Named lead to, which CAFile holds too, as PEM.
	Roots  *x509.CertPool
	CAFile string
}

// Lab is a lab with name servers.
type Lab struct {
	*lab.Lab
	Servers
}

// newServers returns the servers' addresses, with dir.
func newServers(dir string) Servers {
	host := func(n byte) Host {
		v6 := netip.MustParseAddr("fd53::").As16()
		v6[15] = n
		return Host{netip.AddrFrom4([4]byte{127, 0, 0, n}), netip.AddrFrom16(v6)}
	}
	return Servers{
		Recursor: host(10), Root: host(11), TLD: host(12), Knot: host(13), Named: host(14), Lame: host(15), Dead: host(16), Silent: host(17),
		Dir: dir,
	}
}

// hosts returns every host.
func (s *Servers) hosts() []Host {
	return []Host{s.Recursor, s.Root, s.TLD, s.Knot, s.Named, s.Lame, s.Dead, s.Silent}
}

// Test gives the test t a lab with running name servers, and ends them with it. It must be called on the test's own
// goroutine, which is in the lab from there on, but not those that it starts (see lab.Test): what asks from
// several goroutines needs Inside, or a process of Lab.Command.
//
// Where labs are not to be had, or one of the servers is not installed, the test is skipped with the
// reason, unless the environment has NETDIAG_LAB=require: then, as for every other error, it fails.
func Test(t TB) *Lab {
	t.Helper()
	programs := Need(t, "named", "knotd", "keymgr", "unbound", "ip")
	if programs == nil {
		return nil
	}
	in := lab.Test(t, nil)
	if in == nil {
		return nil
	}
	// A short path: that of Knot's socket must be below 108 bytes.
	dir, err := os.MkdirTemp("", "dnslab")
	if err != nil {
		t.Fatalf("dnslab: %v", err)
		return nil
	}
	l := &Lab{in, newServers(dir)}
	t.Cleanup(func() {
		if err := os.RemoveAll(l.Dir); err != nil {
			t.Logf("dnslab: %v", err)
		}
	})
	s := starter{t: t, Lab: l, programs: programs}
	if err := s.prepare(); err != nil {
		t.Fatalf("dnslab: %v", err)
	}
	if err := s.start(); err != nil {
		t.Fatalf("dnslab: %v", err)
	}
	return l
}

// Need returns where programs are, by name, for the test t, which is skipped if one is not installed, or
// fails if the environment has NETDIAG_LAB=require.
func Need(t TB, programs ...string) map[string]string {
	t.Helper()
	paths, err := installed(programs...)
	switch {
	case err == nil:
	case os.Getenv("NETDIAG_LAB") == "require":
		t.Fatalf("no lab for %s: %v", t.Name(), err)
	default:
		t.Skipf("no lab for %s: %v", t.Name(), err)
	}
	return paths
}

// installed returns where programs are, by name. Servers are where an ordinary user's PATH need not lead.
func installed(names ...string) (map[string]string, error) {
	paths := make(map[string]string)
	for _, name := range names {
		for _, file := range []string{name, "/usr/sbin/" + name, "/usr/local/sbin/" + name} {
			if path, err := exec.LookPath(file); err == nil {
				paths[name] = path
				break
			}
		}
		if paths[name] == "" {
			return nil, fmt.Errorf("%s is not installed (Debian: bind9 bind9-dnsutils knot knot-dnsutils unbound iproute2)", name)
		}
	}
	return paths, nil
}

// path returns the path of a file of the lab.
func (s *Servers) path(name string) string { return filepath.Join(s.Dir, name) }

// WriteFile writes a file into Dir and returns its path: a resolv.conf, a hosts file.
func (s *Servers) WriteFile(name string, lines ...string) (string, error) {
	path := s.path(name)
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		return "", fmt.Errorf("dnslab: %w", err)
	}
	return path, nil
}
