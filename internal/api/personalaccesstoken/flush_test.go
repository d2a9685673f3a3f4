package personalaccesstoken_test

import (
	"context"
	"testing"

	"keyway/internal/platform/store"
	"keyway/internal/wiring/apitest"
)

// A kind of fault: what is kept in memory until it is written is lost when a write fails, above all what comes behind the write
// that failed. Each table that a flush writes to is away once, and so is the database; the next flush writes everything, once.
func TestAFlushThatFailsLosesNothing(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		exec := func(query string) {
			t.Helper()
			w.Must(w.DB.Update(w.Context(), func(tx *store.Tx) error {
				_, err := tx.Exec(w.Context(), query)
				return err
			}))
		}
		addresses := []string{"192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1"}
		for _, away := range []string{"token_uses", "token_networks", "token_habits", ""} {
			jane := w.Person("jane" + away)
			ws := w.Workspace(jane, "Hotel "+away, true)
			_, id := w.PAT(jane)
			use := func() {
				for _, a := range addresses {
					w.Tokens.Used(id, id, ws.ID, "/devices/list", a, w.Now())
				}
			}
			use()
			ctx, cancel := context.WithCancel(w.Context())
			if away == "" {
				cancel()
			} else {
				exec(`ALTER TABLE ` + away + ` RENAME TO away`)
			}
			if err := w.Tokens.FlushUse(ctx); err == nil {
				t.Errorf("%q: a flush succeeds without it", away)
			}
			if away != "" {
				exec(`ALTER TABLE away RENAME TO ` + away)
			}
			cancel()
			w.Must(w.Tokens.FlushUse(w.Context())) // nothing was used meanwhile
			use()
			w.Must(w.Tokens.FlushUse(w.Context()))
			var uses, networks, hours int
			w.Must(w.DB.QueryRow(w.Context(), `SELECT (SELECT sum(count) FROM token_uses WHERE credential_id = $1),
				(SELECT count(*) FROM token_networks WHERE family_id = $1), (SELECT count(*) FROM token_habits WHERE family_id = $1)`,
				id).Scan(&uses, &networks, &hours))
			if uses != 2*len(addresses) || networks != len(addresses) || hours == 0 {
				t.Errorf("%q: %d uses, %d networks, %d hours are written", away, uses, networks, hours)
			}
		}
	})
}
