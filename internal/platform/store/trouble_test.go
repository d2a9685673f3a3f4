package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"keyway/internal/platform/store"
	"keyway/internal/platform/store/storetest"
)

// maxAnswer is within what every operation ends, whatever hangs.
const maxAnswer = 10 * time.Second

// read returns the names of all settings.
func read(t *testing.T, q store.Querier) (names []string, err error) {
	rows, err := q.Query(t.Context(), `SELECT name FROM settings`)
	return store.All(rows, err, store.One[string])
}

// A PostgreSQL that accepts connections and answers none delays no request for longer than the limit,
// also not those that wait for a connection, and is used again as soon as it answers.
func TestFrozenPostgres(t *testing.T) {
	t.Parallel()
	server := storetest.OwnServer(t)
	db, err := store.Open(t.Context(), store.Options{DatabaseURL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	// As under load: connections in use, connections in the pool, and more requests than connections.
	operations := map[string]func(i int) error{
		"query":     func(int) error { _, err := read(t, db); return err },
		"query row": func(int) error { var n int; return db.QueryRow(t.Context(), `SELECT count(*) FROM settings`).Scan(&n) },
		"view": func(int) error {
			return db.View(t.Context(), func(q store.Querier) error { _, err := read(t, q); return err })
		},
		"update": func(i int) error {
			return db.Update(t.Context(), func(tx *store.Tx) error { return set(tx, fmt.Sprint("frozen", i), "x") }, store.Instance)
		},
	}
	for range 2 {
		server.Freeze()
		var wg sync.WaitGroup
		for name, operation := range operations {
			for i := range 20 {
				wg.Go(func() {
					began := time.Now()
					err := operation(i)
					if !store.Unavailable(err) {
						t.Errorf("%s while the database hangs: %v", name, err)
					}
					if took := time.Since(began); took > maxAnswer {
						t.Errorf("%s took %v", name, took)
					}
				})
			}
		}
		wg.Wait()
		server.Thaw()
		for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(50 * time.Millisecond) {
			if err = operations["update"](100); err == nil || store.IsDuplicate(err) {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("still not used again:", err)
			}
		}
	}
}

// While PostgreSQL restarts, every error says that the database is not available, so that no request is
// answered as if it had a bug; and each update is stored if and only if it succeeded.
func TestRestartingPostgres(t *testing.T) {
	t.Parallel()
	server := storetest.OwnServer(t)
	db, err := store.Open(t.Context(), store.Options{DatabaseURL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var failed, succeeded atomic.Int64
	stored, unknown := sync.Map{}, sync.Map{}
	for w := range 8 {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				name := fmt.Sprint(w, "-", i)
				err := db.Update(t.Context(), func(tx *store.Tx) error { return set(tx, name, "x") }, store.Workspace(fmt.Sprint(w%3)))
				switch {
				case err == nil:
					stored.Store(name, true)
					succeeded.Add(1)
				case errors.Is(err, store.ErrOutcomeUnknown):
					unknown.Store(name, true)
				case store.Unavailable(err):
					failed.Add(1)
				default:
					t.Errorf("update: %v", err)
				}
				if _, err := read(t, db); err != nil && !store.Unavailable(err) {
					t.Errorf("query: %v", err)
				}
				err = db.View(t.Context(), func(q store.Querier) error { _, err := read(t, q); return err })
				if err != nil && !store.Unavailable(err) {
					t.Errorf("view: %v", err)
				}
			}
		})
	}
	for range 3 {
		time.Sleep(500 * time.Millisecond)
		server.Stop()
		time.Sleep(200 * time.Millisecond)
		server.Start()
	}
	time.Sleep(500 * time.Millisecond)
	stop()
	wg.Wait()
	if failed.Load() == 0 || succeeded.Load() == 0 {
		t.Errorf("%d updates succeeded, %d failed", succeeded.Load(), failed.Load())
	}
	names, err := read(t, db)
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, name := range names {
		there[name] = true
		_, ok := stored.Load(name)
		_, perhaps := unknown.Load(name)
		if !ok && !perhaps {
			t.Errorf("%s is stored although its update failed", name)
		}
	}
	stored.Range(func(name, _ any) bool {
		if !there[name.(string)] {
			t.Errorf("%s is lost although its update succeeded", name)
		}
		return true
	})
}

// An update whose connection is lost during the commit is looked up before it is answered: it succeeds
// exactly once if the database can be asked, and otherwise fails with an error that invites no retry.
func TestLostCommit(t *testing.T) {
	t.Parallel()
	direct := storetest.PostgresURL(t)
	proxy := storetest.NewProxy(t, direct)
	db, err := store.Open(t.Context(), store.Options{DatabaseURL: proxy.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	insert := func(name string, done *int) error {
		return db.Update(t.Context(), func(tx *store.Tx) error {
			tx.AfterCommit(func() { *done++ })
			_, err := tx.Exec(t.Context(), `INSERT INTO metadata (workspace_id, resource_id, name, value) VALUES ('w', $1, $2, '')`, name,
				store.NewID())
			return err
		}, store.Workspace("w"))
	}
	count := func(name string) (n int) {
		proxy.AtCommit(storetest.Pass)
		if err := db.QueryRow(t.Context(), `SELECT count(*) FROM metadata WHERE workspace_id = 'w' AND resource_id = $1`,
			name).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for name, do := range map[string]storetest.Commit{"cut before": storetest.CutBefore, "cut after": storetest.CutAfter} {
		done, before := 0, proxy.Cut()
		proxy.AtCommit(do)
		if err := insert(name, &done); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if n := count(name); n != 1 || done != 1 || proxy.Cut() != before+1 {
			t.Errorf("%s: stored %d times, reported %d times, cut %d times", name, n, done, proxy.Cut()-before)
		}
	}
	for name, do := range map[string]storetest.Commit{"alone before": storetest.CutBeforeAlone, "alone after": storetest.CutAfterAlone} {
		done, began := 0, time.Now()
		proxy.AtCommit(do)
		err := insert(name, &done)
		if !errors.Is(err, store.ErrOutcomeUnknown) || store.Unavailable(err) || done != 0 || time.Since(began) > maxAnswer {
			t.Errorf("%s: %v, after %v", name, err, time.Since(began))
		}
		if n := count(name); (n == 1) != (do == storetest.CutAfterAlone) {
			t.Errorf("%s: stored %d times", name, n)
		}
	}
	// The server works on while the connection is gone, and commits only when it is already asked.
	done := 0
	proxy.AtCommit(storetest.Late)
	time.AfterFunc(time.Second, proxy.Release)
	if err := insert("late", &done); err != nil || done != 1 {
		t.Errorf("late: %v, reported %d times", err, done)
	}
	if n := count("late"); n != 1 {
		t.Errorf("late: stored %d times", n)
	}
}
