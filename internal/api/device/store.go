package device

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/trust/credential"
)

// Get reads a device, managed or not; device_not_found when the workspace has none with the id, or
// none that the caller reaches.
func (d *Devices) Get(ctx context.Context, q store.Querier, workspaceID, id string) (Device, error) {
	w := d.DB.Where()
	w.Add("workspace_id = ?", workspaceID)
	w.Add("device_id = ?", id)
	credential.From(ctx).Limit(w, "device_id", "connected_account_id", "customer_key")
	return one(q.QueryRow(ctx, `SELECT doc FROM devices`+w.String(), w.Args...))
}

// reach reads the device that the conditions name, together with its account d and the way to it.
func (d *Devices) reach(ctx context.Context, q store.Querier, w *store.Where) (r Reached, err error) {
	var id, doc, account string
	var user sql.NullString
	var ahead int64
	err = q.QueryRow(ctx, `SELECT d.workspace_id, d.device_id, d.doc, d.external_id, d.user_identifier_key, a.brand, a.external_id, a.doc,
		COALESCE((SELECT clock_offset FROM workspaces w WHERE w.workspace_id = d.workspace_id), 0) FROM devices d
		JOIN connected_accounts a ON a.workspace_id = d.workspace_id AND a.connected_account_id = d.connected_account_id`+w.String(), w.Args...).
		Scan(&r.Ref.WorkspaceID, &id, &doc, &r.Ref.Device, &user, &r.Ref.Brand, &r.Ref.Account, &account, &ahead)
	if errors.Is(err, sql.ErrNoRows) {
		return r, fault.Missing(fault.DeviceNotFound)
	} else if err != nil {
		return r, err
	}
	of, err := d.decode(r.Ref.WorkspaceID, id, doc, account)
	if err != nil {
		return r, err
	}
	r.Device, r.AccountMetadata, r.AccountProblems = of.device.clone(), of.Metadata, of.AccountProblems
	r.Ahead = time.Duration(ahead) * time.Microsecond
	r.Ref.Type, r.UserIdentifierKey = string(r.Type), user.String
	r.Session, err = d.Sessions.Session(ctx, q, r.Ref.WorkspaceID, r.ConnectedAccountID)
	return r, err
}

// idsOfAccount are the devices of an account, in the order in which they were added.
func (d *Devices) idsOfAccount(ctx context.Context, q store.Querier, workspaceID, accountID string) ([]string, error) {
	rows, err := q.Query(ctx,
		`SELECT device_id FROM devices WHERE workspace_id = $1 AND connected_account_id = $2 ORDER BY created_at, device_id`, workspaceID,
		accountID)
	return store.All(rows, err, store.One[string])
}

// OfAccount are the devices of an account by the ids that its driver knows them by.
func (d *Devices) OfAccount(ctx context.Context, q store.Querier, workspaceID, accountID string) (ids map[string]string, err error) {
	ids = map[string]string{}
	rows, err := q.Query(ctx, `SELECT external_id, device_id FROM devices WHERE workspace_id = $1 AND connected_account_id = $2`, workspaceID,
		accountID)
	_, err = store.All(rows, err, func(r *sql.Rows) (id string, err error) {
		var external string
		err = r.Scan(&external, &id)
		ids[external] = id
		return id, err
	})
	return ids, err
}

func one(row *sql.Row) (dev Device, err error) {
	doc, err := raw(row)
	if err != nil {
		return dev, err
	}
	return parse(doc)
}

func parse(doc []byte) (dev Device, err error) {
	return dev, json.Unmarshal(doc, &dev)
}

func raw(row *sql.Row) (doc rpc.Doc[Device], err error) {
	err = row.Scan((*[]byte)(&doc))
	if errors.Is(err, sql.ErrNoRows) {
		err = fault.Missing(fault.DeviceNotFound)
	}
	return doc, err
}

func (d *Devices) insert(ctx context.Context, tx *store.Tx, dev *Device, a Account, externalID string) error {
	doc, err := json.Marshal(dev)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO devices (workspace_id, device_id, connected_account_id, external_id, device_type, manufacturer, name,
		is_managed, working, customer_key, user_identifier_key, doc, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		dev.WorkspaceID, dev.ID, dev.ConnectedAccountID, externalID, string(dev.Type), string(dev.Manufacturer.Manufacturer),
		strings.ToLower(dev.DisplayName),
		dev.IsManaged, dev.Flags.working(), store.TextOrNull(a.CustomerKey), store.TextOrNull(a.UserIdentifierKey), string(doc),
		store.Micros(dev.CreatedAt.Time))
	if err != nil {
		return err
	}
	if err := tx.SetSearchText(ctx, store.SearchDevices, dev.WorkspaceID, dev.ID, dev.searchText()); err != nil {
		return err
	}
	return d.changed(ctx, tx, dev)
}

// changed notifies the subscribers of a change.
func (d *Devices) changed(ctx context.Context, tx *store.Tx, dev *Device) error {
	for _, s := range d.Subscribers {
		if err := s.DeviceChanged(ctx, tx, dev); err != nil {
			return err
		}
	}
	return nil
}

// save writes a changed device back and notifies the subscribers.
func (d *Devices) save(ctx context.Context, tx *store.Tx, dev *Device) error {
	if err := d.write(ctx, tx, dev); err != nil {
		return err
	}
	return d.changed(ctx, tx, dev)
}

// write writes a changed device back, the columns that queries need with it.
func (d *Devices) write(ctx context.Context, tx *store.Tx, dev *Device) error {
	doc, err := json.Marshal(dev)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx,
		`UPDATE devices SET name = $3, is_managed = $4, working = $5, doc = $6, customer_key = $7 WHERE workspace_id = $1 AND device_id = $2`,
		dev.WorkspaceID, dev.ID, strings.ToLower(dev.DisplayName), dev.IsManaged, dev.Flags.working(), string(doc),
		store.TextOrNull(dev.CustomerKey))
	if err != nil {
		return err
	}
	return tx.SetSearchText(ctx, store.SearchDevices, dev.WorkspaceID, dev.ID, dev.searchText())
}

// remove deletes the row of a device.
func remove(ctx context.Context, tx *store.Tx, workspaceID, id string) error {
	_, err := tx.Exec(ctx, `DELETE FROM devices WHERE workspace_id = $1 AND device_id = $2`, workspaceID, id)
	return err
}

// searchText is what ?search= looks in, beside ids: names, place and metadata.
func (d *Device) searchText() string {
	texts := []string{d.DisplayName, d.ownName(), d.Manufacturer.DisplayName}
	if d.Location != nil {
		texts = append(texts, d.Location.Name)
	}
	return strings.Join(append(texts, d.CustomMetadata.Texts()...), "\n")
}

// Filter chooses devices of a workspace.
type Filter struct {
	IDs                 rpc.Opt[[]string]
	AccountIDs          rpc.Opt[[]string]
	Types               rpc.Opt[[]Type]
	Manufacturer        Manufacturer
	IncludeIf           []Flag
	ExcludeIf           []Flag
	CreatedBefore       int64 // microseconds; 0: any time
	CustomerKey         string
	UserIdentifierKey   string
	Search              string
	CustomMetadataHas   map[string]any
	WebviewID           string // of the account that this Connect Webview connected
	Unmanaged           bool
	From                rpc.Position
	Limit               int
	NothingCanBeMatched bool // the request asks for what cannot be
	NewestFirst         bool
}

// List reads one page of the devices that the caller reaches, in the order in which they were added
// unless the newest are wanted first.
func (d *Devices) List(ctx context.Context, workspaceID string, f Filter) (p rpc.Page[Device], err error) {
	w, err := d.where(ctx, workspaceID, f)
	if err != nil {
		return p, err
	}
	w.NewestFirst = f.NewestFirst
	rows, short, err := w.Page(ctx, d.DB, "devices", "device_id", f.From, f.Limit)
	return rpc.PageOf[Device](rows, f.Limit, short), err
}

// where is what a filter asks for, of what the caller reaches.
func (d *Devices) where(ctx context.Context, workspaceID string, f Filter) (*store.Where, error) {
	w := d.DB.Where()
	w.Add("workspace_id = ?", workspaceID)
	if f.Unmanaged {
		w.Add("is_managed = FALSE") // as the index of the few says it
	} else {
		w.Add("is_managed = TRUE")
	}
	caller := credential.From(ctx)
	caller.Limit(w, "device_id", "connected_account_id", "customer_key")
	if f.WebviewID != "" {
		caller.AccountsOfWebview(w, "connected_account_id", f.WebviewID)
	}
	if f.UserIdentifierKey != "" {
		credential.AccountsOfUser(w, "connected_account_id", workspaceID, f.UserIdentifierKey)
	}
	if f.IDs.Set {
		w.AddIn("device_id", f.IDs.Value)
	}
	if f.AccountIDs.Set {
		w.AddIn("connected_account_id", f.AccountIDs.Value)
	}
	if f.Types.Set {
		w.AddIn("device_type", store.Strings(f.Types.Value))
	}
	if f.CreatedBefore != 0 {
		w.Add("created_at < ?", f.CreatedBefore)
	}
	if f.Manufacturer != "" {
		w.AddEqual("manufacturer", string(f.Manufacturer))
	}
	if f.CustomerKey != "" {
		w.AddEqual("customer_key", f.CustomerKey)
	}
	if len(f.IncludeIf)+len(f.ExcludeIf) > 0 {
		has, hasNot := bitsOf(f.IncludeIf), bitsOf(f.ExcludeIf)
		w.AddFilter("(working & ?) = ? AND (working & ?) = 0", has, has, hasNot)
	}
	if f.Search != "" {
		if err := d.DB.AddSearch(ctx, w, store.SearchDevices, workspaceID, f.Search, "device_id", "connected_account_id"); err != nil {
			return nil, err
		}
	}
	if err := w.AddMetadata("device_id", workspaceID, f.CustomMetadataHas); err != nil {
		return nil, err
	}
	if f.NothingCanBeMatched {
		w.AddIn("device_id", nil)
	}
	return w, nil
}

// Count is how many managed devices the workspace has.
func (d *Devices) Count(ctx context.Context, workspaceID string) (n int, err error) {
	err = d.DB.QueryRow(ctx, `SELECT count(*) FROM devices WHERE workspace_id = $1 AND is_managed = $2`, workspaceID, true).Scan(&n)
	return n, err
}

// CountUpTo counts the devices that a filter matches and the caller reaches, but stops at limit, and where a page would.
func (d *Devices) CountUpTo(ctx context.Context, workspaceID string, f Filter, limit int) (n int, err error) {
	w, err := d.where(ctx, workspaceID, f)
	if err != nil {
		return 0, err
	}
	p := store.Paging{Table: "devices", Columns: "device_id", ID: "device_id", Limit: limit - 1}
	ids, _, err := store.ReadPage(ctx, d.DB, w, p, store.One[string])
	return len(ids), err
}

// find reads the device that a request names, managed or not as asked.
func (d *Devices) find(ctx context.Context, in getInput, managed bool) (rpc.Doc[Device], error) {
	p := credential.From(ctx)
	w := d.DB.Where()
	w.Add("workspace_id = ?", p.WorkspaceID)
	w.Add("is_managed = ?", managed)
	p.Limit(w, "device_id", "connected_account_id", "customer_key")
	switch {
	case in.ID != "":
		w.Add("device_id = ?", in.ID)
	case in.Name != "":
		w.Add("name = ?", strings.ToLower(in.Name))
	default:
		return nil, fault.Invalid("device_id", "Required")
	}
	var id string
	var doc []byte
	err := d.DB.QueryRow(ctx, `SELECT device_id, doc FROM devices`+w.String()+` ORDER BY created_at, device_id LIMIT 1`,
		w.Args...).Scan(&id, &doc)
	if errors.Is(err, sql.ErrNoRows) {
		err = fault.Missing(fault.DeviceNotFound)
	}
	credential.NoteDevice(ctx, id)
	return doc, err
}

// Names gives what devices of the workspace are called, managed or not; one that is gone is not in the map.
func (d *Devices) Names(ctx context.Context, workspaceID string, ids []string) (map[string]string, error) {
	w := d.DB.Where()
	w.Add("workspace_id = ?", workspaceID)
	w.AddIn("device_id", ids)
	return w.Names(ctx, d.DB, "devices", "device_id", "display_name")
}

// CountOfAccounts is how many devices each of some accounts has in the workspace, managed or not;
// one without devices is not in the map.
func (d *Devices) CountOfAccounts(ctx context.Context, workspaceID string, accountIDs []string) (map[string]int, error) {
	w := d.DB.Where()
	w.Add("workspace_id = ?", workspaceID)
	w.AddIn("connected_account_id", accountIDs)
	counts := map[string]int{}
	rows, err := d.DB.Query(ctx, `SELECT connected_account_id, count(*) FROM devices`+w.String()+` GROUP BY connected_account_id`, w.Args...)
	_, err = store.All(rows, err, func(rows *sql.Rows) (n int, err error) {
		var id string
		err = rows.Scan(&id, &n)
		counts[id] = n
		return n, err
	})
	return counts, err
}

// CountOfAccount is how many devices an account has in the workspace, managed or not.
func (d *Devices) CountOfAccount(ctx context.Context, workspaceID, accountID string) (n int, err error) {
	err = d.DB.QueryRow(ctx, `SELECT count(*) FROM devices WHERE workspace_id = $1 AND connected_account_id = $2`, workspaceID,
		accountID).Scan(&n)
	return n, err
}
