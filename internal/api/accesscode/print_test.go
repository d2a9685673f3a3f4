package accesscode_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"keyway/internal/api/accesscode"
	"keyway/internal/platform/store"
	"keyway/internal/platform/store/storetest"
	"keyway/internal/trust/keyring"
)

// printOf reads the prints of a code.
func (w *world) printOf(id string) (out []byte) {
	w.t.Helper()
	w.must(w.db.QueryRow(context.Background(), `SELECT prints FROM access_codes WHERE access_code_id = $1`, id).Scan(&out))
	return out
}

// What is on a device is known without opening it, also what was stored before there were prints and
// what was stored under another key.
func TestNewCodesRespectThoseThatAreNotOpened(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		ctx := context.Background()
		lock, other := w.connect("kwikset"), w.connectIn(ws, "kwikset", "jane") // the first four digits must differ
		create := func(device, pin string) string {
			return w.call("/access_codes/create", object{"device_id": device, "code": pin}).obj("access_code").str("access_code_id")
		}
		id := create(lock, "135790")
		if there, here := w.printOf(create(other, "135790")), w.printOf(id); bytes.Equal(there, here) || len(here) != len(there) {
			t.Fatal("prints tell that two devices share a PIN")
		}
		taken := func(when string) {
			t.Helper()
			if status, out := w.request(caller{}, "/access_codes/create", object{"device_id": lock, "code": "135777"}); status != 400 {
				t.Fatalf("%s: %d %v", when, status, out)
			}
			create(lock, "246800")
			w.must(db.Update(ctx, func(tx *store.Tx) error {
				_, err := tx.Exec(ctx, `DELETE FROM access_codes WHERE device_id = $1 AND access_code_id <> $2`, lock, id)
				return err
			}, store.Workspace(ws)))
		}
		taken("with prints")
		forget := func(tx *store.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE access_codes SET prints = NULL`)
			return err
		}
		w.must(db.Update(ctx, forget, store.Workspace(ws)))
		taken("without prints")
		old := w.printOf(id)
		if old == nil {
			t.Fatal("prints are not made for codes that had none")
		}
		_, err := w.vault.Rotate()
		w.must(err)
		taken("with prints under another key")
		ring := &keyring.Keyring{DB: db, Vault: w.vault, Sealed: accesscode.Sealed(), Now: time.Now}
		w.must(ring.Reseal(ctx, func(int, int) {}))
		taken("sealed anew")
		if now := w.printOf(id); now == nil || bytes.Equal(now, old) {
			t.Fatal("prints outlive the key that they were made with")
		}
	})
}

// A name that must be unique is compared without opening anything either.
func TestNewNamesRespectThoseThatAreNotOpened(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("august")
		for i, name := range []string{"Anna", "ANNA", "Ann"} {
			pin := fmt.Sprint(7101 + i)
			id := w.call("/access_codes/create", object{"device_id": lock, "name": name, "code": pin,
				"sync": true}).obj("access_code").str("access_code_id")
			if on := w.onLock(lock)[pin].Name; (on == name+" "+id[len(id)-6:]) != (i == 1) {
				t.Errorf("%q is %q on the lock", name, on)
			}
		}
	})
}

// A code for later is on disk, and its lock is not visited before its time.
func TestACodeForLaterHasNoVisit(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("august")
		w.settle()
		starts := w.now.Add(30 * 24 * time.Hour)
		made := w.call("/access_codes/create", object{"device_id": lock, "starts_at": iso(starts), "ends_at": iso(starts.Add(time.Hour))})
		if a := made.obj("action_attempt"); a.str("status") != "success" {
			t.Fatal(a)
		}
		var at int64
		w.must(db.QueryRow(context.Background(), `SELECT run_at FROM jobs WHERE job_id LIKE '%' || $1`, lock).Scan(&at))
		if due := starts.Add(-72 * time.Hour); !store.Time(at).Equal(due) {
			t.Fatalf("the visit is at %s, not at %s", store.Time(at), due)
		}
		id := made.obj("access_code").str("access_code_id")
		w.wantStatus(id, "unset")
		w.advance(30 * 24 * time.Hour)
		w.wantStatus(id, "set")
	})
}
