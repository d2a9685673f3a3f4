package credential

import (
	"context"
	"database/sql"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/signed"
	"keyway/internal/platform/store"
	"keyway/internal/trust/grant"
)

// MaxDepth is how many generations of tokens there may be: a token, the one it was made with, and
// so on.
const MaxDepth = 5

// Chain are the personal access tokens that a request is judged with, all of which must let it
// through: the one it was made with first, then its parent, the parent's parent, …. So a child is
// never wider than any of its ancestors, whatever was changed when. A workspace key's chain begins
// with its token.
type Chain []Link

// Link is what verification needs to know of one token.
type Link struct {
	ID         string
	CreatedAt  time.Time
	LastUsedAt time.Time // as it is written down
	RevokedAt  time.Time
	ExpiresAt  time.Time
	NotBefore  time.Time
	DisabledAt time.Time
	IsDecoy    bool
	IsRefused  bool // by an owner of the workspace
	Succession
	userID   string
	parentID string
	rule     rule
}

// linkColumns are the columns of a Link, of credentials c.
var linkColumns = grant.Credentials.Columns("c") + ", c.last_used_at"

// linkRow takes the columns of linkColumns.
type linkRow struct {
	*signed.Row
	lastUsed sql.NullInt64
}

func newLinkRow() *linkRow { return &linkRow{Row: grant.Credentials.Row()} }

func (r *linkRow) into() []any { return append(r.Into(), &r.lastUsed) }

// read returns the link; ok is false for a row that was not written with the server key.
func (r *linkRow) read(q store.Querier) (l Link, v signed.Values, ok bool) {
	if v, ok = r.Open(q); !ok {
		return l, v, false
	}
	l = Link{
		ID: v.Text("credential_id"), CreatedAt: v.Time("created_at"), LastUsedAt: store.TimeOrZero(r.lastUsed), RevokedAt: v.Time("revoked_at"),
		ExpiresAt: v.Time("expires_at"), NotBefore: v.Time("not_before"), DisabledAt: v.Time("disabled_at"), IsDecoy: v.Bool("is_decoy"),
		Succession: Succession{FamilyID: v.Text("family_id"), SuccessorID: v.Text("successor_id"), GraceEndsAt: v.Time("grace_ends_at"),
			EndsPredecessor: v.Bool("ends_predecessor")},
		userID: v.Text("user_id"), parentID: v.Text("parent_id"), rule: parseLimits([]byte(v.Text("limits"))).compile(),
	}
	return l, v, true
}

// refusedIn reports whether token c is refused in the workspace w, individually or as a family.
const refusedIn = `EXISTS (SELECT 1 FROM refused_tokens r WHERE r.workspace_id = w.workspace_id AND r.credential_id = c.family_id)`

// ancestorsQuery takes the selection of the first token of a chain, of which $1 is the parameter.
var ancestorsQuery = `WITH RECURSIVE line (credential_id, parent_id, depth) AS (
		SELECT credential_id, parent_id, 1 FROM credentials WHERE credential_id = (%s)
		UNION ALL SELECT c.credential_id, c.parent_id, line.depth + 1 FROM credentials c JOIN line ON c.credential_id = line.parent_id
		WHERE line.depth < $3)
	SELECT ` + linkColumns + `, ` + refusedIn + `
	FROM line JOIN credentials c ON c.credential_id = line.credential_id
	LEFT JOIN (SELECT workspace_id FROM workspaces WHERE workspace_id = $2) w ON 1 = 1
	ORDER BY line.depth`

// readChain reads a token and its ancestors. The chain ends before the first of them that was not written with the
// server key, and is not whole then.
func readChain(ctx context.Context, q store.Querier, id, workspaceID string) (Chain, error) {
	return queryChain(ctx, q, "$1", id, workspaceID)
}

func queryChain(ctx context.Context, q store.Querier, first, arg, workspaceID string) (Chain, error) {
	rows, err := q.Query(ctx, fmt.Sprintf(ancestorsQuery, first), arg, workspaceID, MaxDepth)
	forged := false
	links, err := store.All(rows, err, func(rows *sql.Rows) (Link, error) {
		r := newLinkRow()
		var refused bool
		if err := rows.Scan(append(r.into(), &refused)...); err != nil {
			return Link{}, err
		}
		l, _, ok := r.read(q)
		forged = forged || !ok
		l.IsRefused = refused
		return l, nil
	})
	if forged {
		links = links[:slices.IndexFunc(links, func(l Link) bool { return l.ID == "" })]
	}
	return links, err
}

// whole reports whether no ancestor is missing.
func (c Chain) whole() bool { return len(c) > 0 && c[len(c)-1].parentID == "" }

// ends is when the first of the tokens stops; the zero time is never.
func (c Chain) ends() (at time.Time) {
	for _, l := range c {
		end := l.ExpiresAt
		if l.SuccessorID != "" && (end.IsZero() || l.GraceEndsAt.Before(end)) {
			end = l.GraceEndsAt
		}
		if !end.IsZero() && (at.IsZero() || end.Before(at)) {
			at = end
		}
	}
	return at
}

// alive returns unauthorized with the reason why one of the tokens no longer works.
func (c Chain) alive(now time.Time) error {
	for i, l := range c {
		if err := l.alive(now); err != nil {
			if i > 0 {
				err.Message = fmt.Sprintf("A token that this one was made with is dead. %s", err.Message)
				err.Data["personal_access_token_id"] = l.ID
			}
			return err
		}
	}
	if !c.whole() {
		return fault.Reason(fault.Unauthorized, "revoked", "A token that this one was made with is gone")
	}
	return nil
}

func (l *Link) alive(now time.Time) *fault.Error {
	switch {
	case !l.RevokedAt.IsZero():
		return dead("revoked", "revoked_at", l.RevokedAt, "The token was revoked on %s")
	case !l.ExpiresAt.IsZero() && !now.Before(l.ExpiresAt):
		return dead("expired", "expired_at", l.ExpiresAt, "The token expired on %s")
	case l.superseded(now):
		return dead(reasonSuperseded, "superseded_at", l.GraceEndsAt, "Another token took this one's place on %s")
	case !l.DisabledAt.IsZero():
		return dead("disabled", "disabled_at", l.DisabledAt, "The token was disabled on %s; it can be enabled again")
	case now.Before(l.NotBefore):
		return dead("not_yet_valid", "not_before", l.NotBefore, "The token is not valid before %s")
	}
	return nil
}

// dead is unauthorized with a reason and its date.
func dead(reason, name string, at time.Time, format string) *fault.Error {
	err := fault.Reason(fault.Unauthorized, reason, format, at.Format(time.RFC3339))
	err.Data[name] = rpc.Time{Time: at}
	return err
}

// isDecoy reports whether one of the tokens is a decoy, which grants nothing.
func (c Chain) isDecoy() bool { return slices.ContainsFunc(c, func(l Link) bool { return l.IsDecoy }) }

// allow returns forbidden with the reason why one of the tokens does not let the request through.
// workspaceID is empty for a request that is about none.
func (c Chain) allow(e *rpc.Endpoint, workspaceID string, sandbox bool) error {
	scope := e.Scope()
	for i := range c {
		if err := c[i].rule.scope(scope, e.Read); err != nil {
			return err
		}
	}
	for i := range c {
		if e.Workspace == rpc.Forbidden && (c[i].rule.SandboxOnly || c[i].rule.WorkspaceIDs != nil) {
			return notAllowed("The token opens chosen workspaces only, so it makes none")
		}
	}
	if workspaceID == "" {
		return nil
	}
	return c.allowIn(workspaceID, sandbox)
}

// allowIn returns forbidden with the reason workspace_not_allowed when one of the tokens does not open
// the workspace.
func (c Chain) allowIn(workspaceID string, sandbox bool) error {
	for i := range c {
		switch {
		case c[i].IsRefused:
			return notAllowed("An owner of the workspace refuses the token there")
		case c[i].rule.SandboxOnly && !sandbox:
			return notAllowed("The token opens sandbox workspaces only")
		case !c[i].rule.Opens(workspaceID, sandbox):
			return notAllowed("The token does not open this workspace")
		}
	}
	return nil
}

func notAllowed(message string) error {
	return fault.Reason(fault.Forbidden, "workspace_not_allowed", "%s", message)
}

// allowNow returns forbidden where one of the tokens may not be used from this address, or at this time.
func (c Chain) allowNow(address string, now time.Time) error {
	if err := c.allowFrom(address); err != nil {
		return err
	}
	return c.allowAt(now)
}

func (c Chain) allowFrom(address string) error {
	from, err := netip.ParseAddr(address)
	if err != nil {
		from = netip.Addr{} // in no network
	}
	from = from.Unmap().WithZone("")
	for i := range c {
		if err := c[i].rule.address(from); err != nil {
			return err
		}
	}
	return nil
}

func (c Chain) allowAt(now time.Time) error {
	for i := range c {
		if err := c[i].rule.time(now); err != nil {
			return err
		}
	}
	return nil
}

// AllowNow returns forbidden where one of the tokens that the principal acts with may not be used at this time. It asks
// nothing of the database.
func (p Principal) AllowNow(now time.Time) error { return p.Chain.allowNow(p.Address, now) }

// Opens reports whether the tokens that the principal acts with open a workspace that their person is
// a member of. Refusals by the workspace's owners are ignored.
func (p Principal) Opens(workspaceID string, sandbox bool) bool {
	return !slices.ContainsFunc(p.Chain, func(l Link) bool { return !l.rule.Opens(workspaceID, sandbox) })
}

// MayRead reports whether the principal's tokens may read what an API group is about.
func (p Principal) MayRead(group string) bool { return p.May(group + ":read") }

// RefusedIn lists the workspaces whose owners refuse a token that the principal acts with.
func (p Principal) RefusedIn(ctx context.Context, q store.Querier) (ids []string, err error) {
	for _, l := range p.Chain {
		rows, err := q.Query(ctx, `SELECT workspace_id FROM refused_tokens WHERE credential_id = $1`, l.FamilyID)
		more, err := store.All(rows, err, store.One[string])
		if err != nil {
			return nil, err
		}
		ids = append(ids, more...)
	}
	return ids, nil
}

// reach is what the lists of devices leave of a workspace; nil: all of it.
func (c Chain) reach() *Reach {
	var ids []string
	for i := range c {
		switch own := c[i].rule.DeviceIDs; {
		case own == nil:
		case ids == nil:
			ids = slices.Clone(own)
		default:
			ids = slices.DeleteFunc(ids, func(id string) bool { return !slices.Contains(own, id) })
		}
	}
	if ids == nil {
		return nil
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	return &Reach{DeviceIDs: ids, view: "devices " + strings.Join(ids, " ")}
}

// The counters that must never be exceeded. Those of a family are shared, so that a rotation gives
// no one more.
const (
	usesCounter    = "uses"
	actionsCounter = "actions " // and the day
)

// count raises a counter by n, unless that would take it above most: then ok is false and nothing is
// changed.
func count(ctx context.Context, tx *store.Tx, familyID, counter string, n, most int64) (value int64, ok bool, err error) {
	if n > most {
		return 0, false, nil
	}
	err = tx.QueryRow(ctx, `INSERT INTO token_counters (credential_id, counter, value) VALUES ($1, $2, $3)
		ON CONFLICT (credential_id, counter) DO UPDATE SET value = token_counters.value + $3 WHERE token_counters.value + $3 <= $4
		RETURNING value`, familyID, counter, n, most).Scan(&value)
	if err == sql.ErrNoRows {
		return 0, false, nil
	}
	return value, err == nil, err
}

// spendUse counts a request of the tokens that are good for only so many. It returns unauthorized
// with the reason uses when one of them has none left; then none has spent any.
func (c Chain) spendUse(ctx context.Context, db *store.DB) error {
	if !slices.ContainsFunc(c, func(l Link) bool { return l.rule.MaxUses != nil }) {
		return nil
	}
	return db.Update(ctx, func(tx *store.Tx) error { return c.spendUseIn(ctx, tx) })
}

func (c Chain) spendUseIn(ctx context.Context, tx *store.Tx) error {
	for i := len(c) - 1; i >= 0; i-- { // ancestors first, so that no two requests wait for each other
		most := c[i].rule.MaxUses
		if most == nil {
			continue
		}
		if _, ok, err := count(ctx, tx, c[i].FamilyID, usesCounter, 1, *most); err != nil {
			return err
		} else if !ok {
			return usedUp(*most)
		}
	}
	return nil
}

// hasUses is spendUse for a request that was let through before and continues, as a stream: it spends
// nothing, and ends with the last use.
func (c Chain) hasUses(ctx context.Context, q store.Querier) error {
	for i := range c {
		most := c[i].rule.MaxUses
		if most == nil {
			continue
		}
		used, err := Uses(ctx, q, c[i].FamilyID)
		if err != nil {
			return err
		}
		if used >= *most {
			return usedUp(*most)
		}
	}
	return nil
}

// Uses is how many requests a family of tokens that are good for only so many has spent.
func Uses(ctx context.Context, q store.Querier, familyID string) (used int64, err error) {
	err = q.QueryRow(ctx, `SELECT value FROM token_counters WHERE credential_id = $1 AND counter = $2`, familyID, usesCounter).Scan(&used)
	if err == sql.ErrNoRows {
		err = nil
	}
	return used, err
}

func usedUp(most int64) error {
	err := fault.Reason(fault.Unauthorized, "uses", "The token was good for %d requests and has none left", most)
	err.Data["max_uses"] = most
	return err
}

// SpendAction counts n physical actions of the running request, in the transaction that brings them
// about. It returns forbidden with the reason daily_limit when a token that the caller acts with does
// not have that many left today.
func SpendAction(ctx context.Context, tx *store.Tx, now time.Time, n int) error {
	c := From(ctx).Chain
	for i := len(c) - 1; i >= 0; i-- {
		most := c[i].rule.DailyActionLimit
		if most == nil {
			continue
		}
		date, ends := c[i].rule.today(now)
		value, ok, err := count(ctx, tx, c[i].FamilyID, actionsCounter+date, int64(n), *most)
		if err != nil {
			return err
		}
		if !ok {
			err := fault.Reason(fault.Forbidden, "daily_limit", "The token may cause %d physical actions a day; the next day begins at %s", *most,
				ends.Format(time.RFC3339))
			err.Data["daily_action_limit"], err.Data["resets_at"] = *most, rpc.Time{Time: ends}
			return err
		}
		if value == int64(n) { // the first of the day: earlier days are no longer needed
			if _, err := tx.Exec(ctx, `DELETE FROM token_counters WHERE credential_id = $1 AND counter LIKE 'actions %' AND counter < $2`,
				c[i].FamilyID, actionsCounter+date); err != nil {
				return err
			}
		}
	}
	return nil
}
