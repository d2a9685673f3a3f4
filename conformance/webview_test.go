package conformance

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// onScreen waits for a screen of the Connect Webview and takes its picture.
func (p person) onScreen(screen, picture string) {
	p.t.Helper()
	p.finds(`main[data-screen="` + screen + `"]`)
	if picture != "" {
		screenshot(p.t, p.ctx, "webview-"+picture)
	}
}

// finds waits until what a selector finds can be seen.
func (p person) finds(selector string) {
	p.t.Helper()
	until(p, selector, `!!document.querySelector(`+quoted(selector)+`)?.checkVisibility()`, isTrue)
}

// A person connects an August account: brand, region, a wrong password, the right one, a two factor
// code. The application that made the webview finds the account, its devices and the events.
func TestBrowserConnectWebview(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.ok(t, w.PAT, w.Hill.WorkspaceID, "/workspaces/update", fields{
		"connect_partner_name": "Hill Stays",
		"connect_webview_customization": fields{"primary_button_color": "#1d5b45", "primary_button_text_color": "#ffffff",
			"success_message": "Welcome to Hill Stays."},
	})
	made := w.ok(t, w.PAT, w.Hill.WorkspaceID, "/connect_webviews/create", fields{
		"customer_key": "guesthouse", "custom_metadata": fields{"house": "7"}, "custom_redirect_url": w.URL + "/health?from=keyway",
	}).object(t, "connect_webview")
	address, id := text(t, made, "url"), text(t, made, "connect_webview_id")
	p := person{t, browser(t)}
	p.open(address)
	p.onScreen("intro", "1-intro")
	p.reload() // looking at it, as link previews do, uses nothing up
	p.onScreen("intro", "")
	p.pressAt(".button")
	p.onScreen("brands", "2-brands")
	if at := p.address(); strings.Contains(at, "auth_token") {
		t.Errorf("the address still contains the token: %s", at)
	}
	p.fillAt("#search", "august")
	screenshot(t, p.ctx, "webview-2-search")
	p.pressAt(`button[value="august"]`)
	p.onScreen("region", "3-region")
	p.pressAt(`button[value="North America"]`)
	p.onScreen("credentials", "4-credentials")
	p.fillAt("#f-email", "sam@example.com")
	p.fillAt("#f-password", "wrong")
	p.pressAt(".button")
	p.finds("#e-password")
	screenshot(t, p.ctx, "webview-4-wrong")
	if again := until(p, "the field", `document.querySelector("#f-password").value`, func(string) bool { return true }); again != "" {
		t.Errorf("the wrong password came back in the page: %q", again)
	}
	p.fillAt("#f-password", "1234")
	p.pressAt(".button")
	p.onScreen("two_factor", "5-two-factor")
	p.fillAt("#code", "000000")
	p.pressAt(".button")
	p.finds("#e-code")
	p.fillAt("#code", "123456")
	p.pressAt(".button")
	p.onScreen("success", "")

	webview := w.ok(t, w.PAT, w.Hill.WorkspaceID, "/connect_webviews/get", fields{"connect_webview_id": id}).object(t, "connect_webview")
	if webview["status"] != "authorized" || webview["login_successful"] != true || webview["selected_provider"] != "august" {
		t.Errorf("the webview is %v", webview)
	}
	acc := w.ok(t, w.PAT, w.Hill.WorkspaceID, "/connected_accounts/get",
		fields{"connected_account_id": text(t, webview, "connected_account_id")}).object(t, "connected_account")
	if acc["customer_key"] != "guesthouse" || acc["custom_metadata"].(fields)["house"] != "7" {
		t.Errorf("the account is %v", acc)
	}
	if n := len(w.ok(t, w.PAT, w.Hill.WorkspaceID, "/devices/list", fields{"connect_webview_id": id, "customer_key": "guesthouse"}).objects(t,
		"devices")); n < 2 {
		t.Errorf("%d devices came by the webview", n)
	}
	at := until(p, "the page that it leaves for by itself", "location.href", func(at string) bool { return strings.Contains(at, "/health") })
	if !strings.Contains(at, "from=keyway") || !strings.Contains(at, "connect_webview_id="+id) {
		t.Errorf("the person was sent to %q", at)
	}
	if res, err := http.Get(address); err != nil || res.StatusCode != http.StatusGone {
		t.Errorf("the address opens again elsewhere: %v %v", res, err)
	}
}

// How a webview ends is shown on a page of its own, each of which makes clear what to do next.
func TestBrowserWebviewEndings(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.ok(t, w.PAT, w.Hill.WorkspaceID, "/workspaces/update", fields{"connect_partner_name": "Hill Stays"})
	p := person{t, browser(t, w.URL+"/connect_webviews/view?connect_webview_id=")} // 410 is an error to the browser
	for _, c := range []struct{ login, screen, says string }{
		{"jane@example.com", "success", "You can close this page."},
		{"empty@example.com", "success", "no devices in this account"},
		{"locked@example.com", "failure", "contact Hill Stays"},
	} {
		p.open(text(t, w.ok(t, w.PAT, w.Hill.WorkspaceID, "/connect_webviews/create", fields{"accepted_providers": []string{"schlage"}}).object(t,
			"connect_webview"), "url"))
		p.pressAt(`main[data-screen="intro"] .button`)
		p.fillAt("#f-email", c.login)
		p.fillAt("#f-password", "1234")
		p.pressAt(".button")
		p.sees(c.says)
		p.onScreen(c.screen, c.screen+"-"+strings.SplitN(c.login, "@", 2)[0])
	}
	p.press("Try again")
	p.onScreen("credentials", "") // there is only one brand
	gone := text(t, w.ok(t, w.PAT, w.Hill.WorkspaceID, "/connect_webviews/create", fields{}).object(t, "connect_webview"),
		"connect_webview_id")
	p.open(w.URL + "/connect_webviews/view?connect_webview_id=" + gone + "&auth_token=wrong")
	p.onScreen("stale", "stale")
}

// A page of another site embeds the webview and hears how it ended; the Console cannot be embedded.
func TestBrowserEmbeddedWebview(t *testing.T) {
	t.Parallel()
	w := start(t)
	for login, want := range map[string]string{"empty@example.com": "connect_webview.login_succeeded",
		"locked@example.com": "connect_webview.login_failed"} {
		t.Run(login, func(t *testing.T) {
			made := w.ok(t, w.PAT, w.Hill.WorkspaceID, "/connect_webviews/create", fields{"accepted_providers": []string{"schlage"}}).object(t,
				"connect_webview")
			site := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				rw.Header().Set("Content-Type", "text/html")
				_, _ = fmt.Fprintf(rw,
					`<!doctype html><link rel="icon" href="data:,"><title>Host</title><iframe width="500" height="800" src="%s"></iframe>
					<script>heard = []; addEventListener("message", e => heard.push(JSON.stringify(e.data)))</script>`, text(t, made, "url"))
			}))
			t.Cleanup(site.Close)
			ctx := browser(t)
			// 127.0.0.1 and localhost are different sites to a browser.
			visit(t, ctx, strings.Replace(site.URL, "127.0.0.1", "localhost", 1), chromedp.Title())
			frame := person{t, frameOf(t, ctx, w.URL)}
			frame.tick(`main[data-screen="intro"] .button`)
			frame.finds(`main[data-screen="credentials"]`)
			frame.do(chromedp.KeyEvent(kb.Escape), "press Escape") // only a page of the server itself is notified of keys
			frame.fillAt("#f-email", login)
			frame.fillAt("#f-password", "1234")
			frame.tick(`main[data-screen="credentials"] .button`)
			heard := until(person{t, ctx}, "word from the webview", `heard.length > 1 ? heard.join(" ") : ""`, func(heard string) bool {
				return heard != ""
			})
			if !strings.Contains(heard, `"`+want+`"`) || strings.Contains(heard, "close") {
				t.Errorf("the host heard %q", heard)
			}
			each(t, ctx, func(suffix string) { picture(t, ctx, "webview-embedded-"+strings.SplitN(login, "@", 2)[0]+suffix) })
		})
	}
}

// frameOf gives a context in the frame of another site, which the browser runs in a process of its own.
func frameOf(t *testing.T, ctx context.Context, prefix string) context.Context {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		targets, err := chromedp.Targets(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, target := range targets {
			if target.Type == "iframe" && strings.HasPrefix(target.URL, prefix) {
				frame, cancel := chromedp.NewContext(ctx, chromedp.WithTargetID(target.TargetID))
				t.Cleanup(cancel)
				return frame
			}
		}
	}
	t.Fatalf("there is no frame with %s", prefix)
	return nil
}

// The forms work without a script; each ending has its own screen, and none gives a secret back.
func TestWebviewWithoutScript(t *testing.T) {
	t.Parallel()
	w := start(t)
	open := func(t *testing.T, body fields) (fields, string) {
		made := w.ok(t, w.PAT, w.Hill.WorkspaceID, "/connect_webviews/create", body).object(t, "connect_webview")
		return made, get(t, text(t, made, "url"))
	}
	for name, c := range map[string]struct {
		body    fields
		answers url.Values
		says    string
		status  string
	}{
		"no devices": {fields{"accepted_providers": []string{"schlage"}},
			url.Values{"field.email": {"empty@example.com"}, "field.password": {"1234"}}, "no devices in this account", "authorized"},
		"locked": {fields{"accepted_providers": []string{"schlage"}},
			url.Values{"field.email": {"locked@example.com"}, "field.password": {"1234"}}, "account is locked", "failed"},
		"wrong": {fields{"accepted_providers": []string{"schlage"}},
			url.Values{"field.email": {"jane@example.com"}, "field.password": {"hunter2"}}, "Password is not right", "pending"},
		"missing": {fields{"accepted_providers": []string{"schlage"}}, url.Values{"field.email": {"jane@example.com"}},
			"Required.", "pending"},
		"lockly": {fields{"accepted_providers": []string{"lockly"}},
			url.Values{"field.email": {"sam@example.com"}, "field.team_id": {"1234"}, "field.access_key_id": {"1234"},
				"field.access_key_secret": {"1234"}, "field.token_id": {"1234"}, "field.token_secret": {"1234"}}, "We found", "authorized"},
	} {
		t.Run(name, func(t *testing.T) {
			made, page := open(t, c.body)
			page = post(t, w.URL, page, url.Values{"step": {"brands"}})
			c.answers.Set("step", "credentials")
			page = post(t, w.URL, page, c.answers)
			if !strings.Contains(page, c.says) {
				t.Errorf("the page does not say %q:\n%s", c.says, page)
			}
			if strings.Contains(page, "hunter2") {
				t.Error("the page gives the password back")
			}
			got := w.ok(t, w.PAT, w.Hill.WorkspaceID, "/connect_webviews/get",
				fields{"connect_webview_id": text(t, made, "connect_webview_id")}).object(t, "connect_webview")
			if got["status"] != c.status {
				t.Errorf("the webview is %v, want %s", got["status"], c.status)
			}
		})
	}
}

func get(t *testing.T, address string) string {
	t.Helper()
	res, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %v\n%s", address, res.StatusCode, err, body)
	}
	return string(body)
}

// post sends a form with the state that the previous page contained.
func post(t *testing.T, server, page string, form url.Values) string {
	t.Helper()
	_, rest, ok := strings.Cut(page, `name="state" value="`)
	state, _, _ := strings.Cut(rest, `"`)
	if !ok {
		t.Fatalf("the page has no state:\n%s", page)
	}
	form.Set("state", state)
	res, err := http.PostForm(server+"/connect_webviews/view", form)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// Of all pages only that of Connect Webviews lets other sites frame it.
func TestOnlyTheWebviewIsFramed(t *testing.T) {
	t.Parallel()
	w := start(t)
	webview := strings.TrimPrefix(text(t, w.ok(t, w.PAT, w.Hill.WorkspaceID, "/connect_webviews/create", fields{}).object(t,
		"connect_webview"), "url"), w.URL)
	for path, who := range map[string]string{webview: "*", "/connect_webviews/view": "*", "/console/sign-in": "'none'",
		"/console/nothing": "'none'", "/console/invitation": "'none'", "/docs": "'none'"} {
		res, err := http.Get(w.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if policy := res.Header.Get("Content-Security-Policy"); !strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") ||
			!strings.Contains(policy, "frame-ancestors "+who) {
			t.Errorf("%s (%d, %s) may be framed as %q says, want %s", path, res.StatusCode, res.Header.Get("Content-Type"), policy, who)
		}
	}
}
