package credential_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"keyway/internal/api/personalaccesstoken"
	"keyway/internal/platform/rpc"
	"keyway/internal/platform/store/storetest"
	"keyway/internal/trust/credential"
	"keyway/internal/wiring/apitest"
)

// BenchmarkVerification verifies a token without limits and one that has all but max_uses, by turns,
// alone and with all of a request around it, and reports the ratios of the medians: at most 1.3.
func BenchmarkVerification(b *testing.B) {
	w := apitest.New(b, storetest.SQLite(b))
	jane := w.Person("jane")
	ws := w.Workspace(jane, "Mine", true)
	w.Connect(ws, "august")
	var device string
	if err := w.DB.QueryRow(b.Context(), `SELECT device_id FROM devices LIMIT 1`).Scan(&device); err != nil {
		b.Fatal(err)
	}
	plain, _ := w.PAT(jane)
	limited, _ := w.Token(jane, personalaccesstoken.New{Narrow: personalaccesstoken.Narrow{
		Scopes:           given([]string{"devices:read", "locks:read", "events:read"}),
		WorkspaceIDs:     given([]string{ws.ID}),
		SandboxOnly:      given(true),
		AllowedCIDRs:     given([]string{"10.0.0.0/8", "127.0.0.0/8", "192.0.2.0/24"}),
		DeviceIDs:        given([]string{device}),
		DailyActionLimit: given(int64(100)),
		AllowedHours: given(credential.Hours{Weekdays: []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}, From: "00:00", To: "24:00",
			TimeZone: "Europe/Oslo"}),
	}})
	request := func(token string) *http.Request {
		r := httptest.NewRequest(http.MethodPost, "/devices/get", strings.NewReader(`{"device_id":"`+device+`"}`))
		r.Header = http.Header{"Authorization": {"Bearer " + token}, "Seam-Workspace": {ws.ID}}
		return r
	}
	alone := &timed{Verifier: credential.NewVerifier(credential.Verifier{DB: w.DB, Vault: w.Vault, Usage: w.Usage, Now: w.Now,
		PublicURL: apitest.PublicURL, Watcher: w.Tokens})}
	machine, err := rpc.New(rpc.Config{Authenticator: alone, Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(),
		PublicURL: apitest.PublicURL,
		Client:    func(*http.Request) string { return "192.0.2.1" }}, w.Devices.Endpoints())
	if err != nil {
		b.Fatal(err)
	}
	verify := func(token string) time.Duration {
		machine.ServeHTTP(httptest.NewRecorder(), request(token))
		return alone.took
	}
	ask := func(token string) time.Duration { // for an answer that is the same for both
		r, rec := request(token), httptest.NewRecorder()
		began := time.Now()
		w.RPC.ServeHTTP(rec, r)
		took := time.Since(began)
		if rec.Code != http.StatusOK {
			b.Fatal(rec.Body)
		}
		return took
	}
	for name, of := range map[string]func(string) time.Duration{"alone": verify, "request": ask} {
		b.Run(name, func(b *testing.B) {
			var without, with []time.Duration
			for b.Loop() {
				without, with = append(without, of(plain)), append(with, of(limited))
			}
			slices.Sort(without)
			slices.Sort(with)
			b.ReportMetric(float64(with[len(with)/2])/float64(without[len(without)/2]), "limited/plain")
		})
	}
}

// timed measures how long verifying alone takes: over many runs, because a clock is too coarse for one.
type timed struct {
	*credential.Verifier
	took time.Duration
}

func (t *timed) Authenticate(ctx context.Context, r *http.Request, e *rpc.Endpoint) (of context.Context, caller rpc.Caller, err error) {
	began := time.Now()
	for range 20 {
		if of, caller, err = t.Verifier.Authenticate(ctx, r, e); err != nil {
			break
		}
	}
	t.took = time.Since(began)
	return of, caller, err
}

func given[T any](v T) rpc.Opt[T] { return rpc.Opt[T]{Set: true, Value: v} }

// BenchmarkLastUse remembers a use; writes each down when it happens; and writes those of a hundred
// credentials down at once, as the server does each ten seconds.
func BenchmarkLastUse(b *testing.B) {
	w := apitest.New(b, storetest.SQLite(b))
	jane := w.Person("jane")
	w.Tokens.MaxLive = 1000
	ids := make([]string, 100)
	for i := range ids {
		_, ids[i] = w.PAT(jane)
	}
	b.Run("remember", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			w.Usage.Touch(ids[i%len(ids)], w.Now(), "192.0.2.1", "bench", "", "/devices/list")
		}
	})
	b.Run("write each", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			w.Usage.Touch(ids[i%len(ids)], w.Now(), "192.0.2.1", "bench", "", "/devices/list")
			if err := w.Usage.Flush(context.Background()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("write 100", func(b *testing.B) {
		for b.Loop() {
			for _, id := range ids {
				w.Usage.Touch(id, w.Now(), "192.0.2.1", "bench", "", "/devices/list")
			}
			if err := w.Usage.Flush(context.Background()); err != nil {
				b.Fatal(err)
			}
		}
	})
}
