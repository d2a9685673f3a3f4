package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// contract is the OpenAPI document of the npm package @seamapi/types.
var contract = sync.OnceValues(loadContract)

// validators are the string formats that the document uses and the validator does not know.
var validators = []openapi3.SchemaValidationOption{
	openapi3.MultiErrors(),
	openapi3.EnableFormatValidation(),
	openapi3.WithStringFormatValidator("uuid", openapi3.NewRegexpFormatValidator(
		`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)),
	openapi3.WithStringFormatValidator("date-time", openapi3.NewRegexpFormatValidator(timestamp.String())),
	openapi3.WithStringFormatValidator("uri", openapi3.NewRegexpFormatValidator(`^[a-z][a-z0-9+.-]*:[^\s]+$`)),
}

// index is an item's place in a list.
var index = regexp.MustCompile(`/\d+`)

// timestamp is the only form of time on the wire: UTC with milliseconds.
var timestamp = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`)

func loadContract() (*openapi3.T, error) {
	dir := os.Getenv("KEYWAY_TEST_JS")
	if dir == "" {
		return nil, fmt.Errorf("KEYWAY_TEST_JS is not set: run the tests by `make test`, or by scripts/with-peers go test ./conformance")
	}
	// The file is imported by its path, since the package's entry wants a peer it does not bring.
	module := filepath.Join(dir, "node_modules/@seamapi/types/lib/seam/connect/openapi.js")
	out, err := exec.Command(nodePath(dir), "--input-type=module", "--eval",
		`process.stdout.write(JSON.stringify((await import(process.argv[1])).default))`, module).Output()
	if err != nil {
		return nil, fmt.Errorf("read the OpenAPI document of @seamapi/types: %w", err)
	}
	// Both say that anything goes, but the validator takes {} for anything but null.
	out = bytes.ReplaceAll(out, []byte(`"additionalProperties":{}`), []byte(`"additionalProperties":true`))
	doc, err := openapi3.NewLoader().LoadFromData(out)
	if err != nil {
		return nil, fmt.Errorf("load the OpenAPI document of @seamapi/types: %w", err)
	}
	return doc, addNewer(doc)
}

// addNewer adds to the document what newer clients than it know (PyPI seam 3.18.0): that an account may not manage a device is an
// error of the account, and an access code that could not be deleted has an event of its own.
func addNewer(doc *openapi3.T) error {
	like := func(variants *openapi3.SchemaRefs, by, word, other string) error {
		*variants = slices.DeleteFunc(*variants, func(v *openapi3.SchemaRef) bool { return v.Value.Properties[by].Value.Enum[0] == other })
		for _, v := range *variants {
			if v.Value.Properties[by].Value.Enum[0] != word {
				continue
			}
			variant := *v.Value
			variant.Properties = maps.Clone(variant.Properties)
			variant.Properties[by] = (&openapi3.Schema{Type: &openapi3.Types{"string"}, Enum: []any{other}}).NewRef()
			*variants = append(*variants, variant.NewRef())
			return nil
		}
		return fmt.Errorf("the contract has no %s %q", by, word)
	}
	schemas := doc.Components.Schemas
	for _, name := range []string{"device", "unmanaged_device", "access_code", "unmanaged_access_code"} {
		errs := &schemas[name].Value.Properties["errors"].Value.Items.Value.OneOf
		if err := like(errs, "error_code", "account_disconnected", "insufficient_permissions"); err != nil {
			return err
		}
	}
	return like(&schemas["event"].Value.OneOf, "event_type", "access_code.failed_to_remove_from_device", "access_code.failed_to_delete")
}

// nodePath is the Node.js that the locked npm packages bring, since the machine's may be too old.
func nodePath(dir string) string {
	arch := map[string]string{"amd64": "x64"}[runtime.GOARCH]
	if arch == "" {
		arch = runtime.GOARCH
	}
	return filepath.Join(dir, "node_modules", "node-"+runtime.GOOS+"-"+arch, "bin", "node")
}

// recorder is a transport that checks every answer against the contract: a 200 against the
// response schema of its path, an error against the envelope, each against the rules of headers.
// A test that uses it checks the contract without another line.
type recorder struct {
	t   *testing.T
	doc *openapi3.T
	mu  sync.Mutex
	// validated counts answers by path, so that a test can prove which it has seen.
	validated map[string]int
	said      map[string]bool
	secrets   *secrets // nil: not collected
}

func newRecorder(t *testing.T) *recorder {
	t.Helper()
	doc, err := contract()
	if err != nil {
		t.Fatal(err)
	}
	return &recorder{t: t, doc: doc, validated: map[string]int{}, said: map[string]bool{}}
}

// seen returns how many answers of a path have been validated.
func (r *recorder) seen(path string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.validated[path]
}

// sawAll fails for each path of these groups for which no answer was checked against the contract.
func (r *recorder) sawAll(t *testing.T, groups ...string) {
	t.Helper()
	for path := range r.doc.Paths.Map() {
		of := func(group string) bool { return strings.HasPrefix(path, group) && !strings.HasPrefix(path, leftOut) }
		if slices.ContainsFunc(groups, of) && r.seen(path) == 0 {
			t.Errorf("no answer of %s was held against the contract", path)
		}
	}
}

// RoundTrip sends a request and checks its answer.
func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err != nil {
		return nil, err
	}
	r.secrets.listen(body)
	res.Body = io.NopCloser(bytes.NewReader(body))
	if problems := r.unsaid(req.URL.Path, r.check(req.Method, req.URL.Path, res, body)); len(problems) > 0 {
		r.t.Errorf("%s %s answers %d against the contract:\n  %s\n%s",
			req.Method, req.URL.Path, res.StatusCode, strings.Join(problems, "\n  "), short(string(body)))
	}
	return res, nil
}

// unsaid leaves out what was said before of another item of the list or of another answer.
func (r *recorder) unsaid(path string, problems []string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.DeleteFunc(problems, func(problem string) bool {
		kind := path + " " + index.ReplaceAllString(problem, "/*")
		if r.said[kind] {
			return true
		}
		r.said[kind] = true
		return false
	})
}

// check returns what is wrong with an answer.
func (r *recorder) check(method, path string, res *http.Response, body []byte) []string {
	var problems []string
	if id := res.Header.Get("Seam-Request-Id"); !strings.HasPrefix(id, "request") {
		problems = append(problems, fmt.Sprintf("seam-request-id is %q", id))
	}
	if !strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
		return append(problems, fmt.Sprintf("content-type is %q", res.Header.Get("Content-Type")))
	}
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		return append(problems, err.Error())
	}
	if res.StatusCode >= 400 {
		return append(problems, checkEnvelope(value)...)
	}
	if object, _ := value.(fields); object["ok"] != true {
		problems = append(problems, `no "ok": true`)
	}
	problems = append(problems, checkTimes("", value)...)
	schema := r.schema(method, path)
	if schema == nil {
		return problems
	}
	r.mu.Lock()
	r.validated[path]++
	r.mu.Unlock()
	return append(problems, validate(schema, value)...)
}

// schema finds the response schema of a request; nil for paths of Keyway's own and for answers
// that the document leaves open.
func (r *recorder) schema(method, path string) *openapi3.Schema {
	item := r.doc.Paths.Value(path)
	if item == nil {
		return nil
	}
	operation := item.GetOperation(method)
	if operation == nil {
		// Each path also takes POST and its semantic verb; all verbs answer alike.
		operation = item.Post
	}
	if operation == nil {
		return nil
	}
	response := operation.Responses.Status(http.StatusOK)
	if response == nil || response.Value == nil {
		return nil
	}
	media := response.Value.Content.Get("application/json")
	if media == nil || media.Schema == nil {
		return &openapi3.Schema{}
	}
	return media.Schema.Value
}

// checkEnvelope checks an error answer against the shape that SDKs parse.
func checkEnvelope(value any) []string {
	object, _ := value.(fields)
	e, _ := object["error"].(fields)
	kind, _ := e["type"].(string)
	message, _ := e["message"].(string)
	if object["ok"] != false || kind == "" || message == "" {
		return []string{`no {"ok":false,"error":{"type","message"}}`}
	}
	if _, leaked := e["stack"]; leaked {
		return []string{"the error carries a stack"}
	}
	if data, there := e["data"]; there {
		if _, isObject := data.(fields); !isObject {
			return []string{"error.data is no object, which the PHP client cannot take"}
		}
	}
	return nil
}

// checkTimes finds times that are not in the wire's one form, also where the document only says
// string. Custom metadata belongs to the caller.
func checkTimes(at string, value any) []string {
	var problems []string
	switch v := value.(type) {
	case fields:
		for key, inner := range v {
			if strings.HasSuffix(key, "custom_metadata") {
				continue
			}
			if s, isText := inner.(string); isText && strings.HasSuffix(key, "_at") && !timestamp.MatchString(s) {
				problems = append(problems, fmt.Sprintf("%s/%s is %q", at, key, s))
			}
			problems = append(problems, checkTimes(at+"/"+key, inner)...)
		}
	case []any:
		for i, inner := range v {
			problems = append(problems, checkTimes(fmt.Sprintf("%s/%d", at, i), inner)...)
		}
	}
	slices.Sort(problems)
	return problems
}

// validate returns how a value departs from a schema, one line a departure.
func validate(schema *openapi3.Schema, value any) []string {
	return explain("", schema.VisitJSON(value, validators...))
}

// explain makes one line of each deviation. If a value matches no variant of a union, the
// validator says why for every variant; only the variants that the value claims to be are reported.
func explain(at string, err error) []string {
	if err == nil {
		return nil
	}
	var one *openapi3.SchemaError
	switch e := err.(type) { //nolint:errorlint // the errors are a tree, walked node by node
	case openapi3.MultiError:
		var lines []string
		for _, inner := range e {
			lines = append(lines, explain(at, inner)...)
		}
		return lines
	case *openapi3.SchemaError:
		one = e
	default:
		return []string{at + ": " + err.Error()}
	}
	if at += "/" + strings.Join(one.JSONPointer(), "/"); at == "/" {
		at = ""
	}
	if one.SchemaField == "oneOf" && !errors.Is(one, openapi3.ErrOneOfConflict) {
		for _, variant := range one.Schema.OneOf {
			if object, isObject := one.Value.(fields); isObject && claims(object, variant.Value) {
				if lines := explain(at, variant.Value.VisitJSON(object, validators...)); lines != nil {
					return lines
				}
			}
		}
	}
	return []string{at + ": " + one.Reason}
}

// claims reports whether an object has the constants by which a variant of a union is known.
func claims(object fields, variant *openapi3.Schema) bool {
	for key, property := range variant.Properties {
		if len(property.Value.Enum) == 1 && object[key] != property.Value.Enum[0] {
			return false
		}
	}
	return true
}
