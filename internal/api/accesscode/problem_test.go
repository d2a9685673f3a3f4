package accesscode_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"keyway/internal/platform/retention"
	"keyway/internal/platform/store"
	"keyway/internal/platform/store/storetest"
	"keyway/internal/provider/sandbox"
)

// problems are the codes of the errors and warnings of something.
func problems(o object) (out []string) {
	for _, e := range o.list("errors") {
		out = append(out, e.str("error_code"))
	}
	for _, e := range o.list("warnings") {
		out = append(out, e.str("warning_code"))
	}
	return out
}

func (w *world) wantOnDevice(deviceID string, want ...string) {
	w.t.Helper()
	if got := problems(w.call("/devices/get", object{"device_id": deviceID}).obj("device")); !slices.Equal(got, want) {
		w.t.Fatalf("the device has %v, want %v", got, want)
	}
}

func TestThePoolShowsOnTheDevice(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("schlage")
		w.settle()
		ctx := context.Background()
		w.must(w.virtual.FailNext(ctx, w.ref(lock), sandbox.FaultRefused, sandbox.FaultRefused, sandbox.FaultRefused))
		w.call("/devices/update", object{"device_id": lock, "backup_access_code_pool_enabled": true})
		w.settle()
		w.wantOnDevice(lock, "empty_backup_access_code_pool")
		w.must(w.virtual.FailNext(ctx, w.ref(lock), sandbox.FaultRefused))
		w.advance(3 * time.Second)
		w.wantOnDevice(lock, "partial_backup_access_code_pool")
		w.advance(time.Minute)
		w.wantOnDevice(lock)
		ends := iso(w.clock().Add(time.Hour))
		for range 4 {
			id := w.call("/access_codes/create", object{"device_id": lock, "ends_at": ends, "sync": true}).obj("access_code").str("access_code_id")
			w.call("/access_codes/pull_backup_access_code", object{"access_code_id": id})
			w.settle()
		}
		w.wantOnDevice(lock, "many_active_backup_codes")
		w.advance(2 * time.Hour)
		w.wantOnDevice(lock)
		w.call("/devices/simulate/disconnect", object{"device_id": lock})
		w.call("/devices/update", object{"device_id": lock, "backup_access_code_pool_enabled": false})
		w.settle()
		w.wantOnDevice(lock, "device_disconnected")
	})
}

func TestAFullLockShows(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("keynest") // stores ten codes
		var last string
		for range 10 {
			last = w.call("/access_codes/create", object{"device_id": lock}).obj("access_code").str("access_code_id")
		}
		w.settle()
		w.wantOnDevice(lock, "max_access_codes_reached")
		warning := w.call("/devices/get", object{"device_id": lock}).obj("device").list("warnings")[0]
		if warning["active_access_code_count"] != 10.0 || warning["max_active_access_code_count"] != 10.0 {
			t.Fatal(warning)
		}
		w.call("/access_codes/delete", object{"access_code_id": last})
		w.settle()
		w.wantOnDevice(lock)
	})
}

func TestCodesTellWhatIsWrongAroundThem(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("august")
		w.settle()
		w.memory.fail = errors.New("the cloud says 1357 is odd")
		id := w.call("/access_codes/create", object{"device_id": lock, "code": "1357"}).obj("access_code").str("access_code_id")
		w.advance(time.Minute)
		if got := problems(w.get(id)); !slices.Equal(got, []string{"provider_issue"}) {
			t.Fatal(got)
		}
		w.memory.fail = nil
		w.advance(time.Hour)
		if got := problems(w.get(id)); got != nil {
			t.Fatal(got)
		}
		other := w.call("/access_codes/simulate/create_unmanaged_access_code",
			object{"device_id": lock, "name": "Neighbor", "code": "0042"}).obj("access_code").str("access_code_id")
		w.call("/devices/simulate/disconnect", object{"device_id": lock})
		w.settle()
		unmanaged := w.call("/access_codes/unmanaged/get", object{"access_code_id": other}).obj("access_code")
		for _, c := range []object{w.get(id), unmanaged} {
			if got := problems(c); !slices.Equal(got, []string{"device_disconnected"}) {
				t.Fatal(got)
			}
		}
	})
}

// What a page of a timeline leaves out is on the next, once, however much happened at one moment; and
// what is purged from the log leaves nothing behind.
func TestTimelinePagesAndRetention(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		lock := w.connect("august")
		w.settle()
		id := w.call("/access_codes/create", object{"device_id": lock, "name": "a"}).obj("access_code").str("access_code_id")
		w.settle()
		for _, name := range []string{"b", "c"} {
			w.advance(time.Second + 300*time.Microsecond)
			w.call("/access_codes/update", object{"access_code_id": id, "name": name})
			w.settle()
		}
		all := w.events(id)
		var paged []string
		in := object{"access_code_id": id, "limit": 1}
		for range all {
			answer := w.call("/access_codes/get_timeline", in)
			for _, e := range answer.list("timeline_events") {
				paged = append(paged, e.str("event_type")[len("access_code."):])
			}
			if answer.obj("pagination")["has_more"] != true {
				break
			}
			in["after"] = answer.obj("pagination").str("next_cursor")
		}
		if fmt.Sprint(paged) != fmt.Sprint(all) || len(all) < 8 {
			t.Fatalf("pages\n got %v\nwant %v", paged, all)
		}
		w.log.Retention = time.Minute
		later := func() time.Time { return w.now.Add(time.Hour) }
		w.must((&retention.Purger{DB: db, Log: slog.New(slog.DiscardHandler), Now: later, Tables: w.log.Tables()}).Apply(context.Background()))
		var left int
		w.must(db.QueryRow(context.Background(), `SELECT count(*) FROM event_refs WHERE actor IS NOT NULL`).Scan(&left))
		if left != 0 {
			t.Fatalf("%d places in timelines are left", left)
		}
	})
}
