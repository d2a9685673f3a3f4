package clock_test

import (
	"context"
	"testing"
	"time"

	"keyway/internal/platform/clock"
	"keyway/internal/platform/store"
	"keyway/internal/platform/store/storetest"
)

func TestEachWorkspaceHasItsClock(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		now := time.Date(2026, 3, 4, 12, 0, 0, 123456000, time.UTC)
		c := clock.Clock{Real: func() time.Time { return now }}
		err := db.Update(ctx, func(tx *store.Tx) error {
			for _, id := range []string{"a", "b"} {
				if _, err := tx.Exec(ctx, `INSERT INTO workspaces (workspace_id, name, is_sandbox, is_suspended, publishable_key, doc, created_at)
					VALUES ($1, 'Test', $2, $3, $1, '{}', 0)`, id, true, false); err != nil {
					return err
				}
			}
			return clock.Set(ctx, tx, "a", 36*time.Hour+time.Microsecond)
		}, store.Instance)
		if err != nil {
			t.Fatal(err)
		}
		for id, ahead := range map[string]time.Duration{"a": 36*time.Hour + time.Microsecond, "b": 0, "gone": 0} {
			if got, err := c.Now(ctx, db, id); err != nil || !got.Equal(now.Add(ahead)) {
				t.Errorf("%s: %s, want %s (%v)", id, got, now.Add(ahead), err)
			}
			if d, err := clock.Offset(ctx, db, id); err != nil || d != ahead {
				t.Errorf("%s: %s ahead, want %s (%v)", id, d, ahead, err)
			}
		}
	})
}
