package rpc

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
)

// openAPI is the schema of an input.
func (s *schema) openAPI() map[string]any {
	m := s.unboundedOpenAPI()
	low, high := "minimum", "maximum"
	least, most := s.min, s.max
	hasLeast, hasMost := s.bounds&1 != 0, s.bounds&2 != 0
	switch s.kind {
	case stringKind:
		if s.enum != nil || s.id {
			hasLeast, hasMost = false, false // the words and the format say so already
			break
		}
		low, high, least, most = "minLength", "maxLength", float64(s.least()), float64(s.most())
		hasLeast, hasMost = least > 0, true
	case arrayKind, mapKind:
		low, high = "minItems", "maxItems"
		if s.kind == mapKind {
			low, high = "minProperties", "maxProperties"
		}
		least, most = float64(s.least()), float64(s.most())
		hasLeast, hasMost = least > 0, true
	}
	if hasLeast {
		m[low] = least
	}
	if hasMost {
		m[high] = most
	}
	if s.null {
		m["nullable"] = true
	}
	if s.hasDefault {
		m["default"] = s.preset
	}
	return m
}

// unboundedOpenAPI is openAPI without what bounds the values.
func (s *schema) unboundedOpenAPI() map[string]any {
	switch s.kind {
	case stringKind:
		m := map[string]any{"type": "string"}
		if s.enum != nil {
			m["enum"] = s.enum
		}
		if s.id {
			m["format"] = "uuid"
		}
		return m
	case boolKind:
		return map[string]any{"type": "boolean"}
	case numberKind:
		return map[string]any{"type": "number"}
	case integerKind:
		return map[string]any{"type": "integer"}
	case timeKind:
		return map[string]any{"type": "string", "format": "date-time"}
	case arrayKind:
		return map[string]any{"type": "array", "items": s.elem.openAPI()}
	case mapKind:
		if s.elem.kind == anyKind {
			return map[string]any{"type": "object", "additionalProperties": true}
		}
		return map[string]any{"type": "object", "additionalProperties": s.elem.openAPI()}
	case objectKind:
		properties, required := map[string]any{}, []string{}
		for _, f := range s.fields {
			p := f.schema.openAPI()
			if f.doc != "" {
				p["description"] = f.doc
			}
			properties[f.name] = p
			if f.required {
				required = append(required, f.name)
			}
		}
		m := map[string]any{"type": "object", "properties": properties}
		if len(required) > 0 {
			m["required"] = required
		}
		return m
	}
	return map[string]any{}
}

// result is the schema of what an endpoint answers with: resources are referred to.
func (d *openAPI) result(t reflect.Type) map[string]any {
	zero := reflect.Zero(t).Interface()
	switch v := zero.(type) {
	case interface{ docType() reflect.Type }:
		return d.result(v.docType())
	case page:
		return map[string]any{"type": "array", "items": d.result(v.itemType())}
	}
	name := d.names[t]
	switch {
	case name != "":
		if d.schemas[name] == nil {
			d.schemas[name] = d.resource(t)
		}
		return map[string]any{"$ref": schemaPath + name}
	case t.Kind() == reflect.Slice && resourceIn(t.Elem()) != nil:
		return map[string]any{"type": "array", "items": d.result(t.Elem())}
	}
	return d.value(t)
}

// resource is the schema of a type that endpoints answer with.
func (d *openAPI) resource(t reflect.Type) map[string]any {
	var m map[string]any
	if variants := variantsOf(t, ""); variants != nil {
		m = d.union(t, variants)
	} else {
		m = d.object(t)
	}
	if route := d.routes[t]; route != "" {
		m["x-route-path"] = route
	}
	return m
}

// value is the schema of what stands inside of an answer, written out in place.
func (d *openAPI) value(t reflect.Type) map[string]any {
	zero := reflect.Zero(t).Interface()
	switch v := zero.(type) {
	case interface{ docType() reflect.Type }:
		return d.value(v.docType())
	case interface{ Schema() map[string]any }:
		if t.Kind() != reflect.Pointer {
			return v.Schema()
		}
	}
	switch t {
	case reflect.TypeFor[Time](), reflect.TypeFor[time.Time]():
		return map[string]any{"type": "string", "format": "date-time"}
	case reflect.TypeFor[json.RawMessage]():
		return map[string]any{"nullable": true}
	}
	switch t.Kind() {
	case reflect.Pointer:
		m := d.value(t.Elem())
		m["nullable"] = true
		return m
	case reflect.String:
		m := map[string]any{"type": "string"}
		if enum := enumOf(t); enum != nil {
			m["enum"] = enum
		}
		return m
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return map[string]any{"type": "integer"}
	case reflect.Float64:
		return map[string]any{"type": "number"}
	case reflect.Slice:
		return map[string]any{"type": "array", "items": d.value(t.Elem())}
	case reflect.Map:
		if t.Elem().Kind() == reflect.Interface || t.Elem() == reflect.TypeFor[json.RawMessage]() {
			return map[string]any{"type": "object", "additionalProperties": true}
		}
		return map[string]any{"type": "object", "additionalProperties": d.value(t.Elem())}
	case reflect.Interface:
		return map[string]any{"nullable": true}
	case reflect.Struct:
		if variants := variantsOf(t, ""); variants != nil {
			return d.union(t, variants)
		}
		return d.object(t)
	}
	panic(fmt.Sprintf("rpc: no schema for %s", t))
}

// object is the schema of a struct. Beside json, its fields' tags are those of inputs where these mean something: rule:"nullable"
// says that the zero value is null, enum lists the values of a text or a boolean, or of those in a list; union:"…" names the
// field that distinguishes the forms of a list's elements; resource:"…" says that the value is a
// resource of this name, and holds:"object" that one that may be anything is an object.
func (d *openAPI) object(t reflect.Type) map[string]any {
	properties, required := map[string]any{}, []string{}
	for _, f := range reflect.VisibleFields(t) {
		name, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || name == "" || name == "-" {
			continue
		}
		properties[name] = d.property(name, f)
		if !isOmitted(opts) {
			required = append(required, name)
		}
	}
	return map[string]any{"type": "object", "properties": properties, "required": required}
}

// isOmitted reports whether a field can be absent, by its json options.
func isOmitted(opts string) bool {
	return strings.Contains(opts, "omitempty") || strings.Contains(opts, "omitzero")
}

func (d *openAPI) property(name string, f reflect.StructField) map[string]any {
	var p map[string]any
	if by := f.Tag.Get("union"); by != "" {
		p = map[string]any{"type": "array", "items": d.union(f.Type.Elem(), variantsOf(f.Type.Elem(), by))}
	} else {
		p = d.value(f.Type)
		if f.Tag.Get("holds") == "object" {
			p = map[string]any{"type": "object", "additionalProperties": true}
		}
		for t, named := range d.names {
			if named == f.Tag.Get("resource") {
				p = d.value(t)
			}
		}
	}
	if doc := f.Tag.Get("doc"); doc != "" {
		p["description"] = doc
	}
	target := p
	if items, ok := p["items"].(map[string]any); ok {
		target = items
	}
	if enum := f.Tag.Get("enum"); enum != "" {
		target["enum"] = strings.Fields(enum)
		if target["type"] == "boolean" {
			target["enum"] = []any{enum == "true"}
		}
	}
	if isID(name) && target["type"] == "string" && target["enum"] == nil {
		target["format"] = "uuid"
	}
	if slices.Contains(strings.Split(f.Tag.Get("rule"), ","), "nullable") {
		p["nullable"] = true
	}
	return p
}

// Metadata is custom metadata as it is served.
type Metadata map[string]any

// Schema says that each value is a text or a boolean.
func (Metadata) Schema() map[string]any {
	value := map[string]any{"oneOf": []any{map[string]any{"type": "string"}, map[string]any{"type": "boolean"}}}
	return map[string]any{"type": "object", "additionalProperties": value}
}

// Variant is one form of a type whose fields depend on the value of one of them. Such a type has a method
//
//	Variants() []rpc.Variant
//
// and each form has those of the type's own fields that are always there, and those of Fields, which take the place of own
// fields with the same name.
type Variant struct {
	By     string // the field that distinguishes the forms
	Is     string // its value in this form
	Says   string // one sentence for the reference
	Route  string // the route of the API that it is about; empty, or none that there is: the type's own
	Of     string // the resource that it is about, for errors that another resource hands on
	Fields any    // a struct; nil: it has no fields of its own
}

// VariantsBy returns forms that a field distinguishes. of is the resource of those that name none.
func VariantsBy(by, of string, forms ...Variant) []Variant {
	for i := range forms {
		forms[i].By, forms[i].Of = by, cmp.Or(forms[i].Of, of)
	}
	return forms
}

// variantsOf returns the forms of a type that a field distinguishes; by is empty for a type with one such field.
func variantsOf(t reflect.Type, by string) []Variant {
	v, ok := reflect.Zero(t).Interface().(interface{ Variants() []Variant })
	if !ok {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(v.Variants()), func(v Variant) bool { return by != "" && v.By != by })
}

// union is the schema of a type that has forms.
func (d *openAPI) union(t reflect.Type, variants []Variant) map[string]any {
	forms := make([]any, len(variants))
	for i, v := range variants {
		forms[i] = d.variant(t, v)
	}
	return map[string]any{"oneOf": forms, "discriminator": map[string]any{"propertyName": variants[0].By}}
}

func (d *openAPI) variant(t reflect.Type, v Variant) map[string]any {
	own := d.object(t)
	properties, required := map[string]any{}, []string{v.By}
	for _, name := range own["required"].([]string) {
		if name != v.By {
			properties[name] = own["properties"].(map[string]any)[name]
			required = append(required, name)
		}
	}
	if v.Fields != nil {
		more := d.object(reflect.TypeOf(v.Fields))
		maps.Copy(properties, more["properties"].(map[string]any))
		for _, name := range more["required"].([]string) {
			if !slices.Contains(required, name) {
				required = append(required, name)
			}
		}
	}
	properties[v.By] = map[string]any{"type": "string", "enum": []string{v.Is}}
	m := map[string]any{"type": "object", "properties": properties, "required": required}
	if v.Says != "" {
		m["description"] = v.Says
	}
	if v.Of != "" {
		m["x-resource-type"] = v.Of
	}
	switch {
	case v.Route == "":
	case d.known[v.Route]:
		m["x-route-path"] = v.Route
	case d.routes[t] != "":
		m["x-route-path"] = d.routes[t]
	}
	return m
}
