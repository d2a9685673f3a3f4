package clientsession

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/signed"
	"keyway/internal/platform/store"
	"keyway/internal/trust/credential"
	"keyway/internal/trust/grant"
)

// columns are a session with what follows from its grants, all read at once.
var columns = grant.ClientSessions.Columns("s") + `, s.sealed_token, s.created_at,
	(SELECT string_agg(r.resource_id, ',') FROM client_session_resources r
		WHERE r.workspace_id = s.workspace_id AND r.client_session_id = s.client_session_id AND r.kind = 'connect_webview'),
	(SELECT string_agg(r.resource_id, ',') FROM client_session_resources r
		WHERE r.workspace_id = s.workspace_id AND r.client_session_id = s.client_session_id AND r.kind = 'user_identity'),
	(SELECT string_agg(a.connected_account_id, ',') FROM connected_accounts a
		WHERE a.workspace_id = s.workspace_id AND ` + reached + `),
	(SELECT count(*) FROM devices a WHERE a.workspace_id = s.workspace_id AND ` + reached + `)`

// reached is the condition that a row with an account and a customer is in the session's reach.
const reached = `(s.customer_key IS NOT NULL AND a.customer_key = s.customer_key
	OR s.customer_key IS NULL AND a.connected_account_id IN (` + credential.SessionAccounts + `))`

// writeScope is the scope without which a token makes no client sessions, and sees no tokens of any.
const writeScope = "client_sessions:write"

// found is a session as it is stored. Its values are only to be trusted once row was opened.
type found struct {
	Session
	sealed []byte
	row    *signed.Row
}

// scan reads a row of columns, whether it was written with the server key or not.
func scan(from interface{ Scan(...any) error }) (c found, err error) {
	var created int64
	var webviews, identities, accounts sql.NullString
	c.row = grant.ClientSessions.Row()
	if err := from.Scan(append(c.row.Into(), &c.sealed, &created, &webviews, &identities, &accounts, &c.DeviceCount)...); err != nil {
		return c, err
	}
	v := c.row.Unverified()
	c.ID, c.WorkspaceID, c.CustomerKey = v.Text("client_session_id"), v.Text("workspace_id"), v.Text("customer_key")
	c.maker = credential.Maker{FamilyID: v.Text("family_id"), UserID: v.Text("user_id")}
	c.CreatedAt, c.ExpiresAt = rpc.Time{Time: store.Time(created)}, rpc.Time{Time: v.Time("expires_at")}
	c.RevokedAt = rpc.Time{Time: v.Time("revoked_at")}
	if user := v.Text("user_identifier_key"); v.Has("user_identifier_key") {
		c.UserIdentifierKey = &user
	}
	c.WebviewIDs, c.UserIdentityIDs, c.AccountIDs = sorted(webviews), sorted(identities), sorted(accounts)
	if len(c.UserIdentityIDs) > 0 {
		c.UserIdentityID = c.UserIdentityIDs[0]
	}
	return c, nil
}

// update changes the row of a session.
func update(ctx context.Context, tx *store.Tx, workspaceID, id string, set signed.Set) error {
	w := &store.Where{}
	w.Add("workspace_id = ? AND client_session_id = ?", workspaceID, id)
	_, err := grant.ClientSessions.Update(ctx, tx, set, w)
	return err
}

// chains reads the tokens that sessions were made with, each family once.
type chains struct {
	q           store.Querier
	workspaceID string
	known       map[string]credential.Chain
}

func newChains(q store.Querier, workspaceID string) *chains {
	return &chains{q, workspaceID, map[string]credential.Chain{}}
}

func (c *chains) of(ctx context.Context, m credential.Maker) (credential.Chain, error) {
	if m.FamilyID == "" {
		return nil, nil
	}
	if chain, ok := c.known[m.FamilyID]; ok {
		return chain, nil
	}
	chain, err := credential.FamilyChain(ctx, c.q, m.FamilyID, c.workspaceID)
	c.known[m.FamilyID] = chain
	return chain, err
}

// read runs a query and gives its sessions as the caller may see them.
func (s *Sessions) read(ctx context.Context, q store.Querier, workspaceID, query string, args ...any) ([]Session, error) {
	rows, err := q.Query(ctx, query, args...)
	all, err := store.All(rows, err, func(r *sql.Rows) (found, error) { return scan(r) })
	if err != nil {
		return nil, err
	}
	return s.servedAll(ctx, q, workspaceID, all)
}

// servedAll are sessions as the caller may see them.
func (s *Sessions) servedAll(ctx context.Context, q store.Querier, workspaceID string, all []found) (out []Session, err error) {
	tokens := newChains(q, workspaceID)
	out = make([]Session, len(all))
	for i, f := range all {
		if out[i], err = s.served(ctx, tokens, f); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// served is a session as the caller may see it: it ends with the tokens that it was made with, and
// shows its own to those who could make it.
func (s *Sessions) served(ctx context.Context, tokens *chains, f found) (Session, error) {
	chain, err := tokens.of(ctx, f.maker)
	if err != nil {
		return f.Session, err
	}
	if end := chain.Ends(); !end.IsZero() && end.Before(f.ExpiresAt.Time) {
		f.ExpiresAt = rpc.Time{Time: end}
	}
	if !s.shows(credential.From(ctx), f.Session) {
		return f.Session, nil
	}
	if _, ok := f.row.Open(tokens.q); !ok {
		return f.Session, nil // whose it is cannot be known
	}
	token, err := s.Vault.Open(vaultContext(f.ID), f.sealed)
	text := string(token)
	f.Token = &text
	return f.Session, err
}

// shows reports whether the principal sees a session's token. A session sees its own. A publishable key
// is given that of the user whom it names.
func (s *Sessions) shows(p credential.Principal, c Session) bool {
	switch {
	case p.Kind == rpc.PublishableKey:
		return true
	case p.Reach != nil && p.Reach.IsSession:
		return p.CredentialID == c.ID
	}
	return p.May(writeScope) && p.Covers(c.maker, s.Now()) && (isOwn(p, c.maker) || !p.Outlives(c.ExpiresAt.Time))
}

// isOwn reports whether a session was made with the credential that the principal acts with, or one that
// took its place. A session that no token made belongs to every principal that acts without one.
func isOwn(p credential.Principal, m credential.Maker) bool { return p.Maker().FamilyID == m.FamilyID }

// mayMoveEnd returns invalid_input for an end of a session that the caller did not make which is later
// than its own.
func (s *Sessions) mayMoveEnd(ctx context.Context, q store.Querier, workspaceID, id string, end time.Time) error {
	old, err := s.get(ctx, q, workspaceID, id)
	if err != nil {
		return err
	}
	if p := credential.From(ctx); !isOwn(p, old.maker) && p.Outlives(end) {
		return fault.Invalid("expires_at", "It is later than the end of the token that asks")
	}
	return nil
}

func sorted(list sql.NullString) []string {
	if list.String == "" {
		return []string{}
	}
	out := strings.Split(list.String, ",")
	slices.Sort(out)
	return out
}

func (s *Sessions) get(ctx context.Context, q store.Querier, workspaceID, id string) (Session, error) {
	c, err := scan(q.QueryRow(ctx, `SELECT `+columns+` FROM client_sessions s WHERE s.workspace_id = $1 AND s.client_session_id = $2`,
		workspaceID, id))
	if errors.Is(err, sql.ErrNoRows) {
		return Session{}, fault.Missing(fault.ClientSessionNotFound)
	} else if err != nil {
		return Session{}, err
	}
	if _, ok := c.row.Open(q); !ok {
		return Session{}, fault.Missing(fault.ClientSessionNotFound)
	}
	return s.served(ctx, newChains(q, workspaceID), c)
}

// maxAlike bounds how many sessions of one user are looked at.
const maxAlike = 100

// alike finds the live session of a user, or without a user the one with just these grants, that the
// caller could make; the id is empty when there is none. With a publishable key it may be anyone's:
// it gives the same access no matter who asks for it.
func (s *Sessions) alike(ctx context.Context, q store.Querier, workspaceID string, n New) (string, error) {
	w := s.DB.Where()
	w.Add("s.workspace_id = ?", workspaceID)
	w.Add("s.revoked_at IS NULL AND s.expires_at > ?", store.Micros(s.Now()))
	if n.CustomerKey != "" {
		w.Add("s.customer_key = ?", n.CustomerKey)
	} else {
		w.Add("s.customer_key IS NULL")
	}
	if n.UserIdentifierKey != "" {
		w.Add("s.user_identifier_key = ?", n.UserIdentifierKey)
	} else {
		if n.empty() && n.CustomerKey == "" {
			return "", nil // a session with no user and no grants matches no other
		}
		w.Add("s.user_identifier_key IS NULL")
		var grants [][2]string
		for kind, ids := range n.byKind() {
			for _, id := range ids {
				grants = append(grants, [2]string{kind, id})
			}
		}
		const granted = `client_session_resources r WHERE r.workspace_id = s.workspace_id AND r.client_session_id = s.client_session_id`
		w.AddEach(granted+` AND r.kind = pair.value ->> 0 AND r.resource_id = pair.value ->> 1`, grants)
		w.Add(`(SELECT count(*) FROM `+granted+`) = ?`, len(grants))
	}
	w.Args = append(w.Args, maxAlike)
	rows, err := q.Query(ctx, `SELECT `+grant.ClientSessions.Columns("s")+` FROM client_sessions s`+w.String()+
		` ORDER BY s.created_at DESC, s.client_session_id DESC LIMIT `+store.Mark(len(w.Args)), w.Args...)
	all, err := store.All(rows, err, func(r *sql.Rows) (c Session, err error) {
		row := grant.ClientSessions.Row()
		if err := r.Scan(row.Into()...); err != nil {
			return c, err
		}
		if v, ok := row.Open(q); ok {
			c.ID, c.ExpiresAt = v.Text("client_session_id"), rpc.Time{Time: v.Time("expires_at")}
			c.maker = credential.Maker{FamilyID: v.Text("family_id"), UserID: v.Text("user_id")}
		}
		return c, nil
	})
	if err != nil {
		return "", err
	}
	all = slices.DeleteFunc(all, func(c Session) bool { return c.ID == "" })
	tokens, other := newChains(q, workspaceID), ""
	for _, c := range all {
		lives, does, err := s.usable(ctx, q, tokens, workspaceID, c)
		if err != nil || does {
			return c.ID, err
		}
		if lives && other == "" {
			other = c.ID
		}
	}
	if n.AnyMaker {
		return other, nil
	}
	return "", nil
}

// usable reports whether a session lives, and whether it does for the caller, who could make it as it is.
func (s *Sessions) usable(ctx context.Context, q store.Querier, tokens *chains, workspaceID string, c Session) (lives, does bool,
	err error) {
	if _, err := (credential.Maker{UserID: c.maker.UserID}).Standing(ctx, q, s.Now(),
		credential.Question{WorkspaceID: workspaceID, Role: rpc.Member}); err != nil {
		if errors.Is(err, credential.ErrEnded) {
			err = nil
		}
		return false, false, err
	}
	chain, err := tokens.of(ctx, c.maker)
	if err != nil || c.maker.FamilyID != "" && !chain.IsAlive(s.Now()) {
		return false, false, err
	}
	p := credential.From(ctx)
	if p.Kind == rpc.PublishableKey || isOwn(p, c.maker) {
		return true, true, nil
	}
	if end := chain.Ends(); !end.IsZero() && end.Before(c.ExpiresAt.Time) {
		c.ExpiresAt = rpc.Time{Time: end}
	}
	return true, chain.Unlimited() && p.Covers(c.maker, s.Now()) && !p.Outlives(c.ExpiresAt.Time), nil
}

// byKind gives each kind's ids, none twice.
func (g Grants) byKind() map[string][]string {
	distinct := func(ids []string) []string {
		ids = slices.Sorted(slices.Values(ids))
		return slices.Compact(ids)
	}
	return map[string][]string{
		credential.AccountResource: distinct(g.AccountIDs), credential.WebviewResource: distinct(g.WebviewIDs),
		credential.UserIdentityResource: distinct(g.UserIdentityIDs),
	}
}

// owners are the tables that must contain what a session is given. There are no user identities yet, so
// any id sent as one is answered as an unknown id. Keeping it would bind the session to the identity
// that gets that id one day.
var owners = []struct {
	kind, table, column string
	missing             fault.Code
}{
	{credential.AccountResource, "connected_accounts", "connected_account_id", fault.ConnectedAccountNotFound},
	{credential.WebviewResource, "connect_webviews", "connect_webview_id", fault.ConnectWebviewNotFound},
	{credential.UserIdentityResource, "", "", fault.UserIdentityNotFound},
}

// maxGrants bounds what one session is given: each request carries it along.
const maxGrants = 1000

// grant writes what a session may reach.
func (s *Sessions) grant(ctx context.Context, tx *store.Tx, workspaceID, id string, g Grants) error {
	all := g.byKind()
	for _, o := range owners {
		ids, n := all[o.kind], 0
		if len(ids) > maxGrants {
			return fault.Invalid(o.kind+"_ids", "Array must contain at most %d element(s)", maxGrants)
		}
		if len(ids) > 0 && o.table != "" {
			w := s.DB.Where()
			w.Add("workspace_id = ?", workspaceID)
			w.AddIn(o.column, ids)
			if err := tx.QueryRow(ctx, `SELECT count(*) FROM `+o.table+w.String(), w.Args...).Scan(&n); err != nil {
				return err
			}
		}
		if n != len(ids) {
			return fault.Missing(o.missing)
		}
		for _, resource := range ids {
			if err := Grant(ctx, tx, workspaceID, id, o.kind, resource); err != nil {
				return err
			}
		}
	}
	return nil
}

// Grant gives a session one more thing; what it has already stays.
func Grant(ctx context.Context, tx *store.Tx, workspaceID, sessionID, kind, resourceID string) error {
	const condition = `workspace_id = $1 AND client_session_id = $2 AND kind = $3 AND resource_id = $4`
	_, err := grant.ClientSessionResources.One(ctx, tx, condition, workspaceID, sessionID, kind, resourceID)
	if !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if errors.Is(err, signed.ErrNotSigned) {
		if _, err := tx.Exec(ctx, `DELETE FROM client_session_resources WHERE `+condition, workspaceID, sessionID, kind, resourceID); err != nil {
			return err
		}
	}
	return grant.ClientSessionResources.Insert(ctx, tx, signed.Set{"workspace_id": workspaceID, "client_session_id": sessionID, "kind": kind,
		"resource_id": resourceID})
}

// Filter chooses sessions of a workspace.
type Filter struct {
	ID                       string
	WebviewID                rpc.Opt[string] // null: that were given none
	UserIdentifierKey        string
	UserIdentityID           rpc.Opt[string] // null: of none
	WithoutUserIdentifierKey bool
}

// List reads sessions, oldest first.
func (s *Sessions) List(ctx context.Context, workspaceID string, f Filter) ([]Session, error) {
	w := s.DB.Where()
	w.Add("s.workspace_id = ?", workspaceID)
	if f.ID != "" {
		w.Add("s.client_session_id = ?", f.ID)
	}
	if f.UserIdentifierKey != "" {
		w.Add("s.user_identifier_key = ?", f.UserIdentifierKey)
	}
	if f.WithoutUserIdentifierKey {
		w.Add("s.user_identifier_key IS NULL")
	}
	for _, about := range []struct {
		kind string
		id   rpc.Opt[string]
	}{{credential.WebviewResource, f.WebviewID}, {credential.UserIdentityResource, f.UserIdentityID}} {
		switch {
		case !about.id.Set:
		case about.id.Null:
			w.Add(`NOT EXISTS (SELECT 1 FROM client_session_resources r WHERE r.workspace_id = s.workspace_id
				AND r.client_session_id = s.client_session_id AND r.kind = ?)`, about.kind)
		default:
			w.Add(`s.client_session_id IN (SELECT client_session_id FROM client_session_resources WHERE workspace_id = ? AND kind = ?
				AND resource_id = ?)`, workspaceID, about.kind, about.id.Value)
		}
	}
	return s.read(ctx, s.DB, workspaceID, `SELECT `+columns+` FROM client_sessions s`+w.String()+` ORDER BY s.created_at, s.client_session_id`,
		w.Args...)
}

// Get reads a session; client_session_not_found when the workspace has none with the id.
func (s *Sessions) Get(ctx context.Context, workspaceID, id string) (Session, error) {
	return s.get(ctx, s.DB, workspaceID, id)
}

// Newest reads a page of sessions and one more, the newest first, beginning behind a position.
func (s *Sessions) Newest(ctx context.Context, workspaceID string, from rpc.Position, limit int) ([]Session, error) {
	w := s.DB.Where()
	w.Add("s.workspace_id = ?", workspaceID)
	w.NewestFirst = true
	all, _, err := store.ReadPage(ctx, s.DB, w, store.Paging{Table: "client_sessions s", Columns: columns, Time: "s.created_at",
		ID:    "s.client_session_id",
		After: from, Limit: limit}, func(r *sql.Rows) (found, error) { return scan(r) })
	if err != nil {
		return nil, err
	}
	return s.servedAll(ctx, s.DB, workspaceID, all)
}
