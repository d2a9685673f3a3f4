package user_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"keyway/internal/api/user"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/trust/credential"
	"keyway/internal/trust/identity"
	"keyway/internal/wiring/apitest"
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
			w.Refused(apitest.Request{Path: path, Body: map[string]any{"email": fmt.Sprint("nobody", i, "@example.com"),
				"password": "guess-hunter2"}}, 401, "unauthorized")
		}
		a := w.Do(apitest.Request{Path: path, Body: map[string]any{"email": "jane@example.com", "password": password}})
		if f := a.Failure(t); a.Status != 429 || f.Type != "too_many_requests" || a.Header.Get("Retry-After") == "" ||
			f.Data["retry_after"] == nil {
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
			w.Refused(apitest.Request{Path: "/keyway/v1/users/" + what, Token: session, Body: map[string]any{"user_id": "nonsense"}}, 404,
				"user_not_found")
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
		w.Call(apitest.Request{Path: path, Token: session,
			Body: map[string]any{"password": password, "revoke_personal_access_tokens": true}}, nil)
		if alive(pat, ws.ID) || alive(key, "") {
			t.Error("the tokens are alive")
		}
		if w.Call(apitest.Request{Path: "/keyway/v1/users/get_current", Token: johns}, nil); !alive(apiKey, "") {
			t.Error("a key of the workspace is no token of the person")
		}
		w.Call(apitest.Request{Path: "/keyway/v1/console_sessions/create", Body: map[string]any{"email": jane.Email, "password": password}}, nil)
	})
}

func TestSessionsOverHTTP(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		jane, john := w.Person("jane"), w.Person("john")
		session, other, third := w.Session(jane), w.Session(jane), w.Session(jane)
		johns := w.Session(john)
		const path = "/keyway/v1/console_sessions/"
		var out struct {
			Sessions []user.OpenSession `json:"console_sessions"`
		}
		id := func(token string) string {
			t.Helper()
			w.Call(apitest.Request{Path: path + "list", Token: token}, &out)
			for _, s := range out.Sessions {
				if s.IsCurrent {
					return s.ID
				}
			}
			t.Fatalf("%+v", out)
			return ""
		}
		if id(session); len(out.Sessions) != 3 || out.Sessions[0].Kind != "script" || out.Sessions[0].Method != identity.ByPassword ||
			out.Sessions[0].Address != "192.0.2.1" {
			t.Errorf("%+v", out)
		}
		w.Refused(apitest.Request{Path: path + "revoke", Token: session, Body: map[string]any{"console_session_id": id(johns)}}, 404,
			"console_session_not_found")
		w.Call(apitest.Request{Path: path + "revoke", Token: session, Body: map[string]any{"console_session_id": id(other)}}, nil)
		w.Refused(apitest.Request{Path: path + "list", Token: other}, 401, "unauthorized")
		w.Call(apitest.Request{Path: path + "revoke_others", Token: session}, nil)
		w.Refused(apitest.Request{Path: path + "list", Token: third}, 401, "unauthorized")
		w.Call(apitest.Request{Path: path + "revoke", Token: session}, nil)
		w.Refused(apitest.Request{Path: path + "list", Token: session}, 401, "unauthorized")
		id(johns)
	})
}

func TestSecondFactorOverHTTP(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		jane := w.Person("jane")
		w.Must(w.People.SetPassword(t.Context(), jane.ID, password, "", false, apitest.By))
		set, err := w.People.BeginAuthenticator(jane)
		w.Must(err)
		code := func() string {
			w.Pass(time.Minute)
			text, err := totp.GenerateCode(set.Secret, w.Now())
			w.Must(err)
			return text
		}
		codes, err := w.People.ConfirmAuthenticator(t.Context(), jane, set.Sealed, code(), apitest.By)
		w.Must(err)
		const path = "/keyway/v1/console_sessions/"
		in := map[string]any{"email": jane.Email, "password": password}
		if f := w.Refused(apitest.Request{Path: path + "create", Body: in}, 401, "unauthorized"); f.Data["reason"] != "second_factor" {
			t.Errorf("%+v", f)
		}
		in["totp_code"] = code()
		var out struct {
			Session user.ConsoleSession `json:"console_session"`
		}
		w.Call(apitest.Request{Path: path + "create", Body: in}, &out)
		w.Refused(apitest.Request{Path: path + "create", Body: in}, 401, "unauthorized") // the same code
		w.Refused(apitest.Request{Path: path + "authenticate", Token: out.Session.Token, Body: map[string]any{"password": password}}, 401,
			"unauthorized")
		w.Call(apitest.Request{Path: path + "authenticate", Token: out.Session.Token,
			Body: map[string]any{"password": password, "recovery_code": codes[0]}}, &out)
		w.Refused(apitest.Request{Path: path + "authenticate", Token: out.Session.Token,
			Body: map[string]any{"password": password, "recovery_code": codes[0]}}, 401, "unauthorized")
		if strings.Contains(w.Log.String(), codes[0]) || strings.Contains(w.Log.String(), set.Secret) {
			t.Error("a secret is in the log")
		}
	})
}

// A session that did not prove lately who it is can make nothing that outlives it, until it proves
// it again: with a new token, and the old one is dead.
func TestFreshAuthentication(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		jane := w.Person("jane")
		w.Must(w.People.SetPassword(t.Context(), jane.ID, password, "", false, apitest.By))
		ws := w.Workspace(jane, "Mine", true)
		old := w.Session(jane)
		try := func(token string, refused bool) {
			t.Helper()
			n := 0
			for _, e := range w.RPC.Endpoints() {
				if !e.Fresh {
					continue
				}
				n++
				r := apitest.Request{Path: e.Path, Token: token, Body: "{}"}
				if e.Workspace == rpc.Required {
					r.Workspace = ws.ID
				}
				a := w.Do(r)
				if stale := a.Status == 403 && a.Failure(t).Data["reason"] == "fresh_authentication"; stale != refused {
					t.Errorf("%s: %d %s", e.Path, a.Status, a.Body)
				}
			}
			if n < 10 {
				t.Errorf("only %d endpoints ask for it", n)
			}
		}
		try(old, false)
		w.Pass(credential.FreshFor + time.Second)
		try(old, true)
		const path = "/keyway/v1/console_sessions/authenticate"
		w.Refused(apitest.Request{Path: path, Token: old, Body: map[string]any{"password": "wrong"}}, 401, "unauthorized")
		var out struct {
			Session user.ConsoleSession `json:"console_session"`
		}
		w.Call(apitest.Request{Path: path, Token: old, Body: map[string]any{"password": password}}, &out)
		try(out.Session.Token, false)
		w.Refused(apitest.Request{Path: "/keyway/v1/users/get_current", Token: old}, 401, "unauthorized")
		w.Refused(apitest.Request{Path: path, Token: old, Body: map[string]any{"password": password}}, 401, "unauthorized")
		// A token has no sessions to prove anything in.
		pat, _ := w.PAT(jane)
		w.Pass(time.Hour)
		w.Call(apitest.Request{Path: "/keyway/v1/personal_access_tokens/create_workspace_key", Token: pat,
			Body: map[string]any{"workspace_id": ws.ID}}, nil)
	})
}
