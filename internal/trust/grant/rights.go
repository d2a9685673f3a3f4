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

// The functions of this file are the only way to change what a person may do: their role in a workspace, whether they are
// an operator, and whether they are disabled. Each renews the person's sessions, and ends the open invitations that the
// person could no longer make. The scope of their updates is store.Instance.

// Invitation is the kind of the links by which people join a workspace.
const Invitation = "invitation"

func matching(condition string, args ...any) *store.Where {
	w := &store.Where{}
	w.Add(condition, args...)
	return w
}

// AddOwner makes a person the owner of a workspace that has just been created. What they may do elsewhere stays as it is,
// so their sessions do too.
func AddOwner(ctx context.Context, tx *store.Tx, now time.Time, workspaceID, userID string) error {
	var taken bool
	if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM memberships WHERE workspace_id = $1)`, workspaceID).Scan(&taken); err != nil {
		return err
	}
	if taken {
		return errors.New("grant: the workspace has members already")
	}
	return addMember(ctx, tx, now, workspaceID, userID, rpc.Owner)
}

func addMember(ctx context.Context, tx *store.Tx, now time.Time, workspaceID, userID string, role rpc.Role) error {
	return Memberships.Insert(ctx, tx, signed.Set{"workspace_id": workspaceID, "user_id": userID, "role": role.String(),
		"created_at": store.Micros(now)})
}

// SetRole gives a person a role in a workspace: the first one, another one, or with rpc.NoRole none.
func SetRole(ctx context.Context, tx *store.Tx, now time.Time, workspaceID, userID string, role rpc.Role) error {
	if err := setRole(ctx, tx, now, workspaceID, userID, role); err != nil {
		return err
	}
	if err := endInvitations(ctx, tx, now, workspaceID, userID, role); err != nil {
		return err
	}
	return renewSessions(ctx, tx, userID)
}

func setRole(ctx context.Context, tx *store.Tx, now time.Time, workspaceID, userID string, role rpc.Role) error {
	if role != rpc.NoRole {
		changed, err := Memberships.Update(ctx, tx, signed.Set{"role": role.String()},
			matching("workspace_id = ? AND user_id = ?", workspaceID, userID))
		if err != nil || len(changed) > 0 {
			return err
		}
	}
	// Also a row that was not written with the server key.
	if _, err := tx.Exec(ctx, `DELETE FROM memberships WHERE workspace_id = $1 AND user_id = $2`, workspaceID, userID); err != nil {
		return err
	}
	if role == rpc.NoRole {
		return nil
	}
	return addMember(ctx, tx, now, workspaceID, userID, role)
}

// SetOperator makes a person an operator of the server, or ends that.
func SetOperator(ctx context.Context, tx *store.Tx, userID string, operator bool) error {
	if _, err := Users.Update(ctx, tx, signed.Set{"is_operator": operator}, matching("user_id = ?", userID)); err != nil {
		return err
	}
	return renewSessions(ctx, tx, userID)
}

// SetDisabled disables a person since a time, or with the zero time enables them again, which revives nothing.
func SetDisabled(ctx context.Context, tx *store.Tx, now time.Time, userID string, since time.Time) error {
	set := signed.Set{"disabled_at": store.MicrosOrNull(since)}
	if _, err := Users.Update(ctx, tx, set, matching("user_id = ?", userID)); err != nil {
		return err
	}
	if since.IsZero() {
		return renewSessions(ctx, tx, userID)
	}
	if _, err := tx.Exec(ctx, `DELETE FROM sessions WHERE user_id = $1`, userID); err != nil {
		return err
	}
	return endInvitations(ctx, tx, now, "", userID, rpc.NoRole)
}

// renewSessions has a person's sessions get another id before their next use, and not count as fresh.
func renewSessions(ctx context.Context, tx *store.Tx, userID string) error {
	_, err := Sessions.Update(ctx, tx, signed.Set{"must_renew": true, "authenticated_at": 0}, matching("user_id = ?", userID))
	return err
}

// endInvitations ends the open invitations that a person made in a workspace (empty: in all of them) and that one with their role
// cannot make, so that no later role revives them.
func endInvitations(ctx context.Context, tx *store.Tx, now time.Time, workspaceID, userID string, role rpc.Role) error {
	if mayInvite(role, rpc.Owner) {
		return nil
	}
	w := matching("kind = ? AND created_by = ? AND used_at IS NULL", Invitation, userID)
	if workspaceID != "" {
		w.Add("workspace_id = ?", workspaceID)
	}
	if mayInvite(role, rpc.Admin) {
		w.Add("role = ?", rpc.Owner.String())
	}
	_, err := Links.Update(ctx, tx, signed.Set{"used_at": store.Micros(now)}, w)
	return err
}

// mayInvite reports whether a person with one role may give another person a role.
func mayInvite(role, given rpc.Role) bool {
	return role >= rpc.Admin && (given < rpc.Owner || role >= rpc.Owner)
}

// MayInvite reports whether a person may now give another one a role in a workspace.
func MayInvite(ctx context.Context, q store.Querier, workspaceID, userID string, given rpc.Role) (bool, error) {
	role, err := ActiveRole(ctx, q, workspaceID, userID)
	return err == nil && mayInvite(role, given), err
}

// ActiveRole is Role of a person who is not disabled; rpc.NoRole for one who is.
func ActiveRole(ctx context.Context, q store.Querier, workspaceID, userID string) (rpc.Role, error) {
	u, err := Users.One(ctx, q, `user_id = $1`, userID)
	if errors.Is(err, sql.ErrNoRows) || err == nil && u.Has("disabled_at") {
		return rpc.NoRole, nil
	} else if err != nil {
		return rpc.NoRole, err
	}
	return Role(ctx, q, workspaceID, userID)
}

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

// OtherOwners reports whether a workspace has an owner besides the person.
func OtherOwners(ctx context.Context, q store.Querier, workspaceID, userID string) (bool, error) {
	others, err := Memberships.Select(ctx, q, `workspace_id = $1 AND role = 'owner' AND user_id <> $2`, workspaceID, userID)
	return len(others) > 0, err
}
