package accesscode_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"keyway/internal/platform/store"
	"keyway/internal/platform/store/storetest"
)

// state replaces what is stored of a code's state, and gives what it was.
func (w *world) state(id string, is []byte) (was []byte) {
	w.t.Helper()
	ctx := context.Background()
	w.must(w.db.QueryRow(ctx, `SELECT state FROM access_codes WHERE access_code_id = $1`, id).Scan(&was))
	w.must(w.db.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE access_codes SET state = $2 WHERE access_code_id = $1`, id, is)
		return err
	}))
	return was
}

// A lock is visited without opening the codes for which nothing is to be done, so that a thousand stays
// of next year do not make today's late.
func TestVisitsLetCodesSleep(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("august")
		w.settle()
		begins := w.clock().Add(90 * 24 * time.Hour)
		create := func(in object) string {
			in["device_id"] = lock
			return w.call("/access_codes/create", in).obj("access_code").str("access_code_id")
		}
		far := create(object{"starts_at": iso(begins), "ends_at": iso(begins.Add(48 * time.Hour))})
		was := w.state(far, []byte("nobody can open this"))
		today := create(object{"code": "1357"})
		w.settle()
		w.wantStatus(today, "set")
		w.state(far, was)

		// It is woken by whatever shows on it.
		w.call("/devices/simulate/disconnect", object{"device_id": lock})
		w.settle()
		if errs := w.get(far).list("errors"); len(errs) != 1 {
			t.Fatal(errs)
		}
		w.call("/devices/simulate/connect", object{"device_id": lock})
		w.settle()
		if errs := w.get(far).list("errors"); len(errs) != 0 {
			t.Fatal(errs)
		}
		w.call("/access_codes/update", object{"access_code_id": today, "use_backup_access_code_pool": true})
		w.settle()
		if far := w.get(far); far["is_backup_access_code_available"] != true {
			t.Fatal(far)
		}
		w.call("/devices/update", object{"device_id": lock, "is_managed": false})
		w.settle()
		w.wantEvents(far, "created", "mutations_requested", "deleted")
	})
}

// Also a code that a version stored which knew no idleSpan wakes in time, as every other.
func TestSleepingCodesWakeInTime(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("august")
		w.settle()
		begins := w.clock().Add(90 * 24 * time.Hour)
		var ids []string
		for range 2 {
			ids = append(ids, w.call("/access_codes/create", object{"device_id": lock,
				"starts_at": iso(begins), "ends_at": iso(begins.Add(48 * time.Hour))}).obj("access_code").str("access_code_id"))
			begins = begins.Add(30 * 24 * time.Hour)
		}
		ctx := context.Background()
		w.must(db.Update(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE access_codes SET asleep_until = NULL, asleep_in = NULL WHERE access_code_id = $1`, ids[0])
			return err
		}))
		w.kick(lock)
		var until sql.NullInt64
		if w.must(db.QueryRow(ctx, `SELECT asleep_until FROM access_codes WHERE access_code_id = $1`, ids[0]).Scan(&until)); !until.Valid {
			t.Fatal("the code stays active")
		}
		whole := []string{"created", "mutations_requested", "scheduled_on_device", "set_on_device", "removed_from_device", "deleted"}
		w.advance(91 * 24 * time.Hour)
		w.wantStatus(ids[0], "set")
		w.wantStatus(ids[1], "unset")
		w.advance(27 * 24 * time.Hour)
		w.wantEvents(ids[0], whole...)
		w.wantStatus(ids[1], "unset")
		if on := w.onLock(lock); len(on) != 1 {
			t.Fatal("three days before it begins, the second code is not on the lock", on)
		}
		w.advance(10 * 24 * time.Hour)
		w.wantEvents(ids[1], whole...)
	})
}
