package connectwebview

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
	"keyway/internal/trust/credential"
)

// row is a stored webview with what is not served of it.
type row struct {
	stored
	token             []byte // in the page's address
	userIdentifierKey string
	opened            bool
	maker             credential.Maker
	failures          int // wrong answers so far
	expiresAt         time.Time
}

// Sealed are the columns of this room that hold secrets.
func Sealed() []vault.Column {
	return []vault.Column{{What: "addresses of Connect Webviews", Table: "connect_webviews", Name: "sealed_token",
		Key:   []string{"workspace_id", "connect_webview_id"},
		Place: func(key []string) string { return vaultContext(key[1]) }}}
}

// vaultContext is what a webview's token is sealed for.
func vaultContext(id string) string { return "connect_webviews/" + id + "/token" }

// address is where the page is. Without a token it opens nothing.
func (v *Webviews) address(id string, token []byte) string {
	q := url.Values{"connect_webview_id": {id}}
	if token != nil {
		q.Set("auth_token", string(token))
	}
	return v.PublicURL + pagePath + "?" + q.Encode()
}

// served puts the address in front of the stored document.
func (v *Webviews) served(id string, doc, token []byte) (rpc.Doc[Webview], error) {
	address, err := json.Marshal(v.address(id, token))
	if err != nil {
		return nil, err
	}
	out := append([]byte(`{"url":`), address...)
	return append(append(out, ','), doc[1:]...), nil
}

func (v *Webviews) insert(ctx context.Context, tx *store.Tx, w stored, userIdentifierKey string, by credential.Maker) (rpc.Doc[Webview],
	error) {
	doc, err := json.Marshal(w)
	if err != nil {
		return nil, err
	}
	token := []byte(credential.RandomText(33))
	search := slices.Concat([]string{w.ID, w.CustomerKey}, w.AcceptedProviders, w.CustomMetadata.Texts())
	if _, err := tx.Exec(ctx,
		`INSERT INTO connect_webviews (workspace_id, connect_webview_id, sealed_token, expires_at, failures, customer_key, user_identifier_key,
			doc, created_at,
		family_id, user_id, client_session_id) VALUES ($1, $2, $3, $4, 0, $5, $6, $7, $8, $9, $10, $11)`,
		w.WorkspaceID, w.ID, v.Vault.Seal(vaultContext(w.ID), token), store.Micros(w.CreatedAt.Add(AddressLifetime)),
		store.TextOrNull(w.CustomerKey), store.TextOrNull(userIdentifierKey), string(doc), store.Micros(w.CreatedAt.Time),
		store.TextOrNull(by.FamilyID), store.TextOrNull(by.UserID), store.TextOrNull(by.SessionID)); err != nil {
		return nil, err
	}
	if err := tx.SetSearchText(ctx, store.SearchWebviews, w.WorkspaceID, w.ID, strings.Join(search, "\n")); err != nil {
		return nil, err
	}
	if err := store.SetMetadata(ctx, tx, w.WorkspaceID, w.ID, w.CreatedAt.Time, w.CustomMetadata); err != nil {
		return nil, err
	}
	return v.served(w.ID, doc, token)
}

func (v *Webviews) save(ctx context.Context, tx *store.Tx, w row) error {
	doc, err := json.Marshal(w.stored)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx,
		`UPDATE connect_webviews SET connected_account_id = $3, doc = $4 WHERE workspace_id = $1 AND connect_webview_id = $2`,
		w.WorkspaceID, w.ID, w.ConnectedAccountID, string(doc))
	return err
}

// byID reads a webview whatever workspace it is in; errStale when there is none.
func (v *Webviews) byID(ctx context.Context, q store.Querier, id string) (r row, err error) {
	var doc, sealed []byte
	var user, family, maker, session sql.NullString
	var opened sql.NullInt64
	var expires int64
	err = q.QueryRow(ctx,
		`SELECT doc, sealed_token, user_identifier_key, opened_at, expires_at, failures, family_id, user_id, client_session_id
		FROM connect_webviews WHERE connect_webview_id = $1`, id).Scan(&doc, &sealed, &user, &opened, &expires, &r.failures, &family, &maker,
		&session)
	if errors.Is(err, sql.ErrNoRows) {
		return r, errStale
	} else if err != nil {
		return r, err
	}
	if r.token, err = v.Vault.Open(vaultContext(id), sealed); err != nil {
		return r, err
	}
	r.maker = credential.Maker{FamilyID: family.String, UserID: maker.String, SessionID: session.String}
	r.userIdentifierKey, r.opened, r.expiresAt = user.String, opened.Valid, store.Time(expires)
	return r, json.Unmarshal(doc, &r.stored)
}

// get reads a webview that the caller reaches; connect_webview_not_found when there is none.
func (v *Webviews) get(ctx context.Context, q store.Querier, workspaceID, id string) (rpc.Doc[Webview], error) {
	w := v.DB.Where()
	w.Add("workspace_id = ?", workspaceID)
	w.Add("connect_webview_id = ?", id)
	credential.From(ctx).LimitWebviews(w, "connect_webview_id", "customer_key")
	rows, err := q.Query(ctx, `SELECT `+columns+` FROM connect_webviews`+w.String(), w.Args...)
	found, err := store.All(rows, err, v.scan(ctx))
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, fault.Missing(fault.ConnectWebviewNotFound)
	}
	return rpc.Doc[Webview](found[0].Doc), nil
}

const columns = `doc, sealed_token, created_at, connect_webview_id, family_id, user_id, client_session_id`

// scan reads a webview as the caller may see it: with the token in its address only for those who could
// make it, and the client sessions that were given it.
func (v *Webviews) scan(ctx context.Context) func(*sql.Rows) (store.Row, error) {
	p := credential.From(ctx)
	return func(rows *sql.Rows) (r store.Row, err error) {
		var sealed, token []byte
		var family, maker, session sql.NullString
		if err := rows.Scan(&r.Doc, &sealed, &r.CreatedAt, &r.ID, &family, &maker, &session); err != nil {
			return r, err
		}
		by := credential.Maker{FamilyID: family.String, UserID: maker.String, SessionID: session.String}
		isSession := p.Reach != nil && p.Reach.IsSession
		if p.May(writeScope) && (isSession || p.Covers(by, v.Now())) {
			if token, err = v.Vault.Open(vaultContext(r.ID), sealed); err != nil {
				return r, err
			}
		}
		r.Doc, err = v.served(r.ID, r.Doc, token)
		return r, err
	}
}

// Filter chooses webviews of a workspace.
type Filter struct {
	CustomMetadataHas map[string]any
	CustomerKey       string
	Search            string
	UserIdentifierKey string
	NewestFirst       bool
	From              rpc.Position
	Limit             int
}

// List reads one page of the webviews that the caller reaches, in the order in which they were made
// unless the newest are wanted first.
func (v *Webviews) List(ctx context.Context, workspaceID string, f Filter) (p rpc.Page[Webview], err error) {
	w := v.DB.Where()
	w.Add("workspace_id = ?", workspaceID)
	credential.From(ctx).LimitWebviews(w, "connect_webview_id", "customer_key")
	if f.CustomerKey != "" {
		w.Add("customer_key = ?", f.CustomerKey)
	}
	if f.Search != "" {
		if err := v.DB.AddSearch(ctx, w, store.SearchWebviews, workspaceID, f.Search, "connect_webview_id"); err != nil {
			return p, err
		}
	}
	if f.UserIdentifierKey != "" {
		w.Add(`(user_identifier_key = ? OR connect_webview_id IN (SELECT r.resource_id FROM client_session_resources r
			JOIN client_sessions s ON s.workspace_id = r.workspace_id AND s.client_session_id = r.client_session_id
			WHERE r.workspace_id = ? AND r.kind = 'connect_webview'
			AND s.user_identifier_key = ?))`, f.UserIdentifierKey, workspaceID, f.UserIdentifierKey)
	}
	if err := w.AddMetadata("connect_webview_id", workspaceID, f.CustomMetadataHas); err != nil {
		return p, err
	}
	w.NewestFirst = f.NewestFirst
	found, err := store.ReadPage(ctx, v.DB, w, store.Paging{Table: "connect_webviews", ID: "connect_webview_id",
		Columns: columns, AfterTime: f.From.CreatedAt, AfterID: f.From.ID, Limit: f.Limit}, v.scan(ctx))
	return rpc.PageOf[Webview](found, f.Limit), err
}
