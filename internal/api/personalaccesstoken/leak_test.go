package personalaccesstoken_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"keyway/internal/platform/mail"
	"keyway/internal/platform/signed"
	"keyway/internal/platform/store"
	"keyway/internal/trust/credential"
	"keyway/internal/trust/grant"
	"keyway/internal/wiring/apitest"
)

// The owner of a credential is notified that it was found, in the workspaces that it opened and in no
// others; the person who reports it learns nothing, and a repeated report causes no further notice.
func TestLeaksAreTold(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		s := setup(w)
		stranger := w.Person("eve")
		elsewhere := w.Workspace(stranger, "Elsewhere", true)
		other, otherID := w.PAT(s.jane)
		key, keyID := w.WorkspaceKey(s.jane, otherID, s.ws)
		apiKey, apiKeyID := w.Key(s.ws, s.jane)
		session, short, underKey, digest, sealed := credential.MintSession(w.Vault, "here")
		sessionID := store.NewID()
		w.Must(w.DB.Update(w.Context(), func(tx *store.Tx) error {
			return grant.ClientSessions.Insert(w.Context(), tx, signed.Set{"workspace_id": s.ws.ID, "client_session_id": sessionID,
				"short_token": short, "key_id": underKey, "digest": digest[:], "sealed_token": sealed, "created_at": store.Micros(w.Now()),
				"expires_at": store.Micros(w.Now().AddDate(1, 0, 0))})
		}, store.Instance))
		w.Mail.Server = &mail.Server{Host: "mail.invalid"} // mails stay where the test finds them
		w.RunJobs()
		report := func(credentials ...string) {
			w.Pass(time.Minute)
			if a := w.Do(apitest.Request{Path: "/keyway/v1/credentials/revoke",
				Body: map[string]any{"credentials": credentials}}); a.Status != 202 || a.Body != `{"ok":true}` {
				t.Errorf("%d %s", a.Status, a.Body)
			}
		}
		told := func(what string, n int) []map[string]any {
			t.Helper()
			for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
				if got := s.events(what); len(got) >= n || time.Now().After(deadline) {
					if len(got) != n {
						t.Fatalf("%d events %s, want %d: %v", len(got), what, n, got)
					}
					return got
				}
			}
		}
		report(s.pat)
		e := told("keyway.personal_access_token.leaked", 1)[0]
		if e["personal_access_token_id"] != s.id || e["user_id"] != s.jane.ID || e["hint"] != s.pat[:len("seam_at1")+8] || e["address"] == "" {
			t.Errorf("%v", e)
		}
		report(key, s.pat)
		if e = told("keyway.personal_access_token.leaked", 2)[1]; e["personal_access_token_id"] != otherID || e["workspace_key_id"] != keyID ||
			e["hint"] != key[:len("seam_")+8] {
			t.Errorf("%v", e)
		}
		s.lives(t, other, "")
		report(apiKey)
		if e = told("keyway.credential.leaked", 1)[0]; e["credential_id"] != apiKeyID || e["credential_kind"] != "api_key" ||
			e["workspace_id"] != s.ws.ID {
			t.Errorf("%v", e)
		}
		report(session.Reveal())
		if e = told("keyway.credential.leaked", 2)[1]; e["credential_id"] != sessionID || e["credential_kind"] != "client_session" ||
			e["hint"] != session.Hint() {
			t.Errorf("%v", e)
		}
		var n int
		w.Must(w.DB.QueryRow(w.Context(), `SELECT count(*) FROM events WHERE workspace_id = $1`, elsewhere.ID).Scan(&n))
		if n != 0 {
			t.Errorf("strangers are told of %d things", n)
		}
		var subjects []string
		for _, m := range w.Mails() {
			if subjects = append(subjects, m.Subject); m.To != s.jane.Email || strings.Contains(m.Text, "<no value>") ||
				!strings.Contains(m.Text, "\nReported:   20") {
				t.Errorf("to %s: %s", m.To, m.Text)
			}
			for _, secret := range []string{s.pat, key, apiKey} {
				if strings.Contains(m.Text, secret) {
					t.Errorf("the secret is in:\n%s", m.Text)
				}
			}
		}
		const token = "Personal access token “test” was found exposed and has been revoked"
		if want := []string{token, token, "An API key of the workspace “Flat” was found exposed and has been revoked"}; !slices.Equal(subjects,
			want) {
			t.Errorf("mailed %q", subjects)
		}
	})
}
