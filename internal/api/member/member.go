// Package member keeps who belongs to a workspace, with which role, and who is invited to it.
package member

import (
	"context"
	"time"

	"keyway/internal/api/apikey"
	"keyway/internal/api/workspace"
	"keyway/internal/platform/fault"
	"keyway/internal/platform/mail"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/credential"
	"keyway/internal/trust/grant"
	"keyway/internal/trust/identity"
)

// Member is a person in a workspace, as served.
type Member struct {
	UserID     string   `json:"user_id"`
	Email      string   `json:"email"`
	Name       string   `json:"name"`
	Role       string   `json:"role" enum:"owner admin member"`
	JoinedAt   rpc.Time `json:"joined_at"`
	IsDisabled bool     `json:"is_disabled"`
}

// Invitation is an open invitation, as served.
type Invitation struct {
	ID        string   `json:"invitation_id"`
	Email     string   `json:"email"`
	Role      string   `json:"role" enum:"owner admin member"`
	CreatedAt rpc.Time `json:"created_at"`
	ExpiresAt rpc.Time `json:"expires_at"`
	URL       string   `json:"url,omitempty" doc:"The one-time link to hand over, only in the answer that made it."`
	IsMailed  bool     `json:"is_mailed,omitempty" doc:"Whether the link is on its way to the address by mail as well, only in the answer that made it."`
}

// Members implements the rules for memberships. An owner may give and take every role; an admin
// neither makes nor unmakes owners.
type Members struct {
	DB         *store.DB
	People     *identity.People
	Workspaces *workspace.Workspaces
	Keys       *apikey.Keys
	Audit      *audit.Log
	Mail       *mail.Outbox // nil: none
	Now        func() time.Time
	PublicURL  string
}

// List gives a workspace's members, longest first.
func (m *Members) List(ctx context.Context, workspaceID string) ([]Member, error) {
	return selectMembers(ctx, m.DB, workspaceID)
}

// roleOf returns member_not_found for a person who is no member.
func roleOf(ctx context.Context, q store.Querier, workspaceID, userID string) (rpc.Role, error) {
	role, err := grant.Role(ctx, q, workspaceID, userID)
	if err == nil && role == rpc.NoRole {
		err = fault.Missing(fault.MemberNotFound)
	}
	return role, err
}

// mayHandle refuses what only an owner may do: to give or take the role of owner.
func mayHandle(actor rpc.Role, roles ...rpc.Role) error {
	for _, r := range roles {
		if r == rpc.Owner && actor < rpc.Owner {
			return fault.Reason(fault.Forbidden, "role", "Only an owner may make or unmake owners")
		}
	}
	return nil
}

// keepOwner refuses to leave the workspace without an owner, by giving a member another role or
// none.
func keepOwner(ctx context.Context, q store.Querier, workspaceID, userID string, old, role rpc.Role) error {
	if old != rpc.Owner || role == rpc.Owner {
		return nil
	}
	others, err := grant.OtherOwners(ctx, q, workspaceID, userID)
	if err == nil && !others {
		return fault.New(fault.InvalidRequest, "The workspace needs an owner: make another member one first")
	}
	return err
}

// mayAdopt refuses to transfer API keys to a person (empty: to no one) unless they are an owner who is not the one who
// loses them.
func mayAdopt(userID, adoptedBy string, actor rpc.Role) error {
	switch {
	case adoptedBy == "":
		return nil
	case actor < rpc.Owner:
		return fault.Reason(fault.Forbidden, "role", "Only an owner may adopt API keys")
	case adoptedBy == userID:
		return fault.New(fault.InvalidRequest, "A person cannot adopt their own API keys: another owner can")
	}
	return nil
}

// SetRole changes a member's role. API keys may do no more than the person whose they are: where the role is lower, so are
// theirs, unless adoptedBy takes them over. It returns member_not_found, forbidden, or invalid_request for the only owner
// and for adopting one's own keys.
func (m *Members) SetRole(ctx context.Context, workspaceID, userID string, role, actorRole rpc.Role, adoptedBy string,
	by audit.Actor) error {
	return m.DB.Update(ctx, func(tx *store.Tx) error {
		old, err := roleOf(ctx, tx, workspaceID, userID)
		if err != nil {
			return err
		}
		if err := mayHandle(actorRole, old, role); err != nil {
			return err
		}
		if err := mayAdopt(userID, adoptedBy, actorRole); err != nil {
			return err
		}
		if err := keepOwner(ctx, tx, workspaceID, userID, old, role); err != nil {
			return err
		}
		if adoptedBy != "" {
			if err := m.Keys.Adopt(ctx, tx, workspaceID, userID, adoptedBy, by); err != nil {
				return err
			}
		}
		if err := grant.SetRole(ctx, tx, m.Now(), workspaceID, userID, role); err != nil {
			return err
		}
		return m.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "member.updated", WorkspaceID: workspaceID, SubjectID: userID,
			Detail: map[string]any{"role": role.String(), "previous_role": old.String()}})
	}, store.Instance, store.Workspace(workspaceID))
}

// Add makes a person a member, for commands; the Console and the API invite. It returns
// workspace_not_found, or invalid_request for a lower role of the only owner.
func (m *Members) Add(ctx context.Context, workspaceID, userID string, role rpc.Role, by audit.Actor) error {
	return m.DB.Update(ctx, func(tx *store.Tx) error {
		if _, err := m.Workspaces.Get(ctx, tx, workspaceID); err != nil {
			return err
		}
		old, err := roleOf(ctx, tx, workspaceID, userID)
		if err != nil && !fault.Is(err, fault.MemberNotFound) {
			return err
		}
		if err := keepOwner(ctx, tx, workspaceID, userID, old, role); err != nil {
			return err
		}
		if err := grant.SetRole(ctx, tx, m.Now(), workspaceID, userID, role); err != nil {
			return err
		}
		return m.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "member.added", WorkspaceID: workspaceID, SubjectID: userID,
			Detail: map[string]any{"role": role.String()}})
	}, store.Instance, store.Workspace(workspaceID))
}

// Remove takes a person out of a workspace. The workspace keys of their tokens end, and so do the
// API keys they made there, unless adoptedBy takes those over. It returns member_not_found,
// forbidden, or invalid_request for the only owner and for adopting one's own keys.
func (m *Members) Remove(ctx context.Context, workspaceID, userID string, actorRole rpc.Role, adoptedBy string, by audit.Actor) error {
	return m.DB.Update(ctx, func(tx *store.Tx) error {
		role, err := roleOf(ctx, tx, workspaceID, userID)
		if err != nil {
			return err
		}
		if err := mayHandle(actorRole, role); err != nil {
			return err
		}
		if err := mayAdopt(userID, adoptedBy, actorRole); err != nil {
			return err
		}
		if err := keepOwner(ctx, tx, workspaceID, userID, role, rpc.NoRole); err != nil {
			return err
		}
		if err := m.Keys.Leave(ctx, tx, workspaceID, userID, adoptedBy, by); err != nil {
			return err
		}
		if err := credential.RevokeKeysOf(ctx, tx, m.Now(), workspaceID, userID, by.UserID, "member_removed"); err != nil {
			return err
		}
		if err := grant.SetRole(ctx, tx, m.Now(), workspaceID, userID, rpc.NoRole); err != nil {
			return err
		}
		return m.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "member.removed", WorkspaceID: workspaceID, SubjectID: userID})
	}, store.Instance, store.Workspace(workspaceID))
}

// maxMails is how many invitations an hour are mailed to an address, from all workspaces: no one can
// fill a stranger's mailbox with them. Links of further ones are still shown for copying.
const maxMails = 5

func (m *Members) mayMail(ctx context.Context, tx *store.Tx, email string) (bool, error) {
	if !m.Mail.On() {
		return false, nil
	}
	lately, err := countInvitations(ctx, tx, email, m.Now().Add(-time.Hour))
	return lately < maxMails, err
}

// Invite makes a one-time link that lets the person with the address join, and mails it where mail is
// set up. It returns
// invalid_input for an address that will not do or that is a member's already, and forbidden.
func (m *Members) Invite(ctx context.Context, workspaceID, email string, role, actorRole rpc.Role, by audit.Actor) (inv Invitation,
	err error) {
	if err := identity.CheckEmail(email); err != nil {
		return inv, err
	}
	if err := mayHandle(actorRole, role); err != nil {
		return inv, err
	}
	email = identity.NormalizeEmail(email)
	err = m.DB.Update(ctx, func(tx *store.Tx) error {
		u, err := m.People.ByEmail(ctx, tx, email)
		if err == nil {
			if _, err = roleOf(ctx, tx, workspaceID, u.ID); err == nil {
				return fault.Invalid("email", "This person is a member already")
			}
		}
		if err != nil && !fault.Is(err, fault.UserNotFound) && !fault.Is(err, fault.MemberNotFound) {
			return err
		}
		mailed, err := m.mayMail(ctx, tx, email)
		if err != nil {
			return err
		}
		l, secret, err := m.People.CreateLink(ctx, tx,
			identity.Link{Kind: identity.InvitationLink, WorkspaceID: workspaceID, Email: email, Role: role.String(), CreatedBy: by.UserID},
			identity.InvitationLife)
		if err != nil {
			return err
		}
		inv = servedInvitation(l)
		inv.URL, inv.IsMailed = m.PublicURL+"/console/invitation#"+secret.Reveal(), mailed
		if mailed {
			if err := m.mail(ctx, tx, l, inv.URL); err != nil {
				return err
			}
		}
		return m.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "member.invited", WorkspaceID: workspaceID, SubjectID: l.ID,
			Detail: map[string]any{"email": email, "role": role.String()}})
	}, store.Instance, store.Workspace(workspaceID))
	return inv, err
}

// mail sends an invitation to whom it is for.
func (m *Members) mail(ctx context.Context, tx *store.Tx, l identity.Link, url string) error {
	if !m.Mail.On() {
		return nil
	}
	ws, err := m.Workspaces.Get(ctx, tx, l.WorkspaceID)
	if err != nil {
		return err
	}
	by, err := m.People.Get(ctx, tx, l.CreatedBy)
	if err != nil && !fault.Is(err, fault.UserNotFound) { // a command's
		return err
	}
	return m.Mail.Post(ctx, tx, l.Email, mail.Invitation,
		mail.Facts{"workspace": ws.Name, "inviter": by.Name, "role": l.Role, "expires_at": l.ExpiresAt, "link": mail.Link(url)})
}

func servedInvitation(l identity.Link) Invitation {
	return Invitation{ID: l.ID, Email: l.Email, Role: l.Role, CreatedAt: rpc.Time{Time: l.CreatedAt}, ExpiresAt: rpc.Time{Time: l.ExpiresAt}}
}

// Invitations lists a workspace's open invitations.
func (m *Members) Invitations(ctx context.Context, workspaceID string) ([]Invitation, error) {
	links, err := m.People.Invitations(ctx, workspaceID)
	out := make([]Invitation, len(links))
	for i, l := range links {
		out[i] = servedInvitation(l)
	}
	return out, err
}

// Withdraw ends an open invitation; invitation_not_found when there is none with the id.
func (m *Members) Withdraw(ctx context.Context, workspaceID, id string, by audit.Actor) error {
	return m.DB.Update(ctx, func(tx *store.Tx) error {
		if err := m.People.WithdrawInvitation(ctx, tx, workspaceID, id); err != nil {
			return err
		}
		return m.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "member.invitation_withdrawn", WorkspaceID: workspaceID, SubjectID: id})
	}, store.Instance, store.Workspace(workspaceID))
}

// Preview returns what an invitation's link is about, before anything is typed: the link, the
// workspace's name, and whether the address belongs to a known person. It returns unauthorized for
// a link that is no longer valid.
func (m *Members) Preview(ctx context.Context, secret vault.Secret) (l identity.Link, name string, known bool, err error) {
	if l, err = m.People.FindLink(ctx, m.DB, identity.InvitationLink, secret); err != nil {
		return l, "", false, err
	}
	ws, err := m.Workspaces.Get(ctx, m.DB, l.WorkspaceID)
	if err != nil {
		return l, "", false, err
	}
	_, err = m.People.ByEmail(ctx, m.DB, l.Email)
	if fault.Is(err, fault.UserNotFound) {
		return l, ws.Name, false, nil
	}
	return l, ws.Name, err == nil, err
}

// Acceptance is what a person submits to accept an invitation: a known person their password (and second
// factor), or nothing while signed in; a new person a password, or an account at a provider.
type Acceptance struct {
	Name, Password string
	Second         identity.SecondFactor
	SignedIn       string // the id of the person who is signed in; empty: no one
	Address        string
}

// Accept uses an invitation. It returns unauthorized for a dead link or a wrong password, with
// error.data.reason second_factor when only that is missing, and invalid_input for a password that
// will not do.
func (m *Members) Accept(ctx context.Context, secret vault.Secret, a Acceptance) (u identity.User, err error) {
	l, _, known, err := m.Preview(ctx, secret)
	if err != nil {
		return u, err
	}
	var n identity.NewUser
	if known {
		if u, err = m.People.ByEmail(ctx, m.DB, l.Email); err == nil && u.ID != a.SignedIn {
			u, err = m.People.SignIn(ctx, l.Email, a.Password, a.Second, a.Address)
		}
	} else {
		n, err = m.People.Prepare(ctx, l.Email, a.Name, a.Password)
	}
	if err != nil {
		return u, err
	}
	actor := audit.Actor{Kind: "invitation", UserID: u.ID, Address: a.Address}
	err = m.DB.Update(ctx, func(tx *store.Tx) error {
		l, err := m.People.UseLink(ctx, tx, identity.InvitationLink, secret)
		if err != nil {
			return err
		}
		if !known {
			if u, err = m.People.Create(ctx, tx, n, actor); err != nil {
				return err
			}
		}
		return m.join(ctx, tx, l, u, actor)
	}, store.Instance)
	return u, err
}

// AcceptOpenID lets a new person join with their account at a provider, which has verified the
// address that they were invited by. It returns forbidden if no one invited them.
func (m *Members) AcceptOpenID(ctx context.Context, c identity.OpenIDClaims, address string) (u identity.User, err error) {
	notInvited := fault.New(fault.Forbidden, "Nobody here has invited %s. Ask for an invitation, or sign in another way and link the "+
		"account under Settings, Security", c.Email)
	if identity.CheckEmail(c.Email) != nil {
		return u, fault.New(fault.Forbidden, "The provider does not share your email address. Sign in another way, and link the account under "+
			"Settings, Security")
	}
	if !c.EmailVerified {
		return u, fault.New(fault.Forbidden, "The provider has not verified that %s is your address, so no invitation counts. Verify it there, "+
			"or sign in another way and link the account under Settings, Security", c.Email)
	}
	actor := audit.Actor{Kind: "invitation", Address: address}
	err = m.DB.Update(ctx, func(tx *store.Tx) error {
		if _, err := m.People.ByEmail(ctx, tx, c.Email); err == nil {
			// An address alone proves nothing about a person who is known.
			return fault.New(fault.Forbidden, "There is a person with this address already. Sign in another way, and link the account under "+
				"Settings, Security")
		} else if !fault.Is(err, fault.UserNotFound) {
			return err
		}
		links, err := m.People.UseInvitationsFor(ctx, tx, c.Email)
		if err != nil {
			return err
		}
		if len(links) == 0 {
			return notInvited
		}
		if u, err = m.People.Create(ctx, tx, identity.WithoutPassword(c.Email, c.Name), actor); err != nil {
			return err
		}
		actor.UserID = u.ID
		if err := m.People.LinkOpenID(ctx, tx, u.ID, c, actor); err != nil {
			return err
		}
		for _, l := range links {
			if err := m.join(ctx, tx, l, u, actor); err != nil {
				return err
			}
		}
		return nil
	}, store.Instance)
	return u, err
}

func (m *Members) join(ctx context.Context, tx *store.Tx, l identity.Link, u identity.User, actor audit.Actor) error {
	actor.UserID = u.ID
	role, _ := rpc.ParseRole(l.Role)
	if old, err := roleOf(ctx, tx, l.WorkspaceID, u.ID); err == nil && old > role {
		role = old // an older invitation takes nothing away
	} else if err != nil && !fault.Is(err, fault.MemberNotFound) {
		return err
	}
	if err := grant.SetRole(ctx, tx, m.Now(), l.WorkspaceID, u.ID, role); err != nil {
		return err
	}
	return m.Audit.Add(ctx, tx, audit.Entry{Actor: actor, Action: "member.added", WorkspaceID: l.WorkspaceID, SubjectID: u.ID,
		Detail: map[string]any{"role": role.String()}})
}
