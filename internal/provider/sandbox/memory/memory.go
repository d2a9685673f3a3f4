// Package memory keeps what virtual devices remember, sealed, because PINs are in it.
package memory

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
	"keyway/internal/provider"
	"keyway/internal/provider/sandbox"
)

// Memory is a sandbox.Memory in the database.
type Memory struct {
	DB    *store.DB
	Vault *vault.Vault
}

var _ sandbox.Memory = (*Memory)(nil)

// Load returns what is kept under the device; nil for nothing.
func (m *Memory) Load(ctx context.Context, r provider.Ref) ([]byte, error) {
	return m.load(ctx, m.DB, r)
}

func (m *Memory) load(ctx context.Context, q store.Querier, r provider.Ref) ([]byte, error) {
	var sealed []byte
	err := q.QueryRow(ctx, `SELECT sealed FROM device_memory WHERE workspace_id = $1 AND brand = $2 AND account = $3 AND device = $4`,
		r.WorkspaceID, r.Brand, r.Account, r.Device).Scan(&sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return m.Vault.Open(place(r), sealed)
}

// Change replaces what is kept by what fn makes of it.
func (m *Memory) Change(ctx context.Context, r provider.Ref, fn func([]byte) ([]byte, error)) error {
	return m.DB.Update(ctx, func(tx *store.Tx) error { return m.Within(tx).Change(ctx, r, fn) }, scope(r))
}

// Within is the memory as one transaction sees and changes it.
func (m *Memory) Within(tx *store.Tx) sandbox.Memory { return within{m, tx} }

type within struct {
	*Memory
	tx *store.Tx
}

func (w within) Load(ctx context.Context, r provider.Ref) ([]byte, error) {
	return w.load(ctx, w.tx, r)
}

func (w within) Change(ctx context.Context, r provider.Ref, fn func([]byte) ([]byte, error)) error {
	data, err := w.load(ctx, w.tx, r)
	if err != nil {
		return err
	}
	if data, err = fn(data); err != nil {
		return err
	}
	_, err = w.tx.Exec(ctx, `INSERT INTO device_memory (workspace_id, brand, account, device, sealed) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (workspace_id, brand, account, device) DO UPDATE SET sealed = excluded.sealed`,
		r.WorkspaceID, r.Brand, r.Account, r.Device, w.Vault.Seal(place(r), data))
	return err
}

// scope keeps two changes apart; no cache depends on it, so it is not the workspace's own.
func scope(r provider.Ref) store.Scope { return store.Scope("memory:" + r.WorkspaceID) }

// Sealed are the columns of this room that contain secrets.
func Sealed() []vault.Column {
	return []vault.Column{{What: "memories of virtual devices", Table: "device_memory", Name: "sealed",
		Key: []string{"workspace_id", "brand", "account", "device"},
		Place: func(key []string) string {
			return place(provider.Ref{WorkspaceID: key[0], Brand: key[1], Account: key[2], Device: key[3]})
		}}}
}

func place(r provider.Ref) string {
	return strings.Join([]string{"device_memory", r.WorkspaceID, r.Brand, r.Account, r.Device}, "/")
}

// Forget lets all devices of a workspace be as they were found.
func Forget(ctx context.Context, tx *store.Tx, workspaceID string) error {
	_, err := tx.Exec(ctx, `DELETE FROM device_memory WHERE workspace_id = $1`, workspaceID)
	return err
}
