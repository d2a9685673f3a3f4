package credential

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"keyway/internal/platform/rpc"
	"keyway/internal/platform/signed"
	"keyway/internal/platform/store"
)

// Usage remembers the latest use of each credential and stores them in batches: a write for
// every request would cost many times the request.
type Usage struct {
	db *store.DB
	mu sync.Mutex
	// latest uses, those written already included, so that a page shows what is true now
	latest map[string]*Use
	dirty  map[string]*touched
	// digests under the active key, of credentials that are stored with one under an earlier key
	digests map[string]digest
}

// digest is how a credential is stored.
type digest struct {
	keyID string
	sum   [32]byte
}

// touched is what happened to a credential since the last flush.
type touched struct {
	use       *Use
	count     int64
	addresses []string // newest first
}

// mostAddresses is how many of the addresses that a credential was used from are remembered.
const mostAddresses = 5

// inFront puts an address before the others, once.
func inFront(addresses []string, address string) []string {
	if len(addresses) > 0 && addresses[0] == address {
		return addresses
	}
	out := append(make([]string, 0, mostAddresses), address)
	for _, a := range addresses {
		if a != address && len(out) < mostAddresses {
			out = append(out, a)
		}
	}
	return out
}

// onto are older addresses with the newer ones before them.
func (t *touched) onto(older []string) []string {
	for _, a := range slices.Backward(t.addresses) {
		older = inFront(older, a)
	}
	return older
}

// NewUsage makes an empty Usage.
func NewUsage(db *store.DB) *Usage {
	return &Usage{db: db, latest: map[string]*Use{}, dirty: map[string]*touched{}, digests: map[string]digest{}}
}

// Touch notes a use.
func (u *Usage) Touch(id string, now time.Time, address, userAgent, workspaceID, endpoint string) {
	use := &Use{At: rpc.Time{Time: now}, Address: address, UserAgent: userAgent, Endpoint: endpoint}
	if workspaceID != "" {
		use.WorkspaceID = &workspaceID
	}
	if len(use.UserAgent) > 200 {
		use.UserAgent = use.UserAgent[:200]
	}
	u.mu.Lock()
	t := u.dirty[id]
	if t == nil {
		t = &touched{}
		u.dirty[id] = t
	}
	u.latest[id], t.use, t.addresses = use, use, inFront(t.addresses, address)
	t.count++
	u.mu.Unlock()
}

// Digested notes that a credential was seen whole, so that it can be stored under the active key.
func (u *Usage) Digested(id, keyID string, sum [32]byte) {
	u.mu.Lock()
	u.digests[id] = digest{keyID, sum}
	u.mu.Unlock()
}

// lastUse is when a credential was last used, as far as it is known without asking the database.
func (u *Usage) lastUse(id string) time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	if use := u.latest[id]; use != nil {
		return use.At.Time
	}
	return time.Time{}
}

// Overlay puts what is not stored yet into the credential.
func (u *Usage) Overlay(c *Credential) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if use := u.latest[c.ID]; use != nil && (c.LastUsed == nil || use.At.After(c.LastUsed.At.Time)) {
		c.LastUsed = use
	}
	if t := u.dirty[c.ID]; t != nil {
		c.UseCount += t.count
		c.RecentAddresses = t.onto(c.RecentAddresses)
	}
}

// Flush stores what is new.
func (u *Usage) Flush(ctx context.Context) error {
	u.mu.Lock()
	dirty, digests := u.dirty, u.digests
	u.dirty, u.digests = map[string]*touched{}, map[string]digest{}
	if len(u.latest) > 10_000 {
		u.latest = map[string]*Use{} // all of it is stored, or in dirty
	}
	u.mu.Unlock()
	if len(dirty) == 0 && len(digests) == 0 {
		return nil
	}
	var scopes []store.Scope // no cache depends on when a credential was used, but what is verified is cached
	if len(digests) > 0 {
		scopes = []store.Scope{store.Instance}
	}
	err := u.db.Update(ctx, func(tx *store.Tx) error {
		for id, t := range dirty {
			if err := t.write(ctx, tx, id); err != nil {
				return err
			}
		}
		for id, d := range digests {
			if err := update(ctx, tx, signed.Set{"key_id": d.keyID, "digest": d.sum[:]}, `credential_id = ?`, id); err != nil {
				return err
			}
		}
		return nil
	}, scopes...)
	if err != nil {
		u.mu.Lock()
		for id, d := range digests {
			if _, ok := u.digests[id]; !ok {
				u.digests[id] = d
			}
		}
		for id, t := range dirty {
			if later := u.dirty[id]; later != nil {
				t.use, t.addresses = later.use, later.onto(t.addresses)
				t.count += later.count
			}
			u.dirty[id] = t
		}
		u.mu.Unlock()
	}
	return err
}

// write adds what happened to what is stored.
func (t *touched) write(ctx context.Context, tx *store.Tx, id string) error {
	var stored string
	err := tx.QueryRow(ctx, `SELECT recent_addresses FROM credentials WHERE credential_id = $1`, id).Scan(&stored)
	if errors.Is(err, sql.ErrNoRows) {
		return nil // purged with its workspace
	} else if err != nil {
		return err
	}
	var older []string
	if err := json.Unmarshal([]byte(stored), &older); err != nil {
		return err
	}
	addresses, err := json.Marshal(t.onto(older))
	if err != nil {
		return err
	}
	use, err := json.Marshal(t.use)
	if err != nil {
		return err
	}
	// Another process may have written a later use already.
	_, err = tx.Exec(ctx, `UPDATE credentials SET use_count = use_count + $4, recent_addresses = $5,
		last_used = CASE WHEN last_used_at IS NULL OR last_used_at < $2 THEN $3 ELSE last_used END,
		last_used_at = CASE WHEN last_used_at IS NULL OR last_used_at < $2 THEN $2 ELSE last_used_at END
		WHERE credential_id = $1`, id, store.Micros(t.use.At.Time), string(use), t.count, string(addresses))
	return err
}

// Run flushes every ten seconds until ctx ends, and once more then.
func (u *Usage) Run(ctx context.Context, onError func(error)) {
	t := time.NewTicker(10 * time.Second)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			if err := u.Flush(ctx); err != nil {
				onError(err)
			}
		case <-ctx.Done():
			if err := u.Flush(context.WithoutCancel(ctx)); err != nil {
				onError(err)
			}
			return
		}
	}
}
