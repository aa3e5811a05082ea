package hosts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/netdiag/netdiag/internal/lab"
	"golang.org/x/sys/unix"
)

// helperEnv makes the test binary a helper process of the mode it names.
const helperEnv = "HOSTS_TEST_HELPER"

func TestMain(m *testing.M) {
	if mode := os.Getenv(helperEnv); mode != "" {
		if err := helpers[mode](); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(lab.Main(m))
}

// helpers are what helper processes do.
var helpers = map[string]func() error{
	"oracle": oracleHelper,
	"go":     goHelper,
	"edit":   editHelper,
	"loop":   loopHelper,
}

// helper returns the command for a helper process of this mode.
func helper(t testing.TB, mode string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", args...) // it ends by itself, with its input at the latest
	// The race detector would have it sleep for a second in the end.
	cmd.Env = append(os.Environ(), helperEnv+"="+mode, "GORACE=atexit_sleep_ms=0")
	cmd.Stderr = os.Stderr
	return cmd
}

// private makes cmd run with its own mounts, which helpers then make.
func private(cmd *exec.Cmd) *exec.Cmd {
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	return cmd
}

// bind mounts files over others, for this process and its children alone.
func bind(mounts map[string]string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making mounts private: %w", err)
	}
	for target, source := range mounts {
		if err := unix.Mount(source, target, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("mounting %s over %s: %w", source, target, err)
		}
	}
	return nil
}

// job is what an oracle is asked.
type job struct {
	Hosts    []byte
	HostConf string
	Command  [][]byte // arguments may be any bytes
	Mode     string   // that of a helper, if it is one
}

// oracleHelper answers jobs, with /etc/hosts and its like replaced by files in the folder of its argument.
func oracleHelper() error {
	dir := os.Args[1]
	mounts := make(map[string]string)
	for name, content := range map[string]string{
		"hosts": "", "nsswitch.conf": "hosts: files\n", "resolv.conf": "nameserver 127.0.0.1\n",
	} {
		mounts["/etc/"+name] = dir + "/" + name
		if err := os.WriteFile(dir+"/"+name, []byte(content), 0o644); err != nil {
			return err
		}
	}
	if err := bind(mounts); err != nil {
		return err
	}
	go noSuchName()
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var j job
		if err := in.Decode(&j); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		answer, err := j.run(dir)
		if err != nil {
			return err
		}
		if err := out.Encode(answer); err != nil {
			return err
		}
	}
}

func (j *job) run(dir string) ([]byte, error) {
	err := errors.Join(
		os.WriteFile(dir+"/hosts", j.Hosts, 0o644),
		os.WriteFile(dir+"/host.conf", []byte(j.HostConf), 0o644))
	if err != nil {
		return nil, err
	}
	var args []string
	for _, a := range j.Command {
		args = append(args, string(a))
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "RESOLV_HOST_CONF="+dir+"/host.conf", helperEnv+"="+j.Mode)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if _, ok := errors.AsType[*exec.ExitError](err); ok {
		err = nil // getent says so when a name is not found
	}
	return out, err
}

// noSuchName is a name server in the namespace of the test that knows no names, as musl always asks one.
func noSuchName() {
	conn, err := net.ListenPacket("udp", "127.0.0.1:53")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	b := make([]byte, 512)
	for {
		n, from, err := conn.ReadFrom(b)
		if err != nil || n < 12 {
			continue
		}
		b[2] |= 0x80                   // a response
		b[3] = b[3]&^0x0f | 0x80 | 0x3 // NXDOMAIN
		_, _ = conn.WriteTo(b[:n], from)
	}
}

// goHelper looks its arguments up as Go does: a family with a colon before names.
func goHelper() error {
	r := net.Resolver{PreferGo: true}
	for _, arg := range os.Args[1:] {
		network, name, _ := strings.Cut(arg, ":")
		if network == "ptr" {
			names, _ := r.LookupAddr(context.Background(), name)
			fmt.Println(strings.Join(names, " "))
			continue
		}
		addrs, _ := r.LookupNetIP(context.Background(), network, name)
		var words []string
		for _, a := range addrs {
			words = append(words, a.Unmap().WithZone("").String())
		}
		fmt.Println(strings.Join(words, " "))
	}
	return nil
}

// oracle is a helper that answers jobs.
type oracle struct {
	t   testing.TB
	in  *json.Encoder
	out *json.Decoder
}

// newOracle starts an oracle in a lab, with addresses of both families, as glibc asks for a family
// only if there is one.
func newOracle(t testing.TB) *oracle {
	t.Helper()
	lab.Test(t, nil)
	for _, a := range []string{"192.0.2.1/32", "2001:db8::1/128"} {
		if out, err := exec.CommandContext(t.Context(), "ip", "addr", "add", a, "dev", "lo").CombinedOutput(); err != nil {
			t.Fatalf("ip addr add %s: %v: %s", a, err, out)
		}
	}
	cmd := private(helper(t, "oracle", t.TempDir()))
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(in.Close(), cmd.Wait()); err != nil {
			t.Error(err)
		}
	})
	return &oracle{t, json.NewEncoder(in), json.NewDecoder(out)}
}

// ask returns what a command prints when j.Hosts is /etc/hosts.
func (o *oracle) ask(j job, command ...string) string {
	o.t.Helper()
	for _, a := range command {
		j.Command = append(j.Command, []byte(a))
	}
	var out []byte
	if err := errors.Join(o.in.Encode(j), o.out.Decode(&out)); err != nil {
		o.t.Fatalf("asking %q: %v", j.Command, err)
	}
	return string(out)
}
