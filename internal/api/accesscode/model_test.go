package accesscode_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"keyway/internal/platform/store/storetest"
	"keyway/internal/provider"
	"keyway/internal/provider/sandbox"
)

// model is what should be: a code on a lock is wanted, or it is not.
type model struct {
	pin, name    string
	starts, ends time.Time
	late         bool // it goes onto the lock when it begins, not before
	deleted      bool
	first        *model // as it was made
}

func (m *model) gone(now time.Time) bool {
	return m.deleted || !m.ends.IsZero() && !now.Before(m.ends)
}

// on reports whether the code should be on the lock.
func (m *model) on(now time.Time) bool {
	lead := 72 * time.Hour
	if m.late {
		lead = 0
	}
	return !m.gone(now) && (m.starts.IsZero() || !now.Before(m.starts.Add(-lead)))
}

// status is what the code should be served with while all is well.
func (m *model) status(now time.Time) string {
	if m.starts.IsZero() || !now.Before(m.starts) {
		return "set"
	}
	return "unset"
}

// Whatever is requested of the codes of a lock, whatever goes wrong and whenever the process dies: the
// lock ends in the desired state, and no event is missing or reported twice.
func TestLockEndsWithWhatIsWanted(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := setup(t, storetest.SQLite(t))
		w.t = rt
		lock := w.connect("august")
		w.settle()
		ctx := context.Background()
		codes := map[string]*model{}
		var ids []string
		made, offline := 0, false
		live := func(rt *rapid.T) (string, *model) {
			var out []string
			for _, id := range ids {
				if !codes[id].gone(w.clock()) {
					out = append(out, id)
				}
			}
			if len(out) == 0 {
				rt.Skip("there is no code")
			}
			id := rapid.SampledFrom(out).Draw(rt, "code")
			return id, codes[id]
		}
		frame := func(rt *rapid.T, m *model, in object) {
			if !rapid.Bool().Draw(rt, "time-bound") {
				return
			}
			m.starts = w.clock().Add(time.Duration(rapid.IntRange(-3600, 100*3600).Draw(rt, "starts")) * time.Second).Truncate(time.Millisecond)
			m.ends = w.clock().Add(time.Duration(rapid.IntRange(1, 100*3600).Draw(rt, "lasts")) * time.Second).Truncate(time.Millisecond)
			if !m.ends.After(m.starts) {
				m.ends = m.starts.Add(time.Hour)
			}
			in["starts_at"], in["ends_at"] = iso(m.starts), iso(m.ends)
		}
		schedule := func(rt *rapid.T, m *model, in object) {
			if rapid.Bool().Draw(rt, "schedule") {
				m.late = rapid.Bool().Draw(rt, "late")
				in["prefer_native_scheduling"] = !m.late
			}
		}
		newPIN := func() string { made++; return fmt.Sprintf("%05d", made) }
		// broken is a code on the lock that someone can lay hands on.
		broken := func(rt *rapid.T) provider.Code {
			w.memory.in = 0 // it is not this test that dies
			var all []provider.Code
			for _, c := range w.onLock(lock) {
				all = append(all, c)
			}
			if len(all) == 0 {
				rt.Skip("the lock is empty")
			}
			slices.SortFunc(all, func(a, b provider.Code) int { return len(a.Slot) - len(b.Slot) })
			return all[rapid.IntRange(0, len(all)-1).Draw(rt, "held")]
		}
		rt.Repeat(map[string]func(*rapid.T){
			"create": func(rt *rapid.T) {
				m := &model{pin: newPIN()}
				m.name = "code " + m.pin
				in := object{"device_id": lock, "code": m.pin, "name": m.name}
				frame(rt, m, in)
				schedule(rt, m, in)
				id := w.call("/access_codes/create", in).obj("access_code").str("access_code_id")
				ids = append(ids, id)
				first := *m
				m.first = &first
				codes[id] = m
			},
			"update": func(rt *rapid.T) {
				id, m := live(rt)
				in := object{"access_code_id": id}
				if rapid.Bool().Draw(rt, "code") {
					m.pin = newPIN()
					in["code"] = m.pin
				}
				if rapid.Bool().Draw(rt, "name") {
					m.name = "code " + newPIN()
					in["name"] = m.name
				}
				frame(rt, m, in)
				schedule(rt, m, in)
				w.call("/access_codes/update", in)
			},
			"delete": func(rt *rapid.T) {
				id, m := live(rt)
				w.call("/access_codes/delete", object{"access_code_id": id})
				m.deleted = true
			},
			"someone changes a code": func(rt *rapid.T) {
				if offline {
					rt.Skip()
				}
				c := broken(rt)
				c.PIN = pinOf(newPIN())
				w.must(w.virtual.PutByHand(ctx, w.ref(lock), c))
				w.kick(lock)
			},
			"someone removes a code": func(rt *rapid.T) {
				if offline {
					rt.Skip()
				}
				w.must(w.virtual.DeleteByHand(ctx, w.ref(lock), broken(rt).Slot))
				w.kick(lock)
			},
			// Not one that the lock contains without its times: of those nothing is known to who has it next.
			"another workspace takes a code over, and loses it": func(rt *rapid.T) {
				id, m := live(rt)
				if offline || m.late || len(w.get(id).list("pending_mutations")) > 0 {
					rt.Skip()
				}
				w.memory.in = 0
				w.call("/keyway/v1/sandbox/manage_code_elsewhere", object{"access_code_id": id, "is_managed_elsewhere": true})
				w.refused("/access_codes/unmanaged/convert_to_managed", object{"access_code_id": id}, "access_code_managed_by_another_workspace")
				w.call("/access_codes/unmanaged/convert_to_managed", object{"access_code_id": id, "force": true})
			},
			"trouble": func(rt *rapid.T) {
				w.memory.in = 0
				fault := rapid.SampledFrom([]sandbox.Fault{sandbox.FaultOffline, sandbox.FaultRefused, sandbox.FaultSilent})
				w.must(w.virtual.FailNext(ctx, w.ref(lock), rapid.SliceOfN(fault, 1, 4).Draw(rt, "faults")...))
			},
			"crash": func(rt *rapid.T) { w.memory.in = rapid.IntRange(1, 3).Draw(rt, "after") },
			"disconnect": func(*rapid.T) {
				offline = true
				w.memory.in = 0
				w.call("/devices/simulate/disconnect", object{"device_id": lock})
			},
			"connect": func(*rapid.T) {
				offline = false
				w.memory.in = 0
				w.call("/devices/simulate/connect", object{"device_id": lock})
			},
			"restart": func(*rapid.T) { w.start() },
			"settle":  func(*rapid.T) { w.settle() },
			"wait": func(rt *rapid.T) {
				w.advance(time.Duration(rapid.IntRange(1, 30*3600).Draw(rt, "seconds")) * time.Second)
			},
			"": func(rt *rapid.T) {
				if !rapid.Bool().Draw(rt, "look") {
					return
				}
				w.memory.in, offline = 0, false
				w.must(w.virtual.FailNext(ctx, w.ref(lock)))
				w.call("/devices/simulate/connect", object{"device_id": lock})
				w.advance(7 * time.Hour) // longer than any code waits to be tried again
				now := w.clock()
				want := map[string]string{}
				for _, id := range ids {
					m := codes[id]
					if m.on(now) {
						want[m.pin] = m.name
					}
					w.checkCode(id, m, now)
				}
				got := map[string]string{}
				for pin, c := range w.onLock(lock) {
					got[pin] = c.Name
				}
				if fmt.Sprint(got) != fmt.Sprint(want) {
					rt.Fatalf("on the lock %v, wanted %v", got, want)
				}
				for _, a := range w.call("/action_attempts/list", object{"device_id": lock}).list("action_attempts") {
					if a.str("status") == "pending" {
						rt.Fatalf("an attempt is never settled: %v", a)
					}
				}
				if l := w.call("/access_codes/unmanaged/list", object{"device_id": lock}).list("access_codes"); len(l) != 0 {
					rt.Fatalf("unmanaged codes from nowhere: %v", l)
				}
			},
		})
	})
}

// checkCode compares a code and its events with the model.
func (w *world) checkCode(id string, m *model, now time.Time) {
	w.t.Helper()
	events := w.events(id)
	count := func(kind string) (n int) {
		for _, e := range events {
			if e == kind {
				n++
			}
		}
		return n
	}
	if count("created") != 1 || events[0] != "created" {
		w.t.Fatalf("%s: not created once: %v", m.name, events)
	}
	// A code is reported as set, or as off, only if it was not so before.
	state := ""
	for _, e := range events {
		switch e {
		case "set_on_device", "scheduled_on_device":
			if state == e {
				w.t.Fatalf("%s: %s twice: %v", m.name, e, events)
			}
			state = e
		case "removed_from_device":
			if state == e {
				w.t.Fatalf("%s: %s twice: %v", m.name, e, events)
			}
			state = e
		case "mutations_requested", "modified_external_to_seam", "deleted_external_to_seam":
			state = ""
		}
	}
	if m.gone(now) {
		if count("deleted") != 1 || events[len(events)-1] != "deleted" {
			w.t.Fatalf("%s: gone, but %v", m.name, events)
		}
		w.refused("/access_codes/get", object{"access_code_id": id}, "access_code_not_found")
		return
	}
	if count("deleted") != 0 {
		w.t.Fatalf("%s: there, but %v", m.name, events)
	}
	c := w.get(id)
	if c.str("status") != m.status(now) || c.str("code") != m.pin || c.str("name") != m.name {
		w.t.Fatalf("%s: want %s, got %v\n%v", m.name, m.status(now), c, events)
	}
	if m.status(now) == "set" && count("set_on_device") == 0 {
		w.t.Fatalf("%s: set, but %v", m.name, events)
	}
	w.checkChanges(id, m)
}

// checkChanges follows the events about a code from how it was made to how it is: each change begins
// where the one before ended, so none is missing and none is reported twice.
func (w *world) checkChanges(id string, m *model) {
	w.t.Helper()
	is := map[string]string{"code": m.first.pin, "name": m.first.name, "starts_at": wire(m.first.starts), "ends_at": wire(m.first.ends)}
	value := func(of object, property string) string { return fmt.Sprint(of[property]) }
	changed := 0
	for _, e := range w.call("/events/list", object{"since": "2000-01-01T00:00:00Z", "access_code_id": id}).list("events") {
		var properties []string
		switch e.str("event_type") {
		case "access_code.changed":
			changed++
			continue
		case "access_code.code_changed":
			properties = []string{"code"}
		case "access_code.name_changed":
			properties = []string{"name"}
		case "access_code.time_frame_changed":
			properties = []string{"starts_at", "ends_at"}
		default:
			continue
		}
		if changed == 0 {
			w.t.Fatalf("%s: %v before access_code.changed", m.name, e)
		}
		for _, property := range properties {
			if from := value(e.obj("from"), property); from != is[property] {
				w.t.Fatalf("%s: the %s was %s, and a change of it tells from %s", m.name, property, is[property], from)
			}
			is[property] = value(e.obj("to"), property)
		}
	}
	if want := map[string]string{"code": m.pin, "name": m.name, "starts_at": wire(m.starts), "ends_at": wire(m.ends)}; !maps.Equal(is, want) {
		w.t.Fatalf("%s: by what events tell it is %v, want %v", m.name, is, want)
	}
}

// wire is a time as fmt prints it when it was served.
func wire(t time.Time) string {
	if t.IsZero() {
		return "<nil>"
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}
