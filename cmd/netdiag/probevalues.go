package main

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// escapedValue is a flag's value of bytes, of which those that cannot be typed are written with a backslash.
type escapedValue struct{ to *[]byte }

// unescape returns the bytes that s says: \n, \r, \t, \0, \e (escape), \\ and \xNN stand for what they do in most
// languages.
func unescape(s string) ([]byte, error) {
	single := map[byte]byte{'n': '\n', 'r': '\r', 't': '\t', '0': 0, 'e': 0x1b, '\\': '\\', 'a': 7, 'b': 8, 'f': '\f', 'v': '\v'}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b = append(b, s[i])
			continue
		}
		i++
		switch {
		case i == len(s):
			return nil, errors.New(`it ends in a backslash, write \\ for one`)
		case s[i] == 'x':
			if i+2 >= len(s) {
				return nil, errors.New(`behind \x stand two hexadecimal digits`)
			}
			n, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
			if err != nil {
				return nil, errors.New(`behind \x stand two hexadecimal digits`)
			}
			b = append(b, byte(n))
			i += 2
		default:
			c, known := single[s[i]]
			if !known {
				return nil, fmt.Errorf(`\%c is not known, it takes \n \r \t \0 \e \\ and \xNN`, s[i])
			}
			b = append(b, c)
		}
	}
	return b, nil
}

// Check implements value.
func (*escapedValue) Check(s string) error {
	_, err := unescape(s)
	return err
}

// Set implements cli.Generic.
func (v *escapedValue) Set(s string) (err error) {
	*v.to, err = unescape(s)
	return err
}

func (v *escapedValue) String() string {
	if v.to == nil {
		return ""
	}
	var b strings.Builder
	for _, c := range *v.to {
		switch {
		case c == '\\':
			b.WriteString(`\\`)
		case c >= ' ' && c < 0x7f:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, `\x%02x`, c)
		}
	}
	return b.String()
}

// Limits implements value.
func (*escapedValue) Limits() string { return "" }

// regexpValue is a flag's value that is a regular expression.
type regexpValue struct{ to **regexp.Regexp }

// Check implements value.
func (*regexpValue) Check(s string) error {
	if _, err := regexp.Compile(s); err != nil {
		return fmt.Errorf("not a regular expression: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	return nil
}

// Set implements cli.Generic.
func (v *regexpValue) Set(s string) (err error) {
	*v.to, err = regexp.Compile(s)
	return err
}

func (v *regexpValue) String() string {
	if v.to == nil || *v.to == nil {
		return ""
	}
	return (*v.to).String()
}

// Limits implements value.
func (*regexpValue) Limits() string { return "" }

// listValue is a flag's value of words between commas; given again it adds to them.
type listValue struct{ to *[]string }

// Check implements value.
func (*listValue) Check(s string) error {
	for word := range strings.SplitSeq(s, ",") {
		if word == "" {
			return errors.New("there is nothing before or behind a comma")
		}
	}
	return nil
}

// Set implements cli.Generic.
func (v *listValue) Set(s string) error {
	*v.to = append(*v.to, strings.Split(s, ",")...)
	return v.Check(s)
}

func (v *listValue) String() string {
	if v.to == nil {
		return ""
	}
	return strings.Join(*v.to, ",")
}

// Limits implements value.
func (*listValue) Limits() string { return "" }
