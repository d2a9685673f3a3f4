package apitest_test

import (
	"net/http"
	"strings"
	"testing"

	"keyway/internal/platform/store/storetest"
	"keyway/internal/wiring/apitest"
)

// Guards the kind "the length of a compressed answer reveals a secret in it". That each row whose answer's type can
// contain a secret says so is checked when the table is made; this test checks that the rows comply, and that the
// lists that contain none are compressed.
func TestNoSecretIsCompressed(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, storetest.SQLite(t))
	jane := w.Person("jane")
	ws := w.Workspace(jane, "Home", true)
	w.Connect(ws, "august")
	pat, _ := w.PAT(jane)
	session := w.Session(jane)
	compressed := 0
	for _, e := range w.RPC.Endpoints() {
		if e.Streams() {
			continue
		}
		for _, token := range []string{pat, session} {
			a := w.Do(apitest.Request{Path: e.Path, Token: token, Workspace: ws.ID, Header: http.Header{"Accept-Encoding": {"gzip"}}, Body: `{}`,
				Raw: true})
			zipped := a.Header.Get("Content-Encoding") != ""
			if zipped && e.Secret {
				t.Errorf("%s is compressed", e.Path)
			}
			if zipped {
				compressed++
			}
			if a.Status == http.StatusOK && !e.Secret && strings.Contains(strings.Join(a.Header.Values("Vary"), " "),
				"Accept-Encoding") == (a.Header.Get("Content-Type") == "") {
				t.Errorf("%s: %v", e.Path, a.Header)
			}
		}
		if e.Secret {
			continue
		}
		for _, secret := range []string{"token", "secret", "code", "pin", "password"} {
			if e.Returns == secret {
				t.Errorf("%s answers with a %s", e.Path, secret)
			}
		}
	}
	if compressed < 3 {
		t.Errorf("%d answers were compressed", compressed)
	}
}
