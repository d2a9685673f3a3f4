//go:build soak

package credential_test

import (
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"keyway/internal/platform/store/storetest"
	"keyway/internal/trust/credential"
	"keyway/internal/wiring/apitest"
)

// TestTiming asks with tokens whose visible part is unknown, known, and that of a revoked token, each
// with a wrong secret, one after the other in random order, and compares how long the answers took by
// Welch's t-test. What differs by chance stays below 4.5; slow ones, which say more of the machine, are
// cut off for all equally.
func TestTiming(t *testing.T) {
	w := apitest.New(t, storetest.SQLite(t))
	h := setup(w)
	revoked, id := w.PAT(h.jane)
	w.Must(w.Tokens.Revoke(w.Context(), h.jane.ID, id, apitest.By))
	ask := func(token string) time.Duration {
		r := httptest.NewRequest(http.MethodPost, "/devices/list", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Seam-Workspace", h.mine.ID)
		r.RemoteAddr = "192.0.2.1:1"
		rec := httptest.NewRecorder()
		began := time.Now()
		w.RPC.ServeHTTP(rec, r)
		took := time.Since(began)
		if rec.Code != http.StatusUnauthorized {
			t.Fatalf("%d %s", rec.Code, rec.Body)
		}
		return took
	}
	kinds := []string{"unknown", "known", "revoked"}
	tokens := map[string]func() string{
		"unknown": func() string { return forge(credential.PersonalAccessToken) },
		"known":   func() string { return wrongSecret(h.pat) },
		"revoked": func() string { return wrongSecret(revoked) },
	}
	const samples, cut = 30_000, 500 * time.Microsecond
	took := map[string][]float64{}
	for n := range len(kinds) * (samples + 1000) {
		kind := kinds[rand.IntN(len(kinds))]
		if d := ask(tokens[kind]()); n > 3000 && d < cut {
			took[kind] = append(took[kind], float64(d))
		}
	}
	for i, a := range kinds {
		for _, b := range kinds[i+1:] {
			if got := welch(took[a], took[b]); math.Abs(got) >= 4.5 {
				t.Errorf("%s and %s differ: t = %.1f of %d and %d samples", a, b, got, len(took[a]), len(took[b]))
			} else {
				t.Logf("%s and %s: t = %.1f", a, b, got)
			}
		}
	}
}

// welch is the t of two samples whose variances differ.
func welch(a, b []float64) float64 {
	ma, va := moments(a)
	mb, vb := moments(b)
	return (ma - mb) / math.Sqrt(va/float64(len(a))+vb/float64(len(b)))
}

func moments(x []float64) (mean, variance float64) {
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		variance += (v - mean) * (v - mean) / float64(len(x)-1)
	}
	return mean, variance
}
