package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestServices(t *testing.T) {
	file := filepath.Join(t.TempDir(), "services")
	const text = "\ufeff# a file\nmine\t80/tcp  Other another # comment\n\nbad\nworse 99999/tcp\nworst 0/tcp\nnoproto 5/\nhttps 4433/TCP\n" +
		"two 80/tcp\nsctponly 9/sctp\nudponly\t7001/udp\nhttps 4434/tcp"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := loadServices(file)
	for key, want := range map[portKey]string{
		{80, overTCP}: "mine", {4433, overTCP}: "https", {443, overTCP}: "https", {22, overTCP}: "ssh", {53, overUDP}: "domain",
		{7777, overTCP}: "cbt", {5, overTCP}: "", {65535, overTCP}: "", {7001, overUDP}: "udponly",
	} {
		if got := s.name(key.port, key.proto); got != want {
			t.Errorf("%v: %q, want %q", key, got, want)
		}
	}
	for name, want := range map[string]uint16{
		"mine": 80, "OTHER": 80, "another": 80, "http": 80, "https": 4433, "ssh": 22, "cbt": 7777, "udponly": 7001, "syslog": 514, "nosuch": 0,
		"sctponly": 0, "bad": 0, "worse": 0, "": 0,
	} {
		if got, ok := s.port(name, overTCP); got != want || ok != (want > 0) {
			t.Errorf("%s: %d, want %d", name, got, want)
		}
	}
	if got := loadServices(filepath.Join(t.TempDir(), "none")).name(7777, overTCP); got != "cbt" {
		t.Errorf("without a file 7777 is %q", got)
	}
}

// TestServicesTable checks the table of this program: it is well-formed, has no port twice, and begins as one would expect.
func TestServicesTable(t *testing.T) {
	lines := 0
	for line := range strings.Lines(servicesTable) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		lines++
		s, ok := parseService(line)
		if !ok || len(s.aliases) > 0 || !strings.ContainsAny(strings.ToLower(s.name), "abcdefghijklmnopqrstuvwxyz") {
			t.Errorf("line %q", line)
		}
	}
	s := loadServices("testdata/nosuchfile")
	if n := len(s.top[overTCP]) + len(s.top[overUDP]); n != lines {
		t.Errorf("%d ports in %d lines", n, lines)
	}
	for proto, ports := range s.top {
		sorted := slices.Sorted(slices.Values(ports))
		if len(slices.Compact(sorted)) != len(ports) {
			t.Errorf("%s: a port comes twice", proto)
		}
	}
	for proto, least := range map[protocol]int{overTCP: 200, overUDP: 100} {
		if n := len(s.top[proto]); n < least {
			t.Errorf("%s: %d ports", proto, n)
		}
	}
	for _, port := range []uint16{22, 80, 443} {
		if !slices.Contains(s.top[overTCP][:10], port) {
			t.Errorf("port %d is not among the first", port)
		}
	}
}

func FuzzServices(f *testing.F) {
	f.Add("http\t80/tcp www # web\n")
	f.Add("a 1/udp\nb 70000/tcp\n\x00 9/9")
	f.Fuzz(func(t *testing.T, text string) {
		for s := range readServices(strings.NewReader(text)) {
			if s.port == 0 || s.name == "" || s.proto == "" || strings.ContainsAny(s.name, "# \t\n") {
				t.Fatalf("%+v", s)
			}
		}
	})
}
