package draw

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// labelled is a graph with a text everywhere where there can be one.
func labelled(text string) Graph {
	node := func(column int, kind Kind) Node {
		return Node{
			Column: column, Kind: kind, Label: text, Name: text, Note: text, Flows: []int{column},
			Badges: []Badge{{text, Orange}}, Details: []Detail{{"key", text}, {text, "value"}},
		}
	}
	return Graph{
		Title: text, Subtitle: text, Notes: []string{text}, Axis: text,
		Columns: []Column{{text}, {text}},
		Nodes:   []Node{node(0, Source), node(1, Silent), node(1, Destination)},
		Links:   []Link{{0, 1, []int{0}}, {0, 2, []int{0, 1}}},
	}
}

// hostile are texts that mean something in one of the formats.
var hostile = []string{
	"", " ", "plain", `"`, `'`, `\`, `\"`, `\\`, `\N`, `\l`, "&", "&amp;", "&lt;b&gt;", "&#34;", "<", ">", "<b>", "</title>", "</style>", "</script>",
	"<script>alert(1)</script>", `"><script>alert(1)</script>`, `" onload="alert(1)`, "]]>", "<![CDATA[", "<!--", "-->", "<?xml", "${1}", "`", "{{.}}",
	"javascript:alert(1)", "\x00", "\x01", "\n", "\t", "\r", "\u202e", "\u2028", "\ufffe", "\xff", "\xc3", "é", "路由器", "شبكة", `]; n9 [label="x`, "*/", "//", "+", "=",
}

// readXML returns the names of all elements in order and the texts of the tooltips. It fails if it is not well-formed.
func readXML(t *testing.T, text string) (elements, tips []string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	for inTitle := false; ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return elements, tips
		}
		if err != nil {
			t.Fatalf("no XML: %v", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			elements = append(elements, token.Name.Local+attributes(token.Attr))
			if inTitle = token.Name.Local == "title"; inTitle {
				tips = append(tips, "")
			}
		case xml.EndElement:
			inTitle = false
		case xml.CharData:
			if inTitle {
				tips[len(tips)-1] += string(token)
			}
		case xml.Comment, xml.Directive, xml.ProcInst:
			t.Fatalf("%T in a drawing", token)
		}
	}
}

func attributes(all []xml.Attr) (names string) {
	for _, a := range all {
		names += " " + a.Name.Local
	}
	return names
}

// readHTML returns the names of all elements with their attributes in order, and what stands in script and style.
func readHTML(t *testing.T, text string) (elements []string, code map[string]string) {
	t.Helper()
	code = make(map[string]string)
	z := html.NewTokenizer(strings.NewReader(text))
	last := ""
	for {
		kind := z.Next()
		token := z.Token()
		switch kind {
		case html.ErrorToken:
			if !errors.Is(z.Err(), io.EOF) {
				t.Fatalf("no HTML: %v", z.Err())
			}
			return elements, code
		case html.StartTagToken, html.SelfClosingTagToken:
			last = token.Data
			var name strings.Builder
			name.WriteString(last)
			for _, a := range token.Attr {
				name.WriteString(" " + a.Key)
			}
			elements = append(elements, name.String())
		case html.TextToken:
			if last == "script" || last == "style" {
				code[last] += token.Data
			}
		case html.EndTagToken:
			last = ""
		case html.CommentToken:
			t.Fatalf("a comment in a page: %s", token.Data)
		}
	}
}

// readDOT returns the words of DOT in order, but for white space, and the quoted strings among them as they show. A
// string stands as "" among the words.
func readDOT(t *testing.T, text string) (words, shown []string) {
	t.Helper()
	for text != "" {
		switch c := text[0]; {
		case strings.IndexByte(" \t\n", c) >= 0:
			text = text[1:]
		case c == '"':
			s, rest, ok := readString(text[1:])
			if !ok {
				t.Fatalf("no end of %q", text)
			}
			words, shown, text = append(words, `""`), append(shown, s), rest
		case strings.HasPrefix(text, "->"):
			words, text = append(words, "->"), text[2:]
		case strings.IndexByte("{}[]=,;", c) >= 0:
			words, text = append(words, text[:1]), text[1:]
		default:
			end := strings.IndexAny(text, " \t\n{}[]=,;\"")
			if end <= 0 {
				t.Fatalf("no word at %q", text)
			}
			words, text = append(words, text[:end]), text[end:]
		}
	}
	return words, shown
}

// readString reads a string of DOT up to its closing quote as graphviz shows it, a line break for \n and \l.
func readString(text string) (shown, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '"':
			return html.UnescapeString(b.String()), text[i+1:], true
		case text[i] != '\\':
			b.WriteByte(text[i])
		case i+1 == len(text):
			return "", "", false
		default:
			i++
			switch text[i] {
			case 'n', 'l':
				b.WriteByte('\n')
			case '\\', '"':
				b.WriteByte(text[i])
			default:
				b.WriteString("ESCAPE") // one that graphviz puts something of its own in place of
			}
		}
	}
	return "", "", false
}

// checkEscapes draws a text in all formats, and compares what is not text with that of a harmless text. What the reader
// makes of the text must be what it was.
func checkEscapes(t *testing.T, text string) {
	t.Helper()
	g, want := labelled(text), plain(text)
	if want == "" {
		return // something is left out where there is no text
	}
	benign := labelled(strings.Repeat("x", len([]rune(want))))

	elements, tips := readXML(t, drawn(t, ".svg", g))
	expected, _ := readXML(t, drawn(t, ".svg", benign))
	compareShape(t, "SVG of "+text, elements, expected)
	for _, tip := range tips[1:] { // the first is the title of the whole
		if !strings.Contains(tip, want) {
			t.Errorf("a tooltip of %q is %q", text, tip)
		}
	}
	if tips[0] != want {
		t.Errorf("the title %q is %q", text, tips[0])
	}

	page := drawn(t, ".html", g)
	elements, code := readHTML(t, page)
	expected, same := readHTML(t, drawn(t, ".html", benign))
	compareShape(t, "HTML of "+text, elements, expected)
	if code["script"] != same["script"] || code["style"] != same["style"] {
		t.Errorf("%q changes code of the page", text)
	}

	words, shown := readDOT(t, drawn(t, ".dot", g))
	expected, _ = readDOT(t, drawn(t, ".dot", benign))
	compareShape(t, "DOT of "+text, words, expected)
	if shown[0] != want+"\n"+want+"\n"+want+"\n" {
		t.Errorf("the title %q is %q in DOT", text, shown[0])
	}
	if !slices.Contains(shown, strings.Join([]string{want, want, want, "[" + want + "]"}, "\n")) {
		t.Errorf("no node shows %q in DOT: %q", text, shown)
	}
}

// compareShape compares elements or words. Lines of text, whose number depends on the width of the text, do not count.
func compareShape(t *testing.T, what string, got, want []string) {
	t.Helper()
	noText := func(all []string) []string {
		return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return s == "text" || strings.HasPrefix(s, "text ") })
	}
	if got, want := noText(got), noText(want); !slices.Equal(got, want) {
		t.Errorf("%q: %d parts, want %d", what, len(got), len(want))
		for i := range min(len(got), len(want)) {
			if got[i] != want[i] {
				t.Fatalf("part %d is %q, want %q", i, got[i], want[i])
			}
		}
	}
}

func TestEscapes(t *testing.T) {
	for _, text := range hostile {
		checkEscapes(t, text)
		checkEscapes(t, "a"+text+"b")
	}
	checkEscapes(t, strings.Join(hostile, ""))
}

func FuzzEscapes(f *testing.F) {
	for _, text := range hostile {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { checkEscapes(t, text) })
}

// TestPage looks at what makes a page stand by itself: its policy allows its own code and nothing else, and nothing
// refers to somewhere else.
func TestPage(t *testing.T) {
	page := drawn(t, ".html", mesh())
	_, code := readHTML(t, page)
	policy := ""
	for z := html.NewTokenizer(strings.NewReader(page)); policy == ""; {
		if z.Next() == html.ErrorToken {
			t.Fatal("no policy")
		}
		if token := z.Token(); token.Data == "meta" && slices.Contains(token.Attr, html.Attribute{Key: "http-equiv", Val: "Content-Security-Policy"}) {
			policy = token.Attr[1].Val
		}
	}
	if !strings.HasPrefix(policy, "default-src 'none'; ") {
		t.Errorf("the policy is %s", policy)
	}
	for _, kind := range []string{"script", "style"} {
		sum := sha256.Sum256([]byte(code[kind]))
		if want := kind + "-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(policy, want) {
			t.Errorf("the policy %s does not allow the page's %s, %s", policy, kind, want)
		}
	}
	for _, format := range []string{".html", ".svg"} {
		text := drawn(t, format, mesh())
		for _, bad := range []string{"src=", "url(", "@import", "javascript:", "style=\"", "https:", "onload", "onclick"} {
			if strings.Contains(text, bad) {
				t.Errorf("%s has %s", format, bad)
			}
		}
		if n := strings.Count(text, "http:"); n != 1 { // the name space of SVG
			t.Errorf("%s refers to %d other places", format, n-1)
		}
	}
}

// TestShortenedText shows that what is shortened in a drawing stands whole in its tooltips and in the table of a page.
func TestShortenedText(t *testing.T) {
	name := "xe-0-0-1-3.edge-router-17.amsterdam.backbone.example.com"
	g := Graph{Columns: make([]Column, 1), Nodes: []Node{{Label: "192.0.2.1", Name: name}}}
	svg := drawn(t, ".svg", g)
	if !strings.Contains(svg, ">xe-0-0-1-3…example.com<") {
		t.Error("the name is not shortened")
	}
	if _, tips := readXML(t, svg); !strings.Contains(tips[1], name) {
		t.Errorf("the tooltip is %q", tips[1])
	}
	if !strings.Contains(drawn(t, ".html", g), "<td class=\"name\" dir=\"auto\">"+name+"</td>") {
		t.Error("the table does not have the name")
	}
}
