package job

import (
	"context"
	"errors"
	"testing"
	"time"

	"keyway/internal/platform/store"
)

// Guards against waiting by writing: a request that waits for a job commits nothing, and is woken by the
// commit that ends it.
func TestWaitingWritesNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w world) {
		w.withWorkspace(t)
		began, release := make(chan struct{}), make(chan struct{})
		w.Handle("slow", func(context.Context, Job) error { close(began); <-release; return nil })
		start(t, w.Runner)
		id := w.enqueue(t, "slow", nil, w.clock.now())
		<-began
		generation := func() uint64 {
			n, err := w.db.Latest(t.Context(), store.Workspace("w"))
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		before, looked := generation(), make(chan struct{}, 100)
		waited := make(chan error)
		go func() {
			waited <- w.Wait(t.Context(), "w", id, func(ctx context.Context) (bool, error) {
				looked <- struct{}{}
				return w.Idle(ctx, id)
			})
		}()
		<-looked
		changes := totalChanges(t, w)
		time.Sleep(50 * time.Millisecond)
		if changes != totalChanges(t, w) {
			t.Error("something is written meanwhile")
		}
		close(release)
		if err := <-waited; err != nil || generation() != before || w.left(t) != 0 {
			t.Error(err, generation() != before, w.left(t))
		}
	})
}

// totalChanges is how many rows SQLite's writer has changed; always 0 on PostgreSQL.
func totalChanges(t *testing.T, w world) (n int64) {
	t.Helper()
	if w.db.Shared() {
		return 0
	}
	err := w.db.Update(t.Context(), func(tx *store.Tx) error { return tx.QueryRow(t.Context(), `SELECT total_changes()`).Scan(&n) })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Guards against a wait without end, or in any number: it ends without an error when its time is over,
// when the server stops, and at once when too many of the workspace wait; other workspaces may still.
func TestWaitsAreBounded(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w world) {
		never := func(context.Context) (bool, error) { return false, nil }
		w.Handle("slow", func(ctx context.Context, _ Job) error { <-ctx.Done(); return ctx.Err() })
		w.stopAfter = time.Millisecond
		ended := make(chan struct{})
		go func() { w.Run(context.Background()); close(ended) }()
		id := w.enqueue(t, "slow", nil, w.clock.now())
		until(t, "it runs", func() bool { s, err := w.status(t.Context(), id); return err == nil && s.leased })
		w.maxWait = 20 * time.Millisecond
		if err := w.Wait(t.Context(), "w", id, never); err != nil {
			t.Error(err)
		}
		w.maxWait = time.Hour
		waited := make(chan error)
		for range maxWaits {
			go func() { waited <- w.Wait(t.Context(), "w", id, never) }()
		}
		until(t, "all wait", func() bool { w.mu.Lock(); defer w.mu.Unlock(); return w.waiting["w"] == maxWaits })
		if err := w.Wait(t.Context(), "w", id, never); err != nil { // or the test never ends
			t.Error(err)
		}
		gone, leave := context.WithCancel(t.Context())
		leave()
		if err := w.Wait(gone, "other", id, never); !errors.Is(err, context.Canceled) {
			t.Error("another workspace's request does not wait:", err)
		}
		w.Stop()
		for range maxWaits {
			if err := <-waited; err != nil {
				t.Error(err)
			}
		}
		<-ended
		if len(w.waiters) != 0 || len(w.waiting) != 0 {
			t.Error("left behind:", w.waiters, w.waiting)
		}
	})
}

// What is cancelled while it runs has no effect, and who waits for it is woken.
func TestCancel(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w world) {
		began, release := make(chan struct{}), make(chan struct{})
		var finished error
		w.Handle("x", func(ctx context.Context, j Job) error {
			close(began)
			<-release
			finished = w.db.Update(ctx, func(tx *store.Tx) error { return j.Finish(ctx, tx) })
			return finished
		})
		start(t, w.Runner)
		id := w.enqueue(t, "x", nil, w.clock.now())
		<-began
		waited := make(chan error)
		go func() {
			waited <- w.Wait(t.Context(), "w", id, func(ctx context.Context) (bool, error) { return w.Idle(ctx, id) })
		}()
		w.update(t, func(tx *store.Tx) error { return w.Cancel(t.Context(), tx, id) })
		if err := <-waited; err != nil {
			t.Error(err)
		}
		close(release)
		until(t, "it ended", func() bool { w.mu.Lock(); defer w.mu.Unlock(); return len(w.held) == 0 })
		if !errors.Is(finished, errTaken) {
			t.Error(finished)
		}
	})
}
