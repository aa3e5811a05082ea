package main

import (
	"errors"
	"iter"
	"math"
	"strconv"
	"strings"
)

// portRange is all ports from one to another, both included.
type portRange struct{ first, last uint16 }

// portList are ports in the order in which they were given, each once.
type portList []portRange

// all yields the ports.
func (l portList) all() iter.Seq[uint16] {
	return func(yield func(uint16) bool) {
		for _, r := range l {
			for p := int(r.first); p <= int(r.last); p++ {
				if !yield(uint16(p)) {
					return
				}
			}
		}
	}
}

// count returns how many ports there are.
func (l portList) count() (n uint64) {
	for _, r := range l {
		n += uint64(r.last-r.first) + 1
	}
	return n
}

// portSet is a set of ports. Its zero value is empty.
type portSet [(math.MaxUint16 + 1) / 64]uint64

func (s *portSet) has(p uint16) bool { return s[p/64]&(1<<(p%64)) != 0 }
func (s *portSet) add(p uint16)      { s[p/64] |= 1 << (p % 64) }

// portReader reads port expressions.
type portReader struct {
	services func() *services
	proto    protocol
}

// parse reads a port expression: ports, ranges of them (8000-8100) and names of services, separated by
// commas. A port that comes twice counts the first time.
func (r portReader) parse(s string) (portList, error) {
	var list portList
	var seen portSet
	for item := range strings.SplitSeq(s, ",") {
		part, err := r.item(item)
		if err != nil {
			return nil, err
		}
		list = appendUnseen(list, part, &seen)
	}
	return list, nil
}

// appendUnseen appends those ports of a range that were not seen before.
func appendUnseen(list portList, r portRange, seen *portSet) portList {
	joins := false // the last range of list ends before the next port
	for p := int(r.first); p <= int(r.last); p++ {
		if seen.has(uint16(p)) {
			joins = false
			continue
		}
		seen.add(uint16(p))
		if joins {
			list[len(list)-1].last = uint16(p)
			continue
		}
		list = append(list, portRange{uint16(p), uint16(p)})
		joins = true
	}
	return list
}

// item reads what stands between two commas.
func (r portReader) item(s string) (portRange, error) {
	if !startsAsNumber(s) {
		port, err := r.name(s)
		return portRange{port, port}, err
	}
	from, to, ranged := strings.Cut(s, "-")
	if !ranged {
		to = from
	}
	first, err := r.number(from)
	if err != nil {
		return portRange{}, err
	}
	last, err := r.number(to)
	if err != nil {
		return portRange{}, err
	}
	if last < first {
		return portRange{}, usagef("the range of ports %s runs backwards", s).hint("write " + to + "-" + from)
	}
	return portRange{first, last}, nil
}

// startsAsNumber reports whether an item of a port expression is rather numbers than a name. A name has a
// letter (RFC 6335 section 5.1), and hardly begins with digits and a hyphen.
func startsAsNumber(s string) bool {
	digits := strings.TrimLeft(s, "0123456789")
	return s != "" && (digits == "" || digits[0] == '-')
}

// number reads a port.
func (portReader) number(s string) (uint16, error) {
	if s == "" {
		return 0, usagef("a range of ports has both ends, as 8000-8100")
	}
	n, err := strconv.ParseUint(s, 10, 64)
	switch {
	case err != nil && !errors.Is(err, strconv.ErrRange):
		return 0, usagef("%s is not a port", s)
	case err != nil || n > math.MaxUint16:
		return 0, usagef("port %s is above %d", s, math.MaxUint16)
	case n == 0:
		return 0, usagef("port %s is below 1", s)
	}
	return uint16(n), nil
}

// name returns the port of a service.
func (r portReader) name(s string) (uint16, error) {
	if s == "" {
		return 0, usagef("there is nothing where a port should stand")
	}
	if port, ok := r.services().port(s, r.proto); ok {
		return port, nil
	}
	err := usagef("%s is neither a port nor the name of a service", s)
	if near, ok := r.services().near(s, r.proto); ok {
		err.text += ", did you mean " + near + "?"
	}
	return 0, err
}
