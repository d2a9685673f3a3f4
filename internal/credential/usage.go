package credential

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"keyway/internal/rpc"
	"keyway/internal/store"
)

// Usage remembers the latest use of each credential and writes them down in batches: a write for
// every request would cost many times the request.
type Usage struct {
	db *store.DB
	mu sync.Mutex
	// latest uses, those written already included, so that a page shows what is true now
	latest map[string]*Use
	dirty  map[string]*Use
}

// NewUsage makes an empty Usage.
func NewUsage(db *store.DB) *Usage {
	return &Usage{db: db, latest: map[string]*Use{}, dirty: map[string]*Use{}}
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
	u.latest[id], u.dirty[id] = use, use
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

// Overlay puts a later use than the stored one into the credential.
func (u *Usage) Overlay(c *Credential) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if use := u.latest[c.ID]; use != nil && (c.LastUsed == nil || use.At.After(c.LastUsed.At.Time)) {
		c.LastUsed = use
	}
}

// Flush writes down what is new.
func (u *Usage) Flush(ctx context.Context) error {
	u.mu.Lock()
	dirty := u.dirty
	u.dirty = map[string]*Use{}
	if len(u.latest) > 10_000 {
		u.latest = map[string]*Use{} // all of it is stored, or in dirty
	}
	u.mu.Unlock()
	if len(dirty) == 0 {
		return nil
	}
	// No scope: no cache depends on when a credential was used.
	err := u.db.Update(ctx, func(tx *store.Tx) error {
		for id, use := range dirty {
			text, err := json.Marshal(use)
			if err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `UPDATE credentials SET last_used_at = $2, last_used = $3
				WHERE credential_id = $1 AND (last_used_at IS NULL OR last_used_at < $2)`, id, store.Micros(use.At.Time), string(text)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		u.mu.Lock()
		for id, use := range dirty {
			if u.dirty[id] == nil {
				u.dirty[id] = use
			}
		}
		u.mu.Unlock()
	}
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
