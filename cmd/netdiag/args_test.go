package main

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v2"
)

// sampleFlags are those of the sample command with the common ones.
func sampleFlags() []cli.Flag {
	return append(sampleCommand().flags, new(common).flags()...)
}

func TestParse(t *testing.T) {
	tests := []struct {
		in   string
		want string // settings, then what cli gets
	}{
		{"", "--"},
		{"a -c 3", "--c=3 -- a"},
		{"-c3 a", "--c=3 -- a"},
		{"-c=3 a", "--c=3 -- a"},
		{"--count=3 a --count 4", "--c=3 --c=4 -- a"},
		{"-i.2 -i=.3 -i 0.4", "--i=.2 --i=.3 --i=0.4 --"},
		{"-nq a", "--n=true --q=true -- a"},
		{"-nc3 a", "--n=true --c=3 -- a"},
		{"-nc 3 a", "--n=true --c=3 -- a"},
		{"-nc=3 a", "--n=true --c=3 -- a"},
		{"-46n", "--4=true --6=true --n=true --"},
		{"--json=false -n=0", "--json=false --n=0 --"},
		{"-Ieth0 -I=eth1 -I fe80::1%eth0", "--I=eth0 --I=eth1 --I=fe80::1%eth0 --"},
		{"--interface=a=b", "--I=a=b --"},
		{"a - b", "-- a - b"},
		{"--file - a", "--file=- -- a"},
		{"-5 -1.5 -.5 -1e3 a", "-- -5 -1.5 -.5 -1e3 a"},
		{"b -n a -q c", "--n=true --q=true -- b a c"},
		{"a -- -n --count b --", "-- a -n --count b --"},
		{"-c 3 -- -c 4", "--c=3 -- -c 4"},
		{"-I -x a", "--I=-x -- a"}, // no flag of that name: it is the value
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			p, err := parse(sampleFlags(), strings.Fields(tt.in), false)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Fields(tt.want), p.normal()); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestParseKeepsEmptyArguments(t *testing.T) {
	p, err := parse(sampleFlags(), []string{"", "-I", "", "--file="}, false)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"--I=", "--file=", "--", ""}, p.normal()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestParseStopsAtTheFirst(t *testing.T) {
	p, err := parse(new(common).flags(), []string{"-n", "ping", "-c3", "--", "a"}, true)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"ping", "-c3", "--", "a"}, p.operands); diff != "" || len(p.settings) != 1 {
		t.Errorf("%d settings, operands -want +got\n%s", len(p.settings), diff)
	}
}

func TestParseErrors(t *testing.T) {
	tests := []struct{ in, want string }{
		{"-x", "unknown flag -x"},
		{"-nx", "unknown flag -x"},
		{"-ü", "unknown flag -ü"},
		{"--cuont=3", "unknown flag --cuont, did you mean --count?"},
		{"--verson", "unknown flag --verson, did you mean --version?"},
		{"--maxloss 3", "unknown flag --maxloss, did you mean --max-loss?"},
		{"---count", "unknown flag ---count, did you mean --count?"},
		{"--=3", "unknown flag --"},
		{"-=3", "unknown flag -="},
		{"-5q", "unknown flag -5"},
		{"-n=maybe", "-n maybe: this flag stands alone, or with true or false"},
		{"-I -n", "-I needs a value, and -n is a flag"},
		{"-c --json", "-c needs a value, and --json is a flag"},
		{"-c", "-c needs a value"},
		{"-c=", "-c : not a whole number, it takes 1 or more"},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			if _, err := parse(sampleFlags(), strings.Fields(tt.in), false); err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

// FuzzParse gives what was parsed to cli, which must take it: nothing that passes here fails
// there, and the operands are the same.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"-nc3 a -i.2", "--count=3|--|-x", "-|-5|a", "-I=|--file|-", "help|h"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, joined string) {
		args := strings.Split(joined, "|")
		cmd := sampleCommand()
		p, err := parse(append(cmd.flags, new(common).flags()...), args, false)
		if err != nil || p.help || p.version {
			return
		}
		var got []string
		ran := false
		program := &cli.App{HideHelp: true, HideVersion: true, ExitErrHandler: func(*cli.Context, error) {}, Commands: []*cli.Command{{
			Name: "sample", HideHelp: true, Flags: append(cmd.flags, new(common).flags()...),
			Action: func(c *cli.Context) error {
				ran, got = true, c.Args().Slice()
				return nil
			},
		}}}
		if err := program.Run(append([]string{"netdiag", "sample"}, p.normal()...)); err != nil || !ran {
			t.Fatalf("%q became %q, and cli says %v", args, p.normal(), err)
		}
		if len(p.operands) != len(got) || !cmp.Equal(append([]string{}, p.operands...), got) {
			t.Fatalf("%q has the operands %q, and cli says %q", args, p.operands, got)
		}
	})
}

func TestSeconds(t *testing.T) {
	tests := []struct {
		in   string
		want time.Duration // negative: an error
	}{
		{"1", time.Second}, {".2", 200 * time.Millisecond}, {"0.2", 200 * time.Millisecond}, {"0.001", time.Millisecond},
		{"1e1", 10 * time.Second}, {"200ms", 200 * time.Millisecond}, {"1m30s", 90 * time.Second}, {"+2", 2 * time.Second},
		{"1.5s", 1500 * time.Millisecond}, {"3600", time.Hour}, {"1h", time.Hour}, {"0.123456789", 123456789},
		{"", -1}, {"abc", -1}, {"1,5", -1}, {"nan", -1}, {"NaN", -1}, {"inf", -1}, {"+Inf", -1}, {"0x10", -1}, {"1_0", -1},
		{"0", -1}, {"-1", -1}, {"-200ms", -1}, {"0.0009", -1}, {"1e-30", -1}, {"3600.1", -1}, {"1e400", -1}, {"-1e400", -1},
		{"9223372036854775807", -1}, {"99999999999999999999h", -1}, {"1 s", -1}, {"1d", -1}, {"e", -1}, {"1-1", -1},
	}
	for _, tt := range tests {
		d := time.Minute
		v := &seconds{&d, time.Millisecond, time.Hour}
		err := v.Set(tt.in)
		switch {
		case (v.Check(tt.in) == nil) != (err == nil):
			t.Errorf("%q: Check and Set disagree", tt.in)
		case tt.want < 0:
			if err == nil || d != time.Minute {
				t.Errorf("%q: %v and no error", tt.in, d)
			}
		case err != nil || d != tt.want:
			t.Errorf("%q: %v, %v; want %v", tt.in, d, err, tt.want)
		}
	}
}

// TestSmallTimes has 0 allowed: a time too small to be told from 0 is not 0, which often
// means that there is no limit.
func TestSmallTimes(t *testing.T) {
	var d time.Duration
	v := &seconds{&d, 0, math.MaxInt64}
	for in, want := range map[string]time.Duration{"0": 0, "0.0": 0, "1e-12": 1, "1e400": math.MaxInt64, "1e-9": 1} {
		if err := v.Set(in); err != nil || d != want {
			t.Errorf("%s: %d, %v; want %d", in, d, err, want)
		}
	}
	if err := v.Set("-1e-12"); err == nil {
		t.Errorf("a negative time is %v", d)
	}
}

func TestNumbers(t *testing.T) {
	n, u, f := 5, uint32(0), 0.5
	whole := &wholeValue[int]{&n, -10, 255}
	mark := &wholeValue[uint32]{&u, 1, math.MaxUint32}
	real := &numberValue{&f, 0, 100}
	tests := []struct {
		v    value
		in   string
		want string // "" is an error
	}{
		{whole, "3", "3"}, {whole, "-10", "-10"}, {whole, "0xfF", "255"}, {whole, "010", "10"}, {whole, "+7", "7"},
		{whole, "-11", ""}, {whole, "256", ""}, {whole, "1.0", ""}, {whole, "1e2", ""}, {whole, "", ""}, {whole, "0x", ""}, {whole, "0x-1", ""},
		{whole, "9223372036854775808", ""}, {whole, "-9223372036854775809", ""}, {whole, "1_0", ""}, {whole, "٣", ""},
		{mark, "4294967295", "4294967295"}, {mark, "4294967296", ""}, {mark, "-1", ""},
		{real, "12.5", "12.5"}, {real, "1e2", "100"}, {real, "0", "0"}, {real, "100.1", ""}, {real, "-0.1", ""},
		{real, "nan", ""}, {real, "inf", ""}, {real, "1e999", ""}, {real, "0x1p3", ""}, {real, "", ""}, {real, "5%", ""},
	}
	for _, tt := range tests {
		before := tt.v.String()
		err := tt.v.Set(tt.in)
		switch {
		case (tt.v.Check(tt.in) == nil) != (err == nil):
			t.Errorf("%q: Check and Set disagree", tt.in)
		case tt.want == "":
			if err == nil || tt.v.String() != before {
				t.Errorf("%q: %s and no error", tt.in, tt.v)
			}
		case err != nil || tt.v.String() != tt.want:
			t.Errorf("%q: %s, %v; want %s", tt.in, tt.v, err, tt.want)
		}
	}
}

// TestStringIsTaken checks what cli relies on when it copies a value from one name to another.
func TestStringIsTaken(t *testing.T) {
	for _, f := range sampleFlags() {
		g, ok := f.(*cli.GenericFlag)
		if !ok || strings.HasPrefix(g.Value.String(), "0") && g.Name == "c" {
			continue // the count has no default
		}
		if err := g.Value.Set(g.Value.String()); err != nil {
			t.Errorf("%s does not take its own %q: %v", g.Name, g.Value, err)
		}
	}
}

func TestLimits(t *testing.T) {
	d, n, f := time.Duration(0), 0, 2.5
	tests := []struct {
		v    value
		want string
	}{
		{&seconds{&d, time.Microsecond, time.Hour}, "0.000001 to 3600 s"},
		{&seconds{&d, 0, math.MaxInt64}, "0 s or more, default 0"},
		{&wholeValue[int]{&n, 1, math.MaxInt}, "1 or more"},
		{&wholeValue[int]{&n, 0, 255}, "0 to 255, default 0"},
		{&numberValue{&f, 0, math.Inf(1)}, "0 or more, default 2.5"},
	}
	for _, tt := range tests {
		if got := tt.v.Limits(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

func TestNearest(t *testing.T) {
	words := []string{"ping", "trace", "resolve", "hosts", "probe", "serve", "interfaces", "routes", "help"}
	tests := []struct{ in, want string }{
		{"pnig", "ping"}, {"pig", "ping"}, {"pingg", "ping"}, {"PING", "ping"}, {"traceroute", "trace"}, {"res", "resolve"},
		{"host", "hosts"}, {"interface", "interfaces"}, {"prob", "probe"}, {"server", "serve"}, {"rotues", "routes"},
		{"", ""}, {"x", ""}, {"frobnicate", ""}, {"é", ""},
	}
	for _, tt := range tests {
		if got, _ := nearest(tt.in, words); got != tt.want {
			t.Errorf("nearest(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}
