package conformance

import (
	"testing"
	"time"
)

// The life of access codes and the bolts of locks, over the real server with its jobs; the recorder
// checks every answer against the contract.
func TestCodesAndLocks(t *testing.T) {
	t.Parallel()
	w := start(t)
	ws := text(t, w.ok(t, w.PAT, "", "/workspaces/create", fields{"name": "Locks", "company_name": "Locks", "is_sandbox": true}).object(t,
		"workspace"), "workspace_id")
	ask := func(path string, in fields) answer { t.Helper(); return w.ok(t, w.PAT, ws, path, in) }
	w.connect(t, ws, "schlage")
	ask("/keyway/v1/sandbox/advance_time", fields{"seconds": 0}) // the locks are read
	locks := ask("/locks/list", fields{}).objects(t, "locks")
	lock := text(t, locks[0], "device_id")
	ask("/locks/get", fields{"device_id": lock})

	// The best of many, because the machine may be busy with other things, which no promise is about.
	best := time.Hour
	for range 20 {
		began := time.Now()
		attempt := text(t, ask("/locks/unlock_door", fields{"device_id": lock}).object(t, "action_attempt"), "action_attempt_id")
		for text(t, ask("/action_attempts/get", fields{"action_attempt_id": attempt}).object(t, "action_attempt"), "status") == "pending" {
			if time.Since(began) > time.Minute {
				t.Fatal("the unlock is not settled")
			}
			time.Sleep(5 * time.Millisecond)
		}
		best = min(best, time.Since(began))
	}
	if best > 300*time.Millisecond {
		t.Errorf("an unlock is settled after %v at best", best)
	}
	ask("/locks/lock_door", fields{"device_id": lock, "sync": true})
	ask("/locks/configure_auto_lock", fields{"device_id": lock, "auto_lock_enabled": true, "auto_lock_delay_seconds": 30})

	code := text(t, ask("/access_codes/generate_code", fields{"device_id": lock}).object(t, "generated_code"), "code")
	made := ask("/access_codes/create", fields{"device_id": lock, "name": "Guest", "code": code,
		"starts_at": time.Now().UTC().Format(time.RFC3339), "ends_at": time.Now().Add(48 * time.Hour).UTC().Format(time.RFC3339),
		"use_backup_access_code_pool": true})
	id := text(t, made.object(t, "access_code"), "access_code_id")
	began := time.Now()
	for text(t, ask("/access_codes/get", fields{"access_code_id": id}).object(t, "access_code"), "status") != "set" {
		if time.Since(began) > time.Minute {
			t.Fatal("the code is not set")
		}
		time.Sleep(5 * time.Millisecond)
	}
	ask("/locks/simulate/keypad_code_entry", fields{"device_id": lock, "code": code})
	ask("/locks/simulate/keypad_code_entry", fields{"device_id": lock, "code": "00000000"})
	ask("/locks/simulate/manual_lock_via_keypad", fields{"device_id": lock})
	ask("/access_codes/pull_backup_access_code", fields{"access_code_id": id})
	ask("/access_codes/update", fields{"access_code_id": id, "name": "Guests"})
	ask("/access_codes/get", fields{"device_id": lock, "code": code})
	linked := ask("/access_codes/create_multiple", fields{"device_ids": []string{lock}, "name": "Shared"}).objects(t, "access_codes")[0]
	ask("/access_codes/update_multiple", fields{"common_code_key": linked["common_code_key"], "name": "All"})
	ask("/access_codes/report_device_constraints", fields{"device_id": lock, "supported_code_lengths": []int{len(code)}})
	others := text(t, ask("/access_codes/simulate/create_unmanaged_access_code",
		fields{"device_id": lock, "name": "Neighbor", "code": "57246813"[:len(code)]}).object(t, "access_code"), "access_code_id")
	ask("/access_codes/unmanaged/list", fields{"device_id": lock})
	ask("/access_codes/unmanaged/get", fields{"access_code_id": others})
	ask("/access_codes/unmanaged/convert_to_managed", fields{"access_code_id": others})
	found := ask("/access_codes/simulate/create_unmanaged_access_code",
		fields{"device_id": lock, "name": "Cleaner", "code": "83146275"[:len(code)]}).object(t, "access_code")
	ask("/access_codes/unmanaged/update", fields{"access_code_id": found["access_code_id"], "is_managed": true})
	found = ask("/access_codes/simulate/create_unmanaged_access_code",
		fields{"device_id": lock, "name": "Former", "code": "94257386"[:len(code)]}).object(t, "access_code")
	ask("/access_codes/unmanaged/delete", fields{"access_code_id": found["access_code_id"], "sync": true})
	ask("/access_codes/list", fields{"device_id": lock})

	ask("/devices/simulate/disconnect", fields{"device_id": lock})
	late := text(t, ask("/access_codes/create", fields{"device_id": lock, "name": "Late"}).object(t, "access_code"), "access_code_id")
	ask("/keyway/v1/sandbox/advance_time", fields{"seconds": 600})
	ask("/access_codes/get", fields{"access_code_id": late})
	ask("/locks/unlock_door", fields{"device_id": lock, "sync": true})
	ask("/devices/simulate/connect", fields{"device_id": lock})

	ask("/access_codes/delete", fields{"access_code_id": others, "sync": true})
	ask("/keyway/v1/sandbox/advance_time", fields{"seconds": 72 * 3600})
	ask("/access_codes/get_timeline", fields{"access_code_id": id})
	ask("/events/list", fields{"since": "2000-01-01T00:00:00Z"})
	ask("/action_attempts/list", fields{"device_id": lock})
	w.http.Transport.(*recorder).sawAll(t, "/access_codes/", "/locks/", "/action_attempts/")
}
