package main

import (
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"keyway/internal/api/connectwebview"
	"keyway/internal/platform/store"
	"keyway/internal/platform/store/storetest"
)

// visitor is a person in the page of a Connect Webview.
type visitor struct {
	t      *testing.T
	page   http.Handler
	state  string
	screen string // what is shown
}

var shownState = regexp.MustCompile(`name="state" value="([^"]+)"`)

// visitor opens the page of a webview.
func (w *world) visitor(t *testing.T, webview fields) *visitor {
	t.Helper()
	page, err := connectwebview.NewPage(w.Webviews)
	if err != nil {
		t.Fatal(err)
	}
	v := &visitor{t: t, page: page}
	v.show(httptest.NewRequest(http.MethodGet, strings.TrimPrefix(webview["url"].(string), "http://keyway.test"), nil))
	return v
}

func (v *visitor) show(r *http.Request) {
	v.t.Helper()
	rec := httptest.NewRecorder()
	v.page.ServeHTTP(rec, r)
	v.screen = rec.Body.String()
	if m := shownState.FindStringSubmatch(v.screen); m != nil {
		v.state = html.UnescapeString(m[1])
	}
}

// send sends a form of the page.
func (v *visitor) send(step string, answers ...string) {
	v.t.Helper()
	form := url.Values{"step": {step}, "state": {v.state}}
	for i := 0; i < len(answers); i += 2 {
		form.Set(answers[i], answers[i+1])
	}
	r := httptest.NewRequest(http.MethodPost, "/connect_webviews/view", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	v.show(r)
}

// signIn signs in to the only brand that is shown, which wants nothing but an address and a password.
func (v *visitor) signIn(login string) {
	v.t.Helper()
	v.send("brands")
	v.send("credentials", "field.email", login+"@example.com", "field.password", "1234")
}

// data is what the page passes to its script, and to that of the embedding page.
func (v *visitor) data(name string) string {
	if m := regexp.MustCompile(`<body[^>]* data-` + name + `="([^"]*)"`).FindStringSubmatch(v.screen); m != nil {
		return html.UnescapeString(m[1])
	}
	return ""
}

// What a webview was made with decides where the person is sent at the end, and with what.
func TestWebviewRedirects(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		for name, c := range map[string]struct {
			in          fields
			login, want string // want: without what is added
			failure     bool
		}{
			"no address": {fields{}, "jane", "", false},
			"done": {fields{"custom_redirect_url": "https://app.example/done?house=7"}, "jane",
				"https://app.example/done?house=7", false},
			"an app": {fields{"custom_redirect_url": "staysapp://done"}, "sam", "staysapp://done", false},
			"done, with an address to fail": {fields{"custom_redirect_url": "https://app.example/done",
				"custom_redirect_failure_url": "https://app.example/failed"}, "jane", "https://app.example/done", false},
			"only an address to fail": {fields{"custom_redirect_failure_url": "https://app.example/failed"}, "jane", "", false},
			"failed": {fields{"custom_redirect_url": "https://app.example/done",
				"custom_redirect_failure_url": "https://app.example/failed"}, "locked", "https://app.example/failed", true},
			"failed, with one address": {fields{"custom_redirect_url": "https://app.example/done"}, "locked", "https://app.example/done", true},
			"failed, with none":        {fields{}, "locked", "", true},
		} {
			c.in["accepted_providers"] = []string{"schlage"}
			webview := w.ok(t, w.here.key, "/connect_webviews/create", c.in).object(t, "connect_webview")
			for _, param := range []string{"custom_redirect_url", "custom_redirect_failure_url"} {
				if webview[param] != c.in[param] {
					t.Errorf("%s: %s is served as %v", name, param, webview[param])
				}
			}
			v := w.visitor(t, webview)
			v.signIn(c.login)
			status, event := "authorized", "connect_webview.login_succeeded"
			if c.failure {
				status, event = "failed", "connect_webview.login_failed"
			}
			after := w.ok(t, w.here.key, "/connect_webviews/get", fields{"connect_webview_id": webview["connect_webview_id"]}).object(t,
				"connect_webview")
			if after["status"] != status || after["login_successful"] == c.failure || after["selected_provider"] != "schlage" ||
				v.data("event") != event {
				t.Errorf("%s: %v, and the page around it is told %q", name, after, v.data("event"))
			}
			to, err := url.Parse(v.data("redirect"))
			if err != nil {
				t.Fatal(err)
			}
			q := to.Query()
			if c.want != "" && (q.Get("connect_webview_id") != webview["connect_webview_id"] || q.Has("error_message") != c.failure || c.failure &&
				q.Get("error_code") != "account_locked") {
				t.Errorf("%s: sent to %s", name, to)
			}
			for _, added := range []string{"connect_webview_id", "error_code", "error_message"} {
				q.Del(added)
			}
			if to.RawQuery = q.Encode(); to.String() != c.want {
				t.Errorf("%s: sent to %q, want %q", name, to, c.want)
			}
		}
		for _, bad := range []string{"javascript:alert(1)", "data:text/html,x", "http:nowhere", "/relative"} {
			for _, param := range []string{"custom_redirect_url", "custom_redirect_failure_url"} {
				if a := w.call(t, w.here.key, "/connect_webviews/create", fields{param: bad}); a.kind() != "invalid_input" ||
					!strings.Contains(a.raw, param) {
					t.Errorf("%s %s: %s", param, bad, a.raw)
				}
			}
		}
	})
}

// What a webview was made with decides what can be connected in it, and how what is connected is kept.
func TestWebviewTerms(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		webview := func(in fields) fields {
			return w.ok(t, w.here.key, "/connect_webviews/create", in).object(t, "connect_webview")
		}
		brands := func(in fields) []string {
			v := w.visitor(t, webview(in))
			v.send("brands")
			var out []string
			for _, m := range regexp.MustCompile(`name="brand" value="([^"]+)"`).FindAllStringSubmatch(v.screen, -1) {
				out = append(out, m[1])
			}
			v.send("brand", "brand", "kisi") // it is never offered here
			if !strings.Contains(v.screen, "Choose one of these brands.") && len(out) > 0 {
				t.Errorf("%v: a brand that is not offered can be chosen", in)
			}
			return out
		}
		for _, c := range []struct {
			in   fields
			want []string
		}{
			{fields{"accepted_providers": []string{"nuki", "august", "visionline"}}, []string{"august", "nuki"}}, // the last is not connected here
			{fields{"accepted_providers": []string{"nuki", "ecobee", "august"}, "excluded_providers": []string{"nuki"}},
				[]string{"august", "ecobee"}},
			{fields{"accepted_providers": []string{"nuki", "ecobee", "august"}, "provider_category": "thermostats"},
				[]string{"august", "ecobee", "nuki"}},
			{fields{"accepted_providers": []string{"nuki", "ecobee", "minut", "smartthings"},
				"accepted_capabilities": []string{"thermostat", "noise_sensor"}}, []string{"ecobee", "minut", "smartthings"}},
			{fields{"provider_category": "noise_sensors"}, []string{"minut", "noiseaware"}},
			{fields{"provider_category": "cameras"}, nil},
		} {
			if got := brands(c.in); !slices.Equal(slices.Sorted(slices.Values(got)), c.want) {
				t.Errorf("%v offers %v, want %v", c.in, got, c.want)
			}
		}
		served := webview(fields{"accepted_capabilities": []string{"lock"}, "device_selection_mode": "single", "wait_for_device_creation": true,
			"automatically_manage_new_devices": false})
		if served["any_device_allowed"] != false || served["any_provider_allowed"] != true || served["device_selection_mode"] != "single" ||
			served["wait_for_device_creation"] != true ||
			served["automatically_manage_new_devices"] != false || len(served["accepted_capabilities"].([]any)) != 1 {
			t.Error(served)
		}

		// A brand of locks and thermostats: only what is accepted comes in, now and later.
		type in = fields
		connect := func(more in) (account string) {
			v := webview(more)
			w.visitor(t, v).signIn("jane")
			after := w.ok(t, w.here.key, "/connect_webviews/get", in{"connect_webview_id": v["connect_webview_id"]}).object(t, "connect_webview")
			account, _ = after["connected_account_id"].(string)
			return account
		}
		devices := func(path, account string) (out []fields) {
			for _, d := range w.ok(t, w.here.key, path, in{"connected_account_id": account}).body["devices"].([]any) {
				out = append(out, d.(fields))
			}
			return out
		}
		account := connect(in{"accepted_providers": []string{"smartthings"}, "accepted_capabilities": []string{"thermostat"},
			"wait_for_device_creation": true,
			"custom_metadata":          in{"house": "7", "vip": true}, "customer_key": "guesthouse"})
		of := w.ok(t, w.here.key, "/connected_accounts/get", in{"connected_account_id": account}).object(t, "connected_account")
		if m := of["custom_metadata"].(fields); m["house"] != "7" || m["vip"] != true || of["customer_key"] != "guesthouse" ||
			of["automatically_manage_new_devices"] != true ||
			!slices.Equal(of["accepted_capabilities"].([]any), []any{"thermostat"}) {
			t.Error(of)
		}
		thermostats := devices("/devices/list", account)
		for _, d := range thermostats {
			if d["device_type"] != "smartthings_thermostat" || d["customer_key"] != "guesthouse" {
				t.Error(d)
			}
		}
		if len(thermostats) == 0 {
			t.Fatal("no thermostats")
		}

		// Connected again, the metadata of the webview takes the place of all that was there, and what is new
		// stays unmanaged if it says so.
		again := connect(in{"accepted_providers": []string{"smartthings"}, "accepted_capabilities": []string{"thermostat", "lock"},
			"automatically_manage_new_devices": false, "custom_metadata": in{"house": "8"}})
		if again != account {
			t.Fatal("another account")
		}
		of = w.ok(t, w.here.key, "/connected_accounts/get", in{"connected_account_id": account}).object(t, "connected_account")
		if m := of["custom_metadata"].(fields); len(m) != 1 || m["house"] != "8" || of["automatically_manage_new_devices"] != false ||
			of["customer_key"] != "guesthouse" {
			t.Error(of)
		}
		locks := devices("/devices/unmanaged/list", account)
		for _, d := range locks {
			if d["device_type"] != "smartthings_lock" {
				t.Error(d)
			}
		}
		if len(locks) == 0 || len(devices("/devices/list", account)) != len(thermostats) {
			t.Errorf("%d locks, %d managed devices", len(locks), len(devices("/devices/list", account)))
		}
		if conflict := connect(in{"accepted_providers": []string{"smartthings"}, "customer_key": "other"}); conflict != "" {
			t.Error("an account became another customer's")
		}
	})
}

// What a workspace sets for its webviews is in their page.
func TestWebviewLooks(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := setup(t, db)
		open := func() *visitor {
			return w.visitor(t, w.ok(t, w.here.key, "/connect_webviews/create", fields{"accepted_providers": []string{"schlage"}}).object(t,
				"connect_webview"))
		}
		has := func(v *visitor, parts ...string) {
			t.Helper()
			for _, part := range parts {
				if !strings.Contains(v.screen, part) {
					t.Errorf("no %q in %s", part, v.screen)
				}
			}
		}
		v := open()
		has(v, "Here would like to connect", "button=232426", "text=ffffff")
		v.signIn("jane")
		has(v, "successfully connected to Here")
		w.ok(t, w.here.key, "/workspaces/update", fields{"connect_partner_name": "Hill Stays", "connect_webview_customization": fields{
			"logo_shape": "square", "primary_button_color": "#1a2b3c", "primary_button_text_color": "#fed", "success_message": "All set <3"}})
		v = open()
		has(v, "Hill Stays would like to connect", "button=1a2b3c", "text=fed", "mark-square")
		v.signIn("jane")
		has(v, "All set &lt;3")
		w.ok(t, w.here.key, "/workspaces/update", fields{"connect_partner_name": nil,
			"connect_webview_customization": fields{"primary_button_color": nil}})
		if ws := w.ok(t, w.here.key, "/workspaces/get", fields{}).object(t, "workspace"); ws["company_name"] != "Here" ||
			ws["connect_partner_name"] != "Here" {
			t.Error("without a name of its own it is called by the workspace's:", ws)
		}
		has(open(), "Here would like to connect", "button=232426", "text=fed")
		w.ok(t, w.here.key, "/workspaces/update", fields{"is_suspended": true})
		if a := w.call(t, w.here.key, "/devices/list", fields{}); a.status != 401 && a.status != 403 {
			t.Errorf("suspended: %d %s", a.status, a.raw)
		}
	})
}
