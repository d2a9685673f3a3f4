package rpc_test

import (
	"context"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"keyway/internal/platform/rpc"
)

// shape is a type with two forms, and another that is distinguished by another field.
type shape struct {
	ID       string `json:"shape_id"`
	Kind     string `json:"kind"`
	Optional string `json:"optional,omitempty"`
	Notes    []note `json:"notes" union:"note_code"`
}

func (shape) Variants() []rpc.Variant {
	return []rpc.Variant{
		{By: "kind", Is: "circle", Says: "A circle.", Route: "/shapes", Fields: struct {
			Radius *float64 `json:"radius"`
		}{}},
		{By: "kind", Is: "point", Route: "/elsewhere"},
	}
}

type note struct {
	Code    string `json:"note_code,omitempty"`
	Other   string `json:"other_code,omitempty"`
	Message string `json:"message"`
}

func (note) Variants() []rpc.Variant {
	return []rpc.Variant{{By: "note_code", Is: "a", Of: "shape", Fields: struct {
		Sure bool `json:"is_sure" enum:"true"`
	}{}}, {By: "other_code", Is: "b"}}
}

type shapesInput struct {
	rpc.PageInput
	OwnerID string            `json:"owner_id"`
	Name    rpc.Opt[string]   `json:"name" rule:"nullable"`
	Title   string            `json:"title" rule:"max=10"`
	Color   rpc.Opt[string]   `json:"color" rule:"nullable" enum:"red blue"`
	Tags    rpc.Opt[[]string] `json:"tags" rule:"max=3"`
	Flat    bool              `json:"flat" rule:"default=false"`
	Level   rpc.Opt[int]      `json:"level" rule:"min=1,max=9"`
}

// What a reader of the document has to know stands in it, in the forms of OpenAPI 3.0: bounds, defaults and formats of
// parameters, null, the forms of a type that has several, each with its own fields, and no reference inside of a resource.
func TestOpenAPISchemas(t *testing.T) {
	t.Parallel()
	list := func(context.Context, shapesInput) (rpc.Page[shape], error) { return rpc.Page[shape]{}, nil }
	s := setup(t,
		rpc.Endpoint{Path: "/shapes/list", Summary: "s", Allow: rpc.APIKey, Read: true, Returns: "shapes", PageSize: 30, Handle: rpc.Func(list)},
		rpc.Endpoint{Path: "/things/find", Summary: "s", Allow: rpc.APIKey, Read: true, Returns: "batch", Secret: true,
			Batch:  map[string]reflect.Type{"shapes": reflect.TypeFor[shape]()},
			Handle: rpc.Func(func(context.Context, rpc.None) (map[string]any, error) { return nil, nil })})
	text, err := json.Marshal(s.OpenAPI("1"))
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	const body = "paths /shapes/list post requestBody content application/json schema properties "
	const answer = "paths /shapes/list post responses 200 content application/json schema properties "
	const forms = "components schemas shape "
	for path, want := range map[string]string{
		"openapi":                              `"3.0.3"`,
		body + "owner_id":                      `{"format":"uuid","type":"string"}`,
		body + "name":                          `{"maxLength":2000,"minLength":1,"nullable":true,"type":"string"}`,
		body + "title":                         `{"maxLength":10,"minLength":1,"type":"string"}`,
		body + "color":                         `{"enum":["red","blue"],"nullable":true,"type":"string"}`,
		body + "tags":                          `{"items":{"maxLength":2000,"minLength":1,"type":"string"},"maxItems":3,"type":"array"}`,
		body + "flat":                          `{"default":false,"type":"boolean"}`,
		body + "level":                         `{"maximum":9,"minimum":1,"type":"integer"}`,
		body + "limit default":                 `30`,
		answer + "shapes":                      `{"items":{"$ref":"#/components/schemas/shape"},"type":"array"}`,
		answer + "pagination":                  `{"$ref":"#/components/schemas/pagination"}`,
		"paths /things/find post x-batch-keys": `["shapes"]`,
		forms + "discriminator":                `{"propertyName":"kind"}`,
		forms + "x-route-path":                 `"/shapes"`,
		forms + "oneOf 0 required":             `["kind","shape_id","notes","radius"]`,
		forms + "oneOf 0 properties kind":      `{"enum":["circle"],"type":"string"}`,
		forms + "oneOf 0 properties radius":    `{"nullable":true,"type":"number"}`,
		forms + "oneOf 0 properties optional":  `null`,
		forms + "oneOf 0 description":          `"A circle."`,
		forms + "oneOf 1 x-route-path":         `"/shapes"`,
		forms + "oneOf 0 properties shape_id":  `{"format":"uuid","type":"string"}`,
		forms + "oneOf 1 properties notes items": `{"discriminator":{"propertyName":"note_code"},"oneOf":[{"properties":{` +
			`"is_sure":{"enum":[true],"type":"boolean"},"message":{"type":"string"},"note_code":{"enum":["a"],"type":"string"}},` +
			`"required":["note_code","message","is_sure"],"type":"object","x-resource-type":"shape"}]}`,
	} {
		got, err := json.Marshal(at(doc, path))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s is\n%s, want\n%s", path, got, want)
		}
	}
}

// at walks into a document by the words of a path.
func at(v any, path string) any {
	for _, word := range strings.Fields(path) {
		switch in := v.(type) {
		case map[string]any:
			v = in[word]
		case []any:
			i, _ := strconv.Atoi(word)
			v = in[i]
		default:
			return nil
		}
	}
	return v
}

// A workspace key stands in for an API key in programs that take nothing else, so no row can take the one and refuse the other.
func TestWorkspaceKeysPassForAPIKeys(t *testing.T) {
	t.Parallel()
	s := setup(t, rpc.Endpoint{Path: "/x/do", Summary: "s", Allow: rpc.APIKey,
		Handle: rpc.Func(func(context.Context, rpc.None) (rpc.OK, error) { return rpc.OK{}, nil })})
	if allowed := s.Endpoints()[0].Allow; allowed&rpc.WorkspaceKey == 0 {
		t.Errorf("it takes only %s", allowed)
	}
}
