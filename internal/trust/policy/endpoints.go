package policy

import (
	"context"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/trust/credential"
)

// Endpoints are the rows of /keyway/v1/policies. The seam-workspace header changes nothing here.
func (s *Policies) Endpoints() []rpc.Endpoint {
	const path = "/keyway/v1/policies/"
	return []rpc.Endpoint{
		{Path: path + "get", Summary: "Gets what tokens must satisfy to be taken in a workspace, or in the whole instance.",
			Allow: rpc.ConsoleSession, Workspace: rpc.Ignored, Read: true, Returns: "policy", Handle: rpc.Func(s.get)},
		{Path: path + "update", Summary: "Changes what tokens must satisfy; those that do not are refused from then on, and not revoked.",
			Allow: rpc.ConsoleSession, Workspace: rpc.Ignored, Fresh: true, Verbs: "PATCH", Returns: "policy", Handle: rpc.Func(s.update)},
	}
}

type getInput struct {
	WorkspaceID string `json:"workspace_id" doc:"Whose policy; the instance's unless given."`
}

type updateInput struct {
	WorkspaceID string `json:"workspace_id" doc:"Whose policy; the instance's unless given."`
	Change
}

// may reports whether the caller has the role in the workspace, or is an operator. Anyone who is not
// a member gets workspace_not_found, as for an unknown one.
func (s *Policies) may(ctx context.Context, workspaceID string, least rpc.Role) error {
	p := credential.From(ctx)
	if p.IsOperator {
		return nil
	}
	if workspaceID == "" {
		if least > rpc.Member {
			return fault.Reason(fault.Forbidden, "role", "Only an operator of this server may do this")
		}
		return nil // anyone who makes tokens must know what is required of them
	}
	role, err := roleIn(ctx, s.DB, workspaceID, p.UserID)
	if err != nil {
		return err
	}
	if role == rpc.NoRole {
		return fault.Missing(fault.WorkspaceNotFound)
	}
	if role < least {
		return fault.Reason(fault.Forbidden, "role", "This needs the role %s in the workspace", least)
	}
	return nil
}

func (s *Policies) get(ctx context.Context, in getInput) (Served, error) {
	if err := s.may(ctx, in.WorkspaceID, rpc.Member); err != nil {
		return Served{}, err
	}
	return s.Get(ctx, in.WorkspaceID)
}

func (s *Policies) update(ctx context.Context, in updateInput) (Served, error) {
	if err := s.may(ctx, in.WorkspaceID, rpc.Admin); err != nil {
		return Served{}, err
	}
	return s.Update(ctx, in.WorkspaceID, in.Change, credential.From(ctx).Actor())
}
