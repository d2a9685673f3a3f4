// Package keyring changes the server's keys while everything made with them stays valid: it reseals
// what is sealed, and counts what is still under which key.
package keyring

import (
	"context"
	"slices"
	"time"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/job"
	"keyway/internal/platform/signed"
	"keyway/internal/platform/store"
	"keyway/internal/platform/vault"
	"keyway/internal/trust/audit"
)

// digested is a table whose key_id and digest are of secrets that only their holders have.
type digested struct {
	what  string // in words, of several
	table string
	lives string // the rows that can still open something; $2 is now
}

var digests = []digested{
	{"tokens and API keys", "credentials", `revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)`},
	{"client sessions", "client_sessions", `revoked_at IS NULL AND expires_at > $2`},
	{"console sessions", "sessions", `expires_at > $2`},
	{"one-time links", "links", `used_at IS NULL AND expires_at > $2`},
	{"recovery codes", "recovery_codes", `used_at IS NULL AND CAST($2 AS BIGINT) > 0`},
}

// Keyring is the server's keys and all that is under them.
type Keyring struct {
	DB     *store.DB
	Vault  *vault.Vault
	Audit  *audit.Log
	Jobs   *job.Runner
	Sealed []vault.Column
	Signed []*signed.Table
	Now    func() time.Time
}

// Key is a key and how many things are under it.
type Key struct {
	ID        string     `json:"key_id"`
	CreatedAt time.Time  `json:"created_at"`
	RetiredAt *time.Time `json:"retired_at"`
	IsActive  bool       `json:"is_active"`
	Holds     []Holding  `json:"holds"` // what needs the key; nothing of a retired one
}

// Holding is how many things of a kind are under a key.
type Holding struct {
	What  string `json:"what"`
	Count int    `json:"count"`
}

// List counts what is under each key of the key file.
func (k *Keyring) List(ctx context.Context) ([]Key, error) {
	var out []Key
	for _, v := range k.Vault.Keys() {
		key := Key{ID: v.ID, CreatedAt: v.CreatedAt, RetiredAt: v.RetiredAt, IsActive: v.IsActive, Holds: []Holding{}}
		if v.RetiredAt == nil {
			var err error
			if key.Holds, err = k.holds(ctx, k.DB, v.ID); err != nil {
				return nil, err
			}
		}
		out = append(out, key)
	}
	return out, nil
}

// Prepare adds a key to the key file that nothing is made with yet.
func (k *Keyring) Prepare(ctx context.Context, by audit.Actor) (id string, err error) {
	if id, err = k.Vault.Prepare(); err != nil {
		return "", err
	}
	return id, k.DB.Update(ctx, func(tx *store.Tx) error {
		return k.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "server_key.prepared", SubjectID: id})
	})
}

// Rotate makes what is new with another key, and reseals what is sealed. The key is in the key file
// before anything is made with it, and both keys stay valid: whenever this ends, nothing is lost.
func (k *Keyring) Rotate(ctx context.Context, by audit.Actor, progress func(done, of int)) (id string, err error) {
	old := k.Vault.KeyID()
	if id, err = k.Vault.Rotate(); err != nil {
		return "", err
	}
	err = k.DB.Update(ctx, func(tx *store.Tx) error {
		if err := Record(ctx, tx, k.Vault, id, k.Now()); err != nil {
			return err
		}
		return k.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "server_key.rotated", SubjectID: id,
			Detail: map[string]any{"key_id": id, "previous_key_id": old}})
	}, store.Instance)
	if err != nil {
		return "", err
	}
	return id, k.Reseal(ctx, progress)
}

// Record has the database remember that its data needs a key.
func Record(ctx context.Context, tx *store.Tx, v *vault.Vault, id string, now time.Time) error {
	return insertKey(ctx, tx, id, v.Proof(id), store.Micros(now))
}

// Retire takes a key out of use that nothing needs; it continues to prove the audit log. It
// returns invalid_request for a key that is needed, or does not exist.
func (k *Keyring) Retire(ctx context.Context, id string, by audit.Actor) error {
	keys := k.Vault.Keys()
	i := slices.IndexFunc(keys, func(v vault.Key) bool { return v.ID == id && v.RetiredAt == nil })
	if i < 0 {
		return fault.New(fault.InvalidRequest, "The key file holds no key %s that is in use", id)
	}
	if keys[i].IsActive {
		return fault.New(fault.InvalidRequest, "New things are made with the key %s; use another one first, with --rotate-key", id)
	}
	var last int64
	err := k.DB.Update(ctx, func(tx *store.Tx) error {
		holds, err := k.holds(ctx, tx, id)
		if err != nil {
			return err
		}
		if len(holds) > 0 {
			return fault.New(fault.InvalidRequest, "The key %s is still needed, for %s; see `keyway doctor`", id, Words(holds))
		}
		if last, err = lastAuditEntry(ctx, tx, id); err != nil {
			return err
		}
		if err := forgetKey(ctx, tx, id); err != nil {
			return err
		}
		// A server that did not know of the rotation yet may have made such digests with this key beside
		// values that were resealed. They are made again when they are needed.
		for _, s := range k.Sealed {
			if err := clearDigests(ctx, tx, s); err != nil {
				return err
			}
		}
		return k.Audit.Add(ctx, tx, audit.Entry{Actor: by, Action: "server_key.retired", SubjectID: id})
	}, store.Instance)
	if err != nil {
		return err
	}
	return k.Vault.Retire(id, last)
}

// The one job of this package, which is also its key.
const resealJob = "server_key.reseal"

// RegisterJobs registers the job that continues what a rotation had begun.
func (k *Keyring) RegisterJobs() {
	k.Jobs.Handle(resealJob, func(ctx context.Context, _ job.Job) error { return k.Reseal(ctx, func(int, int) {}) }, job.Recurring(time.Hour))
}

// StartJobs continues a rotation that was cut off, if there was one.
func (k *Keyring) StartJobs(ctx context.Context) error {
	inUse := 0
	for _, v := range k.Vault.Keys() {
		if v.RetiredAt == nil {
			inUse++
		}
	}
	if inUse < 2 {
		return nil
	}
	return k.DB.Update(ctx, func(tx *store.Tx) error {
		return k.Jobs.Schedule(ctx, tx, resealJob, resealJob, "", struct{}{}, k.Now())
	})
}
