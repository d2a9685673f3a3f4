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
)

// Tables lists them all.
func Tables() []*signed.Table {
	return []*signed.Table{Users, Memberships, Links, Credentials, Sessions, Passkeys, Authenticators, RecoveryCodes, OpenIDAccounts}
}

// signedSetting is the setting that says that the rows of a version without MACs were signed. Its value is a MAC,
// so that nobody gets a second signing by deleting rows of the database but who has the key as well: the key file
// says it too, and either is enough.
const signedSetting = "signed_rows"

var signedMessage = []byte("the rows that grant something are signed")

// SignOnce signs the rows that a version without MACs wrote, once in the life of a database, with an entry in the
// audit log. Rows without MAC that appear later are refused.
func SignOnce(ctx context.Context, db *store.DB, v *vault.Vault, log *audit.Log, warnings *slog.Logger) error {
	if v.RowsSigned() {
		return nil
	}
	done, err := isSigned(ctx, db, v)
	if err == nil && !done {
		err = Sign(ctx, db, v, log, audit.Server)
	}
	if err != nil {
		return err
	}
	if err := v.SetRowsSigned(); err != nil {
		warnings.Warn("the key file cannot be written, so that only the database says that its rows are signed", "error", err)
	}
	return nil
}

func isSigned(ctx context.Context, q store.Querier, v *vault.Vault) (bool, error) {
	rows, err := q.Query(ctx, `SELECT value FROM settings WHERE name = $1`, signedSetting)
	values, err := store.All(rows, err, store.One[string])
	if err != nil || len(values) == 0 {
		return false, err
	}
	var mac []byte
	return json.Unmarshal([]byte(values[0]), &mac) == nil && v.VerifyMAC(signedMessage, mac), nil
}

// Sign signs all rows that have no MAC, and vouches for them: after a database of a version without MACs was put
// back from a backup.
func Sign(ctx context.Context, db *store.DB, v *vault.Vault, log *audit.Log, by audit.Actor) error {
	counts, total := map[string]any{}, 0
	for _, t := range Tables() {
		n, err := t.SignAll(ctx, db)
		if err != nil {
			return fmt.Errorf("signing the rows of %s: %w", t.Name, err)
		}
		if n > 0 {
			counts[t.Name] = n
			total += n
		}
	}
	return db.Update(ctx, func(tx *store.Tx) error {
		text, err := json.Marshal(v.MAC(signedMessage))
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
			signedSetting, string(text)); err != nil || total == 0 {
			return err
		}
		return log.Add(ctx, tx, audit.Entry{Actor: by, Action: "server.rows_signed", Detail: map[string]any{"rows": counts}})
	}, store.Instance)
}
