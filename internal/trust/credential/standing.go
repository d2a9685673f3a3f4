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

// ErrEnded is returned by Standing for a family of tokens that will not be good again.
var ErrEnded = errors.New("the token has ended")

// Standing judges what is done in the name of a family of tokens without anybody sending one, as a
// webhook's deliveries: by the newest token of the family that lives, with all that it descends from,
// its person and the workspace's policy, as they are now. It gives what the tokens reach (nil: the whole
// workspace), or ErrEnded, or the error that a request with these scopes and this role would get.
// Out of its hours it gives both what the tokens reach and the error.
// Networks and daily limits are about who sends a token, and not looked at.
func Standing(ctx context.Context, q store.Querier, now time.Time, familyID, workspaceID string, role rpc.Role, scopes ...string) (*Reach, error) {
	reach, err := standing(ctx, q, now, familyID, workspaceID, role, scopes)
	if errors.Is(err, ErrEnded) { // a rotation between the two reads looks like an end, once
		reach, err = standing(ctx, q, now, familyID, workspaceID, role, scopes)
	}
	return reach, err
}

func standing(ctx context.Context, q store.Querier, now time.Time, familyID, workspaceID string, role rpc.Role, scopes []string) (*Reach, error) {
	rows, err := q.Query(ctx, `SELECT c.credential_id, `+grant.Users.Columns("u")+`, `+grant.Memberships.Columns("m")+`,
		w.is_sandbox, w.is_suspended, ip.doc, wp.doc FROM credentials c
		JOIN users u ON u.user_id = c.user_id
		LEFT JOIN workspaces w ON w.workspace_id = $2 AND w.deleted_at IS NULL
		LEFT JOIN memberships m ON m.workspace_id = w.workspace_id AND m.user_id = u.user_id
		`+policyJoins+`
		WHERE c.family_id = $1 AND c.kind = 'personal_access_token' AND c.revoked_at IS NULL ORDER BY c.credential_id DESC`, familyID, workspaceID)
	members, err := store.All(rows, err, func(r *sql.Rows) (f Facts, err error) {
		user, membership := grant.Users.Row(), grant.Memberships.Row()
		var instance, workspace sql.NullString
		var sandbox, suspended sql.NullBool
		if err := r.Scan(slices.Concat([]any{&f.ID}, user.Into(), membership.Into(), []any{&sandbox, &suspended, &instance, &workspace})...); err != nil {
			return f, err
		}
		f.IsSandbox, f.IsSuspended = sandbox.Bool, suspended.Bool
		if person, ok := user.Open(q); ok {
			f.UserID, f.UserDisabled = person.Text("user_id"), person.Has("disabled_at")
		}
		if member, ok := membership.Open(q); ok {
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
		if f.Chain, err = readChain(ctx, q, f.ID, workspaceID); err != nil {
			return nil, err
		}
		if len(f.Chain) == 0 || f.Chain[0].userID != f.UserID || f.UserID == "" {
			continue // not written with the server key
		}
		err := f.stands(ctx, q, now, workspaceID, role, scopes)
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

func (f Facts) stands(ctx context.Context, q store.Querier, now time.Time, workspaceID string, role rpc.Role, scopes []string) error {
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
	if f.Role < role || f.IsSuspended || f.Chain.isDecoy() {
		return errUnknown
	}
	for i := range f.Chain {
		for _, s := range scopes {
			if err := f.Chain[i].rule.scope(s, isRead(s)); err != nil {
				return err
			}
		}
	}
	if err := f.Chain.allowIn(workspaceID, f.IsSandbox); err != nil {
		return err
	}
	for _, p := range []*Policy{f.policy.instance, f.policy.workspace} {
		for i := range f.Chain {
			if p == nil {
				continue
			}
			rule, why := p.broken(&f.Chain[i], anywhere)
			if rule == "" && i == 0 && p.idle(&f.Chain[i], now) {
				rule, why = ruleInactive, "it was not used for too long"
			}
			if rule != "" {
				return fault.Reason(fault.Forbidden, "policy", "A policy refuses this token: %s", why)
			}
		}
	}
	for i := range f.Chain {
		if err := f.Chain[i].rule.time(now); err != nil {
			return err
		}
	}
	return f.Chain.hasUses(ctx, q)
}
