package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/netdiag/netdiag/resolve"
)

// typeWord is a type of records as users give it.
type typeWord struct {
	resolve.Type
	serial string // behind IXFR=
}

// parseTypeWord reads a type: its name, or its number as TYPE65, and IXFR with a serial behind it.
func parseTypeWord(s string) (typeWord, bool) {
	if t, ok := resolve.ParseType(s); ok {
		return typeWord{Type: t}, true
	}
	word, serial, _ := strings.Cut(s, "=")
	t, ok := resolve.ParseType(word)
	return typeWord{t, serial}, ok && t == resolve.TypeIXFR
}

// recordTypes are the types of records that are asked for, each once.
type recordTypes struct {
	list   []resolve.Type
	serial uint32 // of the zone that the asker has, of IXFR
}

// clone returns a copy that can be added to.
func (r *recordTypes) clone() recordTypes { return recordTypes{slices.Clone(r.list), r.serial} }

// add adds a type. The error says what is wrong with the serial of IXFR (RFC 1995).
func (r *recordTypes) add(w typeWord) error {
	known := slices.Contains(r.list, w.Type)
	if w.Type == resolve.TypeIXFR {
		serial, err := strconv.ParseUint(w.serial, 10, 32)
		switch {
		case err != nil:
			return errors.New("IXFR needs the serial that you have, as IXFR=2026010101")
		case known && r.serial != uint32(serial):
			return errors.New("IXFR takes one serial at a time")
		}
		r.serial = uint32(serial)
	}
	if !known {
		r.list = append(r.list, w.Type)
	}
	return nil
}

// typeValue is a flag's value that is one or more types of records, and adds to them.
type typeValue struct{ to *recordTypes }

// add adds the types that s names.
func (*typeValue) add(to *recordTypes, s string) error {
	for word := range strings.SplitSeq(s, ",") {
		t, ok := parseTypeWord(word)
		if !ok {
			if near, ok := nearType(word); ok {
				return fmt.Errorf("no type of records, did you mean %s?", near)
			}
			return errors.New("no type of records, it takes one as MX or TYPE65")
		}
		if err := to.add(t); err != nil {
			return err
		}
	}
	return nil
}

// Check implements value.
func (v *typeValue) Check(s string) error { return v.add(new(recordTypes), s) }

// Set implements cli.Generic.
func (v *typeValue) Set(s string) error { return v.add(v.to, s) }

// String returns no types: they are added to, so a default would be added once more.
func (v *typeValue) String() string { return "" }

// Limits implements value.
func (v *typeValue) Limits() string { return "" }

// classValue is a flag's value that is a class of records.
type classValue struct{ to *resolve.Class }

// Check implements value.
func (*classValue) Check(s string) error {
	if _, ok := resolve.ParseClass(s); !ok {
		return errors.New("no class, it takes IN, CH, HS, ANY or CLASSnnn")
	}
	return nil
}

// Set implements cli.Generic.
func (v *classValue) Set(s string) error {
	if err := v.Check(s); err != nil {
		return err
	}
	*v.to, _ = resolve.ParseClass(s)
	return nil
}

func (v *classValue) String() string {
	if v.to == nil {
		return ""
	}
	return v.to.String()
}

// Limits implements value.
func (v *classValue) Limits() string { return "default " + v.String() }
