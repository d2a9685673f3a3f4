package connectwebview_test

import (
	"encoding/json"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"keyway/internal/api/connectwebview"
	"keyway/internal/api/workspace"
	"keyway/internal/trust/audit"
	"keyway/internal/wiring/apitest"
)

// visitor is a person's browser at the page of a webview.
type visitor struct {
	page    *connectwebview.Page
	cookies []*http.Cookie
	status  int
	header  http.Header
	screen  string
	state   string // that the page's forms carry
}

func (v *visitor) send(r *http.Request) {
	for _, c := range v.cookies {
		r.AddCookie(c)
	}
	rec := httptest.NewRecorder()
	v.page.ServeHTTP(rec, r)
	v.cookies = append(v.cookies, rec.Result().Cookies()...)
	v.status, v.header, v.screen, v.state = rec.Code, rec.Header(), html.UnescapeString(rec.Body.String()), ""
	if m := stateField.FindStringSubmatch(v.screen); m != nil {
		v.state = m[1]
	}
}

func (v *visitor) open(address string) { v.send(httptest.NewRequest(http.MethodGet, address, nil)) }

// step sends a form of the page, given as pairs of a name and a value.
func (v *visitor) step(name string, pairs ...string) {
	form := url.Values{"state": {v.state}, "step": {name}}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	r := httptest.NewRequest(http.MethodPost, "/connect_webviews/view", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	v.send(r)
}

func (v *visitor) sees(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(v.screen, text) {
			t.Errorf("%d, and the page does not say %q:\n%s", v.status, text, v.screen)
		}
	}
}

// made makes a webview and gives the address of its page.
func made(t *testing.T, w *apitest.World, ws workspace.Workspace, n connectwebview.New) (address, id string) {
	t.Helper()
	n.AcceptedProviders, n.DeviceSelectionMode, n.ManageNewDevices = []string{"schlage"}, "none", true
	doc, err := w.Webviews.Create(t.Context(), ws.ID, true, n)
	w.Must(err)
	var v struct {
		ID  string `json:"connect_webview_id"`
		URL string `json:"url"`
	}
	w.Must(json.Unmarshal(doc, &v))
	return strings.TrimPrefix(v.URL, apitest.PublicURL), v.ID
}

const staleText = "This link cannot be used"

// Guards a kind of fault: a request that by its method changes nothing uses up what works once. An address
// opens its page once, for a day, in one browser, when its first form is sent; and each screen waits for
// half an hour.
func TestAddressesOpenOnce(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		ws := w.Workspace(w.Person("jane"), "Home", true)
		page, err := connectwebview.NewPage(w.Webviews)
		w.Must(err)
		address, _ := made(t, w, ws, connectwebview.New{})
		first, second := &visitor{page: page}, &visitor{page: page}

		// What only loads the address, as browsers, messengers and mail programs do that look ahead, uses
		// nothing up, however often.
		ahead := httptest.NewRequest(http.MethodGet, address, nil)
		ahead.Header.Set("Sec-Purpose", "prefetch")
		second.send(ahead)
		second.send(httptest.NewRequest(http.MethodHead, address, nil))
		if second.status != http.StatusOK || len(second.cookies) != 0 {
			t.Errorf("looking ahead: %d, %v", second.status, second.cookies)
		}
		second.open(strings.Replace(address, "auth_token=", "auth_token=x", 1))
		second.sees(t, staleText)

		first.open(address)
		first.open(address)
		first.sees(t, "Home would like to connect", "data-unopened")
		if second.open(address); second.status != http.StatusOK {
			t.Errorf("a second browser before anybody has begun: %d", second.status)
		}

		// The first form that is sent uses it up, for the browser that sent it; a second click does no harm.
		begun := first.state
		first.step("brands")
		first.sees(t, "Sign in to Schlage")
		if strings.Contains(first.screen, "data-unopened") {
			t.Error("a page whose address is used up says that it may be loaded again")
		}
		first.cookies, first.state = nil, begun
		first.step("brands")
		first.sees(t, "Sign in to Schlage")
		for what, act := range map[string]func(){"form": func() { second.step("brands") }, "reload": func() { second.open(address) }} {
			if act(); second.status != http.StatusGone {
				t.Errorf("the %s of a second browser: %d", what, second.status)
			}
			second.sees(t, staleText)
		}
		first.open(address)
		first.sees(t, "Home would like to connect")

		first.step("brands")
		first.sees(t, "Sign in to Schlage")
		w.Pass(31 * time.Minute)
		if first.step("credentials", "field.email", "jane@example.com", "field.password", "1234"); first.status != http.StatusGone {
			t.Errorf("a screen after half an hour: %d", first.status)
		}
		if first.open(address); first.status != http.StatusGone {
			t.Errorf("a reload after half an hour: %d", first.status)
		}

		address, _ = made(t, w, ws, connectwebview.New{})
		w.Pass(connectwebview.AddressLifetime - time.Minute)
		first.open(address)
		w.Pass(time.Minute)
		if first.step("brands"); first.status != http.StatusGone {
			t.Errorf("a page that was loaded in time and begun after a day: %d", first.status)
		}
		if first.open(address); first.status != http.StatusGone {
			t.Errorf("an address after a day: %d", first.status)
		}
	})
}

// The page is in the look of its workspace, and sends people back with what there is to know.
func TestLookAndRedirects(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		jane := w.Person("jane")
		ws := w.Workspace(jane, "Home", true)
		key, _ := w.Key(ws, jane)
		w.Call(apitest.Request{Path: "/workspaces/update", Token: key,
			Body: map[string]any{"connect_partner_name": "Hill Stays", "connect_webview_customization": map[string]any{
				"logo_shape": "square", "primary_button_color": "#1d5b45", "primary_button_text_color": "#fefefe",
				"success_message": "Welcome to Hill Stays!"}}}, nil)
		w.Must(w.Workspaces.Update(t.Context(), ws.ID, workspace.Change{Logo: &workspace.Logo{Type: "image/png", Data: []byte("a picture")}},
			audit.Server))
		page, err := connectwebview.NewPage(w.Webviews)
		w.Must(err)
		address, id := made(t, w, ws, connectwebview.New{RedirectURL: "https://app.example.com/done?from=keyway",
			RedirectFailureURL: "app://failed"})
		v := &visitor{page: page}
		v.open(address)
		v.sees(t, "Hill Stays would like to connect", `class="mark mark-square" src="/connect_webviews/logo?`,
			"theme.css?button=1d5b45&text=fefefe")
		policy := v.header.Get("Content-Security-Policy")
		for _, directive := range []string{"frame-ancestors *", "default-src 'none'", "img-src 'self' data:;", "form-action 'self'"} {
			if !strings.Contains(policy, directive) {
				t.Errorf("the policy %q lacks %q", policy, directive)
			}
		}
		if v.header.Get("Referrer-Policy") != "no-referrer" || v.header.Get("Cache-Control") != "no-store" {
			t.Errorf("headers %v", v.header)
		}
		_, logo, _ := strings.Cut(v.screen, `mark-square" src="`)
		logo, _, _ = strings.Cut(logo, `"`)
		picture := &visitor{page: page}
		if picture.open(logo); picture.screen != "a picture" || picture.header.Get("Content-Type") != "image/png" {
			t.Errorf("the logo: %d %q", picture.status, picture.screen)
		}
		v.step("brands")
		v.step("credentials", "field.email", "locked@example.com", "field.password", "1234")
		v.sees(t, `data-event="connect_webview.login_failed"`, "contact Hill Stays",
			`data-redirect="app://failed?connect_webview_id=`+id+"&error_code=account_locked&error_message=")
		v.step("brands")
		v.step("credentials", "field.email", "jane@example.com", "field.password", "1234")
		v.sees(t, `data-event="connect_webview.login_succeeded"`, "Welcome to Hill Stays!",
			`data-redirect="https://app.example.com/done?from=keyway&connect_webview_id=`+id+`"`)

		// What the app put into its own query comes back as it was.
		for _, own := range []string{"?state=a;b&x=%7e&&y", "?", "?state=a+b%20c&", "#top", "?q=1#a?b=c"} {
			address, id = made(t, w, ws, connectwebview.New{RedirectURL: "https://app.example.com/done" + own})
			v.open(address)
			v.step("brands")
			v.step("credentials", "field.email", "jane@example.com", "field.password", "1234")
			before, fragment, cut := strings.Cut(own, "#")
			if before == "" {
				before = "?"
			} else if !strings.HasSuffix(before, "?") && !strings.HasSuffix(before, "&") {
				before += "&"
			}
			if cut {
				fragment = "#" + fragment
			}
			v.sees(t, `data-redirect="https://app.example.com/done`+before+"connect_webview_id="+id+fragment+`"`)
		}

		// Without an address for failures the other one is used.
		address, id = made(t, w, ws, connectwebview.New{RedirectURL: "https://app.example.com/"})
		v.open(address)
		v.step("brands")
		v.step("credentials", "field.email", "locked@example.com", "field.password", "1234")
		v.sees(t, `data-redirect="https://app.example.com/?connect_webview_id=`+id+"&error_code=account_locked")
	})
}

// Guards a kind of fault: a form reports one problem at a time. Every field without an answer is marked at once, and what was
// answered stays.
func TestEveryMissingAnswerIsMarked(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		page, err := connectwebview.NewPage(w.Webviews)
		w.Must(err)
		address, _ := made(t, w, w.Workspace(w.Person("jane"), "Home", true), connectwebview.New{})
		v := &visitor{page: page}
		v.open(address)
		v.step("brands")
		v.step("credentials")
		v.sees(t, `id="e-email">Required.`, `id="e-password">Required.`)
		v.step("credentials", "field.email", "jane@example.com")
		v.sees(t, `value="jane@example.com"`, `id="e-password">Required.`)
		if strings.Contains(v.screen, `id="e-email"`) {
			t.Error("a field with an answer is marked")
		}
	})
}
