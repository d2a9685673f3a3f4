package simulate_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"keyway/internal/api/device"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/provider/sandbox"
	"keyway/internal/trust/credential"
	"keyway/internal/wiring/apitest"
)

// A device that did not answer is offline, with its event, whichever command found that out, and comes back by
// itself when it answers again.
func TestUnansweredCommandsTakeDevicesOffline(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		jane := w.Person("jane")
		ws := w.Workspace(jane, "Sandbox", true)
		key, _ := w.Key(ws, jane)
		w.RunJobs()
		acc := w.Connect(ws, "august")
		p, err := w.Devices.List(t.Context(), ws.ID, device.Filter{AccountIDs: rpc.Opt[[]string]{Set: true, Value: []string{acc.ID}}, Limit: 1})
		w.Must(err)
		var id string
		for _, doc := range p.Items {
			var d device.Device
			w.Must(json.Unmarshal(doc, &d))
			id = d.ID
		}
		ctx := credential.With(t.Context(), credential.Principal{Kind: rpc.APIKey, WorkspaceID: ws.ID, Role: rpc.Member, IsSandbox: true})
		offline := func() bool {
			r, err := w.Devices.Reach(t.Context(), w.DB, ws.ID, id)
			w.Must(err)
			return slices.ContainsFunc(r.Errors, func(e device.Error) bool {
				return e.Code == "device_offline"
			}) && string(r.Properties["online"]) == "false"
		}
		for name, body := range map[string]map[string]any{
			"/locks/unlock_door":   {"device_id": id, "sync": true},
			"/access_codes/create": {"device_id": id, "code": "2468", "sync": true},
		} {
			since := w.Now()
			w.Must(w.Simulate.FailRequests(ctx, id, sandbox.FaultOffline))
			if a := w.Do(apitest.Request{Path: name, Token: key, Body: body}); a.Status != 200 {
				t.Fatalf("%s: %d %s", name, a.Status, a.Body)
			}
			if !offline() {
				t.Errorf("%s was not answered, and the device is online", name)
			}
			_, err := w.Simulate.AdvanceTime(ctx, ws.ID, time.Minute, apitest.By)
			w.Must(err)
			if offline() {
				t.Errorf("%s: the device answers, and is offline", name)
			}
			rows, err := w.DB.Query(t.Context(), `SELECT event_type FROM events WHERE workspace_id = $1 AND created_at >= $2 ORDER BY seq`, ws.ID,
				store.Micros(since))
			kinds, err := store.All(rows, err, store.One[string])
			w.Must(err)
			kinds = slices.DeleteFunc(kinds, func(k string) bool { return k != "device.disconnected" && k != "device.connected" })
			if !slices.Equal(kinds, []string{"device.disconnected", "device.connected"}) {
				t.Errorf("%s: events %v", name, kinds)
			}
		}
	})
}
