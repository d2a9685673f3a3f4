package member_test

import (
	"net/http"
	"strings"
	"testing"

	"keyway/internal/api/member"
	"keyway/internal/api/personalaccesstoken"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
	"keyway/internal/trust/identity"
	"keyway/internal/wiring/apitest"
)

// setRole changes a role as the Console does.
func (h home) setRole(u identity.User, role rpc.Role) {
	h.Must(h.Members.SetRole(h.Context(), h.ws.ID, u.ID, role, rpc.Owner, "", apitest.By))
}

func (h home) remove(u identity.User) {
	h.Must(h.Members.Remove(h.Context(), h.ws.ID, u.ID, rpc.Owner, "", apitest.By))
}

func (h home) disable(u identity.User, disabled bool) {
	_, err := h.People.SetDisabled(h.Context(), u.ID, disabled, apitest.By)
	h.Must(err)
}

// A kind of fault: what a person made with a right goes on when the right has ended. An invitation is worth what the one
// who made it may do when it is used, and no later right of theirs revives it.
func TestInvitationsEndWithTheRightToMakeThem(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		for _, c := range []struct {
			name, role string
			lose, back func(h home, u identity.User)
		}{
			{"a lower role", "admin", func(h home, u identity.User) { h.setRole(u, rpc.Member) },
				func(h home, u identity.User) { h.setRole(u, rpc.Owner) }},
			{"an admin’s invitation of an owner", "owner", func(h home, u identity.User) { h.setRole(u, rpc.Admin) },
				func(h home, u identity.User) { h.setRole(u, rpc.Owner) }},
			{"a lower role by a command", "admin", func(h home, u identity.User) { h.Join(h.ws, u, rpc.Member) },
				func(h home, u identity.User) { h.Join(h.ws, u, rpc.Owner) }},
			{"no membership", "member", func(h home, u identity.User) { h.remove(u) },
				func(h home, u identity.User) { h.Join(h.ws, u, rpc.Owner) }},
			{"a disabled person", "member", func(h home, u identity.User) { h.disable(u, true) },
				func(h home, u identity.User) { h.disable(u, false) }},
			{"a role that only the database knows of", "admin", func(h home, u identity.User) {
				h.Must(h.DB.Update(h.Context(), func(tx *store.Tx) error {
					_, err := tx.Exec(h.Context(), `DELETE FROM memberships WHERE workspace_id = $1 AND user_id = $2`, h.ws.ID, u.ID)
					return err
				}, store.Instance))
			}, nil},
		} {
			h := home{World: w, owner: w.Person("owner of " + c.name), admin: w.Person("maker of " + c.name)}
			h.ws = w.Workspace(h.owner, c.name, true)
			h.Join(h.ws, h.admin, rpc.Owner)
			email := strings.ReplaceAll(c.name, " ", ".") + "@example.org"
			_, secret := h.invite(h.admin, email, c.role)
			if _, _, _, err := h.Members.Preview(h.Context(), secret); err != nil {
				t.Fatal(c.name, err)
			}
			dead := func(when string) {
				t.Helper()
				if _, _, _, err := h.Members.Preview(h.Context(), secret); !fault.Is(err, fault.Unauthorized) {
					t.Errorf("%s, %s: the invitation is shown: %v", c.name, when, err)
				}
				_, err := h.Members.Accept(h.Context(), secret, member.Acceptance{Name: "Guest", Password: password})
				if !fault.Is(err, fault.Unauthorized) {
					t.Errorf("%s, %s: the invitation is accepted: %v", c.name, when, err)
				}
				claims := identity.OpenIDClaims{Issuer: "https://example.net", Subject: email, Email: email, EmailVerified: true, Name: "Guest"}
				if _, err := h.Members.AcceptOpenID(h.Context(), claims, ""); !fault.Is(err, fault.Forbidden) {
					t.Errorf("%s, %s: the invitation is accepted with an account at a provider: %v", c.name, when, err)
				}
				open, err := h.Members.Invitations(h.Context(), h.ws.ID)
				if h.Must(err); len(open) != 0 {
					t.Errorf("%s, %s: it is listed: %v", c.name, when, open)
				}
			}
			c.lose(h, h.admin)
			dead("then")
			if c.back != nil {
				c.back(h, h.admin)
				dead("after the right came back")
			}
		}
	})
}

// What is left of a right makes what it made before: an admin who was an owner may still invite members, and an invitation
// that a command made depends on no person.
func TestInvitationsStayWithTheRightToMakeThem(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := setup(w)
		h.Join(h.ws, h.admin, rpc.Owner)
		_, secret := h.invite(h.admin, "guest@example.com", "admin")
		h.setRole(h.admin, rpc.Admin)
		byCommand, err := h.Members.Invite(h.Context(), h.ws.ID, "other@example.com", rpc.Owner, rpc.Owner, apitest.By)
		h.Must(err)
		_, text, _ := strings.Cut(byCommand.URL, "#")
		for _, s := range []vault.Secret{secret, vault.Hide(text)} {
			if _, err := h.Members.Accept(h.Context(), s, member.Acceptance{Name: "Guest", Password: password}); err != nil {
				t.Error(err)
			}
		}
	})
}

// A kind of fault: an API key keeps the rights of a person who has lost them. It may do no more than the person whose key it
// is may do now, unless an owner adopts it.
func TestAPIKeysDoNoMoreThanTheirPerson(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := setup(w)
		ofAdmin := func() string { key, _ := w.Key(h.ws, h.admin); return key }
		expect := func(when, key string, reads, changes int) {
			t.Helper()
			for path, want := range map[string]int{"/devices/list": reads, "/workspaces/update": changes, "/webhooks/create": changes} {
				a := w.Do(apitest.Request{Path: path, Token: key, Body: map[string]any{"url": "https://example.com/hook"}})
				if path == "/workspaces/update" {
					a = w.Do(apitest.Request{Path: path, Token: key, Body: map[string]any{"name": "Hotel"}})
				}
				if a.Status != want {
					t.Errorf("%s, %s: %d %s, not %d", when, path, a.Status, a.Body, want)
				}
			}
		}
		key := ofAdmin()
		ownersKey, _ := w.Key(h.ws, h.owner)
		_, secret, err := w.Keys.Create(h.Context(), h.ws.ID, true, "by command", "", "command", apitest.By)
		h.Must(err)
		nobodys := secret.Reveal()
		expect("an admin", key, 200, 200)
		h.Call(h.as(h.owner, "update", map[string]any{"user_id": h.admin.ID, "role": "member"}), nil)
		expect("a member", key, 200, 403)
		expect("an owner", ownersKey, 200, 200)
		expect("nobody’s", nobodys, 200, 200)
		h.Call(h.as(h.owner, "update", map[string]any{"user_id": h.admin.ID, "role": "admin"}), nil)
		expect("an admin again", key, 200, 200)
		h.disable(h.admin, true)
		expect("a disabled admin", key, 401, 401)
		if a := w.Do(apitest.Request{Path: "/devices/list", Token: key}); a.Failure(t).Data["reason"] != "user_disabled" {
			t.Error(a.Body)
		}
		h.disable(h.admin, false)
		expect("an admin who is enabled again", key, 200, 200)
		// A membership that only the database lacks.
		h.Must(h.DB.Update(h.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec(h.Context(), `DELETE FROM memberships WHERE user_id = $1`, h.admin.ID)
			return err
		}, store.Instance))
		expect("no member", key, 401, 401)
		h.Join(h.ws, h.admin, rpc.Admin)

		// Only an owner may adopt, and no one who loses a role.
		lower := map[string]any{"user_id": h.admin.ID, "role": "member", "adopt_api_keys": true}
		second := w.Person("second")
		h.Join(h.ws, second, rpc.Admin)
		w.Refused(h.as(second, "update", lower), 403, "forbidden")
		h.Join(h.ws, second, rpc.Owner)
		w.Refused(h.as(second, "update", map[string]any{"user_id": second.ID, "role": "admin", "adopt_api_keys": true}), 400, "invalid_request")
		expect("nothing was changed", key, 200, 200)
		h.Call(h.as(h.owner, "update", lower), nil)
		expect("adopted", key, 200, 200)
		h.Call(h.as(second, "remove", map[string]any{"user_id": h.owner.ID}), nil)
		expect("after the one who adopted it left", key, 401, 401)

		// A key is for a member, and never does more than an admin may.
		_, _, err = w.Keys.Create(h.Context(), h.ws.ID, true, "x", w.Person("stranger").ID, "command", apitest.By)
		if !fault.Is(err, fault.InvalidInput) {
			t.Errorf("a key for a person who is no member: %v", err)
		}
		ofMember, _ := w.Key(h.ws, h.member)
		expect("a member’s", ofMember, 200, 403)
	})
}

// A kind of fault: a personal access token, or what it made, keeps a role that its person has lost.
func TestTokensDoNoMoreThanTheirPerson(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := setup(w)
		pat, id := w.Token(h.admin, personalaccesstoken.New{Name: "test", From: "command", Never: true})
		key, _ := w.WorkspaceKey(h.admin, id, h.ws)
		child, _ := w.Token(h.admin, personalaccesstoken.New{Name: "child", From: "token", ParentID: id, Never: true})
		h.setRole(h.admin, rpc.Member)
		for name, token := range map[string]string{"token": pat, "workspace key": key, "child token": child} {
			r := apitest.Request{Path: "/workspaces/update", Token: token, Body: map[string]any{"name": "x"}}
			if token != key {
				r.Workspace = h.ws.ID
			}
			if a := w.Do(r); a.Status != http.StatusForbidden {
				t.Errorf("%s: %d %s", name, a.Status, a.Body)
			}
			if r.Path, r.Body = "/devices/list", nil; w.Do(r).Status != http.StatusOK {
				t.Errorf("%s: refused where a member is let in", name)
			}
		}
	})
}

// A kind of fault: a change of rights leaves sessions as they were, because it was made in another way.
func TestEveryChangeOfRightsRenewsSessions(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := setup(w)
		byInvitation := func(role string) {
			_, secret := h.invite(h.owner, h.member.Email, role)
			_, err := h.Members.Accept(h.Context(), secret, member.Acceptance{SignedIn: h.member.ID})
			h.Must(err)
		}
		for _, c := range []struct {
			name   string
			change func()
		}{
			{"a role over the API", func() {
				h.Call(h.as(h.owner, "update", map[string]any{"user_id": h.member.ID, "role": "admin"}), nil)
			}},
			{"a role in the Console", func() { h.setRole(h.member, rpc.Member) }},
			{"a role by a command", func() { h.Join(h.ws, h.member, rpc.Owner) }},
			{"a removal over the API", func() { h.Call(h.as(h.owner, "remove", map[string]any{"user_id": h.member.ID}), nil) }},
			{"a first role by a command", func() { h.Join(h.ws, h.member, rpc.Member) }},
			{"a removal by a command", func() { h.remove(h.member) }},
			{"an invitation", func() { byInvitation("admin") }},
			{"an operator", func() { h.Must(h.People.SetOperator(h.Context(), h.member.ID, true, apitest.By)) }},
			{"no operator", func() { h.Must(h.People.SetOperator(h.Context(), h.member.ID, false, apitest.By)) }},
			{"a disabled person", func() { h.disable(h.member, true) }},
			{"an enabled person", func() { h.disable(h.member, false) }},
		} {
			h.Session(h.member)
			c.change()
			var fresh int
			w.Must(w.DB.QueryRow(w.Context(), `SELECT count(*) FROM sessions WHERE user_id = $1 AND NOT (must_renew AND authenticated_at = 0)`,
				h.member.ID).Scan(&fresh))
			if fresh != 0 {
				t.Errorf("%s: %d sessions go on as before", c.name, fresh)
			}
		}
		// A workspace of their own changes nothing about what the person may do elsewhere.
		session := h.Session(h.owner)
		w.Workspace(h.owner, "Own", true)
		w.Call(apitest.Request{Path: path + "invite", Token: session, Workspace: h.ws.ID, Body: map[string]any{"email": "x@example.com"}}, nil)
	})
}
