package action_test

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"keyway/internal/api/action"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/store"
	"keyway/internal/wiring/apitest"
)

func start(t *testing.T, w *apitest.World, ws, device string) (at action.Attempt) {
	t.Helper()
	w.Must(w.DB.Update(t.Context(), func(tx *store.Tx) (err error) {
		at, _, err = w.Attempts.Start(t.Context(), tx, ws, "LOCK_DOOR", device)
		return err
	}, store.Workspace(ws)))
	return at
}

func settle(t *testing.T, w *apitest.World, ws, id string, result any, failure *action.Failure) (settled bool, err error) {
	t.Helper()
	err = w.DB.Update(t.Context(), func(tx *store.Tx) (err error) {
		settled, err = w.Attempts.Settle(t.Context(), tx, ws, id, result, failure)
		return err
	}, store.Workspace(ws))
	return settled, err
}

func TestSettleHappensOnce(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		jane := w.Person("jane")
		ws, other := w.Workspace(jane, "Home", true), w.Workspace(jane, "Other", true)
		pat, _ := w.PAT(jane)
		get := func(id string) string {
			t.Helper()
			return w.Do(apitest.Request{Method: "GET", Path: "/action_attempts/get?action_attempt_id=" + id, Token: pat, Workspace: ws.ID}).Body
		}
		good, bad := start(t, w, ws.ID, "d1"), start(t, w, ws.ID, "d2")
		head := func(at action.Attempt) string {
			return `{"action_attempt":{"action_attempt_id":"` + at.ID + `","action_type":"LOCK_DOOR","status":`
		}
		if got := get(good.ID); got != head(good)+`"pending","result":null,"error":null},"ok":true}` {
			t.Error(got)
		}
		var running sync.WaitGroup
		wins := make([]bool, 8)
		for i := range wins {
			running.Go(func() {
				var err error
				if wins[i], err = settle(t, w, ws.ID, good.ID, struct{}{}, nil); err != nil {
					t.Error(err)
				}
			})
		}
		running.Wait()
		if slices.Index(wins, true) < 0 || len(slices.DeleteFunc(wins, func(won bool) bool { return !won })) != 1 {
			t.Error("not settled exactly once")
		}
		if settled, err := settle(t, w, ws.ID, bad.ID, nil,
			&action.Failure{Type: "device_offline", Message: "The device is offline"}); err != nil || !settled {
			t.Error(settled, err)
		}
		if got := get(good.ID); got != head(good)+`"success","result":{},"error":null},"ok":true}` {
			t.Error(got)
		}
		if got := get(bad.ID); got != head(bad)+
			`"error","result":null,"error":{"type":"device_offline","message":"The device is offline"}},"ok":true}` {
			t.Error(got)
		}
		if _, err := settle(t, w, other.ID, bad.ID, nil, nil); !fault.Is(err, fault.ActionAttemptNotFound) {
			t.Errorf("from another workspace: %v", err)
		}
		// With the transaction that fails, the settling is undone.
		third, oops := start(t, w, ws.ID, ""), errors.New("oops")
		err := w.DB.Update(t.Context(), func(tx *store.Tx) error {
			if _, err := w.Attempts.Settle(t.Context(), tx, ws.ID, third.ID, nil, nil); err != nil {
				return err
			}
			return oops
		}, store.Workspace(ws.ID))
		if settled, err2 := settle(t, w, ws.ID, third.ID, nil, nil); !errors.Is(err, oops) || err2 != nil || !settled {
			t.Error(err, settled, err2)
		}
	})
}

func TestGetAndList(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		jane := w.Person("jane")
		ws, other := w.Workspace(jane, "Home", true), w.Workspace(jane, "Other", true)
		pat, _ := w.PAT(jane)
		foreign := start(t, w, other.ID, "d1")
		var ids []string
		for _, device := range []string{"d1", "d2", "d1", ""} {
			ids = append(ids, start(t, w, ws.ID, device).ID)
		}
		list := func(in map[string]any) (out []string) {
			var answer struct {
				Attempts []action.Attempt `json:"action_attempts"`
			}
			w.Call(apitest.Request{Path: "/action_attempts/list", Token: pat, Workspace: ws.ID, Body: in}, &answer)
			for _, a := range answer.Attempts {
				out = append(out, a.ID)
			}
			return out
		}
		for name, tt := range map[string]struct {
			in   map[string]any
			want []string
		}{
			"all":       {nil, ids},
			"by id":     {map[string]any{"action_attempt_ids": []string{ids[3], ids[0], foreign.ID}}, []string{ids[0], ids[3]}},
			"no ids":    {map[string]any{"action_attempt_ids": []string{}}, nil},
			"by device": {map[string]any{"device_id": "d1"}, []string{ids[0], ids[2]}},
			"limit":     {map[string]any{"limit": 3}, ids[:3]},
		} {
			if got := list(tt.in); !slices.Equal(got, tt.want) {
				t.Errorf("%s: %v, want %v", name, got, tt.want)
			}
		}
		for _, id := range []string{foreign.ID, "nonsense"} {
			w.Refused(apitest.Request{Path: "/action_attempts/get", Token: pat, Workspace: ws.ID, Body: map[string]any{"action_attempt_id": id}},
				404, "action_attempt_not_found")
		}
		w.Refused(apitest.Request{Path: "/action_attempts/get", Token: pat, Workspace: ws.ID}, 400, "invalid_input")
	})
}
