package dnslab

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"
)

// insideEnv names the environment variable that tells the test binary that it runs in a lab, for which
// test, and where the lab's files are.
const insideEnv = "NETDIAG_DNSLAB"

// insideTimeout is how long a test in a lab may take.
const insideTimeout = 5 * time.Minute

// Inside calls f in a lab with name servers, in a process that is in the lab as a whole, with all its
// goroutines: it starts the test binary there once more, for the test t alone, which must call Inside too. The
// test fails as f does, and its log has what that process wrote. It is skipped as Test says.
func Inside[T TB](t T, f func(t T, s *Servers)) {
	t.Helper()
	if name, dir, ok := strings.Cut(os.Getenv(insideEnv), ":"); ok && name == t.Name() {
		s := newServers(dir)
		if err := s.readRoots(); err != nil {
			t.Fatalf("%v", err)
		}
		f(t, &s)
		return
	}
	l := Test(t)
	if l == nil {
		return
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatalf("dnslab: %v", err)
	}
	var only []string
	for part := range strings.SplitSeq(t.Name(), "/") {
		only = append(only, "^"+regexp.QuoteMeta(part)+"$")
	}
	ctx, cancel := context.WithTimeout(t.Context(), insideTimeout)
	defer cancel()
	cmd := l.Command(ctx, exe, "-test.v", "-test.run="+strings.Join(only, "/"), fmt.Sprintf("-test.timeout=%v", insideTimeout))
	cmd.Env = append(os.Environ(), insideEnv+"="+t.Name()+":"+l.Dir)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	dieWithTest(cmd.Cmd)
	if err := cmd.Run(); err != nil {
		t.Fatalf("in the lab: %v\n%s", err, out.Bytes())
	}
	t.Logf("in the lab:\n%s", out.Bytes())
}

// readRoots reads the certificate of the lab's authority.
func (s *Servers) readRoots() error {
	s.CAFile, s.Roots = s.path("ca.pem"), x509.NewCertPool()
	text, err := os.ReadFile(s.CAFile)
	if err != nil {
		return fmt.Errorf("dnslab: %w", err)
	}
	if !s.Roots.AppendCertsFromPEM(text) {
		return fmt.Errorf("dnslab: %s holds no certificate", s.CAFile)
	}
	return nil
}
