package device

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strings"

	"keyway/internal/fault"
	"keyway/internal/rpc"
	"keyway/internal/store"
)

const getQuery = `SELECT doc FROM devices WHERE workspace_id = $1 AND device_id = $2`

// Get reads a device, managed or not; device_not_found when the workspace has none with the id.
func (d *Devices) Get(ctx context.Context, q store.Querier, workspaceID, id string) (Device, error) {
	return one(q.QueryRow(ctx, getQuery, workspaceID, id))
}

func (d *Devices) byExternalID(ctx context.Context, q store.Querier, workspaceID, accountID, externalID string) (Device, error) {
	return one(q.QueryRow(ctx, `SELECT doc FROM devices WHERE workspace_id = $1 AND connected_account_id = $2 AND external_id = $3`, workspaceID, accountID, externalID))
}

func one(row *sql.Row) (dev Device, err error) {
	doc, err := raw(row)
	if err != nil {
		return dev, err
	}
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
		is_managed, flags, customer_key, user_identifier_key, search, doc, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
		dev.WorkspaceID, dev.ID, dev.ConnectedAccountID, externalID, string(dev.Type), string(dev.Manufacturer.Manufacturer), strings.ToLower(dev.DisplayName),
		dev.IsManaged, dev.Flags.working(), store.TextOrNull(a.CustomerKey), store.TextOrNull(a.UserIdentifierKey), dev.searchText(), string(doc), store.Micros(dev.CreatedAt.Time))
	return err
}

// save writes a changed device back, the columns that queries need with it.
func (d *Devices) save(ctx context.Context, tx *store.Tx, dev *Device) error {
	doc, err := json.Marshal(dev)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE devices SET name = $3, is_managed = $4, flags = $5, search = $6, doc = $7 WHERE workspace_id = $1 AND device_id = $2`,
		dev.WorkspaceID, dev.ID, strings.ToLower(dev.DisplayName), dev.IsManaged, dev.Flags.working(), dev.searchText(), string(doc))
	return err
}

// saveChanged writes a document that was patched, with the columns that a change can change.
func (d *Devices) saveChanged(ctx context.Context, tx *store.Tx, dev *Device, doc []byte) error {
	_, err := tx.Exec(ctx, `UPDATE devices SET name = $3, is_managed = $4, search = $5, doc = $6 WHERE workspace_id = $1 AND device_id = $2`,
		dev.WorkspaceID, dev.ID, strings.ToLower(dev.DisplayName), dev.IsManaged, dev.searchText(), string(doc))
	return err
}

// searchText is what ?search= looks in, beside ids: names, place and metadata.
func (d *Device) searchText() string {
	texts := []string{d.DisplayName, d.ownName(), d.Manufacturer.DisplayName}
	if d.Location != nil {
		texts = append(texts, d.Location.Name)
	}
	return strings.ToLower(strings.Join(append(texts, d.CustomMetadata.texts()...), "\n"))
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
	Unmanaged           bool
	From                rpc.Position
	Limit               int
	NothingCanBeMatched bool // the request asks for what cannot be
}

// List reads one page of devices in the order in which they were added.
func (d *Devices) List(ctx context.Context, workspaceID string, f Filter) (p rpc.Page[Device], err error) {
	w := d.DB.Where()
	w.Add("workspace_id = ?", workspaceID)
	w.Add("is_managed = ?", !f.Unmanaged)
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
	for _, eq := range []struct{ column, value string }{
		{"manufacturer", string(f.Manufacturer)}, {"customer_key", f.CustomerKey}, {"user_identifier_key", f.UserIdentifierKey},
	} {
		if eq.value != "" {
			w.Add(eq.column+" = ?", eq.value)
		}
	}
	for _, flag := range f.IncludeIf {
		w.Add("flags LIKE ?", "%,"+string(flag)+",%")
	}
	for _, flag := range f.ExcludeIf {
		w.Add("flags NOT LIKE ?", "%,"+string(flag)+",%")
	}
	if f.Search != "" {
		w.AddSearch("search", f.Search, "device_id", "connected_account_id")
	}
	if err := w.AddMetadata("device_id", workspaceID, f.CustomMetadataHas); err != nil {
		return p, err
	}
	if f.NothingCanBeMatched {
		w.AddIn("device_id", nil)
	}
	rows, err := w.Page(ctx, d.DB, "devices", "device_id", f.From.CreatedAt, f.From.ID, f.Limit)
	return rpc.PageOf[Device](rows, f.Limit), err
}

// Count is how many managed devices the workspace has.
func (d *Devices) Count(ctx context.Context, workspaceID string) (n int, err error) {
	err = d.DB.QueryRow(ctx, `SELECT count(*) FROM devices WHERE workspace_id = $1 AND is_managed = $2`, workspaceID, true).Scan(&n)
	return n, err
}

// byName reads the one device with a name.
func (d *Devices) byName(ctx context.Context, workspaceID, name string) (rpc.Doc[Device], error) {
	return raw(d.DB.QueryRow(ctx, `SELECT doc FROM devices WHERE workspace_id = $1 AND name = $2 AND is_managed = $3
		ORDER BY created_at, device_id LIMIT 1`, workspaceID, strings.ToLower(name), true))
}
