package apitest_test

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store/storetest"
	"keyway/internal/wiring/apitest"
)

// large are values that are larger than any parameter may be.
func large() map[string][]byte {
	list := func(element string) string { return "[" + strings.Repeat(element+",", 9_999) + element + "]" }
	nested := func(open, value, end string) string {
		return strings.Repeat(open, 500) + value + strings.Repeat(end, 500)
	}
	out := map[string][]byte{}
	for name, text := range map[string]string{
		"text of 200 KB": `"` + strings.Repeat("é", 100_000) + `"`, "10,000 texts": list(`"x"`), "10,000 empty texts": list(`""`),
		"10,000 numbers": list("1"),
		"10,000 nulls":   list("null"), "10,000 objects": list("{}"), "500 lists": nested("[", "1", "]"),
		"500 objects": nested(`{"a":`, "1", "}"),
		"zero date":   `"0001-01-01T00:00:00Z"`, "nothing": `""`, "zero": "0", "null": "null",
	} {
		out[name] = []byte(text)
	}
	return out
}

// Guards the kind "what a request costs grows with what a parameter contains": every parameter of every endpoint with
// values that are far too large, and with those that stand for nothing. The total allocated bounds the peak from
// above. The kind "a value stands for absent" is guarded as well: where a text or a date is asked for, an empty text
// and a zero date are refused by the parameter's name.
func TestEveryParameterIsBounded(t *testing.T) {
	w := apitest.New(t, storetest.SQLite(t))
	jane := w.Person("jane")
	ws := w.Workspace(jane, "Home", true)
	key, _ := w.Key(ws, jane)
	session := w.Session(jane)
	send := func(e *rpc.Endpoint, body []byte) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), "POST", e.Path, bytes.NewReader(body))
		token := key
		if e.Allow&rpc.APIKey == 0 {
			if token = session; e.Workspace != rpc.Forbidden {
				r.Header.Set("Seam-Workspace", ws.ID)
			}
		}
		r.Header.Set("Authorization", "Bearer "+token)
		rec := httptest.NewRecorder()
		w.RPC.ServeHTTP(rec, r)
		return rec
	}
	values := large()
	body := func(p, value string) []byte {
		text, err := json.Marshal(p)
		w.Must(err)
		return append(append(append(append([]byte("{"), text...), ':'), values[value]...), '}')
	}
	for _, e := range w.RPC.Endpoints() {
		if e.Streams() || e.Path == "/keyway/v1/workspaces/delete" || strings.HasPrefix(e.Path, "/keyway/v1/console_sessions/") {
			continue // which end the workspace or the session of the test
		}
		for _, p := range e.Parameters() {
			if strings.Contains(p.Name, ".") {
				continue
			}
			for name := range values {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				start := time.Now()
				rec := send(e, body(p.Name, name))
				took := time.Since(start)
				runtime.ReadMemStats(&after)
				if cost := after.TotalAlloc - before.TotalAlloc; cost > 64<<20 {
					t.Errorf("%s, %s of %s: %d MB", e.Path, p.Name, name, cost>>20)
				}
				if rec.Code >= 500 || rec.Code >= 300 && rec.Body.Len() > 64<<10 || took > time.Second {
					t.Errorf("%s, %s of %s: %d with %d bytes in %s: %.300s", e.Path, p.Name, name, rec.Code, rec.Body.Len(), took, rec.Body)
				}
				forbidden := name == "zero date" && p.Type == "date-time" || name == "nothing" && p.Type == "string" && p.Name != "description"
				if forbidden && (rec.Code != 400 || !strings.Contains(rec.Body.String(), p.Name)) && rec.Code != 401 && rec.Code != 403 &&
					rec.Code != 429 {
					t.Errorf("%s, %s of %s: %d %s", e.Path, p.Name, name, rec.Code, rec.Body)
				}
			}
		}
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var sent sync.WaitGroup
	for _, e := range w.RPC.Endpoints() {
		if e.Path != "/events/list" {
			continue
		}
		for i := range 50 {
			sent.Go(func() {
				send(e, body("event_types", []string{"10,000 empty texts", "500 lists", "text of 200 KB"}[i%3]))
			})
		}
	}
	sent.Wait()
	runtime.ReadMemStats(&after)
	if cost := after.TotalAlloc - before.TotalAlloc; cost > 256<<20 {
		t.Errorf("50 requests: %d MB", cost>>20)
	}
}
