package main

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// word is a word that a flag takes and what it stands for.
type word[T comparable] struct {
	text string
	is   T
}

// wordValue is a flag's value that is one of a few words.
type wordValue[T comparable] struct {
	to     *T
	limits string
	words  []word[T]
}

// Check implements value.
func (v *wordValue[T]) Check(s string) error {
	var all []string
	for _, w := range v.words {
		if w.text == s {
			return nil
		}
		all = append(all, w.text)
	}
	last := len(all) - 1
	return fmt.Errorf("not known, it takes %s or %s", strings.Join(all[:last], ", "), all[last])
}

// Set implements cli.Generic.
func (v *wordValue[T]) Set(s string) error {
	for _, w := range v.words {
		if w.text == s {
			*v.to = w.is
		}
	}
	return v.Check(s)
}

// String returns the word for the present value, if there is one.
func (v *wordValue[T]) String() string {
	for _, w := range v.words {
		if v.to != nil && *v.to == w.is {
			return w.text
		}
	}
	return ""
}

// Limits implements value.
func (v *wordValue[T]) Limits() string { return v.limits }

// hexValue is a flag's value of 1 to most bytes in hexadecimal.
type hexValue struct {
	to     *[]byte
	most   int
	limits string
}

// parse returns the bytes that s says. A single digit is a byte too.
func (v *hexValue) parse(s string) ([]byte, error) {
	digits := s
	if len(s) == 1 {
		digits = "0" + s
	}
	b, err := hex.DecodeString(digits)
	if err != nil || len(b) == 0 || len(b) > v.most {
		return nil, fmt.Errorf("not a pattern, it takes 1 to %d bytes in hexadecimal as ff or 00ff", v.most)
	}
	return b, nil
}

// Check implements value.
func (v *hexValue) Check(s string) error {
	_, err := v.parse(s)
	return err
}

// Set implements cli.Generic.
func (v *hexValue) Set(s string) (err error) {
	*v.to, err = v.parse(s)
	return err
}

func (v *hexValue) String() string {
	if v.to == nil {
		return ""
	}
	return hex.EncodeToString(*v.to)
}

// Limits implements value.
func (v *hexValue) Limits() string { return v.limits }
