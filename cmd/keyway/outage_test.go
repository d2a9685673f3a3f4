package main

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"keyway/internal/platform/store"
	"keyway/internal/platform/store/storetest"
)

// openAt opens a database at a URL.
func openAt(t *testing.T, url string) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), store.Options{DatabaseURL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// SDKs repeat a request that was answered with 408, 409, 429 or 5xx. None of these answers a request whose
// change is stored or may be: a commit whose connection is lost is looked up, and what cannot be looked up is
// answered with a status that no SDK repeats.
func TestLostCommitIsNotRepeated(t *testing.T) {
	t.Parallel()
	proxy := storetest.NewProxy(t, storetest.PostgresURL(t))
	w := setup(t, openAt(t, proxy.URL))
	w.document = nil
	count := func(name string) (n int) {
		proxy.AtCommit(storetest.Pass)
		list := w.ok(t, w.here.key, "/webhooks/list", fields{})
		return strings.Count(list.raw, "/"+name+`"`)
	}
	for i, do := range []storetest.Commit{storetest.CutBefore, storetest.CutAfter, storetest.CutBeforeAlone, storetest.CutAfterAlone} {
		name := fmt.Sprint("hook", i)
		cut := proxy.Cut()
		proxy.AtCommit(do)
		a := w.call(t, w.here.key, "/webhooks/create", fields{"url": "https://example.com/" + name})
		if proxy.Cut() != cut+1 {
			t.Fatalf("%s: the commit was not cut", name)
		}
		switch do {
		case storetest.CutBefore, storetest.CutAfter:
			if n := count(name); a.status != http.StatusOK || n != 1 {
				t.Errorf("%s: %d %s, stored %d times", name, a.status, a.raw, n)
			}
		default:
			if a.kind() != "outcome_unknown" || slices.Contains([]int{408, 409, 429}, a.status) || a.status >= 500 {
				t.Errorf("%s: %d %s", name, a.status, a.raw)
			}
			if n := count(name); (n == 1) != (do == storetest.CutAfterAlone) {
				t.Errorf("%s: stored %d times", name, n)
			}
		}
	}
}

// A client that retries a request automatically on 408, 409, 429 and 5xx, as the SDKs for Go and Java do, unlocks a door once,
// however the commit of the unlock is lost; a commit that never arrived unlocks nothing.
func TestRetryingClientsUnlockOnce(t *testing.T) {
	t.Parallel()
	proxy := storetest.NewProxy(t, storetest.PostgresURL(t))
	w := setup(t, openAt(t, proxy.URL))
	w.document = nil
	w.connect(t, w.here, "august", "jane")
	lock := w.ok(t, w.here.key, "/locks/list", fields{}).ids("locks", "device_id")[0]
	attempts := func() int {
		proxy.AtCommit(storetest.Pass)
		return len(w.ok(t, w.here.key, "/action_attempts/list", fields{"device_id": lock}).ids("action_attempts", "action_attempt_id"))
	}
	for do, want := range map[storetest.Commit]int{
		storetest.Pass: 1, storetest.CutBefore: 1, storetest.CutAfter: 1, storetest.CutAfterAlone: 1, storetest.CutBeforeAlone: 0,
	} {
		before := attempts()
		proxy.AtCommit(do)
		var last answer
		for range 4 {
			last = w.call(t, w.here.key, "/locks/unlock_door", fields{"device_id": lock})
			if !slices.Contains([]int{408, 409, 429}, last.status) && last.status < 500 {
				break
			}
		}
		if made := attempts() - before; made != want {
			t.Errorf("commit %d: %d unlocks, want %d; the last answer is %d %s", do, made, want, last.status, last.raw)
		}
	}
}

// Any request that meets a PostgreSQL that hangs is answered within ten seconds, with 503 and the time after
// which to retry.
func TestHangingDatabaseIsAnswered(t *testing.T) {
	t.Parallel()
	server := storetest.OwnServer(t)
	w := setup(t, openAt(t, server.URL))
	server.Freeze()
	defer server.Thaw()
	var wg sync.WaitGroup
	for path, body := range map[string]string{
		"/devices/list": `{}`, "/events/list": `{"since":"2026-01-01"}`, "/webhooks/create": `{"url":"https://example.com/x"}`,
		"/connect_webviews/create": `{}`, "/health/get_health": `{}`, "/workspaces/get": `{}`,
	} {
		for range 15 { // more than there are connections
			wg.Go(func() {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL+path, strings.NewReader(body))
				if err != nil {
					t.Error(err)
					return
				}
				req.Header.Set("Authorization", "Bearer "+w.here.key)
				began := time.Now()
				res, err := w.Client().Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				_ = res.Body.Close()
				if took := time.Since(began); took > 10*time.Second {
					t.Errorf("%s: answered after %v", path, took)
				}
				if path == "/health/get_health" {
					return // it needs no database
				}
				after, err := strconv.Atoi(res.Header.Get("Retry-After"))
				if res.StatusCode != http.StatusServiceUnavailable || err != nil || after < 1 {
					t.Errorf("%s: %d, Retry-After %q", path, res.StatusCode, res.Header.Get("Retry-After"))
				}
			})
		}
	}
	wg.Wait()
}
