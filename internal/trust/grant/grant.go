// Package grant names the tables whose rows grant something, with what decides in each, and signs the rows that
// an earlier version wrote. See package signed.
package grant

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"

	"keyway/internal/platform/signed"
	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
	"keyway/internal/trust/audit"
)

// The tables whose rows grant something.
var (
	Users = signed.New(signed.Table{
		Name: "users", Key: signed.Text("user_id"),
		Signed: slices.Concat(signed.Text("email", "password_hash"), signed.Bool("is_operator", "has_second_factor"),
			signed.Int("disabled_at")),
		Unsigned: []string{"name", "created_at"},
	})
	Memberships = signed.New(signed.Table{
		Name: "memberships", Key: signed.Text("workspace_id", "user_id"),
		Signed: slices.Concat(signed.Text("role"), signed.Int("created_at")),
	})
	Links = signed.New(signed.Table{
		Name: "links", Key: signed.Text("link_id"),
		Signed: slices.Concat(signed.Text("kind", "key_id", "workspace_id", "email", "role", "created_by"), signed.Bytes("digest"),
			signed.Int("created_at", "expires_at", "used_at")),
	})
	Credentials = signed.New(signed.Table{
		Name: "credentials", Key: signed.Text("credential_id"),
		Signed: slices.Concat(
			signed.Text("kind", "short_token", "key_id", "user_id", "workspace_id", "parent_id", "family_id", "predecessor_id", "successor_id",
				"limits"),
			signed.Bytes("digest"),
			signed.Int("created_at", "not_before", "expires_at", "grace_ends_at", "disabled_at", "revoked_at"),
			signed.Bool("is_decoy", "is_strict", "ends_predecessor")),
		Unsigned: []string{"name", "description", "created_from", "revoked_by", "revoke_reason", "last_used_at", "last_used", "expiry_notice",
			"recent_addresses", "use_count"},
	})
	Sessions = signed.New(signed.Table{
		Name: "sessions", Key: signed.Text("session_id"),
		Signed: slices.Concat(signed.Text("user_id", "kind", "key_id", "method"), signed.Bytes("digest"),
			signed.Int("created_at", "seen_at", "expires_at", "authenticated_at"), signed.Bool("must_renew")),
		Unsigned: []string{"address", "user_agent"},
	})
	Passkeys = signed.New(signed.Table{
		Name: "passkeys", Key: signed.Text("passkey_id"),
		Signed:   signed.Text("user_id", "handle", "doc"),
		Unsigned: []string{"name", "created_at", "last_used_at"},
	})
	Authenticators = signed.New(signed.Table{
		Name: "authenticators", Key: signed.Text("user_id"),
		Signed:   slices.Concat(signed.Bytes("secret"), signed.Int("last_step")),
		Unsigned: []string{"created_at"},
	})
	RecoveryCodes = signed.New(signed.Table{
		Name: "recovery_codes", Key: slices.Concat(signed.Text("user_id"), signed.Int("number")),
		Signed: slices.Concat(signed.Text("key_id"), signed.Bytes("digest"), signed.Int("used_at")),
	})
	OpenIDAccounts = signed.New(signed.Table{
		Name: "openid_accounts", Key: signed.Text("issuer", "subject"),
		Signed:   signed.Text("user_id"),
		Unsigned: []string{"email", "created_at"},
	})
	// Of a workspace the document is signed for what it says of publishable keys, and so that a change of it is noticed.
	Workspaces = signed.New(signed.Table{
		Name: "workspaces", Key: signed.Text("workspace_id"),
		Signed:   slices.Concat(signed.Text("publishable_key", "doc"), signed.Bool("is_sandbox", "is_suspended"), signed.Int("deleted_at")),
		Unsigned: []string{"name", "created_at", "clock_offset"},
	})
	ClientSessions = signed.New(signed.Table{
		Name: "client_sessions", Key: signed.Text("workspace_id", "client_session_id"),
		Signed: slices.Concat(signed.Text("short_token", "key_id", "user_identifier_key", "customer_key", "family_id", "user_id"),
			signed.Bytes("digest"), signed.Int("expires_at", "revoked_at")),
		Unsigned: []string{"sealed_token", "created_at"},
	})
	ClientSessionResources = signed.New(signed.Table{
		Name: "client_session_resources", Key: signed.Text("workspace_id", "client_session_id", "kind", "resource_id"),
	})
	ConnectWebviews = signed.New(signed.Table{
		Name: "connect_webviews", Key: signed.Text("workspace_id", "connect_webview_id"),
		Signed: slices.Concat(signed.Text("doc", "connected_account_id", "customer_key", "user_identifier_key", "family_id", "user_id",
			"client_session_id", "opened_by"), signed.Int("expires_at", "opened_at")),
		Unsigned: []string{"sealed_token", "failures", "created_at"},
	})
)

// versions are the signed tables by the version of the set that they came with.
var versions = [][]*signed.Table{
	{Users, Memberships, Links, Credentials, Sessions, Passkeys, Authenticators, RecoveryCodes, OpenIDAccounts},
	{Workspaces, ClientSessions, ClientSessionResources, ConnectWebviews},
}

// Version is the version of the set of signed tables.
const Version = 2

// Tables lists them all.
func Tables() []*signed.Table { return slices.Concat(versions...) }

// signedSetting is the setting that says that the rows of an earlier version of Keyway were signed, in the tables of a
// version. Its value is a MAC, so that only someone who also has the key gets a second signing by deleting rows of the
// database: the key file says it too, and either is enough.
func signedSetting(version int) string {
	if version == 1 {
		return "signed_rows"
	}
	return fmt.Sprint("signed_rows_", version)
}

func signedMessage(version int) []byte {
	const text = "the rows that grant something are signed"
	if version == 1 {
		return []byte(text)
	}
	return fmt.Append(nil, text, " ", version)
}

// SignOnce signs the rows written by a version of Keyway that did not sign their tables, once in the life of a database,
// with an entry in the audit log. Rows without MAC that appear later are refused.
func SignOnce(ctx context.Context, db *store.DB, v *vault.Vault, log *audit.Log, warnings *slog.Logger) error {
	before := v.SignedVersion()
	if before >= Version {
		return nil
	}
	var pending []int
	for version := before + 1; version <= Version; version++ {
		if done, err := isSigned(ctx, db, v, version); err != nil {
			return err
		} else if !done {
			pending = append(pending, version)
		}
	}
	if len(pending) > 0 {
		if err := sign(ctx, db, v, log, audit.Server, pending); err != nil {
			return err
		}
	}
	if err := v.SetSignedVersion(Version); err != nil {
		warnings.Warn("the key file cannot be written, so that only the database says that its rows are signed", "error", err)
	}
	return nil
}

func isSigned(ctx context.Context, q store.Querier, v *vault.Vault, version int) (bool, error) {
	rows, err := q.Query(ctx, `SELECT value FROM settings WHERE name = $1`, signedSetting(version))
	values, err := store.All(rows, err, store.One[string])
	if err != nil || len(values) == 0 {
		return false, err
	}
	var mac []byte
	return json.Unmarshal([]byte(values[0]), &mac) == nil && v.VerifyMAC(signedMessage(version), mac), nil
}

// Sign signs all rows that have no MAC, and vouches for them: after a database of a version without MACs was put
// back from a backup.
func Sign(ctx context.Context, db *store.DB, v *vault.Vault, log *audit.Log, by audit.Actor) error {
	all := make([]int, Version)
	for i := range all {
		all[i] = i + 1
	}
	return sign(ctx, db, v, log, by, all)
}

// sign signs the rows without MAC of the tables that came with some versions.
func sign(ctx context.Context, db *store.DB, v *vault.Vault, log *audit.Log, by audit.Actor, pending []int) error {
	counts, total := map[string]any{}, 0
	for _, version := range pending {
		for _, t := range versions[version-1] {
			n, err := t.SignAll(ctx, db)
			if err != nil {
				return fmt.Errorf("signing the rows of %s: %w", t.Name, err)
			}
			if n > 0 {
				counts[t.Name] = n
				total += n
			}
		}
	}
	return db.Update(ctx, func(tx *store.Tx) error {
		for _, version := range pending {
			text, err := json.Marshal(v.MAC(signedMessage(version)))
			if err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `INSERT INTO settings (name, value) VALUES ($1, $2)
				ON CONFLICT (name) DO UPDATE SET value = excluded.value`, signedSetting(version), string(text)); err != nil {
				return err
			}
		}
		if total == 0 {
			return nil
		}
		return log.Add(ctx, tx, audit.Entry{Actor: by, Action: "server.rows_signed", Detail: map[string]any{"rows": counts}})
	}, store.Instance)
}
