package lab

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/netdiag/netdiag/internal/packet"
	"golang.org/x/sys/unix"
)

// helperEnv makes the test binary a helper process of the mode it names.
const helperEnv = "LAB_TEST_HELPER"

// nobody is an ordinary user and group.
const nobody = 65534

type runFunc func() int

func (f runFunc) Run() int { return f() }

// helper is what a helper process does; it returns the exit status.
func helper(mode string) int {
	switch mode {
	case "main": // says where Main has run it, repeats its input, and ends with 7
		return Main(runFunc(func() int {
			ns, err := NewNamespace("x")
			if err == nil {
				err = ns.Close()
			}
			fmt.Printf("uid=%d rerun=%t args=%q error=%v\n", os.Getuid(), os.Getenv(usernsEnv) != "", os.Args[1:], err)
			if _, err := io.Copy(os.Stderr, os.Stdin); err != nil {
				return 1
			}
			return 7
		}))
	case "ping": // pings its argument, without privilege
		groups, err := os.Getgroups()
		if err != nil {
			return 1
		}
		_, err = pingOnce(os.Args[1], false)
		_, rawErr := openPinger(packet.IPv4, true)
		fmt.Printf("uid=%d gid=%d groups=%v ping=%v raw denied=%t\n",
			os.Getuid(), os.Getgid(), groups, err, errors.Is(rawErr, unix.EPERM))
		return 0
	}
	return 1
}

// publicBinary copies the test binary to where every user may run it.
func publicBinary(t *testing.T) string {
	t.Helper()
	exe, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "lab.test")
	if err := os.WriteFile(file, exe, 0o755); err != nil {
		t.Fatal(err)
	}
	return file
}

// needOtherUsers skips where this process cannot start others as another user.
func needOtherUsers(t *testing.T) {
	t.Helper()
	if os.Getuid() == 0 && os.Getenv(usernsEnv) == "" {
		return
	}
	if os.Getenv(requireEnv) == "require" {
		t.Fatal("starting processes as an ordinary user needs root")
	}
	t.Skip("starting processes as an ordinary user needs root; run the tests as root")
}

// TestCommand runs commands in a lab and in a peer, from wherever they are started.
func TestCommand(t *testing.T) {
	l := Test(t, nil)
	peer, err := l.Peer("peer", PeerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	for _, ns := range []*Namespace{l.Namespace, peer} {
		var want string
		if err := ns.Do(func() error { want = namespaceOf(t); return nil }); err != nil {
			t.Fatal(err)
		}
		command := func() *Cmd { return ns.Command(t.Context(), "readlink", "/proc/self/ns/net") }
		elsewhere := make(chan struct{})
		go func() {
			defer close(elsewhere)
			out, err := command().Output()
			if got := strings.TrimSpace(string(out)); err != nil || got != want {
				t.Errorf("Output in %s: ran in %s, %v; want %s", ns.name, got, err, want)
			}
			out, err = command().CombinedOutput()
			if got := strings.TrimSpace(string(out)); err != nil || got != want {
				t.Errorf("CombinedOutput in %s: ran in %s, %v; want %s", ns.name, got, err, want)
			}
		}()
		<-elsewhere
		var out bytes.Buffer
		c := command()
		c.Stdout = &out
		if err := errors.Join(c.Start(), c.Wait()); err != nil {
			t.Error(err)
		}
		c = command()
		c.Stdout = &out
		if err := c.Run(); err != nil {
			t.Error(err)
		}
		if got := out.String(); got != want+"\n"+want+"\n" {
			t.Errorf("Start and Run in %s: ran in %s, want %s", ns.name, got, want)
		}
	}
}

// TestCommandAs lets an ordinary user ping the simulated network by a ping socket.
func TestCommandAs(t *testing.T) {
	needOtherUsers(t)
	l := Test(t, network(t, 0))
	file := publicBinary(t)
	for f, dst := range host {
		t.Run(fmt.Sprintf("IPv%d", f), func(t *testing.T) {
			c := l.CommandAs(t.Context(), nobody, nobody, file, dst)
			c.Env = append(os.Environ(), helperEnv+"=ping")
			out, err := c.CombinedOutput()
			const want = "uid=65534 gid=65534 groups=[] ping=<nil> raw denied=true\n"
			if err != nil || string(out) != want {
				t.Errorf("%v:\n got %s want %s", err, out, want)
			}
		})
	}
}

// TestMainAgain starts the test binary as an ordinary user, whom Main makes root of a
// user namespace, and passes everything through.
func TestMainAgain(t *testing.T) {
	needOtherUsers(t)
	cmd := exec.CommandContext(t.Context(), publicBinary(t), "-a", "b c")
	cmd.Env = append(os.Environ(), helperEnv+"=main")
	cmd.Stdin = strings.NewReader("input\n")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 7 {
		t.Errorf("%v, want exit status 7", err)
	}
	if stderr.String() != "input\n" {
		t.Errorf("standard error %q, want the input", stderr.String())
	}
	switch stdout.String() {
	case "uid=0 rerun=true args=[\"-a\" \"b c\"] error=<nil>\n":
	default:
		if out := stdout.String(); strings.HasPrefix(out, "uid=65534 rerun=false") && os.Getenv(requireEnv) != "require" {
			t.Skipf("no user namespaces for ordinary users here (sysctl user.max_user_namespaces, "+
				"kernel.apparmor_restrict_unprivileged_userns); it ran as it was: %s", out)
		}
		t.Errorf("standard output %q", stdout.String())
	}
}
