package personalaccesstoken

import (
	"context"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/credential"
)

// Revocation is what became of the things that a revoked token had made.
type Revocation struct {
	ClientSessions int  `json:"client_session_count" doc:"How many live client sessions it had made."`
	Webhooks       int  `json:"webhook_count" doc:"How many webhooks were its own."`
	IsKept         bool `json:"is_kept" doc:"Whether these go on without it."`
}

// Revoke ends a token permanently, with its workspace keys, what was made with it and the token that it
// replaces. When it returns, no request succeeds with any of them. It returns personal_access_token_not_found.
func (t *Tokens) Revoke(ctx context.Context, userID, id string, by audit.Actor) error {
	_, err := t.RevokeKeeping(ctx, userID, id, false, by)
	return err
}

// RevokeKeeping is Revoke, which may keep the client sessions, Connect Webviews and webhooks of a token without limits: they
// belong to the workspace from then on; sessions and webviews still depend on the membership of the token's person. It returns
// personal_access_token_not_found, and invalid_input for a token with limits, which what it made would lose.
func (t *Tokens) RevokeKeeping(ctx context.Context, userID, id string, keep bool, by audit.Actor) (r Revocation, err error) {
	err = t.DB.Update(ctx, func(tx *store.Tx) error {
		c, err := t.find(ctx, tx, userID, id)
		if err != nil {
			return err
		}
		before, err := credential.MadeBy(ctx, tx, t.Now(), c.FamilyID)
		if err != nil {
			return err
		}
		if keep {
			chain, err := credential.FamilyChain(ctx, tx, c.FamilyID, "")
			if err != nil {
				return err
			}
			if !chain.Unlimited() {
				return fault.Invalid("keep_client_sessions",
					"The token has limits, or one that it was made with has: what it made cannot go on without it")
			}
			if err := credential.Release(ctx, tx, c.FamilyID); err != nil {
				return err
			}
		}
		if err := t.end(ctx, tx, id, by.UserID); err != nil {
			return err
		}
		chain, err := credential.FamilyChain(ctx, tx, c.FamilyID, "")
		if err != nil {
			return err
		}
		if keep || !chain.IsAlive(t.Now()) { // otherwise a token that took its place goes on
			r = Revocation{ClientSessions: before.ClientSessions, Webhooks: before.Webhooks, IsKept: keep}
		}
		return t.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "personal_access_token.revoked", SubjectID: id, Detail: map[string]any{
			"client_sessions": r.ClientSessions, "webhooks": r.Webhooks, "kept": keep}})
	}, store.Instance)
	return r, err
}

// Made counts for each of a person's tokens what it made and what would end with it.
func (t *Tokens) Made(ctx context.Context, userID string) (map[string]credential.Made, error) {
	return credential.MadeOfUser(ctx, t.DB, t.Now(), userID)
}

type revokeInput struct {
	ID    string `json:"personal_access_token_id" doc:"ID of the token; with a token, itself unless given."`
	KeyID string `json:"workspace_key_id" doc:"Or which workspace key."`
	Keep  bool   `json:"keep_client_sessions" rule:"default=false" doc:"Whether the client sessions and webhooks that a token without limits made go on. Only a console session may, with a recent sign-in."`
}

func (t *Tokens) revoke(ctx context.Context, in revokeInput) (Revocation, error) {
	p := credential.From(ctx)
	switch {
	case in.ID != "" && in.KeyID != "":
		return Revocation{}, fault.InvalidAll([]fault.Issue{{Message: "Give either personal_access_token_id or workspace_key_id"}})
	case in.Keep && (p.Kind != rpc.ConsoleSession || in.KeyID != ""):
		return Revocation{}, fault.Invalid("keep_client_sessions", "Only a console session may keep what a token made")
	case p.Kind == rpc.WorkspaceKey:
		if in.ID != "" || in.KeyID != "" && in.KeyID != p.CredentialID {
			return Revocation{}, fault.Missing(fault.WorkspaceKeyNotFound)
		}
		return Revocation{}, t.RevokeWorkspaceKey(ctx, p.UserID, p.CredentialID, p.Actor())
	case in.KeyID != "" && p.Kind == rpc.ConsoleSession:
		return Revocation{}, t.RevokeWorkspaceKey(ctx, p.UserID, in.KeyID, p.Actor())
	case in.KeyID != "":
		return Revocation{}, fault.Missing(fault.WorkspaceKeyNotFound)
	}
	c, err := t.meant(ctx, in.ID)
	if err != nil {
		return Revocation{}, err
	}
	if in.Keep {
		if err := credential.RequireFresh(ctx, t.Now()); err != nil {
			return Revocation{}, err
		}
	}
	return t.RevokeKeeping(ctx, c.UserID, c.ID, in.Keep, p.Actor())
}
