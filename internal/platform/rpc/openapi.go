package rpc

import (
	"fmt"
	"maps"
	"net/http"
	"path"
	"reflect"
	"slices"
	"strings"
)

// OpenAPI is the OpenAPI 3.0 document of the table. It is written in the forms of the published contract, so that programs
// made for that document read this one as well: nullable instead of a type null, what is inside a resource written out in
// place, the route of each resource (x-route-path), and unions distinguished by one property.
func (s *Server) OpenAPI(version string) map[string]any {
	doc := newDocument(s.Endpoints())
	paths := map[string]any{}
	for _, e := range s.Endpoints() {
		ops := map[string]any{}
		for _, m := range e.methods() {
			ops[strings.ToLower(m)] = doc.operation(e, m)
		}
		paths[e.Path] = ops
	}
	return map[string]any{
		"openapi": "3.0.3",
		"info": map[string]any{"title": "Keyway", "version": version,
			"description": "A self-hosted server that speaks the Seam API. Not affiliated with Seam."},
		"servers": []any{map[string]any{"url": s.PublicURL}},
		"paths":   paths,
		"components": map[string]any{
			"schemas": doc.schemas,
			"securitySchemes": map[string]any{
				"api_key": bearer("An API key opens one workspace."),
				"personal_access_token": bearer("A personal access token opens every workspace its user is a member of; " +
					"the seam-workspace header says which."),
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

// openAPI is a document that is being made.
type openAPI struct {
	schemas map[string]any
	names   map[reflect.Type]string // of the resources: the types that endpoints answer with
	routes  map[reflect.Type]string // where each of them belongs
	known   map[string]bool         // the routes that there are
}

// resourceUse is a type under a name that an endpoint's path and key give it.
type resourceUse struct {
	of   reflect.Type
	name string
}

// newDocument names the resources. A type is called what most endpoints that answer with it call it, unless another type is
// called so more often; then it has its own name.
func newDocument(endpoints []*Endpoint) *openAPI {
	d := &openAPI{schemas: map[string]any{"error_answer": errorAnswer}, names: map[reflect.Type]string{},
		routes: map[reflect.Type]string{}, known: map[string]bool{}}
	counts := map[resourceUse]int{}
	var uses []resourceUse
	count := func(of reflect.Type, name string) {
		u := resourceUse{of, name}
		if counts[u]++; counts[u] == 1 {
			uses = append(uses, u)
		}
	}
	for _, e := range endpoints {
		d.known[path.Dir(e.Path)] = true
		if of := resourceIn(e.Handle.out); of != nil && e.Returns != "" {
			count(of, resourceName(e))
		}
		for key, of := range e.Batch {
			count(of, singular(key))
		}
	}
	count(reflect.TypeFor[pagination](), "pagination")
	slices.SortStableFunc(uses, func(a, b resourceUse) int { return counts[b] - counts[a] })
	taken := map[string]bool{}
	for _, u := range uses {
		if d.names[u.of] == "" && !taken[u.name] {
			d.names[u.of], taken[u.name] = u.name, true
		}
	}
	for _, u := range uses {
		if d.names[u.of] != "" {
			continue
		}
		name := schemaName(u.of)
		if taken[name] {
			name = path.Base(u.of.PkgPath()) + "_" + name
		}
		d.names[u.of], taken[name] = name, true
	}
	d.route(endpoints)
	return d
}

// route finds for each resource the route that it belongs to: one that is called like it, best the one that gets it.
func (d *openAPI) route(endpoints []*Endpoint) {
	best := map[reflect.Type]int{}
	for _, e := range endpoints {
		of := resourceIn(e.Handle.out)
		if of == nil || e.Returns == "" {
			continue
		}
		score := 1
		if slices.Contains(strings.Split(e.Path, "/"), strings.TrimPrefix(d.names[of], "unmanaged_")+"s") {
			score += 2
		}
		if path.Base(e.Path) == "get" {
			score++
		}
		if score > best[of] {
			best[of], d.routes[of] = score, path.Dir(e.Path)
		}
	}
}

// resourceIn is the type of which an endpoint answers one, a list or a page; nil where that has no name.
func resourceIn(t reflect.Type) reflect.Type {
	zero := reflect.Zero(t).Interface()
	switch v := zero.(type) {
	case interface{ docType() reflect.Type }:
		return v.docType()
	case page:
		return v.itemType()
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		return resourceIn(t.Elem())
	case reflect.Struct:
		if t.Name() != "" && !isFields(t) {
			return t
		}
	}
	return nil
}

// resourceName is what an endpoint calls what it answers with.
func resourceName(e *Endpoint) string {
	name := e.Returns
	if out := e.Handle.out; out.Kind() == reflect.Slice && out.Elem().Kind() != reflect.Uint8 || out.Implements(reflect.TypeFor[page]()) {
		name = singular(name)
	}
	if strings.Contains(e.Path, "/unmanaged/") {
		return "unmanaged_" + name
	}
	return name
}

func singular(key string) string {
	if stem, ok := strings.CutSuffix(key, "ies"); ok {
		return stem + "y"
	}
	return strings.TrimSuffix(key, "s")
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

func (d *openAPI) operation(e *Endpoint, method string) map[string]any {
	op := map[string]any{
		"operationId":    strings.ReplaceAll(strings.Trim(e.Path, "/"), "/", "_") + "_" + strings.ToLower(method),
		"summary":        e.Summary,
		"description":    e.Summary,
		"tags":           []string{"/" + e.Group()},
		"x-response-key": nil,
		"security":       security(e),
	}
	if key := e.mainKey(); key != "" {
		op["x-response-key"] = key
	}
	if e.Attempt != "" {
		op["x-action-attempt-type"] = e.Attempt
	}
	if e.Batch != nil {
		op["x-batch-keys"] = slices.Sorted(maps.Keys(e.Batch))
	}
	if e.Allow&PersonalAccessToken != 0 && !e.Self {
		op["x-scope"] = e.Scope()
	}
	if method == http.MethodGet || method == http.MethodDelete {
		var params []any
		for _, f := range e.Handle.in.fields {
			params = append(params, map[string]any{"in": "query", "name": f.name, "required": f.required, "description": f.doc,
				"schema": e.parameter(f)})
		}
		if params != nil {
			op["parameters"] = params
		}
	} else if len(e.Handle.in.fields) > 0 {
		op["requestBody"] = map[string]any{"content": jsonContent(e.body())}
	}
	op["responses"] = d.responses(e)
	return op
}

// parameter is the schema of one parameter of the endpoint.
func (e *Endpoint) parameter(f field) map[string]any {
	m := f.schema.openAPI()
	if f.name == "limit" && e.PageSize > 0 {
		m["default"] = e.PageSize
	}
	return m
}

func (e *Endpoint) body() map[string]any {
	body := e.Handle.in.openAPI()
	for _, f := range e.Handle.in.fields {
		if f.name == "limit" && e.PageSize > 0 {
			body["properties"].(map[string]any)[f.name].(map[string]any)["default"] = e.PageSize
		}
	}
	return body
}

// mainKey is the key of the answer under which clients look for the result: of several fields the one with the tag main:"true".
func (e *Endpoint) mainKey() string {
	if e.Returns != "" || !isFields(e.Handle.out) {
		return e.Returns
	}
	for _, f := range reflect.VisibleFields(e.Handle.out) {
		if f.Tag.Get("main") == "true" {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			return name
		}
	}
	return ""
}

func (d *openAPI) responses(e *Endpoint) map[string]any {
	failed := map[string]any{"$ref": schemaPath + "error_answer"}
	out := map[string]any{"400": answer("Bad request", failed), "401": answer("Unauthorized", failed)}
	switch {
	case e.Handle.stream != nil:
		out["200"] = map[string]any{"description": "Events as they come",
			"content": map[string]any{"text/event-stream": map[string]any{"schema": map[string]any{"type": "string"}}}}
	case e.Handle.out == noContentType:
		return map[string]any{"204": map[string]any{"description": "No content"}}
	case e.Handle.out == acceptedType:
		out["202"] = answer("Accepted", d.success(e))
	default:
		out["200"] = answer("OK", d.success(e))
	}
	return out
}

// success is the schema of the endpoint's answer when it did what was asked.
func (d *openAPI) success(e *Endpoint) map[string]any {
	properties := map[string]any{"ok": map[string]any{"type": "boolean", "enum": []any{true}}}
	required := []string{"ok"}
	switch {
	case e.Returns != "":
		properties[e.Returns] = d.returned(e)
		required = append(required, e.Returns)
		if e.Twin != "" {
			properties[e.Twin] = properties[e.Returns]
			required = append(required, e.Twin)
		}
		if e.Handle.out.Implements(reflect.TypeFor[page]()) {
			properties["pagination"] = d.result(reflect.TypeFor[pagination]())
			required = append(required, "pagination")
		}
	case isFields(e.Handle.out):
		for _, f := range reflect.VisibleFields(e.Handle.out) {
			if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); !f.Anonymous && name != "" {
				properties[name] = d.result(f.Type)
				required = append(required, name)
			}
		}
	}
	return map[string]any{"type": "object", "properties": properties, "required": required}
}

// returned is the schema of what stands under the endpoint's key.
func (d *openAPI) returned(e *Endpoint) map[string]any {
	if e.Batch == nil {
		return d.result(e.Handle.out)
	}
	properties := map[string]any{}
	for key, of := range e.Batch {
		properties[key] = map[string]any{"type": "array", "items": d.result(of)}
	}
	return map[string]any{"type": "object", "properties": properties, "required": slices.Sorted(maps.Keys(e.Batch))}
}

func answer(text string, schema any) map[string]any {
	return map[string]any{"description": text, "content": jsonContent(schema)}
}

func jsonContent(schema any) map[string]any {
	return map[string]any{"application/json": map[string]any{"schema": schema}}
}

const schemaPath = "#/components/schemas/"

// errorAnswer is the envelope of a refusal. Its ok has no type, because readers that take every object among the schemas for
// a resource leave out what they cannot read as one.
var errorAnswer = map[string]any{
	"type": "object", "required": []string{"ok", "error"},
	"properties": map[string]any{
		"ok": map[string]any{"enum": []any{false}},
		"error": map[string]any{
			"type": "object", "required": []string{"type", "message"},
			"properties": map[string]any{
				"type":    map[string]any{"type": "string", "description": "What kind of error it is; programs may depend on it."},
				"message": map[string]any{"type": "string", "description": "What is wrong, for people."},
				"data":    map[string]any{"type": "object", "description": "More about it, for programs."},
				"validation_errors": map[string]any{"type": "object",
					"description": "What is wrong with each parameter, under its name in a list called _errors."},
			},
		},
	},
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

// AccessTable writes the whole policy, one line an endpoint: path, verbs, scope, workspace
// header, least role, marks, credentials.
func (s *Server) AccessTable() string {
	var b strings.Builder
	const line = "%-62s %-16s %-32s %-10s %-9s %-18s %s\n"
	fmt.Fprintf(&b, line, "# path", "verbs", "scope", "workspace", "role", "marks", "credentials")
	for _, e := range s.Endpoints() {
		scope, role, ws := e.Scope(), e.Role.String(), e.Workspace.String()
		if e.Allow == Public {
			scope, ws = "-", "-"
		}
		if role == "" {
			role = "-"
		}
		fmt.Fprintf(&b, line, e.Path, strings.Join(e.methods(), " "), scope, ws, role, e.notes(), e.Allow)
	}
	return b.String()
}
