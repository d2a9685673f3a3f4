package credential

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/trust/grant"
)

// ErrEnded is returned by Maker.Standing for a maker that will not be good again.
var ErrEnded = errors.New("what it was made with has ended")

func standing(ctx context.Context, q store.Querier, now time.Time, familyID string, ask Question) (*Reach, error) {
	rows, err := q.Query(ctx, `SELECT c.credential_id, `+grant.Users.Columns("u")+`, `+grant.Memberships.Columns("m")+`,
		`+grant.Workspaces.Columns("w")+`, ip.doc, wp.doc FROM credentials c
		JOIN users u ON u.user_id = c.user_id
		LEFT JOIN workspaces w ON w.workspace_id = $2 AND w.deleted_at IS NULL
		LEFT JOIN memberships m ON m.workspace_id = w.workspace_id AND m.user_id = u.user_id
		`+policyJoins+`
		WHERE c.family_id = $1 AND c.kind = 'personal_access_token' AND c.revoked_at IS NULL
		ORDER BY c.credential_id DESC`, familyID, ask.WorkspaceID)
	members, err := store.All(rows, err, func(r *sql.Rows) (f Facts, err error) {
		user, membership, in := grant.Users.Row(), grant.Memberships.Row(), grant.Workspaces.Row()
		var instance, workspace sql.NullString
		if err := r.Scan(slices.Concat([]any{&f.ID}, user.Into(), membership.Into(), in.Into(), []any{&instance, &workspace})...); err != nil {
			return f, err
		}
		f.In(q, in)
		if person, ok := user.Open(q); ok {
			f.UserID, f.UserDisabled = person.Text("user_id"), person.Has("disabled_at")
		}
		if member, ok := membership.Open(q); ok && f.WorkspaceID != "" {
			f.Role, _ = rpc.ParseRole(member.Text("role"))
		}
		if f.policy.instance, err = parsePolicy(instance); err == nil {
			f.policy.workspace, err = parsePolicy(workspace)
		}
		return f, err
	})
	if err != nil {
		return nil, err
	}
	why := ErrEnded
	for _, f := range members {
		if f.Chain, err = readChain(ctx, q, f.ID, ask.WorkspaceID); err != nil {
			return nil, err
		}
		if len(f.Chain) == 0 || f.Chain[0].userID != f.UserID || f.UserID == "" {
			continue // not written with the server key
		}
		err := f.stands(ctx, q, now, ask)
		if err == nil || IsOutOfHours(err) {
			return f.Chain.reach(), err
		}
		var refused *fault.Error
		if !errors.As(err, &refused) && !errors.Is(err, ErrEnded) {
			return nil, err
		}
		if errors.Is(why, ErrEnded) {
			why = err
		}
	}
	return nil, why
}

func (f Facts) stands(ctx context.Context, q store.Querier, now time.Time, ask Question) error {
	if f.UserDisabled {
		return ErrEnded
	}
	if err := f.Chain.alive(now); err != nil {
		switch fault.ReasonOf(err) {
		case "revoked", "expired", reasonSuperseded:
			return ErrEnded
		}
		return err
	}
	if f.Role < ask.Role || f.IsSuspended || f.Chain.isDecoy() {
		return errUnknown
	}
	for i := range f.Chain {
		for _, s := range ask.Scopes {
			if err := f.Chain[i].rule.scope(s, isRead(s)); err != nil {
				return err
			}
		}
	}
	if err := f.Chain.allowIn(ask.WorkspaceID, f.IsSandbox); err != nil {
		return err
	}
	address := ask.Address
	if address == "" {
		address = anywhere
	}
	for _, p := range []*Policy{f.policy.instance, f.policy.workspace} {
		for i := range f.Chain {
			if p == nil {
				continue
			}
			rule, why := p.broken(&f.Chain[i], address)
			if rule == "" && i == 0 && p.idle(&f.Chain[i], now) {
				rule, why = ruleInactive, "it was not used for too long"
			}
			if rule != "" {
				return fault.Reason(fault.Forbidden, "policy", "A policy refuses this token: %s", why)
			}
		}
	}
	if address != anywhere {
		if err := f.Chain.allowFrom(address); err != nil {
			return err
		}
	}
	if err := f.Chain.allowAt(now); err != nil {
		return err
	}
	return f.Chain.hasUses(ctx, q)
}
