package conformance

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// groups are the parts of the contract that Keyway answers as a whole.
var groups = []string{"/access_codes/", "/action_attempts/", "/client_sessions/", "/connect_webviews/", "/connected_accounts/",
	"/devices/", "/events/", "/locks/", "/webhooks/", "/workspaces/"}

// leftOut are the paths in these groups that it does not.
const leftOut = "/workspaces/customization_profiles/"

// departures are the differences that are meant, each with its reason.
var departures = map[string]string{
	"/client_sessions/get_or_create: PUT":                      "older client libraries send it",
	"/connected_accounts/get: GET connected_account_id: extra": "the contract forgets the query of its GET",
	"/connected_accounts/get: GET email: extra":                "the contract forgets the query of its GET",
	"/events/get: the answer has no message":                   "it need not, and there is nothing to say",

	"/devices/report_provider_metadata: POST devices: omnitec_metadata: time_zone: any text": "held against the time zone database, which " +
		"is newer",
	"/devices/report_provider_metadata: POST devices: schlage_metadata: time_zone: any text":  "the same",
	"/devices/report_provider_metadata: POST devices: ultraloq_metadata: time_zone: any text": "the same",
}

// credentialsOf are the kinds of credentials of Keyway that each of the contract's stands for. Those
// that may only read have no way to be made.
var credentialsOf = map[string][]string{
	"api_key":                           {"api_key", "workspace_key"},
	"pat_with_workspace":                {"personal_access_token"},
	"pat_without_workspace":             {"personal_access_token"},
	"console_session_with_workspace":    {"console_session"},
	"console_session_without_workspace": {"console_session"},
	"client_session":                    {"client_session"},
	"client_session_with_customer":      {"client_session_with_customer"},
	"publishable_key":                   {"publishable_key"},
	"client_session_with_customer_ro":   nil,
	"support_read_only_token":           nil,
}

// The server's document says of each path of these groups what the contract says: the verbs, who may
// call it, the keys of the answer, and of each parameter that it is there, whether it must be given, and
// that it takes whatever the contract lets a client send.
func TestDocumentMatchesTheContract(t *testing.T) {
	t.Parallel()
	theirs, err := contract()
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.Get(start(t).URL + "/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if id := res.Header.Get("Seam-Request-Id"); !strings.HasPrefix(id, "request") {
		t.Errorf("the request id is %q", id)
	}
	ours, err := openapi3.NewLoader().LoadFromIoReader(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	compared := 0
	for path, item := range theirs.Paths.Map() {
		if !slices.ContainsFunc(groups, func(g string) bool { return strings.HasPrefix(path, g) }) || strings.HasPrefix(path, leftOut) {
			continue
		}
		own := ours.Paths.Value(path)
		if own == nil {
			found = append(found, path+": missing")
			continue
		}
		compared++
		for verb := range own.Operations() {
			if item.GetOperation(verb) == nil {
				found = append(found, path+": "+verb)
			}
		}
		for verb, operation := range item.Operations() {
			if mine := own.GetOperation(verb); mine == nil {
				found = append(found, path+": no "+verb)
			} else {
				for _, difference := range compareOperations(verb, operation, mine) {
					found = append(found, path+": "+difference)
				}
			}
		}
	}
	slices.Sort(found)
	found = slices.Compact(found)
	for _, difference := range found {
		if departures[difference] == "" {
			t.Error(difference)
		}
	}
	for difference := range departures {
		if !slices.Contains(found, difference) {
			t.Errorf("not so any more: %s", difference)
		}
	}
	if compared < 70 {
		t.Errorf("only %d paths were compared", compared)
	}
}

func compareOperations(verb string, theirs, ours *openapi3.Operation) (differences []string) {
	say := func(format string, a ...any) { differences = append(differences, fmt.Sprintf(format, a...)) }
	theirParams, ourParams := parametersOf(theirs), parametersOf(ours)
	for name, p := range theirParams {
		mine, there := ourParams[name]
		if !there {
			say("%s %s: missing", verb, name)
			continue
		}
		if mine.required != p.required {
			say("%s %s: required is %t", verb, name, mine.required)
		}
		for _, refusal := range narrower(p.schema, mine.schema) {
			say("%s %s: %s", verb, name, refusal)
		}
	}
	for name := range ourParams {
		if _, there := theirParams[name]; !there {
			say("%s %s: extra", verb, name)
		}
	}
	may, mine := map[string]bool{}, map[string]bool{}
	for _, alternative := range *theirs.Security {
		for scheme := range alternative {
			kinds, known := credentialsOf[scheme]
			if !known {
				say("the contract has a new credential, %s", scheme)
			}
			for _, kind := range kinds {
				may[kind] = true
			}
		}
	}
	for _, alternative := range *ours.Security {
		for kind := range alternative {
			if mine[kind] = kind != "seam_workspace"; mine[kind] && !may[kind] {
				say("takes %s", kind)
			}
		}
	}
	for kind := range may {
		if !mine[kind] {
			say("does not take %s", kind)
		}
	}
	answer := func(o *openapi3.Operation) openapi3.Schemas {
		if media := o.Responses.Status(http.StatusOK).Value.Content.Get("application/json"); media != nil {
			return media.Schema.Value.Properties
		}
		return nil
	}
	for key := range answer(theirs) {
		if answer(ours)[key] == nil {
			say("the answer has no %s", key)
		}
	}
	return differences
}

// parameter is one of an operation, in the query or in the body.
type parameter struct {
	schema   *openapi3.Schema
	required bool
}

func parametersOf(o *openapi3.Operation) map[string]parameter {
	out := map[string]parameter{}
	for _, p := range o.Parameters {
		out[p.Value.Name] = parameter{p.Value.Schema.Value, p.Value.Required}
	}
	if o.RequestBody != nil {
		gather(out, o.RequestBody.Value.Content.Get("application/json").Schema.Value, true)
	}
	return out
}

// gather collects the properties of a body. One that only some variants of the body have is not required.
func gather(out map[string]parameter, s *openapi3.Schema, always bool) {
	for name, p := range s.Properties {
		of := parameter{p.Value, always && slices.Contains(s.Required, name)}
		if before, there := out[name]; there && before.schema != of.schema {
			of.schema = &openapi3.Schema{AnyOf: openapi3.SchemaRefs{before.schema.NewRef(), of.schema.NewRef()}}
		}
		out[name] = of
	}
	for _, part := range s.AllOf {
		gather(out, part.Value, always)
	}
	for _, variant := range slices.Concat(s.OneOf, s.AnyOf) {
		gather(out, variant.Value, false)
	}
}

// narrower returns what one schema accepts and another does not: kinds of values, null, words of an enum.
// Bounds of size are each server's own.
func narrower(theirs, ours *openapi3.Schema) (out []string) {
	if variants := slices.Concat(theirs.OneOf, theirs.AnyOf, theirs.AllOf); variants != nil {
		for _, v := range variants {
			out = append(out, narrower(v.Value, ours)...)
		}
	}
	for _, kind := range theirs.Type.Slice() {
		if !ours.Type.IsEmpty() && !ours.Type.Includes(kind) && !(kind == "number" && ours.Type.Is("integer")) { // limits and offsets
			out = append(out, fmt.Sprintf("no %s", kind))
		}
	}
	if theirs.Nullable && !ours.Type.IsEmpty() && !ours.Nullable {
		out = append(out, "no null")
	}
	for _, word := range theirs.Enum {
		if ours.Enum != nil && word != nil && !slices.Contains(ours.Enum, word) {
			out = append(out, fmt.Sprintf("no %v", word))
		}
	}
	if theirs.Type.Is("string") && len(theirs.Enum) > 1 && ours.Enum == nil {
		out = append(out, "any text")
	}
	if theirs.Items != nil && ours.Items != nil {
		out = append(out, narrower(theirs.Items.Value, ours.Items.Value)...)
	}
	for name, p := range theirs.Properties {
		if mine := ours.Properties[name]; mine == nil {
			out = append(out, fmt.Sprintf("no %s", name))
		} else {
			for _, inner := range narrower(p.Value, mine.Value) {
				out = append(out, name+": "+inner)
			}
		}
	}
	return out
}
