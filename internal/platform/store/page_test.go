package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"keyway/internal/platform/store"
	"keyway/internal/platform/store/storetest"
)

// many fills a workspace with n rows in the order of their numbers.
func many(t *testing.T, db *store.DB, n int) {
	t.Helper()
	err := db.Update(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(t.Context(), `INSERT INTO action_attempts (workspace_id, action_attempt_id, device_id, status, doc, created_at)
			WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
			SELECT 'w', 'a' || (1000000 + i), 'd' || (i % 7), CASE WHEN i = 20400 THEN 'rare' ELSE 'common' END, '', i FROM n`, n)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Guards against a page that reads a whole workspace for what no index finds: where nothing matches, a page ends after a
// bounded number of rows with the position to go on from, and following the positions finds every row once.
func TestFilteredPagesReadABoundedNumberOfRows(t *testing.T) {
	t.Parallel()
	const n = 20_600
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		many(t, db, n)
		for _, tt := range []struct {
			name        string
			add         func(*store.Where)
			newestFirst bool
			want        string // of the first pages: how many rows each has
		}{
			{"nothing matches", func(w *store.Where) { w.AddFilter("status = ?", "none") }, false, "0 short, 0"},
			{"one behind the bound", func(w *store.Where) { w.AddFilter("status = ?", "rare") }, false, "0 short, 1"},
			{"one near the end", func(w *store.Where) { w.AddFilter("status = ?", "rare") }, true, "1 short, 0"},
			{"most match", func(w *store.Where) { w.AddFilter("status <> ?", "rare") }, false, "10, 10, 10"},
			{"many of an index, none of a filter", func(w *store.Where) {
				w.AddIn("device_id", []string{"d1", "d2"})
				w.AddFilter("status = ?", "none")
			}, false, "0 short, 0"},
			{"few of an index", func(w *store.Where) {
				w.AddIn("action_attempt_id", []string{"a1020400", "a1000001", "a1000002"})
				w.AddFilter("status = ?", "rare")
			}, false, "1"},
			{"two indexes", func(w *store.Where) {
				w.AddEqual("device_id", "d2")
				w.AddIn("action_attempt_id", []string{"a1000002", "a1000003", "a1000009"})
			}, false, "2"},
		} {
			var got []string
			var ids []string
			for after := (store.Position{}); len(got) < 3; {
				w := db.Where()
				w.NewestFirst = tt.newestFirst
				w.Add("workspace_id = ?", "w")
				tt.add(w)
				rows, short, err := w.Page(t.Context(), db, "action_attempts", "action_attempt_id", after, 10)
				if err != nil {
					t.Fatalf("%s: %v", tt.name, err)
				}
				page := fmt.Sprint(min(len(rows), 10))
				switch {
				case len(rows) > 10:
					after = store.Position{CreatedAt: rows[9].CreatedAt, ID: rows[9].ID}
				case short.ID != "":
					page, after = page+" short", short
				}
				for _, r := range rows[:min(len(rows), 10)] {
					ids = append(ids, r.ID)
				}
				if got = append(got, page); len(rows) <= 10 && short.ID == "" {
					break
				}
			}
			if g := strings.Join(got, ", "); g != tt.want {
				t.Errorf("%s: pages of %s, want %s", tt.name, g, tt.want)
			}
			if distinct := slices.Compact(slices.Sorted(slices.Values(ids))); len(distinct) != len(ids) {
				t.Errorf("%s: %d rows, %d of them different", tt.name, len(ids), len(distinct))
			}
		}
	})
}

// A list without further pages is read to its end, past as many rows as are asked.
func TestWholeListsAreReadToTheEnd(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		many(t, db, 20_600)
		for _, tt := range []struct{ offset, want int }{{0, 7}, {5886 - 3, 3}, {6000, 0}} {
			w := db.Where()
			w.Add("workspace_id = ?", "w")
			w.AddIn("device_id", []string{"d1", "d2"})
			p := store.Paging{Table: "action_attempts", Columns: "action_attempt_id", ID: "action_attempt_id", Limit: 6,
				Offset: tt.offset, IsWhole: true}
			rows, short, err := store.ReadPage(t.Context(), db, w, p, store.One[string])
			if err != nil || len(rows) != tt.want || short.ID != "" {
				t.Errorf("behind %d: %d rows, want %d (%v, %v)", tt.offset, len(rows), tt.want, short, err)
			}
		}
	})
}
