package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"keyway/internal/platform/store"
	"keyway/internal/platform/store/storetest"
)

func set(tx *store.Tx, name, value string) error {
	_, err := tx.Exec(context.Background(), `INSERT INTO settings (name, value) VALUES ($1, $2)`, name, value)
	return err
}

func count(t *testing.T, q store.Querier) (n int) {
	t.Helper()
	if err := q.QueryRow(context.Background(), `SELECT count(*) FROM settings`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAFailingUpdateRollsBackAlone(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		oops := errors.New("oops")
		var wg sync.WaitGroup
		for i := range 200 {
			wg.Go(func() {
				err := db.Update(ctx, func(tx *store.Tx) error {
					if err := set(tx, fmt.Sprint("n", i), "x"); err != nil {
						return err
					}
					if i%3 == 0 {
						return oops
					}
					return nil
				}, store.Workspace("w"))
				if want := i%3 == 0; errors.Is(err, oops) != want {
					t.Errorf("update %d: %v", i, err)
				}
			})
		}
		wg.Wait()
		if n := count(t, db); n != 133 {
			t.Errorf("%d rows of 133", n)
		}
	})
}

func TestAPanicReachesItsCallerOnly(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		func() {
			defer func() {
				if v := recover(); v == nil || !strings.Contains(fmt.Sprint(v), "boom") {
					t.Errorf("recovered %v", v)
				}
			}()
			db.Update(ctx, func(tx *store.Tx) error {
				set(tx, "a", "x")
				panic("boom")
			})
		}()
		if err := db.Update(ctx, func(tx *store.Tx) error { return set(tx, "b", "x") }); err != nil {
			t.Fatal(err)
		}
		if n := count(t, db); n != 1 {
			t.Errorf("%d rows", n)
		}
	})
}

func TestDuplicate(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		insert := func() error {
			return db.Update(context.Background(), func(tx *store.Tx) error { return set(tx, "same", "x") })
		}
		if err := insert(); err != nil {
			t.Fatal(err)
		}
		if err := insert(); !store.IsDuplicate(err) {
			t.Errorf("second insert: %v", err)
		}
	})
}

// Writers of one scope never overlap: a counter read and written back by many loses nothing.
func TestWritersOfAScopeTakeTurns(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		if err := db.Update(ctx, func(tx *store.Tx) error { return set(tx, "n", "0") }); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				err := db.Update(ctx, func(tx *store.Tx) error {
					var n int
					if err := tx.QueryRow(ctx, `SELECT CAST(value AS INTEGER) FROM settings WHERE name = 'n'`).Scan(&n); err != nil {
						return err
					}
					_, err := tx.Exec(ctx, `UPDATE settings SET value = $1 WHERE name = 'n'`, fmt.Sprint(n+1))
					return err
				}, store.Instance, store.Workspace("w"))
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		var n string
		if err := db.QueryRow(ctx, `SELECT value FROM settings WHERE name = 'n'`).Scan(&n); err != nil || n != "100" {
			t.Errorf("counted %s of 100 (%v)", n, err)
		}
	})
}

// The generation is raised before a write is answered, and only in the scopes it names.
func TestGeneration(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	a0, ok := db.Generation(store.Workspace("a"))
	if !ok {
		t.Fatal("SQLite knows its generations")
	}
	if err := db.Update(context.Background(), func(tx *store.Tx) error { return set(tx, "x", "y") }, store.Workspace("a")); err != nil {
		t.Fatal(err)
	}
	if a1, _ := db.Generation(store.Workspace("a")); a1 != a0+1 {
		t.Errorf("generation of a: %d after %d", a1, a0)
	}
	if b, _ := db.Generation(store.Workspace("b")); b != 0 {
		t.Errorf("generation of b: %d", b)
	}
}

// A transaction that says that it changed nothing leaves the generations of its scopes as they are, so that
// what was read stays good; one after it raises them again.
func TestAQuietUpdateKeepsTheGeneration(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		latest := func() uint64 {
			n, err := db.Latest(t.Context(), store.Workspace("a"))
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		for i, quiet := range []bool{false, true, true, false} {
			before := latest()
			err := db.Update(t.Context(), func(tx *store.Tx) error {
				if quiet {
					tx.Quiet()
				}
				return set(tx, fmt.Sprint("x", i), "y")
			}, store.Workspace("a"))
			if err != nil || (latest() == before) != quiet {
				t.Errorf("update %d: generation %d after %d (%v)", i, latest(), before, err)
			}
		}
	})
}

func TestSecondOpenNamesTheFirst(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	ctx := context.Background()
	db, err := store.Open(ctx, store.Options{Folder: folder, Server: "http://localhost:8420"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = store.Open(ctx, store.Options{Folder: folder})
	var held *store.HeldError
	if !errors.As(err, &held) || held.Holder.Server != "http://localhost:8420" || held.Holder.PID == 0 {
		t.Fatalf("second open: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db, err = store.Open(ctx, store.Options{Folder: folder})
	if err != nil {
		t.Fatal("after the first is gone:", err)
	}
	db.Close()
}

// A copy of keyway.db made after the server has ended contains everything.
func TestCloseLeavesOneFile(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	folder, alone := t.TempDir(), t.TempDir()
	db, err := store.Open(ctx, store.Options{Folder: folder})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			if err := db.Update(ctx, func(tx *store.Tx) error { return set(tx, fmt.Sprint("n", i), "x") }); err != nil {
				t.Error(err)
			}
			_ = count(t, db)
			if err := db.View(ctx, func(q store.Querier) error { _ = count(t, q); return nil }); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(folder, store.FileName+"*"))
	if err != nil || len(names) != 1 {
		t.Errorf("left behind: %v %v", names, err)
	}
	text, err := os.ReadFile(filepath.Join(folder, store.FileName))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(alone, store.FileName), text, 0o600); err != nil {
		t.Fatal(err)
	}
	if db, err = store.Open(ctx, store.Options{Folder: alone}); err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if n := count(t, db); n != 100 {
		t.Errorf("the file alone has %d rows of 100", n)
	}
}

// A file that another program keeps locked is trouble of the moment, and no failure of the request.
func TestAFileThatIsLockedIsUnavailable(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "locked.db")
	begin := func() error {
		db, err := sql.Open("sqlite", "file:"+path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		c, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.ExecContext(t.Context(), "BEGIN IMMEDIATE")
		return err
	}
	if err := begin(); err != nil {
		t.Fatal(err)
	}
	if err := begin(); !store.Unavailable(err) {
		t.Errorf("%v is not told as unavailable", err)
	}
}
