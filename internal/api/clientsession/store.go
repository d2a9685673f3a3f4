package clientsession

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/trust/credential"
)

// columns are a session with what follows from its grants, all read at once.
const columns = `s.client_session_id, s.workspace_id, s.sealed_token, s.created_at, s.expires_at, s.revoked_at, s.user_identifier_key, s.customer_key,
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

func (s *Sessions) scan(row interface{ Scan(...any) error }) (c Session, err error) {
	var sealed []byte
	var created, expires int64
	var revoked sql.NullInt64
	var user, customer, webviews, identities, accounts sql.NullString
	if err := row.Scan(&c.ID, &c.WorkspaceID, &sealed, &created, &expires, &revoked, &user, &customer, &webviews, &identities, &accounts, &c.DeviceCount); err != nil {
		return c, err
	}
	token, err := s.Vault.Open(place(c.ID), sealed)
	c.Token, c.CustomerKey = string(token), customer.String
	c.CreatedAt, c.ExpiresAt, c.RevokedAt = rpc.Time{Time: store.Time(created)}, rpc.Time{Time: store.Time(expires)}, rpc.Time{Time: store.TimeOrZero(revoked)}
	if user.Valid {
		c.UserIdentifierKey = &user.String
	}
	c.WebviewIDs, c.UserIdentityIDs, c.AccountIDs = sorted(webviews), sorted(identities), sorted(accounts)
	if len(c.UserIdentityIDs) > 0 {
		c.UserIdentityID = c.UserIdentityIDs[0]
	}
	return c, err
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
	c, err := s.scan(q.QueryRow(ctx, `SELECT `+columns+` FROM client_sessions s WHERE s.workspace_id = $1 AND s.client_session_id = $2`, workspaceID, id))
	if errors.Is(err, sql.ErrNoRows) {
		err = fault.Missing(fault.ClientSessionNotFound)
	}
	return c, err
}

// alike finds the live session of a user, or without a user the one with just these grants; the id
// is empty when there is none.
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
			return "", nil // a session for nobody and nothing is like no other
		}
		w.Add("s.user_identifier_key IS NULL")
		total := 0
		for kind, ids := range n.byKind() {
			for _, id := range ids {
				total++
				w.Add(`EXISTS (SELECT 1 FROM client_session_resources r WHERE r.workspace_id = s.workspace_id AND r.client_session_id = s.client_session_id
					AND r.kind = ? AND r.resource_id = ?)`, kind, id)
			}
		}
		w.Add(`(SELECT count(*) FROM client_session_resources r WHERE r.workspace_id = s.workspace_id AND r.client_session_id = s.client_session_id) = ?`, total)
	}
	var id string
	err := q.QueryRow(ctx, `SELECT s.client_session_id FROM client_sessions s`+w.String()+` ORDER BY s.created_at DESC, s.client_session_id DESC LIMIT 1`, w.Args...).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return id, err
}

// byKind gives each kind's ids, none twice.
func (g Grants) byKind() map[string][]string {
	distinct := func(ids []string) []string {
		ids = slices.Sorted(slices.Values(ids))
		return slices.Compact(ids)
	}
	return map[string][]string{
		credential.AccountResource: distinct(g.AccountIDs), credential.WebviewResource: distinct(g.WebviewIDs), credential.UserIdentityResource: distinct(g.UserIdentityIDs),
	}
}

// owners are the tables that what a session is given must be in. There are no user identities yet, so
// that whatever is sent as one is answered as what it is: an id that leads nowhere. To keep it would
// bind the session to whoever has that id one day.
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
	_, err := tx.Exec(ctx, `INSERT INTO client_session_resources (workspace_id, client_session_id, kind, resource_id) VALUES ($1, $2, $3, $4)
		ON CONFLICT (workspace_id, client_session_id, kind, resource_id) DO NOTHING`, workspaceID, sessionID, kind, resourceID)
	return err
}

// Filter chooses sessions of a workspace.
type Filter struct {
	ID                       string
	WebviewID                string
	UserIdentifierKey        string
	UserIdentityID           string
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
	for kind, id := range map[string]string{credential.WebviewResource: f.WebviewID, credential.UserIdentityResource: f.UserIdentityID} {
		if id != "" {
			w.Add(`s.client_session_id IN (SELECT client_session_id FROM client_session_resources WHERE workspace_id = ? AND kind = ? AND resource_id = ?)`, workspaceID, kind, id)
		}
	}
	rows, err := s.DB.Query(ctx, `SELECT `+columns+` FROM client_sessions s`+w.String()+` ORDER BY s.created_at, s.client_session_id`, w.Args...)
	return store.All(rows, err, func(r *sql.Rows) (Session, error) { return s.scan(r) })
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
	return store.ReadPage(ctx, s.DB, w, store.Paging{Table: "client_sessions s", Columns: columns, Time: "s.created_at", ID: "s.client_session_id",
		AfterTime: from.CreatedAt, AfterID: from.ID, Limit: limit}, func(r *sql.Rows) (Session, error) { return s.scan(r) })
}
