package accesscode_test

import (
	"strings"
	"testing"
	"time"

	"keyway/internal/platform/store"
	"keyway/internal/platform/store/storetest"
)

// Guards the typed results of action attempts: what made or changed a code results in the code, at once and
// later, singly and in lists; its PIN is nowhere in the open in the database.
func TestAttemptsResultInTheirCode(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("august")
		w.settle()
		result := func(of object, pin string) {
			t.Helper()
			id := of.obj("action_attempt").str("action_attempt_id")
			got := w.call("/action_attempts/get", object{"action_attempt_id": id}).obj("action_attempt")
			if code := got.obj("result").obj("access_code"); got.str("status") != "success" || code.str("code") != pin ||
				code.str("device_id") != lock {
				t.Errorf("%v", got)
			}
			for _, a := range w.call("/action_attempts/list", object{"action_attempt_ids": []string{id}}).list("action_attempts") {
				if a.obj("result").obj("access_code").str("code") != pin {
					t.Errorf("in a list: %v", a)
				}
			}
		}
		made := w.call("/access_codes/create", object{"device_id": lock, "code": "135790", "sync": true})
		result(made, "135790")
		later := w.call("/access_codes/create", object{"device_id": lock, "code": "246802", "starts_at": iso(w.clock().Add(900 * time.Hour)),
			"ends_at": iso(w.clock().Add(901 * time.Hour))})
		if later.obj("action_attempt").obj("result").obj("access_code").str("code") != "246802" {
			t.Errorf("%v", later)
		}
		result(later, "246802")
		result(w.call("/access_codes/update", object{"access_code_id": codeID(made), "code": "975310", "sync": true}), "975310")
		gone := w.call("/access_codes/delete", object{"access_code_id": codeID(made), "sync": true}).obj("action_attempt")
		if gone.str("status") != "success" || len(gone.obj("result")) != 0 {
			t.Errorf("%v", gone)
		}
		rows, err := db.Query(t.Context(), `SELECT doc FROM action_attempts`)
		docs, err := store.All(rows, err, store.One[string])
		w.must(err)
		for _, pin := range []string{"135790", "246802", "975310"} {
			if strings.Contains(strings.Join(docs, ""), pin) {
				t.Error("a PIN is stored in the open")
			}
		}
	})
}
