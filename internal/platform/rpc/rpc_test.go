package rpc_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
)

// door admits anyone who says "open".
type door struct{}

func (door) Authenticate(ctx context.Context, r *http.Request, _ *rpc.Endpoint) (context.Context, rpc.Caller, error) {
	if r.Header.Get("Authorization") != "open" {
		return ctx, rpc.Caller{}, fault.New(fault.Unauthorized, "Closed")
	}
	return ctx, rpc.Caller{WorkspaceID: "w", CredentialID: "c"}, nil
}

type server struct {
	*rpc.Server
	log     *bytes.Buffer
	metrics *prometheus.Registry
}

func setup(t testing.TB, rows ...rpc.Endpoint) server {
	t.Helper()
	s := server{log: new(bytes.Buffer), metrics: prometheus.NewRegistry()}
	var err error
	s.Server, err = rpc.New(config(s), rows)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func config(s server) rpc.Config {
	return rpc.Config{
		Authenticator: door{}, Log: slog.New(slog.NewJSONHandler(s.log, nil)), Metrics: s.metrics, PublicURL: "https://keyway.test",
		Unavailable: func(err error) bool { return errors.Is(err, errFull) },
		Client:      func(*http.Request) string { return "192.0.2.1" },
	}
}

var errFull = errors.New("disk full")

type request struct {
	method, target, body string
	header               map[string]string
}

func (s server) do(r request) *httptest.ResponseRecorder {
	if r.method == "" {
		r.method = "POST"
	}
	req := httptest.NewRequest(r.method, r.target, strings.NewReader(r.body))
	req.Header.Set("Authorization", "open")
	for k, v := range r.header {
		req.Header.Set(k, v)
	}
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, req)
	return rec
}

// body is the answer's JSON, with the status in it.
func body(t testing.TB, rec *httptest.ResponseRecorder) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(rec.Body.Bytes(), &m); err != nil {
		t.Fatalf("%d %q: %v", rec.Code, rec.Body, err)
	}
	if ct := rec.Header().Get("Content-Type"); !strings.HasPrefix(ct, "application/json") {
		t.Errorf("content type %q", ct)
	}
	return m
}

func errorOf(t testing.TB, rec *httptest.ResponseRecorder) (code, message string, issues any) {
	t.Helper()
	m := body(t, rec)
	e, _ := m["error"].(map[string]any)
	if e == nil || m["ok"] != false {
		t.Fatalf("not an error: %d %s", rec.Code, rec.Body)
	}
	return e["type"].(string), e["message"].(string), e["validation_errors"]
}

type colour string

func (colour) Enum() []string { return []string{"red", "blue"} }

type inner struct {
	Size   float64  `json:"size" rule:"required"`
	Labels []string `json:"labels" rule:"default=[]"`
}

type input struct {
	ID       string             `json:"id"`
	IDs      rpc.Opt[[]string]  `json:"ids" rule:"max=3"`
	Name     rpc.Opt[string]    `json:"name" rule:"nullable,max=5"`
	On       rpc.Opt[bool]      `json:"on"`
	Count    rpc.Opt[int]       `json:"count" rule:"min=1,max=10"`
	Colour   rpc.Opt[colour]    `json:"colour"`
	Colours  []colour           `json:"colours" rule:"default=[]"`
	Shape    string             `json:"shape" enum:"round square"`
	At       rpc.Opt[time.Time] `json:"at"`
	Inner    *inner             `json:"inner"`
	Metadata map[string]any     `json:"metadata" rule:"default={}"`
	Numbers  map[string]float64 `json:"numbers" rule:"default={}"`
}

// seen serves what was decoded as the answer.
func seen(in func(input)) rpc.Endpoint {
	return rpc.Endpoint{Path: "/things/list", Summary: "s", Allow: rpc.APIKey, Read: true,
		Handle: rpc.Func(func(_ context.Context, i input) (rpc.OK, error) {
			in(i)
			return rpc.OK{}, nil
		})}
}

func ok(context.Context, rpc.None) (rpc.OK, error) { return rpc.OK{}, nil }

func TestTableIsChecked(t *testing.T) {
	t.Parallel()
	handle := rpc.Func(ok)
	good := rpc.Endpoint{Path: "/things/get", Summary: "s", Allow: rpc.Backend, Role: rpc.Member, Handle: handle}
	with := func(change func(*rpc.Endpoint)) []rpc.Endpoint {
		e := good
		change(&e)
		return []rpc.Endpoint{e}
	}
	type deep struct {
		List []inner `json:"list"`
	}
	type deeper struct {
		Map map[string]inner `json:"map"`
	}
	for name, tt := range map[string]struct {
		rows []rpc.Endpoint
		want string
	}{
		"good":             {[]rpc.Endpoint{good}, ""},
		"equal paths":      {[]rpc.Endpoint{good, good}, "two rows"},
		"no slash":         {with(func(e *rpc.Endpoint) { e.Path = "things" }), "not a path"},
		"slash at the end": {with(func(e *rpc.Endpoint) { e.Path = "/things/" }), "not a path"},
		"empty policy":     {with(func(e *rpc.Endpoint) { e.Allow = 0 }), "nobody may call it"},
		"public and more":  {with(func(e *rpc.Endpoint) { e.Allow |= rpc.Public }), "public"},
		"no role":          {with(func(e *rpc.Endpoint) { e.Role = rpc.NoRole }), "no role"},
		"no summary":       {with(func(e *rpc.Endpoint) { e.Summary = "" }), "no summary"},
		"no handler":       {with(func(e *rpc.Endpoint) { e.Handle = rpc.Handler{} }), "no handler"},
		"no group":         {with(func(e *rpc.Endpoint) { e.Path = "/keyway/v1" }), "no group"},
		"read with verbs":  {with(func(e *rpc.Endpoint) { e.Read, e.Verbs = true, "PATCH" }), "GET and POST"},
		"unknown verb":     {with(func(e *rpc.Endpoint) { e.Verbs = "PATCH FETCH" }), "semantic verbs"},
		"cached write":     {with(func(e *rpc.Endpoint) { e.Cache = true }), "only a read"},
		"result, no key": {with(func(e *rpc.Endpoint) {
			e.Handle = rpc.Func(func(context.Context, rpc.None) (string, error) { return "", nil })
		}), "no key"},
		"unreadable GET": {with(func(e *rpc.Endpoint) {
			e.Read, e.Handle = true, rpc.Func(func(context.Context, deep) (rpc.OK, error) { return rpc.OK{}, nil })
		}), "cannot be sent in a query"},
		"unreadable DELETE": {with(func(e *rpc.Endpoint) {
			e.Verbs, e.Handle = "DELETE", rpc.Func(func(context.Context, deeper) (rpc.OK, error) { return rpc.OK{}, nil })
		}), "cannot be sent in a query"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := rpc.New(config(server{log: new(bytes.Buffer), metrics: prometheus.NewRegistry()}), tt.rows)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

func TestUnknownRulePanics(t *testing.T) {
	t.Parallel()
	type misspelt struct {
		ID string `json:"id" rule:"requird"`
	}
	defer func() {
		if recover() == nil {
			t.Error("a misspelt rule was taken")
		}
	}()
	rpc.Func(func(context.Context, misspelt) (rpc.OK, error) { return rpc.OK{}, nil })
}

func TestBodies(t *testing.T) {
	t.Parallel()
	strs := func(s ...string) rpc.Opt[[]string] {
		if s == nil {
			s = []string{}
		}
		return rpc.Opt[[]string]{Set: true, Value: s}
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC)
	for name, tt := range map[string]struct {
		request
		want input
	}{
		"no body":                       {request{}, input{}},
		"empty body of a form":          {request{header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}}, input{}},
		"null as the body":              {request{body: " null\n"}, input{}},
		"{}":                            {request{body: "{}"}, input{}},
		"GET without body":              {request{method: "GET"}, input{}},
		"GET with a content type":       {request{method: "GET", header: map[string]string{"Content-Type": "application/json"}}, input{}},
		"GET with a JSON body":          {request{method: "GET", body: `{"id":"a"}`}, input{ID: "a"}},
		"_strict alone":                 {request{method: "GET", target: "?_strict=true"}, input{}},
		"query of a POST means nothing": {request{target: "?id=x", body: `{"ids":["a"]}`}, input{IDs: strs("a")}},
		"repeated keys":                 {request{method: "GET", target: "?ids=a&ids=b&_strict=true"}, input{IDs: strs("a", "b")}},
		"one key":                       {request{method: "GET", target: "?ids=a"}, input{IDs: strs("a")}},
		"empty array":                   {request{method: "GET", target: "?ids=&_strict=true"}, input{IDs: strs()}},
		"comma list":                    {request{method: "GET", target: "?ids=a,b"}, input{IDs: strs("a", "b")}},
		"brackets":                      {request{method: "GET", target: "?ids[]=a&ids%5B%5D=b"}, input{IDs: strs("a", "b")}},
		"array of enum":                 {request{method: "GET", target: "?colours=red,blue"}, input{Colours: []colour{"red", "blue"}}},
		"dots": {request{method: "GET", target: "?inner.size=1.5&inner.labels=x"},
			input{Inner: &inner{1.5, []string{"x"}}}},
		"dots of a map": {request{method: "GET", target: "?metadata.a=b&metadata.c.d=true&numbers.n=2"},
			input{Metadata: map[string]any{"a": "b", "c.d": true}, Numbers: map[string]float64{"n": 2}}},
		"empty value is null": {request{method: "GET", target: "?name="}, input{Name: rpc.Opt[string]{Set: true, Null: true}}},
		"null":                {request{body: `{"name":null}`}, input{Name: rpc.Opt[string]{Set: true, Null: true}}},
		"value":               {request{body: `{"name":"é̀"}`}, input{Name: rpc.Opt[string]{Set: true, Value: "é̀"}}},
		"scalars of a query": {request{method: "GET", target: "?on=false&count=3&at=2026-01-02T03:04:05.006Z&colour=blue&shape=round"},
			input{On: rpc.Opt[bool]{Set: true}, Count: rpc.Opt[int]{Set: true, Value: 3}, At: rpc.Opt[time.Time]{Set: true, Value: at},
				Colour: rpc.Opt[colour]{Set: true, Value: "blue"}, Shape: "round"}},
		"scalars of a body": {request{body: `{"on":true,"count":3.0,"at":"2026-01-02T04:04:05.006+01:00","colour":"blue"}`},
			input{On: rpc.Opt[bool]{Set: true, Value: true}, Count: rpc.Opt[int]{Set: true, Value: 3}, At: rpc.Opt[time.Time]{Set: true, Value: at},
				Colour: rpc.Opt[colour]{Set: true, Value: "blue"}}},
		"a space for the T of a time": {request{body: `{"at":"2026-01-02 04:04:05.006+01:00"}`},
			input{At: rpc.Opt[time.Time]{Set: true, Value: at}}},
		"nested": {request{body: `{"inner":{"size":2,"labels":[]},"metadata":{"k":null,"l":[1]},"numbers":{}}`},
			input{Inner: &inner{2, []string{}}, Metadata: map[string]any{"k": nil, "l": []any{json.Number("1")}}, Numbers: map[string]float64{}}},
		"unknown parameters": {request{body: `{"id":"a","what":1}`}, input{ID: "a"}},
		"unknown parameters of a query": {request{method: "GET", target: "?id=a&what=1&inner.what=2&inner.size=1"},
			input{ID: "a", Inner: &inner{Size: 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got *input
			tt.request.target = "/things/list" + tt.request.target
			rec := setup(t, seen(func(i input) { got = &i })).do(tt.request)
			if rec.Code != 200 || rec.Body.String() != `{"ok":true}` {
				t.Fatalf("%d %s", rec.Code, rec.Body)
			}
			if diff := cmp.Diff(tt.want, *got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestUnknownParametersAreCounted(t *testing.T) {
	t.Parallel()
	s := setup(t, seen(func(input) {}))
	s.do(request{target: "/things/list", body: `{"what":1,"else":2,"id":"a"}`})
	s.do(request{method: "GET", target: "/things/list?what=1&_strict=true"})
	if n := s.counted(t, "keyway_unknown_parameters_total"); n != 3 {
		t.Errorf("counted %v", n)
	}
}

// counted is the sum of a metric's counters.
func (s server) counted(t testing.TB, name string) (sum float64) {
	t.Helper()
	families, err := s.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			for _, m := range f.GetMetric() {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}

func TestValidation(t *testing.T) {
	t.Parallel()
	type required struct {
		DeviceID string   `json:"device_id" rule:"required"`
		IDs      []string `json:"device_ids" rule:"default=[]"`
		Limit    int      `json:"limit" rule:"min=1,max=500"`
		Kind     string   `json:"kind" enum:"a b"`
		Inner    *inner   `json:"inner"`
		Name     *string  `json:"name" rule:"min=1,max=3"`
		At       *time.Time
		When     *time.Time         `json:"when"`
		Map      map[string]float64 `json:"map" rule:"default={}"`
	}
	s := setup(t, rpc.Endpoint{Path: "/x/get", Summary: "s", Allow: rpc.APIKey, Read: true,
		Handle: rpc.Func(func(context.Context, required) (rpc.OK, error) {
			return rpc.OK{}, nil
		})})
	errs := func(message ...any) map[string]any { return map[string]any{"_errors": message} }
	none := func(more map[string]any) map[string]any { more["_errors"] = []any{}; return more }
	for name, tt := range map[string]struct {
		request
		message string
		issues  map[string]any
	}{
		"missing": {request{body: `{}`}, "device_id is required", none(map[string]any{"device_id": errs("Required")})},
		"missing, GET": {request{method: "GET", target: "?_strict=true"}, "device_id is required",
			none(map[string]any{"device_id": errs("Required")})},
		"number": {request{body: `{"device_id":5}`}, `Expected string, received number for "device_id"`,
			none(map[string]any{"device_id": errs("Expected string, received number")})},
		"null": {request{body: `{"device_id":null}`}, `Expected string, received null for "device_id"`,
			none(map[string]any{"device_id": errs("Expected string, received null")})},
		"all at once": {request{body: `{"device_id":"d","device_ids":5,"limit":"x"}`},
			`2 Input Errors: Expected array, received number for "device_ids", Expected number, received string for "limit"`,
			none(map[string]any{"device_ids": errs("Expected array, received number"), "limit": errs("Expected number, received string")})},
		"not a number in a query": {request{method: "GET", target: "?device_id=d&limit=x"}, `Expected number, received nan for "limit"`,
			none(map[string]any{"limit": errs("Expected number, received nan")})},
		"infinite": {request{method: "GET", target: "?device_id=d&limit=Inf"}, `Expected number, received nan for "limit"`,
			none(map[string]any{"limit": errs("Expected number, received nan")})},
		"fraction": {request{body: `{"device_id":"d","limit":1.5}`}, `Expected integer, received float for "limit"`,
			none(map[string]any{"limit": errs("Expected integer, received float")})},
		"too small": {request{body: `{"device_id":"d","limit":0}`}, `Number must be greater than or equal to 1 for "limit"`,
			none(map[string]any{"limit": errs("Number must be greater than or equal to 1")})},
		"too large": {request{body: `{"device_id":"d","limit":501}`}, `Number must be less than or equal to 500 for "limit"`,
			none(map[string]any{"limit": errs("Number must be less than or equal to 500")})},
		"enum": {request{body: `{"device_id":"d","kind":"c"}`}, `Invalid enum value. Expected 'a' | 'b', received 'c' for "kind"`,
			none(map[string]any{"kind": errs("Invalid enum value. Expected 'a' | 'b', received 'c'")})},
		// A kind of fault: a name that shows nothing is taken for a name. It applies to every parameter called name.
		"a name that shows nothing": {request{body: "{\"device_id\":\"d\",\"name\":\"\u200b\u2060\"}"},
			`String must contain at least 1 visible character(s) for "name"`,
			none(map[string]any{"name": errs("String must contain at least 1 visible character(s)")})},
		"length": {request{body: `{"device_id":"d","name":"abcd"}`}, `String must contain at most 3 character(s) for "name"`,
			none(map[string]any{"name": errs("String must contain at most 3 character(s)")})},
		"time": {request{body: `{"device_id":"d","when":"soon"}`}, "Invalid datetime. Expected ISO 8601: " + rpc.TimeForms + ` for "when"`,
			none(map[string]any{"when": errs("Invalid datetime. Expected ISO 8601: " + rpc.TimeForms)})},
		"nested": {request{body: `{"device_id":"d","inner":{"labels":[1]},"map":{"k":"v"}}`},
			`3 Input Errors: inner.size is required, Expected string, received number for "inner.labels.0", ` +
				`Expected number, received string for "map.k"`,
			none(map[string]any{
				"inner": map[string]any{"_errors": []any{}, "size": errs("Required"),
					"labels": map[string]any{"_errors": []any{}, "0": errs("Expected string, received number")}},
				"map": map[string]any{"_errors": []any{}, "k": errs("Expected number, received string")},
			})},
		"array as the body": {request{body: `[]`}, "Expected object, received array", errs("Expected object, received array")},
		"repeated single parameter": {request{method: "GET", target: "?device_id=a&device_id=b"},
			`Expected string, received array for "device_id"`, none(map[string]any{"device_id": errs("Expected string, received array")})},
		"text for an object": {request{method: "GET", target: "?device_id=a&map=x"}, `Expected object, received string for "map"`,
			none(map[string]any{"map": errs("Expected object, received string")})},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.request.target = "/x/get" + tt.request.target
			rec := s.do(tt.request)
			code, message, issues := errorOf(t, rec)
			if rec.Code != 400 || code != "invalid_input" || message != tt.message {
				t.Errorf("%d %s %q, want %q", rec.Code, code, message, tt.message)
			}
			if diff := cmp.Diff(any(tt.issues), issues); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	s := setup(t, seen(func(input) {}),
		rpc.Endpoint{Path: "/x/update", Summary: "s", Allow: rpc.APIKey, Verbs: "PUT PATCH", Handle: rpc.Func(ok)})
	stranger := map[string]string{"Authorization": ""}
	for name, tt := range map[string]struct {
		request
		status int
		code   string
		allow  string
	}{
		"unknown path":               {request{target: "/nothing/here"}, 404, "not_found", ""},
		"unknown path of a stranger": {request{target: "/nothing/here", header: stranger}, 404, "not_found", ""},
		"wrong verb":                 {request{method: "PATCH", target: "/things/list"}, 405, "method_not_allowed", "GET, POST"},
		"wrong verb of a write":      {request{method: "GET", target: "/x/update"}, 405, "method_not_allowed", "POST, PUT, PATCH"},
		"wrong verb before credential": {request{method: "DELETE", target: "/x/update", header: stranger}, 405, "method_not_allowed",
			"POST, PUT, PATCH"},
		"credential before malformed":  {request{target: "/things/list", body: "{", header: stranger}, 401, "unauthorized", ""},
		"credential before validation": {request{target: "/things/list", body: `{"id":1}`, header: stranger}, 401, "unauthorized", ""},
		"credential before too large": {request{target: "/things/list", body: strings.Repeat(" ", 1<<20+1), header: stranger}, 401,
			"unauthorized", ""},
		"too large":          {request{target: "/things/list", body: `"` + strings.Repeat("x", 1<<20) + `"`}, 413, "payload_too_large", ""},
		"malformed":          {request{target: "/things/list", body: `{"id":`}, 400, "invalid_request", ""},
		"not JSON":           {request{target: "/things/list", body: `id=x`}, 400, "invalid_request", ""},
		"two documents":      {request{target: "/things/list", body: `{} {}`}, 400, "invalid_request", ""},
		"a bracket too many": {request{target: "/things/list", body: `{}}`}, 400, "invalid_request", ""},
		"malformed query":    {request{method: "GET", target: "/things/list?id=%zz"}, 400, "invalid_request", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rec := s.do(tt.request)
			code, _, _ := errorOf(t, rec)
			if rec.Code != tt.status || code != tt.code || rec.Header().Get("Allow") != tt.allow {
				t.Errorf("%d %s, Allow %q", rec.Code, code, rec.Header().Get("Allow"))
			}
			if id := rec.Header().Get("Seam-Request-Id"); !strings.HasPrefix(id, "request") || len(id) < 20 {
				t.Errorf("request id %q", id)
			}
		})
	}
	if rec := s.do(request{target: "/things/list", body: `"` + strings.Repeat("x", 1<<20-2) + `"`}); rec.Code != 400 {
		t.Errorf("a body of just the limit: %d", rec.Code)
	}
}

// A request that fails after it has changed something is answered neither with a status that clients repeat
// nor with one that says that nothing happened.
func TestFailureAfterAChange(t *testing.T) {
	t.Parallel()
	type key struct{}
	s := server{log: new(bytes.Buffer), metrics: prometheus.NewRegistry()}
	c := config(s)
	c.Track = func(ctx context.Context) (context.Context, func() bool) {
		changed := new(bool)
		return context.WithValue(ctx, key{}, changed), func() bool { return *changed }
	}
	row := func(path string, read, change bool, fail func() error) rpc.Endpoint {
		return rpc.Endpoint{Path: path, Summary: "s", Allow: rpc.APIKey, Read: read,
			Handle: rpc.Func(func(ctx context.Context, _ rpc.None) (rpc.OK, error) {
				if p, ok := ctx.Value(key{}).(*bool); ok && change {
					*p = true
				}
				return rpc.OK{}, fail()
			})}
	}
	full := func() error { return errFull }
	var err error
	s.Server, err = rpc.New(c, []rpc.Endpoint{
		row("/x/full", false, true, full), row("/x/nothing", false, false, full), row("/x/panic", false, true, func() error { panic("x") }),
		row("/x/cancelled", false, true, func() error { return context.Canceled }),
		row("/x/unavailable", false, true, func() error { return fault.New(fault.Unavailable, "x") }),
		row("/x/refused", false, true, func() error { return fault.New(fault.TooManyRequests, "x") }),
		row("/x/fine", false, true, func() error { return nil }),
	})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{"/x/full": 424, "/x/nothing": 503, "/x/panic": 424, "/x/cancelled": 424, "/x/unavailable": 424,
		"/x/refused": 424, "/x/fine": 200} {
		rec := s.do(request{target: path})
		if rec.Code != want {
			t.Errorf("%s: %d %s", path, rec.Code, rec.Body)
		}
		if retry := rec.Header().Get("Retry-After"); (retry != "") != (want == 503) {
			t.Errorf("%s: Retry-After %q with %d", path, retry, want)
		}
	}
}

func TestBugsAndOutages(t *testing.T) {
	t.Parallel()
	s := setup(t,
		rpc.Endpoint{Path: "/x/panic", Summary: "s", Allow: rpc.APIKey, Handle: rpc.Func(func(context.Context, rpc.None) (rpc.OK, error) {
			panic("hunter2")
		})},
		rpc.Endpoint{Path: "/x/error", Summary: "s", Allow: rpc.APIKey, Handle: rpc.Func(func(context.Context, rpc.None) (rpc.OK, error) {
			return rpc.OK{}, errors.New("hunter2")
		})},
		rpc.Endpoint{Path: "/x/full", Summary: "s", Allow: rpc.APIKey, Handle: rpc.Func(func(context.Context, rpc.None) (rpc.OK, error) {
			return rpc.OK{}, fmt.Errorf("hunter2: %w", errFull)
		})})
	for path, want := range map[string]struct {
		status int
		code   string
	}{"/x/panic": {500, "internal_error"}, "/x/error": {500, "internal_error"}, "/x/full": {503, "service_unavailable"}} {
		s.log.Reset()
		rec := s.do(request{target: path})
		code, message, _ := errorOf(t, rec)
		id := rec.Header().Get("Seam-Request-Id")
		if rec.Code != want.status || code != want.code || !strings.Contains(message, id) {
			t.Errorf("%s: %d %s", path, rec.Code, rec.Body)
		}
		if strings.Contains(rec.Body.String(), "hunter2") || strings.Contains(rec.Body.String(), ".go") {
			t.Errorf("%s: the inside reached the client: %s", path, rec.Body)
		}
		var errorLines int
		for line := range strings.Lines(s.log.String()) {
			if strings.Contains(line, `"level":"ERROR"`) {
				errorLines++
				if !strings.Contains(line, "hunter2") || !strings.Contains(line, id) {
					t.Errorf("%s: %s", path, line)
				}
			}
		}
		if errorLines != 1 {
			t.Errorf("%s: %d error lines:\n%s", path, errorLines, s.log)
		}
	}
	if n := s.counted(t, "keyway_panics_total"); n != 1 {
		t.Errorf("counted %v panics", n)
	}
}

// One line a request; nothing that a client put into an unknown path, a query or a header is in it.
func TestRequestLog(t *testing.T) {
	t.Parallel()
	s := setup(t, seen(func(input) {}))
	s.do(request{method: "GET", target: "/things/list?id=canary", header: map[string]string{"Seam-Api-Key": "canary"}})
	s.do(request{method: "GET", target: "/canary"})
	if n := strings.Count(s.log.String(), "\n"); n != 2 || strings.Contains(s.log.String(), "canary") {
		t.Errorf("%d lines:\n%s", n, s.log)
	}
	var line map[string]any
	if err := json.Unmarshal([]byte(strings.SplitAfter(s.log.String(), "\n")[0]), &line); err != nil {
		t.Fatal(err)
	}
	for k, v := range map[string]any{"path": "/things/list", "status": 200.0, "workspace_id": "w", "credential_id": "c",
		"address": "192.0.2.1"} {
		if line[k] != v {
			t.Errorf("%s is %v", k, line[k])
		}
	}
}

func TestCORS(t *testing.T) {
	t.Parallel()
	s := setup(t, seen(func(input) {}))
	origin := map[string]string{"Origin": "https://page.example", "Authorization": ""}
	rec := s.do(request{method: "OPTIONS", target: "/things/list", header: origin})
	h := rec.Header()
	if rec.Code != 204 || h.Get("Access-Control-Allow-Origin") != "https://page.example" ||
		h.Get("Access-Control-Allow-Credentials") != "true" || h.Get("Vary") != "Origin" {
		t.Errorf("preflight: %d %v", rec.Code, h)
	}
	for _, name := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
		if !strings.Contains(h.Get("Access-Control-Allow-Methods"), name) {
			t.Errorf("%s is not allowed", name)
		}
	}
	for _, name := range []string{"authorization", "seam-workspace", "seam-publishable-key", "client-session-token",
		"seam-client-session-token", "seam-api-key", "seam-user-identifier-key", "seam-sdk-name", "seam-sdk-version", "seam-lts-version",
		"content-type", "last-event-id"} {
		if !slices.Contains(strings.Split(strings.ToLower(h.Get("Access-Control-Allow-Headers")), ", "), name) {
			t.Errorf("%s is not allowed", name)
		}
	}
	if rec = s.do(request{target: "/things/list", header: origin}); rec.Code != 401 ||
		rec.Header().Get("Access-Control-Allow-Origin") != "https://page.example" ||
		!strings.Contains(rec.Header().Get("Access-Control-Expose-Headers"), "Seam-Request-Id") {
		t.Errorf("a refusal must be readable: %d %v", rec.Code, rec.Header())
	}
	rec = s.do(request{target: "/things/list"})
	if rec.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Error("no page asked")
	}
	if got := rec.Header().Get("Cache-Control"); rec.Code != 200 || got != "no-store" {
		t.Errorf("an answer that caches may keep: %d, %q", rec.Code, got)
	}
}

type thing struct {
	ID string `json:"thing_id"`
}

type row int

func (r row) Page() (doc []byte, createdAt int64, id string) {
	return fmt.Appendf(nil, `{"thing_id":"t%02d"}`, int(r)), int64(r) / 3, fmt.Sprintf("t%02d", int(r)) // three share each time
}

type pageInput struct {
	rpc.PageInput
	IDs  rpc.Opt[[]string] `json:"ids"`
	Has  map[string]any    `json:"has" rule:"default={}"`
	Kind string            `json:"kind"`
}

// pages serves thirty rows.
func pages(t testing.TB) server {
	return setup(t, rpc.Endpoint{Path: "/things/list", Summary: "s", Allow: rpc.APIKey, Read: true, Returns: "things",
		PageSize: 20, Handle: rpc.Func(func(ctx context.Context, in pageInput) (p rpc.Page[thing], err error) {
			from, limit, err := in.Start(ctx)
			if err != nil {
				return p, err
			}
			var rows []row
			for i := range row(30) {
				_, at, id := i.Page()
				if at > from.CreatedAt || at == from.CreatedAt && id > from.ID {
					rows = append(rows, i)
				}
			}
			return rpc.PageOf[thing](rows[:min(len(rows), limit+1)], limit, store.Position{}), nil
		})})
}

type pageAnswer struct {
	Things     []thing `json:"things"`
	Pagination struct {
		Cursor *string `json:"next_page_cursor"`
		More   bool    `json:"has_next_page"`
		URL    *string `json:"next_page_url"`
	} `json:"pagination"`
}

func (s server) page(t testing.TB, r request) (a pageAnswer) {
	t.Helper()
	rec := s.do(r)
	if rec.Code != 200 {
		t.Fatalf("%s %s: %d %s", r.target, r.body, rec.Code, rec.Body)
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &a); err != nil {
		t.Fatal(err)
	}
	return a
}

func TestPagination(t *testing.T) {
	t.Parallel()
	s := pages(t)
	const params = `"limit":7,"ids":["b","a"],"has":{"k":true,"l":"v"},"kind":"x"`
	next := map[string]func(a pageAnswer) request{
		"by body": func(a pageAnswer) request {
			return request{target: "/things/list", body: `{"page_cursor":"` + *a.Pagination.Cursor + `",` + params + `}`}
		},
		"by query": func(a pageAnswer) request {
			return request{method: "GET", target: "/things/list?has.k=true&has.l=v&ids=b&ids=a&kind=x&limit=7&page_cursor=" + *a.Pagination.Cursor +
				"&_strict=true"}
		},
		"by next_page_url": func(a pageAnswer) request {
			return request{method: "GET", target: strings.TrimPrefix(*a.Pagination.URL, "https://keyway.test")}
		},
	}
	for name, following := range next {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := s.page(t, request{target: "/things/list", body: "{" + params + "}"})
			got := a.Things
			for a.Pagination.More {
				if len(a.Things) != 7 {
					t.Fatalf("%d on a page", len(a.Things))
				}
				a = s.page(t, following(a))
				got = append(got, a.Things...)
			}
			if a.Pagination.Cursor != nil || a.Pagination.URL != nil {
				t.Error("the last page leads on")
			}
			for i, th := range got {
				if th.ID != fmt.Sprintf("t%02d", i) {
					t.Fatalf("place %d has %s", i, th.ID)
				}
			}
			if len(got) != 30 {
				t.Errorf("%d of 30", len(got))
			}
		})
	}
	first := s.page(t, request{method: "GET", target: "/things/list"})
	if len(first.Things) != 20 {
		t.Errorf("the most are 20, not %d", len(first.Things))
	}
	cursor := *first.Pagination.Cursor
	for _, r := range []request{
		{method: "GET", target: "/things/list?limit=7&page_cursor=" + cursor},
		{target: "/things/list", body: `{"kind":"x","page_cursor":"` + cursor + `"}`},
	} {
		rec := s.do(r)
		if code, message, _ := errorOf(t, rec); rec.Code != 400 || code != "mismatched_page_parameters" ||
			!strings.Contains(message, "parameters identical to the initial request") {
			t.Errorf("%d %s", rec.Code, rec.Body)
		}
	}
	for _, bad := range []string{"x", "e30", cursor + "x", "%00"} {
		rec := s.do(request{method: "GET", target: "/things/list?page_cursor=" + bad})
		if code, _, issues := errorOf(t, rec); code != "invalid_input" || issues.(map[string]any)["page_cursor"] == nil {
			t.Errorf("cursor %q: %s", bad, rec.Body)
		}
	}
	if a := s.page(t, request{target: "/things/list", body: `{"page_cursor":null}`}); len(a.Things) != 20 {
		t.Error("a null cursor is the beginning")
	}
	// A POST's query is not read, so it is no parameter of the page either.
	if a := s.page(t, request{target: "/things/list?kind=x&secret=y"}); *a.Pagination.Cursor != cursor ||
		strings.Contains(*a.Pagination.URL, "secret") {
		t.Errorf("next_page_url %s", *a.Pagination.URL)
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	type fields struct {
		rpc.Fields
		Message string   `json:"msg"`
		At      rpc.Time `json:"at"`
		Never   rpc.Time `json:"never"`
	}
	at := rpc.Time{Time: time.Date(2026, 1, 2, 3, 4, 5, 987654321, time.FixedZone("", 3600))}
	s := setup(t,
		rpc.Endpoint{Path: "/x/twin", Summary: "s", Allow: rpc.APIKey, Returns: "new", Twin: "old",
			Handle: rpc.Func(func(context.Context, rpc.None) (rpc.Doc[thing], error) {
				return rpc.Doc[thing](`{"a":"<&>"}`), nil
			})},
		rpc.Endpoint{Path: "/x/none", Summary: "s", Allow: rpc.APIKey, Returns: "things",
			Handle: rpc.Func(func(context.Context, rpc.None) ([]thing, error) {
				return nil, nil
			})},
		rpc.Endpoint{Path: "/x/fields", Summary: "s", Allow: rpc.Public, Handle: rpc.Func(func(context.Context, rpc.None) (fields, error) {
			return fields{Message: "<hi>", At: at}, nil
		})})
	if got := s.do(request{target: "/x/twin"}).Body.String(); got != `{"new":{"a":"<&>"},"old":{"a":"<&>"},"ok":true}` {
		t.Error(got)
	}
	if got := s.do(request{target: "/x/none"}).Body.String(); got != `{"things":[],"ok":true}` {
		t.Error(got)
	}
	got := s.do(request{target: "/x/fields", header: map[string]string{"Authorization": ""}}).Body.String()
	if got != `{"msg":"<hi>","at":"2026-01-02T02:04:05.987Z","never":null,"ok":true}` {
		t.Error(got)
	}
}

func TestAnErrorWithRetryAfter(t *testing.T) {
	t.Parallel()
	s := setup(t, rpc.Endpoint{Path: "/x/slow", Summary: "s", Allow: rpc.Public,
		Handle: rpc.Func(func(context.Context, rpc.None) (rpc.OK, error) {
			err := fault.New(fault.TooManyRequests, "slow down")
			err.Data = map[string]any{"retry_after": 7}
			return rpc.OK{}, err
		})})
	if rec := s.do(request{target: "/x/slow"}); rec.Code != 429 || rec.Header().Get("Retry-After") != "7" {
		t.Errorf("%d %v", rec.Code, rec.Header())
	}
}

// generations lets everybody in, at the generation of now.
type generations struct {
	mu *sync.Mutex
	n  *uint64
}

func (g generations) Authenticate(ctx context.Context, r *http.Request, _ *rpc.Endpoint) (context.Context, rpc.Caller, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return ctx, rpc.Caller{WorkspaceID: r.Header.Get("Seam-Workspace"), View: r.Header.Get("View"), Generation: *g.n, Known: true}, nil
}

func TestCacheKey(t *testing.T) {
	t.Parallel()
	var n uint64
	calls := map[string]int{}
	c := config(server{log: new(bytes.Buffer), metrics: prometheus.NewRegistry()})
	c.Authenticator, c.CacheBytes = generations{new(sync.Mutex), &n}, 1<<20
	handle := func(name string, fail bool) rpc.Handler {
		return rpc.Func(func(context.Context, input) (rpc.OK, error) {
			if calls[name]++; fail {
				return rpc.OK{}, fault.Missing(fault.DeviceNotFound)
			}
			return rpc.OK{}, nil
		})
	}
	row := func(path string, cache bool) rpc.Endpoint {
		return rpc.Endpoint{Path: path, Summary: "s", Allow: rpc.APIKey, Read: true, Cache: cache, Handle: handle(path, path == "/x/fail")}
	}
	rs, err := rpc.New(c, []rpc.Endpoint{row("/x/get", true), row("/y/get", true), row("/x/plain", false), row("/x/fail", true)})
	if err != nil {
		t.Fatal(err)
	}
	s := server{Server: rs}
	get := func(target, workspace, view string) {
		s.do(request{method: "GET", target: target, header: map[string]string{"Seam-Workspace": workspace, "View": view}})
	}
	expect := func(why, path string, want int) {
		t.Helper()
		if calls[path] != want {
			t.Errorf("%s: %d calls of %s, want %d", why, calls[path], path, want)
		}
	}
	get("/x/get?id=a", "w", "")
	get("/x/get?id=a", "w", "")
	expect("the same twice", "/x/get", 1)
	get("/x/get?id=b", "w", "")
	expect("another input", "/x/get", 2)
	get("/x/get?id=a", "v", "")
	expect("another workspace", "/x/get", 3)
	get("/x/get?id=a", "w", "limited")
	expect("another view", "/x/get", 4)
	get("/y/get?id=a", "w", "")
	expect("another path", "/y/get", 1)
	n++
	get("/x/get?id=a", "w", "")
	expect("after a write", "/x/get", 5)
	get("/x/plain", "w", "")
	get("/x/plain", "w", "")
	expect("not to be cached", "/x/plain", 2)
	get("/x/fail", "w", "")
	get("/x/fail", "w", "")
	expect("errors are not cached", "/x/fail", 2)
}

func TestAccessTable(t *testing.T) {
	t.Parallel()
	s := setup(t,
		rpc.Endpoint{Path: "/x/update", Summary: "s", Allow: rpc.Backend, Role: rpc.Admin, Verbs: "PATCH", Handle: rpc.Func(ok)},
		rpc.Endpoint{Path: "/keyway/v1/y/list", Summary: "s", Allow: rpc.ConsoleSession, Workspace: rpc.Ignored, Read: true, Fresh: true,
			Handle: rpc.Func(ok)},
		rpc.Endpoint{Path: "/health", Summary: "s", Allow: rpc.Public, Read: true, Handle: rpc.Func(ok)})
	var got []string
	for line := range strings.Lines(s.AccessTable()) {
		got = append(got, strings.Join(strings.Fields(line), " "))
	}
	want := []string{
		"# path verbs scope workspace role marks credentials",
		"/health GET POST - - - - public",
		"/keyway/v1/y/list GET POST y:read ignored - fresh console_session",
		"/x/update POST PATCH x:write required admin - api_key personal_access_token console_session workspace_key",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Whatever is sent, the answer is an envelope, and nothing panics.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{}`, `null`, `{"ids":["a",null,5],"inner":{"size":"x"}}`, `{"name":null,"metadata":{"":[{}]}}`, `[`,
		`{"count":1e400}`, `{"at":"2026-01-01"}`, "{\"id\":\"\\u0000\\ud800\"}", `{"numbers":{"a":1,"a":2}}`} {
		f.Add(s, "")
	}
	for _, s := range []string{"ids=", "ids=a,b&ids[]=c", "inner.size=1&inner.labels=", "metadata.=&metadata..=x", "count=-0x1p9",
		"%00=%ff&id=%ff", "name=&on=TRUE", "inner=x&metadata=x", "a=b;c=d", "at=2026"} {
		f.Add("", s)
	}
	s := setup(f, seen(func(input) {}))
	f.Fuzz(func(t *testing.T, text, query string) {
		for _, method := range []string{"GET", "POST"} {
			r := httptest.NewRequest(method, "/things/list", strings.NewReader(text))
			r.URL.RawQuery = query
			r.Header.Set("Authorization", "open")
			rec := httptest.NewRecorder()
			s.ServeHTTP(rec, r)
			m := body(t, rec)
			if rec.Code != 200 && rec.Code != 400 && rec.Code != 413 || (rec.Code == 200) != (m["ok"] == true) {
				t.Errorf("%s %q %q: %d %v", method, text, query, rec.Code, slices.Collect(maps.Keys(m)))
			}
		}
		s.log.Reset()
	})
}

// What a client sends in a wrong place is repeated in the answer without its secret part.
func TestErrorsHideCredentials(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"seam_at1ABCDEFGH_123456789012345678901234567890123456": "seam_at1ABCDEFGH_…",
		"seam_testABCD_123456789012345678901234567890123456":    "seam_testABCD_…",
		"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw":                "whsec_…",
		"eyJhbGciOiJI.eyJleHAiOjE3.c2lnbmF0dXJl":                "ey…",
		"01a2134f-884f-711b-9af7-38c3b38e8668":                  "01a2134f-884f-711b-9af7-38c3b38e8668",
		"seam_at1ABCDEFGH":                                      "seam_at1ABCDEFGH",
	} {
		rec := httptest.NewRecorder()
		rpc.WriteError(rec, fault.InvalidAll([]fault.Issue{{Path: []string{"scopes"}, Message: "There is no such scope: " + given}}))
		if body := rec.Body.String(); strings.Count(body, want) < 1 || want != given && strings.Contains(body, given) ||
			rec.Header().Get("Content-Length") != fmt.Sprint(len(body)) {
			t.Errorf("%s becomes %s", given, body)
		}
	}
}
