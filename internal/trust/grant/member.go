package grant

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"keyway/internal/platform/rpc"
	"keyway/internal/platform/signed"
	"keyway/internal/platform/store"
)

// Role is a person's role in a workspace, rpc.NoRole for one who is no member. It does not look at whether the
// workspace or the person exists.
func Role(ctx context.Context, q store.Querier, workspaceID, userID string) (rpc.Role, error) {
	v, err := Memberships.One(ctx, q, `workspace_id = $1 AND user_id = $2`, workspaceID, userID)
	if errors.Is(err, sql.ErrNoRows) {
		return rpc.NoRole, nil
	} else if err != nil {
		return rpc.NoRole, err
	}
	role, _ := rpc.ParseRole(v.Text("role"))
	return role, nil
}

// SetRole makes a person a member of a workspace, or changes their role. The update's scope is store.Instance.
func SetRole(ctx context.Context, tx *store.Tx, now time.Time, workspaceID, userID string, role rpc.Role) error {
	w := &store.Where{}
	w.Add("workspace_id = ? AND user_id = ?", workspaceID, userID)
	changed, err := Memberships.Update(ctx, tx, signed.Set{"role": role.String()}, w)
	if err != nil || len(changed) > 0 {
		return err
	}
	if err := Leave(ctx, tx, workspaceID, userID); err != nil { // a row that was not written with the server key
		return err
	}
	return Memberships.Insert(ctx, tx, signed.Set{"workspace_id": workspaceID, "user_id": userID, "role": role.String(),
		"created_at": store.Micros(now)})
}

// Leave ends a membership.
func Leave(ctx context.Context, tx *store.Tx, workspaceID, userID string) error {
	_, err := tx.Exec(ctx, `DELETE FROM memberships WHERE workspace_id = $1 AND user_id = $2`, workspaceID, userID)
	return err
}

// OtherOwners tells whether a workspace has an owner besides the person.
func OtherOwners(ctx context.Context, q store.Querier, workspaceID, userID string) (bool, error) {
	others, err := Memberships.Select(ctx, q, `workspace_id = $1 AND role = 'owner' AND user_id <> $2`, workspaceID, userID)
	return len(others) > 0, err
}
