package draw

import (
	"fmt"
	"strconv"
	"strings"
)

// card is a drawn node.
type card struct {
	box
	ID        int
	Kind      string
	Name, Tip string
	Which     string // flows, in words
	Column    int
	Round     int // radius of the corners
	Lines     []line
	Badges    []pill
	Flows     string
}

// pill is a drawn Badge.
type pill struct {
	box
	Tone string
	Text line
}

// Sizes of what stands on a card, in pixels.
const (
	labelHeight = 17 // of a line
	smallHeight = 15
	cardPad     = 8  // above and below the text of a card
	cardSide    = 10 // beside it
	cardWidth   = 58 // at least
	badgeHeight = 15
	badgeSide   = 6
	badgeRise   = 11 // of its height above the border of the card
)

// newCard makes the card of a node, as wide as it must be and at no place yet.
func newCard(n Node, id, flows int) card {
	c := card{ID: id, Column: n.Column, Kind: n.Kind.String(), Round: 8, Flows: fields(n.Flows)}
	y := cardPad
	add := func(class, text string, size, height int) {
		y += height
		c.Lines = append(c.Lines, line{Class: class, Text: text, Y: y - height/3})
		c.Width = max(c.Width, textWidth(text, size))
	}
	for _, part := range breakLabel(n.Label) {
		add("label", part, labelSize, labelHeight)
	}
	if n.Name != "" {
		add("name", elide(n.Name, smallSize, longestName), smallSize, smallHeight)
	}
	if n.Note != "" {
		add("note", elide(n.Note, smallSize, longestLine), smallSize, smallHeight)
	}
	c.Height = y + cardPad
	if n.Kind == Source {
		c.Round = min(c.Height/2, 22)
	}
	badges := 0
	for _, b := range n.Badges {
		text := elide(b.Text, badgeSize, longestName)
		p := pill{Tone: b.Tone.String(), Text: line{Text: text}}
		p.Width, p.Height = textWidth(text, badgeSize)+2*badgeSide, badgeHeight
		badges += p.Width + 4
		c.Badges = append(c.Badges, p)
	}
	c.Width = max(cardWidth, c.Width+2*cardSide, badges+2*cardSide-4)
	c.Name, c.Which = n.Label, which(n.Flows, flows)
	c.Tip = tip(n) + "\n" + c.Which
	return c
}

// moveTo puts a card of a width to a place: its left edge and its middle.
func (c *card) moveTo(x, middle, width int, column string) {
	c.X, c.Y, c.Width = x, middle-c.Height/2, width
	for i := range c.Lines {
		c.Lines[i].X = x + width/2
		c.Lines[i].Y += c.Y
	}
	right := x + width - cardSide
	for i := range c.Badges {
		p := &c.Badges[len(c.Badges)-1-i]
		p.X, p.Y = right-p.Width, c.Y-badgeRise
		p.Text.X, p.Text.Y = p.X+p.Width/2, p.Y+badgeHeight-4
		right = p.X - 4
	}
	if column != "" {
		c.Tip = column + "\n" + c.Tip
	}
}

// tip returns what is known of a node but for its flows, line by line.
func tip(n Node) string {
	lines := []string{n.Label}
	if n.Name != "" {
		lines = append(lines, n.Name)
	}
	for _, b := range n.Badges {
		lines = append(lines, b.Text)
	}
	for _, d := range n.Details {
		lines = append(lines, d.Key+": "+d.Value)
	}
	return strings.Join(lines, "\n")
}

// which says how many of all flows pass, and which.
func which(flows []int, all int) string {
	if len(flows) == 0 {
		return "no flow is known to pass"
	}
	return fmt.Sprintf("%d of %s: %s", len(flows), counted(all, "flow"), listed(flows))
}

// fields returns numbers with spaces between them.
func fields(flows []int) string {
	var b strings.Builder
	for i, f := range flows {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(strconv.Itoa(f))
	}
	return b.String()
}
