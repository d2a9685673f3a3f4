package people

import (
	"time"

	"keyway/internal/console/frame"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
)

// roleOptions are the roles that a person may give.
func roleOptions(by frame.Role) []RoleOption {
	all := []RoleOption{
		{frame.RoleMember, "Sees everything here and works with devices."},
		{frame.RoleAdmin, "Also manages people, keys and settings."},
		{frame.RoleOwner, "Also names owners and may delete the workspace."},
	}
	if by != frame.RoleOwner {
		return all[:2]
	}
	return all
}

func (q *request) teamView() (*TeamView, error) {
	ctx := q.R.Context()
	v := &TeamView{Page: q.Base(frame.AreaWorkspace, frame.NavTeam, "Team"), CanManage: q.May("/keyway/v1/members/invite")}
	mine := v.Workspace.Role
	v.Invite = InviteForm{Role: frame.RoleMember, Roles: roleOptions(mine), Nonce: frame.NewNonce()}
	members, err := q.Members.List(ctx, q.Current.ID)
	if err != nil {
		return nil, err
	}
	keysOf := map[string][]string{}
	names := map[string]string{}
	owners := 0
	if v.CanManage {
		keys, err := q.Keys.List(ctx, q.Current.ID)
		if err != nil {
			return nil, err
		}
		for _, k := range keys {
			keysOf[k.CreatedBy] = append(keysOf[k.CreatedBy], k.Name)
		}
	}
	for _, m := range members {
		names[m.UserID] = m.Name
		if frame.Role(m.Role) == frame.RoleOwner {
			owners++
		}
	}
	for _, m := range members {
		role := frame.Role(m.Role)
		v.Members = append(v.Members, Member{
			UserID: m.UserID, Name: m.Name, Email: m.Email, Role: role, You: m.UserID == q.User.ID, JoinedAt: m.JoinedAt.Time,
			Disabled: m.IsDisabled,
			APIKeys:  keysOf[m.UserID], CanAdopt: mine == frame.RoleOwner && m.UserID != q.User.ID, CanChange: v.CanManage &&
				(role != frame.RoleOwner || mine == frame.RoleOwner),
			LastOwner: role == frame.RoleOwner && owners == 1, Roles: roleOptions(mine),
		})
	}
	if !v.CanManage {
		return v, nil
	}
	links, err := q.People.Invitations(ctx, q.Current.ID)
	if err != nil {
		return nil, err
	}
	for _, l := range links {
		v.Invitations = append(v.Invitations, Invitation{ID: l.ID, Email: l.Email, Role: frame.Role(l.Role), InvitedBy: names[l.CreatedBy],
			CreatedAt: l.CreatedAt, ExpiresAt: l.ExpiresAt})
	}
	return v, nil
}

func (q *request) team() error {
	v, err := q.teamView()
	if err != nil {
		return err
	}
	return q.Show(v)
}

func (q *request) invite() error {
	here := frame.WorkspacePath(q.Current.ID, "team")
	email, roleName := q.Form("email"), q.Form("role")
	role, ok := rpc.ParseRole(roleName)
	if !ok {
		return fault.Invalid("role", "Choose a role")
	}
	if !q.FirstSent() {
		return q.SentAgain(here)
	}
	made, err := q.Members.Invite(q.Context(), q.Current.ID, email, role, q.Current.Role, q.Principal().Actor())
	errs, wrong := frame.FieldErrors(err)
	if err != nil && !wrong {
		return err
	}
	v, err := q.teamView()
	if err != nil {
		return err
	}
	v.Location = here
	if wrong {
		v.Invite.Open, v.Invite.Email, v.Invite.Role, v.Invite.Errors = true, email, frame.Role(roleName), errs.OnlyFields("email", "role")
	} else {
		v.Link = &InvitationLink{Email: made.Email, URL: made.URL, ExpiresAt: made.ExpiresAt.Time, Mailed: made.IsMailed}
	}
	return q.Show(v)
}

func (q *request) withdrawInvitation() error {
	here := frame.WorkspacePath(q.Current.ID, "team")
	if err := q.Members.Withdraw(q.Context(), q.Current.ID, q.R.PathValue("invitation"), q.Principal().Actor()); err != nil {
		return q.Refused(here, err)
	}
	return q.Done(here, "The invitation was revoked.")
}

func (q *request) changeRole() error {
	here := frame.WorkspacePath(q.Current.ID, "team")
	role, ok := rpc.ParseRole(q.Form("role"))
	if !ok {
		return fault.Invalid("role", "Choose a role")
	}
	by := q.Principal().Actor()
	if err := q.Members.SetRole(q.Context(), q.Current.ID, q.R.PathValue("user"), role, q.Current.Role, q.adopter(), by); err != nil {
		return q.Refused(here, err)
	}
	return q.Done(here, "The role was changed.")
}

// adopter is the person who adopts the API keys of another one; empty for no one.
func (q *request) adopter() string {
	if q.Form("adopt_api_keys") == "true" {
		return q.User.ID
	}
	return ""
}

func (q *request) removeMember() error {
	here := frame.WorkspacePath(q.Current.ID, "team")
	user := q.R.PathValue("user")
	if err := q.Members.Remove(q.Context(), q.Current.ID, user, q.Current.Role, q.adopter(), q.Principal().Actor()); err != nil {
		return q.Refused(here, err)
	}
	if user == q.User.ID {
		return q.Done(frame.Root, "You left %s.", q.Current.Name)
	}
	return q.Done(here, "The person was removed.")
}

// RoleOption is a role that may be chosen in a form.
type RoleOption struct {
	Role        frame.Role
	Description string
}

// TeamView is the members of a workspace and the invitations to it.
type TeamView struct {
	frame.Page
	Members     []Member
	Invitations []Invitation
	Invite      InviteForm
	Link        *InvitationLink // just made
	CanManage   bool
}

// Member is one person in the workspace.
type Member struct {
	UserID     string
	Name       string
	Email      string
	Role       frame.Role
	You        bool
	JoinedAt   time.Time
	Disabled   bool
	APIKeys    []string // names of the keys that stop when the person is removed
	CanAdopt   bool     // the viewer may keep those keys working
	CanChange  bool     // the viewer may change role and remove
	LastOwner  bool     // neither role nor membership may be taken
	Roles      []RoleOption
	RoleErrors frame.FormErrors
}

// Initials are one or two letters for the round picture.
func (m Member) Initials() string { return frame.User{Name: m.Name, Email: m.Email}.Initials() }

// Invitation is a pending invitation.
type Invitation struct {
	ID        string
	Email     string
	Role      frame.Role
	InvitedBy string
	CreatedAt time.Time
	ExpiresAt time.Time
}

// InviteForm is the dialog that invites a person.
type InviteForm struct {
	Open   bool
	Email  string
	Role   frame.Role
	Roles  []RoleOption
	Nonce  string
	Errors frame.FormErrors
}

// InvitationLink is a one-time link, shown once.
type InvitationLink struct {
	Email     string
	URL       string
	ExpiresAt time.Time
	Mailed    bool // besides being shown
}
