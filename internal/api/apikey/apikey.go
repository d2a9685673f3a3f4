// Package apikey keeps the API keys of a workspace. They are made in the Console or by command,
// never with another token.
package apikey

import (
	"context"
	"errors"
	"time"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/label"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
	"keyway/internal/trust/audit"
	"keyway/internal/trust/credential"
	"keyway/internal/trust/grant"
)

// APIKey is an API key as it is served.
type APIKey struct {
	ID          string          `json:"api_key_id"`
	Name        string          `json:"name"`
	Hint        string          `json:"hint" doc:"The visible part."`
	WorkspaceID string          `json:"workspace_id"`
	CreatedBy   string          `json:"created_by" doc:"Whose key it is: it may do no more than this person, and is revoked when they leave the workspace. Empty: no person's."`
	CreatedAt   rpc.Time        `json:"created_at"`
	RevokedAt   rpc.Time        `json:"revoked_at" rule:"nullable"`
	LastUsed    *credential.Use `json:"last_used"`
	Token       string          `json:"token,omitempty" doc:"The key itself, only in the answer that made it."`
}

// Keys implements the rules for API keys.
type Keys struct {
	DB    *store.DB
	Vault *vault.Vault
	Usage *credential.Usage
	Audit *audit.Log
	Now   func() time.Time
}

func (k *Keys) served(c credential.Credential) APIKey {
	k.Usage.Overlay(&c)
	return APIKey{ID: c.ID, Name: c.Name, Hint: c.Hint(), WorkspaceID: c.WorkspaceID, CreatedBy: c.UserID,
		CreatedAt: rpc.Time{Time: c.CreatedAt}, RevokedAt: rpc.Time{Time: c.RevokedAt}, LastUsed: c.LastUsed}
}

// Create creates an API key. It returns invalid_input for an invalid name, and for a person (empty: none) who is not a
// member of the workspace.
func (k *Keys) Create(ctx context.Context, workspaceID string, sandbox bool, name, userID, from string,
	by audit.Actor) (key APIKey, secret vault.Secret, err error) {
	name = label.Clean(name)
	if err := credential.CheckName(name); err != nil {
		return key, vault.Secret{}, err
	}
	c := credential.Credential{Kind: credential.APIKey, UserID: userID, WorkspaceID: workspaceID, Name: name, CreatedAt: k.Now(),
		CreatedFrom: from}
	err = k.DB.Update(ctx, func(tx *store.Tx) error {
		if userID != "" {
			if role, err := grant.Role(ctx, tx, workspaceID, userID); err != nil {
				return err
			} else if role == rpc.NoRole {
				return fault.Invalid("user", "This person is not a member of the workspace")
			}
		}
		if secret, err = credential.Insert(ctx, tx, k.Vault, &c, sandbox); err != nil {
			return err
		}
		return k.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "api_key.created", WorkspaceID: workspaceID, SubjectID: c.ID,
			Detail: map[string]any{"name": name, "hint": c.Hint()}})
	}, store.Instance, store.Workspace(workspaceID))
	return k.served(c), secret, err
}

// List gives a workspace's API keys, newest first, without those that are revoked.
func (k *Keys) List(ctx context.Context, workspaceID string) ([]APIKey, error) {
	all, err := credential.OfWorkspace(ctx, k.DB, workspaceID, credential.APIKey)
	out := []APIKey{}
	for _, c := range all {
		if c.RevokedAt.IsZero() {
			out = append(out, k.served(c))
		}
	}
	return out, err
}

// Revoke ends an API key; api_key_not_found when the workspace has none with the id.
func (k *Keys) Revoke(ctx context.Context, workspaceID, id string, by audit.Actor) error {
	return k.DB.Update(ctx, func(tx *store.Tx) error {
		c, err := credential.Get(ctx, tx, credential.APIKey, id)
		if errors.Is(err, credential.ErrNotFound) || err == nil && c.WorkspaceID != workspaceID {
			return fault.Missing(fault.APIKeyNotFound)
		} else if err != nil {
			return err
		}
		if err := credential.Revoke(ctx, tx, k.Now(), id, by.UserID, "revoked"); err != nil {
			return err
		}
		return k.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "api_key.revoked", WorkspaceID: workspaceID, SubjectID: id})
	}, store.Instance, store.Workspace(workspaceID))
}

// Leave settles what becomes of a person's API keys when they leave the workspace: they are revoked, or belong to the
// person who adopts them.
func (k *Keys) Leave(ctx context.Context, tx *store.Tx, workspaceID, userID, adoptedBy string, by audit.Actor) error {
	if adoptedBy != "" {
		return k.Adopt(ctx, tx, workspaceID, userID, adoptedBy, by)
	}
	return k.each(ctx, tx, workspaceID, userID, "api_key.revoked", by, func(c credential.Credential) error {
		return credential.Revoke(ctx, tx, k.Now(), c.ID, by.UserID, "member_removed")
	})
}

// Adopt gives a person's API keys in a workspace to another person.
func (k *Keys) Adopt(ctx context.Context, tx *store.Tx, workspaceID, userID, adoptedBy string, by audit.Actor) error {
	return k.each(ctx, tx, workspaceID, userID, "api_key.adopted", by, func(c credential.Credential) error {
		return credential.Adopt(ctx, tx, c.ID, adoptedBy)
	})
}

// each changes a person's API keys in a workspace that are not revoked, and writes it to the audit log.
func (k *Keys) each(ctx context.Context, tx *store.Tx, workspaceID, userID, action string, by audit.Actor,
	change func(credential.Credential) error) error {
	all, err := credential.OfWorkspace(ctx, tx, workspaceID, credential.APIKey)
	if err != nil {
		return err
	}
	for _, c := range all {
		if c.UserID != userID || !c.RevokedAt.IsZero() {
			continue
		}
		if err := change(c); err != nil {
			return err
		}
		if err := k.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: action, WorkspaceID: workspaceID, SubjectID: c.ID,
			Detail: map[string]any{"made_by": userID}}); err != nil {
			return err
		}
	}
	return nil
}
