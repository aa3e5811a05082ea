package local

import (
	"maps"
	"os"
	"path/filepath"
	"testing"
)

func TestNames(t *testing.T) {
	dir := t.TempDir()
	system, admin := filepath.Join(dir, "usr"), filepath.Join(dir, "etc")
	for file, text := range map[string]string{
		filepath.Join(system, "rt_tables"): "#\n255\tlocal\n0xfe main\n7 seven # a comment\n" +
			" 8  eight\n9\nx ten\n99999999999 much\n0x nothing\n",
		filepath.Join(system, "rt_tables.d", "vpn.conf"):   "1000 vpn",
		filepath.Join(system, "rt_tables.d", "README.txt"): "1001 readme",
		filepath.Join(admin, "rt_tables"):                  "7 mine\n4294967295 last\n",
	} {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got := names{253: "default"}.read([]string{filepath.Join(dir, "none"), system, admin}, "rt_tables")
	want := names{253: "default", 254: "main", 255: "local", 7: "mine", 8: "eight", 1000: "vpn", 4294967295: "last"}
	if !maps.Equal(got, want) {
		t.Errorf("names %v, want %v", got, want)
	}
	if name := got.of(7); name != "mine" {
		t.Errorf("7 is %q", name)
	}
	if name := got.of(70000); name != "70000" {
		t.Errorf("70000 is %q", name)
	}
}

func TestParseSocket(t *testing.T) {
	for target, want := range map[string]uint32{
		"socket:[17]": 17, "socket:[4294967295]": 4294967295, "socket:[4294967296]": 0, "socket:[17": 0, "socket:[]": 0,
		"pipe:[17]": 0, "/dev/null": 0, "": 0,
	} {
		if got, ok := parseSocket(target); ok != (want != 0) || ok && got != want {
			t.Errorf("parseSocket(%q) = %d, %t; want %d", target, got, ok, want)
		}
	}
}

// TestOwners has processes that may not be looked into, come without a name, or share a socket.
func TestOwners(t *testing.T) {
	proc := t.TempDir()
	add := func(pid, comm string, targets ...string) {
		fds := filepath.Join(proc, pid, "fd")
		if err := os.MkdirAll(fds, 0o755); err != nil {
			t.Fatal(err)
		}
		for i, target := range targets {
			if err := os.Symlink(target, filepath.Join(fds, string(rune('0'+i)))); err != nil {
				t.Fatal(err)
			}
		}
		if comm != "" {
			if err := os.WriteFile(filepath.Join(proc, pid, "comm"), []byte(comm), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	add("10", "worker\n", "/dev/null", "socket:[1]", "socket:[5]")
	add("9", "master\n", "socket:[1]", "socket:[6]")
	add("11", "", "socket:[2]")
	add("self", "self\n", "socket:[3]")
	if err := os.MkdirAll(filepath.Join(proc, "12"), 0o755); err != nil {
		t.Fatal(err)
	}
	got := readOwners(proc, map[uint32]bool{1: true, 2: true, 3: true, 4: true})
	if want := map[uint32]owner{1: {9, "master"}, 2: {11, ""}}; !maps.Equal(got, want) {
		t.Errorf("owners %v, want %v", got, want)
	}
	if got := readOwners(filepath.Join(proc, "none"), map[uint32]bool{1: true}); len(got) != 0 {
		t.Errorf("owners without procfs: %v", got)
	}
}
