package main

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"keyway/internal/api/device"
	"keyway/internal/platform/store"
	"keyway/internal/platform/store/storetest"
)

// With limits each device accepts so many requests of a kind a minute, and a client that asks for more gets
// the time to retry.
func TestLimitsOfDevices(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		mine, other := w.part(t, w.here, "sam", "mine"), w.part(t, w.here, "eve", "other")
		codes := 0
		pin := func(on fields) fields {
			codes++
			on["code"] = fmt.Sprint(6000 + codes)
			return on
		}
		var doomed []string
		for range 20 {
			doomed = append(doomed, w.ok(t, w.here.key, "/access_codes/create", pin(fields{"device_id": mine["device_id"]})).object(t,
				"access_code")["access_code_id"].(string))
		}
		now := time.Now()
		w.Devices.Limits = device.NewLimits(func() time.Time { return now })
		onDevice := func(p part) fields { return fields{"device_id": p["device_id"]} }
		for _, c := range []struct {
			path  string
			times int
			wait  float64 // seconds until the next
			body  func(p part) fields
		}{
			{"/locks/unlock_door", 15, 4, onDevice},
			{"/locks/lock_door", 15, 4, onDevice},
			{"/access_codes/delete", 20, 3, func(p part) fields {
				if p["device_id"] == mine["device_id"] && len(doomed) > 0 {
					id := doomed[0]
					doomed = doomed[1:]
					return fields{"access_code_id": id}
				}
				return fields{"access_code_id": p["access_code_id"]}
			}},
			{"/access_codes/create", 10, 6, func(p part) fields { return pin(onDevice(p)) }},
			{"/access_codes/create_multiple", 0, 6, func(p part) fields { return pin(fields{"device_ids": []string{p["device_id"]}}) }},
			{"/access_codes/update", 10, 6, func(p part) fields {
				return fields{"access_code_id": p["access_code_id"], "name": fmt.Sprint("Guest ", codes)}
			}},
		} {
			for i := range c.times {
				if a := w.call(t, w.here.key, c.path, c.body(mine)); a.status != http.StatusOK {
					t.Fatalf("%s, time %d: %v", c.path, i+1, a)
				}
			}
			a := w.call(t, w.here.key, c.path, c.body(mine))
			if data, _ := a.object(t, "error")["data"].(fields); a.status != http.StatusTooManyRequests || data["retry_after"] != c.wait {
				t.Errorf("%s once more: %v", c.path, a)
			}
			if c.path == "/access_codes/delete" {
				continue // the code of the other is needed below
			}
			if a := w.call(t, w.here.key, c.path, c.body(other)); a.status != http.StatusOK {
				t.Errorf("%s on another device: %v", c.path, a)
			}
		}
		now = now.Add(4 * time.Second)
		w.ok(t, w.here.key, "/locks/unlock_door", onDevice(mine))

		count := w.Devices.Limits.Count(device.UnlockDoor)
		for range 16 { // as when the transaction of one request runs again
			if err := count("a third device"); err != nil {
				t.Fatal(err)
			}
		}
	})
}
