package policy

import (
	"context"

	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/trust/grant"
)

// workspaceExists reports whether a workspace exists and is not deleted.
func workspaceExists(ctx context.Context, q store.Querier, workspaceID string) (there bool, err error) {
	err = q.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM workspaces WHERE workspace_id = $1 AND deleted_at IS NULL)`, workspaceID).Scan(&there)
	return there, err
}

// roleIn is a person's role in a workspace, rpc.NoRole where the workspace is deleted or they are no member.
func roleIn(ctx context.Context, q store.Querier, workspaceID, userID string) (rpc.Role, error) {
	if there, err := workspaceExists(ctx, q, workspaceID); err != nil || !there {
		return rpc.NoRole, err
	}
	return grant.Role(ctx, q, workspaceID, userID)
}

func put(ctx context.Context, tx *store.Tx, workspaceID, doc string, at int64, by string) error {
	_, err := tx.Exec(ctx, `INSERT INTO policies (workspace_id, doc, updated_at, updated_by) VALUES ($1, $2, $3, $4)
		ON CONFLICT (workspace_id) DO UPDATE SET doc = excluded.doc, updated_at = excluded.updated_at, updated_by = excluded.updated_by`,
		workspaceID, doc, at, store.TextOrNull(by))
	return err
}
