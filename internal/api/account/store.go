package account

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
	"keyway/internal/provider"
	"keyway/internal/trust/credential"
)

// Sealed are the columns of this package that contain secrets.
func Sealed() []vault.Column {
	return []vault.Column{{What: "sign-ins of connected accounts", Table: "connected_accounts", Name: "options",
		Key:   []string{"workspace_id", "connected_account_id"},
		Place: func(key []string) string { return optionsContext(key[0], key[1]) }}}
}

// optionsContext is what the options of an account are sealed for.
func optionsContext(workspaceID, id string) string {
	return "connected_accounts/" + workspaceID + "/" + id + "/options"
}

func workspaceExists(ctx context.Context, q store.Querier, workspaceID string) (there bool, err error) {
	err = q.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM workspaces WHERE workspace_id = $1 AND deleted_at IS NULL)`, workspaceID).Scan(&there)
	return there, err
}

// Get reads an account; connected_account_not_found when the workspace has none with the id, or none
// that the caller reaches.
func (a *Accounts) Get(ctx context.Context, q store.Querier, workspaceID, id string) (Account, error) {
	w := a.DB.Where()
	w.Add("workspace_id = ?", workspaceID)
	w.Add("connected_account_id = ?", id)
	credential.From(ctx).LimitAccounts(w, "connected_account_id", "customer_key")
	return one(q.QueryRow(ctx, `SELECT doc FROM connected_accounts`+w.String(), w.Args...))
}

// accountByID reads an account without regard to what the caller may reach.
const accountByID = `SELECT doc FROM connected_accounts WHERE workspace_id = $1 AND connected_account_id = $2`

func one(row *sql.Row) (acc Account, err error) {
	doc, err := raw(row)
	if err != nil {
		return acc, err
	}
	return acc, json.Unmarshal(doc, &acc)
}

func raw(row *sql.Row) (doc rpc.Doc[Account], err error) {
	err = row.Scan((*[]byte)(&doc))
	if errors.Is(err, sql.ErrNoRows) {
		err = fault.Missing(fault.ConnectedAccountNotFound)
	}
	return doc, err
}

// first reads the oldest account that the conditions name.
func first(ctx context.Context, q store.Querier, w *store.Where) (rpc.Doc[Account], error) {
	return raw(q.QueryRow(ctx, `SELECT doc FROM connected_accounts`+w.String()+` ORDER BY created_at, connected_account_id LIMIT 1`,
		w.Args...))
}

// ByExternalID reads the account of a workspace that a driver knows by an external id, without regard to
// what the caller may reach. It returns connected_account_not_found.
func (a *Accounts) ByExternalID(ctx context.Context, q store.Querier, workspaceID, driver, brand, externalID string) (Account, error) {
	return one(q.QueryRow(ctx,
		`SELECT doc FROM connected_accounts WHERE workspace_id = $1 AND driver = $2 AND brand = $3 AND external_id = $4`,
		workspaceID, driver, brand, externalID))
}

// Peer is an account of some workspace with what its driver knows it by.
type Peer struct{ WorkspaceID, AccountID, Brand, Driver, ExternalID string }

func scanPeer(r *sql.Rows) (p Peer, err error) {
	return p, r.Scan(&p.WorkspaceID, &p.AccountID, &p.Brand, &p.Driver, &p.ExternalID)
}

const peerColumns = `workspace_id, connected_account_id, brand, driver, external_id`

// ByPeer finds the accounts of all workspaces that a driver knows by an external id: whether a hub is
// connected already, and where.
func (a *Accounts) ByPeer(ctx context.Context, q store.Querier, driver, externalID string) ([]Peer, error) {
	rows, err := q.Query(ctx, `SELECT `+peerColumns+
		` FROM connected_accounts WHERE driver = $1 AND external_id = $2 ORDER BY created_at, connected_account_id`, driver, externalID)
	return store.All(rows, err, scanPeer)
}

// OfDriver lists the accounts that a driver has in a workspace, in the order in which they were connected.
func (a *Accounts) OfDriver(ctx context.Context, q store.Querier, workspaceID, driver string) ([]Peer, error) {
	rows, err := q.Query(ctx, `SELECT `+peerColumns+
		` FROM connected_accounts WHERE workspace_id = $1 AND driver = $2 ORDER BY created_at, connected_account_id`, workspaceID, driver)
	return store.All(rows, err, scanPeer)
}

// peersAfter is a page of the accounts of all workspaces, for the start of the server.
func peersAfter(ctx context.Context, q store.Querier, last Peer, limit int) ([]Peer, error) {
	rows, err := q.Query(ctx, `SELECT `+peerColumns+` FROM connected_accounts WHERE (workspace_id, connected_account_id) > ($1, $2)
		ORDER BY workspace_id, connected_account_id LIMIT $3`, last.WorkspaceID, last.AccountID, limit)
	return store.All(rows, err, scanPeer)
}

// Opening reads what an account is opened with. It returns connected_account_not_found.
func (a *Accounts) Opening(ctx context.Context, q store.Querier, workspaceID, id string) (driver string, acc provider.Account, err error) {
	acc.ID, acc.WorkspaceID = id, workspaceID
	var sealed []byte
	err = q.QueryRow(ctx,
		`SELECT driver, brand, external_id, options FROM connected_accounts WHERE workspace_id = $1 AND connected_account_id = $2`,
		workspaceID, id).
		Scan(&driver, &acc.Brand, &acc.ExternalID, &sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return "", acc, fault.Missing(fault.ConnectedAccountNotFound)
	} else if err != nil || sealed == nil {
		return driver, acc, err
	}
	acc.Options, err = a.Vault.Open(optionsContext(workspaceID, id), sealed)
	return driver, acc, err
}

func insert(ctx context.Context, tx *store.Tx, workspaceID string, acc Account, driver, externalID string) error {
	_, err := tx.Exec(ctx, `INSERT INTO connected_accounts (workspace_id, connected_account_id, driver, brand, external_id, doc, created_at)
		VALUES ($1, $2, $3, $4, $5, '', $6)`, workspaceID, acc.ID, driver, acc.AccountType, externalID, store.Micros(acc.CreatedAt.Time))
	return err
}

// setOptions seals what an account is opened with; none: its driver needs nothing.
func (a *Accounts) setOptions(ctx context.Context, tx *store.Tx, workspaceID, id string, o provider.Options) error {
	var sealed []byte
	if len(o) > 0 {
		sealed = a.Vault.Seal(optionsContext(workspaceID, id), o)
	}
	_, err := tx.Exec(ctx, `UPDATE connected_accounts SET options = $3 WHERE workspace_id = $1 AND connected_account_id = $2`, workspaceID,
		id, sealed)
	return err
}

// syncedBefore is in synced_at of an account that was connected again and not synced since.
const syncedBefore = -1

// syncedAt is when the first complete list of an account's devices was stored since it was connected: 0 for
// never, syncedBefore for never since it was connected again.
func syncedAt(ctx context.Context, q store.Querier, workspaceID, id string) (int64, error) {
	var at sql.NullInt64
	err := q.QueryRow(ctx, `SELECT synced_at FROM connected_accounts WHERE workspace_id = $1 AND connected_account_id = $2`, workspaceID,
		id).Scan(&at)
	return at.Int64, err
}

func setSynced(ctx context.Context, tx *store.Tx, workspaceID, id string, at int64) error {
	_, err := tx.Exec(ctx, `UPDATE connected_accounts SET synced_at = $3 WHERE workspace_id = $1 AND connected_account_id = $2`,
		workspaceID, id, at)
	return err
}

func setUser(ctx context.Context, tx *store.Tx, workspaceID, id, userIdentifierKey string) error {
	_, err := tx.Exec(ctx, `UPDATE connected_accounts SET user_identifier_key = $3 WHERE workspace_id = $1 AND connected_account_id = $2`,
		workspaceID, id, userIdentifierKey)
	return err
}

func remove(ctx context.Context, tx *store.Tx, workspaceID, id string) error {
	_, err := tx.Exec(ctx, `DELETE FROM client_session_resources WHERE workspace_id = $1 AND kind = $2 AND resource_id = $3`, workspaceID,
		credential.AccountResource, id)
	if err == nil {
		err = tx.RemoveSearchText(ctx, store.SearchAccounts, workspaceID, id)
	}
	if err == nil {
		_, err = tx.Exec(ctx, `DELETE FROM connected_accounts WHERE workspace_id = $1 AND connected_account_id = $2`, workspaceID, id)
	}
	return err
}

// save writes a changed account back, with the columns that queries need.
func (a *Accounts) save(ctx context.Context, tx *store.Tx, workspaceID string, acc Account) error {
	doc, err := json.Marshal(acc)
	if err != nil {
		return err
	}
	search := []string{acc.DisplayName, acc.AccountTypeDisplayName, acc.AccountType, acc.CustomerKey}
	search = append(search, acc.CustomMetadata.Texts()...)
	search = append(search, slices.Sorted(maps.Values(acc.UserIdentifier))...)
	_, err = tx.Exec(ctx, `UPDATE connected_accounts SET customer_key = $3, doc = $4 WHERE workspace_id = $1 AND connected_account_id = $2`,
		workspaceID, acc.ID, store.TextOrNull(acc.CustomerKey), string(doc))
	if err != nil {
		return err
	}
	return tx.SetSearchText(ctx, store.SearchAccounts, workspaceID, acc.ID, strings.Join(search, "\n"))
}

func (a *Accounts) page(ctx context.Context, w *store.Where, from rpc.Position, limit int) (rpc.Page[Account], error) {
	rows, short, err := w.Page(ctx, a.DB, "connected_accounts", "connected_account_id", from, limit)
	return rpc.PageOf[Account](rows, limit, short), err
}

// Names gives what accounts of the workspace are called; one that is gone is not in the map.
func (a *Accounts) Names(ctx context.Context, workspaceID string, ids []string) (map[string]string, error) {
	w := a.DB.Where()
	w.Add("workspace_id = ?", workspaceID)
	w.AddIn("connected_account_id", ids)
	return w.Names(ctx, a.DB, "connected_accounts", "connected_account_id", "display_name")
}

// Find reads one page of the accounts whose name, brand, user, customer or metadata contains a text,
// or whose id begins with it, or of all when it is empty: those connected last first.
func (a *Accounts) Find(ctx context.Context, workspaceID, text string, from rpc.Position, limit int) (rpc.Page[Account], error) {
	w := a.DB.Where()
	w.Add("workspace_id = ?", workspaceID)
	credential.From(ctx).LimitAccounts(w, "connected_account_id", "customer_key")
	if text != "" {
		if err := a.DB.AddSearch(ctx, w, store.SearchAccounts, workspaceID, text, "connected_account_id"); err != nil {
			return rpc.Page[Account]{}, err
		}
	}
	w.NewestFirst = true
	return a.page(ctx, w, from, limit)
}

// List reads all accounts of a workspace, in the order in which they were connected.
func (a *Accounts) List(ctx context.Context, workspaceID string) (rpc.Page[Account], error) {
	w := a.DB.Where()
	w.Add("workspace_id = ?", workspaceID)
	return a.page(ctx, w, rpc.Position{}, maxAccounts)
}
