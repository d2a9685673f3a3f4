package account_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"keyway/internal/api/account"
	"keyway/internal/api/device"
	"keyway/internal/api/workspace"
	"keyway/internal/platform/store"
	"keyway/internal/provider"
	"keyway/internal/wiring/apitest"
)

// hub is a driver whose sessions report what a test has them report.
type hub struct {
	mu       sync.Mutex
	sink     provider.Sink // of the session opened last
	opened   []provider.Account
	closed   int
	answers  error // of probes
	refreshs int
	keypad   keypad
}

type hubSession struct{ h *hub }

func (h *hub) Name() string { return "hub" }

// Brands has a brand that the sandbox has too.
func (h *hub) Brands() []provider.Brand {
	return []provider.Brand{{Name: "august", DisplayName: "August",
		SignIn: provider.SignIn{Fields: []provider.Field{{Name: "email", Label: "E-mail"}}}}}
}

func (h *hub) Connect(_ context.Context, _, brand string, answers map[string]string) (provider.Account, error) {
	return provider.Account{Brand: brand, ExternalID: "serial-1", DisplayName: "Hub",
		Options: provider.Options("password " + answers["password"])}, nil
}

func (h *hub) Open(_ context.Context, a provider.Account, sink provider.Sink) (provider.Session, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sink, h.opened = sink, append(h.opened, a)
	return &hubSession{h}, nil
}

func (s *hubSession) Refresh(context.Context) error {
	s.h.mu.Lock()
	defer s.h.mu.Unlock()
	s.h.refreshs++
	return nil
}

func (s *hubSession) Close() error {
	s.h.mu.Lock()
	defer s.h.mu.Unlock()
	s.h.closed++
	return nil
}

func (s *hubSession) Probe(context.Context, provider.Ref) error {
	s.h.mu.Lock()
	defer s.h.mu.Unlock()
	return s.h.answers
}

// door is a lock as the hub finds it.
func door(id string) provider.Device {
	return provider.Device{ExternalID: id, Type: "august_lock", Name: "Door " + id, Online: true, Capabilities: []string{"lock"},
		Flags:        map[string]bool{"can_remotely_unlock": true},
		Manufacturer: provider.Manufacturer{Name: "august", DisplayName: "August"}, Properties: map[string]any{"locked": true}}
}

// house is a production workspace with a hub.
type house struct {
	*apitest.World
	t   *testing.T
	ws  workspace.Workspace
	hub *hub
	acc account.Account
}

func newHouse(t *testing.T, w *apitest.World) *house {
	t.Helper()
	h := &house{World: w, t: t, hub: &hub{}}
	h.ws = w.Workspace(w.Person("jane"), "House", false)
	h.use(h.hub)
	var err error
	h.acc, err = w.Accounts.Connect(t.Context(), h.ws.ID, false, "august", map[string]string{"password": "tr0ub4dor"}, account.Terms{})
	w.Must(err)
	return h
}

// use lets the server have these drivers of production workspaces.
func (h *house) use(drivers ...provider.Driver) {
	r := provider.NewRegistry(h.Virtual, drivers...)
	h.Accounts.Providers, h.Devices.Providers, h.Webviews.Providers = r, r, r
}

func (h *house) flush() {
	h.t.Helper()
	h.Must(h.Accounts.Flush(h.t.Context(), h.ws.ID, h.acc.ID))
}

func (h *house) ref(id string) provider.Ref {
	return provider.Ref{WorkspaceID: h.ws.ID, Brand: "august", Account: "serial-1", Device: id, Type: "august_lock"}
}

// device is a device as it is stored.
func (h *house) device(id string) device.Reached {
	h.t.Helper()
	r, err := h.Devices.ReachFound(h.t.Context(), h.DB, h.ws.ID, h.acc.ID, id)
	h.Must(err)
	return r
}

// events are the types of the workspace's events from a place on.
func (h *house) events(from int) (types []string) {
	h.t.Helper()
	rows, err := h.DB.Query(h.t.Context(), `SELECT event_type FROM events WHERE workspace_id = $1 ORDER BY seq`, h.ws.ID)
	types, err = store.All(rows, err, store.One[string])
	h.Must(err)
	return types[from:]
}

func codes(r device.Reached) (out []string) {
	for _, e := range r.Errors {
		out = append(out, e.Code)
	}
	return out
}

func (h *house) wantEvents(from int, want ...string) int {
	h.t.Helper()
	got := h.events(from)
	if !slices.Equal(got, want) {
		h.t.Errorf("events %v, want %v", got, want)
	}
	return from + len(got)
}

// A hub reports in its own time: devices, states and removals show, each causes one event, and what is
// already known writes nothing.
func TestSessionsReport(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := newHouse(t, w)
		at := h.wantEvents(0, "connected_account.created", "connected_account.connected")
		h.hub.sink.Snapshot([]provider.Device{door("a"), door("b")})
		h.flush()
		at = h.wantEvents(at, "device.added", "device.connected", "device.added", "device.connected", "connected_account.completed_first_sync")

		yes, no, half := true, false, 0.5
		for _, is := range []provider.Report{
			{Evidence: provider.Sent, Online: &no}, {Evidence: provider.Sent, Online: &yes}, {Evidence: provider.Sent, Locked: &no},
			{Evidence: provider.Sent, Battery: &half},
		} {
			h.hub.sink.Report(h.ref("a"), is)
			h.flush()
		}
		at = h.wantEvents(at, "device.disconnected", "device.connected", "device.battery_status_changed")
		if d := h.device("a"); string(d.Properties["locked"]) != "false" || string(d.Properties["battery_level"]) != "0.5" || len(d.Errors) != 0 {
			t.Errorf("%v %s", codes(d), d.Properties)
		}
		h.hub.sink.Report(h.ref("a"), provider.Report{Evidence: provider.Optimistic, Locked: &yes})
		h.hub.sink.Occurred(h.ref("b"), provider.Occurrence{Kind: provider.Tampered, ID: "7"})
		h.hub.sink.Occurred(h.ref("b"), provider.Occurrence{Kind: provider.Tampered, ID: "7"})
		h.flush()
		at = h.wantEvents(at, "device.tampered")
		if d := h.device("a"); string(d.Properties["locked"]) != "false" {
			t.Error("an assumed state was shown")
		}

		before, counted := w.DB.Generation(store.Workspace(h.ws.ID))
		h.hub.sink.Report(h.ref("a"), provider.Report{Evidence: provider.Sent, Locked: &no, Battery: &half, Online: &yes})
		h.hub.sink.Report(h.ref("nobody"), provider.Report{Evidence: provider.Sent, Locked: &no})
		h.hub.sink.Snapshot([]provider.Device{door("a"), door("b")})
		h.hub.sink.State(provider.AccountState{Status: provider.Connected})
		h.flush()
		if after, _ := w.DB.Generation(store.Workspace(h.ws.ID)); counted && after != before {
			t.Error("what was known already was written again")
		}

		h.hub.sink.Gone("b")
		h.flush()
		at = h.wantEvents(at, "device.removed")
		h.hub.sink.Found(door("b"))
		h.flush()
		h.wantEvents(at, "device.connected")
	})
}

// A device is removed only when complete lists lack it for long enough; an empty list says nothing.
func TestDevicesMissingFromLists(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := newHouse(t, w)
		list := func(after time.Duration, devices ...provider.Device) []string {
			t.Helper()
			w.Pass(after)
			h.hub.sink.Snapshot(devices)
			h.flush()
			return codes(h.device("b"))
		}
		a, b := door("a"), door("b")
		for i, step := range []struct {
			got  []string
			want int
		}{
			{list(0, a, b), 0}, {list(time.Hour), 0}, {list(time.Hour, a), 0}, {list(10*time.Second, a), 0}, {list(10*time.Second, a, b), 0},
			{list(time.Second, a), 0}, {list(provider.GoneAfter, a), 1}, {list(time.Second, a, b), 0},
		} {
			if len(step.got) != step.want {
				t.Errorf("list %d: %v", i, step.got)
			}
		}
	})
}

// What a person or a simulation did to a device stays when its driver describes it again.
func TestDescriptionsKeepWhatIsKnown(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := newHouse(t, w)
		d := door("a")
		d.Properties["supports_backup_access_code_pool"], d.Properties["backup_access_code_pool_enabled"] = true, false
		h.hub.sink.Snapshot([]provider.Device{d})
		h.flush()
		id := h.device("a").ID
		w.Must(w.DB.Update(t.Context(), func(tx *store.Tx) error {
			return w.Devices.SetProperties(t.Context(), tx, h.ws.ID, id,
				map[string]any{"backup_access_code_pool_enabled": true, "supported_code_lengths": []int{7}})
		}, store.Workspace(h.ws.ID)))
		no := false
		h.hub.sink.Report(h.ref("a"), provider.Report{Evidence: provider.Sent, Errors: []provider.Problem{{Code: "subscription_required"}},
			Locked: &no})
		h.flush()
		d.Name, d.Properties["code_constraints"], d.Flags = "New name", []any{},
			map[string]bool{"can_remotely_unlock": true, "can_remotely_lock": true}
		h.hub.sink.Snapshot([]provider.Device{d})
		h.flush()
		is := h.device("a")
		if string(is.Properties["backup_access_code_pool_enabled"]) != "true" || string(is.Properties["supported_code_lengths"]) != "[7]" ||
			string(is.Properties["locked"]) != "false" ||
			!slices.Equal(codes(is), []string{"subscription_required"}) {
			t.Errorf("lost: %v %s", codes(is), is.Properties)
		}
		if is.ID != id || is.DisplayName != "New name" || string(is.Properties["code_constraints"]) != "[]" || is.CanRemotelyLock == nil ||
			*is.CanRemotelyLock {
			t.Errorf("not renewed: %+v %s", is.Flags, is.Properties)
		}
	})
}

// What an account is opened with is sealed, and the name of the driver in its row decides who opens it after a
// restart, not the brand.
func TestAccountsAreOpenedAgain(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := newHouse(t, w)
		var sealed []byte
		w.Must(w.DB.QueryRow(t.Context(), `SELECT options FROM connected_accounts WHERE workspace_id = $1`, h.ws.ID).Scan(&sealed))
		if len(sealed) == 0 || bytes.Contains(sealed, []byte("tr0ub4dor")) {
			t.Errorf("the options are stored as %q", sealed)
		}
		virtual := w.Connect(w.Workspace(w.Person("john"), "Sandbox", true), "august")
		w.Must(w.Accounts.Close(t.Context()))
		if h.hub.closed != 1 {
			t.Errorf("closed %d times", h.hub.closed)
		}
		again := &account.Accounts{DB: w.DB, Vault: w.Vault, Events: w.Events, Devices: w.Devices, Providers: w.Accounts.Providers,
			Log: w.Accounts.Log, Now: w.Now}
		defer func() { w.Must(again.Close(context.WithoutCancel(t.Context()))) }()
		if orphans, err := again.OpenAll(t.Context()); err != nil || orphans != 0 {
			t.Error(orphans, err)
		}
		last := h.hub.opened[len(h.hub.opened)-1]
		if len(h.hub.opened) != 2 || string(last.Options) != "password tr0ub4dor" || last.ID != h.acc.ID || last.WorkspaceID != h.ws.ID ||
			last.ExternalID != "serial-1" {
			t.Errorf("opened %d times, at last with %+v", len(h.hub.opened), last)
		}
		if text := fmt.Sprintf("%v %+v %#v %s", last, last, last, last.Options); bytes.Contains([]byte(text), []byte("tr0ub4dor")) ||
			bytes.Contains([]byte(text), []byte("116, 114")) {
			t.Errorf("printing an account shows its options: %s", text)
		}
		if peers, err := again.ByPeer(t.Context(), w.DB, "hub", "serial-1"); err != nil || len(peers) != 1 || peers[0].AccountID != h.acc.ID ||
			virtual.ID == h.acc.ID {
			t.Errorf("%+v %v", peers, err)
		}
	})
}

// The sessions of a workspace end with it: what its hubs report is no longer written.
func TestSessionsEndWithTheirWorkspace(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := newHouse(t, w)
		w.Must(w.Workspaces.Delete(t.Context(), h.ws.ID, "House", apitest.By))
		h.hub.sink.Snapshot([]provider.Device{door("a")})
		h.flush()
		if n, err := w.Devices.CountOfAccount(t.Context(), h.ws.ID, h.acc.ID); err != nil || n != 0 || h.hub.closed != 1 {
			t.Errorf("%d devices, closed %d times, %v", n, h.hub.closed, err)
		}
	})
}

// Devices whose driver this build does not have are listed, and can be deleted with their account.
func TestDevicesWithoutADriver(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := newHouse(t, w)
		var doors []provider.Device
		for i := range 25 { // more than are deleted with one commit
			doors = append(doors, door(fmt.Sprint(i)))
		}
		h.hub.sink.Snapshot(doors)
		h.flush()
		w.Must(w.Accounts.Close(t.Context()))
		again := &account.Accounts{DB: w.DB, Vault: w.Vault, Events: w.Events, Devices: w.Devices, Log: w.Accounts.Log, Now: w.Now}
		h.use()
		again.Providers, w.Devices.Sessions = w.Accounts.Providers, again
		if orphans, err := again.OpenAll(t.Context()); err != nil || orphans != 1 {
			t.Error(orphans, err)
		}
		p, err := w.Devices.List(t.Context(), h.ws.ID, device.Filter{Limit: 100})
		if w.Must(err); len(p.Items) != 25 {
			t.Errorf("%d devices are listed", len(p.Items))
		}
		w.Must(w.Devices.Delete(t.Context(), h.ws.ID, h.device("3").ID))
		w.Must(again.Delete(t.Context(), h.ws.ID, h.acc.ID))
		if n, err := w.Devices.Count(t.Context(), h.ws.ID); err != nil || n != 0 {
			t.Errorf("%d devices are left, %v", n, err)
		}
		kinds := h.events(0)
		if n := len(slices.DeleteFunc(slices.Clone(kinds), func(k string) bool {
			return k != "device.deleted"
		})); n != 25 || kinds[len(kinds)-1] != "connected_account.deleted" {
			t.Errorf("%d devices deleted, at last %s", n, kinds[len(kinds)-1])
		}
	})
}

// How a connection is shows on the account and its devices: a hub that does not answer is no reason to sign in
// again, a refused sign-in is. A device's own trouble with a hub stays.
func TestStateOfTheConnection(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := newHouse(t, w)
		h.hub.sink.Snapshot([]provider.Device{door("a")})
		h.flush()
		at := len(h.events(0))
		shows := func(want string) {
			t.Helper()
			acc, err := w.Accounts.Get(t.Context(), w.DB, h.ws.ID, h.acc.ID)
			w.Must(err)
			got := ""
			for _, e := range acc.Errors {
				got += e.Code + " "
			}
			for _, code := range codes(h.device("a")) {
				got += code
			}
			if got != want {
				t.Errorf("shows %q, want %q", got, want)
			}
		}
		state := func(s provider.Status) {
			h.hub.sink.State(provider.AccountState{Status: s, Message: "The password was changed."})
			h.flush()
		}
		state(provider.Reconnecting)
		shows("") // it may only flap
		state(provider.Connected)
		at = h.wantEvents(at)
		state(provider.Refused)
		shows("account_disconnected " + "account_disconnected")
		at = h.wantEvents(at, "connected_account.disconnected", "device.disconnected")
		state(provider.Connected)
		shows("")
		at = h.wantEvents(at, "device.connected", "connected_account.connected")
		state(provider.Reconnecting)
		for end := time.Now().Add(20 * time.Second); len(h.events(at)) == 0 && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		}
		h.flush()
		shows("bridge_disconnected hub_disconnected")
		at = h.wantEvents(at, "device.disconnected")
		state(provider.Connected)
		shows("")
		h.wantEvents(at, "device.connected", "connected_account.connected")
	})
}

// A device that did not answer is offline until a probe finds it again, or it is heard.
func TestUnreachableDevices(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := newHouse(t, w)
		h.hub.sink.Snapshot([]provider.Device{door("a")})
		h.flush()
		at := len(h.events(0))
		missed := func() {
			t.Helper()
			r := h.device("a")
			w.Must(w.DB.Update(t.Context(), func(tx *store.Tx) error {
				return w.Devices.Unreachable(t.Context(), tx, &r)
			}, store.Workspace(h.ws.ID)))
		}
		probe := func() { w.Must(w.Jobs.RunNow(t.Context(), "device.probe/"+h.ws.ID+"/"+h.device("a").ID)) }
		missed()
		missed()
		at = h.wantEvents(at, "device.disconnected")
		if d := h.device("a"); !slices.Equal(codes(d), []string{"device_offline"}) || *d.CanRemotelyUnlock ||
			string(d.Properties["online"]) != "false" {
			t.Errorf("%v %s", codes(d), d.Properties["online"])
		}
		h.hub.answers = provider.ErrOffline
		w.Pass(10 * time.Second)
		probe()
		at = h.wantEvents(at)
		h.hub.answers = nil
		w.Pass(time.Hour)
		probe()
		at = h.wantEvents(at, "device.connected")
		missed()
		no := false
		h.hub.sink.Report(h.ref("a"), provider.Report{Evidence: provider.Sent, Locked: &no})
		h.flush()
		h.wantEvents(at, "device.disconnected", "device.connected")
	})
}
