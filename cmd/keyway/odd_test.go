package main

import (
	"maps"
	"strings"
	"testing"

	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/platform/store/storetest"
)

// endingVerbs are those of endpoints that end something, in the order in which they come last.
var endingVerbs = []string{"/delete", "/revoke", "/remove", "/disconnect", "/reset_sandbox"}

// ending returns which of the verbs an endpoint has; empty for none.
func ending(e *rpc.Endpoint) string {
	for _, verb := range endingVerbs {
		if strings.HasSuffix(e.Path, verb) {
			return verb
		}
	}
	return ""
}

// odd are values that are not what a parameter expects.
func odd() map[string]any {
	return map[string]any{
		"null": nil, "true": true, "zero": 0, "negative": -1, "fraction": 1.5, "huge": 1e300, "beyond 64 bits": 1e19, "nothing": "",
		"NUL":  "a\x00b",
		"long": strings.Repeat("é", 20_000), "percent": "%_\\'\"--", "far future": "9999-12-31T23:59:59.999Z", "far past": "0001-01-01T00:00:00Z",
		"beyond a year": "+12026-01-01T00:00:00Z", "no list": []any{}, "list": []any{nil, "a\x00b", 1}, "no object": fields{},
		"object": fields{"a\x00b": "c", "": "d", "_errors": 1}, "two times": []string{"1900-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z"},
		"list of lists": []any{[]any{}},
	}
}

// No value of any parameter is more than an endpoint can answer for. Endpoints are tried beside one another; those that
// end something come when the others are through.
func TestOddValues(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		own := w.part(t, w.here, "sam", "mine")
		own["common_code_key"] = "family"
		w.ok(t, w.here.key, "/access_codes/create", fields{"device_id": own["device_id"], "common_code_key": "family"})
		values := odd()
		for _, verb := range append([]string{""}, endingVerbs...) {
			t.Run("ending"+verb, func(t *testing.T) {
				for _, e := range w.rpc.Endpoints() {
					if e.Allow&rpc.APIKey == 0 || e.Streams() || ending(e) != verb {
						continue
					}
					t.Run(e.Path, func(t *testing.T) {
						t.Parallel()
						w.tryOdd(t, e, own, values)
					})
				}
			})
		}
	})
}

func (w *world) tryOdd(t *testing.T, e *rpc.Endpoint, own part, values map[string]any) {
	t.Helper()
	for _, p := range e.Parameters() {
		if strings.Contains(p.Name, ".") || p.Name == "is_suspended" { // which closes the workspace
			continue
		}
		for name, value := range values {
			body := maps.Clone(example(t, e, own))
			body[p.Name] = value
			if a := w.call(t, w.here.key, e.Path, body); a.status >= 500 {
				t.Errorf("%s with %s %s: %d %s", e.Path, p.Name, name, a.status, a.raw)
			}
		}
	}
}
