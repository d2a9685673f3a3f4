package clientsession

import (
	"context"
	"time"

	"keyway/internal/platform/store"
)

// Tables are the tables of this package.
func Tables() []store.Table {
	return []store.Table{
		{Name: "client_sessions", Key: []string{"workspace_id", "client_session_id"}, Workspace: "workspace_id", Rules: []store.Rule{
			{What: "expired client sessions", Age: "expires_at", Keep: keepDead, Before: forgetResources},
			{What: "revoked client sessions", Age: "revoked_at", Keep: keepDead, Before: forgetResources},
		}},
		{Name: "client_session_resources", Key: []string{"workspace_id", "client_session_id", "kind", "resource_id"}, Workspace: "workspace_id",
			Kept: "removed with its client session"},
	}
}

// keepDead is for how long a client session is listed after its end.
const keepDead = 30 * 24 * time.Hour

func forgetResources(ctx context.Context, tx *store.Tx, key []any) error {
	_, err := tx.Exec(ctx, `DELETE FROM client_session_resources WHERE workspace_id = $1 AND client_session_id = $2`, key...)
	return err
}
