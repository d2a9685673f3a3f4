package console_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"html"
	"image"
	"image/png"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"keyway/internal/api/account"
	"keyway/internal/api/connectwebview"
	"keyway/internal/api/device"
	"keyway/internal/api/event"
	"keyway/internal/api/workspace"
	"keyway/internal/console/frame"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/trust/grant"
)

// connected is the standard account of a brand in a workspace.
func (s *server) connected(t *testing.T, workspaceID, brand string) account.Account {
	t.Helper()
	a, err := s.config.Simulate.ConnectStandard(t.Context(), workspaceID, true, brand, "jane")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// notFound requests each path as a member of another workspace, under that workspace's address and under
// the path's own: what exists gets the same answer as what does not.
func (b *browser) notFound(method string, paths ...string) {
	b.t.Helper()
	for _, path := range paths {
		r := b.request(path, nil)
		r.Method = method
		if b.do(r); b.status != http.StatusNotFound {
			b.t.Errorf("%s %s answers %d:\n%s", method, path, b.status, plainText(b.page))
		}
	}
}

func TestAddDevices(t *testing.T) {
	t.Parallel()
	s := serve(t)
	_, w := s.person(t, "jane")
	b := s.browser(t)
	b.signIn("jane").has("Add Devices", `data-connect="`+frame.WorkspacePath(w.ID, "connect")+`"`)
	r := b.request(frame.WorkspacePath(w.ID, "connect"), nil)
	r.Header.Set("Accept", "application/json")
	b.do(r)
	var made struct {
		URL string `json:"url"`
	}
	if err := json.Unmarshal([]byte(b.page), &made); err != nil || !strings.HasPrefix(made.URL, "/connect_webviews/view?") ||
		!strings.Contains(made.URL, "auth_token=") {
		t.Errorf("%d %s", b.status, b.page)
	}
	_, other := s.person(t, "eve")
	b.notFound(http.MethodPost, frame.WorkspacePath(other.ID, "connect"))
	cross := b.request(frame.WorkspacePath(w.ID, "connect"), nil)
	cross.Header.Set("Sec-Fetch-Site", "cross-site")
	if b.do(cross); b.status != http.StatusForbidden {
		t.Errorf("another site opens a webview: %d", b.status)
	}
}

func TestAccounts(t *testing.T) {
	t.Parallel()
	s := serve(t)
	_, w := s.person(t, "jane")
	_, abroad := s.person(t, "eve")
	b := s.browser(t)
	list := frame.WorkspacePath(w.ID, "connected-accounts")
	b.signIn("jane")
	b.get(list).has("No connected accounts", "Connect account")
	a := s.connected(t, w.ID, "august")
	at := list + "/" + a.ID
	b.get(list).has("jane@example.com", "August", "Connected", at)
	b.get(list + "?q=schlage").has("No account matches").get(list + "?q=augu").has(at)
	b.get(at).has("Managed automatically", "can no longer be reached")
	b.post(at+"/update", "display_name", "", "automatically_manage_new_devices", "true").has("Required.")
	b.post(at+"/update", "display_name", "Guesthouse", "customer_key", "guest-1").at(at).has("Saved.", "Guesthouse", "guest-1",
		"Unmanaged until")
	b.post(at + "/sync").at(at).has("no new devices")
	b.post(at+"/reauthorize").at(at).has("Warning", "account_reauthorization_requested", "Reconnect it before")
	b.post(at+"/disconnect").at(at).has("Disconnected", "account_disconnected", "Reconnect it with the sign-in")
	b.get(list).has("The account was disconnected.")
	lock := regexp.MustCompile(frame.WorkspacePath(w.ID, "devices") + `/[^"?/]+"`).FindString(b.get(at).page)
	b.get(strings.TrimSuffix(lock, `"`)).has(`<a href="` + at + `">Open the account</a>`)
	r := b.request(at+"/reconnect", nil)
	r.Header.Set("Accept", "application/json")
	if b.do(r).has("/connect_webviews/view?"); b.status != http.StatusOK {
		t.Errorf("reconnect: %d", b.status)
	}

	foreign := s.connected(t, abroad.ID, "yale")
	for _, id := range []string{foreign.ID, "0199b2f6-11aa-7a10-8c3e-77d2c90be001", "x"} {
		b.notFound(http.MethodGet, list+"/"+id, frame.WorkspacePath(abroad.ID, "connected-accounts", id))
		b.notFound(http.MethodPost, list+"/"+id+"/update", list+"/"+id+"/sync", list+"/"+id+"/disconnect", list+"/"+id+"/reauthorize",
			list+"/"+id+"/delete", list+"/"+id+"/reconnect")
	}
	if _, err := s.config.Accounts.Get(t.Context(), s.config.DB, abroad.ID, foreign.ID); err != nil {
		t.Errorf("the foreign account: %v", err)
	}
	b.get(at).post(at + "/delete").at(list).has("No connected accounts")
}

// member makes a person who is a plain member of a workspace.
func (s *server) member(t *testing.T, name, workspaceID string) {
	t.Helper()
	u, _ := s.person(t, name)
	err := s.config.DB.Update(t.Context(), func(tx *store.Tx) error {
		return grant.SetRole(t.Context(), tx, time.Now(), workspaceID, u.ID, rpc.Member)
	}, store.Instance)
	if err != nil {
		t.Fatal(err)
	}
}

func TestWebhooks(t *testing.T) {
	t.Parallel()
	s := serve(t)
	_, w := s.person(t, "jane")
	_, abroad := s.person(t, "eve")
	s.member(t, "max", w.ID)
	stop, cancel := context.WithCancel(t.Context())
	var worker sync.WaitGroup
	worker.Go(func() { s.config.Webhooks.Run(stop) })
	t.Cleanup(func() { cancel(); worker.Wait() })
	var answer atomic.Int32
	answer.Store(http.StatusServiceUnavailable)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(int(answer.Load()))
		_, _ = io.WriteString(w, "<b>busy</b>")
	}))
	t.Cleanup(receiver.Close)

	b := s.browser(t)
	list := frame.WorkspacePath(w.ID, "developer", "webhooks")
	b.signIn("jane").get(list).has("No webhooks")
	b.post(list, "url", "http://10.0.0.1/", "all", "true").has("not on the public internet", `value="http://10.0.0.1/"`)
	b.post(list, "url", "", "all", "true").has("Required.")
	b.post(list, "url", receiver.URL).has("Choose at least one event type, or all.")
	b.post(list, "url", receiver.URL, "event_type", "device.connected", "event_type", "lock.unlocked").has("Webhook created",
		"Nothing was sent yet", "device.connected").lacks("whsec_")
	at := b.address.Path
	form := b.page
	b.post(at + "/secret").has("Signing secret")
	first := b.secret()
	if !strings.HasPrefix(first, "whsec_") || strings.Contains(s.log.String(), first) {
		t.Errorf("the secret %q, or the log has it", first)
	}
	b.post(at + "/rotate-secret").has("The previous secret stays valid")
	if b.secret() == first {
		t.Error("the secret is the old one")
	}
	// Sending the forms again, as a browser's reload does, shows nothing and rotates nothing.
	for _, action := range []string{"/secret", "/rotate-secret"} {
		nonce := noncePattern.FindStringSubmatch(form)[1]
		b.do(b.request(at+action, url.Values{"nonce": {nonce}})).at(at).has("Already submitted").lacks("whsec_")
	}
	b.get(at).lacks("whsec_")
	b.post(at+"/test", "event_type", "webhook.test").at(at).has("The test event wasn’t delivered. ", `class="flash flash-error"`, "Failed",
		"503", "&lt;b&gt;busy&lt;/b&gt;", "Attempt 1, next ")
	answer.Store(http.StatusOK)
	resend := regexp.MustCompile(`action="(` + at + `/attempts/[^/"]+/resend)"`).FindStringSubmatch(b.page)
	b.post(resend[1]).at(at).has("The event was delivered.", "Delivered", `<span class="tag">200</span>`)
	b.post(at + "/update").has("Choose at least one event type, or all.")
	b.post(at+"/update", "all", "true").at(at).has("Saved.")

	// A disabled webhook is shown on every page, and can be enabled again from there.
	if err := s.config.DB.Update(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(t.Context(), `UPDATE webhooks SET disabled_at = $2 WHERE workspace_id = $1`, w.ID, store.Micros(time.Now()))
		return err
	}, store.Workspace(w.ID)); err != nil {
		t.Fatal(err)
	}
	m := s.browser(t)
	m.signIn("max").get(frame.WorkspacePath(w.ID, "devices")).has("is disabled.", `data-live="webhook workspace"`).lacks("Enable again")
	m.get(list).has(receiver.URL).lacks("Add Webhook")
	m.get(at).has("Attempt 1").lacks("Reveal secret", "Send test event", "whsec_", ", next ", "The answer was 503")
	for _, what := range []string{"/secret", "/rotate-secret", "/update", "/delete", "/enable", "/test"} {
		if m.do(m.request(at+what, nil)); m.status != http.StatusForbidden {
			t.Errorf("a member's %s answers %d", what, m.status)
		}
	}
	b.get(frame.WorkspacePath(abroad.ID, "devices"))
	b.get(frame.WorkspacePath(w.ID, "devices")).has("is disabled.").post(at + "/enable").at(at).has("is enabled").lacks("is disabled.")

	e := s.browser(t)
	e.signIn("eve")
	foreign := frame.WorkspacePath(abroad.ID, "developer", "webhooks") + strings.TrimPrefix(at, list)
	attempt := strings.TrimPrefix(resend[1], at)
	for _, here := range []string{at, foreign, frame.WorkspacePath(abroad.ID, "developer", "webhooks", "x")} {
		e.notFound(http.MethodGet, here)
		e.notFound(http.MethodPost, here+"/secret", here+"/rotate-secret", here+"/update", here+"/delete", here+"/enable", here+attempt)
		r := e.request(here+"/test", url.Values{"event_type": {"webhook.test"}})
		if e.do(r); e.status != http.StatusNotFound {
			t.Errorf("%s/test answers %d", here, e.status)
		}
	}
	b.get(at).post(at + "/delete").at(list).has("No webhooks")
}

func TestEvents(t *testing.T) {
	t.Parallel()
	s := serve(t)
	_, w := s.person(t, "jane")
	_, abroad := s.person(t, "eve")
	b := s.browser(t)
	list := frame.WorkspacePath(w.ID, "events")
	b.signIn("jane").get(list).has("Nothing has happened yet")
	a := s.connected(t, w.ID, "august")
	s.connected(t, abroad.ID, "yale")
	b.get(list).has("device.added", "connected_account.created", a.ID).lacks("yale_lock")
	found, err := s.config.Devices.List(t.Context(), w.ID, device.Filter{Limit: 2})
	if err != nil {
		t.Fatal(err)
	}
	of := make([]device.Device, 2)
	for i, doc := range found.Items {
		if err := json.Unmarshal(doc, &of[i]); err != nil {
			t.Fatal(err)
		}
	}
	named := func(i int, name string) string {
		return `href="` + frame.WorkspacePath(w.ID, "devices", of[i].ID) + `">` + name + `</a>`
	}
	b.has(named(0, of[0].DisplayName), named(1, of[1].DisplayName))
	if err := s.config.Devices.Change(t.Context(), w.ID, of[0].ID,
		device.Update{Name: rpc.Opt[string]{Set: true, Value: "Harbour Gate"}}); err != nil {
		t.Fatal(err)
	}
	if err := s.config.Devices.Delete(t.Context(), w.ID, of[1].ID); err != nil {
		t.Fatal(err)
	}
	b.get(list).has(named(0, "Harbour Gate"), "Deleted device").lacks(of[1].ID + `">`)
	one := regexp.MustCompile(`href="(` + list + `/[^"/]+)"`).FindStringSubmatch(b.page)[1]
	b.get(one).has("&#34;event_id&#34;: &#34;" + strings.TrimPrefix(one, list+"/"))
	b.get(list+"?event_type=connected_account.created").has("1 event<", a.ID)
	b.get(list+"?device_id=x").has("No event matches", "A device is found by its id")
	b.get(list + "?since=2001-01-01T00:00&until=2002-01-01T00:00").has("No event matches")
	b.get(list + "?since=soon").has("Enter a date and time.")
	var after string
	for n := range 60 { // more than a page
		err := s.config.DB.Update(t.Context(), func(tx *store.Tx) error {
			return s.config.Events.Append(t.Context(), tx, w.ID,
				event.Event{Type: "lock.locked", OccurredAt: time.Now().Add(-time.Duration(n) * time.Hour)})
		}, store.Workspace(w.ID))
		if err != nil {
			t.Fatal(err)
		}
	}
	b.get(list + "?event_type=lock.locked").has("50 events on this page")
	after = html.UnescapeString(regexp.MustCompile(`href="([^"]*after=[^"]*)"`).FindStringSubmatch(b.page)[1])
	b.get(after).has("10 events on this page", "Page 2", "First page", "Previous page").lacks(`data-live="event`)

	e := s.browser(t)
	e.signIn("eve")
	id := strings.TrimPrefix(one, list)
	e.notFound(http.MethodGet, one, frame.WorkspacePath(abroad.ID, "events")+id, frame.WorkspacePath(abroad.ID, "events", "x"))
	e.get(frame.WorkspacePath(abroad.ID, "events")).lacks(a.ID)
}

func TestWebviews(t *testing.T) {
	t.Parallel()
	s := serve(t)
	_, w := s.person(t, "jane")
	_, abroad := s.person(t, "eve")
	b := s.browser(t)
	list := frame.WorkspacePath(w.ID, "developer", "connect-webviews")
	b.signIn("jane").get(list).has("No Connect Webviews")
	b.post(list, "category", "chosen").has("Choose at least one brand.")
	b.post(list, "category", "", "custom_redirect_url", "javascript:alert(1)").has("Enter a URL like")
	b.post(list, "category", "nothing").has("Choose one of these.")
	b.post(list, "category", "chosen", "brand", "august", "customer_key", "guest-1", "custom_redirect_url", "https://app.example.com/",
		"automatically_manage_new_devices", "true").
		has("Send this link", "August", "guest-1", "Pending", "/connect_webviews/view?")
	page, err := s.config.Webviews.List(t.Context(), w.ID, connectwebview.Filter{Limit: 10})
	if err != nil || len(page.Items) != 1 || !strings.Contains(string(page.Items[0]), `"automatically_manage_new_devices":true`) {
		t.Fatalf("%s %v", page.Items, err)
	}
	s.connected(t, w.ID, "yale")
	a := s.connected(t, w.ID, "august")
	b.get(list).has("Authorized", "Yale", `href="`+frame.WorkspacePath(w.ID, "connected-accounts", a.ID)+`">jane@example.com</a>`)
	if err := s.config.Accounts.Delete(t.Context(), w.ID, a.ID); err != nil {
		t.Fatal(err)
	}
	b.get(list).has("Deleted account").lacks(a.ID)
	remove := regexp.MustCompile(`action="(` + list + `/[^"/]+/delete)"`).FindStringSubmatch(b.page)[1]
	e := s.browser(t)
	e.signIn("eve")
	e.notFound(http.MethodPost, remove, frame.WorkspacePath(abroad.ID, "developer", "connect-webviews")+strings.TrimPrefix(remove, list))
	b.post(remove).at(list).has("The Connect Webview was deleted.")
}

func TestSessions(t *testing.T) {
	t.Parallel()
	s := serve(t)
	_, w := s.person(t, "jane")
	_, abroad := s.person(t, "eve")
	a := s.connected(t, w.ID, "august")
	foreign := s.connected(t, abroad.ID, "yale")
	b := s.browser(t)
	list := frame.WorkspacePath(w.ID, "developer", "client-sessions")
	b.signIn("jane").get(list).has("No client sessions", "jane@example.com")
	b.post(list, "user_identifier_key", "user-7", "expires_on", "2001-01-01").has("Choose a future day.", `value="user-7"`)
	b.post(list, "user_identifier_key", "user-7", "connected_account_id", foreign.ID).has("no longer exists")
	b.post(list, "user_identifier_key", "user-7", "connected_account_id", a.ID).has("Client session created", "user-7", "1 account")
	token := b.secret()
	if !strings.HasPrefix(token, "seam_cst1") || strings.Contains(s.log.String(), token) {
		t.Errorf("the token %q, or the log has it", token)
	}
	b.post(list, "user_identifier_key", "user-7").has("has a client session already")
	b.get(list).lacks(token)
	show := regexp.MustCompile(`action="(` + list + `/[^"/]+)/token"`).FindStringSubmatch(b.page)[1]
	if got := b.post(show + "/token").secret(); got != token {
		t.Errorf("shown is %q", got)
	}
	e := s.browser(t)
	e.signIn("eve")
	for _, here := range []string{show, frame.WorkspacePath(abroad.ID, "developer", "client-sessions") + strings.TrimPrefix(show, list)} {
		e.notFound(http.MethodPost, here+"/token", here+"/revoke")
	}
	b.get(list).post(show + "/revoke").at(list).has("Revoked").lacks("Show token")
}

func TestClock(t *testing.T) {
	t.Parallel()
	s := serve(t)
	_, w := s.person(t, "jane")
	_, abroad := s.person(t, "eve")
	b := s.browser(t)
	clock := frame.WorkspacePath(w.ID, "clock")
	devices := frame.WorkspacePath(w.ID, "devices")
	b.signIn("jane").get(devices).has("Sandbox clock").lacks(`class="clock-note"`)
	b.post(clock, "by", "day", "here", devices).at(devices).has("In this workspace it’s now", "24 hours ahead", `class="clock-note"`)
	b.post(clock, "by", "hour", "here", "https://evil.example.com/").has("25 hours ahead")
	b.get(devices).post(clock, "by", "until", "here", devices, "until", "2001-01-01T00:00").has("can only be moved forward")
	b.post(clock, "by", "until", "here", devices, "until", "x").has("Choose a time")
	b.post(clock, "by", "until", "here", devices, "until",
		time.Now().AddDate(2, 0, 0).UTC().Format(frame.InputTime)).has("at most 400 days ahead")
	b.post(clock, "by", "until", "here", devices, "until", time.Now().AddDate(0, 0, 10).UTC().Format(frame.InputTime)).has("10 days ahead")
	b.notFound(http.MethodPost, frame.WorkspacePath(abroad.ID, "clock"))
}

func TestWebviewLook(t *testing.T) {
	t.Parallel()
	s := serve(t)
	_, w := s.person(t, "jane")
	s.member(t, "max", w.ID)
	at := frame.WorkspacePath(w.ID, "settings")
	b := s.browser(t)
	b.signIn("jane").get(at)
	b.post(at+"/webview", "primary_button_color", "red", "success_message", "Welcome.").has("Expected a colour")
	b.post(at+"/webview", "primary_button_color", "#1d5b45", "primary_button_text_color", "#ffffff", "success_message", "Welcome.",
		"logo_shape", "square").at(at).has("Saved.", `value="#1d5b45"`, `value="Welcome."`)
	upload := func(b *browser, file []byte) *browser {
		var body bytes.Buffer
		m := multipart.NewWriter(&body)
		part, err := m.CreateFormFile("logo", "logo.png")
		if err == nil {
			_, err = part.Write(file)
		}
		if err := errors.Join(err, m.Close()); err != nil {
			t.Fatal(err)
		}
		r := b.request(at+"/logo", nil)
		r.Body, r.ContentLength = io.NopCloser(&body), int64(body.Len())
		r.Header.Set("Content-Type", m.FormDataContentType())
		return b.do(r)
	}
	picture := func(side int) []byte {
		var b bytes.Buffer
		if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, side, side))); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	upload(b, []byte("<svg onload=alert(1)>")).has("Choose a PNG or a JPEG picture.")
	upload(b, picture(1025)).has("more than 1024 pixels")
	upload(b, make([]byte, workspace.MostLogo+1)).has("larger than 256 KB")
	upload(b, append(picture(64), "hidden"...)).at(at).has("The logo was saved.", workspace.LogoPath, "logo-square")
	logo, err := s.config.Workspaces.Logo(t.Context(), w.ID)
	if err != nil || logo.Type != "image/png" || bytes.Contains(logo.Data, []byte("hidden")) {
		t.Errorf("%s, %d bytes: %v", logo.Type, len(logo.Data), err)
	}
	m := s.browser(t)
	m.signIn("max")
	if upload(m, picture(64)); m.status != http.StatusForbidden {
		t.Errorf("a member's logo answers %d", m.status)
	}
	b.post(at+"/logo", "remove", "true").at(at).lacks(workspace.LogoPath)
}
