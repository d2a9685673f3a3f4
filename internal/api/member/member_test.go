package member_test

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"keyway/internal/api/member"
	"keyway/internal/api/workspace"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/mail"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/vault"
	"keyway/internal/trust/identity"
	"keyway/internal/wiring/apitest"
)

const (
	path     = "/keyway/v1/members/"
	password = "correct horse battery"
)

// home is a workspace with an owner, an admin and a member.
type home struct {
	*apitest.World
	ws                   workspace.Workspace
	owner, admin, member identity.User
}

func setup(w *apitest.World) home {
	h := home{World: w, owner: w.Person("owner"), admin: w.Person("admin"), member: w.Person("member")}
	h.ws = w.Workspace(h.owner, "Hotel", true)
	h.Join(h.ws, h.admin, rpc.Admin)
	h.Join(h.ws, h.member, rpc.Member)
	return h
}

func (h home) as(u identity.User, what string, in map[string]any) apitest.Request {
	return apitest.Request{Path: path + what, Token: h.Session(u), Workspace: h.ws.ID, Body: in}
}

func (h home) roles() map[string]string {
	var out struct {
		Members []member.Member `json:"members"`
	}
	h.Call(h.as(h.owner, "list", nil), &out)
	roles := map[string]string{}
	for _, m := range out.Members {
		roles[m.Name] = m.Role
	}
	return roles
}

func (h home) invite(by identity.User, email, role string) (member.Invitation, vault.Secret) {
	var out struct {
		Invitation member.Invitation `json:"invitation"`
	}
	h.Call(h.as(by, "invite", map[string]any{"email": email, "role": role}), &out)
	_, secret, _ := strings.Cut(out.Invitation.URL, "#")
	return out.Invitation, vault.Hide(secret)
}

func TestInvitations(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		ctx := t.Context()
		h := setup(w)
		inv, secret := h.invite(h.admin, " Mary@Example.com ", "admin")
		if inv.Email != "mary@example.com" || inv.Role != "admin" || !strings.HasPrefix(inv.URL, apitest.PublicURL+"/console/invitation#") ||
			inv.ExpiresAt.Sub(inv.CreatedAt.Time) != identity.InvitationLife {
			t.Errorf("%+v", inv)
		}
		if l, name, known, err := w.Members.Preview(ctx, secret); err != nil || l.Email != "mary@example.com" || name != "Hotel" || known {
			t.Errorf("%+v %s %v %v", l, name, known, err)
		}
		// A weak password uses nothing up; then several at once make one person.
		if _, err := w.Members.Accept(ctx, secret, member.Acceptance{Name: "Mary", Password: "short", Address: "192.0.2.1"}); !fault.Is(err,
			fault.InvalidInput) {
			t.Error(err)
		}
		var running sync.WaitGroup
		errs := make([]error, 3)
		for i := range errs {
			running.Go(func() {
				_, errs[i] = w.Members.Accept(ctx, secret, member.Acceptance{Name: "Mary", Password: password, Address: "192.0.2.1"})
			})
		}
		running.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else if !fault.Is(err, fault.Unauthorized) && !fault.Is(err, fault.InvalidInput) {
				t.Error(err)
			}
		}
		if won != 1 {
			t.Errorf("%d came in: %v", won, errs)
		}
		mary, err := w.People.ByEmail(ctx, w.DB, "mary@example.com")
		w.Must(err)
		if mary.IsOperator || h.roles()["Mary"] != "admin" {
			t.Errorf("%+v as %s", mary, h.roles()["Mary"])
		}
		if _, err := w.Members.Accept(ctx, secret, member.Acceptance{Name: "Mary", Password: password, Address: "192.0.2.1"}); !fault.Is(err,
			fault.Unauthorized) {
			t.Errorf("used twice: %v", err)
		}
		// Who is known proves it with their password, and an older, lower invitation takes nothing away.
		second := w.Workspace(h.owner, "Second", true)
		low, err := w.Members.Invite(ctx, second.ID, "mary@example.com", rpc.Member, rpc.Owner, apitest.By)
		w.Must(err)
		w.Join(second, mary, rpc.Admin)
		_, text, _ := strings.Cut(low.URL, "#")
		if _, err := w.Members.Accept(ctx, vault.Hide(text),
			member.Acceptance{Name: "", Password: "wrong password", Address: "192.0.2.1"}); !fault.Is(err, fault.Unauthorized) {
			t.Errorf("with another password: %v", err)
		}
		u, err := w.Members.Accept(ctx, vault.Hide(text), member.Acceptance{Name: "", Password: password, Address: "192.0.2.1"})
		if err != nil || u.ID != mary.ID {
			t.Error(u, err)
		}
		if all, err := w.Workspaces.OfUser(ctx, mary.ID); err != nil || len(all) != 2 || all[1].Role != rpc.Admin {
			t.Errorf("%+v %v", all, err)
		}
		if strings.Contains(w.Log.String(), secret.Reveal()[len(secret.Reveal())-20:]) {
			t.Error("the link is in the log")
		}
	})
}

// With an SMTP server the link is mailed as well as shown, to whom it is for and in nothing that is
// stored readable.
func TestInvitationsAreMailed(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := setup(w)
		if inv, _ := h.invite(h.admin, "bert@example.com", "member"); inv.IsMailed || len(w.Mails()) != 0 {
			t.Errorf("%+v without a server", inv)
		}
		w.Mail.Server = &mail.Server{}
		inv, secret := h.invite(h.admin, "mary@example.com", "admin")
		all := w.Mails()
		if !inv.IsMailed || len(all) != 1 || all[0].To != "mary@example.com" || all[0].Subject != "Invitation to the workspace “Hotel”" ||
			!strings.Contains(all[0].Text, "\n"+inv.URL+"\n") {
			t.Errorf("%+v %+v", inv, all)
		}
		var sealed []byte
		w.Must(w.DB.QueryRow(t.Context(), `SELECT sealed FROM mails`).Scan(&sealed))
		if bytes.Contains(sealed, []byte(secret.Reveal()[len(secret.Reveal())-20:])) || bytes.Contains(sealed, []byte("mary@")) {
			t.Error("the link can be read in the database")
		}
		for range 10 {
			if inv, _ = h.invite(h.admin, "mary@example.com", "admin"); inv.URL == "" {
				t.Error("an invitation without a link")
			}
		}
		if n := len(w.Mails()); inv.IsMailed || n != 5 {
			t.Errorf("%d mails to one address: %+v", n, inv)
		}
	})
}

func TestWhomToInvite(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := setup(w)
		w.Refused(h.as(h.member, "invite", map[string]any{"email": "x@example.com"}), 403, "forbidden")
		w.Refused(h.as(h.admin, "invite", map[string]any{"email": "x@example.com", "role": "owner"}), 403, "forbidden")
		for _, in := range []map[string]any{{"email": "x"}, {"email": "member@example.com"}, {}, {"email": "x@example.com", "role": "operator"}} {
			w.Refused(h.as(h.owner, "invite", in), 400, "invalid_input")
		}
		inv, secret := h.invite(h.owner, "x@example.com", "owner")
		var open struct {
			Invitations []member.Invitation `json:"invitations"`
		}
		w.Call(h.as(h.admin, "list_invitations", nil), &open)
		if len(open.Invitations) != 1 || open.Invitations[0].ID != inv.ID || open.Invitations[0].URL != "" {
			t.Errorf("%+v", open)
		}
		other := w.Workspace(h.member, "Other", true)
		w.Refused(apitest.Request{Path: path + "withdraw_invitation", Token: w.Session(h.member), Workspace: other.ID,
			Body: map[string]any{"invitation_id": inv.ID}}, 404, "invitation_not_found")
		w.Call(h.as(h.admin, "withdraw_invitation", map[string]any{"invitation_id": inv.ID}), nil)
		w.Refused(h.as(h.admin, "withdraw_invitation", map[string]any{"invitation_id": inv.ID}), 404, "invitation_not_found")
		if _, _, _, err := w.Members.Preview(t.Context(), secret); !fault.Is(err, fault.Unauthorized) {
			t.Error(err)
		}
		_, secret = h.invite(h.owner, "y@example.com", "member")
		w.Pass(identity.InvitationLife + time.Second)
		if _, err := w.Members.Accept(t.Context(), secret, member.Acceptance{Name: "Y", Password: password, Address: ""}); !fault.Is(err,
			fault.Unauthorized) {
			t.Errorf("a week old: %v", err)
		}
		if w.Call(h.as(h.admin, "list_invitations", nil), &open); len(open.Invitations) != 0 {
			t.Errorf("%+v", open)
		}
	})
}

func TestRoles(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := setup(w)
		set := func(u identity.User, role string) map[string]any {
			return map[string]any{"user_id": u.ID, "role": role}
		}
		w.Refused(h.as(h.member, "update", set(h.member, "admin")), 403, "forbidden")
		w.Refused(h.as(h.admin, "update", set(h.admin, "owner")), 403, "forbidden")
		w.Refused(h.as(h.admin, "update", set(h.owner, "member")), 403, "forbidden")
		w.Refused(h.as(h.admin, "remove", map[string]any{"user_id": h.owner.ID}), 403, "forbidden")
		stranger := w.Person("stranger")
		for _, what := range []string{"update", "remove"} {
			for _, id := range []string{stranger.ID, "nonsense"} {
				w.Refused(h.as(h.owner, what, map[string]any{"user_id": id, "role": "member"}), 404, "member_not_found")
			}
		}
		// The workspace must keep an owner, whichever way it is tried.
		w.Refused(h.as(h.owner, "update", set(h.owner, "admin")), 400, "invalid_request")
		w.Refused(h.as(h.owner, "remove", map[string]any{"user_id": h.owner.ID}), 400, "invalid_request")
		if err := w.Members.Add(t.Context(), h.ws.ID, h.owner.ID, rpc.Member, apitest.By); !fault.Is(err, fault.InvalidRequest) {
			t.Errorf("by command: %v", err)
		}
		w.Call(h.as(h.admin, "update", set(h.member, "admin")), nil)
		w.Call(h.as(h.owner, "update", set(h.member, "owner")), nil)
		if r := h.roles(); r["member"] != "owner" || r["owner"] != "owner" || r["admin"] != "admin" {
			t.Error(r)
		}
		// Two owners who take each other's role at the same time do not both succeed.
		var running sync.WaitGroup
		errs := make([]error, 2)
		for i, u := range []identity.User{h.owner, h.member} {
			running.Go(func() {
				errs[i] = w.Members.SetRole(t.Context(), h.ws.ID, u.ID, rpc.Admin, rpc.Owner, "", apitest.By)
			})
		}
		running.Wait()
		if (errs[0] == nil) == (errs[1] == nil) || !fault.Is(errors.Join(errs...), fault.InvalidRequest) {
			t.Error(errs)
		}
	})
}

func TestRemove(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		h := setup(w)
		elsewhere := w.Workspace(h.member, "Elsewhere", true)
		pat, patID := w.PAT(h.member)
		wsKey, _ := w.WorkspaceKey(h.member, patID, h.ws)
		otherWSKey, _ := w.WorkspaceKey(h.member, patID, elsewhere)
		key, _ := w.Key(h.ws, h.member)
		ownersKey, _ := w.Key(h.ws, h.owner)
		elsewhereKey, _ := w.Key(elsewhere, h.member)
		expect := func(when, token, ws string, status int) {
			t.Helper()
			if a := w.Do(apitest.Request{Path: "/devices/list", Token: token, Workspace: ws}); a.Status != status {
				t.Errorf("%s: %d %s", when, a.Status, a.Body)
			}
		}
		// Only an owner may adopt, and no one who leaves.
		w.Refused(h.as(h.admin, "remove", map[string]any{"user_id": h.member.ID, "adopt_api_keys": true}), 403, "forbidden")
		w.Join(h.ws, h.admin, rpc.Owner)
		w.Refused(h.as(h.admin, "remove", map[string]any{"user_id": h.admin.ID, "adopt_api_keys": true}), 400, "invalid_request")
		expect("nothing was removed", key, "", 200)

		w.Call(h.as(h.owner, "remove", map[string]any{"user_id": h.member.ID}), nil)
		expect("the PAT there", pat, h.ws.ID, 401)
		expect("the PAT elsewhere", pat, elsewhere.ID, 200)
		expect("the workspace key", wsKey, "", 401)
		expect("the workspace key elsewhere", otherWSKey, "", 200)
		expect("the API key they made", key, "", 401)
		expect("somebody else's API key", ownersKey, "", 200)
		expect("their API key elsewhere", elsewhereKey, "", 200)
		if r := h.roles(); len(r) != 2 {
			t.Error(r)
		}
		// Adopted keys go on, until the one who adopted them leaves.
		w.Join(h.ws, h.member, rpc.Member)
		expect("a dead key of one who came back", key, "", 401)
		key, _ = w.Key(h.ws, h.member)
		w.Call(h.as(h.owner, "remove", map[string]any{"user_id": h.member.ID, "adopt_api_keys": true}), nil)
		expect("adopted", key, "", 200)
		w.Call(h.as(h.admin, "remove", map[string]any{"user_id": h.owner.ID}), nil)
		expect("after its adopter left", key, "", 401)
		expect("the owner's own", ownersKey, "", 401)
	})
}
