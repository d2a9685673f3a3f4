package clientsession_test

import (
	"net/http"
	"strings"
	"testing"

	"keyway/internal/api/personalaccesstoken"
	"keyway/internal/platform/store"
	"keyway/internal/wiring/apitest"
)

// A kind of fault: a row that grants something is written or changed in the database by someone without the server key, and is
// believed where a client session, the page of a Connect Webview, a publishable key or a limited token is judged by it.
func TestForgedRowsOpenNothing(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		m := setup(t, w, "forged", personalaccesstoken.Narrow{})
		exec := func(query string, args ...any) {
			t.Helper()
			m.Must(m.DB.Update(m.Context(), func(tx *store.Tx) error {
				_, err := tx.Exec(m.Context(), query, args...)
				return err
			}, store.Instance, store.Workspace(m.ws.ID)))
		}
		status := func(token string) int {
			t.Helper()
			return m.ask(token, "/devices/list", nil).Status
		}
		sees := func(token string) bool {
			t.Helper()
			return strings.Contains(m.ask(token, "/devices/list", nil).Body, m.devices)
		}
		account := m.everything()["connected_account_ids"].([]string)[0]

		// Client sessions.
		for what, change := range map[string]string{
			"the end":       `UPDATE client_sessions SET expires_at = expires_at + 1 WHERE client_session_id = $1`,
			"the user":      `UPDATE client_sessions SET user_identifier_key = 'eve' WHERE client_session_id = $1`,
			"the customer":  `UPDATE client_sessions SET customer_key = 'eve' WHERE client_session_id = $1`,
			"the maker":     `UPDATE client_sessions SET family_id = NULL, user_id = NULL WHERE client_session_id = $1`,
			"a missing MAC": `UPDATE client_sessions SET mac = NULL WHERE client_session_id = $1`,
		} {
			secret, id := m.session(m.token, m.everything())
			if !sees(secret) {
				t.Fatalf("%s: the session does not work from the beginning", what)
			}
			exec(change, id)
			if got := status(secret); got == http.StatusOK {
				t.Errorf("%s was changed and the session works", what)
			}
			if a := m.ask(m.token, "/client_sessions/list", nil); strings.Contains(a.Body, secret) {
				t.Errorf("%s was changed and the session's token is listed", what)
			}
		}
		secret, id := m.session(m.token, nil)
		m.Must(m.Tokens.Revoke(m.Context(), m.jane.ID, m.id, apitest.By))
		exec(`UPDATE client_sessions SET revoked_at = NULL, family_id = NULL WHERE client_session_id = $1`, id)
		if got := status(secret); got == http.StatusOK {
			t.Error("a session that was revoked is revived")
		}

		// What a session was given, by itself and by way of a webview.
		secret, id = m.session(m.key, nil)
		exec(`INSERT INTO client_session_resources (workspace_id, client_session_id, kind, resource_id) VALUES ($1, $2, 'connected_account', $3)`,
			m.ws.ID, id, account)
		if sees(secret) {
			t.Error("a session was given an account by the database")
		}
		m.object(m.key, "/client_sessions/grant_access", in{"client_session_id": id, "connected_account_ids": []string{account}}, "")
		if !sees(secret) {
			t.Error("a session was given an account that the database had given it before, and does not have it")
		}
		webview := m.object(m.key, "/connect_webviews/create", in{"accepted_providers": []string{"schlage"}}, "connect_webview")
		secret, _ = m.session(m.key, in{"connect_webview_ids": []any{webview["connect_webview_id"]}})
		exec(`UPDATE connect_webviews SET connected_account_id = $2 WHERE connect_webview_id = $1`, webview["connect_webview_id"], account)
		if sees(secret) {
			t.Error("a session reaches an account by way of a webview that the database says has connected it")
		}

		// The page of a webview.
		for what, change := range map[string]string{
			"the maker":    `UPDATE connect_webviews SET family_id = NULL, user_id = 'x' WHERE connect_webview_id = $1`,
			"the end":      `UPDATE connect_webviews SET expires_at = expires_at + 1 WHERE connect_webview_id = $1`,
			"the document": `UPDATE connect_webviews SET doc = replace(doc, 'schlage', 'august') WHERE connect_webview_id = $1`,
		} {
			v := m.object(m.key, "/connect_webviews/create", in{"accepted_providers": []string{"schlage"}}, "connect_webview")
			exec(change, v["connect_webview_id"])
			if m.begins(v["url"].(string)) {
				t.Errorf("%s of a webview was changed and its page opens", what)
			}
			a := m.ask(m.key, "/connect_webviews/get", in{"connect_webview_id": v["connect_webview_id"]})
			if strings.Contains(a.Body, "auth_token") {
				t.Errorf("%s of a webview was changed and its address is shown", what)
			}
		}

		// A maker's membership.
		m.token, m.id = m.Token(m.jane, personalaccesstoken.New{Name: "x", From: "command", Never: true})
		stranger := m.Person("stranger")
		exec(`INSERT INTO memberships (workspace_id, user_id, role, created_at) VALUES ($1, $2, 'owner', 0)`, m.ws.ID, stranger.ID)
		console := m.World.Session(m.jane)
		secret, _ = m.session(console, m.everything())
		webview = m.object(console, "/connect_webviews/create", in{"accepted_providers": []string{"schlage"}}, "connect_webview")
		if !sees(secret) || !m.begins(webview["url"].(string)) {
			t.Error("what a console session made does not work from the beginning")
		}
		webview = m.object(console, "/connect_webviews/create", in{"accepted_providers": []string{"schlage"}}, "connect_webview")
		exec(`UPDATE memberships SET created_at = created_at + 1 WHERE workspace_id = $1 AND user_id = $2`, m.ws.ID, m.jane.ID)
		if status(secret) == http.StatusOK || m.begins(webview["url"].(string)) {
			t.Error("what a person made works with a membership that was written without the server key")
		}

		// The workspace: a production workspace that the database calls a sandbox does not open to a sandbox token, nor to anyone.
		production := m.Workspace(m.owner, "Production", false)
		narrow := personalaccesstoken.Narrow{SandboxOnly: given(true)}
		limited, _ := m.Token(m.owner, personalaccesstoken.New{Name: "sandbox", From: "command", Never: true, Narrow: narrow})
		exec(`UPDATE workspaces SET is_sandbox = $2, doc = replace(doc, '"is_sandbox":false', '"is_sandbox":true') WHERE workspace_id = $1`,
			production.ID, true)
		if a := m.Do(apitest.Request{Path: "/devices/list", Token: limited, Workspace: production.ID}); a.Status == http.StatusOK {
			t.Error("a token for sandboxes opens a workspace that the database calls one")
		}
		exec(`UPDATE workspaces SET doc = replace(doc, '"is_publishable_key_auth_enabled":false', '"is_publishable_key_auth_enabled":true')
			WHERE workspace_id = $1`, production.ID)
		a := m.Do(apitest.Request{Path: "/client_sessions/get_or_create", Body: in{"user_identifier_key": "ada"},
			Header: http.Header{"Seam-Publishable-Key": {production.PublishableKey}}})
		if a.Status == http.StatusOK {
			t.Error("a publishable key is accepted because the database says so")
		}
	})
}
