package credential

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"keyway/internal/platform/rpc"
	"keyway/internal/platform/signed"
	"keyway/internal/platform/store"
	"keyway/internal/trust/grant"
)

// Maker is what something that opens a part of a workspace was made with: a client session, a webhook,
// the address of a Connect Webview. It is judged by its maker whenever it is used, so it is never
// wider than that and ends with it. The zero value is the workspace: what an API key or a command
// makes, or what was made before makers were recorded, has no limits of its own.
type Maker struct {
	FamilyID  string // of the personal access token, also by way of a workspace key or a client session
	UserID    string // the person whose membership it depends on
	SessionID string // the client session that made it
}

// Maker is what is recorded of the principal with what it makes.
func (p Principal) Maker() Maker {
	switch {
	case p.Kind&sessions != 0:
		return Maker{FamilyID: p.maker.FamilyID, UserID: p.maker.UserID, SessionID: p.CredentialID}
	case len(p.Chain) > 0:
		return Maker{FamilyID: p.Chain[0].FamilyID, UserID: p.UserID}
	case p.Kind == rpc.ConsoleSession:
		return Maker{UserID: p.UserID}
	}
	return Maker{}
}

// Unlimited reports whether only an expiry limits the tokens.
func (c Chain) Unlimited() bool {
	for i := range c {
		if !c[i].rule.IsUnlimited() {
			return false
		}
	}
	return true
}

// Ends is when the first of the tokens that the principal acts with stops; the zero time is never.
func (p Principal) Ends() time.Time { return p.Chain.ends() }

// sameLife is how much later than the token that asks something may end and still count as ending
// with it: a token and what is made beside it on the same day live for the same default time.
const sameLife = oneDay

// Outlives reports whether something that ends at a time (zero: never) outlasts the tokens that
// the principal acts with.
func (p Principal) Outlives(at time.Time) bool {
	ends := p.Ends()
	return !ends.IsZero() && (at.IsZero() || at.After(ends.Add(sameLife)))
}

// Covers reports whether the principal could itself make what the maker made, so that it may be shown
// its secret and give it more: an API key or a command always; a console session whose person recently
// proved who they are; a token what it made itself, and without limits also what others made.
// A client session covers what it made.
func (p Principal) Covers(m Maker, now time.Time) bool {
	switch {
	case p.Kind&sessions != 0:
		return m.SessionID == p.CredentialID
	case len(p.Chain) > 0:
		return m.FamilyID == p.Chain[0].FamilyID || p.Chain.Unlimited()
	}
	return p.requireFresh(now) == nil
}

// May reports whether the scopes of the principal's tokens include a scope, like devices:read.
func (p Principal) May(scope string) bool {
	for i := range p.Chain {
		if p.Chain[i].rule.scope(scope, isRead(scope)) != nil {
			return false
		}
	}
	return true
}

// EndsByItself reports whether what the principal makes must be judged by its tokens later: they have
// limits, or an end.
func (p Principal) EndsByItself() bool {
	return len(p.Chain) > 0 && (!p.Chain.Unlimited() || !p.Ends().IsZero())
}

// familyHead selects the token that represents a family: the newest that is not revoked, or when
// all are, the newest.
const familyHead = `SELECT h.credential_id FROM credentials h WHERE h.family_id = $1 AND h.kind = 'personal_access_token'
	ORDER BY CASE WHEN h.revoked_at IS NULL THEN 0 ELSE 1 END, h.credential_id DESC LIMIT 1`

// readFamily reads the token that represents a family, with its ancestors.
func readFamily(ctx context.Context, q store.Querier, familyID, workspaceID string) (Chain, error) {
	return queryChain(ctx, q, familyHead, familyID, workspaceID)
}

// FamilyChain reads the token that represents a family, with its ancestors, as they are for a
// workspace.
func FamilyChain(ctx context.Context, q store.Querier, familyID, workspaceID string) (Chain, error) {
	return readFamily(ctx, q, familyID, workspaceID)
}

// IsAlive reports whether all tokens of a chain are good now.
func (c Chain) IsAlive(now time.Time) bool { return c.alive(now) == nil }

// Ends is when the first of the tokens stops; the zero time is never.
func (c Chain) Ends() time.Time { return c.ends() }

// Question is what a maker is asked about something that it made.
type Question struct {
	WorkspaceID string
	Role        rpc.Role // that its person needs
	Scopes      []string // that its tokens need
	// Address is from where it is used; empty: from nowhere, as when the server sends something. Then
	// networks are ignored.
	Address string
}

// Standing judges what is done in the name of a maker without a request of its own, as a webhook's
// deliveries and the page of a Connect Webview: by the newest active token of its family, with all
// that it descends from, its person and the workspace's policy, as they are now. It returns what the
// tokens reach (nil: the whole workspace), or ErrEnded, or the error that a request with these scopes
// and this role would get. Out of its hours it returns both what the tokens reach and the error.
// Daily limits are about what is done to devices, and ignored.
func (m Maker) Standing(ctx context.Context, q store.Querier, now time.Time, ask Question) (*Reach, error) {
	if m.SessionID != "" {
		if err := sessionStands(ctx, q, now, ask.WorkspaceID, m.SessionID); err != nil {
			return nil, err
		}
	}
	if m.FamilyID == "" {
		return nil, m.personStands(ctx, q, ask)
	}
	reach, err := standing(ctx, q, now, m.FamilyID, ask)
	if errors.Is(err, ErrEnded) { // a rotation between the two reads looks like an end, once
		reach, err = standing(ctx, q, now, m.FamilyID, ask)
	}
	return reach, err
}

func (m Maker) personStands(ctx context.Context, q store.Querier, ask Question) error {
	if m.UserID == "" {
		return nil
	}
	role, err := grant.ActiveRole(ctx, q, ask.WorkspaceID, m.UserID)
	switch {
	case err != nil:
		return err
	case role == rpc.NoRole:
		return ErrEnded
	case role < ask.Role:
		return errUnknown
	}
	return nil
}

func sessionStands(ctx context.Context, q store.Querier, now time.Time, workspaceID, id string) error {
	s, err := grant.ClientSessions.One(ctx, q, `workspace_id = $1 AND client_session_id = $2`, workspaceID, id)
	if errors.Is(err, sql.ErrNoRows) || err == nil && (s.Has("revoked_at") || !now.Before(s.Time("expires_at"))) {
		return ErrEnded
	}
	return err
}

// SpendUse counts a use of the maker's tokens, in the transaction of what it is used for. It returns
// unauthorized with the reason uses when one of them has none left.
func (m Maker) SpendUse(ctx context.Context, tx *store.Tx, workspaceID string) error {
	if m.FamilyID == "" {
		return nil
	}
	c, err := readFamily(ctx, tx, m.FamilyID, workspaceID)
	if err != nil {
		return err
	}
	return c.spendUseIn(ctx, tx)
}

// made are the tables of what is made with credentials and opens a part of a workspace by a secret of
// its own, each with what is written to a row that ends.
var made = []struct {
	table  *signed.Table
	column string
	lives  string // the rows that have not ended at a time
}{
	{grant.ClientSessions, "revoked_at", `revoked_at IS NULL AND expires_at > ?`},
	{grant.ConnectWebviews, "expires_at", `expires_at > ?`},
}

// endOfPerson ends what a person made, themselves or with their tokens, in a workspace (empty: in
// all): enabling or adding the person again revives none of it.
func endOfPerson(ctx context.Context, tx *store.Tx, now time.Time, workspaceID, userID string) error {
	for _, m := range made {
		w := &store.Where{}
		w.Add(m.lives, store.Micros(now))
		w.Add(`user_id = ?`, userID)
		if workspaceID != "" {
			w.Add(`workspace_id = ?`, workspaceID)
		}
		if _, err := m.table.Update(ctx, tx, signed.Set{m.column: store.Micros(now)}, w); err != nil {
			return err
		}
	}
	return nil
}

// endOfFamilies ends what was made by families of tokens without an active token left. chosen is a
// selection of credential ids with one parameter.
func endOfFamilies(ctx context.Context, tx *store.Tx, now time.Time, chosen string, arg any) error {
	for _, m := range made {
		w := &store.Where{}
		w.Add(m.lives, store.Micros(now))
		w.Add(`family_id IN (SELECT c.family_id FROM credentials c
			WHERE c.credential_id IN (`+chosen+`) AND c.kind = 'personal_access_token' AND NOT EXISTS (SELECT 1 FROM credentials l
			WHERE l.family_id = c.family_id AND l.kind = 'personal_access_token' AND l.revoked_at IS NULL
			AND (l.successor_id IS NULL OR l.grace_ends_at > ?)))`, arg, store.Micros(now))
		if _, err := m.table.Update(ctx, tx, signed.Set{m.column: store.Micros(now)}, w); err != nil {
			return err
		}
	}
	return nil
}

// Made counts what a family of tokens made and what would end with it.
type Made struct {
	ClientSessions int
	Webhooks       int
}

// MadeBy counts what a family of tokens made that has not ended.
func MadeBy(ctx context.Context, q store.Querier, now time.Time, familyID string) (m Made, err error) {
	err = q.QueryRow(ctx, `SELECT (SELECT count(*) FROM client_sessions WHERE family_id = $1 AND revoked_at IS NULL AND expires_at > $2),
		(SELECT count(*) FROM webhooks WHERE family_id = $1)`, familyID, store.Micros(now)).Scan(&m.ClientSessions, &m.Webhooks)
	return m, err
}

// MadeOfUser counts for each token of a person that is not revoked or replaced what it made that has not ended, by the token's
// id.
func MadeOfUser(ctx context.Context, q store.Querier, now time.Time, userID string) (map[string]Made, error) {
	rows, err := q.Query(ctx, `SELECT c.credential_id,
		(SELECT count(*) FROM client_sessions s WHERE s.family_id = c.family_id AND s.revoked_at IS NULL AND s.expires_at > $2),
		(SELECT count(*) FROM webhooks h WHERE h.family_id = c.family_id)
		FROM credentials c WHERE c.user_id = $1 AND c.kind = 'personal_access_token' AND c.revoked_at IS NULL AND c.successor_id IS NULL`,
		userID, store.Micros(now))
	out := map[string]Made{}
	_, err = store.All(rows, err, func(r *sql.Rows) (id string, err error) {
		var m Made
		err = r.Scan(&id, &m.ClientSessions, &m.Webhooks)
		out[id] = m
		return id, err
	})
	return out, err
}

// Release takes what a family of tokens made away from it, so that it stays when the tokens end. Client sessions and Connect
// Webviews still depend on the membership of the person.
func Release(ctx context.Context, tx *store.Tx, familyID string) error {
	for _, m := range made {
		w := &store.Where{}
		w.Add(`family_id = ?`, familyID)
		if _, err := m.table.Update(ctx, tx, signed.Set{"family_id": nil}, w); err != nil {
			return err
		}
	}
	_, err := tx.Exec(ctx, `UPDATE webhooks SET family_id = NULL WHERE family_id = $1`, familyID)
	return err
}
