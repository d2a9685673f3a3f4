package event_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"keyway/internal/api/event"
	"keyway/internal/api/workspace"
	"keyway/internal/platform/store"
	"keyway/internal/wiring/apitest"
)

type home struct {
	*apitest.World
	ws    workspace.Workspace
	pat   string
	began time.Time
}

// setup appends five events, a minute apart, beside those of another workspace.
func setup(w *apitest.World) home {
	jane := w.Person("jane")
	h := home{World: w, ws: w.Workspace(jane, "Home", true), began: w.Now().Truncate(time.Millisecond)}
	h.pat, _ = w.PAT(jane)
	other := w.Workspace(jane, "Other", true)
	for i, e := range []event.Event{
		{Type: "device.added", DeviceID: "d1", ConnectedAccountID: "a1"},
		{Type: "device.added", DeviceID: "d2", ConnectedAccountID: "a1", CustomerKey: "c"},
		{Type: "device.connected", DeviceID: "d1", ConnectedAccountID: "a1", Fields: map[string]any{"extra": "<x>"}},
		{Type: "lock.locked", DeviceID: "d1", ConnectedAccountID: "a2", Fields: map[string]any{"method": "manual"}},
		{Type: "connected_account.connected", ConnectedAccountID: "a2"},
	} {
		e.OccurredAt = h.began.Add(time.Duration(i) * time.Minute)
		for _, ws := range []workspace.Workspace{h.ws, other} {
			w.Must(w.DB.Update(w.Context(), func(tx *store.Tx) error { return w.Events.Append(w.Context(), tx, ws.ID, e) }, store.Workspace(ws.ID)))
		}
	}
	return h
}

// list gives the events as their numbers.
func (h home) list(in map[string]any) (out []int) {
	var answer struct {
		Events []event.Record `json:"events"`
	}
	h.Call(apitest.Request{Path: "/events/list", Token: h.pat, Workspace: h.ws.ID, Body: in}, &answer)
	for _, e := range answer.Events {
		out = append(out, int(e.OccurredAt.Sub(h.began)/time.Minute))
	}
	return out
}

func TestList(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := setup(w)
		at := func(minute float64) string {
			return h.began.Add(time.Duration(minute * float64(time.Minute))).UTC().Format(time.RFC3339Nano)
		}
		type in = map[string]any
		var all struct {
			Events []event.Record `json:"events"`
		}
		w.Call(apitest.Request{Path: "/events/list", Token: h.pat, Workspace: h.ws.ID, Body: in{"since": at(-1)}}, &all)
		for name, tt := range map[string]struct {
			in   in
			want []int
		}{
			"since":                {in{"since": at(1.5)}, []int{2, 3, 4}},
			"since is exclusive":   {in{"since": at(2)}, []int{3, 4}},
			"between":              {in{"between": []string{at(0.5), at(3.5)}}, []int{1, 2, 3}},
			"between is exclusive": {in{"between": []string{at(1), at(3)}}, []int{2}},
			"event_type":           {in{"since": at(-1), "event_type": "device.added"}, []int{0, 1}},
			"event_types":          {in{"since": at(-1), "event_types": []string{"lock.locked", "device.connected"}}, []int{2, 3}},
			"event_ids":            {in{"event_ids": []string{all.Events[4].EventID, all.Events[0].EventID}}, []int{0, 4}},
			"no event_ids":         {in{"event_ids": []string{}}, nil},
			"device_id":            {in{"since": at(-1), "device_id": "d1"}, []int{0, 2, 3}},
			"device_ids":           {in{"since": at(-1), "device_ids": []string{"d2", "d9"}}, []int{1}},
			"connected_account_id": {in{"since": at(-1), "connected_account_id": "a2"}, []int{3, 4}},
			"customer_key":         {in{"since": at(-1), "customer_key": "c"}, []int{1}},
			"limit":                {in{"since": at(-1), "limit": 2}, []int{0, 1}},
			"unstable_offset":      {in{"since": at(-1), "limit": 2, "unstable_offset": 3}, []int{3, 4}},
			"access_code_id":       {in{"since": at(-1), "access_code_id": "x"}, nil},
			"acs_system_ids":       {in{"since": at(-1), "acs_system_ids": []string{"x"}}, nil},
			"space_id":             {in{"since": at(-1), "space_id": "x"}, nil},
		} {
			if got := h.list(tt.in); !slices.Equal(got, tt.want) {
				t.Errorf("%s: %v, want %v", name, got, tt.want)
			}
		}
		for _, bad := range []in{{}, {"since": at(0), "between": []string{at(0), at(1)}}, {"between": []string{at(0)}},
			{"between": []string{at(1), at(0)}}, {"since": "soon"}, {"since": at(0), "limit": 501}, {"since": at(0), "unstable_offset": -1}} {
			if f := w.Refused(apitest.Request{Path: "/events/list", Token: h.pat, Workspace: h.ws.ID, Body: bad}, 400,
				"invalid_input"); f.Issues == nil {
				t.Errorf("%v: no validation_errors, which SDKs read", bad)
			}
		}
	})
}

func TestGet(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := setup(w)
		get := func(in map[string]any) map[string]any {
			var out struct {
				Event map[string]any `json:"event"`
			}
			w.Call(apitest.Request{Path: "/events/get", Token: h.pat, Workspace: h.ws.ID, Body: in}, &out)
			return out.Event
		}
		e := get(map[string]any{"event_type": "device.connected"})
		if e["device_id"] != "d1" || e["extra"] != "<x>" || e["workspace_id"] != h.ws.ID || e["connected_account_id"] != "a1" ||
			e["customer_key"] != nil {
			t.Errorf("%v", e)
		}
		if e["event_description"] != "A device is connected." {
			t.Errorf("what happened is described as %v", e["event_description"])
		}
		if got := get(map[string]any{"event_id": e["event_id"]}); got["event_type"] != "device.connected" {
			t.Errorf("%v", got)
		}
		if got := get(map[string]any{"device_id": "d1"}); got["event_type"] != "lock.locked" {
			t.Errorf("not the latest: %v", got)
		}
		if got := get(map[string]any{"device_id": "d1", "event_type": "device.added"}); got["event_type"] != "device.added" {
			t.Errorf("%v", got)
		}
		var foreign string
		w.Must(w.DB.QueryRow(t.Context(), `SELECT max(event_id) FROM events WHERE workspace_id <> $1`, h.ws.ID).Scan(&foreign))
		for _, in := range []map[string]any{{"event_id": foreign}, {"event_id": "nonsense"}, {"event_id": e["event_id"], "device_id": "d2"},
			{"event_type": "no.such"}} {
			if f := w.Refused(apitest.Request{Path: "/events/get", Token: h.pat, Workspace: h.ws.ID, Body: in}, 404,
				"event_not_found"); strings.Contains(f.Message, foreign) {
				t.Error(f.Message)
			}
		}
		w.Refused(apitest.Request{Path: "/events/get", Token: h.pat, Workspace: h.ws.ID}, 400, "invalid_input")
	})
}

// Events are part of the transaction that they report, and keep the order they were appended in.
func TestAppend(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		var types []string
		for range 50 {
			types = append(types, "device.connected", "device.disconnected")
		}
		err := w.DB.Update(t.Context(), func(tx *store.Tx) error {
			for _, kind := range types {
				if err := w.Events.Append(t.Context(), tx, "w", event.Event{Type: kind, OccurredAt: time.UnixMilli(1e12)}); err != nil {
					return err
				}
			}
			return nil
		})
		w.Must(err)
		rows, err := w.DB.Query(t.Context(), `SELECT doc FROM events ORDER BY occurred_at, event_id`)
		docs, err := store.All(rows, err, store.One[string])
		w.Must(err)
		var got []string
		for _, doc := range docs {
			var r event.Record
			w.Must(json.Unmarshal([]byte(doc), &r))
			got = append(got, r.EventType)
		}
		if !slices.Equal(got, types) {
			t.Error("another order")
		}
	})
}

// However many events there are at once, the subjects of all of them are reported.
func TestSubjects(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := setup(w)
		at, err := w.Events.Head(t.Context(), h.ws.ID)
		w.Must(err)
		want := []string{"connected_account:a1"}
		w.Must(w.DB.Update(t.Context(), func(tx *store.Tx) error {
			for i := range 250 {
				id := fmt.Sprintf("d%03d", i)
				want = append(want, "device:"+id)
				if err := w.Events.Append(t.Context(), tx, h.ws.ID,
					event.Event{Type: "device.connected", DeviceID: id, ConnectedAccountID: "a1", OccurredAt: h.began}); err != nil {
					return err
				}
			}
			return nil
		}, store.Workspace(h.ws.ID)))
		got, next, err := w.Events.Subjects(t.Context(), h.ws.ID, at)
		w.Must(err)
		got = slices.DeleteFunc(got, func(s string) bool { return strings.HasPrefix(s, "event:") })
		if !slices.Equal(got, want) {
			t.Errorf("%d subjects, want %d", len(got), len(want))
		}
		if got, after, err := w.Events.Subjects(t.Context(), h.ws.ID, next); err != nil || len(got) != 0 || after != next {
			t.Errorf("and then %v, %d, %v", got, after, err)
		}
	})
}

// Every type of events says what happened and where it belongs, so that no event is served without a description.
func TestKinds(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, v := range (event.Record{}).Variants() {
		if v.Says == "" || !strings.HasPrefix(v.Route, "/") || v.Fields == nil || seen[v.Is] {
			t.Errorf("%s is not described, or twice: %+v", v.Is, v)
		}
		seen[v.Is] = true
	}
	if all := event.Type("").Enum(); len(all) != len(seen) || !seen["access_code.failed_to_delete"] {
		t.Errorf("%d of %d types", len(seen), len(all))
	}
}
