package personalaccesstoken_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"keyway/internal/api/personalaccesstoken"
	"keyway/internal/api/workspace"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/signed"
	"keyway/internal/platform/store"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/credential"
	"keyway/internal/trust/grant"
	"keyway/internal/trust/identity"
	"keyway/internal/wiring/apitest"
)

// shop is a person with a workspace and a token.
type shop struct {
	*apitest.World
	jane    identity.User
	ws      workspace.Workspace
	session string
	pat, id string
}

func setup(w *apitest.World) *shop {
	s := &shop{World: w, jane: w.Person("jane")}
	s.ws = w.Workspace(s.jane, "Flat", true)
	s.session = w.Session(s.jane)
	s.pat, s.id = w.PAT(s.jane)
	return s
}

// lives asserts that a token opens the workspace, or that it is refused with a reason.
func (s *shop) lives(t *testing.T, token, reason string) {
	t.Helper()
	a := s.Do(apitest.Request{Path: "/devices/list", Token: token, Workspace: s.ws.ID})
	switch {
	case reason == "" && a.Status != 200:
		t.Errorf("it is dead: %d %s", a.Status, a.Body)
	case reason != "" && a.Status == 200:
		t.Errorf("it lives, want %s", reason)
	case reason != "" && a.Failure(t).Data["reason"] != reason:
		t.Errorf("%s, want %s", a.Body, reason)
	}
}

func (s *shop) audited(action string) int {
	rows, err := s.DB.Query(s.Context(), `SELECT entry_id FROM audit_entries WHERE action = $1`, action)
	all, err := store.All(rows, err, store.One[string])
	s.Must(err)
	return len(all)
}

func (s *shop) events(what string) (out []map[string]any) {
	rows, err := s.DB.Query(s.Context(), `SELECT doc FROM events WHERE workspace_id = $1 AND event_type = $2 ORDER BY seq`, s.ws.ID, what)
	docs, err := store.All(rows, err, store.One[string])
	s.Must(err)
	for _, doc := range docs {
		var e map[string]any
		s.Must(json.Unmarshal([]byte(doc), &e))
		out = append(out, e)
	}
	return out
}

func id(v string) map[string]any { return map[string]any{"personal_access_token_id": v} }

func TestRotate(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		s := setup(w)
		key := call(w, s.pat, "create_workspace_key", map[string]any{"workspace_id": s.ws.ID}).Key
		before := call(w, s.session, "get", id(s.id)).Token
		next := call(w, s.session, "rotate", id(s.id)).Token
		if next.ID == s.id || next.Secret == "" || next.Name != before.Name || !next.ExpiresAt.Equal(before.ExpiresAt.Time) {
			t.Errorf("%+v", next)
		}
		s.lives(t, s.pat, "superseded")
		s.lives(t, next.Secret, "")
		s.lives(t, key.Secret, "") // its token is the successor now
		if keys := call(w, s.session, "list_workspace_keys", id(next.ID)).Keys; len(keys) != 1 || keys[0].ID != key.ID {
			t.Errorf("%+v", keys)
		}
		// Once only: neither the dead one, nor by its id, nor an undo when it is too late.
		w.Refused(apitest.Request{Path: path + "rotate", Token: s.pat}, 401, "unauthorized")
		for _, what := range []string{"rotate", "rotate_begin", "rotate_undo", "rotate_complete"} {
			if f := w.Refused(apitest.Request{Path: path + what, Token: s.session, Body: id(s.id)}, 400,
				"invalid_input"); f.Issues["personal_access_token_id"] == nil {
				t.Errorf("%s: %+v", what, f)
			}
		}

		// A token rotates itself, and cannot live longer by it.
		w.Refused(apitest.Request{Path: path + "rotate", Token: next.Secret, Body: map[string]any{"expires_at": nil}}, 400, "invalid_input")
		third := call(w, next.Secret, "rotate", map[string]any{"overlap_seconds": 3600}).Token
		if third.CreatedFrom != "token" || !third.ExpiresAt.Equal(before.ExpiresAt.Time) {
			t.Errorf("%+v", third)
		}
		s.lives(t, next.Secret, "")
		s.lives(t, third.Secret, "")
		// A rotation ends an overlap that is still running.
		fourth := call(w, third.Secret, "rotate", map[string]any{"overlap_seconds": 60}).Token
		s.lives(t, next.Secret, "superseded")
		w.Pass(time.Minute)
		s.lives(t, third.Secret, "superseded")
		s.lives(t, fourth.Secret, "")
		s.lives(t, key.Secret, "")
		call(w, s.session, "revoke", id(fourth.ID))
		s.lives(t, key.Secret, "revoked")

		for param, in := range map[string]any{"overlap_seconds": 604801, "expires_at": w.Now().Add(-time.Second)} {
			pat, _ := w.PAT(s.jane)
			tok := call(w, pat, "get_current", nil).Token
			if f := w.Refused(apitest.Request{Path: path + "rotate", Token: s.session,
				Body: map[string]any{"personal_access_token_id": tok.ID, param: in}}, 400, "invalid_input"); f.Issues[param] == nil {
				t.Errorf("%s: %+v", param, f)
			}
			s.lives(t, pat, "")
		}
		_, dead := w.PAT(s.jane)
		call(w, s.session, "revoke", id(dead))
		w.Refused(apitest.Request{Path: path + "rotate", Token: s.session, Body: id(dead)}, 400, "invalid_input")
	})
}

func TestRotateBegin(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		s := setup(w)
		next := call(w, s.session, "rotate_begin", id(s.id)).Token
		s.lives(t, s.pat, "")
		// No one has the new secret yet, so another rotation would cut everyone off.
		w.Refused(apitest.Request{Path: path + "rotate", Token: s.session, Body: id(next.ID)}, 400, "invalid_input")
		// A refused request is no use.
		w.Refused(apitest.Request{Path: "/devices/list", Token: next.Secret}, 401, "unauthorized")
		s.lives(t, s.pat, "")
		s.lives(t, next.Secret, "")
		s.lives(t, s.pat, "superseded")
		w.Refused(apitest.Request{Path: path + "rotate_undo", Token: s.session, Body: id(s.id)}, 400, "invalid_input")
		if n := s.audited("personal_access_token.rotation_completed"); n != 1 {
			t.Errorf("%d entries", n)
		}

		pat, patID := w.PAT(s.jane)
		call(w, s.session, "rotate_begin", map[string]any{"personal_access_token_id": patID, "overlap_seconds": 60})
		w.Pass(time.Minute)
		s.lives(t, pat, "superseded")
	})
}

func TestUndoRotation(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		s := setup(w)
		key := call(w, s.pat, "create_workspace_key", map[string]any{"workspace_id": s.ws.ID}).Key
		for _, named := range []string{"old", "new"} {
			next := call(w, s.session, "rotate", map[string]any{"personal_access_token_id": s.id, "overlap_seconds": 3600}).Token
			s.lives(t, next.Secret, "")
			undo := s.id
			if named == "new" {
				undo = next.ID
			}
			// What a person rotated, a token cannot undo: it may be the reason for the rotation.
			w.Refused(apitest.Request{Path: path + "rotate_undo", Token: s.pat}, 403, "forbidden")
			if back := call(w, s.session, "rotate_undo", id(undo)).Token; back.ID != s.id || back.Secret != "" {
				t.Errorf("%+v", back)
			}
			s.lives(t, next.Secret, "revoked")
			if got := call(w, s.session, "get", id(next.ID)).Token; got.RevokeReason == nil || *got.RevokeReason != "rotation_undone" {
				t.Errorf("%+v", got)
			}
			s.lives(t, s.pat, "")
			s.lives(t, key.Secret, "")
		}
		w.Pass(2 * time.Hour) // no overlap ends what was undone
		s.session = w.Session(s.jane)
		s.lives(t, s.pat, "")
		next := call(w, s.pat, "rotate_begin", nil).Token
		call(w, s.pat, "rotate_undo", nil)
		s.lives(t, next.Secret, "revoked")
		s.lives(t, s.pat, "")

		next = call(w, s.session, "rotate", map[string]any{"personal_access_token_id": s.id, "overlap_seconds": 3600}).Token
		call(w, s.session, "rotate_complete", id(s.id))
		s.lives(t, s.pat, "superseded")
		s.lives(t, next.Secret, "")
	})
}

// A foreign id answers as an unknown one, also to a token of the same person.
func TestRotateForeign(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		s := setup(w)
		root, bob := s.jane, w.Person("bob") // the first person is an operator
		pat, patID := w.PAT(bob)
		other, _ := w.PAT(bob)
		for _, what := range []string{"rotate", "rotate_begin", "rotate_undo", "rotate_complete", "advise", "get_usage", "list_refusals"} {
			for _, caller := range []string{w.Session(w.Person("eve" + strings.ReplaceAll(what, "_", ""))), other, s.pat} {
				for _, of := range []string{patID, store.NewID()} {
					w.Refused(apitest.Request{Path: path + what, Token: caller, Body: id(of)}, 404, "personal_access_token_not_found")
				}
			}
		}
		next := call(w, w.Session(root), "rotate", id(patID)).Token
		if next.UserID != bob.ID {
			t.Errorf("%+v", next)
		}
		w.Refused(apitest.Request{Path: "/workspaces/list", Token: pat}, 401, "unauthorized")
	})
}

// TestIncidentReuseIsNoWeapon: GitLab had to limit its reuse detection (gitlab#418769), because stale
// clients kept killing good tokens.
func TestIncidentReuseIsNoWeapon(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		s := setup(w)
		next := call(w, s.session, "rotate", id(s.id)).Token
		for range 3 {
			s.lives(t, s.pat, "superseded")
		}
		s.lives(t, next.Secret, "")
		told := s.events("keyway.personal_access_token.reused")
		if n := s.audited("personal_access_token.reused"); n != 1 || len(told) != 1 || told[0]["address"] != "127.0.0.1" ||
			told[0]["personal_access_token_id"] != s.id {
			t.Fatalf("%d entries, %v", n, told)
		}
		w.Pass(time.Hour)
		s.lives(t, s.pat, "superseded")
		if n := len(s.events("keyway.personal_access_token.reused")); n != 2 {
			t.Errorf("%d events", n)
		}

		// Who asked for strictness gets it.
		w.Rewrite(grant.Credentials, signed.Set{"is_strict": true}, `credential_id = ?`, next.ID)
		w.Pass(time.Hour)
		s.lives(t, s.pat, "superseded")
		s.lives(t, next.Secret, "revoked")
		tok, err := w.Tokens.Get(w.Context(), s.jane.ID, next.ID)
		w.Must(err)
		if tok.RevokeReason == nil || *tok.RevokeReason != "reused" {
			t.Errorf("%+v", tok)
		}
	})
}

func TestExplain(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		s := setup(w)
		key := call(w, s.pat, "create_workspace_key", map[string]any{"workspace_id": s.ws.ID}).Key
		explain := func(caller, requestID string) personalaccesstoken.Explanation {
			var out struct {
				X personalaccesstoken.Explanation `json:"explanation"`
			}
			w.Call(apitest.Request{Path: path + "explain", Token: caller, Body: map[string]any{"request_id": requestID}}, &out)
			return out.X
		}
		refused := func(r apitest.Request) string { return w.Do(r).Header.Get("Seam-Request-Id") }
		elsewhere := refused(apitest.Request{Path: "/devices/list", Token: s.pat, Workspace: store.NewID()})
		x := explain(s.pat, elsewhere)
		if x.TokenID != s.id || x.Endpoint != "/devices/list" || x.Status != 401 || x.Address != "127.0.0.1" ||
			!strings.Contains(x.Remedy, "seam-workspace") || x.WorkspaceID != nil {
			t.Errorf("%+v", x)
		}
		call(w, s.session, "revoke", id(s.id))
		for token, keyID := range map[string]string{s.pat: "", key.Secret: key.ID} {
			x = explain(s.session, refused(apitest.Request{Path: "/devices/list", Token: token, Workspace: s.ws.ID}))
			if x.Reason != "revoked" || x.TokenID != s.id || (x.KeyID == nil) != (keyID == "") || x.WorkspaceID == nil ||
				*x.WorkspaceID != s.ws.ID || x.Summary == "" || x.Remedy == "" {
				t.Errorf("%+v", x)
			}
		}
		bob := w.Person("bob")
		other, _ := w.PAT(bob)
		sameOwner, _ := w.PAT(s.jane)
		for _, caller := range []string{other, w.Session(bob), sameOwner} {
			w.Refused(apitest.Request{Path: path + "explain", Token: caller, Body: map[string]any{"request_id": elsewhere}}, 404, "not_found")
		}
		w.Refused(apitest.Request{Path: path + "explain", Token: s.session, Body: map[string]any{"request_id": "request_0"}}, 404, "not_found")
		// Of a request that proved nothing, nothing is kept.
		guess := refused(apitest.Request{Path: "/devices/list", Token: s.pat[:len(s.pat)-1] + "1", Workspace: s.ws.ID})
		w.Refused(apitest.Request{Path: path + "explain", Token: s.session, Body: map[string]any{"request_id": guess}}, 404, "not_found")
		var text string
		w.Must(w.DB.QueryRow(w.Context(), `SELECT string_agg(doc, ' ') FROM refusals`).Scan(&text))
		if strings.Contains(text, s.pat[len(s.pat)-20:]) {
			t.Error("a refusal holds the secret")
		}
		w.Pass(8 * 24 * time.Hour)
		w.Refused(apitest.Request{Path: path + "explain", Token: w.Session(s.jane), Body: map[string]any{"request_id": elsewhere}}, 404,
			"not_found")
		w.Must(w.Retention.Apply(w.Context()))
		var n int
		if w.Must(w.DB.QueryRow(w.Context(), `SELECT count(*) FROM refusals`).Scan(&n)); n > 0 {
			t.Fatalf("%d refusals are kept", n)
		}
	})
}

func TestAdvise(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		s := setup(w)
		second := w.Workspace(s.jane, "Other", true)
		for range 3 {
			s.lives(t, s.pat, "")
		}
		w.Call(apitest.Request{Path: "/events/list", Token: s.pat, Workspace: second.ID, Body: map[string]any{"since": "2020-01-01"}}, nil)
		next := call(w, s.pat, "rotate", nil).Token // what was known of it is known of its successor
		advise := func(in map[string]any) personalaccesstoken.Advice {
			in["personal_access_token_id"] = next.ID
			var out struct {
				Advice personalaccesstoken.Advice `json:"advice"`
			}
			w.Call(apitest.Request{Path: path + "advise", Token: s.session, Body: in}, &out)
			return out.Advice
		}
		a := advise(map[string]any{})
		if a.Used != 2 || a.Permissions <= 5 || a.Requests < 4 || a.Suggestion == nil ||
			strings.Join(a.Suggestion.Scopes, " ") != "devices:read events:read" ||
			len(a.Suggestion.WorkspaceIDs) != 2 || len(a.Suggestion.AllowedCIDRs) != 1 || a.Suggestion.AllowedCIDRs[0] != "127.0.0.0/24" ||
			a.DryRun.Refused != 0 {
			t.Errorf("%+v %+v %+v", a, a.Suggestion, a.DryRun)
		}
		a = advise(map[string]any{"scopes": []string{"devices:read"}, "workspace_ids": []string{second.ID},
			"allowed_cidrs": []string{"10.0.0.0/8"}})
		if a.DryRun.Refused != 4 || len(a.DryRun.Uses) != 2 || len(a.DryRun.Networks) != 1 {
			t.Errorf("%+v", a.DryRun)
		}
	})
}

func TestNewNetwork(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		s := setup(w)
		tok, err := w.Tokens.Get(w.Context(), s.jane.ID, s.id)
		w.Must(err)
		use := func(address string) int {
			w.Tokens.Used(tok.ID, tok.ID, s.ws.ID, "/devices/list", address, w.Now())
			w.Must(w.Tokens.FlushUse(w.Context()))
			return len(s.events("keyway.personal_access_token.new_network"))
		}
		for i, step := range []struct {
			address string
			pass    time.Duration
			told    int
		}{
			{"192.0.2.1", 0, 0}, {"198.51.100.1", time.Hour, 0}, {"192.0.2.200", 40 * 24 * time.Hour, 0},
			{"2001:db8:1::5", 31 * 24 * time.Hour, 1}, {"203.0.113.1", time.Hour, 1}, {"2001:db8:1:ffff::6", 60 * 24 * time.Hour, 1},
		} {
			w.Pass(step.pass)
			if n := use(step.address); n != step.told {
				t.Errorf("%d: told %d times, want %d", i, n, step.told)
			}
		}
		if n := s.audited("personal_access_token.new_network"); n != 1 {
			t.Errorf("%d entries", n)
		}
		if n := s.audited("personal_access_token.new_address"); n != 3 { // the first two, and the one after an hour
			t.Errorf("%d entries of new addresses", n)
		}
		for i := range 300 {
			use(fmt.Sprintf("10.%d.%d.1", i/100, i%100))
		}
		if n := s.audited("personal_access_token.new_address"); n > 101 {
			t.Errorf("%d entries of a token that is used from everywhere", n)
		}
	})
}

func TestExpiryNotices(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		s := setup(w)
		by := audit.Actor{Kind: "command"}
		token := func(name string, lives time.Duration) {
			_, _, err := w.Tokens.Create(w.Context(), s.jane.ID,
				personalaccesstoken.New{Name: name, From: "command", ExpiresAt: w.Now().Add(lives)}, by)
			w.Must(err)
		}
		const day = 24 * time.Hour
		token("Quarter", 90*day)
		token("Week", 7*day)
		token("Hour", time.Hour)
		told := func() string {
			w.Must(w.Tokens.TellExpiring(w.Context()))
			w.Must(w.Tokens.TellExpiring(w.Context())) // once for each
			var out []string
			for _, e := range s.events("keyway.personal_access_token.expiring") {
				days, _ := json.Marshal(e["days"])
				out = append(out, e["personal_access_token_name"].(string)+string(days))
			}
			return strings.Join(out, " ")
		}
		for _, step := range []struct {
			pass time.Duration
			want string
		}{
			{0, ""}, {2 * time.Hour, ""}, {6 * day, "Week1"}, {day, "Week1 Week0"}, {54 * day, "Week1 Week0 Quarter30"},
			{20 * day, "Week1 Week0 Quarter30"}, {8*day + time.Hour, "Week1 Week0 Quarter30 Quarter1"},
			{day, "Week1 Week0 Quarter30 Quarter1 Quarter0"},
		} {
			w.Pass(step.pass)
			if got := told(); got != step.want {
				t.Errorf("after %s: %q, want %q", step.pass, got, step.want)
			}
		}
		token("Soon", 3*day)
		soon, err := w.Tokens.Expiring(w.Context(), s.jane.ID, 7*day)
		w.Must(err)
		if len(soon) != 2 || soon[0].Name != "Quarter" || soon[1].Name != "Soon" { // the first has just expired
			t.Errorf("%+v", soon)
		}
	})
}

// In an overlap the old secret is never wider, or more alive, than the new one; what is made with it
// outlives it.
func TestOverlapKeepsNothingOpen(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		s := setup(w)
		overlap := map[string]any{"overlap_seconds": 3600}
		next := call(w, s.pat, "rotate", overlap).Token
		key := call(w, s.pat, "create_workspace_key", map[string]any{"workspace_id": s.ws.ID}).Key
		s.lives(t, s.pat, "")
		call(w, s.session, "update", map[string]any{"personal_access_token_id": next.ID, "scopes": []string{"locks:read"}})
		s.lives(t, next.Secret, "scope")
		s.lives(t, s.pat, "scope")
		call(w, s.session, "update", map[string]any{"personal_access_token_id": next.ID, "scopes": []string{"*"}})
		s.lives(t, s.pat, "scope") // widening is the new one's only
		s.lives(t, key.Secret, "")
		call(w, s.session, "disable", id(next.ID))
		s.lives(t, s.pat, "disabled")
		s.lives(t, key.Secret, "disabled")
		call(w, s.session, "enable", id(next.ID))
		w.Pass(time.Hour)
		s.session = w.Session(s.jane)
		s.lives(t, s.pat, "superseded")
		s.lives(t, key.Secret, "")

		third := call(w, next.Secret, "rotate", overlap).Token
		s.lives(t, next.Secret, "")
		call(w, s.session, "revoke", id(third.ID))
		s.lives(t, next.Secret, "revoked")
		s.lives(t, third.Secret, "revoked")
		s.lives(t, key.Secret, "revoked")

		// Ending the old one early leaves the new one alone.
		pat, patID := w.PAT(s.jane)
		follower := call(w, pat, "rotate", overlap).Token
		call(w, s.session, "revoke", id(patID))
		s.lives(t, pat, "revoked")
		s.lives(t, follower.Secret, "")
	})
}

// What a person gives only to the new secret, the old one cannot get for itself in the overlap, nor by
// undoing the rotation what was taken from it.
func TestOverlapLaundersNothing(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		s := setup(w)
		narrow := []string{"devices:read", "personal_access_tokens:write"}
		ends := w.Now().Add(48 * time.Hour)
		first, firstID := w.Token(s.jane, personalaccesstoken.New{ExpiresAt: ends,
			Narrow: personalaccesstoken.Narrow{Scopes: rpc.Opt[[]string]{Set: true, Value: narrow}}})
		next := call(w, s.session, "rotate", map[string]any{"personal_access_token_id": firstID, "overlap_seconds": 3600,
			"expires_at": nil}).Token
		call(w, s.session, "update", map[string]any{"personal_access_token_id": next.ID, "scopes": []string{"*", "personal_access_tokens:write"}})
		ask := func(token, what string, body any) apitest.Answer {
			return w.Do(apitest.Request{Path: "/keyway/v1/personal_access_tokens/" + what, Token: token, Body: body})
		}
		create := func(more map[string]any) apitest.Answer {
			body := map[string]any{"name": "child"}
			maps.Copy(body, more)
			return ask(first, "create", body)
		}
		for param, v := range map[string]any{"scopes": []string{"locks:read"}, "expires_at": nil} {
			if a := create(map[string]any{param: v}); a.Status != 400 || !strings.Contains(a.Body, param) {
				t.Errorf("the old secret makes a child with %s of the new one: %d %s", param, a.Status, a.Body)
			}
		}
		child := call(w, first, "create", map[string]any{"name": "child"}).Token
		if fmt.Sprint(child.Scopes) != fmt.Sprint(narrow) || child.ExpiresAt.After(ends) || *child.ParentID != next.ID {
			t.Errorf("a child of the old secret is %+v", child)
		}
		if a := ask(first, "create_workspace_key", map[string]any{"workspace_id": s.ws.ID}); a.Status != 400 {
			t.Errorf("the old secret mints a key that acts as the new one: %d %s", a.Status, a.Body)
		}

		pat, patID := w.PAT(s.jane)
		call(w, pat, "rotate", map[string]any{"overlap_seconds": 3600})
		call(w, s.session, "update", map[string]any{"personal_access_token_id": patID, "scopes": []string{"locks:read"}})
		s.lives(t, pat, "scope")
		if back := call(w, pat, "rotate_undo", nil).Token; back.ID != patID {
			t.Errorf("%+v", back)
		}
		s.lives(t, pat, "scope")

		third, thirdID := w.PAT(s.jane)
		fourth := call(w, third, "rotate", map[string]any{"overlap_seconds": 3600}).Token
		call(w, s.session, "update", map[string]any{"personal_access_token_id": fourth.ID, "scopes": []string{"devices:read"}})
		call(w, s.session, "update", map[string]any{"personal_access_token_id": thirdID, "scopes": []string{"locks:read"}})
		if a := ask(third, "rotate_undo", nil); a.Status != 400 {
			t.Errorf("of two tokens that differ one was chosen: %d %s", a.Status, a.Body)
		}
	})
}

func TestDecoyAlarms(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		s := setup(w)
		decoy := call(w, s.session, "create", map[string]any{"name": "Backup of the keys", "is_decoy": true}).Token
		unknown := w.Do(apitest.Request{Path: "/devices/list", Token: credential.Mint(credential.PersonalAccessToken, false).Reveal(),
			Workspace: s.ws.ID})
		for range 3 {
			if a := w.Do(apitest.Request{Path: "/devices/list", Token: decoy.Secret, Workspace: s.ws.ID}); a.Status != 401 ||
				a.Body != unknown.Body {
				t.Errorf("%d %s, which an unknown token is not told", a.Status, a.Body)
			}
		}
		told := s.events("keyway.personal_access_token.decoy_used")
		if n := s.audited("personal_access_token.decoy_used"); n != 1 || len(told) != 1 || told[0]["address"] != "127.0.0.1" ||
			told[0]["personal_access_token_id"] != decoy.ID {
			t.Errorf("%d entries, %v", n, told)
		}
	})
}
