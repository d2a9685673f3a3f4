package main

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/platform/store/storetest"
)

// ending tells the endpoints that end something, so that they come last.
func ending(e *rpc.Endpoint) string {
	for _, verb := range []string{"/delete", "/revoke", "/remove", "/disconnect", "/reset_sandbox"} {
		if strings.HasSuffix(e.Path, verb) {
			return verb
		}
	}
	return ""
}

// No value of any parameter is more than an endpoint can answer for.
func TestOddValues(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		own := w.part(t, w.here, "sam", "mine")
		own["common_code_key"] = "family"
		w.ok(t, w.here.key, "/access_codes/create", fields{"device_id": own["device_id"], "common_code_key": "family"})
		odd := map[string]any{
			"null": nil, "true": true, "negative": -1, "fraction": 1.5, "huge": 1e300, "beyond 64 bits": 1e19, "nothing": "", "NUL": "a\x00b", "long": strings.Repeat("é", 20_000),
			"percent": "%_\\'\"--", "far future": "9999-12-31T23:59:59.999Z", "far past": "0001-01-01T00:00:00Z", "beyond a year": "+12026-01-01T00:00:00Z", "no list": []any{}, "list": []any{nil, "a\x00b", 1}, "no object": fields{},
			"object": fields{"a\x00b": "c", "": "d"}, "two times": []string{"0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z"}, "list of lists": []any{[]any{}},
		}
		all := slices.DeleteFunc(slices.Clone(w.rpc.Endpoints()), func(e *rpc.Endpoint) bool { return e.Allow&rpc.APIKey == 0 || e.Streams() })
		slices.SortStableFunc(all, func(a, b *rpc.Endpoint) int { return strings.Compare(ending(a), ending(b)) })
		try := func(t *testing.T, e *rpc.Endpoint) {
			for _, p := range e.Parameters() {
				if strings.Contains(p.Name, ".") || p.Name == "is_suspended" { // which closes the workspace
					continue
				}
				for name, value := range odd {
					body := maps.Clone(example(t, e, own))
					body[p.Name] = value
					if a := w.call(t, w.here.key, e.Path, body); a.status >= 500 {
						t.Errorf("%s with %s %s: %d %s", e.Path, p.Name, name, a.status, a.raw)
					}
				}
			}
		}
		first := len(all)
		for first > 0 && ending(all[first-1]) != "" {
			first--
		}
		t.Run("together", func(t *testing.T) {
			for _, e := range all[:first] {
				t.Run(strings.ReplaceAll(e.Path[1:], "/", " "), func(t *testing.T) {
					t.Parallel()
					try(t, e)
				})
			}
		})
		for _, e := range all[first:] {
			try(t, e)
		}
	})
}
