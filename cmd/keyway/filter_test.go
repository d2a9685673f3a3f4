package main

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"keyway/internal/api/event"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/platform/store/storetest"
)

// Every parameter of every list does what it says: it leaves some and takes some away, and the database finds these by an
// index, or reads a bounded number of rows. A list that its package does not declare, a parameter without a narrowing, and a
// new filter without an index fail.
func TestEveryFilterFilters(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		w.planner = newPlanner(t, db)
		own := w.part(t, w.here, "sam", "mine")
		_ = w.part(t, w.abroad, "sam", "mine")
		time.Sleep(5 * time.Millisecond)
		halfway := time.Now().UTC().Format("2006-01-02T15:04:05.000Z")
		time.Sleep(5 * time.Millisecond)
		other := w.part(t, w.here, "john", "theirs")
		set := func(path string, body fields) { w.ok(t, w.here.key, path, body) }
		for _, brand := range []string{"nuki", "ecobee"} {
			account := w.connect(t, w.here, brand, "sam")
			devices := w.ok(t, w.here.key, "/devices/list", fields{"connected_account_id": account}).ids("devices", "device_id")
			set("/devices/update", fields{"device_id": devices[len(devices)-1], "is_managed": false})
		}
		const metadata = "blue parrot"
		set("/devices/update", fields{"device_id": own["device_id"], "name": "Linen closet", "custom_metadata": fields{"bird": metadata}})
		set("/devices/unmanaged/update", fields{"device_id": own["unmanaged_device_id"], "custom_metadata": fields{"bird": metadata}})
		set("/connected_accounts/update", fields{"connected_account_id": own["connected_account_id"],
			"custom_metadata": fields{"bird": metadata}})
		pale := w.ok(t, w.here.key, "/connect_webviews/create", fields{"custom_metadata": fields{"bird": metadata}}).object(t,
			"connect_webview")["connect_webview_id"].(string)
		user, _ := w.session(t, w.here, fields{"user_identifier_key": "u1", "connected_account_ids": []string{own["connected_account_id"]},
			"connect_webview_ids": []string{own["connect_webview_id"]}})
		identity := store.NewID()
		w.identify(t, w.here, user, identity)
		w.session(t, w.here, fields{"connected_account_ids": []string{other["connected_account_id"]}})
		set("/access_codes/update", fields{"access_code_id": own["access_code_id"], "name": "Plumber"})
		set("/access_codes/simulate/create_unmanaged_access_code", fields{"device_id": own["device_id"], "name": "Painter", "code": "6080"})
		rows, err := db.Query(t.Context(), `SELECT action_attempt_id FROM action_attempts WHERE device_id = $1`, other["device_id"])
		attempts, err := store.All(rows, err, store.One[string])
		if err != nil {
			t.Fatal(err)
		}
		named := values{"ever": ever, "halfway": halfway, "metadata": metadata, "pale_connect_webview_id": pale, "user_session_id": user,
			"user_session_identity_id": identity}
		for name, id := range own {
			named[name] = id
		}
		for name, id := range other {
			named["other."+name] = id
		}
		ids := []any{}
		for _, id := range attempts {
			ids = append(ids, id)
		}
		named["other.action_attempt_ids"] = ids
		for _, name := range []string{"access_code", "access_grant", "access_method", "acs_access_group", "acs_credential", "acs_encoder",
			"acs_entrance",
			"acs_system", "acs_user", "connect_webview", "space", "user_identity"} {
			id := store.NewID()
			named["about."+name+"_id"] = id
			w.happen(t, w.here.id, event.Event{Type: "lock.unlocked", CustomerKey: "c", Fields: fields{name + "_id": id}})
		}
		document := w.document
		for _, e := range w.rpc.Endpoints() {
			if w.document = document; e.Path == "/events/list" {
				w.document = nil // the events about resources are made up, and lack what events of their type have
			}
			l := declaredOf(t, e.Path).List
			// its token decides
			if l == nil && !strings.HasPrefix(e.Path, "/keyway/") && strings.HasSuffix(e.Path, "/list") && e.Path != "/workspaces/list" {
				t.Errorf("%s: its package declares no narrowings", e.Path)
			}
			if l != nil {
				t.Run(strings.ReplaceAll(e.Path[1:], "/", " "), func(t *testing.T) { w.narrow(t, e, *l, named.of(t)) })
			}
		}
	})
}

// orders are the parameters that say from where on a list is read in its order, which needs no other index.
var orders = []string{"limit", "page_cursor", "unstable_offset", "created_before", "since", "between"}

// narrow checks one list against what each of its parameters must leave of it.
func (w *world) narrow(t *testing.T, e *rpc.Endpoint, l listed, named func(string) any) {
	t.Helper()
	always := filled(l.Always, named).(fields)
	read := func(body fields) (items []fields, cursor any) {
		a := w.ok(t, w.here.key, e.Path, body)
		for _, item := range a.body[l.Items].([]any) {
			items = append(items, item.(fields))
		}
		pages, _ := a.body["pagination"].(fields)
		return items, pages["next_page_cursor"]
	}
	with := func(param string, value any) fields {
		body := fields{}
		if maps.Copy(body, always); param == "between" {
			delete(body, "since")
		}
		body[param] = value
		return body
	}
	ids := func(items []fields) (out []string) {
		for _, item := range items {
			out = append(out, item[l.ID].(string))
		}
		return out
	}
	all, _ := read(always)
	if len(all) < 2 {
		t.Fatalf("a list of %d shows nothing", len(all))
	}
	for _, p := range e.Parameters() {
		n, known := l.Params[p.Name]
		n = n.filled(named)
		want := slices.DeleteFunc(slices.Clone(all), func(item fields) bool { return !n.keeps(item) })
		switch p.Name {
		case "limit":
			n.Value, want = 1, all[:1]
			for e.Path == "/access_codes/get_timeline" && all[len(want)]["occurred_at"] == all[0]["occurred_at"] {
				want = all[:len(want)+1] // it does not part what happened at one moment
			}
		case "unstable_offset":
			n.Value, want = 1, all[1:]
		case "page_cursor":
			body := with("limit", 1)
			_, cursor := read(body)
			if cursor == nil {
				continue // it has no pages
			}
			body["page_cursor"] = cursor
			if got, _ := read(body); !slices.Equal(ids(got), ids(all[1:2])) {
				t.Errorf("the second page is %v, want %v", ids(got), ids(all[1:2]))
			}
			continue
		default:
			if _, always := always[p.Name]; always && !known {
				continue // it is what the rest is about
			}
			if !known {
				t.Errorf("no narrowing for %s", p.Name)
				continue
			}
			if n.Keep != nil && (len(want) == 0 || len(want) == len(all)) {
				t.Errorf("%s %v would leave %d of %d, which shows nothing", p.Name, n.Value, len(want), len(all))
			}
		}
		if w.planner != nil {
			_ = w.planner.taken()
		}
		if got, _ := read(with(p.Name, n.Value)); !slices.Equal(ids(got), ids(want)) {
			t.Errorf("%s %v leaves %d of %d, want %d", p.Name, n.Value, len(got), len(all), len(want))
		}
		if w.planner != nil && !slices.Contains(orders, p.Name) {
			w.planner.check(t, e.Path+" "+p.Name)
		}
	}
}

// Whatever is in a workspace is found by its id, and in no other workspace; a code by its PIN too.
func TestFindAnythingFindsEverything(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		own, kinds := w.part(t, w.here, "sam", "mine"), map[string]string{"device_id": "devices", "unmanaged_device_id": "unmanaged_devices",
			"connected_account_id": "connected_accounts", "connect_webview_id": "connect_webviews", "client_session_id": "client_sessions",
			"access_code_id":           "access_codes",
			"unmanaged_access_code_id": "unmanaged_access_codes", "action_attempt_id": "action_attempts", "event_id": "events"}
		for name, kind := range kinds {
			id := strings.TrimPrefix(name, "unmanaged_")
			if got := w.ok(t, w.here.key, "/workspaces/find_anything", fields{"search": own[name]}).object(t,
				"batch"); !slices.Contains(answer{body: got}.ids(kind, id), own[name]) {
				t.Errorf("%s: %v", kind, got)
			}
			if got := w.ok(t, w.abroad.key, "/workspaces/find_anything", fields{"search": own[name]}); strings.Contains(got.raw, own[name]) {
				t.Errorf("%s of another workspace: %s", kind, got.raw)
			}
		}
		if got := w.ok(t, w.here.key, "/workspaces/find_anything", fields{"search": "482"}).object(t,
			"batch"); !slices.Contains(answer{body: got}.ids("access_codes", "access_code_id"), own["access_code_id"]) {
			t.Errorf("by its PIN: %v", got)
		}
	})
}
