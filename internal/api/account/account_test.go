package account_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"keyway/internal/api/account"
	"keyway/internal/api/connectwebview"
	"keyway/internal/api/device"
	"keyway/internal/api/workspace"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/store"
	"keyway/internal/provider"
	"keyway/internal/simulate"
	"keyway/internal/wiring/apitest"
)

type home struct {
	*apitest.World
	ws  workspace.Workspace
	pat string
}

func setup(w *apitest.World) home {
	jane := w.Person("jane")
	h := home{World: w, ws: w.Workspace(jane, "Home", true)}
	h.pat, _ = w.PAT(jane)
	return h
}

// devices reads all managed devices.
func (h home) devices(t *testing.T) (out []device.Device) {
	t.Helper()
	page, err := h.Devices.List(t.Context(), h.ws.ID, device.Filter{Limit: 100_000})
	h.Must(err)
	for _, doc := range page.Items {
		var d device.Device
		h.Must(json.Unmarshal(doc, &d))
		out = append(out, d)
	}
	return out
}

func (h home) list(in any) (out []string) {
	var answer struct {
		Accounts []account.Account `json:"connected_accounts"`
	}
	h.Call(apitest.Request{Path: "/connected_accounts/list", Token: h.pat, Workspace: h.ws.ID, Body: in}, &answer)
	for _, a := range answer.Accounts {
		out = append(out, a.ID)
	}
	return out
}

// eventsOf are the types of the events of an account, oldest first.
func (h home) eventsOf(accountID string) (kinds []string) {
	var answer struct {
		Events []struct {
			Type string `json:"event_type"`
		} `json:"events"`
	}
	h.Call(apitest.Request{Path: "/events/list", Token: h.pat, Workspace: h.ws.ID,
		Body: map[string]any{"since": "2020-01-01", "connected_account_id": accountID}}, &answer)
	for _, e := range answer.Events {
		kinds = append(kinds, e.Type)
	}
	return kinds
}

func TestConnect(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := setup(w)
		acc := w.Connect(h.ws, "august")
		found := h.devices(t)
		if acc.AccountType != "august" || acc.UserIdentifier["email"] != "jane@example.com" || len(found) == 0 || acc.Errors == nil ||
			acc.Warnings == nil {
			t.Errorf("%+v with %d devices", acc, len(found))
		}
		kinds := h.eventsOf(acc.ID)
		for _, want := range []string{"connected_account.created", "connected_account.connected", "connected_account.completed_first_sync",
			"device.added", "device.connected"} {
			if !slices.Contains(kinds, want) {
				t.Errorf("no %s in %v", want, kinds)
			}
		}
		if slices.Contains(kinds[slices.Index(kinds, "connected_account.completed_first_sync"):], "device.added") {
			t.Errorf("devices are added after the first sync: %v", kinds)
		}
		// The same account again is the same account, with the same devices.
		again := w.Connect(h.ws, "august")
		if again.ID != acc.ID || len(h.list(nil)) != 1 {
			t.Errorf("connected again it is %s, of %v", again.ID, h.list(nil))
		}
		if more := h.eventsOf(acc.ID)[len(kinds):]; !slices.Equal(more,
			[]string{"connected_account.connected", "connected_account.successful_login", "connect_webview.login_succeeded"}) {
			t.Errorf("connected again: %v", more)
		}
		now := h.devices(t)
		for i, d := range found {
			if now[i].ID != d.ID || !now[i].CreatedAt.Equal(d.CreatedAt.Time) {
				t.Errorf("%s became %s", d.ID, now[i].ID)
			}
		}
		// In another workspace it is another account.
		other := w.Workspace(w.Person("john"), "Other", true)
		if w.Connect(other, "august").ID == acc.ID || len(h.devices(t)) != len(found) {
			t.Error("two workspaces share an account")
		}
	})
}

// An account that asks for a new sign-in works on, and is content once it was connected again.
func TestReauthorization(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := setup(w)
		acc := w.Connect(h.ws, "august")
		ask := func(path, id string) apitest.Request {
			return apitest.Request{Path: path, Token: h.pat, Workspace: h.ws.ID, Body: map[string]any{"connected_account_id": id}}
		}
		warned := func() bool {
			var out struct {
				Account account.Account `json:"connected_account"`
			}
			h.Call(ask("/connected_accounts/get", acc.ID), &out)
			return len(out.Account.Errors) == 0 && len(out.Account.Warnings) == 1 &&
				out.Account.Warnings[0].Code == "account_reauthorization_requested"
		}
		const request = "/keyway/v1/sandbox/request_reauthorization"
		seen := len(h.eventsOf(acc.ID))
		h.Call(ask(request, acc.ID), nil)
		h.Call(ask(request, acc.ID), nil) // it has asked already
		if more := h.eventsOf(acc.ID)[seen:]; !warned() || !slices.Equal(more, []string{"connected_account.reauthorization_requested"}) {
			t.Errorf("warned %t, events %v", warned(), more)
		}
		for _, d := range h.devices(t) {
			if slices.ContainsFunc(d.Errors, func(e device.Error) bool { return e.Code == "account_disconnected" }) {
				t.Errorf("%s is disconnected", d.DisplayName)
			}
		}
		w.Connect(h.ws, "august")
		if warned() {
			t.Error("still warned after it was connected again")
		}
		h.Call(ask(request, acc.ID), nil)
		w.Must(w.Simulate.WorkspaceReset(t.Context(), h.ws.ID))
		if warned() {
			t.Error("still warned after a reset")
		}
		w.Refused(ask(request, store.NewID()), 404, "connected_account_not_found")
		h.Call(ask("/connected_accounts/simulate/disconnect", acc.ID), nil)
		w.Refused(ask(request, acc.ID), 400, "not_supported")
		jane, err := w.People.ByEmail(t.Context(), w.DB, "jane@example.com")
		w.Must(err)
		production := ask(request, acc.ID)
		production.Workspace = w.Workspace(jane, "Production", false).ID
		w.Refused(production, 400, "workspace_not_sandbox")
	})
}

func TestConnectRefuses(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := setup(w)
		ctx := t.Context()
		refused := func(err error, param string) {
			t.Helper()
			var f *fault.Error
			var s *provider.SignInError
			named := errors.As(err, &f) && f.Code == fault.InvalidInput && f.Issues[0].Path[0] == param
			if !named && (!errors.As(err, &s) || s.Field != param && s.Kind != provider.RegionRequired) {
				t.Errorf("%v, want one about %s", err, param)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Error("the answer is in the error")
			}
		}
		_, err := w.Accounts.Connect(ctx, h.ws.ID, true, "acme", nil, account.Terms{})
		refused(err, "provider")
		_, err = w.Accounts.Connect(ctx, h.ws.ID, false, "august", nil, account.Terms{})
		refused(err, "provider")
		_, err = w.Simulate.ConnectStandard(ctx, h.ws.ID, true, "acme", "jane")
		refused(err, "provider")
		for param, wrong := range map[string]string{"password": "hunter2", "email": "", "region": "moon"} {
			answers, err := w.Virtual.StandardAnswers("august", "jane")
			w.Must(err)
			answers[param] = wrong
			_, err = w.Accounts.Connect(ctx, h.ws.ID, true, "august", answers, account.Terms{})
			refused(err, param)
		}
		if _, err = w.Simulate.ConnectStandard(ctx, h.ws.ID, false, "august", "jane"); !fault.Is(err, fault.WorkspaceNotSandbox) {
			t.Error(err)
		}
		if err = w.Simulate.Fill(ctx, h.ws.ID, false, 5, nil); !fault.Is(err, fault.WorkspaceNotSandbox) {
			t.Error(err)
		}
		if got := h.list(nil); len(got) != 0 || len(h.devices(t)) != 0 {
			t.Errorf("left behind: %v", got)
		}
	})
}

func TestGetAndList(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := setup(w)
		august, yale, ecobee := w.Connect(h.ws, "august"), w.Connect(h.ws, "yale"), w.Connect(h.ws, "ecobee")
		foreign := w.Connect(w.Workspace(w.Person("john"), "Other", true), "nuki")
		get := func(in map[string]any) (a account.Account) {
			var out struct {
				Account *account.Account `json:"connected_account"`
			}
			out.Account = &a
			h.Call(apitest.Request{Path: "/connected_accounts/get", Token: h.pat, Workspace: h.ws.ID, Body: in}, &out)
			return a
		}
		if a := get(map[string]any{"connected_account_id": yale.ID}); a.ID != yale.ID || a.DisplayName != yale.DisplayName {
			t.Errorf("%+v", a)
		}
		if a := get(map[string]any{"email": "Jane@Example.com"}); a.ID != august.ID {
			t.Errorf("by address: %+v", a)
		}
		bodies := map[string]bool{}
		for _, id := range []string{foreign.ID, store.NewID(), "nonsense\x00"} {
			a := w.Do(apitest.Request{Path: "/connected_accounts/get", Token: h.pat, Workspace: h.ws.ID,
				Body: map[string]any{"connected_account_id": id}})
			if bodies[a.Body] = true; a.Status != 404 || a.Failure(t).Type != "connected_account_not_found" {
				t.Errorf("%d %s", a.Status, a.Body)
			}
		}
		if len(bodies) != 1 {
			t.Error(bodies)
		}
		w.Refused(apitest.Request{Path: "/connected_accounts/get", Token: h.pat, Workspace: h.ws.ID}, 400, "invalid_input")
		for name, tt := range map[string]struct {
			in   map[string]any
			want []string
		}{
			"all":                 {nil, []string{august.ID, yale.ID, ecobee.ID}},
			"search, brand":       {map[string]any{"search": "ECOBEE"}, []string{ecobee.ID}},
			"search, address":     {map[string]any{"search": "jane@"}, []string{august.ID, yale.ID, ecobee.ID}},
			"search, id":          {map[string]any{"search": yale.ID}, []string{yale.ID}},
			"search, nothing":     {map[string]any{"search": "zzzz"}, nil},
			"customer_key":        {map[string]any{"customer_key": "c"}, nil},
			"user_identifier_key": {map[string]any{"user_identifier_key": "u"}, nil},
			"space_id":            {map[string]any{"space_id": store.NewID()}, nil},
			"custom_metadata_has": {map[string]any{"custom_metadata_has": map[string]any{"k": "v"}}, nil},
			"limit":               {map[string]any{"limit": 2}, []string{august.ID, yale.ID}},
		} {
			if got := h.list(tt.in); !slices.Equal(got, tt.want) {
				t.Errorf("%s: %v, want %v", name, got, tt.want)
			}
		}
	})
}

func TestFill(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := setup(w)
		var told []int
		fill := func(n int) {
			t.Helper()
			told = nil
			h.Must(w.Simulate.Fill(t.Context(), h.ws.ID, true, n, func(done int) { told = append(told, done) }))
		}
		fill(510)
		if got := len(h.devices(t)); got != 510 || !slices.Equal(told, []int{500, 510}) {
			t.Errorf("%d devices, told %v", got, told)
		}
		fill(30) // goes on behind the others
		names, types := map[string]bool{}, map[device.Type]bool{}
		for _, d := range h.devices(t) {
			names[d.DisplayName+string(d.Type)] = true
			types[d.Type] = true
		}
		if len(h.devices(t)) != 540 || len(types) < 13 {
			t.Errorf("%d devices of %d types", len(h.devices(t)), len(types))
		}
		h.wantWebviews(t)
		fill(0)
		if told != nil || len(h.devices(t)) != 540 {
			t.Errorf("told %v", told)
		}
	})
}

// wantWebviews checks that each account came from a Connect Webview, which is done.
func (h home) wantWebviews(t *testing.T) {
	t.Helper()
	page, err := h.Webviews.List(t.Context(), h.ws.ID, connectwebview.Filter{Limit: 1000})
	h.Must(err)
	done := map[string]string{} // account by webview
	for _, doc := range page.Items {
		var w struct {
			ID        string `json:"connect_webview_id"`
			Status    string `json:"status"`
			AccountID string `json:"connected_account_id"`
		}
		h.Must(json.Unmarshal(doc, &w))
		if w.Status == "authorized" {
			done[w.ID] = w.AccountID
		}
	}
	var answer struct {
		Events []struct {
			AccountID string `json:"connected_account_id"`
			WebviewID string `json:"connect_webview_id"`
		} `json:"events"`
	}
	h.Call(apitest.Request{Path: "/events/list", Token: h.pat, Workspace: h.ws.ID,
		Body: map[string]any{"since": "2020-01-01", "event_type": "connected_account.created"}}, &answer)
	if len(answer.Events) < 13 || len(answer.Events) != len(done) {
		t.Errorf("%d accounts of %d webviews", len(answer.Events), len(done))
	}
	for _, e := range answer.Events {
		if done[e.WebviewID] != e.AccountID {
			t.Errorf("account %s came from webview %q, which led to %q", e.AccountID, e.WebviewID, done[e.WebviewID])
		}
	}
}

// meddling does something else while a reset signs in to an account.
type meddling struct {
	simulate.Logins
	meddle func()
}

func (m *meddling) Found(a provider.Account) ([]provider.Device, error) {
	m.meddle()
	return m.Logins.Found(a)
}

// What is changed about an account while it is reset is not lost, and one that is deleted stays so.
func TestResetLosesNothing(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := setup(w)
		acc := w.Connect(h.ws, "august")
		m := &meddling{Logins: w.Virtual}
		w.Simulate.Logins = m
		name := "Renamed"
		m.meddle = func() {
			_, err := w.Accounts.Change(t.Context(), h.ws.ID, acc.ID, account.Update{DisplayName: &name})
			w.Must(err)
		}
		w.Must(w.Simulate.WorkspaceReset(t.Context(), h.ws.ID))
		if got, err := w.Accounts.Get(t.Context(), w.DB, h.ws.ID, acc.ID); err != nil || got.DisplayName != name {
			t.Errorf("%q %v", got.DisplayName, err)
		}
		m.meddle = func() { w.Must(w.Accounts.Delete(t.Context(), h.ws.ID, acc.ID)) }
		w.Must(w.Simulate.WorkspaceReset(t.Context(), h.ws.ID))
		if n := len(h.devices(t)); n != 0 {
			t.Errorf("%d devices of an account that is gone", n)
		}
	})
}

// A reset undoes whatever was done to the devices of every brand, and nothing else.
func TestResetSandbox(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := setup(w)
		w.RunJobs()
		for _, b := range w.Virtual.Brands() {
			w.Connect(h.ws, b.Name)
		}
		h.Must(w.Simulate.Fill(t.Context(), h.ws.ID, true, 20, nil))
		before := h.devices(t)
		update := func(id string, changes map[string]any) {
			changes["device_id"] = id
			w.Call(apitest.Request{Path: "/devices/update", Token: h.pat, Workspace: h.ws.ID, Body: changes}, nil)
		}
		for i, d := range before {
			if i%10 == 0 {
				update(d.ID, map[string]any{"name": "Changed", "custom_metadata": map[string]any{"k": "v"}})
			} else if i%10 == 1 {
				update(d.ID, map[string]any{"is_managed": false})
			}
		}
		if len(h.devices(t)) == len(before) {
			t.Fatal("nothing was changed")
		}
		var out struct {
			Attempt attempt `json:"action_attempt"`
		}
		began := time.Now()
		w.Call(apitest.Request{Path: "/workspaces/reset_sandbox", Token: h.pat, Workspace: h.ws.ID}, &out)
		if out.Attempt.Type != "RESET_SANDBOX_WORKSPACE" || out.Attempt.Status != "pending" {
			t.Errorf("%+v", out.Attempt)
		}
		for out.Attempt.Status == "pending" && time.Since(began) < time.Minute {
			time.Sleep(5 * time.Millisecond)
			w.Call(apitest.Request{Path: "/action_attempts/get", Token: h.pat, Workspace: h.ws.ID,
				Body: map[string]any{"action_attempt_id": out.Attempt.ID}}, &out)
		}
		if out.Attempt.Status != "success" || string(out.Attempt.Result) != "{}" {
			t.Fatalf("%+v after %s\n%s", out.Attempt, time.Since(began), w.Log)
		}
		t.Logf("%d devices settled in %s", len(before), time.Since(began))
		after := h.devices(t)
		if len(after) != len(before) {
			t.Fatalf("%d devices of %d", len(after), len(before))
		}
		for i, d := range after {
			if b := before[i]; d.ID != b.ID || d.DisplayName != b.DisplayName || d.Nickname != "" || len(d.CustomMetadata) != 0 {
				t.Errorf("%s %q became %s %q %v", b.ID, b.DisplayName, d.ID, d.DisplayName, d.CustomMetadata)
			}
		}
		// The token goes on working, and what was found by metadata is no longer found.
		w.Call(apitest.Request{Path: "/workspaces/get", Token: h.pat, Workspace: h.ws.ID}, nil)
		page, err := w.Devices.List(t.Context(), h.ws.ID, device.Filter{CustomMetadataHas: map[string]any{"k": "v"}, Limit: 10})
		if err != nil || len(page.Items) != 0 {
			t.Errorf("%d found by old metadata (%v)", len(page.Items), err)
		}
		john := w.Person("john")
		production := w.Workspace(john, "Production", false)
		key, _ := w.Key(production, john)
		w.Refused(apitest.Request{Path: "/workspaces/reset_sandbox", Token: key}, 400, "workspace_not_sandbox")
	})
}

type attempt struct {
	ID     string          `json:"action_attempt_id"`
	Type   string          `json:"action_type"`
	Status string          `json:"status"`
	Result json.RawMessage `json:"result"`
}

// A few devices are reset in well under the time that SDKs wait.
func TestResetIsQuick(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := setup(w)
		w.Connect(h.ws, "august")
		w.RunJobs()
		began := time.Now()
		doc, err := w.Workspaces.ResetSandbox(t.Context(), h.ws.ID, apitest.By)
		w.Must(err)
		var at attempt
		for w.Must(json.Unmarshal(doc, &at)); at.Status == "pending" && time.Since(began) < time.Minute; time.Sleep(time.Millisecond) {
			var text string
			w.Must(w.DB.QueryRow(t.Context(), `SELECT doc FROM action_attempts WHERE action_attempt_id = $1`, at.ID).Scan(&text))
			w.Must(json.Unmarshal([]byte(text), &at))
		}
		t.Logf("%s after %s", at.Status, time.Since(began))
		if took := time.Since(began); at.Status != "success" || took > 10*time.Second { // alone it takes some milliseconds
			t.Errorf("%s after %s", at.Status, took)
		}
	})
}
