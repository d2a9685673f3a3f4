package rpc

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"keyway/internal/platform/fault"
)

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

// fromQuery decodes query parameters by the schema's types: arrays repeat, use [], [0] or commas, and
// are empty as a single empty value; dots nest; an empty value is null where null is allowed. It returns
// invalid_request for a query that is not in its grammar.
func (s *schema) fromQuery(query string, d *decoding) (reflect.Value, error) {
	v := reflect.New(s.goType).Elem()
	q, err := url.ParseQuery(query)
	if err != nil {
		return v, fault.New(fault.InvalidRequest, "The query string is not valid")
	}
	for name, values := range q {
		for _, value := range values {
			if !utf8.ValidString(name) || !utf8.ValidString(value) {
				return v, fault.New(fault.InvalidRequest, "The query string is not UTF-8")
			}
		}
	}
	delete(q, "_strict")
	body := s.appendQuery(nil, q, "")
	d.unknown += len(q)
	d.texts = true
	s.set(v, newReader(body), nil, d)
	return v, nil
}

// appendQuery writes the JSON value that the query stands for, with every single value as a string, and takes what
// it understands out of q.
func (s *schema) appendQuery(b []byte, q url.Values, prefix string) []byte {
	b = append(b, '{')
	first := true
	for _, f := range s.fields {
		value, sent := f.schema.queryValue(q, prefix+f.name)
		if !sent {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(appendText(b, f.name), ':')
		b = append(b, value...)
	}
	return append(b, '}')
}

// queryValue is the JSON of one parameter.
func (s *schema) queryValue(q url.Values, key string) (value []byte, sent bool) {
	defer delete(q, key)
	switch s.kind {
	case arrayKind:
		list, sent := takeList(q, key)
		return appendTexts(nil, list), sent
	case objectKind:
		if value = s.appendQuery(nil, q, key+"."); len(value) > len("{}") {
			return value, true
		}
	case mapKind:
		if value = s.elem.queryMembers(q, key+"."); value != nil {
			return value, true
		}
	default:
		switch values := q[key]; len(values) {
		case 0:
			return nil, false
		case 1:
			return s.appendScalar(nil, values[0]), true
		default:
			return appendTexts(nil, values), true // refused, rather than settled by order
		}
	}
	// Not an object: refused as such, unless it is null.
	if text := q.Get(key); text != "" || q.Has(key) {
		return s.appendScalar(nil, text), true
	}
	return nil, false
}

// takeList takes the elements of an array out of q; empty ones are left out.
func takeList(q url.Values, key string) (list []string, sent bool) {
	type indexed struct {
		index  int
		values []string
	}
	parts := []indexed{{-2, q[key]}, {-1, q[key+"[]"]}}
	sent = q.Has(key) || q.Has(key+"[]")
	delete(q, key+"[]")
	for name, values := range q {
		digits, ok := strings.CutPrefix(name, key+"[")
		if !ok {
			continue
		}
		if i, err := strconv.Atoi(strings.TrimSuffix(digits, "]")); err == nil && i >= 0 && strings.HasSuffix(digits, "]") {
			parts, sent = append(parts, indexed{i, values}), true
			delete(q, name)
		}
	}
	slices.SortFunc(parts, func(a, b indexed) int { return cmp.Compare(a.index, b.index) })
	for _, p := range parts {
		for _, v := range p.values {
			for part := range strings.SplitSeq(v, ",") {
				if part != "" {
					list = append(list, part)
				}
			}
		}
	}
	return list, sent
}

// queryMembers is the JSON of a map, whose members' names begin with the prefix; nil where there are none.
func (s *schema) queryMembers(q url.Values, prefix string) (b []byte) {
	for _, key := range slices.Sorted(maps.Keys(q)) {
		name, ok := strings.CutPrefix(key, prefix)
		if !ok {
			continue
		}
		b = append(b, ',')
		b = append(appendText(b, name), ':')
		b = s.appendScalar(b, q.Get(key))
		delete(q, key)
	}
	if b == nil {
		return nil
	}
	b[0] = '{'
	return append(b, '}')
}

func (s *schema) appendScalar(b []byte, v string) []byte {
	switch {
	case v == "" && s.null:
		return append(b, "null"...)
	case s.kind == anyKind && (v == "true" || v == "false"):
		return append(b, v...)
	}
	return appendText(b, v)
}

func appendTexts(b []byte, list []string) []byte {
	b = append(b, '[')
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, v)
	}
	return append(b, ']')
}

func appendText(b []byte, v string) []byte {
	b, err := jsontext.AppendQuote(b, v)
	if err != nil {
		panic(err) // the query was found to be UTF-8
	}
	return b
}

// toQuery writes a decoded input in the query grammar, so that the same parameters are the same text however they
// were sent: for the fingerprint of a page and for its next_page_url.
func (s *schema) toQuery(v reflect.Value, key string, out url.Values) {
	if s.opt {
		switch {
		case !v.Field(0).Bool():
			return
		case v.Field(1).Bool():
			out.Add(key, "")
			return
		}
		v = v.Field(2)
	} else if v.IsZero() {
		return
	}
	if s.ptr {
		v = v.Elem()
	}
	switch s.kind {
	case objectKind:
		if key != "" {
			key += "."
		}
		for _, f := range s.fields {
			f.schema.toQuery(v.FieldByIndex(f.index), key+f.name, out)
		}
	case mapKind:
		for _, k := range v.MapKeys() {
			e := v.MapIndex(k)
			out.Add(key+"."+k.String(), textOf(e))
		}
	case arrayKind:
		if v.Len() == 0 {
			out.Add(key, "")
		}
		for i := range v.Len() {
			out.Add(key, textOf(v.Index(i)))
		}
	default:
		out.Add(key, textOf(v))
	}
}

// textOf is a single value in the query grammar.
func textOf(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case nil:
		return ""
	case time.Time:
		return x.Format(time.RFC3339Nano)
	default:
		return fmt.Sprint(x)
	}
}
