package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"keyway/internal/platform/store"
	"keyway/internal/platform/store/storetest"
)

// Guards against searches that find less, more or other than the texts that contain what is looked for: with rare and
// frequent texts, of all lengths, also after texts were changed and removed, and next to another workspace and kind.
func TestSearchFindsPartsOfTexts(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		letters := rapid.StringOfN(rapid.RuneFrom([]rune("abAB é漢%_\\'\n")), 1, 12, -1)
		n := 0
		rapid.Check(t, func(rt *rapid.T) {
			n++
			ws := fmt.Sprint("w", n)
			texts := map[string]string{}
			count := rapid.SampledFrom([]int{1, 5, 40}).Draw(rt, "resources")
			err := db.Update(t.Context(), func(tx *store.Tx) error {
				for i := range count {
					id := fmt.Sprintf("%s-%03d", ws, i)
					texts[id] = letters.Draw(rt, "text")
					for _, text := range []string{letters.Draw(rt, "earlier text"), texts[id]} {
						if err := tx.SetSearchText(t.Context(), store.SearchDevices, ws, id, text); err != nil {
							return err
						}
					}
					if err := set(tx, id, ""); err != nil {
						return err
					}
					if err := tx.SetSearchText(t.Context(), store.SearchAccounts, ws, id, "ab"); err != nil {
						return err
					}
					if rapid.IntRange(0, 4).Draw(rt, "removed") == 0 {
						delete(texts, id)
						if err := tx.RemoveSearchText(t.Context(), store.SearchDevices, ws, id); err != nil {
							return err
						}
					}
				}
				return nil
			})
			if err != nil {
				rt.Fatal(err)
			}
			for range 8 {
				term := letters.Draw(rt, "term")
				var want []string
				for id, text := range texts {
					if strings.Contains(store.Fold(text), store.Fold(term)) {
						want = append(want, id)
					}
				}
				slices.Sort(want)
				w := db.Where()
				if err := db.AddSearch(t.Context(), w, store.SearchDevices, ws, term, "name"); err != nil {
					rt.Fatal(err)
				}
				if got := names(t, db, w); !slices.Equal(got, want) {
					rt.Fatalf("%q found %q, want %q in %q", term, got, want, texts)
				}
				paging := store.Paging{Table: "settings", Columns: "name", Time: "name", ID: "name", Limit: 1000}
				got, _, err := store.ReadPage(t.Context(), db, w, paging, store.One[string])
				if err != nil || !slices.Equal(got, want) {
					rt.Fatalf("%q found %q by a driving query, want %q (%v)", term, got, want, err)
				}
			}
		})
	})
}

// Guards against a search that reads every text of a large workspace: what occurs in few of them is looked for in few buckets.
func TestRareTextsAreFoundInFewBuckets(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	err := db.Update(t.Context(), func(tx *store.Tx) error {
		for i := range 5000 {
			if err := tx.SetSearchText(t.Context(), store.SearchDevices, "w", store.NewID(), fmt.Sprintf("Unit %05d Front Door", i)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for term, most := range map[string]int{"04711": 60, "unit 04711 front": 60, "nowhere": 0, "zz": 0} {
		n, err := db.CountBuckets(t.Context(), store.SearchDevices, "w", term)
		if err != nil || n > most {
			t.Errorf("%q is looked for in %d buckets, want %d at most (%v)", term, n, most, err)
		}
	}
}
