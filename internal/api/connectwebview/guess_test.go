package connectwebview_test

import (
	"encoding/json"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"keyway/internal/api/connectwebview"
	"keyway/internal/wiring/apitest"
)

var stateField = regexp.MustCompile(`name="state" value="([^"]+)"`)

// A right guess after too many wrong ones does not help.
func TestGuessingEnds(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		jane := w.Person("jane")
		ws := w.Workspace(jane, "Home", true)
		page, err := connectwebview.NewPage(w.Webviews)
		w.Must(err)
		var made struct {
			ID, URL string
			Status  string
		}
		read := func(doc []byte) {
			t.Helper()
			var v struct {
				ID     string `json:"connect_webview_id"`
				URL    string `json:"url"`
				Status string `json:"status"`
			}
			w.Must(json.Unmarshal(doc, &v))
			made.ID, made.URL, made.Status = v.ID, v.URL, v.Status
		}
		doc, err := w.Webviews.Create(t.Context(), ws.ID, true,
			connectwebview.New{AcceptedProviders: []string{"schlage"}, ManageNewDevices: true, DeviceSelectionMode: "none"})
		w.Must(err)
		read(doc)
		show := func(r *http.Request) (screen, state string) {
			rec := httptest.NewRecorder()
			page.ServeHTTP(rec, r)
			screen = rec.Body.String()
			if m := stateField.FindStringSubmatch(screen); m != nil {
				state = html.UnescapeString(m[1])
			}
			return screen, state
		}
		address := strings.TrimPrefix(made.URL, apitest.PublicURL)
		_, state := show(httptest.NewRequest(http.MethodGet, address, nil))
		post := func(form url.Values) (screen string) {
			form.Set("state", state)
			r := httptest.NewRequest(http.MethodPost, "/connect_webviews/view", strings.NewReader(form.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			screen, _ = show(r)
			return screen
		}
		_, state = show(func() *http.Request {
			r := httptest.NewRequest(http.MethodPost, "/connect_webviews/view",
				strings.NewReader(url.Values{"state": {state}, "step": {"brands"}}.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			return r
		}())
		guess := func(password string) string {
			return post(url.Values{"step": {"credentials"}, "field.email": {"jane@example.com"}, "field.password": {password}})
		}
		for range 10 {
			guess("wrong")
		}
		if screen := guess("1234"); !strings.Contains(screen, "too many wrong answers") {
			t.Errorf("a right answer after ten wrong ones: %s", screen)
		}
		page1, err := w.Webviews.List(t.Context(), ws.ID, connectwebview.Filter{Limit: 10})
		w.Must(err)
		if read(page1.Items[0]); made.Status != "failed" {
			t.Error(made.Status)
		}
	})
}
