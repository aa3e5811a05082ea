package main

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/netdiag/netdiag/probe"
)

// probeLine reads a command line of probe as the program does, and returns its flags once checked.
func probeLine(t *testing.T, line string) (*probeFlags, *call, error) {
	t.Helper()
	f := newProbeFlags()
	var got *call
	var checked error
	a := app{commands: []command{{name: "probe", flags: f.flags(), run: func(_ context.Context, c *call) (status, error) {
		got, checked = c, f.check(c)
		return yes, nil
	}}}, in: strings.NewReader(""), out: new(strings.Builder), errs: new(strings.Builder)}
	if _, err := a.dispatch(t.Context(), append([]string{"probe"}, strings.Fields(line)...)); err != nil {
		return f, got, err
	}
	return f, got, checked
}

func TestProbeFlags(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{"a:1", ""},
		{"--wait 1 --wait-closed 1 a:1", "--wait and --wait-closed exclude each other"},
		{"--wait 1 -c 2 a:1", "--wait and -c exclude each other"},
		{"--wait-closed 1 -w 2 a:1", "--wait and -w exclude each other"},
		{"-i 2 a:1", "-i goes with -c or --wait"}, {"-i 2 -c 2 a:1", ""}, {"-i 2 --wait 9 a:1", ""}, {"-i 2 -c 0 a:1", ""},
		{"--open --wait-closed 2 a:1", "exclude each other"},
		{"-S 192.0.2.1 -6 a:1", "-S 192.0.2.1 is no IPv6 address"}, {"-S www a:1", "not an address"},
		{"--udp --tls a:1", "--udp excludes --tls"}, {"-u --starttls smtp a:25", "--udp excludes --tls"}, {"-u --rst a:1", "--udp excludes --rst"},
		{"-u --send hello --banner --expect x a:1", ""},
		{"--server-name x a:1", "--server-name goes with --tls"}, {"--alpn h2 a:1", "--alpn goes with --tls"}, {"--ca x a:1", "--ca goes with --tls"},
		{"--server-name= --tls a:1", "needs a name"}, {"--tls --server-name x --alpn h2,http/1.1 a:1", ""},
		{"--alpn h2, --tls a:1", "nothing before or behind a comma"},
		{"--starttls smtp a:25", ""}, {"--starttls auto a:25", ""}, {"--starttls smtps a:25", "did you mean smtp?"}, {"--starttls nntp a:25", "not known"},
		{"--wait-closed 1 --banner a:1", "nobody is there to talk to"},
		{`--send a\q a:1`, `\q is not known`}, {`--send a\ a:1`, "ends in a backslash"}, {`--send \x4 a:1`, "two hexadecimal digits"},
		{"--expect ( a:1", "not a regular expression"},
		{"-t 256 a:1", "out of range"}, {"-t 0 a:1", "out of range"}, {"-Q 256 a:1", "out of range"}, {"-W 0 a:1", "out of range"}, {"--rate -1 a:1", "out of range"},
		{"--concurrency 0 a:1", "out of range"}, {"--top 0 a", "out of range"}, {"-c -1 a:1", "out of range"}, {"--opn a:1", "did you mean --open?"},
	} {
		if _, _, err := probeLine(t, tt.line); tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", tt.line, err, tt.want)
		}
	}
}

func TestProbeConfig(t *testing.T) {
	f, c, err := probeLine(t, `-c0 -i0 -W2 -w9 --rate 5 --concurrency 7 -S 192.0.2.1 -I eth0 -t 3 -Q 4 -m 5 --rst a:1`)
	if err != nil {
		t.Fatal(err)
	}
	cfg := f.config()
	if cfg.Count != math.MaxInt64 || cfg.Interval >= 0 || cfg.Timeout != 2*time.Second || cfg.Deadline != 9*time.Second || cfg.Rate != 5 || cfg.Concurrency != 7 ||
		cfg.Source != targetAddr || cfg.Interface != "eth0" || cfg.TTL != 3 || cfg.TOS != 4 || cfg.Mark != 5 || !cfg.Reset || f.family(c) != ipv4 || !f.repeats() {
		t.Errorf("%+v", cfg)
	}
	f, _, _ = probeLine(t, "--wait-closed 1m a:1")
	if cfg := f.config(); cfg.Until != probe.UntilClosed || cfg.Deadline != time.Minute || cfg.Count != 0 || f.repeats() {
		t.Errorf("%+v", cfg)
	}
	f, _, _ = probeLine(t, `-u --send a\r\n\x00\\ a:1`)
	if cfg := f.config(); cfg.Payload == nil || string(cfg.Payload(53)) != "a\r\n\x00\\" {
		t.Error("--send is not what is sent by UDP")
	}
	f, _, _ = probeLine(t, "a:1")
	if cfg := f.config(); cfg.Count != 1 || cfg.Timeout != probe.DefaultTimeout || cfg.Rate != 0 || cfg.Payload != nil || f.repeats() {
		t.Errorf("%+v", cfg)
	}
}

func TestProbeTalk(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.pem")
	if err := os.WriteFile(empty, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ line, operands, starttls, want string }{
		{"--tls a:443", "a:443", "=a:443", ""},
		{"--starttls imap a:25,80", "a:25,80", "imap=a:25,80", ""},
		{"--starttls auto a:25", "a:25,587", "smtp=a:25,587", ""},
		{"--starttls auto a:5432", "a:5432 b:postgresql", "postgres=a:5432+b:5432", ""},
		{"--starttls auto a:443", "a:443", "=a:443", ""},
		{"--starttls auto a:25", "a:25,443,24-26,587 b:25 c:1", "smtp=a:25,587+b:25 =a:443,24,26+c:1", ""},
		{"--starttls auto --wait 5s a:25", "a:25,587", "smtp=a:25,587", ""},
		{"--starttls auto --wait 5s a:25", "a:25,443", "", "ports of several protocols"},
		{"--starttls auto -c 0 a:25", "a:25,443", "", "ports of several protocols"},
		{"--tls --ca " + empty + " a:1", "a:1", "", "there is no certificate in it"},
		{"--tls --ca " + filepath.Join(dir, "none") + " a:1", "a:1", "", "no such file"},
	} {
		f, _, err := probeLine(t, tt.line)
		if err != nil {
			t.Fatal(err)
		}
		list, err := newProbeList(strings.Fields(tt.operands), "", nil, testParser())
		if err != nil {
			t.Fatal(err)
		}
		passes, err := f.passes(list)
		switch {
		case tt.want != "":
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: %v", tt.line, err)
			}
		case err != nil || passWords(passes) != tt.starttls:
			t.Errorf("%s: %s, %v", tt.line, passWords(passes), err)
		}
	}
	f, _, _ := probeLine(t, "--starttls auto a:25")
	if _, err := f.passes(&probeList{file: "-"}); err == nil || !strings.Contains(err.Error(), "--starttls auto excludes --file") {
		t.Errorf("with a file: %v", err)
	}
	f, _, _ = probeLine(t, "--banner --send hi --expect x -W 2 a:1")
	talk, err := f.talk()
	if err != nil || talk.TLS != nil || !talk.Banner || string(talk.Send) != "hi" || talk.Expect == nil || talk.Timeout != 2*time.Second {
		t.Errorf("%+v, %v", talk, err)
	}
	f, _, _ = probeLine(t, "a:1")
	if talk, err := f.talk(); talk != nil || err != nil {
		t.Errorf("nothing is to be said: %+v, %v", talk, err)
	}
}

// passWords returns passes as PROTOCOL=HOST:PORTS+..., the ports as they are read.
func passWords(passes []probePass) string {
	var words []string
	for _, p := range passes {
		var hosts []string
		for _, e := range p.list.expressions {
			var ports []string
			for port := range e.ports.all() {
				ports = append(ports, portText(port))
			}
			hosts = append(hosts, e.host.Text+":"+strings.Join(ports, ","))
		}
		words = append(words, p.talk.TLS.StartTLS+"="+strings.Join(hosts, "+"))
	}
	return strings.Join(words, " ")
}
