package store

import (
	"context"
	"database/sql"
	"slices"
	"sync"
	"time"
)

// pollEvery is how long a commit of another process goes unnoticed at most.
const pollEvery = 400 * time.Millisecond

// Watch returns a channel that gets a value after commits in any of the scopes: at once for those of
// this process, within half a second for those of others on a shared database. Values that are
// not taken yet are one. It is a hint to look: the database says what is there then.
func (db *DB) Watch(scopes ...Scope) (changed <-chan struct{}, stop func()) {
	ch := make(chan struct{}, 1)
	w := db.watchers
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range scopes {
		w.of[s] = append(w.of[s], ch)
	}
	if db.Shared() && w.stopPolling == nil {
		ctx, cancel := context.WithCancel(context.Background())
		w.stopPolling = cancel
		go db.poll(ctx)
	}
	return ch, sync.OnceFunc(func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, s := range scopes {
			if w.of[s] = slices.DeleteFunc(w.of[s], func(c chan struct{}) bool { return c == ch }); len(w.of[s]) == 0 {
				delete(w.of, s)
			}
		}
		if len(w.of) == 0 && w.stopPolling != nil {
			w.stopPolling()
			w.stopPolling = nil
		}
	})
}

// watchers are notified of commits.
type watchers struct {
	mu          sync.Mutex
	of          map[Scope][]chan struct{}
	stopPolling context.CancelFunc // while a shared database is polled
}

func newWatchers() *watchers { return &watchers{of: map[Scope][]chan struct{}{}} }

func (w *watchers) notify(scopes ...Scope) {
	if len(scopes) == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range scopes {
		for _, ch := range w.of[s] {
			select {
			case ch <- struct{}{}:
			default:
			}
		}
	}
}

// poll looks for commits of other processes in the watched scopes, with one query however many
// watch them.
func (db *DB) poll(ctx context.Context) {
	t := time.NewTicker(pollEvery)
	defer t.Stop()
	seen := map[Scope]uint64{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		w := db.watchers
		w.mu.Lock()
		var scopes []string
		for s := range w.of {
			scopes = append(scopes, string(s))
		}
		w.mu.Unlock()
		where := db.Where()
		where.AddIn("scope", scopes)
		type generation struct {
			scope Scope
			n     uint64
		}
		rows, err := db.Query(ctx, `SELECT scope, value FROM generations`+where.String(), where.Args...)
		now, err := All(rows, err, func(rows *sql.Rows) (g generation, err error) {
			err = rows.Scan(&g.scope, &g.n)
			return g, err
		})
		if err != nil {
			continue // watchers look from time to time as well
		}
		for _, g := range now {
			if seen[g.scope] != g.n {
				seen[g.scope] = g.n
				w.notify(g.scope)
			}
		}
	}
}
