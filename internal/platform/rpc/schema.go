package rpc

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Opt is a parameter for which absent, null and a value mean different things, as in an update.
type Opt[T any] struct {
	Set   bool // it was sent
	Null  bool // it was sent as null
	Value T
}

// OrNull is a text as it is served where an empty one is null.
func OrNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// Or is the value, or fallback when none was sent or it was null.
func (o Opt[T]) Or(fallback T) T {
	if o.Set && !o.Null {
		return o.Value
	}
	return fallback
}

func (Opt[T]) optional() {}

// The limits of every parameter that does not state its own.
const (
	maxText     = 2000    // characters of a text
	maxElements = 1000    // elements of an array, members of a map
	maxKey      = 200     // characters of a key of a map
	maxFree     = 1 << 16 // bytes of a value of any type inside a parameter
)

// schema is what a Go type means as JSON. Fields of a struct are parameters:
//
//	json:"name"            the parameter's name
//	rule:"required"        it must be sent
//	rule:"nullable"        null is accepted as well (an Opt or a pointer distinguishes it)
//	rule:"min=1,max=500"   bounds of a number, or of a string's or array's length
//	rule:"empty"           the empty string is a value; otherwise a string, also in an array, has at least one character
//	rule:"default=false"   what absent means. The type's zero value ("", 0, false, [] or {}) makes a plain
//	                       field possible where that value may be sent
//	enum:"a b c"           the values a string may have (a string type may have a method
//	                       Enum() []string instead)
//	doc:"…"                one sentence for the reference
//
// Absent is never confused with a value: zeroIsAbsent refuses a type in which it could be. A time.Time is an ISO 8601
// date-time. Parameters whose names end in _id or _ids are ids: opaque strings, but UUIDs among them are compared
// as numbers, whatever the case of their letters.
type schema struct {
	kind       kind
	goType     reflect.Type
	elem       *schema  // of array and map
	fields     []field  // of object
	enum       []string // of string
	min        float64
	max        float64
	bounds     uint8 // bit 0: min applies, bit 1: max applies
	null       bool  // null is a value
	empty      bool  // "" is a value
	id         bool  // a string, or strings, of which UUIDs are written in small letters
	name       bool  // a string for people, which has a visible character
	end        bool  // a time until which something is valid: a date alone is the end of that day, otherwise its start
	opt        bool  // the Go type is an Opt
	ptr        bool  // the Go type is a pointer
	hasDefault bool
	preset     any // the default, as JSON has it
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
	if _, ok := reflect.Zero(t).Interface().(interface{ optional() }); ok {
		s := *schemaOf(t.Field(2).Type)
		s.goType, s.opt = t, true
		return &s
	}
	s := &schema{goType: t}
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
		e := *schemaOf(t.Elem())
		e.goType, e.ptr = t, true
		return &e
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
			if !f.Anonymous && name != "" && name != "-" {
				s.fields = append(s.fields, fieldOf(name, f))
			}
		}
	default:
		panic(fmt.Sprintf("rpc: a parameter cannot be a %s", t))
	}
	return s
}

func fieldOf(name string, f reflect.StructField) field {
	s := schemaOf(f.Type)
	out := field{name: name, doc: f.Tag.Get("doc"), index: f.Index, schema: s}
	out.required = s.applyRules(f.Tag.Get("rule"))
	target := s
	if s.kind == arrayKind {
		target = s.elem
	}
	if enum := f.Tag.Get("enum"); enum != "" {
		target.enum = strings.Fields(enum)
	}
	target.empty = s.empty
	if isID(name) && target.kind == stringKind {
		target.id = true
	}
	target.name = target.kind == stringKind && (name == "name" || strings.HasSuffix(name, "_name"))
	target.end = target.kind == timeKind && slices.Contains(endNames, name)
	return out
}

// endNames are the parameters that set when something ends. What expires on a day, or ends on it, is still valid on that day.
var endNames = []string{"expires_at", "ends_at"}

// isID reports whether a parameter of this name contains ids. A request's id does not count: it is text in a form of its own.
func isID(name string) bool {
	return (strings.HasSuffix(name, "_id") || strings.HasSuffix(name, "_ids")) && name != "request_id"
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
		case r == "empty":
			s.empty = true
		case name == "default":
			s.hasDefault = true
			if json.Unmarshal([]byte(value), &s.preset) != nil {
				s.preset = value
			}
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

// least and most are the bounds of a text's or list's length.
func (s *schema) least() int {
	switch {
	case s.bounds&1 != 0:
		return int(s.min)
	case s.kind == stringKind && !s.empty:
		return 1
	}
	return 0
}

func (s *schema) most() int {
	switch {
	case s.bounds&2 != 0:
		return int(s.max)
	case s.kind == stringKind:
		return maxText
	}
	return maxElements
}

// zeroIsAbsent refuses inputs in which an absent parameter could not be distinguished from one that was sent: a parameter
// that may be left out is an Opt or a pointer, or its zero value is refused when it is sent (as the empty string
// is), or the field says by its default that both mean the same.
func (s *schema) zeroIsAbsent() error {
	for _, f := range s.fields {
		fs := f.schema
		for nested := fs; nested != nil; nested = nested.elem {
			if err := nested.zeroIsAbsent(); err != nil {
				return fmt.Errorf("%s: %w", f.name, err)
			}
		}
		if fs.hasDefault && !fs.opt && !fs.ptr && !fs.isZero(fs.preset) {
			return fmt.Errorf("the default of %s is not the zero value of its type: make it an Opt", f.name)
		}
		if !f.required && !fs.opt && !fs.ptr && !fs.hasDefault && !fs.refusesZero() {
			return fmt.Errorf("absent and zero are alike in %s: make it an Opt or state its default", f.name)
		}
	}
	return nil
}

// refusesZero reports whether the zero value of the Go type is refused when it is sent.
func (s *schema) refusesZero() bool {
	switch s.kind {
	case stringKind:
		return s.least() > 0 || s.enum != nil && !slices.Contains(s.enum, "")
	case timeKind:
		return true // it is outside of the years that are read
	case numberKind, integerKind:
		return s.bounds&1 != 0 && s.min > 0 || s.bounds&2 != 0 && s.max < 0
	case arrayKind, mapKind:
		return s.least() > 0
	}
	return false
}

// isZero reports whether a JSON value is the zero value of the Go type.
func (s *schema) isZero(preset any) bool {
	switch v := preset.(type) {
	case bool:
		return !v
	case float64:
		return v == 0
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}
