package store_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keyway/internal/platform/store"
	"keyway/internal/platform/store/storetest"
)

// Guards against a write-ahead log that stays large: it grows while a reader needs what stands in it, and is small again
// soon after, also when nothing more is written.
func TestLogBecomesSmallAgain(t *testing.T) {
	t.Parallel()
	folder := storetest.Folder(t)
	db, err := store.Open(t.Context(), store.Options{Folder: folder})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	size := func() int64 {
		info, err := os.Stat(filepath.Join(folder, store.FileName+"-wal"))
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	store.TrimOften(db)
	err = db.View(t.Context(), func(q store.Querier) error {
		var n int
		if err := q.QueryRow(t.Context(), `SELECT count(*) FROM settings`).Scan(&n); err != nil {
			return err
		}
		for i := range 3 * store.MaxLog >> 20 {
			text := strings.Repeat(string(rune('a'+i)), 1<<20) // what stays as it is, SQLite does not write again
			err := db.Update(t.Context(), func(tx *store.Tx) error {
				_, err := tx.Exec(t.Context(), `INSERT INTO settings (name, value) VALUES ('text', $1)
					ON CONFLICT (name) DO UPDATE SET value = excluded.value`, text)
				return err
			}, store.Instance)
			if err != nil {
				return err
			}
		}
		if size() <= store.MaxLog {
			t.Error("the log did not grow, so nothing is proved")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(30 * time.Second); size() > store.MaxLog; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the log has %d bytes", size())
		}
	}
}
