package member

import (
	"context"

	"keyway/internal/platform/rpc"
	"keyway/internal/trust/credential"
)

// Endpoints are the rows of /keyway/v1/members. A token never changes who is a member.
func (m *Members) Endpoints() []rpc.Endpoint {
	const path = "/keyway/v1/members/"
	return []rpc.Endpoint{
		{Path: path + "invite", Summary: "Makes a one-time link by which a person joins the workspace.", Allow: rpc.ConsoleSession,
			Role: rpc.Admin, Fresh: true, Returns: "invitation", Handle: rpc.Func(m.invite)},
		{Path: path + "list", Summary: "Lists the workspace's members.", Allow: rpc.Person, Role: rpc.Member, Read: true, Returns: "members",
			Handle: rpc.Func(m.list)},
		{Path: path + "list_invitations", Summary: "Lists the workspace's open invitations.", Allow: rpc.ConsoleSession, Role: rpc.Admin,
			Read: true, Returns: "invitations", Handle: rpc.Func(m.listInvitations)},
		{Path: path + "remove", Summary: "Takes a member out of the workspace; the API keys they made there end, unless they are adopted.",
			Allow: rpc.ConsoleSession, Role: rpc.Admin, Fresh: true, Handle: rpc.Func(m.remove)},
		{Path: path + "update", Summary: "Changes a member's role.", Allow: rpc.ConsoleSession, Role: rpc.Admin, Verbs: "PATCH", Fresh: true,
			Handle: rpc.Func(m.update)},
		{Path: path + "withdraw_invitation", Summary: "Ends an open invitation.", Allow: rpc.ConsoleSession, Role: rpc.Admin, Fresh: true,
			Handle: rpc.Func(m.withdraw)},
	}
}

type inviteInput struct {
	Email string `json:"email" rule:"required" doc:"Whom to invite."`
	Role  string `json:"role" enum:"member admin owner" doc:"What they may do; member unless given."`
}

func (m *Members) invite(ctx context.Context, in inviteInput) (Invitation, error) {
	p := credential.From(ctx)
	role, ok := rpc.ParseRole(in.Role)
	if !ok {
		role = rpc.Member
	}
	return m.Invite(ctx, p.WorkspaceID, in.Email, role, p.Role, p.Actor())
}

func (m *Members) list(ctx context.Context, _ rpc.None) ([]Member, error) {
	return m.List(ctx, credential.From(ctx).WorkspaceID)
}

func (m *Members) listInvitations(ctx context.Context, _ rpc.None) ([]Invitation, error) {
	return m.Invitations(ctx, credential.From(ctx).WorkspaceID)
}

type updateInput struct {
	UserID string `json:"user_id" rule:"required" doc:"ID of the member."`
	Role   string `json:"role" rule:"required" enum:"member admin owner" doc:"What they may do."`

	AdoptAPIKeys bool `json:"adopt_api_keys" rule:"default=false" doc:"Whether their API keys keep their rights, as the caller's; only an owner may. Otherwise the keys may do no more than the member."`
}

func (m *Members) update(ctx context.Context, in updateInput) (rpc.OK, error) {
	p := credential.From(ctx)
	role, _ := rpc.ParseRole(in.Role)
	return rpc.OK{}, m.SetRole(ctx, p.WorkspaceID, in.UserID, role, p.Role, adopter(in.AdoptAPIKeys, p), p.Actor())
}

// adopter is the person who adopts API keys; empty for no one.
func adopter(adopts bool, p credential.Principal) string {
	if adopts {
		return p.UserID
	}
	return ""
}

type removeInput struct {
	UserID       string `json:"user_id" rule:"required" doc:"ID of the member."`
	AdoptAPIKeys bool   `json:"adopt_api_keys" rule:"default=false" doc:"Whether the API keys they made go on working, as the caller's; only an owner may."`
}

func (m *Members) remove(ctx context.Context, in removeInput) (rpc.OK, error) {
	p := credential.From(ctx)
	return rpc.OK{}, m.Remove(ctx, p.WorkspaceID, in.UserID, p.Role, adopter(in.AdoptAPIKeys, p), p.Actor())
}

type withdrawInput struct {
	ID string `json:"invitation_id" rule:"required" doc:"ID of the invitation."`
}

func (m *Members) withdraw(ctx context.Context, in withdrawInput) (rpc.OK, error) {
	p := credential.From(ctx)
	return rpc.OK{}, m.Withdraw(ctx, p.WorkspaceID, in.ID, p.Actor())
}
