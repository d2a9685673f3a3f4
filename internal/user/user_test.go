package user_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"keyway/internal/apitest"
	"keyway/internal/store"
	"keyway/internal/user"
)

const password = "correct horse battery"

func TestConsoleSessions(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		ctx := t.Context()
		n, err := w.People.Prepare(ctx, "jane@example.com", "Jane", password)
		w.Must(err)
		w.Must(w.DB.Update(ctx, func(tx *store.Tx) error {
			_, err := w.People.Create(ctx, tx, n, apitest.By)
			return err
		}, store.Instance))
		const path = "/keyway/v1/console_sessions/create"
		var out struct {
			Session user.ConsoleSession `json:"console_session"`
			User    user.User           `json:"user"`
		}
		w.Call(apitest.Request{Path: path, Body: map[string]any{"email": "Jane@example.com", "password": password}}, &out)
		if !strings.HasPrefix(out.Session.Token, "ey") || out.Session.ExpiresAt.Sub(w.Now()) > time.Hour {
			t.Errorf("%+v", out.Session)
		}
		w.Call(apitest.Request{Method: "GET", Path: "/keyway/v1/users/get_current", Token: out.Session.Token}, &out)
		if out.User.Email != "jane@example.com" || out.User.Name != "Jane" || !out.User.IsOperator {
			t.Errorf("%+v", out.User)
		}
		w.Refused(apitest.Request{Path: path, Body: map[string]any{"email": "jane@example.com"}}, 400, "invalid_input")
		w.Refused(apitest.Request{Method: "GET", Path: path}, 405, "method_not_allowed")
		// Ten wrong guesses, and the address waits; its own header says for how long.
		for i := range 10 { // each at another person, who would answer more and more slowly
			w.Refused(apitest.Request{Path: path, Body: map[string]any{"email": fmt.Sprint("nobody", i, "@example.com"), "password": "guess-hunter2"}}, 401, "unauthorized")
		}
		a := w.Do(apitest.Request{Path: path, Body: map[string]any{"email": "jane@example.com", "password": password}})
		if f := a.Failure(t); a.Status != 429 || f.Type != "too_many_requests" || a.Header.Get("Retry-After") == "" || f.Data["retry_after"] == nil {
			t.Errorf("%d %s", a.Status, a.Body)
		}
		w.Pass(time.Minute)
		w.Call(apitest.Request{Path: path, Body: map[string]any{"email": "jane@example.com", "password": password}}, nil)
		if strings.Contains(w.Log.String(), "hunter2") || strings.Contains(w.Log.String(), password) {
			t.Error("a password is in the log")
		}
	})
}

func TestDisableAndEnable(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		jane, john := w.Person("jane"), w.Person("john")
		session := w.Session(jane)
		pat, _ := w.PAT(john)
		in := map[string]any{"user_id": john.ID}
		current := apitest.Request{Path: "/keyway/v1/users/get_current", Token: pat}
		w.Call(current, nil)
		w.Call(apitest.Request{Path: "/keyway/v1/users/disable", Token: session, Body: in}, nil)
		w.Refused(current, 401, "unauthorized")
		w.Call(apitest.Request{Path: "/keyway/v1/users/enable", Token: session, Body: in}, nil)
		w.Refused(current, 401, "unauthorized") // what was disabled stays dead
		current.Token, _ = w.PAT(john)
		w.Call(current, nil)
		for _, what := range []string{"disable", "enable"} {
			w.Refused(apitest.Request{Path: "/keyway/v1/users/" + what, Token: session, Body: map[string]any{"user_id": "nonsense"}}, 404, "user_not_found")
			w.Refused(apitest.Request{Path: "/keyway/v1/users/" + what, Token: session}, 400, "invalid_input")
		}
	})
}

func TestSetPassword(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		jane, john := w.Person("jane"), w.Person("john")
		ws := w.Workspace(jane, "Mine", true)
		pat, patID := w.PAT(jane)
		key, _ := w.WorkspaceKey(jane, patID, ws)
		apiKey, _ := w.Key(ws, jane)
		johns, _ := w.PAT(john)
		session, other := w.Session(jane), w.Session(jane)
		alive := func(token, workspaceID string) bool {
			return w.Do(apitest.Request{Path: "/workspaces/get", Token: token, Workspace: workspaceID}).Status == 200
		}
		const path = "/keyway/v1/users/set_password"
		w.Refused(apitest.Request{Path: path, Token: session, Body: map[string]any{"password": "short"}}, 400, "invalid_input")
		w.Refused(apitest.Request{Path: path, Token: pat, Body: map[string]any{"password": password}}, 401, "unauthorized")
		w.Call(apitest.Request{Path: path, Token: session, Body: map[string]any{"password": password}}, nil)
		if !alive(session, ws.ID) || alive(other, ws.ID) || !alive(pat, ws.ID) || !alive(key, "") {
			t.Error("it ends the other sessions and nothing else")
		}
		w.Call(apitest.Request{Path: path, Token: session, Body: map[string]any{"password": password, "revoke_personal_access_tokens": true}}, nil)
		if alive(pat, ws.ID) || alive(key, "") {
			t.Error("the tokens are alive")
		}
		if w.Call(apitest.Request{Path: "/keyway/v1/users/get_current", Token: johns}, nil); !alive(apiKey, "") {
			t.Error("a key of the workspace is no token of the person")
		}
		w.Call(apitest.Request{Path: "/keyway/v1/console_sessions/create", Body: map[string]any{"email": jane.Email, "password": password}}, nil)
	})
}
