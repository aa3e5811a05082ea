package main

import (
	"context"
	"errors"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/netdiag/netdiag/local"

	"github.com/google/go-cmp/cmp"
)

// TestRoutesText holds what is shown of every scene against golden files: the table, and with -v all of them.
func TestRoutesText(t *testing.T) {
	t.Parallel()
	for name, scene := range routeScenes() {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, _ := scene.showRoutes(t)
			checkGolden(t, "local/routes-"+name+".txt", stdout+stderr)
			stdout, stderr, _ = scene.showRoutes(t, "-v")
			checkGolden(t, "local/routes-"+name+"-verbose.txt", stdout+stderr)
		})
	}
}

// TestRoutesJSON does the same with JSON, and holds it against the contract.
func TestRoutesJSON(t *testing.T) {
	t.Parallel()
	for name, scene := range routeScenes() {
		t.Run(name, func(t *testing.T) {
			_, _, want := scene.showRoutes(t, "-v")
			stdout, _, st := scene.showRoutes(t, "--json", "-v")
			checkGolden(t, "local/routes-"+name+".json", timeless(t, stdout))
			lines := jsonLines(t, stdout)
			first, last := lines[0], lines[len(lines)-1]
			if st != want || first["type"] != "start" || first["schema"] != "netdiag.routes/1" || last["type"] != "summary" {
				t.Errorf("status %d, want %d:\n%s", st, want, stdout)
			}
			for _, o := range lines[1 : len(lines)-1] {
				switch o["type"] {
				case "route":
					holds(t, o, "family", "dst", "gateway", "interface", "source", "metric", "mtu", "table", "protocol", "scope", "kind")
				case "rule":
					holds(t, o, "family", "priority", "from", "to", "action", "table")
				default:
					t.Errorf("type %v", o["type"])
				}
			}
		})
	}
}

// TestRoutesOneFamily has the table of one family, whose columns can be counted.
func TestRoutesOneFamily(t *testing.T) {
	t.Parallel()
	for family, want := range map[string]string{"-4": "Internet:", "-6": "Internet6:"} {
		stdout, _, st := routeScenes()["laptop"].showRoutes(t, family)
		lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
		if st != yes || lines[0] != "Routing tables" || lines[2] != want || strings.Count(stdout, "Internet") != 1 {
			t.Errorf("%s: status %d\n%s", family, st, stdout)
		}
		for _, line := range lines[3:] {
			if n := len(strings.Fields(line)); n != 5 {
				t.Errorf("%d columns in %q", n, line)
			}
		}
	}
	if stdout, stderr, st := routeScenes()["nothing"].showRoutes(t, "-6"); st != yes || stdout != "" || stderr != "netdiag: there are no routes over IPv6\n" {
		t.Errorf("no routes: status %d\n%s%s", st, stdout, stderr)
	}
}

func TestRouteLetters(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"default via 192.0.2.1 dev eth0 proto dhcp":                     "UGS",
		"default6 via fe80::1 dev eth0 proto ra":                        "UGA",
		"192.0.2.0/24 dev eth0":                                         "U",
		"192.0.2.9/32 via 192.0.2.1 dev eth0 proto redirect":            "UGHD",
		"192.0.2.0/24 via 192.0.2.1 dev eth0 proto static flag dead":    "GS",
		"192.0.2.0/24 dev eth0 tos 16":                                  "Uc",
		"2001:db8::/48 dev eth0 from 2001:db8:1::/48":                   "Uc",
		"192.0.2.0/24 kind prohibit proto boot":                         "US!",
		"192.0.2.0/24 kind blackhole proto bird":                        "USB",
		"192.0.2.0/24 kind throw proto static":                          "UST",
		"192.0.2.7/32 dev eth0 kind local":                              "UHl",
		"192.0.2.255/32 dev eth0 kind broadcast":                        "UHb",
		"ff00::/8 dev eth0 kind multicast":                              "Um",
		"2001:db8::/128 dev eth0 kind anycast":                          "UHl",
		"192.0.2.0/24 dev eth0 flag linkdown kind unreachable proto ra": "A!",
	} {
		if got := lettersOf(routeOfText(text)); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	help := routesCommand().help()
	for _, l := range routeLetters() {
		if !strings.Contains(help, "\n  "+l.letter+"  "+l.means+"\n") {
			t.Errorf("the help does not explain %s", l.letter)
		}
	}
}

func TestRuleText(t *testing.T) {
	t.Parallel()
	var got []string
	for _, r := range policyRules() {
		got = append(got, ruleText(r))
	}
	want := []string{
		"from all lookup local", "not from 10.0.0.5 to 10.9.0.0/16 iif eth0 oif tun0 fwmark 0x7/0xff ipproto tcp dport 22 lookup vpn",
		"from all fwmark 0x10 prohibit", "from all goto 32766", "from all lookup main", "from all lookup default", "from all lookup local", "from all lookup main",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// decisionDests are all that the crossroads decides.
func decisionDests() []string {
	return []string{
		"192.0.2.7", "10.0.0.9", "10.0.0.10", "10.8.0.1", "10.0.0.5", "10.0.0.255", "224.0.0.251", "192.0.2.66", "192.0.2.67", "198.51.100.1",
		"203.0.113.9", "203.0.113.10", "2001:db8::1", "fe80::9%eth0", "2001:db8::81", "255.255.255.255", "www.example.test", "192.0.2.7/24",
		"[2001:db8::81]", "192.0.519", "münchen.example.test", "10.9.0.1", "10.7.0.1",
	}
}

func TestDecisions(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ file, flags string }{
		{"decisions.txt", ""}, {"decisions-verbose.txt", "-v"}, {"decisions-color.txt", "--color=always"}, {"decisions.json", "--json"},
	} {
		t.Run(tt.file, func(t *testing.T) {
			stdout, stderr, st := crossroads().showRoutes(t, append(strings.Fields(tt.flags), decisionDests()...)...)
			if st != no {
				t.Errorf("status %d", st)
			}
			if tt.flags == "--json" {
				stdout = timeless(t, stdout)
			}
			checkGolden(t, "local/"+tt.file, stdout+stderr)
		})
	}
}

// TestDecisionStatus has the exit status of each kind, in text and as JSON with one summary for each destination.
func TestDecisionStatus(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		args   string
		want   status
		sums   int
		stderr string // contained; "": nothing
	}{
		{"192.0.2.7", yes, 1, ""},
		{"10.0.0.9", yes, 1, ""},
		{"10.0.0.5", yes, 1, ""},
		{"10.0.0.255 224.0.0.251", yes, 2, ""},
		{"192.0.2.66", no, 1, ""},
		{"198.51.100.1", no, 1, ""},
		{"192.0.2.7 203.0.113.9", no, 2, ""},
		{"203.0.113.10", no, 1, "hint: netdiag routes shows the table"},
		{"2001:db8::1", no, 1, "hint: this machine has no way out to the world over IPv6: netdiag interfaces says what it has"},
		{"2001:db8::1 2001:db8::2", no, 2, "hint: this machine has no way"},
		{"www.example.test", yes, 1, ""},
		{"-6 www.example.test", no, 1, "hint: "},
		{"six.example.test", yes, 1, ""},
		{"nosuch.example.test 192.0.2.7", unable, 2, "netdiag: nosuch.example.test: name not known\n"},
		{"fe80::9", unable, 1, "fe80::9: a link-local address needs its interface\nnetdiag: hint: write the interface behind it, as fe80::1%eth0, or give it with -I\n"},
		{"-I eth0 fe80::9", yes, 1, ""},
		{"link.example.test", unable, 1, "link.example.test: fe80::9: a link-local address"},
		{"-4 2001:db8::1", unable, 1, "2001:db8::1 is no IPv4 address"},
	} {
		s := crossroads()
		_, stderr, st := s.showRoutes(t, strings.Fields(tt.args)...)
		if st != tt.want || !strings.Contains(stderr, tt.stderr) || tt.stderr == "" && stderr != "" || strings.Count(stderr, "hint") > 1 {
			t.Errorf("%s: status %d, want %d\n%s", tt.args, st, tt.want, stderr)
		}
		stdout, _, st := s.showRoutes(t, append([]string{"--json"}, strings.Fields(tt.args)...)...)
		lines := jsonLines(t, stdout)
		sums := 0
		for i, o := range lines {
			switch {
			case o["type"] == "summary":
				sums++
				holds(t, o, "target", "addr", "kind")
			case o["type"] == "decision":
				holds(t, o, "target", "dst", "interface", "gateway", "source", "mtu", "matched", "table", "rule", "kind", "neighbour")
			case i > 0:
				t.Errorf("%s: type %v", tt.args, o["type"])
			}
		}
		if st != tt.want || sums != tt.sums || lines[0]["schema"] != "netdiag.routes/1" || lines[len(lines)-1]["type"] != "summary" {
			t.Errorf("%s: status %d, %d summaries\n%s", tt.args, st, sums, stdout)
		}
	}
}

func TestRoutesInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := crossroads()
	stdout, stderr, st := s.show(ctx, t, s.routes(), []string{"--json", "www.example.test", "six.example.test"})
	lines := jsonLines(t, stdout)
	if st != unable || stderr != "" || len(lines) != 3 || lines[1]["error"] != "interrupted" || lines[2]["error"] != "interrupted" {
		t.Errorf("status %d\n%s%s", st, stdout, stderr)
	}
}

// TestRoutesAsks has what the flags ask of the kernel.
func TestRoutesAsks(t *testing.T) {
	t.Parallel()
	from := netip.MustParseAddr("10.0.0.5")
	for args, want := range map[string]local.Ask{
		"":                                       {},
		"--from 10.0.0.5 -I eth0":                {Source: from, Interface: "eth0"},
		"-I 10.0.0.5":                            {Source: from},
		"--from ::ffff:10.0.0.5":                 {Source: from},
		"-I 2":                                   {Interface: "2"}, // by its index, as a zone may be
		"--mark 0x10 --uid 0":                    {Mark: 16, User: new(uint32(0))},
		"-m 4294967295 --uid 1000":               {Mark: 1<<32 - 1, User: new(uint32(1000))},
		"--uid=65534 --interface=eth0 --mark=16": {Mark: 16, User: new(uint32(65534)), Interface: "eth0"},
	} {
		s := crossroads()
		if _, stderr, st := s.showRoutes(t, append(strings.Fields(args), "192.0.2.7")...); st != yes || !reflect.DeepEqual(s.asked, want) {
			t.Errorf("%s: status %d, asked %+v\n%s", args, st, s.asked, stderr)
		}
	}
}

func TestRoutesRefuses(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"300.1.2.3":                             "300 is above 255",
		"300.1.2.3 a..b":                        "a..b",
		"http://www.example.test/":              "hint: give the host alone: www.example.test",
		"192.0.2.0/33":                          "192.0.2.0/33",
		"default":                               "default: not a destination",
		"get 192.0.2.7":                         "hint: netdiag routes 192.0.2.7",
		"--from 10.0.0.5":                       "--from is about packets to a destination, and none is given",
		"-I eth0":                               "-I is about packets to a destination",
		"--mark 7":                              "--mark is about packets",
		"--uid 7":                               "--uid is about packets",
		"--from eth0 192.0.2.7":                 "--from eth0: not an address",
		"--from 10.0.0.5 -I 10.0.0.5 192.0.2.7": "exclude each other",
		"-6 --from 10.0.0.5 2001:db8::1":        "--from 10.0.0.5: not an IPv6 address",
		"--from 10.0.0.5 2001:db8::1":           "2001:db8::1: not an IPv4 address, as --from 10.0.0.5 is",
		"-I 2001:db8::5 192.0.2.7 2001:db8::7":  "192.0.2.7: not an IPv6 address, as -I 2001:db8::5 is",
		"--from 0.0.0.0 192.0.2.7":              "--from 0.0.0.0: not the address of a machine",
		"--from :: 2001:db8::7":                 "--from ::: not the address of a machine",
		"-I 0.0.0.0 192.0.2.7":                  "-I 0.0.0.0: not the address of a machine",
		"0.0.0.0/0":                             "0.0.0.0/0: not a destination",
		"::/0":                                  "hint: for the table give none: netdiag routes",
		"-I= 192.0.2.7":                         "-I needs the name of an interface",
		"-I eth1 192.0.2.7":                     "no interface eth1, did you mean eth0?",
		"-I \x1b[2J 192.0.2.7":                  `no interface \x1b[2J`,
		"--uid -2 192.0.2.7":                    "--uid",
		"--mark 4294967296 192.0.2.7":           "out of range",
		"-4 -6":                                 "exclude each other",
	} {
		stdout, stderr, st := crossroads().showRoutes(t, strings.Fields(args)...)
		if st != unable || stdout != "" || !strings.Contains(stderr, want) || !strings.Contains(stderr, "netdiag: routes: ") {
			t.Errorf("%s: status %d\n%s%s", args, st, stdout, stderr)
		}
	}
	s := crossroads()
	s.badDecision = errors.New("local: the source 10.0.0.6 is no address of this machine")
	stdout, stderr, st := s.showRoutes(t, "--json", "www.example.test")
	lines := jsonLines(t, stdout)
	if st != unable || len(lines) != 2 || lines[1]["error"] == nil || !strings.Contains(stderr, "192.0.2.7: the source") {
		t.Errorf("the kernel cannot be asked: status %d\n%s%s", st, stdout, stderr)
	}
}

// TestTablesInTurn has the tables in the order in which rules ask them, and those that none asks last.
func TestTablesInTurn(t *testing.T) {
	t.Parallel()
	s := routeScenes()["router"]
	tables, err := readTables(s.kernel(), true, anyFamily)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range tables.routes {
		if name := r.TableName; !slices.Contains(got, name) {
			got = append(got, name)
		}
	}
	if want := []string{"local", "vpn", "main", "7"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if len(s.table) != 9 || s.table[0].Hops == nil {
		t.Error("what the kernel said was changed")
	}
}
