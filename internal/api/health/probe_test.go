package health

import (
	"strings"
	"testing"
	"time"

	"keyway/internal/platform/fault"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store"
	"keyway/internal/platform/store/storetest"
)

// That reading works says nothing of writing: a server that can store nothing says so, and is well again as soon as
// it can. However often it is asked, it tries only one write in a while.
func TestUnwritable(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		rename := func(from, to string) {
			t.Helper()
			if err := db.Update(t.Context(), func(tx *store.Tx) error {
				_, err := tx.Exec(t.Context(), `ALTER TABLE `+from+` RENAME TO `+to)
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
		c := &Checker{DB: db, Now: time.Now}
		rename("settings", "away")
		_, err := c.check(t.Context(), rpc.None{})
		if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "nothing can be stored") {
			t.Errorf("nothing can be written: %v", err)
		}
		rename("away", "settings")
		if _, err := c.check(t.Context(), rpc.None{}); err == nil {
			t.Error("each question writes")
		}
		c.tried = time.Now().Add(-probeEvery)
		if r, err := c.check(t.Context(), rpc.None{}); err != nil || len(r.Services) != 2 {
			t.Errorf("well again: %+v %v", r, err)
		}
		if n, known := db.FreeDisk(); known == db.Shared() || known && n <= 0 {
			t.Errorf("free disk: %d %v", n, known)
		}
	})
}
