package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"keyway/internal/platform/store"
)

// declared is what an endpoint's package declares about it for the tests that try all endpoints, in
// testdata/endpoints.json beside its rows. A text "$name" stands for an id that the test has under this name.
type declared struct {
	Input   fields  `json:"input"`   // the parameters beside an id without which it does nothing
	Example fields  `json:"example"` // completes the input to a body that makes it do something; not ids that it requires
	Unready string  `json:"unready"` // the error's type where the example begins with something that is not there yet
	List    *listed `json:"list"`
}

// listed declares how the parameters of a list narrow it.
type listed struct {
	Items  string               `json:"items"`  // the key of the list in the answer
	ID     string               `json:"id"`     // the key of the id in an item
	Always fields               `json:"always"` // without which it does not answer
	Params map[string]narrowing `json:"params"`
}

// narrowing is a value of a list's parameter and what it must leave of the list: the items of which all conditions hold;
// nothing where there are none. A condition names a field (a.b is a field of a field, "a b" two fields read as one text) and
// its value, or an operator: {"in": […]}, {"not": v}, {"before": v}, {"after": v}, {"contains": v}.
type narrowing struct {
	Value any    `json:"value"`
	Keep  fields `json:"keep"`
}

// endpoints are the declarations of all packages, by path.
var endpoints = sync.OnceValues(func() (map[string]declared, error) {
	var files []string
	for _, where := range []string{"*", "*/*"} {
		found, err := filepath.Glob("../../internal/" + where + "/testdata/endpoints.json")
		if err != nil {
			return nil, err
		}
		files = append(files, found...)
	}
	all := map[string]declared{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		of := map[string]declared{}
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&of); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		for path, d := range of {
			if _, twice := all[path]; twice {
				return nil, fmt.Errorf("%s: %s is declared elsewhere too", file, path)
			}
			all[path] = d
		}
	}
	return all, nil
})

func declaredOf(t *testing.T, path string) declared {
	t.Helper()
	all, err := endpoints()
	if err != nil {
		t.Fatal(err)
	}
	return all[path]
}

// What is declared is about an endpoint that there is, and about parameters that it has.
func TestDeclarations(t *testing.T) {
	t.Parallel()
	s, err := detachedRPC()
	if err != nil {
		t.Fatal(err)
	}
	all, err := endpoints()
	if err != nil {
		t.Fatal(err)
	}
	left := maps.Clone(all)
	for _, e := range s.Endpoints() {
		d := left[e.Path]
		delete(left, e.Path)
		params := map[string]bool{}
		for _, p := range e.Parameters() {
			params[p.Name] = true
		}
		for _, of := range []fields{d.Input, d.Example} {
			for name := range of {
				if !params[name] {
					t.Errorf("%s has no parameter %s", e.Path, name)
				}
			}
		}
		if d.List != nil {
			for name := range d.List.Params {
				if !params[name] {
					t.Errorf("the list %s has no parameter %s", e.Path, name)
				}
			}
		}
	}
	for path := range left {
		t.Errorf("%s is declared, and no endpoint has this path", path)
	}
}

// filled puts values in the place of names.
func filled(v any, named func(name string) any) any {
	switch v := v.(type) {
	case string:
		if name, ok := strings.CutPrefix(v, "$"); ok {
			return named(name)
		}
	case fields:
		out := fields{}
		for key, value := range v {
			out[key] = filled(value, named)
		}
		return out
	case []any:
		out := []any{}
		for _, value := range v {
			out = append(out, filled(value, named))
		}
		return out
	}
	return v
}

// of gives names the ids of a part; what it does not have is empty.
func (p part) of(name string) any { return p[name] }

// values are what narrowings name.
type values map[string]any

func (v values) of(t *testing.T) func(name string) any {
	return func(name string) any {
		if of, ok := strings.CutPrefix(name, "part_of."); ok {
			return fmt.Sprint(v[of])[:30]
		}
		if name == "new" {
			return store.NewID()
		}
		value, known := v[name]
		if !known {
			t.Errorf("the test has no $%s", name)
		}
		return value
	}
}

// filled gives a narrowing its values.
func (n narrowing) filled(named func(string) any) narrowing {
	n.Value = filled(n.Value, named)
	if n.Keep != nil {
		n.Keep = filled(n.Keep, named).(fields)
	}
	return n
}

// keeps reports whether the narrowing leaves an item in the list.
func (n narrowing) keeps(item fields) bool {
	for key, want := range n.Keep {
		if !meets(fieldOf(item, key), want) {
			return false
		}
	}
	return n.Keep != nil
}

func fieldOf(item fields, key string) any {
	if first, rest, ok := strings.Cut(key, " "); ok {
		return fmt.Sprint(fieldOf(item, first), fieldOf(item, rest))
	}
	first, rest, ok := strings.Cut(key, ".")
	if !ok {
		return item[key]
	}
	inner, _ := item[first].(fields)
	return fieldOf(inner, rest)
}

func meets(got, want any) bool {
	condition, ok := want.(fields)
	if !ok {
		return got == want
	}
	for operator, value := range condition {
		text, _ := got.(string)
		limit, _ := value.(string)
		list, _ := got.([]any)
		switch operator {
		case "in":
			return slices.Contains(value.([]any), got)
		case "not":
			return got != value
		case "before":
			return text < limit
		case "after":
			return text > limit
		case "contains":
			return text != "" && strings.Contains(text, limit) || slices.Contains(list, value)
		}
	}
	return false
}
