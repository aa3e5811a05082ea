package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// help returns the help of the program.
func (a *app) help() string {
	var b strings.Builder
	b.WriteString("netdiag measures networks: round trips, paths, names, ports.\n\n")
	b.WriteString("Usage:\n  netdiag COMMAND [flags] TARGET...\n\nCommands:\n")
	var rows [][2]string
	for _, c := range a.commands {
		rows = append(rows, [2]string{c.name, c.summary})
	}
	indented(&b, append(rows, [2]string{"help COMMAND", "the flags of a command, with examples"}))
	var examples []example
	for _, c := range a.commands {
		examples = append(examples, c.examples[:min(1, len(c.examples))]...)
	}
	writeExamples(&b, examples)
	b.WriteString("\nFlags:\n")
	writeFlags(&b, new(common).flags(), helpRow(), [2]string{"    --version", "the version of netdiag"})
	b.WriteString("\nExit status: 0 the answer is yes (replied, reached, resolved, open), 1 it is no, 2 netdiag could not measure.\n")
	return b.String()
}

// help returns the help of a command.
func (c command) help() string {
	var b strings.Builder
	fmt.Fprintf(&b, "netdiag %s: %s\n\nUsage:\n  netdiag %s [flags] %s\n", c.name, c.summary, c.name, c.operands)
	if c.about != "" {
		fmt.Fprintf(&b, "\n%s\n", strings.TrimSpace(c.about))
	}
	writeExamples(&b, c.examples)
	b.WriteString("\nFlags (before or behind the targets; -c3 is -c 3, -- ends them):\n")
	writeFlags(&b, slices.Concat(c.flags, new(common).flags()), helpRow())
	return b.String()
}

// helpRow describes the flag for help, which is no flag of cli's.
func helpRow() [2]string { return [2]string{"-h, --help", "this help"} }

// helpOn does "netdiag help" with the arguments behind it.
func (a *app) helpOn(args []string) (status, error) {
	if len(args) == 0 || args[0] == "help" {
		return yes, a.print(a.help())
	}
	c, err := a.find(args[0])
	if err != nil {
		return unable, err
	}
	return yes, a.print(c.help())
}

// writeExamples writes the section of examples, if there are any.
func writeExamples(b *strings.Builder, examples []example) {
	if len(examples) == 0 {
		return
	}
	b.WriteString("\nExamples:\n")
	var rows [][2]string
	for _, e := range examples {
		rows = append(rows, [2]string{e.line, e.does})
	}
	indented(b, rows)
}

// writeFlags writes flags under their headings, in the order in which they are given, and more
// rows under the last heading.
func writeFlags(b *strings.Builder, flags []cli.Flag, more ...[2]string) {
	var rows [][2]string
	heads := make(map[int]string) // by the row before which they stand
	heading := ""
	for _, f := range flags {
		if c, ok := f.(cli.CategorizableFlag); ok && c.GetCategory() != heading {
			heading = c.GetCategory()
			heads[len(rows)] = heading
		}
		rows = append(rows, describe(f))
	}
	rows = append(rows, more...)
	width := widest(rows)
	for i, r := range rows {
		if head, ok := heads[i]; ok {
			fmt.Fprintf(b, "\n%s:\n", head)
		}
		writeRow(b, r, width)
	}
}

// describe returns a flag as it is typed, and what it does, takes and is by default.
func describe(f cli.Flag) [2]string {
	var names []string
	for _, name := range f.Names() {
		names = append(names, dashed(name))
	}
	typed := strings.Join(names, ", ")
	if strings.HasPrefix(typed, "--") {
		typed = "    " + typed // the long names stand below each other
	}
	d, ok := f.(cli.DocGenerationFlag)
	if !ok {
		return [2]string{typed, ""}
	}
	word, usage := unquote(d.GetUsage())
	if d.TakesValue() {
		typed += " " + word
	}
	if g, ok := f.(*cli.GenericFlag); ok {
		if v, ok := g.Value.(value); ok && v.Limits() != "" {
			usage += " (" + v.Limits() + ")"
		}
	}
	return [2]string{typed, usage}
}

// unquote returns the word in backquotes, "VALUE" if there is none, and the text without backquotes.
func unquote(usage string) (word, plain string) {
	before, rest, ok := strings.Cut(usage, "`")
	word, after, closed := strings.Cut(rest, "`")
	if !ok || !closed {
		return "VALUE", usage
	}
	return word, before + word + after
}

// indented writes two columns.
func indented(b *strings.Builder, rows [][2]string) {
	width := widest(rows)
	for _, r := range rows {
		writeRow(b, r, width)
	}
}

// widest returns how wide the left column is: as its widest cell but those that are very long.
func widest(rows [][2]string) int {
	const limit = 44
	width := 0
	for _, r := range rows {
		if len(r[0]) <= limit {
			width = max(width, len(r[0]))
		}
	}
	return width
}

// writeRow writes a row of two columns. A left cell that is too wide gets a line of its own.
func writeRow(b *strings.Builder, r [2]string, width int) {
	if len(r[0]) > width {
		fmt.Fprintf(b, "  %s\n", r[0])
		r[0] = ""
	}
	fmt.Fprintf(b, "%s\n", strings.TrimRight(fmt.Sprintf("  %-*s  %s", width, r[0], r[1]), " "))
}
