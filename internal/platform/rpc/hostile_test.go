package rpc_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
)

// Guards the kind "what a refusal costs grows with what was sent": the answer and the work are bounded by constants,
// whatever a parameter contains.
func TestRefusalsAreBounded(t *testing.T) {
	t.Parallel()
	s := setup(t, seen(func(input) {}))
	deep := func(levels int) string { return strings.Repeat(`{"a":`, levels) + "1" + strings.Repeat("}", levels) }
	for name, text := range map[string]string{
		"empty values of an enum": `{"colours":[` + strings.Repeat(`"",`, 100_000) + `""]}`,
		"numbers for strings":     `{"ids":[` + strings.Repeat(`1,`, 400_000) + `1]}`,
		"values of a map":         `{"numbers":{` + members(50_000) + `"z":1}}`,
		"a long text":             `{"id":"` + strings.Repeat("x", 900_000) + `"}`,
		"a long value of an enum": `{"shape":"` + strings.Repeat("é", 400_000) + `"}`,
		"a long key":              `{"numbers":{"` + strings.Repeat("k", 900_000) + `":"x"}}`,
		"depth":                   `{"metadata":` + deep(9990) + `}`,
		"depth, unknown":          `{"page_cursor":"x","what":` + deep(9990) + `}`,
		"a long text in any":      `{"metadata":{"a":"` + strings.Repeat("x", 900_000) + `"}}`,
		"a list in any":           `{"metadata":{"a":[` + strings.Repeat(`1,`, 200_000) + `1]}}`,
	} {
		start := time.Now()
		rec := s.do(request{target: "/things/list", body: text})
		if took := time.Since(start); rec.Code != 400 || rec.Body.Len() > 64<<10 || took > time.Second {
			t.Errorf("%s: %d with %d bytes in %s", name, rec.Code, rec.Body.Len(), took)
		}
	}
	rec := s.do(request{target: "/things/list", body: `{"ids":[1,1],"colours":[` + strings.Repeat(`1,`, 30) + `1]}`})
	if _, message, _ := errorOf(t, rec); !strings.HasPrefix(message, "20 Input Errors: ") || !strings.HasSuffix(message, ", and more") {
		t.Error(message)
	}
	rec = s.do(request{target: "/things/list", body: `{"colours":["a","b"]}`})
	if _, message, _ := errorOf(t, rec); strings.Count(message, "'red' | 'blue'") != 1 ||
		!strings.Contains(message, `received 'b' for "colours.1"`) {
		t.Error(message)
	}
	if rec := s.do(request{target: "/things/list", body: `{"metadata":` + deep(62) + `}`}); rec.Code != 200 {
		t.Errorf("63 levels: %d %s", rec.Code, rec.Body)
	}
}

func members(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"k%d":"x",`, i)
	}
	return b.String()
}

// Guards the kind "a value stands for absent": an input type in which it could is no input type, and where the zero
// value is refused, it is refused by name.
func TestAbsentIsNoValue(t *testing.T) {
	t.Parallel()
	row := func(h rpc.Handler) []rpc.Endpoint {
		return []rpc.Endpoint{{Path: "/x/update", Summary: "s", Allow: rpc.APIKey, Handle: h}}
	}
	type number struct {
		A int `json:"a"`
	}
	type truth struct {
		A bool `json:"a"`
	}
	type list struct {
		A []string `json:"a"`
	}
	type nested struct {
		A *list `json:"a"`
	}
	type wrong struct {
		A bool `json:"a" rule:"default=true"`
	}
	type empty struct {
		A string `json:"a" rule:"empty"`
	}
	for name, h := range map[string]rpc.Handler{
		"number": rpc.Func(func(context.Context, number) (rpc.OK, error) { return rpc.OK{}, nil }),
		"truth":  rpc.Func(func(context.Context, truth) (rpc.OK, error) { return rpc.OK{}, nil }),
		"list":   rpc.Func(func(context.Context, list) (rpc.OK, error) { return rpc.OK{}, nil }),
		"nested": rpc.Func(func(context.Context, nested) (rpc.OK, error) { return rpc.OK{}, nil }),
		"wrong":  rpc.Func(func(context.Context, wrong) (rpc.OK, error) { return rpc.OK{}, nil }),
		"empty":  rpc.Func(func(context.Context, empty) (rpc.OK, error) { return rpc.OK{}, nil }),
	} {
		if _, err := rpc.New(config(server{log: new(bytes.Buffer), metrics: prometheus.NewRegistry()}), row(h)); err == nil ||
			!strings.Contains(err.Error(), " a") {
			t.Errorf("%s: %v", name, err)
		}
	}
	s := setup(t, seen(func(input) {}))
	for param, values := range map[string][]string{
		"id": {`""`, `"  "`, `null`, `0`}, "name": {`""`},
		"at":    {`""`, `"0001-01-01T00:00:00Z"`, `"0001-01-01"`, `"0001-01-01T02:00:00+02:00"`, `null`, `0`},
		"count": {`0`, `""`, `null`}, "on": {`""`, `null`, `0`}, "shape": {`""`, `null`}, "colour": {`""`}, "inner": {`null`, `""`},
		"ids": {`null`, `""`, `[""]`},
	} {
		for _, value := range values {
			rec := s.do(request{target: "/things/list", body: `{"` + param + `":` + value + `}`})
			if _, message, _ := errorOf(t, rec); rec.Code != 400 || !strings.Contains(message, `"`+param) {
				t.Errorf("%s %s: %d %s", param, value, rec.Code, rec.Body)
			}
		}
	}
	for _, query := range []string{"id=", "at=", "count=", "on=", "shape=", "at=0001-01-01T00:00:00Z"} {
		param, _, _ := strings.Cut(query, "=")
		rec := s.do(request{method: "GET", target: "/things/list?" + query})
		if _, message, _ := errorOf(t, rec); rec.Code != 400 || !strings.Contains(message, `"`+param+`"`) {
			t.Errorf("%s: %d %s", query, rec.Code, rec.Body)
		}
	}
}

// Guards the kind "a body that is not what it seems is read as something else".
func TestBodiesThatAreNotRead(t *testing.T) {
	t.Parallel()
	s := setup(t, seen(func(input) {}))
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	fmt.Fprint(z, `{"id":5}`)
	z.Close()
	var bomb bytes.Buffer
	z = gzip.NewWriter(&bomb)
	fmt.Fprintf(z, `{"id":"%s"}`, strings.Repeat("x", 20<<20))
	z.Close()
	asGzip := map[string]string{"Content-Encoding": "gzip"}
	for name, tt := range map[string]struct {
		request
		status int
		want   string
	}{
		"Latin-1":                 {request{body: "{\"id\":\"caf\xe9\"}"}, 400, "not UTF-8"},
		"Latin-1 in unknown":      {request{body: "{\"what\":\"caf\xe9\"}"}, 400, "not UTF-8"},
		"lone surrogate":          {request{body: `{"id":"\ud800"}`}, 400, "not UTF-8"},
		"lone surrogate in a key": {request{body: `{"\udc00":"x"}`}, 400, "not UTF-8"},
		"UTF-16":                  {request{body: "\xff\xfe{\x00}\x00"}, 400, "not UTF-8"},
		"query not UTF-8":         {request{method: "GET", target: "?id=%e9"}, 400, "not UTF-8"},
		"key twice":               {request{body: `{"id":"a","id":"b"}`}, 400, `Sent more than once for "id"`},
		"escaped key twice":       {request{body: `{"id":"a","\u0069d":"b"}`}, 400, `Sent more than once for "id"`},
		"inner key twice":         {request{body: `{"inner":{"size":1,"size":2}}`}, 400, `"inner.size"`},
		"unknown key twice":       {request{body: `{"what":{"a":1,"a":2}}`}, 400, `"what.a"`},
		"gzip":                    {request{body: zipped.String(), header: asGzip}, 400, `Expected string, received number for "id"`},
		"gzip without saying so":  {request{body: zipped.String()}, 400, "not UTF-8"},
		"not gzip":                {request{body: `{}`, header: asGzip}, 400, "not gzip"},
		"a bomb":                  {request{body: bomb.String(), header: asGzip}, 413, "larger"},
		"br":                      {request{body: `{}`, header: map[string]string{"Content-Encoding": "br"}}, 400, "Content-Encoding"},
		"query and body":          {request{method: "GET", target: "?id=a", body: `{"id":"b"}`}, 400, "query and in the body"},
		"POST to a next page":     {request{target: "?page_cursor=x"}, 400, `"page_cursor"`},
		"year 10000 in UTC":       {request{body: `{"at":"9999-12-31T23:59:59.999999999-23:59"}`}, 400, `years 1900 and 9999 for "at"`},
	} {
		tt.request.target = "/things/list" + tt.request.target
		rec := s.do(tt.request)
		if _, message, _ := errorOf(t, rec); rec.Code != tt.status || !strings.Contains(message, tt.want) {
			t.Errorf("%s: %d %s", name, rec.Code, rec.Body)
		}
	}
	for name, r := range map[string]request{
		"a byte order mark":          {body: "\xef\xbb\xbf{}"},
		"_strict beside a body":      {method: "GET", target: "?_strict=true", body: `{"id":"b"}`},
		"a query beside {}":          {method: "GET", target: "?id=a", body: `{}`},
		"a byte order mark, nothing": {body: "\xef\xbb\xbf"},
		"an empty body as gzip":      {header: asGzip},
	} {
		r.target = "/things/list" + r.target
		if rec := s.do(r); rec.Code != 200 {
			t.Errorf("%s: %d %s", name, rec.Code, rec.Body)
		}
	}
}

// Guards the kind "a form that people send is not read": times as languages write them, lists by index, ids in capitals.
func TestFormsThatPeopleSend(t *testing.T) {
	t.Parallel()
	want := time.Date(2027, 1, 1, 10, 0, 0, 0, time.UTC)
	for _, text := range []string{
		"2027-01-01T10:00:00Z", "2027-01-01t10:00:00z", "2027-01-01 10:00:00 +0000", "2027-01-01 10:00:00 UTC", "2027-01-01 11:00:00 +0100",
		"2027-01-01 11:00:00+01", "2027-01-01T11:00+01:00", "2027-01-01T10:00", "2027-01-01 10:00:00 +0000 UTC",
		"2027-01-01T11:00:00.000+01:00[Europe/Berlin]",
		"2027-01-01T10:00Z[UTC]", "20270101T100000Z", "Fri, 01 Jan 2027 10:00:00 GMT",
		"Fri Jan 01 2027 11:00:00 GMT+0100 (Central European Standard Time)",
		"2027-01-01 10:00:00.000000", "2027-01-01T10:00:00,000Z",
	} {
		if got, ok := rpc.ParseTime(text); !ok || !got.Equal(want) || got.Location() != time.UTC {
			t.Errorf("%s: %s %t", text, got, ok)
		}
	}
	for _, text := range []string{"", "soon", "1798797600", "2027-13-01", "2027-01-01T10:00:00 CET", "Fri, 01 Jan 2027 10:00:00 CET",
		"10:00"} {
		if got, ok := rpc.ParseTime(text); ok {
			t.Errorf("%s is read as %s", text, got)
		}
	}
	type ids struct {
		DeviceID  string            `json:"device_id" rule:"nullable"`
		DeviceIDs rpc.Opt[[]string] `json:"device_ids"`
		At        time.Time         `json:"at"`
		Name      string            `json:"name"`
	}
	var got ids
	s := setup(t, rpc.Endpoint{Path: "/x/get", Summary: "s", Allow: rpc.APIKey, Read: true,
		Handle: rpc.Func(func(_ context.Context, in ids) (rpc.OK, error) {
			got = in
			return rpc.OK{}, nil
		})})
	const id, capitals = "01a2134f-884f-711b-9af7-38c3b38e8668", "01A2134F-884F-711B-9AF7-38C3B38E8668"
	s.do(request{method: "GET", target: "/x/get?device_ids[1]=b&device_ids[0]=" + capitals + "&device_id=" + capitals +
		"&at=2027-01-01T11:00:00+01:00&name=" + capitals})
	if got.DeviceID != id || strings.Join(got.DeviceIDs.Value, " ") != id+" b" || !got.At.Equal(want) || got.Name != capitals {
		t.Errorf("%+v", got)
	}
	s.do(request{target: "/x/get", body: `{"device_id":"August-1","device_ids":["` + capitals + `"]}`})
	if got.DeviceID != "August-1" || got.DeviceIDs.Value[0] != id {
		t.Errorf("%+v", got)
	}
	if rec := s.do(request{method: "HEAD", target: "/x/get?device_id=a"}); rec.Code != 200 || got.DeviceID != "a" {
		t.Errorf("HEAD: %d", rec.Code)
	}
	rec := s.do(request{method: "OPTIONS", target: "/nothing", header: map[string]string{"Origin": "https://page.example"}})
	if rec.Code != 204 || rec.Header().Get("Access-Control-Allow-Methods") == "" {
		t.Errorf("the preflight of an unknown path: %d", rec.Code)
	}
}

// Guards the kind "a name that the machine gives a meaning to comes in what a user sends".
func TestReservedNamesAreData(t *testing.T) {
	t.Parallel()
	s := setup(t, seen(func(input) {}))
	for _, body := range []string{`{"numbers":{"_errors":"x"}}`, `{"numbers":{"_errors":1,"a":"x","ok":"y","":"z"}}`, `{"_errors":1,"id":1}`} {
		rec := s.do(request{target: "/things/list", body: body})
		if code, _, issues := errorOf(t, rec); code != "invalid_input" || issues == nil {
			t.Errorf("%s: %s", body, rec.Body)
		}
	}
	rec := httptest.NewRecorder()
	rpc.WriteError(rec, fault.InvalidAll([]fault.Issue{{Path: []string{"custom_metadata", "_errors"}, Message: "no"},
		{Path: []string{"custom_metadata"}, Message: "too many"}}))
	if !strings.Contains(rec.Body.String(), `"custom_metadata":{"_errors":["no","too many"]}`) {
		t.Error(rec.Body)
	}
}

// panicking is an authenticator with a bug.
type panicking struct{}

func (panicking) Authenticate(context.Context, *http.Request, *rpc.Endpoint) (context.Context, rpc.Caller, error) {
	panic("hunter2")
}

// Guards the kind "a bug outside of the endpoint drops the connection": in who calls, in the address, in the writer of
// errors. There is an answer, a line in the log with its request id, and a count.
func TestEverythingIsUnderOneRecover(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*rpc.Config){
		"authenticator": func(c *rpc.Config) { c.Authenticator = panicking{} },
		"address":       func(c *rpc.Config) { c.Client = func(*http.Request) string { panic("hunter2") } },
		"error writer":  func(c *rpc.Config) { c.Refused = func(rpc.Refusal) { panic("hunter2") } },
		"unavailable":   func(c *rpc.Config) { c.Unavailable = func(error) bool { panic("hunter2") } },
	} {
		s := server{log: new(bytes.Buffer), metrics: prometheus.NewRegistry()}
		c := config(s)
		change(&c)
		var err error
		s.Server, err = rpc.New(c, []rpc.Endpoint{{Path: "/x/get", Summary: "s", Allow: rpc.APIKey, Read: true,
			Handle: rpc.Func(func(context.Context, rpc.None) (rpc.OK, error) {
				if name == "error writer" {
					return rpc.OK{}, fault.New(fault.Forbidden, "no")
				}
				return rpc.OK{}, fmt.Errorf("trouble")
			})}})
		if err != nil {
			t.Fatal(err)
		}
		rec := s.do(request{target: "/x/get"})
		id := rec.Header().Get("Seam-Request-Id")
		if code, _, _ := errorOf(t, rec); rec.Code != 500 || code != "internal_error" || id == "" || !strings.Contains(s.log.String(), id) {
			t.Errorf("%s: %d %s\n%s", name, rec.Code, rec.Body, s.log)
		}
		if s.counted(t, "keyway_panics_total") == 0 || s.counted(t, "keyway_requests_total") != 1 {
			t.Errorf("%s is not counted", name)
		}
	}
}

// Guards the kind "parameters that an endpoint does not have cost work": they change neither a page's cursor nor its address.
func TestPagesKnowTheirParametersOnly(t *testing.T) {
	t.Parallel()
	s := pages(t)
	plain := s.page(t, request{target: "/things/list", body: `{"limit":7}`})
	more := s.page(t, request{target: "/things/list", body: `{"limit":7,"what":{"a":[[[1]]]},"b":"secret"}`})
	if *plain.Pagination.Cursor != *more.Pagination.Cursor || *plain.Pagination.URL != *more.Pagination.URL {
		t.Errorf("%s and %s", *plain.Pagination.URL, *more.Pagination.URL)
	}
	s.page(t, request{target: "/things/list", body: `{"limit":7,"page_cursor":"` + *plain.Pagination.Cursor + `","other":2}`})
}

// Guards the kind "a public endpoint reads before it counts": the limit comes before the body.
func TestPaceComesBeforeTheBody(t *testing.T) {
	t.Parallel()
	s := setup(t, rpc.Endpoint{Path: "/x/report", Summary: "s", Allow: rpc.Public,
		Handle: rpc.Func(func(context.Context, input) (rpc.OK, error) {
			return rpc.OK{}, nil
		}),
		Pace: func(address string) error {
			if address != "192.0.2.1" {
				t.Errorf("address %q", address)
			}
			return fault.New(fault.TooManyRequests, "later")
		}})
	if rec := s.do(request{target: "/x/report", body: "not JSON"}); rec.Code != 429 {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
}

// A date without a time means one thing: an end is the end of that day, every other time its start, in UTC.
func TestDatesAlone(t *testing.T) {
	t.Parallel()
	type input struct {
		StartsAt  time.Time          `json:"starts_at"`
		EndsAt    rpc.Opt[time.Time] `json:"ends_at" rule:"nullable"`
		ExpiresAt time.Time          `json:"expires_at"`
	}
	start, end := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2027, 1, 1, 23, 59, 59, 0, time.UTC)
	for _, date := range []string{"2027-01-01", "20270101"} {
		for _, r := range []request{
			{target: "/x/read", body: `{"starts_at":"` + date + `","ends_at":"` + date + `","expires_at":"` + date + `"}`},
			{method: "GET", target: "/x/read?starts_at=" + date + "&ends_at=" + date + "&expires_at=" + date},
		} {
			var got input
			s := setup(t, rpc.Endpoint{Path: "/x/read", Summary: "s", Allow: rpc.APIKey, Read: true,
				Handle: rpc.Func(func(_ context.Context, in input) (rpc.OK, error) {
					got = in
					return rpc.OK{}, nil
				})})
			if rec := s.do(r); rec.Code != 200 || !got.StartsAt.Equal(start) || !got.EndsAt.Value.Equal(end) || !got.ExpiresAt.Equal(end) {
				t.Errorf("%s: %d %+v", date, rec.Code, got)
			}
		}
	}
}
