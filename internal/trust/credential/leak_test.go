package credential_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"keyway/internal/platform/rpc"
	"keyway/internal/platform/signed"
	"keyway/internal/platform/store"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/credential"
	"keyway/internal/trust/grant"
	"keyway/internal/wiring/apitest"
)

func TestNetwork(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "::ffff:192.0.2.1", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
		"2001:db8:1:2::9": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64", "": "", "nonsense": "nonsense",
	} {
		if got := credential.Network(in); got != want {
			t.Errorf("%s: %s", in, got)
		}
	}
}

// works reports whether a credential opens the workspace.
func works(w *apitest.World, token, workspaceID string) bool {
	return w.Do(apitest.Request{Path: "/devices/list", Token: token, Workspace: workspaceID}).Status == http.StatusOK
}

// report says that credentials were found; whatever they are, the answer is the same.
func report(t *testing.T, w *apitest.World, credentials ...string) {
	t.Helper()
	w.Pass(time.Minute) // an address may not report without limit
	a := w.Do(apitest.Request{Path: "/keyway/v1/credentials/revoke", Body: map[string]any{"credentials": append([]string{}, credentials...)}})
	if a.Status != http.StatusAccepted || a.Body != `{"ok":true}` {
		t.Errorf("%d credentials: %d %s", len(credentials), a.Status, a.Body)
	}
}

// session makes a client session of a workspace.
func session(t *testing.T, w *apitest.World, workspaceID string) string {
	t.Helper()
	token, short, keyID, digest, sealed := credential.MintSession(w.Vault, "here")
	now := w.Now()
	w.Must(w.DB.Update(t.Context(), func(tx *store.Tx) error {
		return grant.ClientSessions.Insert(t.Context(), tx, signed.Set{"workspace_id": workspaceID, "client_session_id": store.NewID(),
			"short_token": short, "key_id": keyID, "digest": digest[:], "sealed_token": sealed, "created_at": store.Micros(now),
			"expires_at": store.Micros(now.AddDate(1, 0, 0))})
	}, store.Instance))
	return token.Reveal()
}

// What was found is dead when that was answered, with what was made with it, and nothing else is.
func TestLeakedCredentialsEnd(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		anna := w.Person("anna")
		ws := w.Workspace(anna, "Harbour", true)
		pat, patID := w.PAT(anna)
		bystander, bystanderID := w.PAT(anna)
		key, _ := w.Key(ws, anna)
		workspaceKey, _ := w.WorkspaceKey(anna, patID, ws)
		lone, _ := w.WorkspaceKey(anna, bystanderID, ws)
		client := session(t, w, ws.ID)
		all := map[string]string{"PAT": pat, "another PAT": bystander, "API key": key, "workspace key": workspaceKey,
			"its own workspace key": lone, "client session": client}
		dead := map[string]bool{}
		check := func() {
			t.Helper()
			for name, token := range all {
				if works(w, token, ws.ID) == dead[name] {
					t.Errorf("%s: dead should be %t", name, dead[name])
				}
			}
		}
		check()

		// Guesses, typos and what is no secret end nothing.
		forged := credential.Mint(credential.PersonalAccessToken, false).Reveal()
		report(t, w, pat[:len(pat)-1], "", "seam_pk1", forged, "Bearer "+pat, strings.ToUpper(pat))
		report(t, w)
		var publishable string
		w.Must(w.DB.QueryRow(t.Context(), `SELECT publishable_key FROM workspaces WHERE workspace_id = $1`, ws.ID).Scan(&publishable))
		report(t, w, publishable)
		check()

		report(t, w, lone) // never what it was made with
		dead["its own workspace key"] = true
		check()
		report(t, w, forged, pat, pat, "garbage")
		dead["PAT"], dead["workspace key"] = true, true
		check()
		report(t, w, key, client)
		dead["API key"], dead["client session"] = true, true
		check()
		report(t, w, pat, key, client, lone) // once more changes nothing

		tok, err := w.Tokens.Get(t.Context(), anna.ID, patID)
		w.Must(err)
		if tok.RevokeReason == nil || *tok.RevokeReason != credential.ReasonLeaked {
			t.Errorf("its owner reads the reason %v", tok.RevokeReason)
		}
		page, err := w.Audit.List(t.Context(), audit.Filter{CredentialID: patID, Action: "personal_access_token.revoked"}, rpc.Position{}, 10)
		w.Must(err)
		if len(page.Items) != 1 || !strings.Contains(string(page.Items[0]), `"reason":"leaked"`) || strings.Contains(string(page.Items[0]), pat) {
			t.Errorf("the audit log has %s", page.Items)
		}
		if strings.Contains(w.Log.String(), pat[len(pat)-20:]) {
			t.Error("a reported secret is in the log")
		}
	})
}

// A right visible part with a wrong secret ends nothing, also beside the right one's place in a list.
func TestLeaksNeedTheWholeSecret(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		anna := w.Person("anna")
		ws := w.Workspace(anna, "Harbour", true)
		pat, id := w.PAT(anna)
		other, _ := w.PAT(anna)
		p, err := credential.Parse(other)
		w.Must(err)
		// Another well-formed token gets the first one's visible part.
		w.Must(w.DB.Update(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec(t.Context(), `DELETE FROM credentials WHERE short_token = $1`, p.Short)
			return err
		}, store.Instance))
		w.Rewrite(grant.Credentials, signed.Set{"short_token": p.Short}, `credential_id = ?`, id)
		report(t, w, other)
		if tok, err := w.Tokens.Get(t.Context(), anna.ID, id); err != nil || tok.Status != "active" {
			t.Errorf("a wrong secret ended %+v, %v", tok, err)
		}
		if works(w, other, ws.ID) || works(w, pat, ws.ID) {
			t.Error("a token opens by its visible part")
		}
	})
}

func TestReportsAreLimited(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		r := apitest.Request{Path: "/keyway/v1/credentials/revoke", Body: `{"credentials":["seam_at1"]}`}
		refused := 0
		for range credential.LeaksPerMinute + 10 {
			a := w.Do(r)
			if a.Status == http.StatusTooManyRequests && a.Header.Get("Retry-After") != "" {
				refused++
			} else if a.Status != http.StatusAccepted {
				t.Fatalf("%d %s", a.Status, a.Body)
			}
		}
		if refused == 0 {
			t.Error("an address may report for ever")
		}
		w.Pass(time.Minute)
		w.Refused(apitest.Request{Path: r.Path, Body: map[string]any{"credentials": make([]string, credential.MaxLeaked+1)}}, 400,
			"invalid_input")
		w.Refused(apitest.Request{Path: r.Path, Body: `{}`}, 400, "invalid_input")
		w.Refused(apitest.Request{Path: r.Path, Body: `{"credentials":"seam"}`}, 400, "invalid_input")
	})
}
