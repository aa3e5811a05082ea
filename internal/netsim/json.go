package netsim

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"reflect"
	"strconv"
	"time"
)

// ParseJSON reads a Topology from its JSON form: the fields by the names in their tags,
// durations as strings such as "10ms", addresses, prefixes ("192.0.2.0/24", or an
// address) and bytes (hexadecimal) as strings. An unknown field is an error; errors say
// where in the document they are.
func ParseJSON(r io.Reader) (Topology, error) {
	var t Topology
	d := json.NewDecoder(r)
	d.UseNumber()
	var doc any
	if err := d.Decode(&doc); err != nil {
		return t, fmt.Errorf("netsim: topology: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return t, errors.New("netsim: topology: more follows its end")
	}
	if err := fill(reflect.ValueOf(&t).Elem(), doc, "topology"); err != nil {
		return Topology{}, fmt.Errorf("netsim: %w", err)
	}
	return t, nil
}

// fill sets v from what encoding/json made of a document. It is not encoding/json itself
// that does it because that has no durations as strings, and does not say where an
// unknown field is.
func fill(v reflect.Value, doc any, path string) error {
	if doc == nil {
		return nil // null is the zero value
	}
	if done, err := fillText(v, doc); done {
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		return nil
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return fill(v.Elem(), doc, path)
	case reflect.Struct:
		return fillStruct(v, doc, path)
	case reflect.Slice:
		list, ok := doc.([]any)
		if !ok {
			return mismatch(path, "a list", doc)
		}
		v.Set(reflect.MakeSlice(v.Type(), len(list), len(list)))
		for i := range list {
			if err := fill(v.Index(i), list[i], fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
		return nil
	}
	return fillScalar(v, doc, path)
}

// fillText sets v where it has a text form of its own; done is false where it has none.
func fillText(v reflect.Value, doc any) (done bool, err error) {
	target := v.Addr().Interface()
	text, isString := doc.(string)
	switch target := target.(type) {
	case *time.Duration:
		if !isString {
			return true, errors.New(`not a duration such as "10ms"`)
		}
		*target, err = time.ParseDuration(text)
		return true, err
	case *netip.Prefix:
		*target, err = parsePrefix(text)
		return true, err
	case encoding.TextUnmarshaler:
		if number, ok := doc.(json.Number); ok {
			text = number.String()
		} else if !isString {
			return true, errors.New("not a string")
		}
		return true, target.UnmarshalText([]byte(text))
	}
	return false, nil
}

func fillStruct(v reflect.Value, doc any, path string) error {
	object, ok := doc.(map[string]any)
	if !ok {
		return mismatch(path, "an object", doc)
	}
	used := 0
	for field, target := range v.Fields() {
		if field.Anonymous {
			// Its fields stand in the same object, which holds others too.
			for inner, value := range target.Fields() {
				n, err := fillField(inner, value, object, path)
				if err != nil {
					return err
				}
				used += n
			}
			continue
		}
		n, err := fillField(field, target, object, path)
		if err != nil {
			return err
		}
		used += n
	}
	if used == len(object) {
		return nil
	}
	known := fieldNames(v.Type())
	for name := range object {
		if !known[name] {
			return fmt.Errorf("%s: unknown field %q", path, name)
		}
	}
	return nil
}

// fillField sets one field, and returns how many members of object that took.
func fillField(field reflect.StructField, v reflect.Value, object map[string]any, path string) (int, error) {
	name := field.Tag.Get("json")
	doc, ok := object[name]
	if !ok {
		return 0, nil
	}
	return 1, fill(v, doc, path+"."+name)
}

func fieldNames(t reflect.Type) map[string]bool {
	names := make(map[string]bool)
	for field := range t.Fields() {
		if field.Anonymous {
			for inner := range field.Type.Fields() {
				names[inner.Tag.Get("json")] = true
			}
			continue
		}
		names[field.Tag.Get("json")] = true
	}
	return names
}

func fillScalar(v reflect.Value, doc any, path string) error {
	if v.Kind() == reflect.Bool {
		b, ok := doc.(bool)
		if !ok {
			return mismatch(path, "true or false", doc)
		}
		v.SetBool(b)
		return nil
	}
	if v.Kind() == reflect.String {
		s, ok := doc.(string)
		if !ok {
			return mismatch(path, "a string", doc)
		}
		v.SetString(s)
		return nil
	}
	number, ok := doc.(json.Number)
	if !ok {
		return mismatch(path, "a number", doc)
	}
	bits := v.Type().Bits()
	var err error
	switch {
	case v.CanInt():
		var i int64
		i, err = strconv.ParseInt(number.String(), 10, bits)
		v.SetInt(i)
	case v.CanUint():
		var u uint64
		u, err = strconv.ParseUint(number.String(), 10, bits)
		v.SetUint(u)
	default:
		var f float64
		f, err = number.Float64()
		v.SetFloat(f)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func mismatch(path, want string, doc any) error {
	return fmt.Errorf("%s: %v is not %s", path, doc, want)
}
