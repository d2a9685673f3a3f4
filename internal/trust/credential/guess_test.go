package credential_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"keyway/internal/trust/credential"
	"keyway/internal/wiring/apitest"
)

// Anyone who guesses tokens must wait; callers with a good one at the same address need not, and a
// client that goes on with a token that was good once is not taken for someone who guesses.
func TestIncidentLockoutByOwnStaleClients(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		anna := w.Person("anna")
		ws := w.Workspace(anna, "Harbour", true)
		good, _ := w.PAT(anna)
		dead, deadID := w.PAT(anna)
		w.Must(w.Tokens.Revoke(t.Context(), anna.ID, deadID, apitest.By))
		ask := func(token string) int {
			t.Helper()
			return w.Do(apitest.Request{Path: "/devices/list", Token: token, Workspace: ws.ID}).Status
		}
		for range 3 * credential.GuessesPerMinute {
			for _, token := range []string{dead, "", "garbage", good[:len(good)-2]} {
				if got := ask(token); got != http.StatusUnauthorized {
					t.Fatalf("%d", got)
				}
			}
		}
		guess := credential.Mint(credential.PersonalAccessToken, false).Reveal()
		for n := range credential.GuessesPerMinute {
			if got := ask(guess); got != http.StatusUnauthorized {
				t.Fatalf("guess %d: %d", n, got)
			}
		}
		for range 5 { // somewhat more than the minute's, since time passes
			if ask(guess) == http.StatusTooManyRequests {
				break
			}
		}
		a := w.Do(apitest.Request{Path: "/devices/list", Token: guess, Workspace: ws.ID})
		if wait, err := strconv.Atoi(a.Header.Get("Retry-After")); a.Status != http.StatusTooManyRequests || err != nil || wait < 1 || wait > 60 {
			t.Errorf("a guess too many: %d, Retry-After %q", a.Status, a.Header.Get("Retry-After"))
		}
		if got := ask(good); got != http.StatusOK {
			t.Errorf("a good token from an address that guesses: %d", got)
		}
		if got := ask(dead); got != http.StatusUnauthorized {
			t.Errorf("a dead token from an address that guesses: %d", got)
		}
		w.Pass(2 * time.Minute)
		if got := ask(guess); got != http.StatusUnauthorized {
			t.Errorf("after the wait: %d", got)
		}
	}, func(v *credential.Verifier) { v.Guesses = credential.NewLimiter(credential.GuessesPerMinute, v.Now) })
}

// A token with its workspace keys, and each API key, has a rate of its own.
func TestRequestRate(t *testing.T) {
	t.Parallel()
	const rate = 10
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		anna := w.Person("anna")
		ws := w.Workspace(anna, "Harbour", true)
		busy, busyID := w.PAT(anna)
		busyKey, _ := w.WorkspaceKey(anna, busyID, ws)
		calm, _ := w.PAT(anna)
		key, _ := w.Key(ws, anna)
		refused := 0
		for range 2 * rate {
			for _, token := range []string{busy, busyKey} {
				a := w.Do(apitest.Request{Path: "/devices/list", Token: token, Workspace: ws.ID})
				switch {
				case a.Status == http.StatusTooManyRequests && a.Header.Get("Retry-After") != "":
					refused++
				case a.Status != http.StatusOK:
					t.Fatalf("%d %s", a.Status, a.Body)
				}
			}
		}
		if refused < 2*rate || refused > 3*rate {
			t.Errorf("%d of %d requests were refused", refused, 4*rate)
		}
		for _, token := range []string{calm, key} {
			if !works(w, token, ws.ID) {
				t.Error("one token is slowed by another")
			}
		}
		w.Pass(time.Minute)
		if !works(w, busy, ws.ID) {
			t.Error("a token stays refused after its wait")
		}
	}, func(v *credential.Verifier) { v.Rate = credential.NewLimiter(rate, v.Now) })
}
