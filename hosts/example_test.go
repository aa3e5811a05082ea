package hosts_test

import (
	"fmt"
	"net/netip"

	"github.com/netdiag/netdiag/hosts"
)

func ExampleFile_Lookup() {
	f := hosts.Parse([]byte("127.0.0.1 localhost\n::1 localhost\n127.1 short\n"))
	for _, d := range []hosts.Dialect{hosts.Glibc(true), hosts.Glibc(false), hosts.Musl()} {
		fmt.Printf("%s:", d.Name)
		for _, name := range []string{"localhost", "short"} {
			for _, m := range f.Lookup(d, name, hosts.Any) {
				fmt.Printf(" %s=%s", name, m.Addr)
			}
		}
		fmt.Println()
	}
	// Output:
	// glibc: localhost=127.0.0.1 localhost=::1
	// glibc with multi off: localhost=127.0.0.1
	// musl: localhost=127.0.0.1 localhost=::1 short=127.0.0.1
}

func ExampleFile_Lint() {
	f := hosts.Parse([]byte("127.0.0.1 localhost\n::1 localhost\n  192.0.2.1 db\n"))
	for _, finding := range f.Lint(hosts.LintConfig{}) {
		fmt.Printf("%d %s: %s\n", finding.Line, finding.Kind, finding.Message)
	}
	// Output:
	// 3 indented: musl (Alpine Linux) skips this line, as it begins with a blank; glibc (Debian, Ubuntu, Fedora and most others) and Go (Go programs without cgo) read it
}

func ExampleFile_Add() {
	f := hosts.Parse([]byte("127.0.0.1\tlocalhost # this machine\n"))
	old := f.Bytes()
	if _, err := f.Add(netip.MustParseAddr("192.0.2.7"), "db.example.test", "db"); err != nil {
		fmt.Println(err)
	}
	fmt.Print(hosts.Diff(old, f.Bytes(), "/etc/hosts"))
	// Output:
	// --- /etc/hosts
	// +++ /etc/hosts
	// @@ -1,1 +1,2 @@
	//  127.0.0.1	localhost # this machine
	// +192.0.2.7	db.example.test db
}
