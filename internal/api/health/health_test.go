package health_test

import (
	"testing"
	"time"

	"keyway/internal/platform/store"
	"keyway/internal/platform/store/storetest"
	"keyway/internal/wiring/apitest"
)

func TestHealth(t *testing.T) {
	t.Parallel()
	apitest.Each(t, func(t *testing.T, w *apitest.World) {
		for _, r := range []apitest.Request{{Method: "GET", Path: "/health"}, {Path: "/health"}, {Method: "GET", Path: "/health/get_health"}} {
			var out struct {
				OK       bool      `json:"ok"`
				Message  string    `json:"msg"`
				At       time.Time `json:"last_service_evaluation_at"`
				Services []struct {
					Service, Status string
				} `json:"service_health_statuses"`
			}
			if w.Call(r, &out); !out.OK || out.Message == "" || w.Now().Sub(out.At) > time.Minute || len(out.Services) != 2 ||
				out.Services[0].Status != "healthy" {
				t.Errorf("%+v", out)
			}
		}
	})
}

func TestSickness(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]store.Options{"sqlite": {Folder: t.TempDir()}, "postgres": {DatabaseURL: storetest.PostgresURL(t)}} {
		db, err := store.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		w := apitest.New(t, db)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if a := w.Do(apitest.Request{Path: "/health"}); a.Status != 503 || a.Failure(t).Type != "service_unavailable" {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
}
