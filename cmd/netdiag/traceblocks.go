package main

import (
	"fmt"
	"maps"
	"slices"

	"github.com/netdiag/netdiag/internal/render"
)

// traceBlocks is the text of a run: a block for each target, whole, and in the order of the command line, with
// what is to be said about the target behind it on standard error. The first block that has not
// ended is written as it comes, those behind it are held back.
type traceBlocks struct {
	out  *render.Writer
	diag diagnostics
	many bool // blocks stand apart, and warnings say which target they are about

	next int                 // number of the target whose block is open
	held map[int]*traceBlock // of targets from next on
}

// traceBlock is what is held back of a block.
type traceBlock struct {
	begun bool
	ended bool
	parts []blockPart
}

// blockPart is text, or a warning.
type blockPart struct {
	text    string
	warning bool
}

func newTraceBlocks(out *render.Writer, diag diagnostics, many bool) *traceBlocks {
	return &traceBlocks{out: out, diag: diag, many: many, held: make(map[int]*traceBlock)}
}

// text adds to the block of t.
func (b *traceBlocks) text(t *traceTarget, s string) error { return b.add(t, blockPart{text: s}) }

// warn adds a warning behind what the block of t has by now.
func (b *traceBlocks) warn(t *traceTarget, format string, args ...any) error {
	s := fmt.Sprintf(format, args...)
	if b.many {
		s = t.text + ": " + s
	}
	return b.add(t, blockPart{s, true})
}

// end ends the block of t, and writes those behind it that were held back for it.
func (b *traceBlocks) end(t *traceTarget) error {
	b.block(t.order).ended = true
	for {
		block, ok := b.held[b.next]
		if !ok || !block.ended {
			break
		}
		if err := b.release(block); err != nil {
			return err
		}
		delete(b.held, b.next)
		b.next++
	}
	if block, ok := b.held[b.next]; ok {
		return b.release(block)
	}
	return nil
}

// rest writes what is held back for targets that never came.
func (b *traceBlocks) rest() error {
	for _, order := range slices.Sorted(maps.Keys(b.held)) {
		if err := b.release(b.held[order]); err != nil {
			return err
		}
	}
	clear(b.held)
	return nil
}

func (b *traceBlocks) block(order int) *traceBlock {
	block := b.held[order]
	if block == nil {
		block = &traceBlock{}
		b.held[order] = block
	}
	return block
}

func (b *traceBlocks) add(t *traceTarget, part blockPart) error {
	block := b.block(t.order)
	if !block.begun && !part.warning {
		block.begun = true
		part.text = b.gap(t.order) + part.text
	}
	block.parts = append(block.parts, part)
	if t.order == b.next {
		return b.release(block)
	}
	return nil
}

// gap is what stands before a block.
func (b *traceBlocks) gap(order int) string {
	if b.many && order > 0 {
		return "\n"
	}
	return ""
}

// release writes what is held back of a block.
func (b *traceBlocks) release(block *traceBlock) error {
	for _, part := range block.parts {
		var err error
		if part.warning {
			err = b.out.Flush() // what was said before it
			b.diag.warn("%s", part.text)
		} else {
			_, err = b.out.WriteString(part.text)
		}
		if err != nil {
			return err
		}
	}
	block.parts = nil
	return nil
}
