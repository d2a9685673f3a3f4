package personalaccesstoken_test

import (
	"net/http"
	"testing"
	"time"

	"keyway/internal/api/personalaccesstoken"
	"keyway/internal/api/workspace"
	"keyway/internal/platform/rpc"
	"keyway/internal/trust/credential"
	"keyway/internal/trust/identity"
	"keyway/internal/wiring/apitest"
)

// app is a workspace for which one of its admins made things with a token.
type app struct {
	*apitest.World
	ws          workspace.Workspace
	owner, jane identity.User
	key         string // the workspace's
}

func newApp(w *apitest.World, name string) app {
	a := app{World: w, owner: w.Person("owner of " + name), jane: w.Person("jane of " + name)}
	a.ws = w.Workspace(a.owner, name, true)
	a.Join(a.ws, a.jane, rpc.Admin)
	a.key, _ = w.Key(a.ws, a.owner)
	return a
}

// made makes a client session and a webhook with a token.
func (a app) made(token string) (session, webhookID string) {
	var s struct {
		Session struct{ Token string } `json:"client_session"`
	}
	a.Call(apitest.Request{Path: "/client_sessions/create", Token: token, Workspace: a.ws.ID, Body: map[string]any{}}, &s)
	var h struct {
		Webhook struct {
			ID string `json:"webhook_id"`
		} `json:"webhook"`
	}
	a.Call(apitest.Request{Path: "/webhooks/create", Token: token, Workspace: a.ws.ID,
		Body: map[string]any{"url": "https://example.com/hook"}}, &h)
	return s.Session.Token, h.Webhook.ID
}

func (a app) revoke(session, id string, keep bool) (r struct {
	personalaccesstoken.Revocation `json:"revocation"`
}) {
	a.Call(apitest.Request{Path: "/keyway/v1/personal_access_tokens/revoke", Token: session,
		Body: map[string]any{"personal_access_token_id": id, "keep_client_sessions": keep}}, &r)
	return r
}

// works reports whether a client session opens the workspace, and whether the webhook's token still has a family.
func (a app) works(session, webhookID string) (opens, isOwn bool) {
	status := a.Do(apitest.Request{Path: "/devices/list", Token: session}).Status
	var n int
	a.Must(a.DB.QueryRow(a.Context(), `SELECT count(*) FROM webhooks WHERE webhook_id = $1 AND family_id IS NOT NULL`, webhookID).Scan(&n))
	return status == http.StatusOK, n > 0
}

// The person who revokes a token without limits may keep what it made, and sees how much that is. It then belongs to the
// workspace, and a client session still ends with the membership of the token's person.
func TestRevokingMayKeepWhatATokenMade(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		a := newApp(w, "kept")
		unlimited := personalaccesstoken.New{Name: "x", From: "command", ExpiresAt: w.Now().Add(30 * 24 * time.Hour)}

		token, id := w.Token(a.jane, unlimited)
		session, hook := a.made(token)
		if r := a.revoke(w.Session(a.jane), id, false); r.ClientSessions != 1 || r.Webhooks != 1 || r.IsKept {
			t.Errorf("revoked: %+v", r)
		}
		if opens, _ := a.works(session, hook); opens {
			t.Error("a session goes on that was not kept")
		}

		token, id = w.Token(a.jane, unlimited)
		session, hook = a.made(token)
		if r := a.revoke(w.Session(a.jane), id, true); r.ClientSessions != 1 || r.Webhooks != 1 || !r.IsKept {
			t.Errorf("kept: %+v", r)
		}
		if a := w.Do(apitest.Request{Path: "/devices/list", Token: token, Workspace: a.ws.ID}); a.Status != http.StatusUnauthorized {
			t.Errorf("the token itself: %d", a.Status)
		}
		if opens, isOwn := a.works(session, hook); !opens || isOwn {
			t.Errorf("kept: the session opens: %t, the webhook is the token's: %t", opens, isOwn)
		}
		w.Pass(31 * 24 * time.Hour)
		if opens, _ := a.works(session, hook); !opens {
			t.Error("a session that was kept ends when the token would have")
		}
		w.Must(w.Members.Remove(w.Context(), a.ws.ID, a.jane.ID, rpc.Owner, "", apitest.By))
		if opens, _ := a.works(session, hook); opens {
			t.Error("a session that was kept outlives the membership of the token's person")
		}
	})
}

// A kind of fault: the limits of a token are shed by revoking it. What a token with limits made is never kept, nor is anything
// by a token, or by a person who did not sign in a short while ago.
func TestRevokingKeepsNothingOfLimitedTokens(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		a := newApp(w, "refused")
		const path = "/keyway/v1/personal_access_tokens/revoke"
		keep := func(caller, id string) apitest.Request {
			return apitest.Request{Path: path, Token: caller, Body: map[string]any{"personal_access_token_id": id, "keep_client_sessions": true}}
		}
		limited, id := w.Token(a.jane, personalaccesstoken.New{Name: "x", From: "command",
			Narrow: personalaccesstoken.Narrow{DailyActionLimit: rpc.Opt[int64]{Set: true, Value: 5}}})
		session, hook := a.made(limited)
		w.Refused(keep(w.Session(a.jane), id), 400, "invalid_input")
		child, childID := w.Token(a.jane, personalaccesstoken.New{Name: "child", From: "token", ParentID: id,
			Narrow: personalaccesstoken.Narrow{DailyActionLimit: rpc.Opt[int64]{Set: true, Value: 5}}})
		_, _ = a.made(child)
		w.Refused(keep(w.Session(a.jane), childID), 400, "invalid_input")
		token, ownID := w.Token(a.jane, personalaccesstoken.New{Name: "x", From: "command"})
		w.Refused(keep(token, ownID), 400, "invalid_input")
		stale := w.Session(a.jane)
		w.Pass(credential.FreshFor + time.Minute)
		w.Refused(keep(stale, ownID), 403, "forbidden")
		for _, token := range []string{limited, token} { // nothing was revoked
			if got := w.Do(apitest.Request{Path: "/devices/list", Token: token, Workspace: a.ws.ID}); got.Status != http.StatusOK {
				t.Errorf("%d %s", got.Status, got.Body)
			}
		}
		if opens, isOwn := a.works(session, hook); !opens || !isOwn {
			t.Errorf("the session opens: %t, the webhook is the token's: %t", opens, isOwn)
		}
	})
}
