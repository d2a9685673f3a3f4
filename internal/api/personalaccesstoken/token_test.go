package personalaccesstoken_test

import (
	"strings"
	"testing"
	"time"

	"keyway/internal/api/personalaccesstoken"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/store"
	"keyway/internal/wiring/apitest"
)

const path = "/keyway/v1/personal_access_tokens/"

type answer struct {
	Token  personalaccesstoken.Token          `json:"personal_access_token"`
	Tokens []personalaccesstoken.Token        `json:"personal_access_tokens"`
	Key    personalaccesstoken.WorkspaceKey   `json:"workspace_key"`
	Keys   []personalaccesstoken.WorkspaceKey `json:"workspace_keys"`
}

func call(w *apitest.World, token, what string, in map[string]any) (out answer) {
	w.Call(apitest.Request{Path: path + what, Token: token, Body: in}, &out)
	return out
}

func TestLifeOfAToken(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		jane := w.Person("jane")
		session := w.Session(jane)
		made := call(w, session, "create", map[string]any{"name": " CI ", "description": "for <CI>"}).Token
		if made.Name != "CI" || made.Description != "for <CI>" || made.UserID != jane.ID || made.Status != personalaccesstoken.Active ||
			made.CreatedFrom != "console" ||
			!strings.HasPrefix(made.Secret, made.Hint+"_") || made.LastUsed != nil || !made.RevokedAt.IsZero() {
			t.Errorf("%+v", made)
		}
		if days := made.ExpiresAt.Sub(made.CreatedAt.Time).Hours() / 24; days < 364.9 || days > 366.1 {
			t.Errorf("it lives %v days", days)
		}
		never := call(w, session, "create", map[string]any{"name": "Never", "expires_at": nil}).Token
		soon := call(w, session, "create", map[string]any{"name": "Soon", "expires_at": w.Now().Add(time.Hour)}).Token
		if !never.ExpiresAt.IsZero() || soon.ExpiresAt.Sub(soon.CreatedAt.Time) > time.Hour {
			t.Errorf("%s %s", never.ExpiresAt, soon.ExpiresAt)
		}
		for param, in := range map[string]map[string]any{
			"name": {"name": "  "}, "expires_at": {"name": "x", "expires_at": w.Now().Add(-time.Second)},
			"description": {"name": "x", "description": strings.Repeat("é", 501)},
		} {
			if f := w.Refused(apitest.Request{Path: path + "create", Token: session, Body: in}, 400, "invalid_input"); f.Issues[param] == nil {
				t.Errorf("%s: %v", param, f.Issues)
			}
		}
		w.Refused(apitest.Request{Path: path + "create", Token: session, Body: map[string]any{"name": strings.Repeat("x", 101)}}, 400,
			"invalid_input")
		// Shown once: no later answer contains the secret, and neither does the database.
		for _, what := range []string{"list", "get", "update"} {
			in := map[string]any{"personal_access_token_id": made.ID, "description": nil}
			if what == "update" {
				in = map[string]any{"personal_access_token_id": made.ID, "name": "Renamed"}
			}
			if a := w.Do(apitest.Request{Path: path + what, Token: session, Body: in}); a.Status != 200 ||
				strings.Contains(a.Body, made.Secret[len(made.Secret)-36:]) {
				t.Errorf("%s: %d %s", what, a.Status, a.Body)
			}
		}
		got := call(w, session, "get", map[string]any{"personal_access_token_id": made.ID}).Token
		if got.Name != "Renamed" || got.Description != "for <CI>" {
			t.Errorf("an update changed what was not given: %+v", got)
		}
		w.Refused(apitest.Request{Path: path + "update", Token: session, Body: map[string]any{"personal_access_token_id": made.ID, "name": " "}},
			400, "invalid_input")

		call(w, session, "revoke", map[string]any{"personal_access_token_id": made.ID})
		w.Pass(2 * time.Hour) // Soon is dead now, and so is the session
		session = w.Session(jane)
		list := call(w, session, "list", nil).Tokens
		if len(list) != 3 || list[0].ID != soon.ID || list[0].Status != personalaccesstoken.Expired ||
			list[1].Status != personalaccesstoken.Active || list[2].Status != personalaccesstoken.Revoked ||
			list[2].RevokedBy == nil || *list[2].RevokedBy != jane.ID || *list[2].RevokeReason != "revoked" {
			t.Errorf("%+v", list)
		}
		first := list[2].RevokedAt
		w.Pass(time.Hour / 2)
		call(w, session, "revoke", map[string]any{"personal_access_token_id": made.ID})
		if again := call(w, session, "get", map[string]any{"personal_access_token_id": made.ID}).Token; !again.RevokedAt.Equal(first.Time) {
			t.Error("revoked anew")
		}
		if _, err := w.People.SetDisabled(t.Context(), jane.ID, true, apitest.By); err != nil {
			t.Fatal(err)
		}
		if tok, err := w.Tokens.Get(t.Context(), "", never.ID); err != nil || tok.Status != personalaccesstoken.UserDisabled {
			t.Errorf("%s %v", tok.Status, err)
		}
	})
}

func TestATokenReachesItselfOnly(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		w.Person("operator") // the first person looks after everyone's tokens
		jane, john := w.Person("jane"), w.Person("john")
		pat, id := w.PAT(jane)
		_, sibling := w.PAT(jane)
		_, foreign := w.PAT(john)
		for _, what := range []string{"get", "get_current"} {
			if tok := call(w, pat, what, nil).Token; tok.ID != id {
				t.Errorf("%s: %s", what, tok.ID)
			}
		}
		session := w.Session(jane)
		for _, what := range []string{"get", "revoke", "create_workspace_key"} {
			bodies := map[string]bool{}
			for _, other := range []string{sibling, foreign, store.NewID(), "nonsense"} {
				a := w.Do(apitest.Request{Path: path + what, Token: pat, Body: map[string]any{"personal_access_token_id": other, "workspace_id": "w"}})
				if bodies[a.Body] = true; a.Status != 404 || a.Failure(t).Type != "personal_access_token_not_found" {
					t.Errorf("%s: %d %s", what, a.Status, a.Body)
				}
			}
			if len(bodies) != 1 {
				t.Errorf("%s: the answers differ: %v", what, bodies)
			}
			w.Refused(apitest.Request{Path: path + what, Token: session,
				Body: map[string]any{"personal_access_token_id": foreign, "workspace_id": "w"}}, 404, "personal_access_token_not_found")
			w.Refused(apitest.Request{Path: path + what, Token: session, Body: map[string]any{"workspace_id": "w"}}, 400, "invalid_input")
		}
		for _, what := range []string{"update", "list_workspace_keys"} {
			w.Refused(apitest.Request{Path: path + what, Token: session, Body: map[string]any{"personal_access_token_id": foreign, "name": "x"}},
				404, "personal_access_token_not_found")
		}
		for _, what := range []string{"create", "update", "disable", "enable"} {
			f := w.Refused(apitest.Request{Path: path + what, Token: pat, Body: map[string]any{"name": "x", "personal_access_token_id": id}}, 403,
				"forbidden")
			if f.Data["reason"] != "scope" || f.Data["scope"] != "personal_access_tokens:write" {
				t.Errorf("%s: %v", what, f.Data)
			}
		}
		for _, what := range []string{"list_workspace_keys", "revoke_all", "refuse", "admit"} {
			w.Refused(apitest.Request{Path: path + what, Token: pat}, 401, "unauthorized")
		}
		if list := call(w, pat, "list", nil).Tokens; len(list) != 1 || list[0].ID != id {
			t.Errorf("%+v", list)
		}
		w.Refused(apitest.Request{Path: path + "get_current", Token: session}, 401, "unauthorized")
		w.Refused(apitest.Request{Path: path + "revoke", Token: pat,
			Body: map[string]any{"personal_access_token_id": id, "workspace_key_id": id}}, 400, "invalid_input")
		w.Refused(apitest.Request{Path: path + "revoke", Token: pat, Body: map[string]any{"workspace_key_id": id}}, 404,
			"workspace_key_not_found")
		call(w, pat, "revoke", nil)
		if f := w.Refused(apitest.Request{Path: path + "get_current", Token: pat}, 401, "unauthorized"); f.Data["reason"] != "revoked" {
			t.Errorf("%+v", f)
		}
		if tok := call(w, session, "get", map[string]any{"personal_access_token_id": sibling}).Token; tok.Status != personalaccesstoken.Active {
			t.Error("it took a sibling with it")
		}
	})
}

func TestWorkspaceKeys(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		ctx := t.Context()
		jane, john := w.Person("jane"), w.Person("john")
		mine, production, other := w.Workspace(jane, "Mine", true), w.Workspace(jane, "Production", false), w.Workspace(john, "Other", true)
		pat, id := w.PAT(jane)
		session := w.Session(jane)
		made := call(w, pat, "create_workspace_key", map[string]any{"workspace_id": mine.ID}).Key
		if made.WorkspaceID != mine.ID || made.TokenID != id || !strings.HasPrefix(made.Secret, "seam_test") ||
			!strings.HasPrefix(made.Secret, made.Hint+"_") {
			t.Errorf("%+v", made)
		}
		second := call(w, session, "create_workspace_key", map[string]any{"workspace_id": production.ID, "personal_access_token_id": id}).Key
		if strings.HasPrefix(second.Secret, "seam_test") {
			t.Error("a production key that looks like a sandbox's")
		}
		bodies := map[string]bool{}
		for _, ws := range []string{other.ID, store.NewID(), "nonsense"} {
			a := w.Do(apitest.Request{Path: path + "create_workspace_key", Token: pat, Body: map[string]any{"workspace_id": ws}})
			if bodies[a.Body] = true; a.Status != 404 || a.Failure(t).Type != "workspace_not_found" {
				t.Errorf("%d %s", a.Status, a.Body)
			}
		}
		if len(bodies) != 1 {
			t.Error(bodies)
		}
		w.Call(apitest.Request{Path: "/devices/list", Token: made.Secret}, nil)
		keys := call(w, session, "list_workspace_keys", map[string]any{"personal_access_token_id": id}).Keys
		if len(keys) != 2 || keys[0].ID != second.ID || keys[1].LastUsed == nil || keys[0].LastUsed != nil || keys[1].Secret != "" {
			t.Errorf("%+v", keys)
		}
		if err := w.Tokens.RevokeWorkspaceKey(ctx, john.ID, made.ID, apitest.By); !fault.Is(err, fault.WorkspaceKeyNotFound) {
			t.Errorf("a stranger: %v", err)
		}
		call(w, session, "revoke", map[string]any{"workspace_key_id": made.ID})
		w.Refused(apitest.Request{Path: "/devices/list", Token: made.Secret}, 401, "unauthorized")
		w.Call(apitest.Request{Path: "/devices/list", Token: second.Secret}, nil)
		w.Pass(366 * 24 * time.Hour)
		w.Refused(apitest.Request{Path: path + "create_workspace_key", Token: w.Session(jane),
			Body: map[string]any{"workspace_id": mine.ID, "personal_access_token_id": id}}, 400, "invalid_input")
	})
}

// What people did with tokens is on record, with who did it and without any secret.
func TestAudit(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		jane := w.Person("jane")
		ws := w.Workspace(jane, "Mine", true)
		session := w.Session(jane)
		made := call(w, session, "create", map[string]any{"name": "x"}).Token
		key := call(w, made.Secret, "create_workspace_key", map[string]any{"workspace_id": ws.ID}).Key
		call(w, key.Secret, "revoke", nil)
		call(w, made.Secret, "revoke", nil)
		rows, err := w.DB.Query(t.Context(), `SELECT action || ' ' || actor || ' ' || detail FROM audit_entries ORDER BY entry_id`)
		entries, err := store.All(rows, err, store.One[string])
		w.Must(err)
		all := strings.Join(entries, "\n")
		for _, want := range []string{`personal_access_token.created {"kind":"console_session"`,
			`workspace_key.created {"kind":"personal_access_token"`, `workspace_key.revoked {"kind":"workspace_key"`,
			`personal_access_token.revoked {"kind":"personal_access_token","user_id":"` + jane.ID, "127.0.0.1"} {
			if !strings.Contains(all, want) {
				t.Errorf("no %s in\n%s", want, all)
			}
		}
		for _, secret := range []string{made.Secret, key.Secret, session} {
			if strings.Contains(all, secret[len(secret)-30:]) || strings.Contains(w.Log.String(), secret[len(secret)-30:]) {
				t.Error("a secret is on record")
			}
		}
	})
}
