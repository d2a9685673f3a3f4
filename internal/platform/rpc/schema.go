package rpc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/url"
	"reflect"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"keyway/internal/platform/fault"
)

// Opt is a parameter for which absent, null and a value mean different things, as in an update.
type Opt[T any] struct {
	Set   bool // it was sent
	Null  bool // it was sent as null
	Value T
}

// Or is the value, or fallback when none was sent or it was null.
func (o Opt[T]) Or(fallback T) T {
	if o.Set && !o.Null {
		return o.Value
	}
	return fallback
}

func (Opt[T]) optional() {}

// schema is what a Go type means as JSON. Fields of a struct are parameters:
//
//	json:"name"            the parameter's name
//	rule:"required"        it must be sent
//	rule:"nullable"        null is taken as well (an Opt or a pointer tells it apart)
//	rule:"min=1,max=500"   bounds of a number, or of a string's or array's length
//	enum:"a b c"           the values a string may have (a string type may have a method
//	                       Enum() []string instead)
//	doc:"…"                one sentence for the reference
//
// Ids are opaque strings: no format is asked of them. A time.Time is an ISO 8601 date-time.
type schema struct {
	kind   kind
	goType reflect.Type
	elem   *schema  // of array and map
	fields []field  // of object
	enum   []string // of string
	min    float64
	max    float64
	bounds uint8 // bit 0: min holds, bit 1: max holds
	null   bool  // null is a value
	opt    bool  // the Go type is an Opt
	ptr    bool  // the Go type is a pointer
}

type field struct {
	name     string
	doc      string
	index    []int
	required bool
	schema   *schema
}

type kind uint8

const (
	anyKind kind = iota
	stringKind
	boolKind
	numberKind
	integerKind
	timeKind
	arrayKind
	mapKind
	objectKind
)

var kindNames = [...]string{"any", "string", "boolean", "number", "number", "string", "array", "object", "object"}

func schemaOf(t reflect.Type) *schema {
	s := &schema{goType: t}
	if _, ok := reflect.Zero(t).Interface().(interface{ optional() }); ok {
		s = schemaOf(t.Field(2).Type)
		return &schema{goType: t, kind: s.kind, elem: s.elem, fields: s.fields, enum: s.enum, opt: true}
	}
	switch t {
	case reflect.TypeFor[time.Time]():
		s.kind = timeKind
		return s
	case reflect.TypeFor[json.RawMessage]():
		s.kind, s.null = anyKind, true
		return s
	}
	switch t.Kind() {
	case reflect.Pointer:
		e := schemaOf(t.Elem())
		return &schema{goType: t, kind: e.kind, elem: e.elem, fields: e.fields, enum: e.enum, ptr: true}
	case reflect.String:
		s.kind = stringKind
		s.enum = enumOf(t)
	case reflect.Bool:
		s.kind = boolKind
	case reflect.Float64:
		s.kind = numberKind
	case reflect.Int, reflect.Int64:
		s.kind = integerKind
	case reflect.Slice:
		s.kind, s.elem = arrayKind, schemaOf(t.Elem())
	case reflect.Map:
		s.kind, s.elem = mapKind, schemaOf(t.Elem())
	case reflect.Interface:
		s.kind, s.null = anyKind, true
	case reflect.Struct:
		s.kind = objectKind
		for _, f := range reflect.VisibleFields(t) {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if f.Anonymous || name == "" || name == "-" {
				continue
			}
			fs := schemaOf(f.Type)
			fd := field{name: name, doc: f.Tag.Get("doc"), index: f.Index, schema: fs}
			fd.required = fs.applyRules(f.Tag.Get("rule"))
			if enum := f.Tag.Get("enum"); enum != "" {
				target := fs
				if fs.kind == arrayKind {
					target = fs.elem
				}
				target.enum = strings.Fields(enum)
			}
			s.fields = append(s.fields, fd)
		}
	default:
		panic(fmt.Sprintf("rpc: a parameter cannot be a %s", t))
	}
	return s
}

// enumOf asks a string type for the values it may have.
func enumOf(t reflect.Type) []string {
	if e, ok := reflect.Zero(t).Interface().(interface{ Enum() []string }); ok {
		return e.Enum()
	}
	return nil
}

func (s *schema) applyRules(rules string) (required bool) {
	for _, r := range strings.FieldsFunc(rules, func(r rune) bool { return r == ',' }) {
		name, value, _ := strings.Cut(r, "=")
		bound, err := strconv.ParseFloat(value, 64)
		switch {
		case r == "required":
			required = true
		case r == "nullable":
			s.null = true
		case name == "min" && err == nil:
			s.min, s.bounds = bound, s.bounds|1
		case name == "max" && err == nil:
			s.max, s.bounds = bound, s.bounds|2
		default:
			panic(fmt.Sprintf("rpc: rule %q of %s", r, s.goType))
		}
	}
	return required
}

// readableFromQuery refuses inputs that a query string cannot carry: the grammar has no arrays or
// maps of anything but single values.
func (s *schema) readableFromQuery() error {
	for _, f := range s.fields {
		if f.schema.elem != nil && f.schema.elem.kind >= arrayKind {
			return fmt.Errorf("%s cannot be sent in a query", f.name)
		}
		if f.schema.kind == objectKind {
			if err := f.schema.readableFromQuery(); err != nil {
				return err
			}
		}
	}
	return nil
}

// decoding collects everything that is wrong with a request, and counts what nobody asked for.
type decoding struct {
	issues  []fault.Issue
	unknown int
}

func (d *decoding) fail(path []string, format string, args ...any) {
	d.issues = append(d.issues, fault.Issue{Path: slices.Clone(path), Message: fmt.Sprintf(format, args...)})
}

// fromJSON decodes a body. An empty body and null are an empty object: SDKs send all three.
func (s *schema) fromJSON(body []byte, d *decoding) (reflect.Value, error) {
	v := reflect.New(s.goType).Elem()
	body = bytes.TrimSpace(body)
	if len(body) == 0 || string(body) == "null" {
		body = []byte("{}")
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var tree any
	err := dec.Decode(&tree)
	if err == nil {
		_, err = dec.Token() // nothing may follow
	}
	if !errors.Is(err, io.EOF) {
		return v, fault.New(fault.InvalidRequest, "The body is not valid JSON")
	}
	s.set(v, tree, nil, d)
	return v, nil
}

// set puts a decoded JSON value into v.
func (s *schema) set(v reflect.Value, in any, path []string, d *decoding) {
	if s.opt {
		v.Field(0).SetBool(true)
		if in == nil && s.null {
			v.Field(1).SetBool(true)
			return
		}
		v = v.Field(2)
	}
	if in == nil && s.null {
		return
	}
	if s.ptr {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	if !s.matches(in) {
		want := kindNames[s.kind]
		d.fail(path, "Expected %s, received %s", want, nameOf(in))
		return
	}
	switch s.kind {
	case anyKind:
		if v.Type() == reflect.TypeFor[json.RawMessage]() {
			b, err := json.Marshal(in)
			if err != nil {
				panic(err) // it was decoded from JSON
			}
			v.SetBytes(b)
		} else if in != nil {
			v.Set(reflect.ValueOf(in))
		}
	case stringKind:
		s.setString(v, in.(string), path, d)
	case boolKind:
		v.SetBool(in.(bool))
	case numberKind, integerKind:
		s.setNumber(v, string(in.(json.Number)), path, d)
	case timeKind:
		setTime(v, in.(string), path, d)
	case arrayKind:
		list := in.([]any)
		s.checkLength(len(list), "Array", "element", path, d)
		out := reflect.MakeSlice(v.Type(), len(list), len(list))
		for i, e := range list {
			s.elem.set(out.Index(i), e, append(path, strconv.Itoa(i)), d)
		}
		v.Set(out)
	case mapKind:
		out := reflect.MakeMap(v.Type())
		members := in.(map[string]any)
		for _, k := range sortedKeys(members) {
			e := reflect.New(v.Type().Elem()).Elem()
			s.elem.set(e, members[k], append(path, k), d)
			out.SetMapIndex(reflect.ValueOf(k), e)
		}
		v.Set(out)
	case objectKind:
		members := in.(map[string]any)
		seen := 0
		for _, f := range s.fields {
			m, sent := members[f.name]
			if !sent {
				if f.required {
					d.fail(append(path, f.name), "Required")
				}
				continue
			}
			seen++
			f.schema.set(v.FieldByIndex(f.index), m, append(path, f.name), d)
		}
		d.unknown += len(members) - seen
	}
}

func (s *schema) matches(in any) bool {
	switch in.(type) {
	case string:
		return s.kind == stringKind || s.kind == timeKind || s.kind == anyKind
	case bool:
		return s.kind == boolKind || s.kind == anyKind
	case json.Number:
		return s.kind == numberKind || s.kind == integerKind || s.kind == anyKind
	case []any:
		return s.kind == arrayKind || s.kind == anyKind
	case map[string]any:
		return s.kind == mapKind || s.kind == objectKind || s.kind == anyKind
	}
	return s.kind == anyKind
}

func nameOf(in any) string {
	switch in.(type) {
	case string:
		return "string"
	case bool:
		return "boolean"
	case json.Number:
		return "number"
	case []any:
		return "array"
	case map[string]any:
		return "object"
	}
	return "null"
}

func (s *schema) setString(v reflect.Value, in string, path []string, d *decoding) {
	if s.enum != nil && !slices.Contains(s.enum, in) {
		d.fail(path, "Invalid enum value. Expected '%s', received '%s'", strings.Join(s.enum, "' | '"), in)
	}
	s.checkLength(len([]rune(in)), "String", "character", path, d)
	v.SetString(in)
}

func (s *schema) checkLength(n int, what, unit string, path []string, d *decoding) {
	if s.bounds&1 != 0 && n < int(s.min) {
		d.fail(path, "%s must contain at least %v %s(s)", what, s.min, unit)
	}
	if s.bounds&2 != 0 && n > int(s.max) {
		d.fail(path, "%s must contain at most %v %s(s)", what, s.max, unit)
	}
}

func (s *schema) setNumber(v reflect.Value, in string, path []string, d *decoding) {
	n, err := strconv.ParseFloat(in, 64)
	if err != nil || math.IsInf(n, 0) || math.IsNaN(n) {
		d.fail(path, "Expected number, received nan")
		return
	}
	if s.bounds&1 != 0 && n < s.min {
		d.fail(path, "Number must be greater than or equal to %v", s.min)
	}
	if s.bounds&2 != 0 && n > s.max {
		d.fail(path, "Number must be less than or equal to %v", s.max)
	}
	if s.kind == numberKind {
		v.SetFloat(n)
		return
	}
	if n != math.Trunc(n) {
		d.fail(path, "Expected integer, received float")
		return
	}
	if math.Abs(n) > 1<<53 {
		d.fail(path, "Number must be less than or equal to %d", int64(1)<<53)
		return
	}
	v.SetInt(int64(n))
}

// timeForms are the ISO 8601 forms that are read; without a zone the time is in UTC. A space may stand for the T,
// as RFC 3339 has it and Python prints it.
var timeForms = []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700", "2006-01-02T15:04Z07:00",
	"2006-01-02T15:04:05.999999999", "2006-01-02T15:04", "2006-01-02"}

func setTime(v reflect.Value, in string, path []string, d *decoding) {
	if day := len(time.DateOnly); len(in) > day && in[day] == ' ' {
		in = in[:day] + "T" + in[day+1:]
	}
	for _, form := range timeForms {
		if t, err := time.Parse(form, in); err == nil {
			v.Set(reflect.ValueOf(t.UTC()))
			return
		}
	}
	d.fail(path, "Invalid datetime")
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// fromQuery decodes query parameters by the schema's types: arrays repeat, use [] or commas, and
// are empty as a single empty value; dots nest; an empty value is null where null is allowed.
func (s *schema) fromQuery(q url.Values, d *decoding) reflect.Value {
	tree := s.tree(q, "", d)
	q.Del("_strict")
	d.unknown += len(q)
	v := reflect.New(s.goType).Elem()
	s.set(v, tree, nil, d)
	return v
}

// tree builds the JSON value that the query stands for, taking what it understands out of q.
func (s *schema) tree(q url.Values, prefix string, d *decoding) map[string]any {
	out := map[string]any{}
	for _, f := range s.fields {
		key := prefix + f.name
		switch f.schema.kind {
		case arrayKind:
			var list []string
			sent := false
			for _, k := range []string{key, key + "[]"} {
				if vs, ok := q[k]; ok {
					list, sent = append(list, vs...), true
					q.Del(k)
				}
			}
			if sent {
				out[f.name] = f.schema.elem.list(list)
			}
		case objectKind, mapKind:
			members := map[string]any{}
			if f.schema.kind == objectKind {
				members = f.schema.tree(q, key+".", d)
			} else {
				for k := range q {
					if name, ok := strings.CutPrefix(k, key+"."); ok {
						members[name] = f.schema.elem.scalar(q.Get(k))
						q.Del(k)
					}
				}
			}
			switch {
			case len(members) > 0:
				out[f.name] = members
			case q.Get(key) != "":
				out[f.name] = q.Get(key) // not an object, and refused as such
			case q.Has(key) && f.schema.null:
				out[f.name] = nil
			}
			q.Del(key)
		default:
			switch values := q[key]; len(values) {
			case 0:
			case 1:
				out[f.name] = f.schema.scalar(values[0])
			default:
				out[f.name] = f.schema.list(values) // refused, rather than settled by order
			}
			q.Del(key)
		}
	}
	return out
}

func (s *schema) list(values []string) []any {
	out := []any{}
	for _, v := range values {
		for _, part := range strings.Split(v, ",") {
			if part != "" {
				out = append(out, s.scalar(part))
			}
		}
	}
	return out
}

func (s *schema) scalar(v string) any {
	switch {
	case v == "" && s.null:
		return nil
	case s.kind == boolKind && (v == "true" || v == "false"):
		return v == "true"
	case s.kind == anyKind && (v == "true" || v == "false"):
		return v == "true"
	case s.kind == numberKind || s.kind == integerKind:
		return json.Number(v)
	}
	return v
}
