package apitest_test

import (
	"cmp"
	"encoding/json"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store/storetest"
	"keyway/internal/wiring/apitest"
)

// The OpenAPI document of all rooms is valid, says what the table says, and gives every type of
// an answer a schema of its own.
func TestOpenAPI(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, storetest.SQLite(t))
	text, err := json.Marshal(w.RPC.OpenAPI("1.2.3"))
	w.Must(err)
	doc, err := openapi3.NewLoader().LoadFromData(text)
	w.Must(err)
	w.Must(doc.Validate(t.Context()))
	if doc.OpenAPI != "3.0.3" || doc.Info.Version != "1.2.3" || doc.Servers[0].URL != apitest.PublicURL {
		t.Errorf("%s %s", doc.OpenAPI, doc.Info.Version)
	}
	operations := map[string]bool{}
	for _, e := range w.RPC.Endpoints() {
		if e.Streams() {
			continue // its answer is no JSON
		}
		for _, method := range e.Methods() {
			op := doc.Paths.Value(e.Path).GetOperation(method)
			if op == nil {
				t.Errorf("no %s %s", method, e.Path)
				continue
			}
			if operations[op.OperationID] {
				t.Errorf("two operations are %s", op.OperationID)
			}
			operations[op.OperationID] = true
			if public := op.Security != nil && len(*op.Security) == 0; public != (e.Allow == rpc.Public) {
				t.Errorf("%s: security %v", e.Path, op.Security)
			}
			success := cmp.Or(op.Responses.Value("200"), op.Responses.Value("202"), op.Responses.Value("204"))
			if success == nil {
				t.Errorf("%s %s never succeeds", method, e.Path)
				continue
			}
			if e.Returns != "" && success.Value.Content["application/json"].Schema.Value.Properties[e.Returns] == nil {
				t.Errorf("%s does not answer %s", e.Path, e.Returns)
			}
			parameters := map[string]bool{}
			for _, p := range e.Parameters() {
				name, _, _ := strings.Cut(p.Name, ".")
				parameters[name] = true
			}
			sent := len(op.Parameters)
			if op.RequestBody != nil {
				sent = len(op.RequestBody.Value.Content["application/json"].Schema.Value.Properties)
			}
			if sent != len(parameters) {
				t.Errorf("%s %s: %d parameters of %d", method, e.Path, sent, len(parameters))
			}
		}
	}
	failure := doc.Paths.Value("/devices/list").Post.Responses.Value("401").Value.Content["application/json"].Schema.Value
	if failure.Properties["error"] == nil {
		t.Error("an error answer has another schema than its envelope")
	}
	device := doc.Components.Schemas["device"].Value
	if problem := device.Properties["errors"].Value.Items.Value; problem.Discriminator.PropertyName != "error_code" ||
		problem.OneOf[0].Value.Properties["error_code"] == nil {
		t.Error("a device's errors have another type's schema")
	}
	name := doc.Paths.Value("/devices/update").Patch.RequestBody.Value.Content["application/json"].Schema.Value.Properties["name"].Value
	if !name.Nullable || !name.Type.Is("string") {
		t.Errorf("a nullable parameter is %v", name.Type)
	}
}
