package lab

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }
func addr(s string) netip.Addr     { return netip.MustParseAddr(s) }

// TestPeer answers for every address of a /16, and of a /64, with a real kernel.
func TestPeer(t *testing.T) {
	l := Test(t, nil)
	_, err := l.Peer("hosts", PeerConfig{
		Near: End{
			Addrs: []netip.Prefix{prefix("10.0.0.1/30"), prefix("fd00::1/64")},
			Routes: []Route{
				{Dst: prefix("10.1.0.0/16"), Via: addr("10.0.0.2")},
				{Dst: prefix("fd01::/64"), Via: addr("fe80::b")},
			},
		},
		Far:   End{Addrs: []netip.Prefix{prefix("10.0.0.2/30"), prefix("fd00::2/64")}},
		Local: []netip.Prefix{prefix("10.1.0.0/16"), prefix("fd01::/64")},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, dst := range []string{"10.0.0.2", "10.1.0.0", "10.1.77.3", "10.1.255.255", "fd00::2", "fd01::", "fd01::7:1"} {
		for _, raw := range []bool{false, true} {
			if _, err := pingOnce(dst, raw); err != nil {
				t.Errorf("raw=%v: %v", raw, err)
			}
		}
	}
}

// TestRouters crosses three kernels in a row, with a smaller MTU on each link.
func TestRouters(t *testing.T) {
	ns := Test(t, nil).Namespace
	const routers = 3
	subnets := func(i, host int) []netip.Prefix {
		return []netip.Prefix{prefix(fmt.Sprintf("10.0.%d.%d/30", i, host)), prefix(fmt.Sprintf("fd00:%d::%d/64", i, host))}
	}
	for i := range routers {
		cfg := PeerConfig{
			Near: End{Addrs: subnets(i, 1)},
			Far: End{Addrs: subnets(i, 2), Routes: []Route{ // back to the first
				{Dst: prefix("0.0.0.0/0"), Via: subnets(i, 1)[0].Addr()},
				{Dst: prefix("::/0"), Via: addr("fe80::a")},
			}},
			MTU:     1500 - 100*i,
			Forward: true,
		}
		if i < routers-1 { // the last link is there without
			last := subnets(routers-1, 0)
			cfg.Near.Routes = []Route{{Dst: last[0], Via: subnets(i, 2)[0].Addr()}, {Dst: last[1], Via: addr("fe80::b")}}
		}
		peer, err := ns.Peer(fmt.Sprint("r", i), cfg)
		if err != nil {
			t.Fatal(err)
		}
		ns = peer
	}
	for _, last := range subnets(routers-1, 2) {
		if _, err := pingOnce(last.Addr().String(), true); err != nil {
			t.Error(err)
		}
	}
	err := ns.Do(func() error {
		_, err := pingOnce(subnets(0, 1)[0].Addr().String(), true)
		return err
	})
	if err != nil {
		t.Errorf("from the last router: %v", err)
	}
}

// TestConnectFails names both ends.
func TestConnectFails(t *testing.T) {
	l := Test(t, nil)
	_, err := l.Peer("a-name-longer-than-15-bytes", PeerConfig{})
	if err == nil || !strings.Contains(err.Error(), "a-name-longer-than-15-bytes") || !strings.Contains(err.Error(), "lab") {
		t.Errorf("error %v", err)
	}
}

// TestDo comes back from the namespace whatever happens in it.
func TestDo(t *testing.T) {
	l := Test(t, nil)
	home := namespaceOf(t)
	ns, err := NewNamespace("other")
	if err != nil {
		t.Fatal(err)
	}
	if got := namespaceOf(t); got != home {
		t.Fatalf("NewNamespace moved the goroutine to %s", got)
	}
	broken := errors.New("broken")
	err = ns.Do(func() error {
		if namespaceOf(t) == home {
			t.Error("Do stays where it is")
		}
		inner := l.Do(func() error {
			if got := namespaceOf(t); got != home {
				t.Errorf("Do within Do: in %s, want %s", got, home)
			}
			return nil
		})
		return errors.Join(inner, broken)
	})
	if !errors.Is(err, broken) {
		t.Errorf("Do = %v, want the function's error", err)
	}
	var thread int
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		defer func() { thread = unix.Gettid() }()
		_ = ns.Do(func() error { runtime.Goexit(); return nil })
	}()
	<-exited
	if got, err := os.Readlink(fmt.Sprintf("/proc/self/task/%d/ns/net", thread)); err == nil && strings.Contains(got, home) {
		t.Errorf("thread %d of an ended goroutine is in the lab", thread)
	}
	if err := ns.Close(); err != nil {
		t.Error(err)
	}
	if err := ns.Do(func() error { return nil }); !errors.Is(err, unix.EBADF) {
		t.Errorf("Do in a closed namespace: %v, want EBADF", err)
	}
	if got := namespaceOf(t); got != home {
		t.Errorf("in %s, want %s", got, home)
	}
}

// TestSysctl sets a parameter there and only there.
func TestSysctl(t *testing.T) {
	l := TestConfig(t, Config{Sysctls: map[string]string{"net.ipv4.ip_default_ttl": "77"}})
	peer, err := l.Peer("peer", PeerConfig{Sysctls: map[string]string{"net/ipv4/ip_default_ttl": "78"}})
	if err != nil {
		t.Fatal(err)
	}
	for want, ns := range map[string]*Namespace{"77\n": l.Namespace, "78\n": peer} {
		err := ns.Do(func() error {
			got, err := os.ReadFile("/proc/sys/net/ipv4/ip_default_ttl")
			if string(got) != want {
				t.Errorf("%s: TTL %q, want %q", ns.name, got, want)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"kernel.hostname", "net/../kernel/hostname", "net", "", "vm.swappiness"} {
		if err := l.Sysctl(name, "x"); err == nil || !strings.Contains(err.Error(), "not a parameter") {
			t.Errorf("Sysctl(%q) = %v, want a refusal", name, err)
		}
	}
	if err := l.Sysctl("net.ipv4.no_such_thing", "1"); !errors.Is(err, os.ErrNotExist) || missing(err) {
		t.Errorf("unknown parameter: %v", err)
	}
}
