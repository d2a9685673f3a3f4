package console

import (
	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
)

// roleOptions are the roles that a person may give.
func roleOptions(by Role) []RoleOption {
	all := []RoleOption{
		{RoleMember, "Sees everything here and works with devices."},
		{RoleAdmin, "Also manages people, keys and settings."},
		{RoleOwner, "Also names owners and may delete the workspace."},
	}
	if by != RoleOwner {
		return all[:2]
	}
	return all
}

func (q *request) teamView() (*TeamView, error) {
	ctx := q.r.Context()
	v := &TeamView{Page: q.base(AreaWorkspace, NavTeam, "Team"), CanManage: q.may("/keyway/v1/members/invite")}
	mine := v.Workspace.Role
	v.Invite = InviteForm{Role: RoleMember, Roles: roleOptions(mine), Nonce: newNonce()}
	members, err := q.Members.List(ctx, q.current.ID)
	if err != nil {
		return nil, err
	}
	keysOf := map[string][]string{}
	names := map[string]string{}
	owners := 0
	if v.CanManage {
		keys, err := q.Keys.List(ctx, q.current.ID)
		if err != nil {
			return nil, err
		}
		for _, k := range keys {
			keysOf[k.CreatedBy] = append(keysOf[k.CreatedBy], k.Name)
		}
	}
	for _, m := range members {
		names[m.UserID] = m.Name
		if Role(m.Role) == RoleOwner {
			owners++
		}
	}
	for _, m := range members {
		role := Role(m.Role)
		v.Members = append(v.Members, Member{
			UserID: m.UserID, Name: m.Name, Email: m.Email, Role: role, You: m.UserID == q.user.ID, JoinedAt: m.JoinedAt.Time, Disabled: m.IsDisabled,
			APIKeys: keysOf[m.UserID], CanAdopt: mine == RoleOwner && m.UserID != q.user.ID, CanChange: v.CanManage && (role != RoleOwner || mine == RoleOwner),
			LastOwner: role == RoleOwner && owners == 1, Roles: roleOptions(mine),
		})
	}
	if !v.CanManage {
		return v, nil
	}
	links, err := q.People.Invitations(ctx, q.current.ID)
	if err != nil {
		return nil, err
	}
	for _, l := range links {
		v.Invitations = append(v.Invitations, Invitation{ID: l.ID, Email: l.Email, Role: Role(l.Role), InvitedBy: names[l.CreatedBy], CreatedAt: l.CreatedAt, ExpiresAt: l.ExpiresAt})
	}
	return v, nil
}

func (q *request) team() error {
	v, err := q.teamView()
	if err != nil {
		return err
	}
	return q.show(v)
}

func (q *request) invite() error {
	here := workspacePath(q.current.ID, "team")
	email, roleName := q.form("email"), q.form("role")
	role, ok := rpc.ParseRole(roleName)
	if !ok {
		return fault.Invalid("role", "Choose a role")
	}
	if !q.spent.spend(q.user.ID, q.form("nonce"), q.Now()) {
		return q.sentAgain(here)
	}
	made, err := q.Members.Invite(q.context(), q.current.ID, email, role, q.current.Role, q.principal().Actor())
	errs, wrong := formErrors(err)
	if err != nil && !wrong {
		return err
	}
	v, err := q.teamView()
	if err != nil {
		return err
	}
	v.Location = here
	if wrong {
		v.Invite.Open, v.Invite.Email, v.Invite.Role, v.Invite.Errors = true, email, Role(roleName), errs.onlyFields("email", "role")
	} else {
		v.Link = &InvitationLink{Email: made.Email, URL: made.URL, ExpiresAt: made.ExpiresAt.Time, Mailed: made.IsMailed}
	}
	return q.show(v)
}

// sentAgain answers a form that was sent already and whose answer showed a secret.
func (q *request) sentAgain(to string) error {
	q.setFlash(Flash{Kind: FlashError, Text: "This form was sent already. What it made is shown only once."})
	return q.redirect(to)
}

func (q *request) withdrawInvitation() error {
	here := workspacePath(q.current.ID, "team")
	if err := q.Members.Withdraw(q.context(), q.current.ID, q.r.PathValue("invitation"), q.principal().Actor()); err != nil {
		return q.refused(here, err)
	}
	return q.done(here, "The invitation was revoked.")
}

func (q *request) changeRole() error {
	here := workspacePath(q.current.ID, "team")
	role, ok := rpc.ParseRole(q.form("role"))
	if !ok {
		return fault.Invalid("role", "Choose a role")
	}
	if err := q.Members.SetRole(q.context(), q.current.ID, q.r.PathValue("user"), role, q.current.Role, q.principal().Actor()); err != nil {
		return q.refused(here, err)
	}
	return q.done(here, "The role was changed.")
}

func (q *request) removeMember() error {
	here := workspacePath(q.current.ID, "team")
	user, adoptedBy := q.r.PathValue("user"), ""
	if q.form("adopt_api_keys") == "true" {
		adoptedBy = q.user.ID
	}
	if err := q.Members.Remove(q.context(), q.current.ID, user, q.current.Role, adoptedBy, q.principal().Actor()); err != nil {
		return q.refused(here, err)
	}
	if user == q.user.ID {
		return q.done(Root, "You left %s.", q.current.Name)
	}
	return q.done(here, "The person was removed.")
}
