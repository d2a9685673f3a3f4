package member

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/trust/grant"
	"keyway/internal/trust/identity"
)

// selectMembers lists a workspace's members, longest first.
func selectMembers(ctx context.Context, q store.Querier, workspaceID string) ([]Member, error) {
	rows, err := q.Query(ctx, `SELECT `+grant.Users.Columns("u")+`, u.name, `+grant.Memberships.Columns("m")+` FROM memberships m
		JOIN users u ON u.user_id = m.user_id WHERE m.workspace_id = $1 ORDER BY m.created_at, u.user_id`, workspaceID)
	all, err := store.All(rows, err, func(r *sql.Rows) (x Member, err error) {
		user, membership := grant.Users.Row(), grant.Memberships.Row()
		if err := r.Scan(slices.Concat(user.Into(), []any{&x.Name}, membership.Into())...); err != nil {
			return x, err
		}
		u, known := user.Open(q)
		m, member := membership.Open(q)
		if !known || !member {
			return Member{}, nil
		}
		x.UserID, x.Email, x.Role = u.Text("user_id"), u.Text("email"), m.Text("role")
		x.JoinedAt, x.IsDisabled = rpc.Time{Time: m.Time("created_at")}, u.Has("disabled_at")
		return x, nil
	})
	return slices.DeleteFunc(all, func(m Member) bool { return m.UserID == "" }), err
}

// countInvitations counts the invitations of an address, in all workspaces, that were made since a time.
func countInvitations(ctx context.Context, q store.Querier, email string, since time.Time) (n int, err error) {
	err = q.QueryRow(ctx, `SELECT count(*) FROM links WHERE kind = $1 AND email = $2 AND created_at > $3`,
		string(identity.InvitationLink), email, store.Micros(since)).Scan(&n)
	return n, err
}
