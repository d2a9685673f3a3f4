package rpc_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"keyway/internal/platform/rpc"
)

func TestMade(t *testing.T) {
	t.Parallel()
	get := func(h http.Handler) *httptest.ResponseRecorder {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/page", nil))
		return rec
	}
	made := 0
	h := rpc.Made(slog.New(slog.DiscardHandler), http.Header{"Content-Type": {"text/x"}}, func() ([]byte, error) {
		made++
		return []byte("text"), nil
	})
	if made != 0 {
		t.Error("it is made before anybody asks")
	}
	for range 2 {
		if rec := get(h); rec.Code != 200 || rec.Body.String() != "text" || rec.Header().Get("Content-Type") != "text/x" ||
			rec.Header().Get("Seam-Request-Id") == "" {
			t.Error(rec.Code, rec.Body, rec.Header())
		}
	}
	if made != 1 {
		t.Errorf("it was made %d times", made)
	}

	var log bytes.Buffer
	rec := get(rpc.Made(slog.New(slog.NewTextHandler(&log, nil)), nil, func() ([]byte, error) { return nil, errors.New("inner trouble") }))
	id := rec.Header().Get("Seam-Request-Id")
	if rec.Code != 500 || id == "" || !strings.Contains(rec.Body.String(), id) || strings.Contains(rec.Body.String(), "inner trouble") {
		t.Error(rec.Code, rec.Body, rec.Header())
	}
	if !strings.Contains(log.String(), id) || !strings.Contains(log.String(), "inner trouble") {
		t.Error(log.String())
	}
}
