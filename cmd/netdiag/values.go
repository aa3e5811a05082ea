package main

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

// value is a flag's value that can be checked before it is set, so that an error can name the
// flag as it was written. Its String must be something that Set takes.
type value interface {
	cli.Generic
	// Check returns the error that Set would.
	Check(s string) error
	// Limits says in the help what it takes and what its default is; it may be empty.
	Limits() string
}

// seconds is a time: a bare number is seconds (".2"), a unit may follow as in Go ("200ms", "1m30s").
type seconds struct {
	to     *time.Duration
	lo, hi time.Duration
}

// parse returns the time that s says.
func (v *seconds) parse(s string) (time.Duration, error) {
	d, err := parseDuration(s)
	if err != nil {
		return 0, err
	}
	if d < v.lo || d > v.hi {
		return 0, fmt.Errorf("out of range, it takes %s", v.span())
	}
	return d, nil
}

// errTime says what a time looks like.
var errTime = errors.New("not a time, it takes seconds as 0.2 or a unit as 200ms")

// parseDuration returns the time that s says, held to what a time.Duration can be.
func parseDuration(s string) (time.Duration, error) {
	if strings.Trim(s, "0123456789.eE+-") != "" {
		d, err := time.ParseDuration(s)
		if err != nil {
			return 0, errTime
		}
		return d, nil
	}
	f, err := strconv.ParseFloat(s, 64)
	switch {
	case err != nil && !errors.Is(err, strconv.ErrRange):
		return 0, errTime
	case f >= math.MaxInt64/1e9:
		return math.MaxInt64, nil
	case f <= math.MinInt64/1e9:
		return math.MinInt64, nil
	case f > 0 && f < 1e-9:
		return 1, nil // 0 often means that there is no limit: a little is not nothing
	case f < 0 && f > -1e-9:
		return -1, nil
	}
	return time.Duration(math.Round(f * 1e9)), nil
}

// Check implements value.
func (v *seconds) Check(s string) error {
	_, err := v.parse(s)
	return err
}

// Set implements cli.Generic.
func (v *seconds) Set(s string) error {
	d, err := v.parse(s)
	if err == nil {
		*v.to = d
	}
	return err
}

func (v *seconds) String() string {
	if v.to == nil {
		return ""
	}
	return v.to.String()
}

// span says in words from where to where.
func (v *seconds) span() string {
	if v.hi == math.MaxInt64 {
		return inSeconds(v.lo) + " s or more"
	}
	return inSeconds(v.lo) + " to " + inSeconds(v.hi) + " s"
}

// Limits implements value.
func (v *seconds) Limits() string {
	if *v.to < v.lo {
		return v.span()
	}
	return v.span() + ", default " + inSeconds(*v.to)
}

// inSeconds returns d in seconds, with as many decimals as it needs.
func inSeconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) }

// whole are the types of whole numbers that flags have.
type whole interface{ ~int | ~int64 | ~uint32 }

// wholeValue is a whole number, decimal or hexadecimal after 0x.
type wholeValue[T whole] struct {
	to     *T
	lo, hi T
}

// parse returns the number that s says.
func (v *wholeValue[T]) parse(s string) (T, error) {
	base := 10
	digits := s
	if rest, hex := strings.CutPrefix(strings.ToLower(s), "0x"); hex && !strings.HasPrefix(rest, "-") {
		base, digits = 16, rest
	}
	n, err := strconv.ParseInt(digits, base, 64)
	switch {
	case errors.Is(err, strconv.ErrRange):
	case err != nil:
		return 0, fmt.Errorf("not a whole number, it takes %s", v.span())
	case n >= int64(v.lo) && n <= int64(v.hi):
		return T(n), nil
	}
	return 0, fmt.Errorf("out of range, it takes %s", v.span())
}

// Check implements value.
func (v *wholeValue[T]) Check(s string) error {
	_, err := v.parse(s)
	return err
}

// Set implements cli.Generic.
func (v *wholeValue[T]) Set(s string) error {
	n, err := v.parse(s)
	if err == nil {
		*v.to = n
	}
	return err
}

func (v *wholeValue[T]) String() string {
	if v.to == nil {
		return ""
	}
	return strconv.FormatInt(int64(*v.to), 10)
}

// span says in words from where to where.
func (v *wholeValue[T]) span() string {
	if int64(v.hi) >= math.MaxInt {
		return fmt.Sprintf("%d or more", v.lo)
	}
	return fmt.Sprintf("%d to %d", v.lo, v.hi)
}

// Limits implements value.
func (v *wholeValue[T]) Limits() string {
	if *v.to < v.lo {
		return v.span()
	}
	return fmt.Sprintf("%s, default %d", v.span(), *v.to)
}

// numberValue is a number with decimals.
type numberValue struct {
	to     *float64
	lo, hi float64
}

// parse returns the number that s says.
func (v *numberValue) parse(s string) (float64, error) {
	f, err := strconv.ParseFloat(s, 64)
	if strings.Trim(s, "0123456789.eE+-") != "" || err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, fmt.Errorf("not a number, it takes %s", v.span())
	}
	if f < v.lo || f > v.hi {
		return 0, fmt.Errorf("out of range, it takes %s", v.span())
	}
	return f, nil
}

// Check implements value.
func (v *numberValue) Check(s string) error {
	_, err := v.parse(s)
	return err
}

// Set implements cli.Generic.
func (v *numberValue) Set(s string) error {
	f, err := v.parse(s)
	if err == nil {
		*v.to = f
	}
	return err
}

func (v *numberValue) String() string {
	if v.to == nil {
		return ""
	}
	return strconv.FormatFloat(*v.to, 'g', -1, 64)
}

// span says in words from where to where.
func (v *numberValue) span() string {
	if math.IsInf(v.hi, 1) || v.hi == math.MaxFloat64 {
		return fmt.Sprintf("%g or more", v.lo)
	}
	return fmt.Sprintf("%g to %g", v.lo, v.hi)
}

// Limits implements value.
func (v *numberValue) Limits() string {
	if *v.to < v.lo {
		return v.span()
	}
	return fmt.Sprintf("%s, default %g", v.span(), *v.to)
}
