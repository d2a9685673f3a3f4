package device_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"keyway/internal/api/account"
	"keyway/internal/api/device"
	"keyway/internal/api/workspace"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/wiring/apitest"
)

// home is a sandbox workspace with the devices of three brands, and a token that opens it.
type home struct {
	*apitest.World
	ws                   workspace.Workspace
	pat                  string
	august, yale, ecobee account.Account
	all                  []device.Device
}

func setup(w *apitest.World) home {
	jane := w.Person("jane")
	h := home{World: w, ws: w.Workspace(jane, "Home", true)}
	h.pat, _ = w.PAT(jane)
	h.august, h.yale, h.ecobee = w.Connect(h.ws, "august"), w.Connect(h.ws, "yale"), w.Connect(h.ws, "ecobee")
	other := w.Workspace(jane, "Other", true)
	w.Connect(other, "august") // must never be seen
	h.all = h.list(nil)
	return h
}

func (h home) call(path string, in, out any) {
	h.Call(apitest.Request{Path: path, Token: h.pat, Workspace: h.ws.ID, Body: in}, out)
}

func (h home) list(in any) []device.Device {
	var out struct {
		Devices []device.Device `json:"devices"`
	}
	h.call("/devices/list", in, &out)
	return out.Devices
}

func (h home) get(t *testing.T, id string) (d device.Device) {
	t.Helper()
	var out struct {
		Device device.Device `json:"device"`
	}
	h.call("/devices/get", map[string]any{"device_id": id}, &out)
	return out.Device
}

func (h home) update(id string, changes map[string]any) {
	changes["device_id"] = id
	h.call("/devices/update", changes, nil)
}

func (h home) refuseUpdate(t *testing.T, id string, changes map[string]any, param string) {
	t.Helper()
	changes["device_id"] = id
	f := h.Refused(apitest.Request{Path: "/devices/update", Token: h.pat, Workspace: h.ws.ID, Body: changes}, 400, "invalid_input")
	if f.Issues[param] == nil {
		t.Errorf("the issues do not name %s: %v", param, f.Issues)
	}
}

func ids(devices []device.Device) (out []string) {
	for _, d := range devices {
		out = append(out, d.ID)
	}
	return out
}

func TestFilters(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := setup(w)
		only := func(keep func(device.Device) bool) []string {
			return ids(slices.DeleteFunc(slices.Clone(h.all), func(d device.Device) bool { return !keep(d) }))
		}
		of := func(acc account.Account) []string {
			return only(func(d device.Device) bool { return d.ConnectedAccountID == acc.ID })
		}
		works := func(flag *bool) bool { return flag != nil && *flag }
		everything, first := ids(h.all), h.all[0]
		if len(of(h.august)) == 0 || len(of(h.yale)) == 0 || len(of(h.ecobee)) == 0 ||
			len(everything) != len(of(h.august))+len(of(h.yale))+len(of(h.ecobee)) {
			t.Fatalf("%d devices", len(everything))
		}
		h.update(first.ID, map[string]any{"custom_metadata": map[string]any{"floor": "two", "spare": true}, "name": "Linen Closet"})
		h.update(h.all[1].ID, map[string]any{"custom_metadata": map[string]any{"floor": "two"}})
		nothing := []string{}
		type in = map[string]any
		for name, tt := range map[string]struct {
			in   in
			want []string
		}{
			"nothing asked":         {in{}, everything},
			"connected_account_id":  {in{"connected_account_id": h.yale.ID}, of(h.yale)},
			"connected_account_ids": {in{"connected_account_ids": []string{h.yale.ID, h.ecobee.ID}}, append(of(h.yale), of(h.ecobee)...)},
			"account in the list": {in{"connected_account_id": h.yale.ID, "connected_account_ids": []string{h.yale.ID, h.ecobee.ID}},
				of(h.yale)},
			"account not in the list":   {in{"connected_account_id": h.august.ID, "connected_account_ids": []string{h.yale.ID}}, nothing},
			"unknown account":           {in{"connected_account_id": "nonsense"}, nothing},
			"connect_webview_id":        {in{"connect_webview_id": store.NewID()}, nothing},
			"created_before all":        {in{"created_before": h.all[0].CreatedAt.Format(rpc.TimeForm)}, nothing},
			"created_before now":        {in{"created_before": time.Now().Add(time.Minute).Format(time.RFC3339)}, everything},
			"custom_metadata_has":       {in{"custom_metadata_has": in{"floor": "two"}}, everything[:2]},
			"custom_metadata_has, two":  {in{"custom_metadata_has": in{"floor": "two", "spare": true}}, everything[:1]},
			"custom_metadata_has, type": {in{"custom_metadata_has": in{"spare": "true"}}, nothing},
			"custom_metadata_has, none": {in{"custom_metadata_has": in{"floor": "three"}}, nothing},
			"customer_key":              {in{"customer_key": "c"}, nothing},
			"device_ids":                {in{"device_ids": []string{h.all[2].ID, first.ID, "nonsense"}}, []string{first.ID, h.all[2].ID}},
			"device_ids, empty":         {in{"device_ids": []string{}}, nothing},
			"device_type":               {in{"device_type": "ecobee_thermostat"}, of(h.ecobee)},
			"device_types":              {in{"device_types": []string{"ecobee_thermostat", "yale_lock"}}, append(of(h.yale), of(h.ecobee)...)},
			"device_type in the list":   {in{"device_type": "yale_lock", "device_types": []string{"ecobee_thermostat", "yale_lock"}}, of(h.yale)},
			"another type in the list":  {in{"device_type": "nuki_lock", "device_types": []string{"yale_lock"}}, nothing},
			"include_if": {in{"include_if": []string{"can_remotely_unlock"}}, only(func(d device.Device) bool {
				return works(d.CanRemotelyUnlock)
			})},
			"include_if, two": {in{"include_if": []string{"can_remotely_unlock", "can_hvac_heat"}}, nothing},
			"exclude_if": {in{"exclude_if": []string{"can_hvac_heat"}}, only(func(d device.Device) bool {
				return !works(d.CanHVACHeat)
			})},
			"include_if and exclude_if": {in{"include_if": []string{"can_hvac_heat"}, "exclude_if": []string{"can_hvac_heat"}}, nothing},
			"manufacturer": {in{"manufacturer": "ecobee"}, only(func(d device.Device) bool {
				return d.Manufacturer.Manufacturer == "ecobee"
			})},
			"search, name":               {in{"search": "linen CLO"}, everything[:1]},
			"search, metadata":           {in{"search": "two"}, everything[:2]},
			"search, id":                 {in{"search": first.ID}, everything[:1]},
			"search, account":            {in{"search": h.yale.ID}, of(h.yale)},
			"search, joker":              {in{"search": "%"}, nothing},
			"search, nothing like it":    {in{"search": "zzzz"}, nothing},
			"space_id":                   {in{"space_id": store.NewID()}, nothing},
			"unstable_location_id":       {in{"unstable_location_id": store.NewID()}, nothing},
			"unstable_location_id, null": {in{"unstable_location_id": nil}, everything},
			"user_identifier_key":        {in{"user_identifier_key": "u"}, nothing},
		} {
			got := ids(h.list(tt.in))
			if !slices.Equal(got, tt.want) && len(got)+len(tt.want) > 0 {
				t.Errorf("%s: %v, want %v", name, got, tt.want)
			}
		}
		for param, bad := range map[string]any{"device_type": "toaster", "device_types": []string{"toaster"}, "manufacturer": "acme",
			"include_if": []string{"can_fly"}, "limit": 0, "created_before": "soon", "search": ""} {
			f := h.Refused(apitest.Request{Path: "/devices/list", Token: h.pat, Workspace: h.ws.ID, Body: in{param: bad}}, 400, "invalid_input")
			if f.Issues[param] == nil {
				t.Errorf("%s: %v", param, f.Issues)
			}
		}
		// The longest lists that are taken, and more metadata than a device can have.
		long, has := make([]string, 10_000), in{}
		for i := range long {
			long[i], has[fmt.Sprint("k", i%1000)] = store.NewID(), "v"
		}
		long[5000] = first.ID
		if got := h.list(in{"device_ids": long, "connected_account_ids": append(long[:9999:9999], first.ConnectedAccountID)}); len(got) != 1 {
			t.Errorf("long lists found %d", len(got))
		}
		if got := h.list(in{"custom_metadata_has": has}); len(got) != 0 {
			t.Errorf("1000 keys found %d", len(got))
		}
		// The same by GET, as the SDKs ask.
		q := url.Values{"device_ids": {first.ID, h.all[2].ID}, "custom_metadata_has.spare": {"true"}, "_strict": {"true"}}
		var out struct {
			Devices []device.Device `json:"devices"`
		}
		h.Call(apitest.Request{Method: "GET", Path: "/devices/list?" + q.Encode(), Token: h.pat, Workspace: h.ws.ID}, &out)
		if got := ids(out.Devices); !slices.Equal(got, everything[:1]) {
			t.Errorf("by GET: %v", got)
		}
	})
}

func TestGet(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := setup(w)
		first := h.all[0]
		var out struct {
			Device device.Device `json:"device"`
		}
		if h.call("/devices/get", map[string]any{"name": strings.ToUpper(first.DisplayName)}, &out); out.Device.ID != first.ID {
			t.Errorf("by name: %s", out.Device.ID)
		}
		foreign := w.Workspace(w.Person("john"), "Foreign", true)
		w.Connect(foreign, "august")
		page, err := w.Devices.List(t.Context(), foreign.ID, device.Filter{Limit: 1})
		w.Must(err)
		var theirs device.Device
		w.Must(json.Unmarshal(page.Items[0], &theirs))
		answers := map[string]bool{}
		for _, id := range []string{store.NewID(), theirs.ID, "nonsense", "a\x00b", "é", strings.Repeat("x", 2000)} {
			a := w.Do(apitest.Request{Path: "/devices/get", Token: h.pat, Workspace: h.ws.ID, Body: map[string]any{"device_id": id}})
			answers[a.Body] = true
			if a.Status != 404 || a.Failure(t).Type != "device_not_found" {
				t.Errorf("%q: %d %s", id, a.Status, a.Body)
			}
		}
		w.Refused(apitest.Request{Method: "GET", Path: "/devices/get?device_id=%00%ff", Token: h.pat, Workspace: h.ws.ID}, 400, "invalid_request")
		if len(answers) != 1 {
			t.Errorf("a foreign id and a random one differ: %v", answers)
		}
		h.Refused(apitest.Request{Path: "/devices/get", Token: h.pat, Workspace: h.ws.ID}, 400, "invalid_input")
		h.Refused(apitest.Request{Path: "/devices/update", Token: h.pat, Workspace: h.ws.ID,
			Body: map[string]any{"device_id": theirs.ID, "name": "x"}}, 404, "device_not_found")
	})
}

func TestRename(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := setup(w)
		id, own := h.all[0].ID, h.all[0].DisplayName
		named := func(want, nickname string) {
			t.Helper()
			d := h.get(t, id)
			var name string
			w.Must(json.Unmarshal(d.Properties["name"], &name))
			if d.DisplayName != want || d.Nickname != nickname || name != want {
				t.Errorf("%q %q %q, want %q", d.DisplayName, d.Nickname, name, want)
			}
		}
		h.update(id, map[string]any{"name": " Front <Door> "})
		named("Front <Door>", "Front <Door>")
		h.update(id, map[string]any{"is_managed": true}) // absent is not null
		named("Front <Door>", "Front <Door>")
		h.update(id, map[string]any{"properties": map[string]any{"name": "Older place"}})
		named("Older place", "Older place")
		h.update(id, map[string]any{"name": nil})
		named(own, "")
		h.refuseUpdate(t, id, map[string]any{"name": strings.Repeat("é", 201)}, "name")
		h.refuseUpdate(t, id, map[string]any{"name": 5}, "name")
		named(own, "")
		h.update(id, map[string]any{"name": strings.Repeat("é", 200)})
	})
}

func TestMetadata(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := setup(w)
		id := h.all[0].ID
		type m = map[string]any
		has := func(want m) {
			t.Helper()
			got, err := json.Marshal(h.get(t, id).CustomMetadata)
			w.Must(err)
			text, err := json.Marshal(want)
			w.Must(err)
			if string(got) != string(text) {
				t.Errorf("%s, want %s", got, text)
			}
		}
		set := func(values m) { h.update(id, m{"custom_metadata": values}) }
		refuse := func(values m) { t.Helper(); h.refuseUpdate(t, id, m{"custom_metadata": values}, "custom_metadata") }
		has(m{})
		set(m{"a": "1", "b": true, "c": "3", "d": "4"})
		set(m{"b": false, "c": nil, "d": "", "never": nil})
		has(m{"a": "1", "b": false})
		set(m{})
		has(m{"a": "1", "b": false})
		for _, bad := range []m{{"n": 5}, {"o": m{}}, {"l": []any{}}, {"a.b": "x"}, {strings.Repeat("é", 41): "x"},
			{"v": strings.Repeat("é", 501)}} {
			bad["a"] = "changed"
			refuse(bad)
		}
		has(m{"a": "1", "b": false})
		many := m{}
		for i := range 48 {
			many[fmt.Sprintf("k%02d", i)] = "v"
		}
		set(many)
		refuse(m{"one too many": "v"})
		set(m{"one too many": "v", "a": nil})
		set(m{strings.Repeat("é", 40): strings.Repeat("é", 500), "b": nil})
		if n := len(h.get(t, id).CustomMetadata); n != 50 {
			t.Errorf("%d keys", n)
		}
		if got := ids(h.list(m{"custom_metadata_has": m{"a": "1"}})); len(got) != 0 {
			t.Error("found by what was taken away")
		}
	})
}

func TestEventsOfUpdates(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := setup(w)
		id := h.all[0].ID
		since := w.Now()
		w.Pass(time.Second)
		for _, changes := range []map[string]any{
			{"name": "New", "custom_metadata": map[string]any{"k": "v"}}, {"name": "New"}, {"is_managed": true}, {"is_managed": false},
			{"is_managed": true}, {"custom_metadata": map[string]any{"k": nil}},
		} {
			w.Pass(time.Second)
			h.update(id, changes)
		}
		var out struct {
			Events []map[string]any `json:"events"`
		}
		h.call("/events/list", map[string]any{"since": since, "device_id": id}, &out)
		var kinds []string
		for _, e := range out.Events {
			kinds = append(kinds, e["event_type"].(string))
		}
		if want := []string{"device.name_changed", "device.converted_to_unmanaged",
			"device.unmanaged.converted_to_managed"}; !slices.Equal(kinds, want) {
			t.Fatalf("%v, want %v", kinds, want)
		}
		first := out.Events[0]
		if first["device_name"] != "New" || first["connected_account_id"] != h.all[0].ConnectedAccountID || first["workspace_id"] != h.ws.ID {
			t.Errorf("%v", first)
		}
		if m, _ := first["device_custom_metadata"].(map[string]any); m["k"] != "v" {
			t.Errorf("the event tells the metadata from before: %v", first)
		}
	})
}

func TestUnmanaged(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := setup(w)
		id := h.all[0].ID
		h.update(id, map[string]any{"is_managed": false})
		h.Refused(apitest.Request{Path: "/devices/get", Token: h.pat, Workspace: h.ws.ID, Body: map[string]any{"device_id": id}}, 404,
			"device_not_found")
		if got := h.list(nil); slices.Contains(ids(got), id) || len(got) != len(h.all)-1 {
			t.Error("listed while unmanaged")
		}
		if n, err := w.Devices.Count(t.Context(), h.ws.ID); err != nil || n != len(h.all)-1 {
			t.Errorf("%d counted (%v)", n, err)
		}
		// Connecting the account again changes nothing about it.
		w.Connect(h.ws, "august")
		if len(h.list(nil)) != len(h.all)-1 {
			t.Error("managed again by itself")
		}
		h.update(id, map[string]any{"is_managed": true})
		if !slices.Equal(ids(h.list(nil)), ids(h.all)) {
			t.Error("not listed again in its place")
		}
	})
}

func TestProviders(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := setup(w)
		type answer struct {
			Providers []device.ListedBrand `json:"device_providers"`
		}
		var all, thermostats, none answer
		h.call("/devices/list_device_providers", nil, &all)
		h.call("/devices/list_device_providers", map[string]any{"provider_category": "thermostats"}, &thermostats)
		if len(all.Providers) < 13 || len(thermostats.Providers) == 0 || len(thermostats.Providers) >= len(all.Providers) {
			t.Errorf("%d of %d", len(thermostats.Providers), len(all.Providers))
		}
		for _, p := range thermostats.Providers {
			if !slices.Contains(p.Categories, "thermostats") {
				t.Errorf("%s is in %v", p.Name, p.Categories)
			}
		}
		jane, err := w.People.ByEmail(t.Context(), w.DB, "jane@example.com")
		w.Must(err)
		production := w.Workspace(jane, "Production", false)
		w.Call(apitest.Request{Path: "/devices/list_device_providers", Token: h.pat, Workspace: production.ID}, &none)
		if none.Providers == nil || len(none.Providers) != 0 {
			t.Errorf("in production: %v", none.Providers)
		}
		h.Refused(apitest.Request{Path: "/devices/list_device_providers", Token: h.pat, Workspace: h.ws.ID,
			Body: map[string]any{"provider_category": "toasters"}}, 400, "invalid_input")
	})
}

// A client that has the answer to a write finds it in every later read, though answers are cached.
func TestNoAnswerIsOlderThanAnAcknowledgedWrite(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := setup(w)
		id := h.all[0].ID
		const writes = 150
		var acknowledged atomic.Int64
		var readers sync.WaitGroup
		stop := make(chan struct{})
		reads := map[string]string{"/devices/get": `{"device_id":"` + id + `"}`, "/devices/list": `{"device_ids":["` + id + `"]}`}
		for path, body := range reads {
			for range 2 {
				readers.Go(func() {
					for {
						select {
						case <-stop:
							return
						default:
						}
						known := acknowledged.Load()
						a, err := w.Send(apitest.Request{Path: path, Token: h.pat, Workspace: h.ws.ID, Body: body})
						if err != nil || a.Status != 200 {
							t.Error(a.Status, a.Body, err)
							return
						}
						_, name, _ := strings.Cut(a.Body, `"nickname":"n`)
						var n int64
						fmt.Sscan(strings.SplitN(name, `"`, 2)[0], &n)
						if n < known {
							t.Errorf("%s answered %d after %d had been acknowledged", path, n, known)
							return
						}
					}
				})
			}
		}
		for i := int64(1); i <= writes && !t.Failed(); i++ {
			a, err := w.Send(apitest.Request{Path: "/devices/update", Token: h.pat, Workspace: h.ws.ID,
				Body: fmt.Sprintf(`{"device_id":"%s","name":"n%d"}`, id, i)})
			if err != nil || a.Status != 200 {
				t.Error(a, err)
				break
			}
			acknowledged.Store(i)
			time.Sleep(time.Millisecond) // time to fill the cache with it
		}
		close(stop)
		readers.Wait()
	})
}

// What a rule does to a device that it reached is visible to no one else before it is written.
func TestReachedDevicesAreApart(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := setup(w)
		reach := func() device.Reached {
			r, err := w.Devices.Reach(t.Context(), w.DB, h.ws.ID, h.all[0].ID)
			w.Must(err)
			return r
		}
		text := func() string {
			out, err := json.Marshal(reach().Device)
			w.Must(err)
			return string(out)
		}
		want := text()
		r := reach()
		r.Properties["online"] = json.RawMessage("null")
		r.Errors = append(r.Errors, device.Error{Code: "x"})
		r.CustomMetadata["x"] = "y"
		no := false
		r.CanRemotelyUnlock = &no
		if got := text(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}
