package rpc

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"reflect"
	"slices"
	"strings"
	"time"
)

// OpenAPI is the OpenAPI 3.1 document of the table.
func (s *Server) OpenAPI(version string) map[string]any {
	doc := &openAPI{schemas: map[string]any{}, names: map[reflect.Type]string{}}
	paths := map[string]any{}
	for _, e := range s.Endpoints() {
		ops := map[string]any{}
		for _, m := range e.methods() {
			ops[strings.ToLower(m)] = doc.operation(e, m)
		}
		paths[e.Path] = ops
	}
	return map[string]any{
		"openapi": "3.1.0",
		"info": map[string]any{"title": "Keyway", "version": version,
			"description": "A self-hosted server that speaks the Seam API. Not affiliated with Seam."},
		"servers": []any{map[string]any{"url": s.PublicURL}},
		"paths":   paths,
		"components": map[string]any{
			"schemas": doc.schemas,
			"securitySchemes": map[string]any{
				"api_key": bearer("An API key opens one workspace."),
				"personal_access_token": bearer("A personal access token opens every workspace its user is a member of; the seam-workspace " +
					"header says which."),
				"console_session":              bearer("A console session token, from /keyway/v1/console_sessions/create."),
				"client_session":               bearer("A client session token reaches the resources it was made for."),
				"client_session_with_customer": bearer("A client session token that is bound to a customer."),
				"workspace_key":                bearer("A workspace key acts as the personal access token it was made from, in one workspace."),
				"publishable_key":              map[string]any{"type": "apiKey", "in": "header", "name": "seam-publishable-key"},
				"seam_workspace":               map[string]any{"type": "apiKey", "in": "header", "name": "seam-workspace"},
			},
		},
	}
}

func bearer(text string) map[string]any {
	return map[string]any{"type": "http", "scheme": "bearer", "description": text}
}

type openAPI struct {
	schemas map[string]any
	names   map[reflect.Type]string // of the types that stand in schemas
}

func (d *openAPI) operation(e *Endpoint, method string) map[string]any {
	name := strings.ReplaceAll(strings.Trim(e.Path, "/"), "/", "_") + "_" + strings.ToLower(method)
	op := map[string]any{
		"operationId":    name,
		"summary":        e.Summary,
		"tags":           []string{"/" + e.Group()},
		"x-response-key": nil,
		"security":       security(e),
	}
	if e.Returns != "" {
		op["x-response-key"] = e.Returns
	}
	if e.Allow&PersonalAccessToken != 0 && !e.Self {
		op["x-scope"] = e.Scope()
	}
	if method == http.MethodGet || method == http.MethodDelete {
		var params []any
		for _, f := range e.Handle.in.fields {
			params = append(params, map[string]any{"in": "query", "name": f.name, "required": f.required, "description": f.doc,
				"schema": f.schema.openAPI()})
		}
		if params != nil {
			op["parameters"] = params
		}
	} else if len(e.Handle.in.fields) > 0 {
		op["requestBody"] = map[string]any{"content": map[string]any{"application/json": map[string]any{"schema": e.Handle.in.openAPI()}}}
	}
	properties := map[string]any{"ok": map[string]any{"type": "boolean", "const": true}}
	required := []string{"ok"}
	if e.Returns != "" {
		properties[e.Returns] = d.result(e.Handle.out)
		required = append(required, e.Returns)
		if e.Twin != "" {
			properties[e.Twin] = properties[e.Returns]
			required = append(required, e.Twin)
		}
		if e.Handle.out.Implements(reflect.TypeFor[page]()) {
			properties["pagination"] = d.result(reflect.TypeFor[pagination]())
			required = append(required, "pagination")
		}
	} else if isFields(e.Handle.out) {
		fields := d.object(e.Handle.out)
		for k, v := range fields["properties"].(map[string]any) {
			properties[k] = v
		}
		required = append(required, fields["required"].([]string)...)
	}
	op["responses"] = map[string]any{
		"200": answer("OK", map[string]any{"type": "object", "properties": properties, "required": required}),
		"400": answer("Bad request", d.errorSchema()),
		"401": answer("Unauthorized", d.errorSchema()),
	}
	if e.Handle.stream != nil {
		op["responses"].(map[string]any)["200"] = map[string]any{"description": "Events as they come",
			"content": map[string]any{"text/event-stream": map[string]any{"schema": map[string]any{"type": "string"}}}}
	}
	if e.Handle.out == acceptedType {
		responses := op["responses"].(map[string]any)
		responses["202"] = responses["200"]
		delete(responses, "200")
	}
	if e.Handle.out == noContentType {
		op["responses"] = map[string]any{"204": map[string]any{"description": "No content"}}
	}
	return op
}

func answer(text string, schema any) map[string]any {
	return map[string]any{"description": text, "content": map[string]any{"application/json": map[string]any{"schema": schema}}}
}

func (d *openAPI) errorSchema() any {
	d.schemas["error_answer"] = map[string]any{
		"type": "object", "required": []string{"ok", "error"},
		"properties": map[string]any{
			"ok": map[string]any{"type": "boolean", "const": false},
			"error": map[string]any{
				"type": "object", "required": []string{"type", "message"},
				"properties": map[string]any{
					"type":              map[string]any{"type": "string"},
					"message":           map[string]any{"type": "string"},
					"data":              map[string]any{"type": "object"},
					"validation_errors": map[string]any{"type": "object"},
				},
			},
		},
	}
	return map[string]any{"$ref": "#/components/schemas/error_answer"}
}

func security(e *Endpoint) []any {
	var out []any
	for i, n := range allowNames {
		a := Allow(1 << i)
		if e.Allow&a == 0 || a == Public {
			continue
		}
		need := map[string]any{n: []string{}}
		if a&Person != 0 && e.Workspace == Required {
			need["seam_workspace"] = []string{}
		}
		out = append(out, need)
	}
	if out == nil {
		return []any{}
	}
	return out
}

// openAPI is the schema of an input.
func (s *schema) openAPI() map[string]any {
	var m map[string]any
	switch s.kind {
	case anyKind:
		return map[string]any{}
	case stringKind:
		m = map[string]any{"type": "string"}
		if s.enum != nil {
			m["enum"] = s.enum
			if s.null {
				m["enum"] = append(anys(s.enum), nil)
			}
		}
	case boolKind:
		m = map[string]any{"type": "boolean"}
	case numberKind:
		m = map[string]any{"type": "number"}
	case integerKind:
		m = map[string]any{"type": "integer"}
	case timeKind:
		m = map[string]any{"type": "string", "format": "date-time"}
	case arrayKind:
		m = map[string]any{"type": "array", "items": s.elem.openAPI()}
	case mapKind:
		m = map[string]any{"type": "object", "additionalProperties": s.elem.openAPI()}
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
		m = map[string]any{"type": "object", "properties": properties}
		if len(required) > 0 {
			m["required"] = required
		}
	}
	low, high := "minimum", "maximum"
	switch s.kind {
	case stringKind:
		low, high = "minLength", "maxLength"
	case arrayKind:
		low, high = "minItems", "maxItems"
	}
	if s.bounds&1 != 0 {
		m[low] = s.min
	}
	if s.bounds&2 != 0 {
		m[high] = s.max
	}
	if s.null {
		m["type"] = []any{m["type"], "null"}
	}
	return m
}

// result is the schema of what an endpoint answers with.
func (d *openAPI) result(t reflect.Type) map[string]any {
	zero := reflect.Zero(t).Interface()
	if doc, ok := zero.(interface{ docType() reflect.Type }); ok {
		return d.result(doc.docType())
	}
	if p, ok := zero.(page); ok {
		return map[string]any{"type": "array", "items": d.result(p.itemType())}
	}
	switch t {
	case reflect.TypeFor[Time](), reflect.TypeFor[time.Time]():
		return map[string]any{"type": "string", "format": "date-time"}
	case reflect.TypeFor[json.RawMessage]():
		return map[string]any{}
	}
	switch t.Kind() {
	case reflect.Pointer:
		m := d.result(t.Elem())
		if ref, ok := m["$ref"]; ok {
			return map[string]any{"oneOf": []any{map[string]any{"$ref": ref}, map[string]any{"type": "null"}}}
		}
		m["type"] = []any{m["type"], "null"}
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
		return map[string]any{"type": "array", "items": d.result(t.Elem())}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": d.result(t.Elem())}
	case reflect.Interface:
		return map[string]any{}
	case reflect.Struct:
		if t.Name() == "" {
			return d.object(t)
		}
		name, known := d.names[t]
		if !known {
			name = d.newName(t)
			d.names[t], d.schemas[name] = name, map[string]any{} // ends recursion
			d.schemas[name] = d.object(t)
		}
		return map[string]any{"$ref": "#/components/schemas/" + name}
	}
	panic(fmt.Sprintf("rpc: no schema for %s", t))
}

func anys[T any](list []T) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = v
	}
	return out
}

// newName is the type's name, with its package in front where another type has that name already.
func (d *openAPI) newName(t reflect.Type) string {
	name := schemaName(t)
	if d.schemas[name] != nil {
		name = path.Base(t.PkgPath()) + "_" + name
	}
	return name
}

// schemaName is snake case of the type's name: device.Device is device, workspace.NewKey new_key.
func schemaName(t reflect.Type) string {
	var b strings.Builder
	runes := []rune(t.Name())
	for i, r := range runes {
		upper := r >= 'A' && r <= 'Z'
		if upper && i > 0 && (runes[i-1] < 'A' || runes[i-1] > 'Z' || i+1 < len(runes) && runes[i+1] >= 'a') {
			b.WriteByte('_')
		}
		b.WriteString(strings.ToLower(string(r)))
	}
	return b.String()
}

// object is the schema of a struct; rule:"nullable" says that a field's zero value is null.
func (d *openAPI) object(t reflect.Type) map[string]any {
	properties, required := map[string]any{}, []string{}
	for _, f := range reflect.VisibleFields(t) {
		name, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || name == "" || name == "-" {
			continue
		}
		p := d.result(f.Type)
		if doc := f.Tag.Get("doc"); doc != "" && p["$ref"] == nil {
			p["description"] = doc
		}
		if enum := f.Tag.Get("enum"); enum != "" && p["type"] == "string" {
			p["enum"] = strings.Fields(enum)
		}
		if slices.Contains(strings.Split(f.Tag.Get("rule"), ","), "nullable") {
			p["type"] = []any{p["type"], "null"}
		}
		properties[name] = p
		if !strings.Contains(opts, "omitempty") && !strings.Contains(opts, "omitzero") {
			required = append(required, name)
		}
	}
	return map[string]any{"type": "object", "properties": properties, "required": required}
}

// AccessTable writes the whole policy, one line an endpoint: path, verbs, scope, workspace
// header, least role, marks, credentials.
func (s *Server) AccessTable() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-62s %-16s %-32s %-10s %-9s %-18s %s\n", "# path", "verbs", "scope", "workspace", "role", "marks", "credentials")
	for _, e := range s.Endpoints() {
		scope, role, ws := e.Scope(), e.Role.String(), e.Workspace.String()
		if e.Allow == Public {
			scope, ws = "-", "-"
		}
		if role == "" {
			role = "-"
		}
		fmt.Fprintf(&b, "%-62s %-16s %-32s %-10s %-9s %-18s %s\n", e.Path, strings.Join(e.methods(), " "), scope, ws, role, e.notes(), e.Allow)
	}
	return b.String()
}
