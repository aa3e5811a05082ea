package draw

import (
	"embed"
	"fmt"
	"html/template"
	"io"
)

//go:embed *.tmpl *.css *.js
var files embed.FS

// SVG writes a drawing as a file of SVG. What is shortened in it stands whole in tooltips.
func SVG(w io.Writer, g Graph) error {
	g, err := g.ready()
	if err != nil {
		return err
	}
	return execute(w, "svg", newSheet(g, true))
}

// execute writes one of the templates. They escape text for where it stands (html/template), and what
// they write is well-formed XML in the drawing.
func execute(w io.Writer, name string, data any) error {
	t, err := template.New("").Funcs(template.FuncMap{
		"pictureCSS": func() (template.CSS, error) { s, err := files.ReadFile("picture.css"); return template.CSS(s), err },
	}).ParseFS(files, "*.tmpl")
	if err != nil {
		return fmt.Errorf("draw: %w", err)
	}
	if err := t.ExecuteTemplate(w, name, data); err != nil {
		return fmt.Errorf("draw: %w", err)
	}
	return nil
}
