package device

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"keyway/internal/credential"
	"keyway/internal/fault"
	"keyway/internal/provider"
	"keyway/internal/store"
)

// Reached is a device with the way to it.
type Reached struct {
	Device
	Ref               provider.Ref
	Provider          provider.Provider
	UserIdentifierKey string
	AccountMetadata   Metadata
	AccountProblems   AccountProblems
}

// AccountProblems are the errors and warnings of a device's account, as they are served.
type AccountProblems struct {
	Errors   []json.RawMessage `json:"errors"`
	Warnings []json.RawMessage `json:"warnings"`
}

// Reach reads a device together with the way to it, managed or not. It returns device_not_found
// when the workspace has none with the id, or none that the caller reaches.
func (d *Devices) Reach(ctx context.Context, q store.Querier, workspaceID, id string) (r Reached, err error) {
	var w store.Where
	w.Add("d.workspace_id = ?", workspaceID)
	w.Add("d.device_id = ?", id)
	credential.From(ctx).LimitAccounts(&w, "d.connected_account_id", "d.customer_key")
	var doc, account []byte
	var kind string
	var user sql.NullString
	err = q.QueryRow(ctx, `SELECT d.doc, d.external_id, d.user_identifier_key, a.provider, a.brand, a.external_id, a.doc FROM devices d
		JOIN connected_accounts a ON a.workspace_id = d.workspace_id AND a.connected_account_id = d.connected_account_id`+w.String(), w.Args...).
		Scan(&doc, &r.Ref.Device, &user, &kind, &r.Ref.Brand, &r.Ref.Account, &account)
	if errors.Is(err, sql.ErrNoRows) {
		return r, fault.Missing(fault.DeviceNotFound)
	} else if err != nil {
		return r, err
	}
	if err := json.Unmarshal(doc, &r.Device); err != nil {
		return r, err
	}
	var of struct {
		Metadata Metadata `json:"custom_metadata"`
		AccountProblems
	}
	if err := json.Unmarshal(account, &of); err != nil {
		return r, err
	}
	r.AccountMetadata, r.AccountProblems = of.Metadata, of.AccountProblems
	r.Ref.WorkspaceID, r.Ref.Type, r.UserIdentifierKey = workspaceID, string(r.Type), user.String
	r.Provider, err = d.Providers.Find(r.Ref.Brand, kind == "sandbox")
	return r, err
}

// SetProperties changes properties of a device; it returns device_not_found.
func (d *Devices) SetProperties(ctx context.Context, tx *store.Tx, workspaceID, id string, values map[string]any) error {
	dev, err := d.Get(ctx, tx, workspaceID, id)
	if err != nil {
		return err
	}
	for name, v := range values {
		if err := dev.Properties.set(name, v); err != nil {
			return err
		}
	}
	return d.save(ctx, tx, &dev)
}
