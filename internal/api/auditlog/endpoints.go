// Package auditlog serves the audit log to those who may read it.
package auditlog

import (
	"context"
	"time"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/credential"
)

// Reader serves an audit.Log.
type Reader struct{ Log *audit.Log }

// Endpoints are the rows of /keyway/v1/audit.
func (r *Reader) Endpoints() []rpc.Endpoint {
	return []rpc.Endpoint{
		{Path: "/keyway/v1/audit/list", Summary: "Lists what was done, newest first: in a workspace to its admins, everywhere to an operator " +
			"who names none.", Allow: rpc.Person, Workspace: rpc.Optional, Role: rpc.Admin, Read: true, Returns: "audit_entries",
			PageSize: maxEntries,
			Handle:   rpc.Func(r.list)},
		{Path: "/keyway/v1/audit/verify", Summary: "Reads the whole log and reports whether it was changed.", Allow: rpc.Person,
			Workspace: rpc.Ignored, Role: rpc.Operator, Read: true, Returns: "audit_verification", Handle: rpc.Func(r.verify)},
	}
}

// maxEntries bounds a page.
const maxEntries = 500

type listInput struct {
	rpc.PageInput
	WorkspaceID  string             `json:"workspace_id" doc:"Only what was done in this workspace."`
	Action       string             `json:"action" doc:"Only this action, for example api_key.created."`
	SubjectID    string             `json:"subject_id" doc:"Only what was done to the thing with this id."`
	CredentialID string             `json:"credential_id" doc:"Only what was done with this credential, or to it."`
	UserID       string             `json:"user_id" doc:"Only what was done by this person, or to them."`
	Since        rpc.Opt[time.Time] `json:"since" doc:"Only what was done at this time or later."`
	Before       rpc.Opt[time.Time] `json:"before" doc:"Only what was done before this time."`
}

func (r *Reader) list(ctx context.Context, in listInput) (page rpc.Page[audit.Record], err error) {
	p := credential.From(ctx)
	if p.WorkspaceID == "" && !p.IsOperator {
		return page, fault.Reason(fault.Forbidden, "role",
			"Only an operator of this server may read the whole log; name a workspace with the seam-workspace header")
	}
	f := audit.Filter{WorkspaceID: in.WorkspaceID, Action: in.Action, SubjectID: in.SubjectID, CredentialID: in.CredentialID,
		UserID: in.UserID,
		Since:  in.Since.Value, Before: in.Before.Value}
	if p.WorkspaceID != "" {
		if in.WorkspaceID != "" && in.WorkspaceID != p.WorkspaceID {
			return page, fault.Missing(fault.WorkspaceNotFound)
		}
		f.WorkspaceID = p.WorkspaceID
	}
	from, limit, err := in.Start(ctx)
	if err != nil {
		return page, err
	}
	return r.Log.List(ctx, f, from, limit)
}

func (r *Reader) verify(ctx context.Context, _ rpc.None) (audit.Verification, error) {
	return r.Log.Verify(ctx)
}
