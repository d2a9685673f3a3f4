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
	"keyway/internal/platform/signed"
	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
	"keyway/internal/trust/credential"
	"keyway/internal/trust/grant"
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

// Sealed are the columns of this room that contain secrets.
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
	if err := grant.ConnectWebviews.Insert(ctx, tx, signed.Set{"workspace_id": w.WorkspaceID, "connect_webview_id": w.ID,
		"sealed_token": v.Vault.Seal(vaultContext(w.ID), token), "expires_at": store.Micros(w.CreatedAt.Add(AddressLifetime)), "failures": 0,
		"customer_key": store.TextOrNull(w.CustomerKey), "user_identifier_key": store.TextOrNull(userIdentifierKey), "doc": string(doc),
		"created_at": store.Micros(w.CreatedAt.Time), "family_id": store.TextOrNull(by.FamilyID), "user_id": store.TextOrNull(by.UserID),
		"client_session_id": store.TextOrNull(by.SessionID)}); err != nil {
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
	set := signed.Set{"connected_account_id": nil, "doc": string(doc)}
	if w.ConnectedAccountID != nil {
		set["connected_account_id"] = *w.ConnectedAccountID
	}
	_, err = update(ctx, tx, w.WorkspaceID, w.ID, set, "")
	return err
}

// update changes the row of a webview if a further condition (empty: none) is met, and reports whether it was.
func update(ctx context.Context, tx *store.Tx, workspaceID, id string, set signed.Set, condition string, args ...any) (bool, error) {
	w := &store.Where{}
	w.Add("workspace_id = ? AND connect_webview_id = ?", workspaceID, id)
	if condition != "" {
		w.Add(condition, args...)
	}
	changed, err := grant.ConnectWebviews.Update(ctx, tx, set, w)
	return len(changed) > 0, err
}

// byID reads a webview whatever workspace it is in; errStale when there is none.
func (v *Webviews) byID(ctx context.Context, q store.Querier, id string) (r row, err error) {
	var sealed []byte
	from := grant.ConnectWebviews.Row()
	err = q.QueryRow(ctx, `SELECT `+grant.ConnectWebviews.Columns("c")+`, c.sealed_token, c.failures FROM connect_webviews c
		WHERE c.connect_webview_id = $1`, id).Scan(append(from.Into(), &sealed, &r.failures)...)
	if errors.Is(err, sql.ErrNoRows) {
		return r, errStale
	} else if err != nil {
		return r, err
	}
	w, ok := from.Open(q)
	if !ok {
		return r, errStale
	}
	if r.token, err = v.Vault.Open(vaultContext(id), sealed); err != nil {
		return r, err
	}
	r.maker, r.userIdentifierKey = makerOf(w), w.Text("user_identifier_key")
	r.opened, r.expiresAt = w.Has("opened_at"), w.Time("expires_at")
	return r, json.Unmarshal([]byte(w.Text("doc")), &r.stored)
}

func makerOf(w signed.Values) credential.Maker {
	return credential.Maker{FamilyID: w.Text("family_id"), UserID: w.Text("user_id"), SessionID: w.Text("client_session_id")}
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

var columns = grant.ConnectWebviews.Columns("connect_webviews") + `, connect_webviews.sealed_token, connect_webviews.created_at`

// scan reads a webview as the caller may see it: with the token in its address only for those who could
// make it, and the client sessions that were given it.
func (v *Webviews) scan(ctx context.Context) func(*sql.Rows) (store.Row, error) {
	p := credential.From(ctx)
	return func(rows *sql.Rows) (r store.Row, err error) {
		var sealed, token []byte
		from := grant.ConnectWebviews.Row()
		if err := rows.Scan(append(from.Into(), &sealed, &r.CreatedAt)...); err != nil {
			return r, err
		}
		w := from.Unverified()
		r.ID, r.Doc = w.Text("connect_webview_id"), []byte(w.Text("doc"))
		isSession := p.Reach != nil && p.Reach.IsSession
		if p.May(writeScope) && (isSession || p.Covers(makerOf(w), v.Now())) {
			if _, ok := from.Open(v.DB); ok { // its maker is known
				if token, err = v.Vault.Open(vaultContext(r.ID), sealed); err != nil {
					return r, err
				}
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
		w.AddEqual("customer_key", f.CustomerKey)
	}
	if f.Search != "" {
		if err := v.DB.AddSearch(ctx, w, store.SearchWebviews, workspaceID, f.Search, "connect_webview_id"); err != nil {
			return p, err
		}
	}
	if f.UserIdentifierKey != "" {
		w.AddFound("connect_webview_id", `SELECT connect_webview_id FROM connect_webviews WHERE workspace_id = ? AND user_identifier_key = ?
			UNION SELECT r.resource_id FROM client_session_resources r
			JOIN client_sessions s ON s.workspace_id = r.workspace_id AND s.client_session_id = r.client_session_id
			WHERE s.workspace_id = ? AND s.user_identifier_key = ? AND r.kind = 'connect_webview'`,
			workspaceID, f.UserIdentifierKey, workspaceID, f.UserIdentifierKey)
	}
	if err := w.AddMetadata("connect_webview_id", workspaceID, f.CustomMetadataHas); err != nil {
		return p, err
	}
	w.NewestFirst = f.NewestFirst
	found, short, err := store.ReadPage(ctx, v.DB, w, store.Paging{Table: "connect_webviews", ID: "connect_webview_id",
		Columns: columns, After: f.From, Limit: f.Limit}, v.scan(ctx))
	return rpc.PageOf[Webview](found, f.Limit, short), err
}
