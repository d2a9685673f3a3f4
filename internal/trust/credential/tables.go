package credential

import (
	"context"
	"time"

	"keyway/internal/platform/store"
)

// Tables are the tables of this package.
func Tables() []store.Table {
	return []store.Table{
		{Name: "credentials", Key: []string{"credential_id"}, Workspace: "workspace_id", Mixed: true, Rules: []store.Rule{
			{What: "revoked tokens and keys", Age: "revoked_at", Keep: keepDead, Before: forgetCredential},
			{What: "expired tokens and keys", Age: "expires_at", Keep: keepDead, Before: forgetCredential},
		}},
		{Name: "token_counters", Key: []string{"credential_id", "counter"}, Rules: []store.Rule{
			{What: "counters of notices about tokens", Age: "value", Keep: 2 * time.Hour, Where: "counter LIKE 'told %'"},
		}},
	}
}

// keepDead is for how long a token or key is listed after its end, and its use raises an alarm.
const keepDead = 400 * 24 * time.Hour

func forgetCredential(ctx context.Context, tx *store.Tx, key []any) error {
	if _, err := tx.Exec(ctx, `DELETE FROM token_counters WHERE credential_id = $1`, key...); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `DELETE FROM refused_tokens WHERE credential_id = $1`, key...)
	return err
}
