package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"keyway/internal/platform/store"
	"keyway/internal/platform/store/storetest"
)

// names reads the settings that a condition finds.
func names(t *testing.T, q store.Querier, w *store.Where) []string {
	t.Helper()
	rows, err := q.Query(t.Context(), `SELECT name FROM settings`+w.String()+` ORDER BY name`, w.Args...)
	got, err := store.All(rows, err, store.One[string])
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestWhere(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		err := db.Update(t.Context(), func(tx *store.Tx) error {
			for name, value := range map[string]string{"a1b2c3": "front door", "a1b2d4": "100% back_door", "ffff": `c:\door`} {
				if err := set(tx, name, value); err != nil {
					return err
				}
				if err := tx.SetSearchText(t.Context(), store.SearchDevices, "w", name, value); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		search := func(text string) func(*store.Where) {
			return func(w *store.Where) {
				if err := db.AddSearch(t.Context(), w, store.SearchDevices, "w", text, "name"); err != nil {
					t.Error(err)
				}
			}
		}
		in := func(n int, values ...string) func(*store.Where) {
			return func(w *store.Where) {
				for i := len(values); i < n; i++ {
					values = append(values, fmt.Sprint("x", i))
				}
				w.AddIn("name", values)
				w.AddIn("name", values)
				w.AddIn("name", values)
			}
		}
		for name, tt := range map[string]struct {
			add  func(*store.Where)
			want string
		}{
			"nothing asked":          {func(*store.Where) {}, "a1b2c3 a1b2d4 ffff"},
			"none of nothing":        {in(0), ""},
			"one of one":             {in(1, "ffff"), "ffff"},
			"one of three":           {in(3, "ffff"), "ffff"},
			"one of many":            {in(10_000, "ffff", "a1b2c3"), "a1b2c3 ffff"},
			"text":                   {search("DOOR"), "a1b2c3 a1b2d4 ffff"},
			"percent":                {search("0%"), "a1b2d4"},
			"percent is no joker":    {search("f%d"), ""},
			"underscore":             {search("k_d"), "a1b2d4"},
			"underscore is no joker": {search("t_d"), ""},
			"backslash":              {search(`:\d`), "ffff"},
			"beginning of an id":     {search("A1B2"), "a1b2c3 a1b2d4"},
			"whole id":               {search("a1b2c3"), "a1b2c3"},
			"too little of an id":    {search("a1b"), ""},
			"middle of an id":        {search("1b2c3"), ""},
			"odd":                    {in(3, "ffff\x00", "ffff", "\xff"), "ffff"},
			"quotes":                 {search("' OR '1'='1"), ""},
		} {
			w := db.Where()
			tt.add(w)
			if got := strings.Join(names(t, db, w), " "); got != tt.want {
				t.Errorf("%s: %q, want %q", name, got, tt.want)
			}
		}
	})
}

func TestMetadata(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		put := func(ws, id string, values map[string]any) {
			t.Helper()
			err := db.Update(t.Context(), func(tx *store.Tx) error {
				if err := store.SetMetadata(t.Context(), tx, ws, id, time.UnixMicro(5), values); err != nil {
					return err
				}
				_, err := tx.Exec(t.Context(), `INSERT INTO settings (name, value) VALUES ($1, '') ON CONFLICT (name) DO NOTHING`, id)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		put("w", "a", map[string]any{"k": "v", "on": true})
		put("w", "b", map[string]any{"k": "v", "on": "true"})
		put("v", "c", map[string]any{"k": "v"})
		find := func(values map[string]any) string {
			t.Helper()
			w := db.Where()
			if err := w.AddMetadata("settings.name", "w", values); err != nil {
				t.Fatal(err)
			}
			return strings.Join(names(t, db, w), " ")
		}
		many := map[string]any{}
		for i := range 2000 {
			many[fmt.Sprint("k", i)] = "v"
		}
		for want, values := range map[string]map[string]any{
			"a b": {"k": "v"}, "a": {"k": "v", "on": true}, "b": {"on": "true"}, "": many, "a b c": nil,
		} {
			if got := find(values); got != want {
				t.Errorf("%d values: %q, want %q", len(values), got, want)
			}
		}
		if got := find(map[string]any{"k": "w"}) + find(map[string]any{"K": "v"}); got != "" {
			t.Errorf("found %q", got)
		}
		put("w", "a", nil)
		if got := find(map[string]any{"k": "v"}); got != "b" {
			t.Errorf("after it was taken away: %q", got)
		}
	})
}

// Clients send texts that PostgreSQL refuses to store. Such an id is unknown, and such a name is
// stored, on both databases.
func TestOddTexts(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for i, odd := range []string{"nul\x00", "\xff\xfe", "cut\xc3", "lone \xed\xa0\x80", "fine é 漢"} {
			id := fmt.Sprint("id", i)
			var n int
			if err := db.QueryRow(t.Context(), `SELECT count(*) FROM settings WHERE name = $1`, odd).Scan(&n); err != nil || n != 0 {
				t.Errorf("%q: %d %v", odd, n, err)
			}
			err := db.View(t.Context(), func(q store.Querier) error {
				return q.QueryRow(t.Context(), `SELECT count(*) FROM settings WHERE name = $1`, odd).Scan(&n)
			})
			if err != nil {
				t.Errorf("%q in a view: %v", odd, err)
			}
			err = db.Update(context.Background(), func(tx *store.Tx) error {
				if err := tx.QueryRow(t.Context(), `SELECT count(*) FROM settings WHERE name = $1`, odd).Scan(&n); err != nil {
					return err
				}
				return set(tx, id, odd)
			})
			if err != nil {
				t.Errorf("%q: %v", odd, err)
			}
			var got sql.NullString
			if err := db.QueryRow(t.Context(), `SELECT value FROM settings WHERE name = $1`, store.TextOrNull(id)).Scan(&got); err != nil ||
				got.String == "" {
				t.Errorf("%q came back as %q (%v)", odd, got.String, err)
			}
			if odd == "fine é 漢" && got.String != odd {
				t.Errorf("%q was changed to %q", odd, got.String)
			}
		}
	})
}

func TestPagesHoldEveryRowOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var want []string
		err := db.Update(t.Context(), func(tx *store.Tx) error {
			for i := range 25 {
				id := fmt.Sprintf("e%02d", (i*7)%25) // ids in another order than times
				if _, err := tx.Exec(t.Context(),
					`INSERT INTO action_attempts (workspace_id, action_attempt_id, status, doc, created_at) VALUES ($1, $2, '', $2, $3)`,
					[]string{"w", "v"}[i%5/4], id, i/6); err != nil {
					return err
				}
				if i%5 != 4 {
					want = append(want, fmt.Sprintf("%d %s", i/6, id))
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(want)
		for _, newestFirst := range []bool{false, true} {
			var got []string
			for at, id := int64(0), ""; ; {
				w := db.Where()
				w.NewestFirst = newestFirst
				w.Add("workspace_id = ?", "w")
				rows, _, err := w.Page(t.Context(), db, "action_attempts", "action_attempt_id", store.Position{CreatedAt: at, ID: id}, 6)
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range rows[:min(6, len(rows))] {
					got = append(got, fmt.Sprintf("%d %s", r.CreatedAt, r.Doc))
					at, id = r.CreatedAt, r.ID
				}
				if len(rows) < 7 {
					break
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%v\nwant %v", got, want)
			}
			slices.Reverse(want)
		}
	})
}
