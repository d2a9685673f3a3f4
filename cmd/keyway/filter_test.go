package main

import (
	"fmt"
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

// narrowing is a value of a list's parameter and what it must leave of the list.
type narrowing struct {
	value any
	keep  func(fields) bool // nil: nothing is left
}

// listed is a list with a narrowing for each of its parameters.
type listed struct {
	items, id string // the keys of the list in the answer and of the id in an item
	always    fields // without which it does not answer
	params    map[string]narrowing
}

// is keeps what has a value.
func is(key string, value any) narrowing {
	return narrowing{value, func(item fields) bool { return item[key] == value }}
}

// any of several values.
func oneOf(key string, values ...any) narrowing {
	return narrowing{values, func(item fields) bool { return slices.Contains(values, item[key]) }}
}

// Every parameter of every list does what it says: it leaves some and takes some away. A list without a
// row here, and a parameter without a narrowing, fails.
func TestEveryFilterFilters(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
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
		set("/connected_accounts/update", fields{"connected_account_id": own["connected_account_id"], "custom_metadata": fields{"bird": metadata}})
		pale := w.ok(t, w.here.key, "/connect_webviews/create", fields{"custom_metadata": fields{"bird": metadata}}).object(t, "connect_webview")["connect_webview_id"].(string)
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
		about := map[string]string{}
		for _, name := range []string{"access_code", "access_grant", "access_method", "acs_access_group", "acs_credential", "acs_encoder", "acs_entrance",
			"acs_system", "acs_user", "connect_webview", "space", "user_identity"} {
			about[name+"_id"] = store.NewID()
			w.happen(t, w.here.id, event.Event{Type: "lock.unlocked", CustomerKey: "c", Fields: fields{name + "_id": about[name+"_id"]}})
		}

		nothing := func(value any) narrowing { return narrowing{value: value} }
		nowhere := nothing(store.NewID())
		bird := narrowing{fields{"bird": metadata}, func(item fields) bool { return item["custom_metadata"].(fields)["bird"] == metadata }}
		in := func(part, key string) narrowing {
			return narrowing{own[part], func(item fields) bool { return item[key] == own[key] }}
		}
		works := func(flag string, want bool) narrowing {
			return narrowing{[]string{flag}, func(item fields) bool { return (item[flag] == true) == want }}
		}
		devices := func(id string, more map[string]narrowing) map[string]narrowing {
			out := map[string]narrowing{
				"connected_account_id": in("connected_account_id", "connected_account_id"), "connected_account_ids": oneOf("connected_account_id", own["connected_account_id"]),
				"connect_webview_id": in("connect_webview_id", "connected_account_id"), "custom_metadata_has": bird,
				"created_before":      {halfway, func(item fields) bool { return item["created_at"].(string) < halfway }},
				"customer_key":        {"mine", func(item fields) bool { return item["connected_account_id"] == own["connected_account_id"] }},
				"user_identifier_key": {"u1", func(item fields) bool { return item["connected_account_id"] == own["connected_account_id"] }},
				"device_ids":          oneOf("device_id", own[id]), "device_type": is("device_type", "nuki_lock"), "device_types": oneOf("device_type", "nuki_lock"),
				"include_if": works("can_simulate_removal", true), "exclude_if": works("can_simulate_removal", false),
				"manufacturer": {"nuki", func(item fields) bool { return item["device_type"] == "nuki_lock" }},
				"search":       {own[id][:30], func(item fields) bool { return item["device_id"] == own[id] }},
				"space_id":     nowhere, "unstable_location_id": nowhere,
			}
			maps.Copy(out, more)
			return out
		}
		named := map[string]narrowing{"search": {"nen CLO", func(item fields) bool { return item["device_id"] == own["device_id"] }}}
		events := map[string]narrowing{
			"since": {halfway, func(item fields) bool { return item["occurred_at"].(string) > halfway }}, "between": {[]string{ever, halfway}, func(item fields) bool { return item["occurred_at"].(string) < halfway }},
			"event_type": is("event_type", "device.added"), "event_types": oneOf("event_type", "device.added", "device.connected"), "event_ids": oneOf("event_id", own["event_id"]),
			"device_id": is("device_id", own["device_id"]), "device_ids": oneOf("device_id", own["device_id"], other["device_id"]),
			"connected_account_id": is("connected_account_id", own["connected_account_id"]), "customer_key": is("customer_key", "theirs"),
		}
		for name, id := range about {
			events[name], events[name+"s"] = is(name, id), oneOf(name, id, store.NewID())
		}
		lists := map[string]listed{
			"/devices/list":           {"devices", "device_id", nil, devices("device_id", named)},
			"/locks/list":             {"devices", "device_id", nil, devices("device_id", named)},
			"/devices/unmanaged/list": {"devices", "device_id", nil, devices("unmanaged_device_id", nil)},
			"/connected_accounts/list": {"connected_accounts", "connected_account_id", nil, map[string]narrowing{
				"custom_metadata_has": bird, "customer_key": is("customer_key", "mine"), "user_identifier_key": {"u1", in("", "connected_account_id").keep},
				"search": {"ue PARR", bird.keep}, "space_id": nowhere}},
			"/connect_webviews/list": {"connect_webviews", "connect_webview_id", nil, map[string]narrowing{
				"custom_metadata_has": bird, "customer_key": is("customer_key", "mine"), "user_identifier_key": {"u1", in("", "connect_webview_id").keep},
				"search": {pale[:30], func(item fields) bool { return item["connect_webview_id"] == pale }}}},
			"/client_sessions/list": {"client_sessions", "client_session_id", nil, map[string]narrowing{
				"client_session_id": is("client_session_id", user), "connect_webview_id": {own["connect_webview_id"], is("client_session_id", user).keep},
				"user_identifier_key": is("user_identifier_key", "u1"), "user_identity_id": is("user_identity_id", identity),
				"without_user_identifier_key": {true, func(item fields) bool { return item["user_identifier_key"] == nil }}}},
			"/access_codes/list": {"access_codes", "access_code_id", nil, map[string]narrowing{
				"access_code_ids": oneOf("access_code_id", own["access_code_id"]), "device_id": is("device_id", own["device_id"]),
				"customer_key": {"mine", in("", "device_id").keep}, "user_identifier_key": {"u1", in("", "device_id").keep}, "search": {"LUMB", in("", "access_code_id").keep},
				"access_grant_id": nowhere, "access_grant_key": nothing("key"), "access_method_id": nowhere}},
			"/access_codes/unmanaged/list": {"access_codes", "access_code_id", fields{"device_id": own["device_id"]}, map[string]narrowing{
				"device_id": nothing(store.NewID()), "user_identifier_key": nothing("nobody"), "search": {"608", func(item fields) bool {
					return strings.Contains(fmt.Sprint(item["code"], item["access_code_id"]), "608")
				}}}},
			"/access_codes/get_timeline": {"timeline_events", "timeline_event_id", fields{"access_code_id": own["access_code_id"]}, map[string]narrowing{
				"after":  {halfway, func(item fields) bool { return item["occurred_at"].(string) > halfway }},
				"before": {halfway, func(item fields) bool { return item["occurred_at"].(string) < halfway }}, "event_types": oneOf("event_type", "access_code.name_changed")}},
			"/action_attempts/list": {"action_attempts", "action_attempt_id", nil, map[string]narrowing{
				"action_attempt_ids": oneOf("action_attempt_id", own["action_attempt_id"]),
				"device_id":          {other["device_id"], func(item fields) bool { return slices.Contains(attempts, item["action_attempt_id"].(string)) }}}},
			"/events/list":   {"events", "event_id", fields{"since": ever}, events},
			"/webhooks/list": {"webhooks", "webhook_id", nil, nil},
			"/devices/list_device_providers": {"device_providers", "device_provider_name", nil, map[string]narrowing{
				"provider_category": {"thermostats", func(item fields) bool {
					return slices.Contains(item["provider_categories"].([]any), any("thermostats"))
				}}}},
		}
		for _, e := range w.rpc.Endpoints() {
			if !strings.HasPrefix(e.Path, "/keyway/") && (strings.HasSuffix(e.Path, "/list") || len(lists[e.Path].params) > 0) && e.Path != "/workspaces/list" { // its token decides
				l, known := lists[e.Path]
				if !known {
					t.Errorf("%s: no row", e.Path)
					continue
				}
				t.Run(strings.ReplaceAll(e.Path[1:], "/", " "), func(t *testing.T) { w.narrow(t, e, l) })
			}
		}
	})
}

// narrow holds one list against what each of its parameters must leave of it.
func (w *world) narrow(t *testing.T, e *rpc.Endpoint, l listed) {
	t.Helper()
	read := func(body fields) (items []fields, cursor any) {
		a := w.ok(t, w.here.key, e.Path, body)
		for _, item := range a.body[l.items].([]any) {
			items = append(items, item.(fields))
		}
		pages, _ := a.body["pagination"].(fields)
		return items, pages["next_page_cursor"]
	}
	with := func(param string, value any) fields {
		body := fields{}
		if maps.Copy(body, l.always); param == "between" {
			delete(body, "since")
		}
		body[param] = value
		return body
	}
	ids := func(items []fields) (out []string) {
		for _, item := range items {
			out = append(out, item[l.id].(string))
		}
		return out
	}
	all, _ := read(l.always)
	if len(all) < 2 {
		t.Fatalf("a list of %d shows nothing", len(all))
	}
	for _, p := range e.Parameters() {
		n, known := l.params[p.Name]
		want := slices.DeleteFunc(slices.Clone(all), func(item fields) bool { return n.keep == nil || !n.keep(item) })
		switch p.Name {
		case "limit":
			n.value, want = 1, all[:1]
			for e.Path == "/access_codes/get_timeline" && all[len(want)]["occurred_at"] == all[0]["occurred_at"] {
				want = all[:len(want)+1] // it does not part what happened at one moment
			}
		case "unstable_offset":
			n.value, want = 1, all[1:]
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
			if _, always := l.always[p.Name]; always && !known {
				continue // it is what the rest is about
			}
			if !known {
				t.Errorf("no narrowing for %s", p.Name)
				continue
			}
			if n.keep != nil && (len(want) == 0 || len(want) == len(all)) {
				t.Errorf("%s %v would leave %d of %d, which shows nothing", p.Name, n.value, len(want), len(all))
			}
		}
		if got, _ := read(with(p.Name, n.value)); !slices.Equal(ids(got), ids(want)) {
			t.Errorf("%s %v leaves %d of %d, want %d", p.Name, n.value, len(got), len(all), len(want))
		}
	}
}

// Whatever is in a workspace is found by its id, and in no other workspace; a code by its PIN too.
func TestFindAnythingFindsEverything(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		own, kinds := w.part(t, w.here, "sam", "mine"), map[string]string{"device_id": "devices", "unmanaged_device_id": "unmanaged_devices",
			"connected_account_id": "connected_accounts", "connect_webview_id": "connect_webviews", "client_session_id": "client_sessions", "access_code_id": "access_codes",
			"unmanaged_access_code_id": "unmanaged_access_codes", "action_attempt_id": "action_attempts", "event_id": "events"}
		for name, kind := range kinds {
			id := strings.TrimPrefix(name, "unmanaged_")
			if got := w.ok(t, w.here.key, "/workspaces/find_anything", fields{"search": own[name]}).object(t, "batch"); !slices.Contains(answer{body: got}.ids(kind, id), own[name]) {
				t.Errorf("%s: %v", kind, got)
			}
			if got := w.ok(t, w.abroad.key, "/workspaces/find_anything", fields{"search": own[name]}); strings.Contains(got.raw, own[name]) {
				t.Errorf("%s of another workspace: %s", kind, got.raw)
			}
		}
		if got := w.ok(t, w.here.key, "/workspaces/find_anything", fields{"search": "482"}).object(t, "batch"); !slices.Contains(answer{body: got}.ids("access_codes", "access_code_id"), own["access_code_id"]) {
			t.Errorf("by its PIN: %v", got)
		}
	})
}
