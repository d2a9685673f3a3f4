package store_test

import (
	"fmt"
	"sync"
	"testing"

	"keyway/internal/platform/store"
	"keyway/internal/platform/store/storetest"
)

// Clients can vary the SQL of a list by their filters: only the latest statements stay prepared, however many
// different ones there were, and one that is evicted while it is in use still answers.
func TestPreparedStatementsAreBounded(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	if err := db.Update(t.Context(), func(tx *store.Tx) error { return set(tx, "a", "x") }); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 2500 {
				rows, err := db.Query(t.Context(), fmt.Sprintf(`SELECT name FROM settings LIMIT %d`, 1+w*2000+i))
				if got, err := store.All(rows, err, store.One[string]); err != nil || len(got) != 1 || got[0] != "a" {
					t.Errorf("%v %v", got, err)
				}
			}
		})
	}
	wg.Wait()
	if n := store.KeptStatements(db); n == 0 || n > 300 {
		t.Errorf("%d statements are kept prepared", n)
	}
}
