package netdiag_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/netdiag/netdiag"

// arrows are the imports that there may be inside the module, by directory. A file of its own
// takes precedence over its directory. Tests may import netsim, lab, dnslab and their own package as well.
var arrows = map[string][]string{
	"cmd/netdiag":        {"ping", "trace", "resolve", "hosts", "probe", "serve", "local", "internal/render", "internal/draw"},
	"cmd/netdiag/lab.go": {"internal/lab", "internal/render"},
	"ping":               {"internal/rawsock", "internal/packet", "internal/stats"},
	"trace":              {"internal/rawsock", "internal/packet", "internal/stats"},
	"probe":              {"internal/rawsock", "internal/packet", "internal/stats"},
	"resolve":            {"hosts"},
	"internal/rawsock":   {"internal/packet"},
	"internal/netsim":    {"internal/packet", "internal/rawsock"},
	"internal/lab":       {"internal/netsim", "internal/packet"}, // netsim is asked by packet.Family
	"internal/dnslab":    {"internal/lab"},
	"bench":              {"probe"}, // for a figure of a process, not of the program
}

// only are packages that belong to some directories alone, by the beginning of their path.
var only = map[string][]string{
	"github.com/urfave/cli/": {"cmd/netdiag"},
	"github.com/miekg/dns":   {"resolve"},
}

// never are packages that a directory must do without: packet has neither sockets nor a clock.
var never = map[string][]string{
	"internal/packet": {"net", "os", "time", "syscall", "golang.org/x/sys", "golang.org/x/net/ipv4", "golang.org/x/net/ipv6"},
	"internal/stats":  {"net", "os", "syscall"},
}

// light are directories that, with all they import, need nothing outside the standard library but this.
var (
	light = []string{"ping", "trace"}
	need  = []string{"golang.org/x/", "github.com/HdrHistogram/hdrhistogram-go"}
)

// spared are uses that look as if they broke a rule: lab hands its streams to the test binary
// that it starts once more in a namespace.
var spared = map[string]string{"internal/lab/main_linux.go": "os.Stdout"}

// source is a file of the module.
type source struct {
	name string // from the root, with slashes
	*ast.File
}

func (s source) dir() string { return path.Dir(s.name) }
func (s source) test() bool  { return strings.HasSuffix(s.name, "_test.go") }

// imports returns the paths that s imports.
func (s source) imports() []string {
	var paths []string
	for _, i := range s.Imports {
		paths = append(paths, strings.Trim(i.Path.Value, `"`))
	}
	return paths
}

// inside returns the directory of a package of this module.
func inside(path string) (string, bool) {
	if path == module {
		return ".", true
	}
	return strings.CutPrefix(path, module+"/")
}

// under reports whether an import path is pkg or below it; pkg may end with a slash.
func under(path, pkg string) bool {
	return path == pkg || strings.HasPrefix(path, strings.TrimSuffix(pkg, "/")+"/")
}

// checkArrows tells what s imports and may not.
func checkArrows(s source) (wrong []string) {
	allowed, ok := arrows[s.name]
	if !ok {
		allowed = arrows[s.dir()]
	}
	if s.test() {
		allowed = slices.Concat(allowed, []string{"internal/netsim", "internal/lab", "internal/dnslab", s.dir()})
	}
	for _, p := range s.imports() {
		if dir, ok := inside(p); ok && !slices.Contains(allowed, dir) {
			wrong = append(wrong, fmt.Sprintf("%s imports %s", s.name, dir))
		}
		for pkg, dirs := range only {
			if under(p, pkg) && !slices.Contains(dirs, s.dir()) {
				wrong = append(wrong, fmt.Sprintf("%s imports %s, which is for %v", s.name, p, dirs))
			}
		}
		for _, pkg := range never[s.dir()] {
			if !s.test() && (p == pkg || pkg != "net" && under(p, pkg)) {
				wrong = append(wrong, fmt.Sprintf("%s imports %s", s.name, p))
			}
		}
	}
	return wrong
}

// checkCode tells what s does that is for cmd alone, or for nobody.
func checkCode(s source) (wrong []string) {
	packages := make(map[string]string) // by the name that the file gives them
	for _, i := range s.Imports {
		p := strings.Trim(i.Path.Value, `"`)
		name := path.Base(p)
		if i.Name != nil {
			name = i.Name.Name
		}
		packages[name] = p
	}
	ast.Inspect(s.File, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Recv == nil && n.Name.Name == "init" {
				wrong = append(wrong, s.name+" has a function init")
			}
		case *ast.SelectorExpr:
			x, ok := n.X.(*ast.Ident)
			if !ok || s.test() || strings.HasPrefix(s.name, "cmd/") {
				return true
			}
			if use := packages[x.Name] + "." + n.Sel.Name; forCommand(use) && spared[s.name] != use {
				wrong = append(wrong, s.name+" uses "+use)
			}
		}
		return true
	})
	return wrong
}

// forCommand reports whether use ends the process or writes to standard output.
func forCommand(use string) bool {
	switch use {
	case "os.Stdout", "os.Exit", "syscall.Exit", "syscall.Stdout", "fmt.Print", "fmt.Printf", "fmt.Println":
		return true
	}
	return strings.HasPrefix(use, "log.Fatal") || strings.HasPrefix(use, "log.Panic") || strings.HasPrefix(use, "log.Print")
}

// checkLight tells what the light directories pull in that they should not.
func checkLight(sources []source) (wrong []string) {
	imports := make(map[string]map[string]bool) // by directory, without tests
	for _, s := range sources {
		if s.test() {
			continue
		}
		if imports[s.dir()] == nil {
			imports[s.dir()] = make(map[string]bool)
		}
		for _, p := range s.imports() {
			imports[s.dir()][p] = true
		}
	}
	for _, start := range light {
		seen := map[string]bool{start: true}
		for next := []string{start}; len(next) > 0; next = next[1:] {
			for _, p := range slices.Sorted(maps.Keys(imports[next[0]])) {
				if dir, ok := inside(p); ok {
					if !seen[dir] {
						seen[dir] = true
						next = append(next, dir)
					}
					continue
				}
				first, _, _ := strings.Cut(p, "/")
				outside := strings.Contains(first, ".") // no path of the standard library has a dot there
				if outside && !slices.ContainsFunc(need, func(n string) bool { return strings.HasPrefix(p, n) }) {
					wrong = append(wrong, fmt.Sprintf("%s needs %s, through %s", start, p, next[0]))
				}
			}
		}
	}
	return wrong
}

// sources reads every Go file of the module, for whatever system it is.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
			return fs.SkipDir
		}
		if d.IsDir() || filepath.Ext(name) != ".go" {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		all = append(all, source{filepath.ToSlash(name), file})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestImports(t *testing.T) {
	all := sources(t)
	if len(all) < 20 {
		t.Fatalf("only %d files were found", len(all))
	}
	for _, s := range all {
		for _, w := range slices.Concat(checkArrows(s), checkCode(s)) {
			t.Error(w)
		}
	}
	for _, w := range checkLight(all) {
		t.Error(w)
	}
}

// parsed returns the file of that name with that code.
func parsed(t *testing.T, name, code string) source {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, "package x\n"+code, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return source{name, file}
}

// TestRules shows each rule broken and kept, so that it is known to catch something.
func TestRules(t *testing.T) {
	imports := func(p string) string { return fmt.Sprintf("import %q", p) }
	own := func(dir string) string { return imports(module + "/" + dir) }
	tests := []struct {
		name, code string
		wrong      int
	}{
		{"ping/x.go", own("internal/rawsock"), 0},
		{"ping/x.go", own("internal/render"), 1},
		{"ping/x.go", own("trace"), 1},
		{"ping/x.go", own("internal/netsim"), 1},
		{"ping/x_test.go", own("internal/netsim"), 0},
		{"ping/x_test.go", own("ping"), 0},
		{"ping/x_test.go", own("internal/render"), 1},
		{"ping/x_windows.go", own("resolve"), 1},
		{"cmd/netdiag/ping.go", own("internal/lab"), 1},
		{"cmd/netdiag/ping.go", own("internal/packet"), 1},
		{"cmd/netdiag/lab.go", own("internal/lab"), 0},
		{"cmd/netdiag/x_test.go", own("internal/dnslab"), 0},
		{"resolve/x.go", own("internal/dnslab"), 1},
		{"internal/packet/x.go", own("internal/stats"), 1},
		{"internal/stats/x.go", own("internal/packet"), 1},
		{"newdir/x.go", own("ping"), 1},
		{"newdir/x.go", imports(module), 1},
		{"cmd/netdiag/x.go", imports("github.com/urfave/cli/v2"), 0},
		{"internal/render/x.go", imports("github.com/urfave/cli/v2"), 1},
		{"resolve/x.go", imports("github.com/miekg/dns"), 0},
		{"cmd/netdiag/x.go", imports("github.com/miekg/dns"), 1},
		{"internal/packet/x.go", imports("net/netip"), 0},
		{"internal/packet/x.go", imports("net"), 1},
		{"internal/packet/x.go", imports("time"), 1},
		{"internal/packet/x_test.go", imports("os"), 0},
		{"internal/packet/x.go", imports("golang.org/x/sys/unix"), 1},
		{"internal/packet/x.go", imports("golang.org/x/net/icmp"), 0},
		{"cmd/netdiag/x.go", `import "os"; func f() { os.Exit(1) }`, 0},
		{"ping/x.go", `import "os"; func f() { os.Exit(1) }`, 1},
		{"ping/x.go", `import o "os"; var w = o.Stdout`, 1},
		{"ping/x.go", `import "log"; func f() { log.Fatalf("") }`, 1},
		{"ping/x.go", `import "fmt"; func f() { fmt.Println() }`, 1},
		{"ping/x.go", `type t struct{}; func (t) init() {}; func f(os struct{ Exit int }) { _ = os.Exit }`, 0},
		{"ping/x_test.go", `import "fmt"; func ExampleX() { fmt.Println() }`, 0},
		{"ping/x.go", `func init() {}`, 1},
		{"cmd/netdiag/x_test.go", `func init() {}`, 1},
	}
	for _, tt := range tests {
		s := parsed(t, tt.name, tt.code)
		if wrong := slices.Concat(checkArrows(s), checkCode(s)); len(wrong) != tt.wrong {
			t.Errorf("%s with %s: %q, want %d", tt.name, tt.code, wrong, tt.wrong)
		}
	}
	heavy := []source{
		parsed(t, "ping/x.go", own("internal/rawsock")+"\n"+imports("golang.org/x/net/ipv4")),
		parsed(t, "ping/x_test.go", imports("github.com/google/go-cmp/cmp")),
		parsed(t, "internal/rawsock/x_windows.go", imports("example.com/heavy")+"\n"+imports("net/netip")),
	}
	if wrong := checkLight(heavy); len(wrong) != 1 || !strings.Contains(wrong[0], "example.com/heavy") {
		t.Errorf("a heavy dependency behind an arrow: %q", wrong)
	}
}
